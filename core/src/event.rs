//! What a node tells whoever watches: logs, programs, checks, reports.

use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::{AddressRecord, RecordError};
use crate::config::MAX_SEED_NODES;
use crate::failure::{DialFailure, LinkLoss};
use crate::id::{BootEpoch, Hop, LinkOrigin, MessageId, NodeId, Sequence};
use crate::messaging::GossipMessage;
use crate::wire::{Bye, DecodeError, Evidence, ProposalKind, Purpose, Refusal};

/// What happened, for logs, programs and checks. Events carry no obligations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The process stood still or the machine slept, for at least half of `store_age`. A peer gives up its
    /// links with all that lies in their buffers, and compares what it holds with neighbors anew.
    StoodStill {
        /// For how long, as far as its clocks tell.
        time: Duration,
    },
    /// Peer: a seed node lists this node (R5).
    Registered {
        /// The seed node.
        seed_node: AddressRecord,
    },
    /// Peer: a seed node no longer lists this node, or cannot be reached.
    RegistrationLost {
        /// Its address as it was given.
        addr: SocketAddr,
        /// What became of it.
        reason: RegistrationLoss,
    },
    /// Peer: a list came (R6, R25).
    ListReceived {
        /// From this seed node.
        from: NodeId,
        /// Its entries.
        peers: Vec<AddressRecord>,
    },
    /// Peer: a new neighbor.
    NeighborUp {
        /// The neighbor.
        peer: AddressRecord,
        /// Who opened the link.
        origin: LinkOrigin,
    },
    /// Peer: a neighbor less.
    NeighborDown {
        /// The neighbor it was.
        peer: AddressRecord,
        /// What happened to it.
        reason: NeighborLoss,
    },
    /// Peer: a hello was refused (R7), by the other side.
    NeighborRefused {
        /// By whom.
        by: NodeId,
        /// Why.
        reason: Refusal,
    },
    /// Peer: this node's own message is on its way.
    Published {
        /// The message, in its envelope.
        envelope: GossipMessage,
        /// How long it was gathered before its envelope was sealed.
        waited: Duration,
    },
    /// Peer: a message, for the first time (R13, R25).
    Delivered {
        /// The message, in its envelope.
        envelope: GossipMessage,
        /// The neighbor it came from.
        from: NodeId,
        /// That neighbor's address.
        addr: SocketAddr,
        /// Links it travelled.
        hop: Hop,
        /// It was sent before this node was born.
        history: bool,
    },
    /// Peer: a message that was here before.
    Duplicate {
        /// The message's envelope.
        id: MessageId,
        /// The message's number.
        sequence: Sequence,
        /// The neighbor it came from.
        from: NodeId,
    },
    /// Peer: a message so old that nobody can say whether it was here before. Not delivered.
    TooOld {
        /// The message's envelope.
        id: MessageId,
        /// The message's number.
        sequence: Sequence,
        /// The neighbor it came from.
        from: NodeId,
    },
    /// Peer: a neighbor, present or lost, missed one more answer (R17).
    Strike {
        /// Who.
        subject: AddressRecord,
        /// How many in a row.
        strikes: u8,
        /// What was missed.
        kind: StrikeKind,
    },
    /// Peer: three strikes; the seed nodes are being told (R17, R25).
    DeathReported {
        /// Who is held dead.
        subject: AddressRecord,
    },
    /// Peer: a notice did not reach a seed node.
    NoticeLost {
        /// The seed node's address.
        addr: SocketAddr,
    },
    /// Seed node: somebody connected and said what for (R24).
    ConnectionRequested {
        /// Who, with the address it listens on.
        from: AddressRecord,
        /// What for.
        purpose: Purpose,
    },
    /// Seed node: a new entry (R24).
    PeerRegistered {
        /// The entry.
        peer: AddressRecord,
    },
    /// Seed node: an entry less (R24).
    PeerRemoved {
        /// The entry.
        peer: AddressRecord,
        /// Why.
        reason: Removal,
    },
    /// Seed node: an entry is being probed.
    PeerProbing {
        /// The entry.
        peer: AddressRecord,
        /// Why.
        reason: ProbeReason,
    },
    /// Seed node: a death report came (R24).
    ReportReceived {
        /// Against whom.
        subject: AddressRecord,
        /// From whom.
        reporter: NodeId,
        /// What it led to.
        outcome: ReportOutcome,
    },
    /// Seed node: the subject of a report answered. Counted against the reporter (R20).
    FalseReport {
        /// Who is alive.
        subject: NodeId,
        /// Who said otherwise.
        reporter: NodeId,
        /// How often this reporter has been wrong.
        count: u64,
    },
    /// A hello was refused, by this node.
    HelloRefused {
        /// Who asked.
        from: AddressRecord,
        /// Why not.
        reason: Refusal,
    },
    /// A node broke the protocol; its link was closed where that helps.
    Misbehaved {
        /// The other end of the link.
        addr: SocketAddr,
        /// Who, when it said so.
        node: Option<NodeId>,
        /// What it did.
        kind: Misbehavior,
    },
    /// A command was not carried out; nothing changed.
    Rejected(Rejection),
    /// The node has left; its driver can stop.
    Left,
    /// Peer: it now holds this of a member (R23).
    Member {
        /// Who.
        subject: AddressRecord,
        /// What of it.
        state: MemberState,
        /// Who said so first.
        by: NodeId,
        /// What that one saw, of the suspect and the dead.
        evidence: Option<Evidence>,
    },
    /// Seed node: a proposal of its own has come to an end (R21, R22).
    Voted {
        /// Whom it was about.
        subject: AddressRecord,
        /// What was to be done.
        kind: ProposalKind,
        /// What came of it.
        outcome: VoteOutcome,
    },
    /// Another life of a node is known than the one it is in, of somebody or of this node itself.
    OtherLife {
        /// The newer life.
        known: AddressRecord,
        /// What came of it.
        news: LifeNews,
    },
    /// Seed node: a link over which it asks another seed node for votes is lost, or did not come up.
    SeedNodeLost {
        /// The other seed node's address, as it was given.
        addr: SocketAddr,
    },
    /// An address among the seed nodes of the settings is none of another seed node. It counts for no quorum.
    /// Told once, until a seed node is met there.
    SeedNodeSkipped {
        /// The address, as it was given.
        addr: SocketAddr,
        /// Whose it is.
        reason: SkipReason,
    },
    /// This node announces other addresses from now on.
    Moved {
        /// Its new record.
        record: AddressRecord,
    },
    /// Peer: it has had no neighbor for a while, and none of the peers that it tried can be reached where they
    /// say that they are. Told once a minute while that lasts.
    NobodyReached {
        /// How many different peers it has tried.
        peers: usize,
        /// How often in all.
        attempts: u64,
        /// The last one, with the addresses that it announces.
        peer: AddressRecord,
        /// What came of that.
        reason: ContactFailure,
    },
}

/// Why a peer was not found at its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContactFailure {
    /// No connection came to stand.
    Dial(DialFailure),
    /// It was lost before the hello was answered.
    Lost(LinkLoss),
    /// What answers there speaks another protocol.
    Garbled,
    /// Another node answers there.
    Refused(Refusal),
}

/// Why an address of the settings is not taken for a seed node's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It is this node's own.
    Own,
    /// A node answers there that is no seed node.
    NoSeedNode,
}

/// What comes of it that two lives of one node meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LifeNews {
    /// A node came in this older life, and is shown the newer one.
    Shown(AddressRecord),
    /// This node came in an older life, and is now in this one, which is newer still.
    Begun(BootEpoch),
    /// This node stays in its older life: the known one begins more than a day after what its calendar says,
    /// or a life was begun before.
    Kept,
    /// The newer life is in use elsewhere, as by a copied data folder. This node ends.
    InUse,
}

/// What became of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistrationLoss {
    /// The dial failed.
    Unreachable(DialFailure),
    /// No answered hello in time, or three renewals without an answer.
    Silent,
    /// The link was lost.
    LinkLost(LinkLoss),
    /// The seed node ended the link.
    Bye(Bye),
    /// The seed node refused.
    Refused(Refusal),
    /// The seed node had forgotten this node, which registers again.
    Forgotten,
    /// The seed node is no longer in this node's settings.
    Dropped,
}

/// What happened to a neighbor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeighborLoss {
    /// It left on its own will.
    Left,
    /// It ended the link.
    Bye(Bye),
    /// This node ended the link.
    Dropped(Bye),
    /// The link was lost, which starts the strikes.
    LinkLost(LinkLoss),
    /// It sent bytes that are no message.
    Garbled,
}

/// What a peer holds of a member (SWIM §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MemberState {
    /// It lives.
    Alive,
    /// It did not answer somebody, and may yet refute.
    Suspect,
    /// It did not refute in time.
    Dead,
    /// It left on its own will.
    Left,
}

/// What a strike is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StrikeKind {
    /// A ping without an answer in time.
    Ping,
    /// No connection in time, with the detector `connect`.
    Connect,
    /// A redial without an answered hello.
    Redial,
}

/// Why an entry left the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It said so itself.
    Left,
    /// It did not answer this seed node's own probe.
    Dead,
    /// It lives, but on no link with this seed node, and let its lease run out.
    LeaseExpired,
    /// Its address is held by a newer life of the same node, or by another node.
    Superseded,
}

/// Why an entry is probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeReason {
    /// Its link was lost.
    LinkLost,
    /// Its lease ran out.
    LeaseExpired,
    /// It was reported dead.
    Reported,
    /// Another seed node holds it dead and asks (R22).
    VoteRequested,
}

/// What came of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VoteOutcome {
    /// A quorum of the seed nodes agreed.
    Passed,
    /// So many disagreed that there will be no quorum.
    Rejected,
    /// Too few answered in time.
    NoQuorum,
    /// The subject gave a sign of life, left, or lost its link meanwhile.
    Void,
}

/// What a death report led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportOutcome {
    /// The subject is being probed.
    Probing,
    /// More reporters are needed (`confirmations`).
    Noted,
    /// The subject is not listed, or in a newer life.
    Ignored,
}

/// A rule of the protocol that a remote node broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misbehavior {
    /// Bytes that are no message. The link is closed.
    #[error("garbled: {0}")]
    Garbled(DecodeError),
    /// A message that makes no sense on this link at this time. The link is closed.
    #[error("unexpected {0}")]
    Unexpected(&'static str),
    /// A pong that repeats no ping. It is not taken as an answer.
    #[error("pong does not match the ping")]
    WrongEcho,
    /// A report or leave in somebody else's name. It is ignored and the link is closed.
    #[error("{0} in another node's name")]
    Forged(&'static str),
}

/// Why a command was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// Seed nodes never carry gossip (R1).
    #[error("a seed node carries no gossip")]
    NotAPeer,
    /// So many different seed nodes cannot be used: 1 to
    /// [`MAX_SEED_NODES`](crate::MAX_SEED_NODES) can.
    #[error("{0} different seed nodes, allowed are 1 to {max}", max = MAX_SEED_NODES)]
    SeedNodeCount(usize),
    /// The node is leaving.
    #[error("the node is leaving")]
    Leaving,
    /// Topics that begin with `tidings.` are the network's own.
    #[error("topics that begin with \"tidings.\" are the network's own")]
    ReservedTopic,
    /// These cannot be announced as a node's addresses.
    #[error("the addresses to announce: {0}")]
    Addresses(RecordError),
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "it is this node's own address",
            Self::NoSeedNode => "a node answers there that is no seed node",
        })
    }
}

impl fmt::Display for ContactFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dial(failure) => failure.fmt(f),
            Self::Lost(loss) => loss.fmt(f),
            Self::Garbled => f.write_str("it speaks another protocol"),
            Self::Refused(reason) => reason.fmt(f),
        }
    }
}

impl fmt::Display for RegistrationLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(failure) => failure.fmt(f),
            Self::Silent => f.write_str("no answer in time"),
            Self::LinkLost(loss) => loss.fmt(f),
            Self::Bye(bye) => bye.fmt(f),
            Self::Refused(reason) => reason.fmt(f),
            Self::Forgotten => f.write_str("forgotten by the seed node"),
            Self::Dropped => f.write_str("no longer in the settings"),
        }
    }
}

impl fmt::Display for NeighborLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Left => f.write_str("it left"),
            Self::Bye(bye) => write!(f, "ended by it: {bye}"),
            Self::Dropped(bye) => write!(f, "ended by this node: {bye}"),
            Self::LinkLost(loss) => loss.fmt(f),
            Self::Garbled => f.write_str("it broke the protocol"),
        }
    }
}

impl fmt::Display for MemberState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Suspect => "suspect",
            Self::Dead => "dead",
            Self::Left => "left",
        })
    }
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkLost => f.write_str("its link broke, and it could not be reached again"),
            Self::Refused => f.write_str("its machine refuses connections"),
            Self::Silent { asked: 0, .. } => f.write_str("it did not answer"),
            Self::Silent { asked, nacks, .. } => {
                write!(f, "it did not answer, nor {nacks} of the {asked} others that were asked")
            }
            Self::Hearsay => f.write_str("others said so"),
        }
    }
}

impl fmt::Display for StrikeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ping => "ping not answered",
            Self::Connect => "no connection",
            Self::Redial => "redial not answered",
        })
    }
}

impl fmt::Display for Removal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Left => "left",
            Self::Dead => "dead",
            Self::LeaseExpired => "lease lapsed",
            Self::Superseded => "superseded",
        })
    }
}

impl fmt::Display for ProbeReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LinkLost => "link lost",
            Self::LeaseExpired => "lease expired",
            Self::Reported => "reported dead",
            Self::VoteRequested => "held dead by a seed node",
        })
    }
}

impl fmt::Display for ReportOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Probing => "probing",
            Self::Noted => "noted",
            Self::Ignored => "ignored",
        })
    }
}

impl fmt::Display for VoteOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Passed => "passed",
            Self::Rejected => "rejected",
            Self::NoQuorum => "no quorum in time",
            Self::Void => "void",
        })
    }
}
