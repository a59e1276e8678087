//! The control socket of a running node: a line with a command in, a line of JSON out. It lies
//! beside the identity file, and only the node's own user can open it.

use std::convert::Infallible;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use socket2::{Domain, SockAddr, Socket, Type};
use tokio::io::{AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::select;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::{info, warn};

use super::pipe::{MAX_LINE, read_line};
use super::{Answer, Console};
use crate::output::json;

/// Programs that may ask at once; one more, and the one that has been silent for the longest time is given up.
const MAX_ASKING: usize = 16;

/// A program that says nothing for so long is turned away.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked whether the socket is still where it was.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// One line about a socket that cannot be made in this time.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Programs that may wait to be answered. Choice.
const BACKLOG: i32 = 128;

/// Longest path of a socket, its end included: the smallest that systems have.
const MAX_PATH: usize = 104;

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

/// The control socket of a node that runs; its file goes when it is dropped.
#[derive(Debug)]
pub(crate) struct ControlSocket {
    path: PathBuf,
    listening: Option<Listening>,
    told: Option<Instant>,
}

#[derive(Debug)]
struct Listening {
    listener: UnixListener,
    /// Device and number of the file.
    file: (u64, u64),
}

/// The socket of the node called `name` in a data folder.
pub(crate) fn path_of(data_dir: &Path, name: &str) -> PathBuf {
    data_dir.join(format!("{name}.sock"))
}

/// A path to the same file that fits into an address, and what must stay open for it. Only Linux shows
/// folders that are open as short paths.
pub(super) fn short(path: &Path) -> io::Result<(PathBuf, Option<File>)> {
    use std::os::fd::AsRawFd as _;
    let names = path.parent().zip(path.file_name());
    let Some((folder, name)) = names.filter(|_| path.as_os_str().len() >= MAX_PATH) else {
        return Ok((path.to_owned(), None));
    };
    let folder = File::open(folder)?;
    let short = Path::new("/proc/self/fd").join(folder.as_raw_fd().to_string());
    if !short.exists() {
        let reason =
            format!("longer than the {} bytes that a socket's path may have", MAX_PATH - 1);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, reason));
    }
    Ok((short.join(name), Some(folder)))
}

/// Reading and writing for the node's own user, and nothing for others.
const RIGHTS: u32 = 0o600;

/// A socket whose file has its rights from the first moment on.
fn bound(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    // Linux makes the file with the rights of the socket, so that it has no others for a moment.
    let rights = Permissions::from_mode(RIGHTS);
    File::from(OwnedFd::from(socket.try_clone()?)).set_permissions(rights).or_else(
        // Elsewhere a socket may have none.
        |error| if cfg!(target_os = "linux") { Err(error) } else { Ok(()) },
    )?;
    let (short, _folder) = short(path)?;
    socket.bind(&SockAddr::unix(&short)?)?;
    Ok(socket)
}

impl Listening {
    /// Listens. The caller holds the node's identity, so a file left here is nobody's any more.
    fn at(path: &Path) -> io::Result<Self> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = bound(path)?;
        fs::set_permissions(path, Permissions::from_mode(RIGHTS))?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        let listener = UnixListener::from_std(StdListener::from(OwnedFd::from(socket)))?;
        let file = fs::symlink_metadata(path)?;
        Ok(Self { listener, file: (file.dev(), file.ino()) })
    }

    /// Whether its file is still there.
    fn is_at(&self, path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok_and(|file| (file.dev(), file.ino()) == self.file)
    }
}

impl ControlSocket {
    /// Listens, now or as soon as that is possible.
    pub(crate) fn listen(path: PathBuf) -> Self {
        let mut socket = Self { path, listening: None, told: None };
        socket.look();
        socket
    }

    /// Makes it if it is not there (any more).
    fn look(&mut self) {
        let had = self.listening.is_some();
        if self.listening.as_ref().is_some_and(|it| it.is_at(&self.path)) {
            return;
        }
        match Listening::at(&self.path) {
            Ok(listening) => {
                self.listening = Some(listening);
                if had || self.told.is_some() {
                    info!(path = %self.path.display(), "control socket made anew");
                }
                self.told = None;
            }
            Err(error) => {
                self.listening = None;
                self.tell(&error);
            }
        }
    }

    fn tell(&mut self, error: &io::Error) {
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY) {
            self.told = Some(Instant::now());
            warn!(path = %self.path.display(), reason = %error, "no control socket");
        }
    }

    /// Answers whoever asks, for ever.
    pub(crate) async fn serve(&mut self, console: Arc<Console>) -> Infallible {
        let mut asking = Asking::default();
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            select! {
                biased;
                Some(_ended) = asking.tasks.join_next() => {}
                _ = ticks.tick() => self.look(),
                accepted = accept(self.listening.as_ref()) => match accepted {
                    Ok(stream) => asking.admit(stream, Arc::clone(&console)),
                    Err(error) => {
                        self.tell(&error);
                        tokio::time::sleep(Duration::from_millis(100)).await;
                    }
                },
            }
        }
    }
}

async fn accept(listening: Option<&Listening>) -> io::Result<UnixStream> {
    match listening {
        Some(listening) => Ok(listening.listener.accept().await?.0),
        None => std::future::pending().await,
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        if self.listening.as_ref().is_some_and(|it| it.is_at(&self.path)) {
            // Somebody may remove it just now.
            let _gone = fs::remove_file(&self.path);
        }
    }
}

/// Programs that ask.
#[derive(Debug, Default)]
struct Asking {
    tasks: JoinSet<()>,
    programs: Vec<Program>,
}

#[derive(Debug)]
struct Program {
    task: AbortHandle,
    heard: Heard,
}

/// When a program last said something.
type Heard = Arc<Mutex<Instant>>;

fn note(heard: &Heard) {
    *heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
}

impl Asking {
    fn admit(&mut self, stream: UnixStream, console: Arc<Console>) {
        self.programs.retain(|program| !program.task.is_finished());
        if self.programs.len() >= MAX_ASKING {
            self.give_up_the_longest_silent();
        }
        let heard = Heard::new(Mutex::new(Instant::now()));
        let noted = Arc::clone(&heard);
        let task = self.tasks.spawn(async move {
            // Whoever hangs up in the middle gets no answer.
            let _gone = answer(stream, &console, &noted).await;
        });
        self.programs.push(Program { task, heard });
    }

    fn give_up_the_longest_silent(&mut self) {
        let heard =
            |program: &Program| *program.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let programs = self.programs.iter().enumerate();
        if let Some((place, _)) = programs.min_by_key(|(_, program)| heard(program)) {
            self.programs.swap_remove(place).task.abort();
        }
    }
}

async fn answer(stream: UnixStream, console: &Console, heard: &Heard) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(line) = timeout(PATIENCE, read_line(&mut stream)).await?? {
        note(heard);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Before anybody has changed them.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_is_made_with_its_rights() {
        let path = std::env::temp_dir().join(format!("tidings-{}.sock", std::process::id()));
        let _none_yet = fs::remove_file(&path);
        let _socket = bound(&path).expect("bound");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        fs::remove_file(&path).expect("removed");
        assert_eq!(mode & 0o777 & !RIGHTS, 0, "{mode:o}");
    }
}
