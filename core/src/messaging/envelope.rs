//! The envelope: what its origin wrote, one message or several, under an id that nobody can choose.
//!
//! ```text
//! envelope = head payloads signature?      postcard
//! head     = origin epoch sequence topic sent
//! payloads = count (length bytes)*         1 to MAX_PAYLOADS, together at most Payload::MAX bytes
//! ```
//!
//! The messages of an envelope are numbered from `sequence` on. What a peer says by itself, under a reserved
//! topic, travels alone.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

use bytes::Bytes;
use postcard::ser_flavors::{Flavor, Size};
use postcard::take_from_bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::address::Signature;
use crate::id::{BootEpoch, MessageId, NodeId, Sequence};
use crate::messaging::{Payload, Topic};
use crate::time::UnixTime;
use crate::wire::limits::MAX_PAYLOADS;

/// Messages as their origin sealed them, with their id and the bytes that they are on the wire.
///
/// Both are made once, when the envelope is sealed or its frame is decoded, and travel with the shared
/// envelope from then on: whoever sends it on copies bytes.
#[derive(Clone, Debug)]
pub struct Envelope {
    id: MessageId,
    origin: NodeId,
    epoch: BootEpoch,
    sequence: Sequence,
    topic: Topic,
    sent: UnixTime,
    /// How many messages.
    count: u16,
    /// Where the first payload's length stands.
    payloads_at: u32,
    /// What stands on the wire.
    encoded: Bytes,
}

/// What stands on the wire first, in this order. The payloads and the signature follow.
#[derive(Debug, Serialize, Deserialize)]
struct Head<'a> {
    origin: NodeId,
    epoch: BootEpoch,
    sequence: Sequence,
    topic: &'a str,
    sent: UnixTime,
}

/// Where a payload stands in the bytes of its envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    start: u32,
    len: u32,
}

impl Envelope {
    /// Seals `payload` as the `sequence`-th message of `origin`'s life `epoch`.
    ///
    /// # Panics
    ///
    /// Never: what it is made of is bounded.
    pub fn new(
        origin: (NodeId, BootEpoch),
        sequence: Sequence,
        sent: UnixTime,
        topic: Topic,
        payload: Payload,
    ) -> Self {
        Self::of_many(origin, sequence, sent, topic, &[payload])
    }

    /// Seals several payloads as the messages of `origin`'s life `epoch` from the `sequence`-th on.
    ///
    /// # Panics
    ///
    /// When there are none, more than [`MAX_PAYLOADS`], or more than [`Payload::MAX`] bytes of them.
    pub fn of_many(
        (origin, epoch): (NodeId, BootEpoch),
        sequence: Sequence,
        sent: UnixTime,
        topic: Topic,
        payloads: &[Payload],
    ) -> Self {
        let bytes: usize = payloads.iter().map(|payload| payload.len()).sum();
        assert!((1..=MAX_PAYLOADS).contains(&payloads.len()), "{} payloads", payloads.len());
        assert!(bytes <= Payload::MAX, "payloads of {bytes} bytes");
        let head = Head { origin, epoch, sequence, topic: &topic, sent };
        let mut id = head.begin_id();
        let room = Vec::with_capacity(size_of::<Self>() + topic.len() + bytes + 2 * payloads.len());
        let mut encoded =
            postcard::to_extend(&(&head, payloads.len()), room).expect("bounded parts serialize");
        let payloads_at = small(encoded.len());
        for payload in payloads {
            extend_id(&mut id, payload);
            encoded = postcard::to_extend(&payload.len(), encoded).expect("a number serializes");
            encoded.extend_from_slice(payload);
        }
        encoded.push(NO_SIGNATURE);
        Self {
            id: MessageId::new(id.finalize().into()),
            origin,
            epoch,
            sequence,
            topic,
            sent,
            count: u16::try_from(payloads.len()).expect("at most MAX_PAYLOADS"),
            payloads_at,
            encoded: encoded.into(),
        }
    }

    /// Reads the one that `bytes` begin with. Returns what is left of them. Numbers that are longer than
    /// need be are refused: a neighbor with narrower integers could not read a copy of them, and would
    /// blame whoever sent it on.
    pub(crate) fn read(bytes: &[u8]) -> postcard::Result<(Self, &[u8])> {
        let (head, rest) = take_from_bytes::<Head<'_>>(bytes)?;
        let (count, mut rest) = take_from_bytes::<u16>(rest)?;
        let payloads_at = bytes.len() - rest.len();
        if payloads_at != postcard::serialize_with_flavor(&(&head, count), Size::default())? {
            return Err(postcard::Error::DeserializeBadVarint);
        }
        let topic = Topic::new(head.topic).map_err(|_too_long| postcard::Error::SerdeDeCustom)?;
        let max = if topic.is_reserved() { 1 } else { MAX_PAYLOADS };
        let is_numbered = head.sequence.0.checked_add(count.into()).is_some();
        if !is_numbered || !(1..=max).contains(&usize::from(count)) {
            return Err(postcard::Error::SerdeDeCustom);
        }
        let mut id = head.begin_id();
        let mut room = Payload::MAX;
        for _ in 0..count {
            let payload;
            let before = rest.len();
            (payload, rest) = take_from_bytes::<&[u8]>(rest)?;
            if before - rest.len() != varint_len(payload.len()) + payload.len() {
                return Err(postcard::Error::DeserializeBadVarint);
            }
            room = room.checked_sub(payload.len()).ok_or(postcard::Error::SerdeDeCustom)?;
            extend_id(&mut id, payload);
        }
        // Nothing looks at it yet. It is passed on.
        let (_signature, rest) = take_from_bytes::<Option<Signature>>(rest)?;
        let envelope = Self {
            id: MessageId::new(id.finalize().into()),
            origin: head.origin,
            epoch: head.epoch,
            sequence: head.sequence,
            topic,
            sent: head.sent,
            count,
            payloads_at: small(payloads_at),
            encoded: Bytes::copy_from_slice(&bytes[..bytes.len() - rest.len()]),
        };
        Ok((envelope, rest))
    }

    /// Writes it as it came.
    pub(crate) fn write<F: Flavor>(
        &self,
        to: &mut postcard::Serializer<F>,
    ) -> postcard::Result<()> {
        to.output.try_extend(&self.encoded)
    }

    /// Which envelope this is.
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

    /// The number of its first message among the origin's messages of that life.
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }

    /// The numbers of its messages.
    pub fn sequences(&self) -> impl Iterator<Item = Sequence> + use<> {
        let first = self.sequence.0;
        (first..first + u64::from(self.count)).map(Sequence)
    }

    /// How many messages it holds.
    pub const fn count(&self) -> u16 {
        self.count
    }

    /// What they are about.
    pub const fn topic(&self) -> &Topic {
        &self.topic
    }

    /// What the origin's calendar said; for people, nothing is decided by it.
    pub const fn sent(&self) -> UnixTime {
        self.sent
    }

    /// What was said, in order. Each shares the bytes of the whole envelope.
    pub fn payloads(&self) -> impl Iterator<Item = Payload> + '_ {
        self.places().map(|place| self.payload_at(place))
    }

    /// Where the payloads stand.
    pub(super) fn places(&self) -> impl Iterator<Item = Place> + '_ {
        let mut rest = &self.encoded[big(self.payloads_at)..];
        (0..self.count).map(move |_| {
            let (payload, after) =
                take_from_bytes::<&[u8]>(rest).expect("was written, or read before");
            let start = self.encoded.len() - after.len() - payload.len();
            rest = after;
            Place { start: small(start), len: small(payload.len()) }
        })
    }

    /// The payload at a place that is one of its own.
    pub(super) fn payload_at(&self, Place { start, len }: Place) -> Payload {
        let payload = self.encoded.slice(big(start)..big(start) + big(len));
        Payload::new(payload).expect("no longer than all of them")
    }

    /// Bytes of it on the wire.
    pub(crate) fn encoded_len(&self) -> usize {
        self.encoded.len()
    }

    /// Bytes that keeping it costs, for stores bounded by bytes.
    pub(crate) fn cost(&self) -> usize {
        size_of::<Arc<Self>>() + size_of::<Self>() + self.topic.len() + self.encoded.len()
    }
}

/// What stands in the place of a signature where there is none.
const NO_SIGNATURE: u8 = 0;

impl PartialEq for Envelope {
    fn eq(&self, other: &Self) -> bool {
        self.encoded == other.encoded
    }
}

impl Eq for Envelope {}

/// Equal envelopes have equal ids, so the id is enough.
impl Hash for Envelope {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id.hash(state);
    }
}

impl Head<'_> {
    /// Begins the id of an envelope, to which its payloads are added. Variable parts are preceded by their
    /// length, so that no two envelopes hash the same bytes.
    fn begin_id(&self) -> Sha256 {
        let mut hash = Sha256::new();
        hash.update(self.origin.as_bytes());
        hash.update(self.epoch.0.to_be_bytes());
        hash.update(self.sequence.0.to_be_bytes());
        extend_id(&mut hash, self.topic.as_bytes());
        hash
    }
}

fn extend_id(hash: &mut Sha256, part: &[u8]) {
    hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(part);
}

/// Bytes of a number as postcard writes it: seven bits in each.
fn varint_len(number: usize) -> usize {
    let bits = usize::BITS - (number | 1).leading_zeros();
    big(bits.div_ceil(7))
}

/// An offset in an envelope, which is no longer than a frame.
fn small(offset: usize) -> u32 {
    u32::try_from(offset).expect("an envelope fits a frame")
}

fn big(offset: u32) -> usize {
    usize::try_from(offset).expect("an offset in memory")
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use postcard::ser_flavors::AllocVec;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::messaging::GossipMessage;

    const ORIGIN: (NodeId, BootEpoch) = (NodeId::new([1; 32]), BootEpoch(7));

    fn payload(text: &str) -> Payload {
        Payload::try_from(text.to_string()).expect("short")
    }

    fn many(sequence: u64, topic: &str, payloads: &[&str]) -> Envelope {
        let payloads: Vec<Payload> = payloads.iter().map(|it| payload(it)).collect();
        let topic = Topic::new(topic).expect("short");
        let sent = UnixTime::from_millis(5);
        Envelope::of_many(ORIGIN, Sequence(sequence), sent, topic, &payloads)
    }

    fn envelope(sequence: u64, topic: &str, payload: &str) -> Envelope {
        many(sequence, topic, &[payload])
    }

    #[test]
    fn the_same_text_twice_is_two_messages() {
        assert_ne!(envelope(1, "", "hello").id(), envelope(2, "", "hello").id());
        assert_eq!(envelope(1, "", "hello").id(), envelope(1, "", "hello").id());
    }

    #[test]
    fn bytes_cannot_move_between_topic_and_payloads_under_one_id() {
        assert_ne!(envelope(1, "ab", "c").id(), envelope(1, "a", "bc").id());
        assert_ne!(many(1, "", &["ab", "c"]).id(), many(1, "", &["a", "bc"]).id());
        assert_ne!(many(1, "", &["ab"]).id(), many(1, "", &["ab", ""]).id());
        assert_ne!(many(1, "a", &["b"]).id(), many(1, "", &["a", "b"]).id());
    }

    fn written(envelope: &Envelope) -> Vec<u8> {
        let mut serializer = postcard::Serializer { output: AllocVec::new() };
        envelope.write(&mut serializer).expect("short");
        serializer.output.finalize().expect("short")
    }

    /// A signature is passed on, though nothing looks at it yet.
    #[test]
    fn an_envelope_is_sent_on_as_it_came() {
        let mut bytes = written(&envelope(1, "news", "hello"));
        assert_eq!(bytes.pop(), Some(NO_SIGNATURE));
        let signature = Some(Signature { r: [2; 32], s: [3; 32] });
        bytes = postcard::to_extend(&signature, bytes).expect("short");
        let len = bytes.len();
        bytes.push(9);
        let (came, rest) = Envelope::read(&bytes).expect("whole");
        assert_eq!(rest, [9]);
        assert_eq!(written(&came), bytes[..len]);
        assert_eq!(came.id(), envelope(1, "news", "hello").id(), "the signature is no part of it");
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in(
            payloads in vec("[a-z]{0,200}", 1..20),
            sequence in 1..1000_u64,
        ) {
            let texts: Vec<&str> = payloads.iter().map(alloc::string::String::as_str).collect();
            let sealed = many(sequence, "news", &texts);
            let bytes = written(&sealed);
            let (came, rest) = Envelope::read(&bytes).expect("whole");
            prop_assert!(rest.is_empty());
            prop_assert_eq!(&came, &sealed);
            prop_assert_eq!(came.id(), sealed.id());
            prop_assert_eq!(usize::from(came.count()), texts.len());
            for came in [Arc::new(came), Arc::new(sealed)] {
                let messages: Vec<GossipMessage> = GossipMessage::all(&came).collect();
                let numbers = messages.iter().map(|it| it.sequence().0);
                prop_assert!(numbers.eq(sequence..sequence + u64::from(came.count())));
                prop_assert!(messages.iter().map(GossipMessage::payload).eq(came.payloads()));
                prop_assert!(came.payloads().eq(texts.iter().map(|it| payload(it))));
            }
        }
    }

    /// Each number of the head, the count and the length with a byte more than it needs.
    #[test]
    fn numbers_longer_than_need_be_are_refused() {
        let bytes = written(&envelope(1, "news", "hello"));
        // Behind the id of 32 bytes: epoch, sequence, length of the topic, the topic, sent, count, length.
        for place in [32, 33, 34, 39, 40, 41] {
            let mut longer = bytes.clone();
            longer[place] |= 0x80;
            longer.insert(place + 1, 0);
            let error = Err(postcard::Error::DeserializeBadVarint);
            assert_eq!(Envelope::read(&longer), error, "byte {place}");
        }
        assert!(Envelope::read(&bytes).is_ok());
    }

    /// An envelope as a stranger may write it.
    fn forged(
        topic: &str,
        sequence: u64,
        count: u16,
        payloads: &[&[u8]],
    ) -> postcard::Result<Vec<u8>> {
        let (origin, epoch) = ORIGIN;
        let sent = UnixTime::from_millis(5);
        let head = Head { origin, epoch, sequence: Sequence(sequence), topic, sent };
        let mut bytes = postcard::to_allocvec(&(head, count))?;
        for payload in payloads {
            bytes = postcard::to_extend(payload, bytes)?;
        }
        bytes.push(NO_SIGNATURE);
        Ok(bytes)
    }

    #[test]
    fn counts_and_numbers_have_bounds() {
        let is_read = |topic: &str, sequence, count, payloads: &[&[u8]]| {
            Envelope::read(&forged(topic, sequence, count, payloads).expect("short")).is_ok()
        };
        let most = u16::try_from(MAX_PAYLOADS).expect("few");
        assert!(is_read("", 1, 2, &[b"a", b"b"]));
        assert!(!is_read("", 1, 0, &[]), "of nothing");
        let empty = alloc::vec![&b""[..]; MAX_PAYLOADS + 1];
        assert!(is_read("", 1, most, &empty[1..]));
        assert!(!is_read("", 1, most + 1, &empty));
        let half = alloc::vec![0; Payload::MAX / 2];
        assert!(is_read("", 1, 2, &[&half, &half]));
        assert!(!is_read("", 1, 3, &[&half, &half, b"a"]), "too many bytes");
        assert!(is_read("", u64::MAX - 2, 2, &[b"a", b"b"]));
        assert!(!is_read("", u64::MAX - 1, 2, &[b"a", b"b"]), "numbers that do not exist");
        assert!(is_read("tidings.members", 1, 1, &[b"a"]));
        assert!(!is_read("tidings.members", 1, 2, &[b"a", b"b"]), "a statement travels alone");
    }

    #[test]
    fn a_number_is_as_long_as_postcard_writes_it() {
        for number in [0, 1, 127, 128, 16_383, 16_384, Payload::MAX, usize::MAX] {
            let written = postcard::to_allocvec(&number).expect("a number");
            assert_eq!(varint_len(number), written.len(), "{number}");
        }
    }
}
