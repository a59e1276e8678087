//! Messages of the detector `swim`: statements about members (DSN 2002, §4; Lifeguard, DSN-W 2018).
//!
//! A statement travels as the payload of a broadcast message under the topic
//! [`Topic::members`](crate::Topic::members), so that it needs no way of its own; without tables of
//! members as a message to those whom it concerns.

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::address::{AddressRecord, Signature};
use crate::id::{Incarnation, NodeId};
use crate::messaging::Payload;
use crate::util::bounded::bounded;
use crate::wire::error::DecodeError;
use crate::wire::limits::{MAX_CONFIRMERS, MAX_MEMBERS, MAX_NEIGHBORS};

/// Messages of the detector `swim` between two peers.
///
/// The order of the variants is that of their tags in `wire/tags.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SwimMessage {
    /// Peer to a peer that may reach the subject: probe it for me (ping-req, SWIM §3.1).
    PingRequest {
        /// Who is to be probed.
        subject: Box<AddressRecord>,
        /// For how long an answer is waited for, in milliseconds.
        wait_ms: u32,
    },
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
    /// Peer to one whom it concerns, where statements are not broadcast: this is what I say (SWIM §4).
    Statement(Box<Statement>),
}

impl SwimMessage {
    /// The message's name in `PROTOCOL.md`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PingRequest { .. } => "PingRequest",
            Self::PingRequestAnswer { .. } => "PingRequestAnswer",
            Self::Neighbors { .. } => "Neighbors",
            Self::Members { .. } => "Members",
            Self::Statement(_) => "Statement",
        }
    }
}

/// What somebody says of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Of whom, in which life.
    pub subject: AddressRecord,
    /// The subject's own counter: it alone raises it, to refute (SWIM §4.2).
    pub incarnation: Incarnation,
    /// What is said.
    pub claim: Claim,
    /// Who says it: the subject itself, or its accuser.
    pub by: NodeId,
    /// The speaker's signature.
    pub signature: Option<Box<Signature>>,
}

/// What is said of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Claim {
    /// It lives: it joined, or refutes. Only it may say so.
    Alive,
    /// It did not answer this speaker.
    Suspect(Evidence),
    /// Its suspicion was not refuted in time.
    Dead {
        /// What the speaker saw itself.
        evidence: Evidence,
        /// Who else suspected it, at most [`MAX_CONFIRMERS`].
        #[serde(deserialize_with = "bounded::<_, _, MAX_CONFIRMERS>")]
        confirmers: Vec<NodeId>,
    },
    /// It left on its own will. Only it may say so.
    Left,
}

/// What an accuser saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Evidence {
    /// Its link broke, and it could not be reached again.
    LinkLost,
    /// Its machine refuses connections.
    Refused,
    /// Probes were not answered.
    Silent {
        /// The last round-trip time to it, in microseconds; 0 when it never answered.
        round_trip_us: u32,
        /// Others that were asked to probe it.
        asked: u8,
        /// How many of them answered that they got no answer either.
        nacks: u8,
    },
    /// Only what others said.
    Hearsay,
}

impl Statement {
    /// As the payload of a broadcast message.
    ///
    /// # Panics
    ///
    /// Never: statements are made of bounded parts.
    pub fn to_payload(&self) -> Payload {
        let bytes = postcard::to_allocvec(self).expect("statements are made of bounded parts");
        Payload::new(bytes).expect("a statement is far shorter than the longest payload")
    }

    /// Reads the payload of a broadcast message.
    pub fn from_payload(payload: &Payload) -> Result<Self, DecodeError> {
        match postcard::take_from_bytes(payload.as_bytes()) {
            Ok((statement, [])) => Ok(statement),
            Ok((_, rest)) => Err(DecodeError::Trailing(rest.len())),
            Err(_) => Err(DecodeError::Malformed),
        }
    }
}
