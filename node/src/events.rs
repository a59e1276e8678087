//! What happens at a node, for the program that it is part of: a stream that never holds the node
//! back.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use tidings_core::{
    AddressRecord, Event, Hop, Instant, MessageId, NeighborLoss, NodeId, Payload, Removal, Topic,
    UnixTime,
};
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

use crate::handle::Observer;

/// Events kept for a reader that is behind; older ones are lost to it.
const MAX_BEHIND: usize = 1024;

/// Something that happened at a node. More kinds may come; an [`Observer`] sees all there is.
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
    /// Which message.
    pub id: MessageId,
    /// Who said it.
    pub origin: NodeId,
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

/// The events of one node from the moment of asking on, until the node has stopped. A reader that is
/// more than 1,024 events behind loses the oldest and is told so by [`NodeEvent::Lagged`].
#[derive(Debug)]
pub struct Events {
    inner: BroadcastStream<NodeEvent>,
}

impl Events {
    /// Of a node that has stopped: there are none.
    pub(crate) fn ended() -> Self {
        let (_gone, nothing) = broadcast::channel(1);
        Self { inner: BroadcastStream::new(nothing) }
    }

    /// The next event; `None` when the node has stopped and all were read.
    pub async fn next(&mut self) -> Option<NodeEvent> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Events {
    type Item = NodeEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<NodeEvent>> {
        let next = ready!(Pin::new(&mut self.inner).poll_next(cx));
        Poll::Ready(next.map(|event| {
            event.unwrap_or_else(|BroadcastStreamRecvError::Lagged(missed)| NodeEvent::Lagged {
                missed,
            })
        }))
    }
}

/// Gives every event to an observer, and those that programs care for to all readers.
#[derive(Debug)]
pub(crate) struct FanOut<O> {
    pub(crate) observer: O,
    readers: broadcast::Sender<NodeEvent>,
}

impl<O> FanOut<O> {
    pub(crate) fn new(observer: O) -> Self {
        Self { observer, readers: broadcast::Sender::new(MAX_BEHIND) }
    }

    pub(crate) fn events(&self) -> Events {
        Events { inner: BroadcastStream::new(self.readers.subscribe()) }
    }
}

impl<O: Observer> Observer for FanOut<O> {
    fn on_event(&self, at: Instant, event: &Event) {
        self.observer.on_event(at, event);
        if self.readers.receiver_count() > 0
            && let Some(event) = for_programs(event)
        {
            // The last reader may have gone since.
            let _unread = self.readers.send(event);
        }
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the rest is for observers")]
fn for_programs(event: &Event) -> Option<NodeEvent> {
    Some(match event {
        Event::Delivered { envelope, from, hop, history, .. } => NodeEvent::Delivered(Delivery {
            id: envelope.id(),
            origin: envelope.origin(),
            topic: envelope.topic().clone(),
            payload: envelope.payload().clone(),
            sent: envelope.sent(),
            from: *from,
            hop: *hop,
            history: *history,
        }),
        Event::NeighborUp { peer, .. } => NodeEvent::NeighborUp { peer: peer.clone() },
        Event::NeighborDown { peer, reason } => {
            NodeEvent::NeighborDown { peer: peer.clone(), reason: *reason }
        }
        Event::Registered { seed_node } => NodeEvent::Registered { seed_node: seed_node.clone() },
        Event::DeathReported { subject } => NodeEvent::DeathReported { subject: subject.clone() },
        Event::PeerRegistered { peer } => NodeEvent::PeerRegistered { peer: peer.clone() },
        Event::PeerRemoved { peer, reason } => {
            NodeEvent::PeerRemoved { peer: peer.clone(), reason: *reason }
        }
        _ => return None,
    })
}
