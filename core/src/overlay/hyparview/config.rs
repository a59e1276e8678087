//! Settings of the overlay `hyparview`.

use core::time::Duration;

use crate::util::bounds::{ConfigError, HOUR, MAX_LINKS, within};
use crate::wire::MAX_SHUFFLE;

/// Settings of HyParView. Names in brackets are the paper's (DSN 2007, §4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HyParViewConfig {
    /// Neighbors that a peer wants (size of the active view). 2 to 64, but 2 make rings, which fall
    /// apart when one link is replaced. *HyParView §5.1: 5.*
    pub active: usize,
    /// Peers that it knows beside them (size of the passive view). 1 to 4,096. *HyParView §5.1: 30;
    /// docs/papers.md: 60, so that 95 % may die.*
    pub passive: usize,
    /// Links that a `ForwardJoin` travels (ARWL). 1 to 16. *HyParView §5.1: 6.*
    pub active_walk: u8,
    /// Links left at which it stops over in a passive view (PRWL). 0 to `active_walk`. *HyParView
    /// §5.1: 3.*
    pub passive_walk: u8,
    /// Neighbors named in a shuffle (ka). 0 to 15. *HyParView §5.1: 3.*
    pub shuffle_active: usize,
    /// Known peers named in it (kp). 0 to 16. *HyParView §5.1: 4.*
    pub shuffle_passive: usize,
    /// Links that a shuffle travels. 1 to 16. *The paper gives none; iroh-gossip: 6.*
    pub shuffle_walk: u8,
    /// Time between two shuffles of a peer. 100 ms to 24 h. *docs/papers.md: 10 s.*
    pub shuffle_every: Duration,
    /// Neighbors that are chosen because they are near, by round-trip time. 0 to `active` - 3, because
    /// the others must stay random. *docs/papers.md: 2 of 5; here none unless wanted.*
    pub near_links: usize,
    /// Replies to shuffles, and introductions, that wait for their link. 1 to 256. *Guess.*
    pub replies: usize,
    /// Neighbors lost without a word that are dialed again, one per refresh. 0 to 256. *Guess: four
    /// times `active`.*
    pub reconnect_max: usize,
    /// For how long. 1 s to 24 h. *Guess: longer than most partitions.*
    pub reconnect_for: Duration,
}

impl HyParViewConfig {
    /// What the papers and their followers found good.
    pub(crate) const fn modern() -> Self {
        Self {
            active: 5,
            passive: 60,
            active_walk: 6,
            passive_walk: 3,
            shuffle_active: 3,
            shuffle_passive: 4,
            shuffle_walk: 6,
            shuffle_every: Duration::from_secs(10),
            near_links: 0,
            replies: 16,
            reconnect_max: 20,
            reconnect_for: Duration::from_mins(10),
        }
    }

    /// The time in which a peer is told of all of so many others, in 19 of 20 cases at least, while they
    /// are all in one component: each one's walk visits `shuffle_walk` peers in `shuffle_every`, and
    /// tells them of its origin and of `shuffle_active` neighbors. Of one that is told of k times on
    /// average nothing is heard with probability e to the minus k; k is at least ln(20 `others`): 0.7
    /// times the binary digits of 20 `others`, rounded up. Zero for no others.
    pub fn told_within(&self, others: usize) -> Duration {
        let many = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let bits = many(others).saturating_mul(20).checked_ilog2().unwrap_or(0) + 1;
        let times = (bits * 7).div_ceil(10);
        let told = many(self.shuffle_active).saturating_add(1);
        let per_round = u32::from(self.shuffle_walk).saturating_mul(told).max(1);
        self.shuffle_every.saturating_mul(many(others).saturating_mul(times)) / per_round
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        within("active_view", self.active, 2..=MAX_LINKS)?;
        within("passive_view", self.passive, 1..=4096)?;
        within("active_walk", self.active_walk, 1..=16)?;
        within("passive_walk", self.passive_walk, 0..=self.active_walk)?;
        within("shuffle_active", self.shuffle_active, 0..=15)?;
        within("shuffle_passive", self.shuffle_passive, 0..=MAX_SHUFFLE / 2)?;
        within("shuffle_walk", self.shuffle_walk, 1..=16)?;
        within("shuffle_every", self.shuffle_every, Duration::from_millis(100)..=24 * HOUR)?;
        within("near_links", self.near_links, 0..=self.active.saturating_sub(3))?;
        within("replies", self.replies, 1..=256)?;
        within("reconnect_max", self.reconnect_max, 0..=256)?;
        within("reconnect_for", self.reconnect_for, Duration::from_secs(1)..=24 * HOUR)
    }
}
