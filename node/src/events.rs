//! What happens at a node, for the program that it is part of: a stream that never holds the node
//! back.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use tidings_core::{
    AddressRecord, BootEpoch, Event, GossipMessage, Hop, MessageId, NeighborLoss, NodeId, Payload,
    RegistrationLoss, Removal, Sequence, Topic, UnixTime,
};

use crate::publisher::MessageKey;
use crate::queue::{Queue, Taken};

/// Events kept for a reader that is behind, unless it says how many.
pub(crate) const MAX_BEHIND: usize = 1024;

/// Something that happened at a node. More kinds may come; an [`Observer`](crate::Observer) sees all
/// there is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NodeEvent {
    /// Peer: a message of another peer, once per message.
    Delivered(Delivery),
    /// Peer: a new neighbor.
    NeighborUp {
        /// Who and where.
        peer: AddressRecord,
    },
    /// Peer: a neighbor less.
    NeighborDown {
        /// Who it was.
        peer: AddressRecord,
        /// What happened to it.
        reason: NeighborLoss,
    },
    /// Peer: a seed node lists this node.
    Registered {
        /// The seed node.
        seed_node: AddressRecord,
    },
    /// Peer: a seed node does not list this node any more, or an attempt to be listed has failed. The
    /// node tries on.
    RegistrationLost {
        /// The seed node's address, as it was given.
        addr: SocketAddr,
        /// What happened.
        reason: RegistrationLoss,
    },
    /// Peer: every seed node was tried since the last [`Registered`](Self::Registered), or since the last
    /// event of this kind, and none lists this node. It tries on, after pauses that grow to the setting
    /// `retry_max`; neighbors that it has stay.
    NoSeedNode {
        /// How many seed nodes there are.
        seed_nodes: usize,
        /// Attempts in a row that have failed, of all of them together.
        attempts: u64,
        /// Why the last one failed.
        reason: RegistrationLoss,
    },
    /// Peer: a neighbor is held dead and has been reported.
    DeathReported {
        /// Who.
        subject: AddressRecord,
    },
    /// Seed node: a peer has registered.
    PeerRegistered {
        /// Who and where.
        peer: AddressRecord,
    },
    /// Seed node: a peer is no longer listed.
    PeerRemoved {
        /// Who and where.
        peer: AddressRecord,
        /// Why.
        reason: Removal,
    },
    /// This reader was too slow and has missed events.
    Lagged {
        /// How many.
        missed: u64,
    },
}

/// A message as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// The id of its envelope, which it may share with other messages.
    pub id: MessageId,
    /// Who said it.
    pub origin: NodeId,
    /// In which life.
    pub life: BootEpoch,
    /// Its number among the messages of that life, from 1.
    pub sequence: Sequence,
    /// What it is about; empty unless the origin said.
    pub topic: Topic,
    /// What was said.
    pub payload: Payload,
    /// What the origin's calendar said then. Two calendars need not agree.
    pub sent: UnixTime,
    /// The neighbor it came from.
    pub from: NodeId,
    /// Links it travelled.
    pub hop: Hop,
    /// It was sent before this node was born.
    pub history: bool,
}

impl Delivery {
    /// The message that this event brings, if it brings one.
    pub(crate) fn of(event: &Event) -> Option<Self> {
        let Event::Delivered { envelope, from, hop, history, .. } = event else { return None };
        Some(Self {
            id: envelope.id(),
            origin: envelope.origin(),
            life: envelope.epoch(),
            sequence: envelope.sequence(),
            topic: envelope.topic().clone(),
            payload: own(envelope),
            sent: envelope.sent(),
            from: *from,
            hop: *hop,
            history: *history,
        })
    }
}

impl Delivery {
    /// Which message.
    pub const fn key(&self) -> MessageKey {
        MessageKey { origin: self.origin, life: self.life, sequence: self.sequence }
    }
}

/// A payload that keeps no others in memory.
fn own(message: &GossipMessage) -> Payload {
    let payload = message.payload();
    if message.envelope().count() == 1 {
        return payload;
    }
    Payload::new(Bytes::copy_from_slice(&payload)).expect("no longer than before")
}

/// The events of one node from the moment of asking on, until the node has stopped. A reader that is
/// further behind than its capacity loses the oldest and is told so by [`NodeEvent::Lagged`], before those
/// that are left.
#[derive(Debug)]
pub struct Events {
    queue: Arc<Queue<NodeEvent>>,
}

impl Events {
    /// Most events that a reader can be behind: about a million.
    pub const MAX_CAPACITY: usize = 1 << 20;

    pub(crate) fn new(capacity: usize) -> Self {
        Self { queue: Arc::new(Queue::new(capacity.min(Self::MAX_CAPACITY))) }
    }

    /// Of a node that has stopped: there are none.
    pub(crate) fn ended() -> Self {
        let events = Self::new(1);
        events.queue.close();
        events
    }

    pub(crate) fn queue(&self) -> &Arc<Queue<NodeEvent>> {
        &self.queue
    }

    /// The next event; `None` when the node has stopped and all were read.
    ///
    /// # Cancel safety
    ///
    /// Safe: a call that is dropped has taken no event.
    pub async fn next(&mut self) -> Option<NodeEvent> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Events {
    type Item = NodeEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<NodeEvent>> {
        Poll::Ready(ready!(self.queue.poll(cx)).map(|taken| match taken {
            Taken::Item(event) => event,
            Taken::Missed(missed) => NodeEvent::Lagged { missed },
        }))
    }
}

/// Those of the protocol's events that programs care for.
#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is for observers")]
pub(crate) fn for_programs(event: &Event) -> Option<NodeEvent> {
    Some(match event {
        Event::Delivered { .. } => NodeEvent::Delivered(Delivery::of(event)?),
        Event::NeighborUp { peer, .. } => NodeEvent::NeighborUp { peer: peer.clone() },
        Event::NeighborDown { peer, reason } => {
            NodeEvent::NeighborDown { peer: peer.clone(), reason: *reason }
        }
        Event::Registered { seed_node } => NodeEvent::Registered { seed_node: seed_node.clone() },
        Event::RegistrationLost { addr, reason } => {
            NodeEvent::RegistrationLost { addr: *addr, reason: *reason }
        }
        Event::DeathReported { subject } => NodeEvent::DeathReported { subject: subject.clone() },
        Event::PeerRegistered { peer } => NodeEvent::PeerRegistered { peer: peer.clone() },
        Event::PeerRemoved { peer, reason } => {
            NodeEvent::PeerRemoved { peer: peer.clone(), reason: *reason }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use tidings_core::Envelope;

    use super::*;

    /// A program that keeps one small message must not keep the 60 KiB that came with it.
    #[test]
    fn a_payload_of_many_is_a_copy_and_one_that_came_alone_is_none() {
        let origin = (NodeId::new([1; 32]), BootEpoch(1));
        let payload = |text: &str| Payload::new(text.as_bytes().to_vec()).expect("short");
        for (texts, is_copy) in [(&["alone"][..], false), (&["one", "two"][..], true)] {
            let payloads: Vec<Payload> = texts.iter().map(|text| payload(text)).collect();
            let (sent, topic) = (UnixTime::from_millis(0), Topic::default());
            let envelope = Envelope::of_many(origin, Sequence(1), sent, topic, &payloads);
            for message in GossipMessage::all(&Arc::new(envelope)) {
                let (kept, view) = (own(&message), message.payload());
                assert_eq!(kept, view);
                assert_eq!(kept.as_ptr() != view.as_ptr(), is_copy, "{texts:?}");
            }
        }
    }
}
