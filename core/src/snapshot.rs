//! What a node looks like from outside: the explicit topology (R10), for commands, checks and
//! reports. A copy: nothing in it changes the node.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::{LinkOrigin, NodeId, Role};
use crate::stats::Stats;

/// A node at one moment. Fields of the other role are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSnapshot {
    /// Who, where, which life.
    pub record: AddressRecord,
    /// Its role.
    pub role: Role,
    /// Time since birth.
    pub uptime: Duration,
    /// Counters since birth.
    pub stats: Stats,
    /// Peer: its neighbors, by link slot.
    pub neighbors: Vec<NeighborSnapshot>,
    /// Peer: the seed nodes of its settings.
    pub seed_nodes: Vec<SeedNodeSnapshot>,
    /// Peer: peers it would dial, by identity.
    pub known: Vec<KnownSnapshot>,
    /// Peer: messages it can still give to others.
    pub stored: usize,
    /// Peer: ids it remembers.
    pub seen: usize,
    /// Seed node: its list, by identity.
    pub registered: Vec<RegisteredSnapshot>,
    /// Seed node: who reported live peers dead, and how often.
    pub false_reports: Vec<(NodeId, u64)>,
}

/// A peer known by record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownSnapshot {
    /// Who and where.
    pub record: AddressRecord,
    /// Time since a seed node's list or the peer itself last told of it.
    pub heard: Duration,
}

/// A neighbor at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighborSnapshot {
    /// Who and where.
    pub record: AddressRecord,
    /// Who opened the link.
    pub origin: LinkOrigin,
    /// Time since the link came up.
    pub age: Duration,
    /// Round-trip time of the last answered ping, or time to connect.
    pub round_trip: Option<Duration>,
    /// Strikes against it now.
    pub strikes: u8,
}

/// A seed node of a peer's settings, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedNodeSnapshot {
    /// Its address, as given.
    pub addr: SocketAddr,
    /// Who lists this peer there, and since how long.
    pub registered: Option<(NodeId, Duration)>,
}

/// An entry of a seed node's list, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredSnapshot {
    /// Who, where, which life.
    pub record: AddressRecord,
    /// Time since this life was listed.
    pub since: Duration,
    /// The link it registered on is up.
    pub linked: bool,
}

impl NodeSnapshot {
    pub(crate) fn of(cx: &Context) -> Self {
        Self {
            record: cx.record.clone(),
            role: cx.role,
            uptime: cx.now.since_birth(),
            stats: cx.stats,
            neighbors: Vec::new(),
            seed_nodes: Vec::new(),
            known: Vec::new(),
            stored: 0,
            seen: 0,
            registered: Vec::new(),
            false_reports: Vec::new(),
        }
    }
}
