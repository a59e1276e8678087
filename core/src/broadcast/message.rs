//! Messages of the broadcasts `flood` and `plumtree`, and of catch-up.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use postcard::ser_flavors::Flavor;
use postcard::take_from_bytes;
use serde::{Deserialize, Serialize};

use crate::broadcast::plumtree::message::{Graft, IHave, Prune, Route};
use crate::id::{Hop, MessageId};
use crate::messaging::Envelope;
use crate::time::saturating_millis;
use crate::util::bounded::bounded;
use crate::wire::limits::{MAX_IDS, MAX_IHAVES};

/// Messages of the broadcasts `flood` and `plumtree`, and of catch-up.
///
/// The order of the variants is that of their tags in `wire/tags.rs`, `Gossip` apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BroadcastMessage {
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
    /// Neighbor to neighbor: what I take, and how far sources have to wait.
    Credit {
        /// Whether payloads are sent now; else they wait, and their names come.
        payloads: bool,
        /// Who speaks within so many links of the receiver waits, 0 to 16; 0: nobody.
        pressure: u8,
    },
    /// A gossip message on its way to everybody (R13). It is written and read by itself, last here so
    /// that serde numbers the others without it.
    #[serde(skip)]
    Gossip(Gossip),
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
            Self::Credit { .. } => "Credit",
        }
    }
}

/// One copy of a message on one link.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// Where hops saturate on the wire: they share a number with two flags, which takes a byte for the
/// first 31 links.
const MAX_HOP: u16 = u16::MAX >> 2;

/// The flag of a copy that travels in the tree of another source, which is named after the number.
const FOREIGN: u16 = 2;

/// The other flag: of a foreign copy that it is a detour, of others that they renew their tree.
const MARKED: u16 = 1;

impl Gossip {
    /// Writes a byte in the place of its tag, what belongs to this copy, and the envelope as it came.
    pub(crate) fn write<F: Flavor>(&self, flavor: F) -> postcard::Result<F::Output> {
        let hop = self.hop.0.min(MAX_HOP) << 2;
        let mut serializer = postcard::Serializer { output: flavor };
        match self.route {
            Route::Usual => (0_u8, hop).serialize(&mut serializer)?,
            Route::Renewal => (0_u8, hop | MARKED).serialize(&mut serializer)?,
            Route::Along(it) => (0_u8, hop | FOREIGN, it).serialize(&mut serializer)?,
            Route::Detour(it) => (0_u8, hop | FOREIGN | MARKED, it).serialize(&mut serializer)?,
        }
        self.age.serialize(&mut serializer)?;
        self.envelope.write(&mut serializer)?;
        serializer.output.finalize()
    }

    /// Reads what stands behind the tag. Returns what is left of the bytes.
    pub(crate) fn read(bytes: &[u8]) -> postcard::Result<(Self, &[u8])> {
        let (hop_flags, rest) = take_from_bytes::<u16>(bytes)?;
        let is_marked = hop_flags & MARKED != 0;
        let (route, rest) = if hop_flags & FOREIGN == 0 {
            (if is_marked { Route::Renewal } else { Route::Usual }, rest)
        } else {
            let (it, rest) = take_from_bytes(rest)?;
            (if is_marked { Route::Detour(it) } else { Route::Along(it) }, rest)
        };
        let (age, rest) = take_from_bytes::<Age>(rest)?;
        let (envelope, rest) = Envelope::read(rest)?;
        if route.tree() == Some(envelope.origin()) {
            // Its own tree is not another's.
            return Err(postcard::Error::DeserializeBadEncoding);
        }
        Ok((Self { hop: Hop(hop_flags >> 2), route, age, envelope: Arc::new(envelope) }, rest))
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
