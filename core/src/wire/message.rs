//! Every message that crosses a link. `PROTOCOL.md` tells the exchanges they belong to.
//!
//! The order of [`Message`]'s variants, and of the variants of the enums inside, is the wire tag:
//! append only, and bump [`WIRE_VERSION`](super::WIRE_VERSION) with every change.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::hyparview::{ForwardJoin, Shuffle};
use super::plumtree::{Graft, IHave, Prune, Route};
use super::swim::Statement;
use super::{MAX_IDS, MAX_IHAVES, MAX_MEMBERS, MAX_NEIGHBORS, MAX_SAMPLE, MAX_SHUFFLE};
use crate::address::{AddressRecord, Signature};
use crate::id::{BootEpoch, Hop, MessageId, NodeId, Role};
use crate::messaging::Envelope;
use crate::time::{UnixTime, saturating_millis};
use crate::util::bounded::bounded;

/// A value that one node sends another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// Dialer to acceptor, first of all: who I am and what I want.
    Hello(Box<Hello>),
    /// Acceptor to dialer: granted.
    Welcome(Welcome),
    /// Acceptor to dialer: not granted, and why. The link ends.
    Refuse(Refuse),
    /// Either side: the link ends on purpose, so nobody needs to worry.
    Bye(Bye),
    /// Peer to seed node: list me under the record of my hello (R5).
    Register,
    /// Seed node to peer: you are listed, for this many milliseconds. Answers `Register`, `Renew`.
    Registered {
        /// Milliseconds until the entry lapses.
        lease_ms: u32,
    },
    /// Peer to seed node: keep my entry.
    Renew,
    /// Seed node to peer: you are not listed; register again.
    Unknown,
    /// Peer to seed node: a random sample of your list, please (R4).
    ListRequest {
        /// Most records wanted.
        sample: u16,
    },
    /// Seed node to peer: the sample.
    PeerList {
        /// Distinct random entries, without the asker's own; at most [`MAX_SAMPLE`].
        #[serde(deserialize_with = "bounded::<_, _, MAX_SAMPLE>")]
        peers: Vec<AddressRecord>,
    },
    /// Peer to seed node: three strikes against this node (R17).
    DeathReport(Box<DeathReport>),
    /// To neighbors and seed nodes: I am leaving (R19).
    Leave(Leave),
    /// Neighbor to neighbor: are you there (R15)?
    Ping(Ping),
    /// The answer, repeating the ping's fields (R15).
    Pong(Ping),
    /// A gossip message on its way to everybody (R13).
    Gossip(Gossip),
    /// Neighbor to neighbor: what I hold (R34).
    Digest(Digest),
    /// Neighbor to neighbor: send me these (R34).
    Pull {
        /// Ids the asker lacks, at most [`MAX_IDS`].
        #[serde(deserialize_with = "bounded::<_, _, MAX_IDS>")]
        ids: Vec<MessageId>,
    },
    /// Neighbor to neighbor: somebody joins (HyParView §4.2).
    ForwardJoin(Box<ForwardJoin>),
    /// Neighbor to neighbor: a part of somebody's views (HyParView §4.4).
    Shuffle(Box<Shuffle>),
    /// Peer to the origin of a shuffle, on a link of its own: a part of the views of the peer where the
    /// walk ended.
    ShuffleReply {
        /// At most [`MAX_SHUFFLE`].
        #[serde(deserialize_with = "bounded::<_, _, MAX_SHUFFLE>")]
        sample: Vec<AddressRecord>,
    },
    /// Neighbor to neighbor: names of messages (Plumtree §3.3).
    IHave {
        /// At most [`MAX_IHAVES`].
        #[serde(deserialize_with = "bounded::<_, _, MAX_IHAVES>")]
        have: Vec<IHave>,
    },
    /// Neighbor to neighbor: make this link a branch (Plumtree §3.5).
    Graft(Graft),
    /// Neighbor to neighbor: this link is no branch (Plumtree §3.3).
    Prune(Prune),
    /// Peer to a peer that may reach the subject: probe it for me (ping-req, SWIM §3.1).
    PingRequest(Box<AddressRecord>),
    /// The answer: whether the subject answered. "No" is Lifeguard's nack (§IV-A).
    PingRequestAnswer {
        /// Who was to be probed.
        subject: NodeId,
        /// It answered.
        is_heard: bool,
    },
    /// Neighbor to neighbor: my other neighbors, who can probe me for you.
    Neighbors {
        /// At most [`MAX_NEIGHBORS`].
        #[serde(deserialize_with = "bounded::<_, _, MAX_NEIGHBORS>")]
        records: Vec<AddressRecord>,
    },
    /// Neighbor to a new neighbor: a part of my table of members.
    Members {
        /// What this peer holds true of each; at most [`MAX_MEMBERS`].
        #[serde(deserialize_with = "bounded::<_, _, MAX_MEMBERS>")]
        members: Vec<Statement>,
    },
    /// Seed node to seed node: do you agree (R21, R22)?
    Proposal(Box<Proposal>),
    /// Seed node to seed node: I do, or I do not.
    Vote(Vote),
    /// Peer to a peer that is nearer than one of its neighbors: take me for a neighbor (X-BOT).
    Optimization {
        /// The neighbor that goes for it.
        old: NodeId,
        /// Round-trip time between the two, in microseconds.
        round_trip_us: u32,
    },
    /// The answer: we are neighbors (X-BOT). Who is not wanted gets a `Bye`.
    OptimizationReply {
        /// The neighbor that went for it; `None` when a slot was free.
        replaced: Option<AddressRecord>,
    },
    /// Neighbor to neighbor: this link ends; this one has just lost its own, too (X-BOT).
    Replace {
        /// Who waits for the receiver.
        with: AddressRecord,
    },
    /// Peer to one whom it concerns, where statements are not broadcast: this is what I say (SWIM §4).
    Statement(Box<Statement>),
}

impl Message {
    /// The message's name in `PROTOCOL.md`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "Hello",
            Self::Welcome(_) => "Welcome",
            Self::Refuse(_) => "Refuse",
            Self::Bye(_) => "Bye",
            Self::Register => "Register",
            Self::Registered { .. } => "Registered",
            Self::Renew => "Renew",
            Self::Unknown => "Unknown",
            Self::ListRequest { .. } => "ListRequest",
            Self::PeerList { .. } => "PeerList",
            Self::DeathReport(_) => "DeathReport",
            Self::Leave(_) => "Leave",
            Self::Ping(_) => "Ping",
            Self::Pong(_) => "Pong",
            Self::Gossip(_) => "Gossip",
            Self::Digest(_) => "Digest",
            Self::Pull { .. } => "Pull",
            Self::ForwardJoin(_) => "ForwardJoin",
            Self::Shuffle(_) => "Shuffle",
            Self::ShuffleReply { .. } => "ShuffleReply",
            Self::IHave { .. } => "IHave",
            Self::Graft(_) => "Graft",
            Self::Prune(_) => "Prune",
            Self::PingRequest(_) => "PingRequest",
            Self::PingRequestAnswer { .. } => "PingRequestAnswer",
            Self::Neighbors { .. } => "Neighbors",
            Self::Members { .. } => "Members",
            Self::Proposal(_) => "Proposal",
            Self::Vote(_) => "Vote",
            Self::Optimization { .. } => "Optimization",
            Self::OptimizationReply { .. } => "OptimizationReply",
            Self::Replace { .. } => "Replace",
            Self::Statement(_) => "Statement",
        }
    }
}

/// Opens every link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// Nodes of different networks refuse each other.
    pub network: NetworkName,
    /// Whom the dialer means to reach; `None` when it only has an address.
    pub to: Option<NodeId>,
    /// The dialer.
    pub from: AddressRecord,
    /// The dialer's role.
    pub role: Role,
    /// What the link is for.
    pub purpose: Purpose,
}

/// What a dialer wants of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Purpose {
    /// To be listed by a seed node.
    Register,
    /// To be neighbors.
    Neighbor {
        /// The dialer has no neighbor at all: never answer that one with "busy" (R7).
        isolated: bool,
    },
    /// Only to see whether this node answers.
    Probe,
    /// To hand a seed node one or more death reports or a leave.
    Notice,
    /// To join an overlay `hyparview` here: the dialer becomes a neighbor, and others hear of it.
    Join,
    /// To hand over the reply to a shuffle.
    Shuffle,
    /// To have somebody else probed, or to tell it of a suspicion.
    PingRequest,
    /// To compare messages once, without becoming neighbors.
    Exchange,
    /// Between seed nodes: to have the acceptor vote on the dialer's motions.
    Vote,
    /// To see how near this peer is, and to become neighbors if that is nearer for both (X-BOT).
    Optimize,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Register => "register",
            Self::Neighbor { .. } => "neighbor",
            Self::Probe => "probe",
            Self::Notice => "notice",
            Self::Join => "join",
            Self::Shuffle => "shuffle",
            Self::PingRequest => "ping request",
            Self::Exchange => "exchange",
            Self::Vote => "vote",
            Self::Optimize => "optimize",
        })
    }
}

/// Grants what a hello asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The acceptor.
    pub from: AddressRecord,
    /// The acceptor's role.
    pub role: Role,
}

/// Denies what a hello asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refuse {
    /// Who refuses. A refusal is a sign of life.
    pub from: NodeId,
    /// Which life of it.
    pub epoch: BootEpoch,
    /// Why.
    pub reason: Refusal,
}

/// Why a hello is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// All link slots are taken (`max_links`, R7).
    Busy,
    /// The seed node's list is full.
    RegistryFull,
    /// The hello names another network.
    WrongNetwork,
    /// The hello is for another node than this one.
    WrongNode,
    /// A node of this role does not do that.
    WrongRole,
    /// The dialer is this node itself.
    Yourself,
    /// The two nodes are linked, or about to be, by another connection.
    Duplicate,
    /// A newer life of the dialer is known here.
    StaleEpoch,
    /// This node is about to leave.
    Leaving,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "busy: all its link slots are taken",
            Self::RegistryFull => "its list of peers is full",
            Self::WrongNetwork => "it belongs to another network",
            Self::WrongNode => "it is another node than the one meant",
            Self::WrongRole => "its role does not offer that",
            Self::Yourself => "it is this node itself",
            Self::Duplicate => "it is linked with this node already",
            Self::StaleEpoch => "it knows a newer life of this node",
            Self::Leaving => "it is leaving",
        })
    }
}

/// Why a link ends on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Bye {
    /// What the link was for is done.
    Done,
    /// One link too many (`max_peers`, R7).
    Surplus,
    /// A newer connection between the two took its place.
    Replaced,
    /// The sender is leaving the network.
    Leaving,
    /// The seed node took the receiver off its list: register again.
    Removed,
    /// The receiver did not take its messages quickly enough.
    TooSlow,
    /// The receiver broke the protocol.
    Misbehaved,
    /// The receiver did not answer in time.
    Silent,
    /// A nearer one took its place; another one that lost its own comes (X-BOT: DISCONNECTWAIT).
    Swapped,
}

impl fmt::Display for Bye {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Done => "done",
            Self::Surplus => "surplus link",
            Self::Replaced => "replaced by a newer link",
            Self::Leaving => "leaving",
            Self::Removed => "removed from the list",
            Self::TooSlow => "too slow a reader",
            Self::Misbehaved => "protocol broken",
            Self::Silent => "no answer",
            Self::Swapped => "swapped for a nearer one",
        })
    }
}

/// Tells the seed nodes that a neighbor struck out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeathReport {
    /// Who is held dead: the life and the addresses that did not answer.
    pub subject: AddressRecord,
    /// Who says so. Must be the sender.
    pub reporter: NodeId,
    /// When, by the reporter's calendar.
    pub at: UnixTime,
    /// The reporter's signature.
    pub signature: Option<Box<Signature>>,
}

/// Tells that a node leaves on its own will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// Who leaves. Must be the sender.
    pub subject: NodeId,
    /// Which life of it.
    pub epoch: BootEpoch,
    /// The subject's signature.
    pub signature: Option<Box<Signature>>,
}

/// What a seed node asks the others before it changes its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What the vote on it will be called.
    pub number: u64,
    /// What to do.
    pub kind: ProposalKind,
    /// With whom: a vote is on this life only.
    pub subject: AddressRecord,
}

/// What a motion is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProposalKind {
    /// To list a peer that asks for it (R21).
    List,
    /// To remove an entry that did not answer the asker's probes (R22).
    Remove,
}

impl fmt::Display for ProposalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::List => "list",
            Self::Remove => "remove",
        })
    }
}

/// A seed node's answer to a motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The motion's number.
    pub number: u64,
    /// For it, or against it.
    pub agrees: bool,
}

/// A liveness request: its sender's own time and address, and a nonce nobody can guess (R15).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ping {
    /// Random per ping.
    pub nonce: u64,
    /// The sender's calendar.
    pub time: UnixTime,
    /// The sender's address.
    pub addr: SocketAddr,
}

/// One copy of a message on one link.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "(u16, Age, Arc<Envelope>)")]
pub struct Gossip {
    /// Links travelled, this one included. At most 16,383 on the wire, where it saturates.
    pub hop: Hop,
    /// How it travels.
    pub route: Route,
    /// Time since it was sent, without the time spent on wires.
    pub age: Age,
    /// The message.
    pub envelope: Arc<Envelope>,
}

/// Where hops saturate on the wire: they share a number with the route, which takes a byte for the
/// first 31 links.
const MAX_HOP: u16 = u16::MAX >> 2;

impl Serialize for Gossip {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let route = match self.route {
            Route::Usual => 0,
            Route::Detour => 1,
            Route::Renewal => 2,
        };
        let hop_route = (self.hop.0.min(MAX_HOP) << 2) | route;
        (hop_route, self.age, &self.envelope).serialize(serializer)
    }
}

impl TryFrom<(u16, Age, Arc<Envelope>)> for Gossip {
    type Error = &'static str;

    fn try_from(
        (hop_route, age, envelope): (u16, Age, Arc<Envelope>),
    ) -> Result<Self, Self::Error> {
        let route = match hop_route & 3 {
            0 => Route::Usual,
            1 => Route::Detour,
            2 => Route::Renewal,
            _ => return Err("no route has the number 3"),
        };
        Ok(Self { hop: Hop(hop_route >> 2), route, age, envelope })
    }
}

/// What a node holds, for its neighbor to compare.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    /// Ids of stored messages, at most [`MAX_IDS`].
    #[serde(deserialize_with = "bounded::<_, _, MAX_IDS>")]
    pub ids: Vec<MessageId>,
    /// The receiver shall send its own digest back.
    pub reply: bool,
}

/// How old a message is, in milliseconds: summed up by the nodes that held it, each with its own
/// clock, so that no two clocks have to agree. Saturates at 49 days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Age(u32);

impl Age {
    /// The age of something that happened `duration` ago.
    pub fn new(duration: Duration) -> Self {
        Self(saturating_millis(duration))
    }

    /// As a duration.
    pub fn duration(self) -> Duration {
        Duration::from_millis(self.0.into())
    }
}

/// Which network a node belongs to: 1 to [`NetworkName::MAX`] bytes of text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct NetworkName(Box<str>);

impl NetworkName {
    /// Most bytes of a network's name.
    pub const MAX: usize = 64;

    /// This name; `None` when it is empty or longer than [`NetworkName::MAX`] bytes.
    pub fn new(name: impl Into<Box<str>>) -> Option<Self> {
        let name = name.into();
        (1..=Self::MAX).contains(&name.len()).then_some(Self(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `tidings`.
impl Default for NetworkName {
    fn default() -> Self {
        Self("tidings".into())
    }
}

impl<'de> Deserialize<'de> for NetworkName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <&str>::deserialize(deserializer)?;
        Self::new(String::from(name))
            .ok_or_else(|| serde::de::Error::custom("a network name has 1 to 64 bytes"))
    }
}
