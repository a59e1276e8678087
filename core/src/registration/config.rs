//! Settings of registration, on either side.

use core::time::Duration;

use crate::util::bounds::{ConfigError, HOUR, MINUTE, SECOND, within};
use crate::wire::limits::MAX_SAMPLE;

/// Settings of registration, most of them the seed node's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationConfig {
    /// How long an entry lives without a renewal. 1 s to 1 h. A peer renews three times as often.
    /// *Choice: 30 s.*
    pub lease: Duration,
    /// Entries a seed node holds at most. 1 to 16,777,216. *Choice: 10,000 peers with any number of seed nodes,
    /// and several times that.*
    pub registry_max: usize,
    /// Probes a seed node has under way at once; more wait for their turn. 1 to 65,536. *Guess.*
    pub probes_max: usize,
    /// How many reporters must accuse a node before a seed node looks at it (R23). 1 to 64.
    pub confirmations: usize,
    /// Records a peer asks of each list. 1 to 256. *Guess: several times the links wanted.*
    pub sample: usize,
    /// First pause before a seed node that failed is tried again; it doubles with each failure.
    /// 10 ms to 1 h. *Guess.*
    pub retry_min: Duration,
    /// Longest such pause. 10 ms to 1 h. *Guess: one lease.*
    pub retry_max: Duration,
    /// Who decides that a peer is listed. *Assignment (R21).*
    pub listing: DecisionMode,
    /// Who decides that a peer is dead and goes. *Assignment (R22).*
    pub removal: DecisionMode,
    /// Proposals that a seed node has open at once, and votes that it owes others. 1 to 65,536.
    /// *Guess.*
    pub votes_max: usize,
    /// A proposal to list somebody that has no quorum by then has failed; one to remove somebody
    /// waits for the others' probes too, twice `hello_timeout` longer. 10 ms to 1 min. *Guess: less
    /// than the `hello_timeout` of the peers, which wait for the answer.*
    pub vote_timeout: Duration,
}

/// Who decides about an entry of a seed node's list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionMode {
    /// The seed node whose list it is, for itself. It probes before it removes.
    Local,
    /// More than half of all seed nodes, itself included.
    Quorum,
}

impl RegistrationConfig {
    /// As documented.
    pub(crate) fn classic() -> Self {
        Self {
            lease: 30 * SECOND,
            registry_max: 65_536,
            probes_max: 256,
            confirmations: 1,
            sample: 64,
            retry_min: SECOND,
            retry_max: 30 * SECOND,
            listing: DecisionMode::Local,
            removal: DecisionMode::Local,
            votes_max: 1024,
            vote_timeout: 2 * SECOND,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let retry = Duration::from_millis(10)..=HOUR;
        within("lease", self.lease, SECOND..=HOUR)?;
        within("registry_max", self.registry_max, 1..=1 << 24)?;
        within("probes_max", self.probes_max, 1..=65_536)?;
        within("confirmations", self.confirmations, 1..=64)?;
        within("sample", self.sample, 1..=MAX_SAMPLE)?;
        within("retry_min", self.retry_min, retry.clone())?;
        within("retry_max", self.retry_max, self.retry_min..=*retry.end())?;
        within("votes_max", self.votes_max, 1..=65_536)?;
        within("vote_timeout", self.vote_timeout, Duration::from_millis(10)..=MINUTE)
    }
}
