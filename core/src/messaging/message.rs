//! One message of an envelope.

use alloc::sync::Arc;
use core::fmt;

use crate::id::{BootEpoch, MessageId, NodeId, Sequence};
use crate::messaging::envelope::Place;
use crate::messaging::{Envelope, Payload, Topic};
use crate::time::UnixTime;

/// What was said, and the envelope that it came in. (origin, epoch, sequence) name it; the id is its
/// envelope's, which it may share with others.
#[derive(Clone, PartialEq, Eq)]
pub struct GossipMessage {
    envelope: Arc<Envelope>,
    sequence: Sequence,
    place: Place,
}

impl GossipMessage {
    /// All messages of an envelope, in the order in which they were said.
    pub fn all(envelope: &Arc<Envelope>) -> impl Iterator<Item = Self> + use<'_> {
        envelope.places().zip(envelope.sequences()).map(|(place, sequence)| Self {
            envelope: Arc::clone(envelope),
            sequence,
            place,
        })
    }

    /// The envelope that it came in.
    pub const fn envelope(&self) -> &Arc<Envelope> {
        &self.envelope
    }

    /// The id of its envelope.
    pub fn id(&self) -> MessageId {
        self.envelope.id()
    }

    /// Who said it.
    pub fn origin(&self) -> NodeId {
        self.envelope.origin()
    }

    /// In which life.
    pub fn epoch(&self) -> BootEpoch {
        self.envelope.epoch()
    }

    /// Its number among the origin's messages of that life.
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// What it is about.
    pub fn topic(&self) -> &Topic {
        self.envelope.topic()
    }

    /// What the origin's calendar said; for people, nothing is decided by it.
    pub fn sent(&self) -> UnixTime {
        self.envelope.sent()
    }

    /// What was said. It shares the bytes of the whole envelope and keeps them in memory.
    pub fn payload(&self) -> Payload {
        self.envelope.payload_at(self.place)
    }
}

impl fmt::Debug for GossipMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, sequence) = (self.id(), self.sequence);
        write!(f, "{} of {}: {:?} ({id})", sequence, self.origin(), self.payload())
    }
}
