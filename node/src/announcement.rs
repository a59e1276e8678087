//! A seed node's entry in the file that it is announced in, as long as the node runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use tidings_core::{MAX_SEED_NODES, NodeId};
use tokio::task::spawn_blocking;

use crate::seed_file::{self, Announced, SeedFileError};

/// Which file, and who is announced.
#[derive(Clone, Debug)]
pub(crate) struct Announcement {
    pub(crate) path: PathBuf,
    pub(crate) node: NodeId,
    /// Nobody said under which address. A host without a network says 127.0.0.1, which is another node on
    /// every other host.
    pub(crate) is_guess: bool,
}

impl Announcement {
    /// Writes the entry, in place of those of before.
    pub(crate) async fn write(&self, addr: SocketAddr) -> Result<(), SeedFileError> {
        let file = self.path.display();
        if self.is_guess && addr.ip().is_loopback() {
            tracing::warn!(%file, %addr, "not announced: this host has no address yet that others can dial; give --ip");
            return Ok(());
        }
        let node = self.node;
        let announced =
            self.on_a_thread(move |path| seed_file::announce(&path, node, addr)).await?;
        if let Some(Announced { listed, .. }) = announced.filter(|it| it.listed > MAX_SEED_NODES) {
            tracing::warn!(%file, listed, max = MAX_SEED_NODES, "the file lists more seed nodes than a node uses");
        }
        Ok(())
    }

    /// Writes the entry of a node that runs: what fails is told.
    pub(crate) async fn renew(&self, addr: SocketAddr) {
        if let Err(error) = self.write(addr).await {
            self.tell(&error, "the address in the file is still the old one");
        }
    }

    /// Takes the entry out.
    pub(crate) async fn remove(&self) {
        let node = self.node;
        if let Err(error) = self.on_a_thread(move |path| seed_file::retract(&path, node)).await {
            self.tell(&error, "this node stays in the file");
        }
    }

    fn tell(&self, error: &SeedFileError, what: &str) {
        let reason = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
        tracing::warn!(file = %self.path.display(), %error, reason, "{what}");
    }

    /// Where a slow disk, or somebody who has the file locked, holds up nobody. None where the runtime ends.
    #[expect(clippy::disallowed_methods, reason = "files are of real nodes only")]
    async fn on_a_thread(
        &self,
        change: impl FnOnce(PathBuf) -> Result<Announced, SeedFileError> + Send + 'static,
    ) -> Result<Option<Announced>, SeedFileError> {
        let path = self.path.clone();
        spawn_blocking(move || change(path)).await.ok().transpose()
    }
}
