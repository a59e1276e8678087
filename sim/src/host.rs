//! The hosts of a run: what they are called and what they derive from the run's seed.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tidings_core::{NodeId, RngSeed, Role};

use crate::scenario::Scenario;

/// The calendar at the beginning of every run: 2026-01-01 00:00 UTC, as time since 1970.
pub(crate) const CALENDAR: Duration = Duration::from_hours(490_896);

/// One host, numbered from 0: seed nodes first, then peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId {
    role: Role,
    /// Place among the hosts of its role, from 0.
    place: u32,
}

impl HostId {
    /// The `place`-th seed node, from 0.
    pub const fn seed_node(place: u32) -> Self {
        Self { role: Role::SeedNode, place }
    }

    /// The `place`-th peer, from 0.
    pub const fn peer(place: u32) -> Self {
        Self { role: Role::Peer, place }
    }

    /// What it runs.
    pub const fn role(self) -> Role {
        self.role
    }

    /// Whether it is a peer.
    pub fn is_peer(self) -> bool {
        self.role == Role::Peer
    }

    /// The host of this name, whether or not a scenario has it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let (role, number) = name.split_once('-')?;
        let place = number.parse::<u32>().ok()?.checked_sub(1)?;
        match role {
            "seed" => Some(Self::seed_node(place)),
            "peer" => Some(Self::peer(place)),
            _ => None,
        }
    }

    /// Its place among the hosts of its role, from 0.
    pub(crate) const fn place(self) -> u32 {
        self.place
    }

    fn label(self) -> &'static str {
        match self.role {
            Role::SeedNode => "seed",
            Role::Peer => "peer",
        }
    }

    /// The seed of what is drawn for this host. Hosts added later do not change it.
    pub fn rng_seed(self, run: RngSeed) -> RngSeed {
        run.derive(self.label(), self.place.into())
    }

    /// A stand-in for the public key that a real node would have.
    pub fn node_id(self, run: RngSeed) -> NodeId {
        NodeId::new(*self.rng_seed(run).derive("identity", 0).as_bytes())
    }
}

/// `peer-7`, `seed-1`: numbered from 1.
impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.label(), u64::from(self.place) + 1)
    }
}

impl Serialize for HostId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HostId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let unknown = || format!("unknown host `{name}`, expected seed-N or peer-N, from 1 on");
        Self::named(&name).ok_or_else(|| serde::de::Error::custom(unknown()))
    }
}

impl Scenario {
    /// All hosts, seed nodes first.
    pub fn hosts(&self) -> impl Iterator<Item = HostId> + use<> {
        let numbers = |count: usize| 0..u32::try_from(count).unwrap_or(u32::MAX);
        let seed_nodes = numbers(self.seed_nodes).map(HostId::seed_node);
        seed_nodes.chain(numbers(self.peers).map(HostId::peer))
    }

    /// The host of this name.
    pub fn host_named(&self, name: &str) -> Option<HostId> {
        HostId::named(name).filter(|host| self.hosts().any(|known| known == *host))
    }
}

/// The root of a run's randomness.
pub fn run_seed(seed: u64) -> RngSeed {
    RngSeed::new([0; 32]).derive("run", seed)
}
