//! Asking a running node over its control socket: `tidings peers`, `tidings status`, `tidings send`.

use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use socket2::{Domain, SockAddr, Socket, Type};

use super::answer::{Answer, StatusView};
use super::socket::{Outcome, Reply, path_of, short};
use crate::options::{UsageError, data_dir_or_default};
use crate::output::{Output, print, print_json};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Which node is meant, of those of one data folder.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct NodeChoice {
    /// Which node, by its name or its port: peer-5001, 5001. Not needed when only one runs.
    #[arg(long, value_name = "NAME")]
    pub(crate) node: Option<String>,
    /// The folder of the node's identity file and control socket; as for `tidings peer`.
    #[arg(long, value_name = "DIR", env = "TIDINGS_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The node could not be asked. The exit status is 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoAnswer(String);

/// Gives a command to a node and prints its answer.
pub(crate) fn ask(choice: &NodeChoice, command: &str) -> anyhow::Result<()> {
    let folder = data_dir_or_default(choice.data_dir.clone())?;
    let name = match &choice.node {
        Some(name) => named(&folder, name)?,
        None => the_only_one(&folder)?,
    };
    let answer = ask_one(&folder, &name, command)?;
    match Output::json_if(choice.json) {
        Output::Json => print_json(&answer),
        Output::Text => print(&format!("{answer}\n")),
    }
    .context("standard output")
}

/// The status of the node called `name`.
pub(crate) fn status_of(folder: &Path, name: &str) -> anyhow::Result<StatusView> {
    let answer = ask_one(folder, name, "status")?;
    let Answer::Status(status) = answer else { bail!("{name} answers {answer:?} to status") };
    Ok(*status)
}

fn ask_one(folder: &Path, name: &str, command: &str) -> anyhow::Result<Answer> {
    let unanswered = |error: io::Error| {
        NoAnswer(format!("{name} in {} does not answer: {}", folder.display(), in_words(&error)))
    };
    let stream = connect(folder, name).map_err(|error| {
        if !is_nobody(&error) {
            return unanswered(error);
        }
        let place = folder.display();
        NoAnswer(if runs(folder, name) {
            format!("{name} runs, but has no control socket in {place}; its log says why")
        } else {
            format!("{name} does not run with the data folder {place}")
        })
    })?;
    match exchange(stream, command).map_err(unanswered)?.outcome {
        Outcome::Ok(answer) => Ok(answer),
        Outcome::Error(why) => bail!("{name}: {why}"),
    }
}

/// What an error of the operating system means here.
fn in_words(error: &io::Error) -> String {
    let kind = error.kind();
    if [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&kind) {
        format!("nothing came for {} s; it is stopped or too busy", PATIENCE.as_secs())
    } else if kind == io::ErrorKind::PermissionDenied {
        "it belongs to another user".to_owned()
    } else if kind == io::ErrorKind::UnexpectedEof {
        "it closed the connection: it ends, or too many ask".to_owned()
    } else {
        error.to_string()
    }
}

/// Whether nobody is at a socket.
fn is_nobody(error: &io::Error) -> bool {
    [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused].contains(&error.kind())
}

/// Whether a process has locked the identity of this node.
fn runs(folder: &Path, name: &str) -> bool {
    let identity = File::open(folder.join(format!("{name}.identity")));
    identity.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Connects, and waits for a node that does not accept no longer than for an answer.
fn connect(folder: &Path, name: &str) -> io::Result<UnixStream> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.set_write_timeout(Some(PATIENCE))?;
    let (path, _folder) = short(&path_of(folder, name))?;
    socket.connect(&SockAddr::unix(path)?)?;
    Ok(UnixStream::from(OwnedFd::from(socket)))
}

fn exchange(mut stream: UnixStream, command: &str) -> io::Result<Reply> {
    stream.write_all(format!("{command}\n").as_bytes())?;
    let mut line = String::new();
    if BufReader::new(stream).read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&line)?)
}

/// `5001` means the node with this port, whichever role it has.
fn named(folder: &Path, name: &str) -> anyhow::Result<String> {
    if name.parse::<u16>().is_err() {
        return Ok(name.to_owned());
    }
    let running = running(folder)?;
    let with_port: Vec<&String> =
        running.iter().filter(|it| it.rsplit('-').next() == Some(name)).collect();
    match with_port[..] {
        [only] => Ok(only.clone()),
        [] => Err(none_runs(folder, &format!(" on port {name}"))),
        _ => Err(UsageError(format!("a seed node and a peer have port {name}: name one")).into()),
    }
}

fn the_only_one(folder: &Path) -> anyhow::Result<String> {
    let mut running = running(folder)?;
    match running.len() {
        0 => Err(none_runs(folder, "")),
        1 => Ok(running.remove(0)),
        _ => {
            let names = running.join(", ");
            Err(UsageError(format!("several nodes run: --node one of {names}")).into())
        }
    }
}

fn none_runs(folder: &Path, which: &str) -> anyhow::Error {
    NoAnswer(format!("no node{which} runs with the data folder {}", folder.display())).into()
}

/// Names of the nodes that run: something is at their socket, or their identity is locked.
fn running(folder: &Path) -> Result<Vec<String>, NoAnswer> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let reason = in_words(&error);
            return Err(NoAnswer(format!("the data folder {}: {reason}", folder.display())));
        }
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let stem = |name: String| {
        let stem = name.strip_suffix(".sock").or_else(|| name.strip_suffix(".identity"));
        stem.map(str::to_owned)
    };
    let mut names: Vec<String> = names.filter_map(stem).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| is_there(folder, name) || runs(folder, name));
    Ok(names)
}

/// Whether somebody is at a node's socket, even if it cannot be asked.
fn is_there(folder: &Path, name: &str) -> bool {
    connect(folder, name).err().is_none_or(|error| !is_nobody(&error))
}
