//! The envelope of a gossip message: what its origin wrote, under an id that nobody can choose.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::hash::{Hash, Hasher};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use crate::address::Signature;
use crate::id::{BootEpoch, MessageId, NodeId, Sequence};
use crate::time::UnixTime;

/// What people or programs say: at most [`Payload::MAX`] bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(Bytes);

impl Payload {
    /// Most bytes of a payload: 60 KiB, so that any message fits one frame.
    pub const MAX: usize = 60 * 1024;

    /// These bytes, unless they are too many.
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, TooLong> {
        let bytes = bytes.into();
        TooLong::check("payload", bytes.len(), Self::MAX)?;
        Ok(Self(bytes))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(&self.0) {
            Ok(text) if text.len() <= 64 => write!(f, "{text:?}"),
            _ => write!(f, "[{} bytes]", self.0.len()),
        }
    }
}

/// What a message is about: at most [`Topic::MAX`] bytes of text, empty for none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Topic(Box<str>);

impl Topic {
    /// Most bytes of a topic's text.
    pub const MAX: usize = 64;

    /// This text, unless it is too long.
    pub fn new(text: impl Into<Box<str>>) -> Result<Self, TooLong> {
        let text = text.into();
        TooLong::check("topic", text.len(), Self::MAX)?;
        Ok(Self(text))
    }

    /// The topic of statements about members, which are the network's own affair.
    pub fn members() -> Self {
        Self("tidings.members".into())
    }

    /// Whether people and programs may not use it.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("tidings.")
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Something to say is longer than the network carries. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} of {len} bytes, at most {max} are allowed")]
pub struct TooLong {
    /// Which part.
    pub what: &'static str,
    /// Its length in bytes.
    pub len: usize,
    /// The most bytes it may have.
    pub max: usize,
}

impl TooLong {
    fn check(what: &'static str, len: usize, max: usize) -> Result<(), Self> {
        if len > max { Err(Self { what, len, max }) } else { Ok(()) }
    }
}

/// A gossip message as its origin sealed it, together with its id.
///
/// The id is computed once, when the message is made or its frame is decoded, and travels with the
/// shared envelope from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    id: MessageId,
    body: Body,
}

/// What stands on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Body {
    origin: NodeId,
    epoch: BootEpoch,
    sequence: Sequence,
    topic: Topic,
    sent: UnixTime,
    payload: Payload,
    signature: Option<Box<Signature>>,
}

impl Envelope {
    /// Seals `payload` as the `sequence`-th message of `origin`'s life `epoch`.
    pub fn new(
        (origin, epoch): (NodeId, BootEpoch),
        sequence: Sequence,
        sent: UnixTime,
        topic: Topic,
        payload: Payload,
    ) -> Self {
        Self::seal(Body { origin, epoch, sequence, topic, sent, payload, signature: None })
    }

    fn seal(body: Body) -> Self {
        Self { id: body.id(), body }
    }

    /// What message this is.
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Who said it.
    pub const fn origin(&self) -> NodeId {
        self.body.origin
    }

    /// In which life.
    pub const fn epoch(&self) -> BootEpoch {
        self.body.epoch
    }

    /// Its number among the origin's messages of that life.
    pub const fn sequence(&self) -> Sequence {
        self.body.sequence
    }

    /// What it is about.
    pub const fn topic(&self) -> &Topic {
        &self.body.topic
    }

    /// What the origin's calendar said; for people, nothing is decided by it.
    pub const fn sent(&self) -> UnixTime {
        self.body.sent
    }

    /// What was said.
    pub const fn payload(&self) -> &Payload {
        &self.body.payload
    }

    /// Bytes that keeping this message costs, for stores bounded by bytes.
    pub(crate) fn cost(&self) -> usize {
        size_of::<Self>() + self.body.topic.0.len() + self.body.payload.0.len()
    }
}

/// Equal envelopes have equal ids, so the id is enough.
impl Hash for Envelope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Body {
    /// Variable parts are preceded by their length, so that no two bodies hash the same bytes.
    fn id(&self) -> MessageId {
        let mut hash = Sha256::new();
        hash.update(self.origin.as_bytes());
        hash.update(self.epoch.0.to_be_bytes());
        hash.update(self.sequence.0.to_be_bytes());
        for part in [self.topic.0.as_bytes(), &self.payload.0] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        MessageId::new(hash.finalize().into())
    }
}

impl Serialize for Envelope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.body.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Envelope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Body::deserialize(deserializer).map(Self::seal)
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(deserializer)?;
        Self::new(Bytes::copy_from_slice(bytes)).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&str>::deserialize(deserializer)?;
        Self::new(String::from(text)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn envelope(sequence: u64, topic: &str, payload: &str) -> Envelope {
        Envelope::new(
            (NodeId::new([1; 32]), BootEpoch(7)),
            Sequence(sequence),
            UnixTime::from_millis(5),
            Topic::new(topic).expect("short"),
            Payload::new(payload.as_bytes().to_vec()).expect("short"),
        )
    }

    #[test]
    fn the_same_text_twice_is_two_messages() {
        assert_ne!(envelope(1, "", "hello").id(), envelope(2, "", "hello").id());
        assert_eq!(envelope(1, "", "hello").id(), envelope(1, "", "hello").id());
    }

    #[test]
    fn bytes_cannot_move_between_topic_and_payload_under_one_id() {
        assert_ne!(envelope(1, "ab", "c").id(), envelope(1, "a", "bc").id());
    }

    #[test]
    fn too_long_a_payload_names_the_limit() {
        let error = Payload::new(alloc::vec![0; Payload::MAX + 1]).expect_err("too long");
        assert_eq!((error.what, error.max), ("payload", Payload::MAX));
    }
}
