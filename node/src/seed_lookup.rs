//! Which seed nodes a node knows: addresses and names given to it, and files. A name means all of
//! its addresses. Names and files are looked up again when a seed node cannot be reached, because
//! then they may have changed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tidings_core::{Event, Instant, MAX_SEED_NODES};
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::handle::{NodeHandle, Observer};
use crate::host_port::HostPort;
use crate::seed_file::{self, SeedFileError};

/// Shortest time between two look-ups.
const PAUSE: Duration = Duration::from_secs(5);

/// Where to look for seed nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeedSources {
    pub(crate) given: Vec<HostPort>,
    pub(crate) files: Vec<PathBuf>,
}

/// Why no seed node is known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SeedLookupError {
    /// A file of seed nodes is wrong.
    #[error(transparent)]
    File(#[from] SeedFileError),
    /// There is nothing to look up.
    #[error("no seed node is named{}", in_files(.0))]
    None(Vec<PathBuf>),
    /// No name has an address.
    #[error("no seed node has an address: {}", .0.join("; "))]
    NotFound(Vec<String>),
    /// More addresses than a peer can keep.
    #[error("{0} addresses of seed nodes, at most {max} can be used", max = MAX_SEED_NODES)]
    TooMany(usize),
}

fn in_files(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return String::new();
    }
    let names: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    format!(" in {}", names.join(", "))
}

/// What a look-up found.
#[derive(Debug)]
pub(crate) struct Found {
    /// All addresses of all seed nodes, each once.
    pub(crate) addresses: Vec<SocketAddr>,
    /// Names that could not be looked up, and why.
    failures: Vec<String>,
}

impl Found {
    /// Whether a node that knows `known` should be told. What failed in part would take away seed
    /// nodes that only could not be looked up just now.
    fn is_news(&self, known: &[SocketAddr]) -> bool {
        self.failures.is_empty() && self.addresses != known
    }
}

impl SeedSources {
    /// Whether nothing was given to look up.
    pub(crate) const fn is_empty(&self) -> bool {
        self.given.is_empty() && self.files.is_empty()
    }

    /// Looks everything up. Names that cannot be are left out as long as others can.
    pub(crate) async fn look_up(&self) -> Result<Found, SeedLookupError> {
        let mut places = self.given.clone();
        places.extend(self.read_files().await?);
        if places.is_empty() {
            return Err(SeedLookupError::None(self.files.clone()));
        }
        let mut addresses: Vec<SocketAddr> = Vec::new();
        let mut failures = Vec::new();
        for place in &places {
            match place.look_up().await {
                Ok(found) => addresses.extend(found),
                Err(error) => failures.push(format!("{place}: {error}")),
            }
        }
        // The order of files and names is not kept: seed nodes are drawn at random anyway.
        addresses.sort_unstable();
        addresses.dedup();
        match addresses.len() {
            0 => Err(SeedLookupError::NotFound(failures)),
            1..=MAX_SEED_NODES => Ok(Found { addresses, failures }),
            count => Err(SeedLookupError::TooMany(count)),
        }
    }

    /// Reads the files on a thread where a slow disk or a pipe holds up nobody.
    #[expect(clippy::disallowed_methods, reason = "files are of real nodes only")]
    async fn read_files(&self) -> Result<Vec<HostPort>, SeedFileError> {
        let files = self.files.clone();
        let read = move || -> Result<Vec<HostPort>, SeedFileError> {
            let lists: Vec<Vec<HostPort>> =
                files.iter().map(|file| seed_file::read(file)).collect::<Result<_, _>>()?;
            Ok(lists.concat())
        };
        // A runtime that shuts down reads nothing more.
        tokio::task::spawn_blocking(read).await.unwrap_or_else(|_ending| Ok(Vec::new()))
    }

    /// Whether looking again could give something else.
    fn can_change(&self) -> bool {
        let is_fixed = |place: &HostPort| place.to_string().parse::<SocketAddr>().is_ok();
        !self.files.is_empty() || !self.given.iter().all(is_fixed)
    }

    /// Looks again each time that a seed node was lost, and gives the node what is new, until the
    /// node has stopped.
    pub(crate) async fn keep_fresh(
        self,
        mut known: Vec<SocketAddr>,
        node: NodeHandle,
        lost: &Lost,
    ) {
        if !self.can_change() {
            return;
        }
        loop {
            lost.0.notified().await;
            sleep(PAUSE).await;
            // A name service or a file that fails for a moment changes nothing.
            let Ok(found) = self.look_up().await else { continue };
            if found.is_news(&known) {
                known = found.addresses;
                if node.set_seed_nodes(known.clone()).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Notes that a seed node was lost.
#[derive(Debug, Default)]
pub(crate) struct Lost(Notify);

impl Observer for Lost {
    fn on_event(&self, _at: Instant, event: &Event) {
        if matches!(event, Event::RegistrationLost { .. } | Event::SeedNodeLost { .. }) {
            self.0.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_up_that_fails_in_part_takes_no_seed_node_away() {
        let addr = |port| SocketAddr::from(([192, 0, 2, 1], port));
        let found = |ports: &[u16], failures: &[&str]| Found {
            addresses: ports.iter().copied().map(addr).collect(),
            failures: failures.iter().map(|it| (*it).to_owned()).collect(),
        };
        let known = [addr(1), addr(2)];
        assert!(!found(&[1], &["b.example:2: no address"]).is_news(&known));
        assert!(!found(&[1, 2], &[]).is_news(&known));
        assert!(found(&[1], &[]).is_news(&known), "one is gone from the file");
        assert!(found(&[1, 3], &[]).is_news(&known));
    }
}
