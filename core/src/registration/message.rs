//! Messages between a peer and a seed node.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::address::{AddressRecord, Signature};
use crate::id::{BootEpoch, NodeId};
use crate::time::UnixTime;
use crate::util::bounded::bounded;
use crate::wire::limits::MAX_SAMPLE;

/// Messages between a peer and a seed node.
///
/// The order of the variants is that of their tags in `wire/tags.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistrationMessage {
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
        /// Distinct random entries, without the requester's own; at most [`MAX_SAMPLE`].
        #[serde(deserialize_with = "bounded::<_, _, MAX_SAMPLE>")]
        peers: Vec<AddressRecord>,
    },
    /// Peer to seed node: three strikes against this node (R17).
    DeathReport(Box<DeathReport>),
    /// To neighbors and seed nodes: I am leaving (R19).
    Leave(Leave),
}

impl RegistrationMessage {
    /// The message's name in `PROTOCOL.md`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Register => "Register",
            Self::Registered { .. } => "Registered",
            Self::Renew => "Renew",
            Self::Unknown => "Unknown",
            Self::ListRequest { .. } => "ListRequest",
            Self::PeerList { .. } => "PeerList",
            Self::DeathReport(_) => "DeathReport",
            Self::Leave(_) => "Leave",
        }
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
