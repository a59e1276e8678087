//! What a node looks like from outside: the explicit topology (R10), for commands, checks and
//! reports. A copy: nothing in it changes the node. With the feature `serde` it can be written down and
//! read back.

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::MemberState;
use crate::id::{Incarnation, LinkOrigin, MessageId, NodeId, Role, Sequence};
use crate::stats::Stats;
use crate::wire::Evidence;

/// A node at one moment. Fields of the other role are empty.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
    /// Peer: whom the detector `swim` knows, by identity; at most `members_max`.
    pub members: Vec<MemberSnapshot>,
    /// Peer: the newest suspicions that it heard of, oldest first; at most `max_links`.
    pub cases: Vec<SuspicionSnapshot>,
    /// Seed node: its list, by identity.
    pub registered: Vec<RegisteredSnapshot>,
    /// Seed node: who reported live peers dead, and how often.
    pub false_reports: Vec<(NodeId, u64)>,
}

/// A peer known by record.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct KnownSnapshot {
    /// Who and where.
    pub record: AddressRecord,
    /// Time since a seed node's list or the peer itself last told of it.
    pub heard: Duration,
}

/// What a peer holds of a member, at one moment (SWIM §4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct MemberSnapshot {
    /// Who, where, which life.
    pub record: AddressRecord,
    /// How often it has refuted in this life, as far as was heard.
    pub incarnation: Incarnation,
    /// What is held of it.
    pub state: MemberState,
    /// Time since it is in this state.
    pub since: Duration,
}

/// A suspicion, and why: what `reason` shows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SuspicionSnapshot {
    /// Who is, or was, suspected.
    pub subject: AddressRecord,
    /// The incarnation that was suspected.
    pub incarnation: Incarnation,
    /// Who accused it, in the order heard: the first accuser, then at most
    /// [`MAX_CONFIRMERS`](crate::wire::MAX_CONFIRMERS) more.
    pub accusations: Vec<AccusationSnapshot>,
    /// [`MemberState::Suspect`] while it is open, [`MemberState::Alive`] when it was refuted, else
    /// how it ended.
    pub outcome: MemberState,
}

/// One accusation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct AccusationSnapshot {
    /// Who accuses.
    pub by: NodeId,
    /// What it saw.
    pub evidence: Evidence,
    /// Time since this peer heard of it.
    pub since: Duration,
}

/// The last message that a node was given to broadcast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its number, 0 where there was none.
    pub sequence: Sequence,
    /// The id of its envelope; none while it is gathered.
    pub id: Option<MessageId>,
    /// What becomes of it. All of that is 0 for one that is stored no more.
    pub spread: Spread,
}

/// What becomes of an own message at its neighbors, at one moment. All of it is 0 where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// Neighbors that were sent it.
    pub pushed: usize,
    /// Neighbors that will be sent it when they, or their links, can take more.
    pub owed: usize,
    /// Neighbors that are told its name alone, because others send it to them.
    pub named: usize,
    /// Neighbors that get it, or its name, with what is gathered while links are busy.
    pub gathered: usize,
}

/// A neighbor at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct SeedNodeSnapshot {
    /// Its address, as given.
    pub addr: SocketAddr,
    /// Who lists this peer there, and since how long.
    pub registered: Option<(NodeId, Duration)>,
}

/// An entry of a seed node's list, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
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
            members: Vec::new(),
            cases: Vec::new(),
            registered: Vec::new(),
            false_reports: Vec::new(),
        }
    }
}

/// States of members as the words that they print as.
#[cfg(feature = "serde")]
mod words {
    use alloc::format;
    use alloc::string::{String, ToString as _};

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::event::MemberState;

    impl Serialize for MemberState {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }

    impl<'de> Deserialize<'de> for MemberState {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let word = String::deserialize(deserializer)?;
            let states = [Self::Alive, Self::Suspect, Self::Dead, Self::Left];
            let state = states.into_iter().find(|state| state.to_string() == word);
            state.ok_or_else(|| D::Error::custom(format!("{word:?} is no state of a member")))
        }
    }
}
