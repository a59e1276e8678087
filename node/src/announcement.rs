//! A seed node's entry in the file that it is announced in, as long as the node runs.

use std::io;
use std::net::SocketAddr;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tidings_core::{MAX_SEED_NODES, NodeId};
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};

use crate::seed_file::{self, Announced, SeedFileError};
use crate::seed_lookup::chain;
use crate::troubles::Troubles;

/// Its reason to warn of.
const NOT_ANNOUNCED: &str = "not_announced";

const NOT_WRITTEN: &str = "not announced: the entry could not be written, and is tried again";

const NOT_REMOVED: &str = "this node stays in the file that it is announced in";

/// Time until what the disk did not take is written again.
const RETRY: Duration = Duration::from_secs(10);

/// How long a node that leaves waits for the disk. Choice.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Which file, and who is announced.
#[derive(Debug)]
pub(crate) struct Announcement {
    path: PathBuf,
    node: NodeId,
    /// Nobody said under which address. A host without a network says 127.0.0.1, which is another node on
    /// every other host.
    is_guess: bool,
    /// The address that the file has not, and should have.
    missing: Mutex<Option<SocketAddr>>,
    /// Who writes.
    turn: tokio::sync::Mutex<()>,
}

impl Announcement {
    pub(crate) fn new(path: PathBuf, node: NodeId, is_guess: bool) -> Self {
        let (missing, turn) = (Mutex::default(), tokio::sync::Mutex::default());
        Self { path, node, is_guess, missing, turn }
    }

    /// Writes the first entry. A file that cannot be right is an error; a disk that is full, or anything
    /// else that may pass, is told, and tried again.
    pub(crate) async fn begin(&self, addr: SocketAddr) -> Result<(), SeedFileError> {
        match self.write(addr).await {
            Err(error) if may_pass(&error) => {
                self.tell(&error, NOT_WRITTEN);
                Ok(())
            }
            written => written,
        }
    }

    /// Writes what could not be written before, until the runtime ends.
    #[expect(clippy::infinite_loop, reason = "as long as the node runs")]
    pub(crate) async fn keep(&self, troubles: &Troubles) {
        if self.missing().is_some() {
            troubles.count(NOT_ANNOUNCED);
        }
        loop {
            sleep(RETRY).await;
            if let Some(addr) = self.missing() {
                self.renew(addr, troubles).await;
            }
        }
    }

    fn missing(&self) -> Option<SocketAddr> {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, missing: Option<SocketAddr>) {
        *self.missing.lock().unwrap_or_else(PoisonError::into_inner) = missing;
    }

    /// Writes the entry, in place of those of before.
    async fn write(&self, addr: SocketAddr) -> Result<(), SeedFileError> {
        let file = self.path.display();
        if self.is_guess && addr.ip().is_loopback() {
            tracing::warn!(%file, %addr, "not announced: this host has no address yet that others can dial; give --ip");
            return Ok(());
        }
        self.note(Some(addr));
        // One after the other, and the newest address.
        let _turn = self.turn.lock().await;
        let Some(addr) = self.missing() else { return Ok(()) };
        let node = self.node;
        let announced =
            self.on_a_thread(move |path| seed_file::announce(&path, node, addr)).await?;
        if self.missing() == Some(addr) {
            self.note(None);
        }
        if let Some(Announced { listed, .. }) = announced.filter(|it| it.listed > MAX_SEED_NODES) {
            tracing::warn!(%file, listed, max = MAX_SEED_NODES, "the file lists more seed nodes than a node uses");
        }
        Ok(())
    }

    /// Writes the entry of a node that runs: what fails is told.
    pub(crate) async fn renew(&self, addr: SocketAddr, troubles: &Troubles) {
        if let Err(error) = self.write(addr).await {
            troubles.note(NOT_ANNOUNCED, format!("{}: {NOT_WRITTEN}", chain(&error)));
        }
    }

    /// Takes the entry out.
    pub(crate) async fn remove(&self) {
        let node = self.node;
        let removing = self.on_a_thread(move |path| seed_file::retract(&path, node));
        match timeout(LAST_WAIT, removing).await {
            Ok(Ok(_removed)) => {}
            Ok(Err(error)) => self.tell(&error, NOT_REMOVED),
            Err(_late) => {
                tracing::warn!(file = %self.path.display(), reason = "the disk is too slow, or it is locked", "{NOT_REMOVED}");
            }
        }
    }

    fn tell(&self, error: &SeedFileError, what: &str) {
        let reason = chain(error);
        tracing::warn!(file = %self.path.display(), reason, "{what}");
    }

    /// Where a slow disk, or somebody who has the file locked, holds up nobody. None where the runtime ends.
    #[expect(clippy::disallowed_methods, reason = "files are of real nodes only")]
    async fn on_a_thread(
        &self,
        change: impl FnOnce(PathBuf) -> Result<Announced, SeedFileError> + Send + 'static,
    ) -> Result<Option<Announced>, SeedFileError> {
        let path = self.path.clone();
        match spawn_blocking(move || change(path)).await {
            Ok(changed) => changed.map(Some),
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            Err(_ending) => Ok(None),
        }
    }
}

/// Whether the same may succeed later without anybody changing a setting.
fn may_pass(error: &SeedFileError) -> bool {
    let SeedFileError::Io { error, .. } = error else { return false };
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::FileTooLarge
            | io::ErrorKind::StaleNetworkFileHandle
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::TimedOut
    )
}
