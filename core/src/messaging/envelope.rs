//! The envelope of a gossip message: what its origin wrote, under an id that nobody can choose.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::borrow::Borrow;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use core::str::FromStr;

use bytes::Bytes;
use postcard::ser_flavors::{Flavor, Size};
use postcard::take_from_bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::address::Signature;
use crate::id::{BootEpoch, MessageId, NodeId, Sequence};
use crate::time::UnixTime;

/// What people or programs say: at most [`Payload::MAX`] bytes. Shared, so that clones are cheap, and made
/// from whatever [`Bytes`] are made from without a copy.
///
/// ```
/// use tidings_core::Payload;
///
/// let payload = Payload::try_from("hello")?;
/// assert_eq!((&payload[..], payload.len()), (&b"hello"[..], 5));
/// # Ok::<(), tidings_core::TooLong>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// The bytes, shared with all clones of this payload.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for Payload {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<Payload> for Bytes {
    fn from(payload: Payload) -> Self {
        payload.0
    }
}

macro_rules! payload_from {
    ($($type:ty),*) => {$(
        impl TryFrom<$type> for Payload {
            type Error = TooLong;

            fn try_from(bytes: $type) -> Result<Self, TooLong> {
                Self::new(bytes)
            }
        }
    )*};
}

payload_from!(Bytes, Vec<u8>, Box<[u8]>, String, &'static [u8], &'static str);

macro_rules! compared {
    ($type:ty: $($other:ty),*) => {$(
        impl PartialEq<$other> for $type {
            fn eq(&self, other: &$other) -> bool {
                self.0.as_ref() == AsRef::<[u8]>::as_ref(other)
            }
        }
    )*};
}

compared!(Payload: [u8], &[u8], str, &str, Bytes);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match core::str::from_utf8(&self.0) {
            Ok(text) if text.len() <= 64 => write!(f, "{text:?}"),
            _ => write!(f, "[{} bytes]", self.0.len()),
        }
    }
}

/// What a message is about: at most [`Topic::MAX`] bytes of text, empty for none. Text of others is as it
/// came: escape it before a terminal sees it.
///
/// ```
/// use tidings_core::Topic;
///
/// let topic: Topic = "prices".parse()?;
/// assert!(topic == "prices" && topic.starts_with("pri"));
/// assert_eq!(topic.to_string(), "prices");
/// # Ok::<(), tidings_core::TooLong>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// The text, as its own.
    pub fn into_string(self) -> String {
        self.0.into_string()
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Deref for Topic {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for Topic {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for Topic {
    type Err = TooLong;

    fn from_str(text: &str) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl TryFrom<&str> for Topic {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl TryFrom<String> for Topic {
    type Error = TooLong;

    fn try_from(text: String) -> Result<Self, TooLong> {
        Self::new(text)
    }
}

impl From<Topic> for String {
    fn from(topic: Topic) -> Self {
        topic.into_string()
    }
}

impl PartialEq<str> for Topic {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for Topic {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

/// Something to say is longer than the network carries. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
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

/// A gossip message as its origin sealed it, together with its id and with the bytes of its head.
///
/// Both are made once, when the message is sealed or its frame is decoded, and travel with the shared
/// envelope from then on: whoever sends it on copies bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    id: MessageId,
    origin: NodeId,
    epoch: BootEpoch,
    sequence: Sequence,
    topic: Topic,
    sent: UnixTime,
    payload: Payload,
    signature: Option<Box<Signature>>,
    /// What stands on the wire before the payload: the head and the payload's length.
    encoded_head: Box<[u8]>,
}

/// What stands on the wire first, in this order. The payload and the signature follow.
#[derive(Debug, Serialize, Deserialize)]
struct Head<'a> {
    origin: NodeId,
    epoch: BootEpoch,
    sequence: Sequence,
    topic: &'a str,
    sent: UnixTime,
}

impl Envelope {
    /// Seals `payload` as the `sequence`-th message of `origin`'s life `epoch`.
    ///
    /// # Panics
    ///
    /// Never: what it is made of is bounded.
    pub fn new(
        (origin, epoch): (NodeId, BootEpoch),
        sequence: Sequence,
        sent: UnixTime,
        topic: Topic,
        payload: Payload,
    ) -> Self {
        let head = Head { origin, epoch, sequence, topic: &topic, sent };
        let id = head.id(&payload);
        let encoded = postcard::to_allocvec(&(head, payload.len()));
        let encoded_head = encoded.expect("bounded parts serialize").into();
        let signature = None;
        Self { id, origin, epoch, sequence, topic, sent, payload, signature, encoded_head }
    }

    /// Reads the one that `bytes` begin with. Returns what is left of them. Numbers that are longer than
    /// need be are refused: a neighbor with narrower integers could not read a copy of them, and would
    /// blame whoever sent it on.
    pub(crate) fn read(bytes: &[u8]) -> postcard::Result<(Self, &[u8])> {
        let (head, rest) = take_from_bytes::<Head<'_>>(bytes)?;
        let (payload, rest) = take_from_bytes::<&[u8]>(rest)?;
        let head_len = bytes.len() - rest.len() - payload.len();
        let shortest = postcard::serialize_with_flavor(&(&head, payload.len()), Size::default())?;
        if head_len != shortest {
            return Err(postcard::Error::DeserializeBadVarint);
        }
        let (signature, rest) = take_from_bytes(rest)?;
        let too_long = |_| postcard::Error::SerdeDeCustom;
        let envelope = Self {
            id: head.id(payload),
            origin: head.origin,
            epoch: head.epoch,
            sequence: head.sequence,
            topic: Topic::new(head.topic).map_err(too_long)?,
            sent: head.sent,
            payload: Payload::new(Bytes::copy_from_slice(payload)).map_err(too_long)?,
            signature,
            encoded_head: bytes[..head_len].into(),
        };
        Ok((envelope, rest))
    }

    /// Writes it as it came.
    pub(crate) fn write<F: Flavor>(
        &self,
        to: &mut postcard::Serializer<F>,
    ) -> postcard::Result<()> {
        to.output.try_extend(&self.encoded_head)?;
        to.output.try_extend(&self.payload)?;
        self.signature.serialize(to)
    }

    /// What message this is.
    pub const fn id(&self) -> MessageId {
        self.id
    }

    /// Who said it.
    pub const fn origin(&self) -> NodeId {
        self.origin
    }

    /// In which life.
    pub const fn epoch(&self) -> BootEpoch {
        self.epoch
    }

    /// Its number among the origin's messages of that life.
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// What it is about.
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// What the origin's calendar said; for people, nothing is decided by it.
    pub const fn sent(&self) -> UnixTime {
        self.sent
    }

    /// What was said.
    pub const fn payload(&self) -> &Payload {
        &self.payload
    }

    /// Bytes of it on the wire, at least.
    pub(crate) fn encoded_len(&self) -> usize {
        self.encoded_head.len() + self.payload.len()
    }

    /// Bytes that keeping this message costs, for stores bounded by bytes.
    pub(crate) fn cost(&self) -> usize {
        size_of::<Self>() + self.topic.len() + self.encoded_head.len() + self.payload.len()
    }
}

/// Equal envelopes have equal ids, so the id is enough.
impl Hash for Envelope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Head<'_> {
    /// The id of the message with this payload. Variable parts are preceded by their length, so that no
    /// two messages hash the same bytes.
    fn id(&self, payload: &[u8]) -> MessageId {
        let mut hash = Sha256::new();
        hash.update(self.origin.as_bytes());
        hash.update(self.epoch.0.to_be_bytes());
        hash.update(self.sequence.0.to_be_bytes());
        for part in [self.topic.as_bytes(), payload] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
        MessageId::new(hash.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use postcard::ser_flavors::AllocVec;

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

    fn written(envelope: &Envelope) -> Vec<u8> {
        let mut serializer = postcard::Serializer { output: AllocVec::new() };
        envelope.write(&mut serializer).expect("short");
        serializer.output.finalize().expect("short")
    }

    /// A signature is passed on, though nothing looks at it yet.
    #[test]
    fn an_envelope_is_sent_on_as_it_came() {
        let mut sealed = envelope(1, "news", "hello");
        sealed.signature = Some(Box::new(Signature { r: [2; 32], s: [3; 32] }));
        let mut bytes = written(&sealed);
        let len = bytes.len();
        bytes.push(9);
        let (came, rest) = Envelope::read(&bytes).expect("whole");
        assert_eq!((&came, rest), (&sealed, &[9][..]));
        assert_eq!(written(&came), bytes[..len]);
        assert_eq!(came.id(), envelope(1, "news", "hello").id(), "the signature is no part of it");
    }

    /// Each number of the head with a byte more than it needs.
    #[test]
    fn numbers_longer_than_need_be_are_refused() {
        let bytes = written(&envelope(1, "news", "hello"));
        // Behind the id of 32 bytes: epoch, sequence, length of the topic, the topic, sent, length.
        for place in [32, 33, 34, 39, 40] {
            let mut longer = bytes.clone();
            longer[place] |= 0x80;
            longer.insert(place + 1, 0);
            let error = Err(postcard::Error::DeserializeBadVarint);
            assert_eq!(Envelope::read(&longer), error, "byte {place}");
        }
        assert!(Envelope::read(&bytes).is_ok());
    }

    #[test]
    fn too_long_a_payload_names_the_limit() {
        let error = Payload::new(alloc::vec![0; Payload::MAX + 1]).expect_err("too long");
        assert_eq!((error.what, error.max), ("payload", Payload::MAX));
    }

    #[test]
    fn a_payload_shares_the_bytes_that_it_is_made_of() {
        let bytes = Bytes::from(alloc::vec![7; 1000]);
        let place = bytes.as_ptr();
        let payload = Payload::new(bytes).expect("short");
        assert_eq!(payload.clone().into_bytes().as_ptr(), place);
        assert_eq!(Bytes::from(payload).as_ptr(), place);
        let vector = alloc::vec![7; 1000];
        let place = vector.as_ptr();
        assert_eq!(Payload::try_from(vector).expect("short").as_ptr(), place);
    }

    /// Maps keyed by topics are asked with texts, so both must hash and compare alike.
    #[test]
    fn a_topic_and_a_payload_are_like_their_texts() {
        use alloc::collections::BTreeMap;
        let topic: Topic = "prices".parse().expect("short");
        assert!(topic == *"prices" && topic == "prices" && topic != "price");
        assert_eq!(BTreeMap::from([(topic.clone(), 1)]).get("prices"), Some(&1));
        assert_eq!((String::from(topic.clone()), topic.len()), (String::from("prices"), 6));
        let payload = Payload::try_from("12 EUR").expect("short");
        assert!(payload == "12 EUR" && payload == b"12 EUR"[..] && payload != "13 EUR");
        assert_eq!(BTreeMap::from([(payload, 1)]).get(&b"12 EUR"[..]), Some(&1));
        let long = "x".repeat(Topic::MAX + 1);
        assert_eq!(long.parse::<Topic>().expect_err("too long").what, "topic");
        assert!(Topic::try_from(long).is_err());
    }
}
