//! Settings of broadcast and catch-up.

use core::time::Duration;

use crate::broadcast::plumtree::config::PlumtreeConfig;
use crate::util::bounds::{ConfigError, HOUR, MINUTE, SECOND, within};

/// How a message spreads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BroadcastKind {
    /// To every neighbor but the one it came from. *Assignment (R12, R13).*
    Flood,
    /// Along a tree, and by name on the other links. *Plumtree (SRDS 2007).*
    Plumtree,
}

/// Settings of broadcast and catch-up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroadcastConfig {
    /// How a message spreads.
    pub kind: BroadcastKind,
    /// Messages older than this are neither accepted nor kept. 1 s to 1 h. *Choice: 120 s.*
    pub store_age: Duration,
    /// Messages kept for those who missed them. 1 to 1,000,000. *Choice: 10,000.*
    pub store_count: usize,
    /// Bytes of messages kept. 64 KiB to 1 GiB. *Choice: 8 MiB.*
    pub store_bytes: usize,
    /// Ids remembered so that nothing is delivered twice; they are remembered for twice
    /// `store_age`. 1,000 to 10,000,000. *docs/threats.md: 200,000.*
    pub seen_max: usize,
    /// How often a peer compares what it holds with one neighbor. 100 ms to 1 h. *Guess.*
    pub digest_every: Duration,
    /// How long a pulled message is waited for before another neighbor is asked. 10 ms to 1 min.
    /// *Guess: a dial's time.*
    pub pull_timeout: Duration,
    /// The shortest wait for a message that was announced, grafted or pulled, where round trips are
    /// short; `graft_after`, `graft_again` and `pull_timeout` are the longest. 1 ms to 1 min. *Guess: so
    /// long a busy machine lets a task wait.*
    pub wait_min: Duration,
    /// Settings of the broadcast `plumtree`.
    pub plumtree: PlumtreeConfig,
}

impl BroadcastConfig {
    /// As documented.
    pub(crate) fn classic() -> Self {
        Self {
            kind: BroadcastKind::Flood,
            store_age: 2 * MINUTE,
            store_count: 10_000,
            store_bytes: 8 * 1024 * 1024,
            seen_max: 200_000,
            digest_every: 10 * SECOND,
            pull_timeout: 3 * SECOND,
            wait_min: Duration::from_millis(5),
            plumtree: PlumtreeConfig::modern(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        within("store_age", self.store_age, SECOND..=HOUR)?;
        within("store_count", self.store_count, 1..=1_000_000)?;
        within("store_bytes", self.store_bytes, 64 * 1024..=1 << 30)?;
        within("seen_max", self.seen_max, 1_000..=10_000_000)?;
        within("digest_every", self.digest_every, Duration::from_millis(100)..=HOUR)?;
        within("pull_timeout", self.pull_timeout, Duration::from_millis(10)..=MINUTE)?;
        within("wait_min", self.wait_min, Duration::from_millis(1)..=MINUTE)?;
        self.plumtree.check()
    }
}
