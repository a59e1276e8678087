//! Messages of links: how they begin, whether they live, how they end.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::net::SocketAddr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::address::AddressRecord;
use crate::id::{BootEpoch, NodeId, Role};
use crate::links::parts::{NoStanding, Parts, Standing};
use crate::time::UnixTime;

/// Messages of links: how they begin, whether they live, how they end.
///
/// The order of the variants is that of their tags in `wire/tags.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkMessage {
    /// Dialer to acceptor, first of all: who I am and what I want.
    Hello(Box<Hello>),
    /// Acceptor to dialer: granted.
    Welcome(Welcome),
    /// Acceptor to dialer: not granted, and why. The link ends.
    Refuse(Refuse),
    /// Either side: the link ends on purpose, so nobody needs to worry.
    Bye(Bye),
    /// Neighbor to neighbor: are you there (R15)?
    Ping(Ping),
    /// The answer, repeating the ping's fields (R15).
    Pong(Ping),
    /// To a node that came in an older life than one of it that is known: this is what is known. A refusal
    /// may follow.
    KnownLife(Box<KnownLife>),
}

impl LinkMessage {
    /// The message's name in `PROTOCOL.md`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Hello(_) => "Hello",
            Self::Welcome(_) => "Welcome",
            Self::Refuse(_) => "Refuse",
            Self::Bye(_) => "Bye",
            Self::Ping(_) => "Ping",
            Self::Pong(_) => "Pong",
            Self::KnownLife(_) => "KnownLife",
        }
    }
}

/// Opens every link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawHello", into = "RawHello")]
pub struct Hello {
    /// Nodes of different networks refuse each other.
    pub network: NetworkName,
    /// Whom the dialer means to reach; `None` when it only has an address.
    pub to: Option<NodeId>,
    /// The dialer.
    pub from: AddressRecord,
    /// The dialer's role.
    pub role: Role,
    /// The parts that the dialer runs, if it is a peer.
    pub parts: Option<Parts>,
    /// What the link is for.
    pub purpose: Purpose,
}

/// What stands on the wire, in this order.
#[derive(Serialize, Deserialize)]
struct RawHello {
    network: NetworkName,
    to: Option<NodeId>,
    from: AddressRecord,
    standing: Standing,
    purpose: Purpose,
}

impl From<Hello> for RawHello {
    fn from(hello: Hello) -> Self {
        let Hello { network, to, from, role, parts, purpose } = hello;
        Self { network, to, from, standing: Standing::new(role, parts), purpose }
    }
}

impl TryFrom<RawHello> for Hello {
    type Error = NoStanding;

    fn try_from(raw: RawHello) -> Result<Self, NoStanding> {
        let RawHello { network, to, from, standing, purpose } = raw;
        let (role, parts) = standing.read()?;
        Ok(Self { network, to, from, role, parts, purpose })
    }
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
    /// Between seed nodes: to have the acceptor vote on the dialer's proposals.
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

/// A life of the receiver that is newer than the one it came in: its epoch was lost, or its data folder copied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownLife {
    /// What the sender knows of it.
    pub record: AddressRecord,
    /// That life is linked with the sender now.
    pub is_linked: bool,
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
    /// A seed node whose settings do not name the dialer among those that decide together.
    NotNamed,
    /// The two run parts that do not understand each other.
    OtherParts {
        /// Those of the node that refuses.
        has: Parts,
        /// Those of the dialer.
        asks: Parts,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherParts { has, asks } => {
                return write!(f, "settings differ: it has {has}; who asks has {asks}");
            }
            Self::Busy => "busy: all its link slots are taken",
            Self::RegistryFull => "its list of peers is full",
            Self::WrongNetwork => "it belongs to another network",
            Self::WrongNode => "it is another node than the one meant",
            Self::WrongRole => "its role does not offer that",
            Self::Yourself => "it is this node itself",
            Self::Duplicate => "it is linked with this node already",
            Self::StaleEpoch => "it knows a newer life of this node",
            Self::Leaving => "it is leaving",
            Self::NotNamed => "its settings do not name this seed node",
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
