//! The command line, as typed.

use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Args, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::bench::BenchArgs;
use crate::console::control::NodeChoice;
use crate::fleet::demo::DemoArgs;
use crate::fleet::up::UpArgs;
use crate::options::{PeerFlags, SeedNodeFlags};

/// A gossip network: seed nodes introduce peers to each other, peers gossip.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Reads the command line, or explains it and ends. A variable of the environment that is empty is none.
pub(crate) fn parse() -> Cli {
    let matches = without_empty_variables(Cli::command()).get_matches();
    Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

fn without_empty_variables(command: Command) -> Command {
    let is_empty = |arg: &clap::Arg| {
        let text = arg.get_env().and_then(std::env::var_os);
        text.is_some_and(|text| text.to_string_lossy().trim().is_empty())
    };
    let command =
        command.mut_args(|arg| if is_empty(&arg) { arg.env(Resettable::Reset) } else { arg });
    command.mut_subcommands(without_empty_variables)
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Run a seed node: it introduces peers to each other and carries no gossip.
    Seed(SeedArgs),
    /// Run a peer: it joins through seed nodes and gossips with other peers.
    Peer(PeerArgs),
    /// Run a whole network on this machine: seed nodes and peers as processes, in one view.
    Up(UpArgs),
    /// Run a network, fail two peers, and print a table of the results.
    Demo(DemoArgs),
    Bench(BenchArgs),
    /// Show a running node's neighbors, or a seed node's list.
    Peers(NodeChoice),
    /// Show a running peer's seed nodes.
    Seeds(NodeChoice),
    /// Show a running peer's latest messages.
    Messages(NodeChoice),
    /// Show a running node at a glance.
    Status(NodeChoice),
    /// Show whom a running peer knows as members of its network: alive, suspect, dead or left.
    Members(NodeChoice),
    /// Show why a running peer suspects a member, or holds it dead: who accused it, when, of what.
    Why(WhyArgs),
    /// Let a running peer say something to all peers.
    Send(SendArgs),
    /// Let a running node say goodbye and stop.
    Leave(NodeChoice),
    /// Show the effective options of a node, and where each comes from.
    #[command(subcommand)]
    Config(ConfigRole),
    /// Clean up log files.
    #[command(subcommand)]
    Logs(LogsVerb),
}

#[derive(Debug, Args)]
pub(crate) struct SeedArgs {
    #[command(flatten)]
    pub(crate) flags: SeedNodeFlags,
    #[command(flatten)]
    pub(crate) more: RunArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PeerArgs {
    #[command(flatten)]
    pub(crate) flags: PeerFlags,
    #[command(flatten)]
    pub(crate) more: RunArgs,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct RunArgs {
    /// Begin a life above one that others know of this node, however far ahead of this machine's calendar
    /// that is; at most a day without this.
    #[arg(long)]
    pub(crate) force_epoch: bool,
    /// Leave when standard input ends, as a child of `tidings up` does when that is gone.
    #[arg(long, hide = true)]
    pub(crate) leave_at_eof: bool,
    /// Write events to standard output, an object per line, as `tidings demo` reads them.
    #[arg(long, hide = true)]
    pub(crate) tell_events: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SendArgs {
    /// What to say; all words together.
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) choice: NodeChoice,
}

#[derive(Debug, Args)]
pub(crate) struct WhyArgs {
    /// Whom it is about: an address, or the beginning of an identity; everybody unless given.
    #[arg(value_name = "ADDRESS")]
    pub(crate) about: Option<String>,
    #[command(flatten)]
    pub(crate) choice: NodeChoice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigRole {
    /// Of a seed node with these flags.
    Seed(ShowArgs<SeedNodeFlags>),
    /// Of a peer with these flags.
    Peer(ShowArgs<PeerFlags>),
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs<F: Args> {
    #[command(flatten)]
    pub(crate) flags: F,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogsVerb {
    /// Remove the log files of nodes that do not run, and nothing else.
    Clean(CleanArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// The folder of log files; as for `tidings peer`.
    #[arg(long, value_name = "DIR", env = "TIDINGS_LOG_DIR", default_value = "logs")]
    pub(crate) log_dir: PathBuf,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
