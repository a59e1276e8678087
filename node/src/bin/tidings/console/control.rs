//! Asking a running node over its control socket: `tidings peers`, `tidings status`, `tidings send`.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::answer::{Answer, StatusView};
use super::socket::{Outcome, Reply, path_of};
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
        NoAnswer(format!("{name} in {} does not answer: {error}", folder.display()))
    };
    let stream = connect(folder, name).map_err(unanswered)?;
    match exchange(stream, command).map_err(unanswered)?.outcome {
        Outcome::Ok(answer) => Ok(answer),
        Outcome::Error(why) => bail!("{name}: {why}"),
    }
}

fn connect(folder: &Path, name: &str) -> io::Result<UnixStream> {
    let stream = UnixStream::connect(path_of(folder, name))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn exchange(mut stream: UnixStream, command: &str) -> io::Result<Reply> {
    stream.write_all(format!("{command}\n").as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// `5001` means the node with this port, whichever role it has.
fn named(folder: &Path, name: &str) -> anyhow::Result<String> {
    if name.parse::<u16>().is_err() {
        return Ok(name.to_owned());
    }
    let running = running(folder);
    let with_port: Vec<&String> =
        running.iter().filter(|it| it.rsplit('-').next() == Some(name)).collect();
    match with_port[..] {
        [only] => Ok(only.clone()),
        [] => Err(none_runs(folder, &format!(" on port {name}"))),
        _ => Err(UsageError(format!("a seed node and a peer have port {name}: name one")).into()),
    }
}

fn the_only_one(folder: &Path) -> anyhow::Result<String> {
    let mut running = running(folder);
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

/// Names of the nodes that can be reached.
fn running(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let sockets = names.filter_map(|name| name.strip_suffix(".sock").map(str::to_owned));
    let mut names: Vec<String> = sockets.filter(|name| connect(folder, name).is_ok()).collect();
    names.sort_unstable();
    names
}
