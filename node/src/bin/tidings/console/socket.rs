//! The control socket of a running node: a line with a command in, a line of JSON out. It lies
//! beside the identity file, and only the node's own user can open it.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::select;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::pipe::{MAX_LINE, read_line};
use super::{Answer, Console};
use crate::output::json;

/// Programs that may ask at once; more are turned away.
const MAX_ASKING: usize = 16;

/// A program that says nothing for so long is turned away.
const PATIENCE: Duration = Duration::from_secs(30);

/// One line of answer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    /// Of this format: 1.
    pub(crate) version: u32,
    /// What the node answers.
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
}

/// An answer, or why there is none.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Ok(Answer),
    Error(String),
}

/// A listening control socket; its file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    path: PathBuf,
    listener: UnixListener,
}

/// The socket of the node called `name` in a data folder.
pub(crate) fn path_of(data_dir: &Path, name: &str) -> PathBuf {
    data_dir.join(format!("{name}.sock"))
}

impl ControlSocket {
    /// Listens. The caller holds the node's identity, so a file left here is nobody's any more.
    pub(crate) fn listen(path: PathBuf) -> io::Result<Self> {
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { path, listener })
    }

    /// Answers whoever asks, for ever.
    pub(crate) async fn serve(&self, console: std::sync::Arc<Console>) {
        let mut asking = JoinSet::new();
        loop {
            select! {
                biased;
                Some(_ended) = asking.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) if asking.len() < MAX_ASKING => {
                        let console = std::sync::Arc::clone(&console);
                        asking.spawn(async move {
                            // Whoever hangs up in the middle gets no answer.
                            let _gone = answer(stream, &console).await;
                        });
                    }
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                },
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // It may have been removed by hand.
        let _gone = fs::remove_file(&self.path);
    }
}

async fn answer(stream: UnixStream, console: &Console) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(line) = timeout(PATIENCE, read_line(&mut stream)).await?? {
        let outcome = match line {
            Err(_) => Outcome::Error(format!("a command has at most {MAX_LINE} bytes")),
            Ok(line) => match console.ask(&line).await {
                Ok(Some((answer, _))) => Outcome::Ok(answer),
                Ok(None) => Outcome::Error("an empty line asks for nothing".to_owned()),
                Err(error) => Outcome::Error(error.to_string()),
            },
        };
        let reply = json(&Reply { version: 1, outcome })? + "\n";
        timeout(PATIENCE, stream.write_all(reply.as_bytes())).await??;
    }
    Ok(())
}
