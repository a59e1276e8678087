//! Messages of the overlay `hyparview`, and of its search for near neighbors (X-BOT).

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use crate::address::AddressRecord;
use crate::id::NodeId;
use crate::util::bounded::bounded;
use crate::wire::limits::MAX_SHUFFLE;

/// Messages of the overlay `hyparview`, and of its search for near neighbors (X-BOT).
///
/// The order of the variants is that of their tags in `wire/tags.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OverlayMessage {
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
}

impl OverlayMessage {
    /// The message's name in `PROTOCOL.md`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::ForwardJoin(_) => "ForwardJoin",
            Self::Shuffle(_) => "Shuffle",
            Self::ShuffleReply { .. } => "ShuffleReply",
            Self::Optimization { .. } => "Optimization",
            Self::OptimizationReply { .. } => "OptimizationReply",
            Self::Replace { .. } => "Replace",
        }
    }
}

const HALF: usize = MAX_SHUFFLE / 2;

/// A newcomer on its random walk (§4.2, Algorithm 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardJoin {
    /// Who joins.
    pub joiner: AddressRecord,
    /// Links left to travel.
    pub ttl: u8,
}

/// A part of somebody's views on its random walk, to be exchanged for a part of another's (§4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shuffle {
    /// Whose views. Gets the reply.
    pub origin: AddressRecord,
    /// Links left to travel.
    pub ttl: u8,
    /// Neighbors of the origin, at most half of [`MAX_SHUFFLE`].
    #[serde(deserialize_with = "bounded::<_, _, HALF>")]
    pub active: Vec<AddressRecord>,
    /// Peers from its passive view, at most half of [`MAX_SHUFFLE`].
    #[serde(deserialize_with = "bounded::<_, _, HALF>")]
    pub passive: Vec<AddressRecord>,
}
