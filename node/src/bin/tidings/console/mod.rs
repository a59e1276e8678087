//! What people can ask of a running node, in one grammar for the shell, for commands from a pipe
//! and for the control socket.

mod answer;
pub(crate) mod control;
mod format;
mod inbox;
mod members;
pub(crate) mod pipe;
pub(crate) mod shell;
pub(crate) mod socket;

use std::sync::Arc;

use tidings_core::{Payload, Role, Topic};
use tidings_node::{BroadcastError, NodeHandle, RequestError, Sent};

pub(crate) use answer::Answer;
pub(crate) use inbox::Inbox;

use crate::lines::Outputs;
use members::{members_view, why_view};

use answer::{
    HelpLine, HelpView, MessagesView, SentView, peers_view, seed_nodes_view, status_view,
};

/// Something asked of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Peers,
    Seeds,
    Messages,
    Say(String),
    Status,
    Members,
    Why(String),
    Help,
    Exit,
}

/// A command's names, whom it is for, and what it does.
struct Entry {
    names: &'static [&'static str],
    argument: &'static str,
    peers_only: bool,
    about: &'static str,
}

/// R31, R32: the documented words, and those that people try.
const ENTRIES: &[Entry] = &[
    Entry {
        names: &["peers", "1"],
        argument: "",
        peers_only: false,
        about: "a peer's neighbors and the peers it was told of; a seed node's list",
    },
    Entry { names: &["seeds"], argument: "", peers_only: true, about: "the seed nodes" },
    Entry {
        names: &["messages", "msg", "2"],
        argument: "",
        peers_only: true,
        about: "the latest messages, sent and received",
    },
    Entry { names: &["say", "send"], argument: " TEXT", peers_only: true, about: "say something" },
    Entry { names: &["status"], argument: "", peers_only: false, about: "the node at a glance" },
    Entry {
        names: &["members"],
        argument: "",
        peers_only: true,
        about: "who belongs to the network: alive, suspect, dead or left",
    },
    Entry {
        names: &["why"],
        argument: " [ADDRESS]",
        peers_only: true,
        about: "who suspected it, when, and what they saw; all suspicions without an address",
    },
    Entry { names: &["help", "?"], argument: "", peers_only: false, about: "these commands" },
    Entry {
        names: &["exit", "quit", "leave"],
        argument: "",
        peers_only: false,
        about: "say goodbye and stop the node",
    },
];

/// A line that is no command. The node goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("there is no command {0:?}; help lists them")]
    Unknown(String),
    #[error("{command} takes no argument, {rest:?} is too much")]
    TooMuch { command: &'static str, rest: String },
    #[error("say what? say TEXT")]
    SayWhat,
    #[error("a seed node has no {0}; help lists its commands")]
    PeersOnly(&'static str),
}

/// Understands a line, letter case of the command ignored; `--json` before or after the command
/// asks for JSON. An empty line asks for nothing.
pub(crate) fn parse(line: &str, role: Role) -> Result<Option<(Command, bool)>, CommandError> {
    let line = line.trim();
    let (json, line) = match line.strip_prefix("--json ") {
        Some(rest) => (true, rest.trim()),
        None => (false, line),
    };
    let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    if word.is_empty() {
        return Ok(None);
    }
    let lower = word.to_lowercase();
    let entry = ENTRIES.iter().find(|entry| entry.names.contains(&lower.as_str()));
    let entry = entry.ok_or_else(|| CommandError::Unknown(word.to_owned()))?;
    let command = entry.names[0];
    if entry.peers_only && role == Role::SeedNode {
        return Err(CommandError::PeersOnly(command));
    }
    let rest = rest.trim();
    if command == "say" {
        let say = Command::Say(rest.to_owned());
        return if rest.is_empty() { Err(CommandError::SayWhat) } else { Ok(Some((say, json))) };
    }
    if command == "why" {
        let (about, at_end) = match rest.strip_suffix("--json") {
            Some(about) => (about.trim_end(), true),
            None => (rest, false),
        };
        return Ok(Some((Command::Why(about.to_owned()), json || at_end)));
    }
    if !rest.is_empty() && rest != "--json" {
        return Err(CommandError::TooMuch { command, rest: rest.to_owned() });
    }
    let plain = match command {
        "peers" => Command::Peers,
        "seeds" => Command::Seeds,
        "messages" => Command::Messages,
        "status" => Command::Status,
        "members" => Command::Members,
        "exit" => Command::Exit,
        _ => Command::Help,
    };
    Ok(Some((plain, json || rest == "--json")))
}

/// Names of a role's commands that begin like this, for completion.
pub(crate) fn completions(beginning: &str, role: Role) -> Vec<&'static str> {
    let beginning = beginning.to_lowercase();
    let entries = ENTRIES.iter().filter(|entry| !entry.peers_only || role == Role::Peer);
    let names = entries.flat_map(|entry| entry.names.iter().copied());
    let fits = |name: &&str| name.starts_with(&beginning) && name.len() > 1;
    names.filter(fits).collect()
}

/// A running node to ask.
#[derive(Debug)]
pub(crate) struct Console {
    pub(crate) role: Role,
    pub(crate) node: NodeHandle,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) outputs: Arc<Outputs>,
}

/// An answer as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spoken {
    pub(crate) text: String,
    /// The node is leaving: nothing more is asked.
    pub(crate) is_last: bool,
}

/// A command that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConsoleError {
    #[error(transparent)]
    Command(#[from] CommandError),
    #[error(transparent)]
    TooLong(#[from] tidings_core::TooLong),
    #[error(transparent)]
    Request(#[from] RequestError),
    #[error(transparent)]
    Broadcast(#[from] BroadcastError),
}

impl Console {
    /// What the node answers to a line, and whether it is wanted as JSON.
    pub(crate) async fn ask(&self, line: &str) -> Result<Option<(Answer, bool)>, ConsoleError> {
        let Some((command, json)) = parse(line, self.role)? else { return Ok(None) };
        Ok(Some((self.execute(command).await?, json)))
    }

    /// The same as text to be printed: an answer, or what went wrong.
    pub(crate) async fn ask_for_text(&self, line: &str) -> Spoken {
        let answer = self.ask(line).await;
        let is_last = matches!(answer, Ok(Some((Answer::Leaving, _))));
        let text = match answer {
            Ok(None) => String::new(),
            Ok(Some((answer, false))) => format!("{answer}\n"),
            Ok(Some((answer, true))) => match crate::output::json(&answer) {
                Ok(json) => json + "\n",
                Err(error) => format!("{error}\n"),
            },
            Err(error) => format!("{error}\n"),
        };
        Spoken { text, is_last }
    }

    async fn execute(&self, command: Command) -> Result<Answer, ConsoleError> {
        Ok(match command {
            Command::Peers => Answer::Peers(peers_view(&self.node.report().await?.node)),
            Command::Seeds => Answer::Seeds(seed_nodes_view(&self.node.report().await?.node)),
            Command::Messages => Answer::Messages(MessagesView { messages: self.inbox.latest() }),
            Command::Say(text) => {
                let payload = Payload::new(text.into_bytes())?;
                let Sent { key, id, neighbors, owed, named, gathered, .. } =
                    self.node.broadcast(Topic::default(), payload).await?;
                let id = id.map(|id| format!("{id:#}"));
                let sequence = key.sequence.0;
                Answer::Sent(SentView { id, sequence, neighbors, owed, named, gathered })
            }
            Command::Status => {
                let report = self.node.report().await?;
                Answer::Status(Box::new(status_view(&report, self.outputs.lost())))
            }
            Command::Members => Answer::Members(members_view(&self.node.report().await?.node)),
            Command::Why(about) => Answer::Why(why_view(&self.node.report().await?.node, &about)),
            Command::Help => Answer::Help(HelpView { commands: self.help() }),
            Command::Exit => {
                self.node.leave().await?;
                Answer::Leaving
            }
        })
    }

    fn help(&self) -> Vec<HelpLine> {
        let entries = ENTRIES.iter().filter(|it| !it.peers_only || self.role == Role::Peer);
        let line = |entry: &Entry| HelpLine {
            command: entry.names.join(", ") + entry.argument,
            about: entry.about.to_owned(),
        };
        entries.map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(line: &str) -> Result<Option<(Command, bool)>, CommandError> {
        parse(line, Role::Peer)
    }

    /// R31, R32: every documented word, in any letter case.
    #[test]
    fn r32_the_documented_commands_are_understood() {
        for (line, command) in [
            ("peers", Command::Peers),
            ("PEERS", Command::Peers),
            ("1", Command::Peers),
            ("Seeds", Command::Seeds),
            ("msg", Command::Messages),
            (" 2 ", Command::Messages),
            ("say Hello  World", Command::Say("Hello  World".to_owned())),
            ("eXiT", Command::Exit),
            ("?", Command::Help),
            ("Members", Command::Members),
            ("why", Command::Why(String::new())),
            ("WHY 192.0.2.7:5000", Command::Why("192.0.2.7:5000".to_owned())),
        ] {
            assert_eq!(plain(line), Ok(Some((command, false))), "{line}");
        }
        for line in ["status --json", "--json status"] {
            assert_eq!(plain(line), Ok(Some((Command::Status, true))));
        }
        let why = Command::Why("1a2b".to_owned());
        for line in ["why 1a2b --json", "--json why 1a2b"] {
            assert_eq!(plain(line), Ok(Some((why.clone(), true))));
        }
        assert_eq!(plain("say --json"), Ok(Some((Command::Say("--json".to_owned()), false))));
        assert_eq!(plain("  "), Ok(None));
    }

    /// R32: a typing error stops nothing and is answered with help.
    #[test]
    fn r32_other_lines_are_explained() {
        assert_eq!(plain("3"), Err(CommandError::Unknown("3".to_owned())));
        assert_eq!(plain("say"), Err(CommandError::SayWhat));
        let rest = "now".to_owned();
        assert_eq!(plain("exit now"), Err(CommandError::TooMuch { command: "exit", rest }));
    }

    #[test]
    fn r31_a_seed_node_has_the_commands_that_mean_something_to_it() {
        assert_eq!(parse("PEERS", Role::SeedNode), Ok(Some((Command::Peers, false))));
        assert_eq!(parse("exit", Role::SeedNode), Ok(Some((Command::Exit, false))));
        assert_eq!(parse("say x", Role::SeedNode), Err(CommandError::PeersOnly("say")));
    }

    #[test]
    fn completions_begin_like_the_word() {
        assert_eq!(completions("S", Role::Peer), ["seeds", "say", "send", "status"]);
        assert_eq!(completions("s", Role::SeedNode), ["status"]);
    }
}
