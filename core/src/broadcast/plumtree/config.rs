//! Settings of the broadcast `plumtree`.

use core::time::Duration;

use crate::util::bounds::{ConfigError, HOUR, MINUTE, within};

/// Directions in which a link that is no branch carries the name of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IHaveDirection {
    /// One side speaks; the other only if it has not heard of the message for `graft_after`. Names cost
    /// half.
    OneWay,
    /// Both sides speak at once.
    BothWays,
}

/// Settings of Plumtree. Names in brackets are the paper's (SRDS 2007, §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlumtreeConfig {
    /// How long announcements are gathered before they are sent in one `IHave`: a round trip, at most
    /// this. 0 s to 1 s. *docs/papers.md: 5 to 20 ms.*
    pub ihave_delay: Duration,
    /// In how many directions a link carries a name. *docs/papers.md: one; the paper: both.*
    pub ihave_ways: IHaveDirection,
    /// How long an announced message is waited for before it is grafted (t1), at most: less where round
    /// trips are short. 10 ms to 1 min. *Plumtree §3.5: above the overlay's diameter in time.*
    pub graft_after: Duration,
    /// How long the next announcer is waited for (t2), at most. 10 ms to 1 min. *Plumtree §3.5: a
    /// neighbor's round trip.*
    pub graft_again: Duration,
    /// With `trees` = 0: by how many links an announcement must be shorter for the one tree to be
    /// changed. 1 to 64. *Plumtree §4: 7 for several sources; measured: what is shorter for one source
    /// is longer for the others, and after 100 sources the last delivery takes 1.9 times as long.*
    pub threshold: u16,
    /// Sources that have a tree; messages of the others travel in one of these. With 0 all share one
    /// tree, as published. 0 to 1,024. *docs/papers.md: 16; a local network of 30 that all speak has
    /// one each.*
    pub trees: usize,
    /// Over how many links a message goes to all neighbors before it follows another source's tree. In a
    /// smaller network it is fewer, so that at most one peer in eight gets a copy too many; where the
    /// table of members is off, its size is not known. 0 to 8. *Guess; measured with 1,000 peers: the
    /// last delivery comes a fifth to a quarter sooner, for 0.03 copies too many.*
    pub flood_hops: u8,
    /// Messages that go to all neighbors after neighbors were lost. 0 to 64. *docs/papers.md: 3.*
    pub eager_after_loss: u8,
    /// Time between two comparisons with a known peer that is no neighbor. 1 s to 1 h.
    /// *docs/papers.md: 10 to 30 s.*
    pub exchange_every: Duration,
    /// Bytes of messages that each side sends in one comparison. 64 KiB to 1 GiB. *Guess: half of what
    /// the driver queues per link.*
    pub exchange_bytes: usize,
}

impl PlumtreeConfig {
    /// What the papers and their followers found good.
    pub(crate) const fn modern() -> Self {
        Self {
            ihave_delay: Duration::from_millis(10),
            ihave_ways: IHaveDirection::OneWay,
            graft_after: Duration::from_millis(300),
            graft_again: Duration::from_millis(100),
            threshold: 20,
            trees: 32,
            flood_hops: 2,
            eager_after_loss: 3,
            exchange_every: Duration::from_secs(20),
            exchange_bytes: 512 * 1024,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let graft = Duration::from_millis(10)..=MINUTE;
        within("ihave_delay", self.ihave_delay, Duration::ZERO..=Duration::from_secs(1))?;
        within("graft_after", self.graft_after, graft.clone())?;
        within("graft_again", self.graft_again, graft)?;
        within("tree_threshold", self.threshold, 1..=64)?;
        within("trees", self.trees, 0..=1024)?;
        within("flood_hops", self.flood_hops, 0..=8)?;
        within("eager_after_loss", self.eager_after_loss, 0..=64)?;
        within("exchange_every", self.exchange_every, Duration::from_secs(1)..=HOUR)?;
        within("exchange_bytes", self.exchange_bytes, 64 * 1024..=1 << 30)
    }
}
