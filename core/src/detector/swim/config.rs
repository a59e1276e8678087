//! Settings of the detector `swim`, and of the table of members.

use core::time::Duration;

use crate::util::bounds::{ConfigError, HOUR, MINUTE, within};

/// Whom a peer probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monitor {
    /// Its neighbors, on their links. *docs/papers.md: earlier at the same load.*
    Neighbors,
    /// All members, in a shuffled round. *SWIM §4.3 (DSN 2002).*
    Members,
}

/// Settings of SWIM (DSN 2002) and Lifeguard (DSN-W 2018). Names in brackets are theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwimConfig {
    /// Whom a peer probes.
    pub monitor: Monitor,
    /// Time between two probes (T'). 100 ms to 1 h. *memberlist: 1 s.*
    pub probe_every: Duration,
    /// A later answer is none: a few round trips with this neighbor, at most this. 10 ms to
    /// `probe_every`. *memberlist: 500 ms.*
    pub probe_timeout: Duration,
    /// The least that `probe_timeout` comes to where round trips are short. 10 ms to 1 min; from
    /// `probe_timeout` on the timeout is fixed, as published. *Guess: machines that are busy stand still
    /// for some tens of milliseconds.*
    pub probe_timeout_min: Duration,
    /// Others that are asked to probe in turn (K). 0 to 8. *memberlist: 3.*
    pub helpers: usize,
    /// Least time of suspicion, in `probe_every` x max(1, log10 of the members) (α). 1 to 16.
    /// *Lifeguard §V: 5; docs/papers.md: 2 to 4.*
    pub suspicion_min: u32,
    /// Longest time of suspicion, in the least one (β). 1 to 16. *Lifeguard §V: 6.*
    pub suspicion_max: u32,
    /// Confirmations that bring the longest time down to the least (K). 0 to 8. *Lifeguard §V: 3.*
    pub confirmations: usize,
    /// Most that a peer's local health adds to its intervals and timeouts (S). 0 to 16; 0 switches it
    /// off. *Lifeguard §V: 8.*
    pub health_max: u32,
    /// Members that a peer knows by name. 0, which switches the table off, to 65,536. Without one
    /// statements go to those whom they concern alone, so none or all peers of a network have one.
    /// *Choice: 4,096.*
    pub members_max: usize,
}

impl SwimConfig {
    /// Whether a peer keeps a table of members.
    pub(crate) const fn has_table(&self) -> bool {
        self.members_max > 0
    }

    /// What the papers and their followers found good.
    pub(crate) const fn modern() -> Self {
        Self {
            monitor: Monitor::Neighbors,
            probe_every: Duration::from_secs(1),
            probe_timeout: Duration::from_millis(500),
            probe_timeout_min: Duration::from_millis(100),
            helpers: 3,
            suspicion_min: 2,
            suspicion_max: 6,
            confirmations: 3,
            health_max: 8,
            members_max: 4096,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let millis = Duration::from_millis;
        within("probe_every", self.probe_every, millis(100)..=HOUR)?;
        within("probe_timeout", self.probe_timeout, millis(10)..=self.probe_every.min(MINUTE))?;
        within("probe_timeout_min", self.probe_timeout_min, millis(10)..=MINUTE)?;
        within("probe_helpers", self.helpers, 0..=8)?;
        within("suspicion_min", self.suspicion_min, 1..=16)?;
        within("suspicion_max", self.suspicion_max, 1..=16)?;
        within("suspicion_confirmations", self.confirmations, 0..=8)?;
        within("health_max", self.health_max, 0..=16)?;
        within("members_max", self.members_max, 0..=65_536)
    }
}
