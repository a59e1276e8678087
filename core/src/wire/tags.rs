//! The first byte of a message's body: one number per kind of message, whatever part it belongs to.
//!
//! In memory a message is its part's, and a part numbers its own from 0. On the wire all are numbered
//! together, in the order in which they came to the protocol: append only, and bump
//! [`WIRE_VERSION`](super::WIRE_VERSION) with every change.

use postcard::de_flavors;

use super::message::Message;
use crate::broadcast::message::{BroadcastMessage, Gossip};
use crate::detector::swim::message::SwimMessage;
use crate::links::message::LinkMessage;
use crate::overlay::message::OverlayMessage;
use crate::registration::message::RegistrationMessage;
use crate::seed_node::message::VoteMessage;

/// Whose message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Link,
    Registration,
    Overlay,
    /// The broadcast's, which is not numbered with the others there.
    Gossip,
    Broadcast,
    Swim,
    Vote,
}

/// The kinds of messages, in the order of their tags: the part, and the number there.
const TAGS: [(Part, u8); 35] = [
    (Part::Link, 0),         // Hello
    (Part::Link, 1),         // Welcome
    (Part::Link, 2),         // Refuse
    (Part::Link, 3),         // Bye
    (Part::Registration, 0), // Register
    (Part::Registration, 1), // Registered
    (Part::Registration, 2), // Renew
    (Part::Registration, 3), // Unknown
    (Part::Registration, 4), // ListRequest
    (Part::Registration, 5), // PeerList
    (Part::Registration, 6), // DeathReport
    (Part::Registration, 7), // Leave
    (Part::Link, 4),         // Ping
    (Part::Link, 5),         // Pong
    (Part::Gossip, 0),       // Gossip
    (Part::Broadcast, 0),    // Digest
    (Part::Broadcast, 1),    // Pull
    (Part::Overlay, 0),      // ForwardJoin
    (Part::Overlay, 1),      // Shuffle
    (Part::Overlay, 2),      // ShuffleReply
    (Part::Broadcast, 2),    // IHave
    (Part::Broadcast, 3),    // Graft
    (Part::Broadcast, 4),    // Prune
    (Part::Swim, 0),         // PingRequest
    (Part::Swim, 1),         // PingRequestAnswer
    (Part::Swim, 2),         // Neighbors
    (Part::Swim, 3),         // Members
    (Part::Vote, 0),         // Proposal
    (Part::Vote, 1),         // Vote
    (Part::Overlay, 3),      // Optimization
    (Part::Overlay, 4),      // OptimizationReply
    (Part::Overlay, 5),      // Replace
    (Part::Swim, 4),         // Statement
    (Part::Broadcast, 5),    // Credit
    (Part::Link, 6),         // KnownLife
];

/// The tag of a message whose number in its part is this.
pub(super) fn tag(message: &Message, number: u8) -> u8 {
    let part = match message {
        Message::Link(_) => Part::Link,
        Message::Registration(_) => Part::Registration,
        Message::Overlay(_) => Part::Overlay,
        Message::Broadcast(BroadcastMessage::Gossip(_)) => Part::Gossip,
        Message::Broadcast(_) => Part::Broadcast,
        Message::Swim(_) => Part::Swim,
        Message::Vote(_) => Part::Vote,
    };
    let place = TAGS.iter().position(|kind| *kind == (part, number));
    place.and_then(|place| u8::try_from(place).ok()).expect("every message has a tag")
}

/// Serializes a message with its part's number instead of the tag.
#[inline]
pub(super) fn serialize<F: postcard::ser_flavors::Flavor>(
    message: &Message,
    flavor: F,
) -> postcard::Result<F::Output> {
    match message {
        Message::Link(message) => postcard::serialize_with_flavor(message, flavor),
        Message::Registration(message) => postcard::serialize_with_flavor(message, flavor),
        Message::Overlay(message) => postcard::serialize_with_flavor(message, flavor),
        Message::Broadcast(BroadcastMessage::Gossip(gossip)) => gossip.write(flavor),
        Message::Broadcast(message) => postcard::serialize_with_flavor(message, flavor),
        Message::Swim(message) => postcard::serialize_with_flavor(message, flavor),
        Message::Vote(message) => postcard::serialize_with_flavor(message, flavor),
    }
}

/// Reads one message; returns what is left of the bytes.
pub(super) fn deserialize(body: &[u8]) -> postcard::Result<(Message, &[u8])> {
    let unexpected = postcard::Error::DeserializeUnexpectedEnd;
    let (tag, rest) = body.split_first().ok_or(unexpected)?;
    let (part, number) = TAGS.get(usize::from(*tag)).ok_or(postcard::Error::DeserializeBadEnum)?;
    match part {
        Part::Link => take::<LinkMessage>(*number, rest),
        Part::Registration => take::<RegistrationMessage>(*number, rest),
        Part::Overlay => take::<OverlayMessage>(*number, rest),
        Part::Gossip => {
            let (gossip, rest) = Gossip::read(rest)?;
            Ok((BroadcastMessage::Gossip(gossip).into(), rest))
        }
        Part::Broadcast => take::<BroadcastMessage>(*number, rest),
        Part::Swim => take::<SwimMessage>(*number, rest),
        Part::Vote => take::<VoteMessage>(*number, rest),
    }
}

fn take<'de, M>(number: u8, rest: &'de [u8]) -> postcard::Result<(Message, &'de [u8])>
where
    M: serde::Deserialize<'de> + Into<Message>,
{
    let numbered = Numbered { number: Some(number), rest: de_flavors::Slice::new(rest) };
    let mut deserializer = postcard::Deserializer::from_flavor(numbered);
    let message = M::deserialize(&mut deserializer)?;
    Ok((message.into(), deserializer.finalize()?))
}

/// Bytes behind a number that is not among them.
struct Numbered<'de> {
    number: Option<u8>,
    rest: de_flavors::Slice<'de>,
}

impl<'de> de_flavors::Flavor<'de> for Numbered<'de> {
    type Remainder = &'de [u8];
    type Source = &'de [u8];

    fn pop(&mut self) -> postcard::Result<u8> {
        self.number.take().map_or_else(|| self.rest.pop(), Ok)
    }

    fn try_take_n(&mut self, count: usize) -> postcard::Result<&'de [u8]> {
        self.rest.try_take_n(count)
    }

    fn finalize(self) -> postcard::Result<&'de [u8]> {
        self.rest.finalize()
    }
}
