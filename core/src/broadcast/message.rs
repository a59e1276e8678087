//! Messages of the broadcasts `flood` and `plumtree`, and of catch-up.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use serde::{Deserialize, Serialize, Serializer};

use crate::broadcast::plumtree::message::{Graft, IHave, Prune, Route};
use crate::id::{Hop, MessageId};
use crate::messaging::Envelope;
use crate::time::saturating_millis;
use crate::util::bounded::bounded;
use crate::wire::limits::{MAX_IDS, MAX_IHAVES};

/// Messages of the broadcasts `flood` and `plumtree`, and of catch-up.
///
/// The order of the variants is that of their tags in `wire/tags.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BroadcastMessage {
    /// A gossip message on its way to everybody (R13).
    Gossip(Gossip),
    /// Neighbor to neighbor: what I hold (R34).
    Digest(Digest),
    /// Neighbor to neighbor: send me these (R34).
    Pull {
        /// Ids the requester lacks, at most [`MAX_IDS`].
        #[serde(deserialize_with = "bounded::<_, _, MAX_IDS>")]
        ids: Vec<MessageId>,
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
}

impl BroadcastMessage {
    /// The message's name in `PROTOCOL.md`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gossip(_) => "Gossip",
            Self::Digest(_) => "Digest",
            Self::Pull { .. } => "Pull",
            Self::IHave { .. } => "IHave",
            Self::Graft(_) => "Graft",
            Self::Prune(_) => "Prune",
        }
    }
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
