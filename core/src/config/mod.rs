//! Every number of the protocol, with its bounds and its source.
//!
//! [`Config::classic`] is the documented network, [`Config::modern`] what the literature knows. A config is checked when a node is made; a wrong
//! one is refused with the field's name, its value and what is allowed.

mod hyparview;
mod plumtree;
mod swim;

use alloc::format;
use alloc::string::String;
use core::fmt;
use core::ops::RangeInclusive;
use core::time::Duration;

use crate::wire::{MAX_SAMPLE, NetworkName};
pub use hyparview::HyParViewConfig;
pub use plumtree::{IHaveDirection, PlumtreeConfig};
pub use swim::{Monitor, SwimConfig};

/// Most seed nodes a peer can be given. *Issue 2.*
pub const MAX_SEED_NODES: usize = 64;

/// All settings of a node. Both roles take the same; each uses what concerns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Nodes of different networks refuse each other.
    pub network: NetworkName,
    /// How long a leaving node waits for its last notices to get out. 0 s to 1 min. *Assignment:
    /// Ctrl-C ends within 3 s (R33), and the driver needs a part of that.*
    pub leave_timeout: Duration,
    /// Connections and their first exchange.
    pub links: LinkConfig,
    /// Peers on the seed nodes' lists.
    pub registration: RegistrationConfig,
    /// Who links with whom.
    pub overlay: OverlayConfig,
    /// How messages spread, and for how long they can be had.
    pub broadcast: BroadcastConfig,
    /// How the dead are told from the living.
    pub detector: DetectorConfig,
}

/// Settings of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// A dial without an answered hello within this time has failed. 100 ms to 1 min. *Issue 2:
    /// 3 s.*
    pub hello_timeout: Duration,
    /// An accepted connection without a hello within this time is closed. 100 ms to 1 min.
    /// *THREATS.md 3.4: 5 s.*
    pub accept_timeout: Duration,
    /// Accepted connections that have not yet said who they are. 1 to 65,536. *THREATS.md 3.4.*
    pub max_pending: usize,
}

/// Settings of registration, most of them the seed node's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistrationConfig {
    /// How long an entry lives without a renewal. 1 s to 1 h. A peer renews three times as often.
    /// *Issue 2: 30 s.*
    pub lease: Duration,
    /// Entries a seed node holds at most. 1 to 16,777,216. *THREATS.md 3.4: 4,096.*
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
    /// Motions that a seed node has open at once, and votes that it owes others. 1 to 65,536.
    /// *Guess.*
    pub votes_max: usize,
    /// A motion to list somebody that has no quorum by then has failed; one to remove somebody
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

/// Whom a peer opens its links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlayKind {
    /// Peers that it draws from all it knows. *Assignment (R7).*
    Random,
    /// Those that the seed nodes' lists name first. The seed nodes draw the lists by weights, so
    /// that the degrees follow a power law with exponent 3. *Assignment (R8).*
    PowerLaw,
    /// A few of those that random walks and shuffles make known, by links that both ends want.
    /// *HyParView (DSN 2007).*
    HyParView,
}

/// Settings of the overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlayConfig {
    /// Whom a peer opens its links to. All nodes of a network should have the same: the seed nodes
    /// order their lists by it, the peers read them by it.
    pub kind: OverlayKind,
    /// Links a peer opens. 1 to 64. *Assignment: 4 (R7).*
    pub max_peers: usize,
    /// Links a peer has in all. `max_peers` to 64. *Issue 2: 64.*
    pub max_links: usize,
    /// How often a peer takes a fresh sample and replaces a link. 1 s to 1 h. *Issue 2: 30 s.*
    pub refresh: Duration,
    /// How soon a peer without any link tries again. 10 ms to 1 h. *Guess.*
    pub isolated_retry: Duration,
    /// How long a peer leaves somebody alone that was busy or did not answer. 0 s to 1 h. *Guess.*
    pub cooldown: Duration,
    /// Peers known by record. 1 to 65,536. *THREATS.md 3.4: 4,096.*
    pub known_max: usize,
    /// Settings of the overlay `hyparview`, which has its own instead of `max_peers`, `refresh` and
    /// `known_max`.
    pub hyparview: HyParViewConfig,
}

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
    /// Messages older than this are neither accepted nor kept. 1 s to 1 h. *Issue 2: 120 s.*
    pub store_age: Duration,
    /// Messages kept for those who missed them. 1 to 1,000,000. *Issue 2: 10,000.*
    pub store_count: usize,
    /// Bytes of messages kept. 64 KiB to 1 GiB. *Issue 2: 8 MiB.*
    pub store_bytes: usize,
    /// Ids remembered so that nothing is delivered twice; they are remembered for twice
    /// `store_age`. 1,000 to 10,000,000. *THREATS.md 3.4: 200,000.*
    pub seen_max: usize,
    /// How often a peer compares what it holds with one neighbor. 100 ms to 1 h. *Guess.*
    pub digest_every: Duration,
    /// How long a pulled message is waited for before another neighbor is asked. 10 ms to 1 min.
    /// *Guess: a dial's time.*
    pub pull_timeout: Duration,
    /// Settings of the broadcast `plumtree`.
    pub plumtree: PlumtreeConfig,
}

/// How a peer tells whether a neighbor lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetectorKind {
    /// By a ping on the link, which the process must answer. *Assignment (R14, R15).*
    Strikes,
    /// By a TCP connection, which the neighbor's kernel accepts. *Assignment (R16).*
    Connect,
    /// By probes, direct and through others, and a suspicion that the suspect can refute. *SWIM (DSN
    /// 2002), Lifeguard (DSN-W 2018).*
    Swim,
}

/// Settings of the detector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectorConfig {
    /// How a peer tells whether a neighbor lives.
    pub kind: DetectorKind,
    /// How often each neighbor is pinged, or connected to. 100 ms to 1 h. *Assignment: 13 s (R14).*
    pub liveness_every: Duration,
    /// An answer after this time is no answer. 10 ms to `liveness_every`. *Issue 2: 3 s.*
    pub answer_timeout: Duration,
    /// Strikes in a row that make a death report. 1 to 16. *Assignment: 3 (R17).*
    pub misses: u8,
    /// Pause before a lost neighbor is redialed first; it doubles each time. 10 ms to 1 min.
    /// *Issue 2: 1, 2, 4 s.*
    pub redial_after: Duration,
    /// Settings of the detector `swim`, which has its own instead of `liveness_every`,
    /// `answer_timeout` and `misses`.
    pub swim: SwimConfig,
}

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

impl Config {
    /// The documented network.
    pub fn classic() -> Self {
        Self {
            network: NetworkName::default(),
            leave_timeout: Duration::from_millis(1500),
            links: LinkConfig {
                hello_timeout: 3 * SECOND,
                accept_timeout: 5 * SECOND,
                max_pending: 256,
            },
            registration: RegistrationConfig {
                lease: 30 * SECOND,
                registry_max: 4096,
                probes_max: 256,
                confirmations: 1,
                sample: 64,
                retry_min: SECOND,
                retry_max: 30 * SECOND,
                listing: DecisionMode::Local,
                removal: DecisionMode::Local,
                votes_max: 1024,
                vote_timeout: 2 * SECOND,
            },
            overlay: OverlayConfig {
                kind: OverlayKind::Random,
                max_peers: 4,
                max_links: 64,
                refresh: 30 * SECOND,
                isolated_retry: 2 * SECOND,
                cooldown: 10 * SECOND,
                known_max: 4096,
                hyparview: HyParViewConfig::modern(),
            },
            broadcast: BroadcastConfig {
                kind: BroadcastKind::Flood,
                store_age: 2 * MINUTE,
                store_count: 10_000,
                store_bytes: 8 * 1024 * 1024,
                seen_max: 200_000,
                digest_every: 10 * SECOND,
                pull_timeout: 3 * SECOND,
                plumtree: PlumtreeConfig::modern(),
            },
            detector: DetectorConfig {
                kind: DetectorKind::Strikes,
                liveness_every: 13 * SECOND,
                answer_timeout: 3 * SECOND,
                misses: 3,
                redial_after: SECOND,
                swim: SwimConfig::modern(),
            },
        }
    }

    /// What the literature knows: HyParView, Plumtree and a SWIM with Lifeguard. The join is the
    /// documented one.
    pub fn modern() -> Self {
        let mut config = Self::classic();
        config.overlay.kind = OverlayKind::HyParView;
        config.broadcast.kind = BroadcastKind::Plumtree;
        config.detector.kind = DetectorKind::Swim;
        config
    }

    /// Refuses a config with a number out of its bounds.
    pub fn check(&self) -> Result<(), ConfigError> {
        within("leave_timeout", self.leave_timeout, Duration::ZERO..=MINUTE)?;
        self.links.check()?;
        self.registration.check()?;
        self.overlay.check()?;
        self.broadcast.check()?;
        self.detector.check()
    }

    /// How long an id is remembered.
    pub(crate) fn seen_age(&self) -> Duration {
        self.broadcast.store_age * 2
    }
}

impl LinkConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let handshake = Duration::from_millis(100)..=MINUTE;
        within("hello_timeout", self.hello_timeout, handshake.clone())?;
        within("accept_timeout", self.accept_timeout, handshake)?;
        within("max_pending", self.max_pending, 1..=65_536)
    }
}

impl RegistrationConfig {
    fn check(&self) -> Result<(), ConfigError> {
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

impl OverlayConfig {
    /// Link slots are numbered by the bits of one word, hence 64.
    pub(crate) const MAX_LINKS: usize = 64;

    fn check(&self) -> Result<(), ConfigError> {
        within("max_peers", self.max_peers, 1..=Self::MAX_LINKS)?;
        within("max_links", self.max_links, self.max_peers..=Self::MAX_LINKS)?;
        within("refresh", self.refresh, SECOND..=HOUR)?;
        within("isolated_retry", self.isolated_retry, Duration::from_millis(10)..=HOUR)?;
        within("cooldown", self.cooldown, Duration::ZERO..=HOUR)?;
        within("known_max", self.known_max, 1..=65_536)?;
        self.hyparview.check()
    }
}

impl BroadcastConfig {
    fn check(&self) -> Result<(), ConfigError> {
        within("store_age", self.store_age, SECOND..=HOUR)?;
        within("store_count", self.store_count, 1..=1_000_000)?;
        within("store_bytes", self.store_bytes, 64 * 1024..=1 << 30)?;
        within("seen_max", self.seen_max, 1_000..=10_000_000)?;
        within("digest_every", self.digest_every, Duration::from_millis(100)..=HOUR)?;
        within("pull_timeout", self.pull_timeout, Duration::from_millis(10)..=MINUTE)?;
        self.plumtree.check()
    }
}

impl DetectorConfig {
    fn check(&self) -> Result<(), ConfigError> {
        let millis = Duration::from_millis;
        within("liveness_every", self.liveness_every, millis(100)..=HOUR)?;
        within("answer_timeout", self.answer_timeout, millis(10)..=self.liveness_every)?;
        within("misses", self.misses, 1..=16)?;
        within("redial_after", self.redial_after, millis(10)..=MINUTE)?;
        self.swim.check()
    }
}

/// A setting is out of its bounds. No node was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{field} = {value}: allowed is {allowed}")]
pub struct ConfigError {
    /// Which setting.
    pub field: &'static str,
    /// What it was set to.
    pub value: String,
    /// What it may be set to.
    pub allowed: String,
}

pub(crate) fn within<T: PartialOrd + Copy + fmt::Debug>(
    field: &'static str,
    value: T,
    allowed: RangeInclusive<T>,
) -> Result<(), ConfigError> {
    if allowed.contains(&value) {
        return Ok(());
    }
    let allowed = format!("{:?} to {:?}", allowed.start(), allowed.end());
    Err(ConfigError { field, value: format!("{value:?}"), allowed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_network_is_allowed() {
        assert_eq!(Config::classic().check(), Ok(()));
        assert_eq!(Config::modern().check(), Ok(()));
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_is_allowed() {
        let mut config = Config::classic();
        config.overlay.max_peers = 65;
        let error = config.check().expect_err("65 links cannot be numbered");
        assert_eq!(format!("{error}"), "max_peers = 65: allowed is 1 to 64");

        let mut config = Config::classic();
        config.overlay.max_links = 3;
        let error = config.check().expect_err("fewer links than it opens");
        assert_eq!(format!("{error}"), "max_links = 3: allowed is 4 to 64");

        let mut config = Config::classic();
        config.detector.liveness_every = Duration::ZERO;
        let error = config.check().expect_err("pinging all the time");
        assert_eq!(format!("{error}"), "liveness_every = 0ns: allowed is 100ms to 3600s");
    }
}
