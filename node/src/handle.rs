//! Talking with a running node: commands in, copies of its state and events out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use tidings_core::{
    Command, Event, Instant, MessageId, NamedSeedNodes, NodeSnapshot, Payload, Rejection, TooLong,
    Topic,
};
use tokio::sync::{mpsc, oneshot};

use crate::deliveries::Deliveries;
use crate::events::{Events, MAX_BEHIND};
use crate::feed::Feed;
use crate::members::{Members, NoMembers};
use crate::publisher::{MAX_WAITING, MessageKey, Publisher, Waiting};
use crate::seed_lookup::LookUpFailure;
use crate::watch::Warning;

/// A running node, for whoever wants something of it. Clones talk to the same node.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    requests: mpsc::Sender<Request>,
    waiting: Waiting,
    /// The driver's own, so that readers end with it.
    feed: Weak<Feed>,
}

/// Requests that may wait for a node at once.
pub(crate) const MAX_REQUESTS: usize = 64;

#[derive(Debug)]
pub(crate) enum Request {
    Command(Command),
    Report(oneshot::Sender<NodeReport>),
}

/// A message on its way. Where nobody is there (all four numbers are 0) it waits in the store for neighbors
/// to come, as long as the setting `store_age` lets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sent {
    /// Which message it became.
    pub key: MessageKey,
    /// The id of its envelope; none while it is gathered.
    pub id: Option<MessageId>,
    /// How many neighbors it was sent to.
    pub neighbors: usize,
    /// How many more get it when they, or their links, can take more.
    pub owed: usize,
    /// How many are told its name alone, because others send it to them.
    pub named: usize,
    /// How many get it, or its name, within milliseconds, together with what is said meanwhile, because
    /// links are busy.
    pub gathered: usize,
}

/// Why a message was not sent. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BroadcastError {
    /// The node got no such request.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The node refused it.
    #[error(transparent)]
    Rejected(#[from] Rejection),
}

/// A node at one moment, with what its driver counted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct NodeReport {
    /// The protocol's state.
    pub node: NodeSnapshot,
    /// Bytes written to all links since the start, without TCP's own.
    pub bytes_sent: u64,
    /// Bytes read from all links since the start, without TCP's own.
    pub bytes_received: u64,
    /// Connections closed at once because too many strangers were at the door.
    pub rejected_connections: u64,
    /// What went wrong without ending anything: how often since the start, by the reason's name as in
    /// [`Warning::reason`].
    pub warnings: BTreeMap<String, u64>,
}

/// Why a message was not sent. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// It is longer than the network carries. The caller's fault.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The node did not take it: it has stopped, or is a seed node. The caller's fault.
    #[error(transparent)]
    Refused(#[from] BroadcastError),
}

/// Why a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
    /// Too many requests, or too many bytes of messages, wait for the node already.
    #[error(
        "{MAX_REQUESTS} requests or {kib} KiB of messages wait for the node already",
        kib = MAX_WAITING / 1024
    )]
    Busy,
}

impl NodeHandle {
    pub(crate) fn new(feed: &Arc<Feed>, waiting: Waiting) -> (Self, mpsc::Receiver<Request>) {
        let (requests, requested) = mpsc::channel(MAX_REQUESTS);
        (Self { requests, waiting, feed: Arc::downgrade(feed) }, requested)
    }

    /// Says something to every peer: at most [`Payload::MAX`] bytes. Where it
    /// arrives is not waited for.
    ///
    /// # Cancel safety
    ///
    /// Not safe: whether a message was sent whose call was dropped is not known.
    pub async fn send(&self, payload: impl Into<Bytes>) -> Result<Sent, SendError> {
        self.send_about("", payload).await
    }

    /// The same about a topic of at most [`Topic::MAX`] bytes.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_about(
        &self,
        topic: &str,
        payload: impl Into<Bytes>,
    ) -> Result<Sent, SendError> {
        let payload = Payload::new(payload)?;
        Ok(self.broadcast(Topic::new(topic)?, payload).await?)
    }

    /// Says `payload` to every peer. Where it arrives is not waited for; but the call waits while neighbors
    /// are still owed a quarter of the store of what was said, so that whoever is slow misses nothing.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn broadcast(&self, topic: Topic, payload: Payload) -> Result<Sent, BroadcastError> {
        let (answer, sent) = oneshot::channel();
        self.waiting.say(topic, payload, Some(answer)).await?;
        Ok(sent.await.map_err(|_gone| RequestError::Stopped)??)
    }

    /// Says much without waiting for the answer to each message. See [`Publisher`].
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.waiting.clone())
    }

    /// Replaces the seed nodes of a peer, 1 to [`MAX_SEED_NODES`](tidings_core::MAX_SEED_NODES).
    /// Registrations with those that stay stand.
    ///
    /// # Cancel safety
    ///
    /// Safe: a call that is dropped before it has returned has changed nothing.
    pub async fn set_seed_nodes(&self, seed_nodes: Vec<SocketAddr>) -> Result<(), RequestError> {
        self.set_named_seed_nodes(seed_nodes.into()).await
    }

    /// The same as hosts with their addresses, and names that were not found.
    ///
    /// # Cancel safety
    ///
    /// As [`set_seed_nodes`](Self::set_seed_nodes).
    pub async fn set_named_seed_nodes(
        &self,
        seed_nodes: NamedSeedNodes,
    ) -> Result<(), RequestError> {
        self.request(Request::Command(Command::SeedNodes(seed_nodes))).await
    }

    /// Announces these addresses from now on, 1 to [`MAX_ADDRESSES`](tidings_core::MAX_ADDRESSES), as a program
    /// does that knows better than the host where others find the node. A node that was not told any address
    /// sees by itself when those of its host change.
    ///
    /// # Cancel safety
    ///
    /// As [`set_seed_nodes`](Self::set_seed_nodes).
    pub async fn set_addresses(&self, addresses: Vec<SocketAddr>) -> Result<(), RequestError> {
        self.request(Request::Command(Command::Addresses(addresses))).await
    }

    /// Asks the node to leave: it tells its neighbors and seed nodes, and stops.
    ///
    /// # Cancel safety
    ///
    /// Safe: a call that is dropped before it has returned has asked nothing.
    pub async fn leave(&self) -> Result<(), RequestError> {
        self.request(Request::Command(Command::Leave)).await
    }

    /// A copy of the node's state.
    ///
    /// # Cancel safety
    ///
    /// Safe: the node is asked for nothing but a copy.
    pub async fn report(&self) -> Result<NodeReport, RequestError> {
        let (answer, report) = oneshot::channel();
        self.request(Request::Report(answer)).await?;
        report.await.map_err(|_gone| RequestError::Stopped)
    }

    /// What happens from now on. A reader that is more than 1,024 events behind loses the oldest.
    #[must_use]
    pub fn events(&self) -> Events {
        self.events_with_capacity(MAX_BEHIND)
    }

    /// The same for a reader that may be so many events behind: 1 to [`Events::MAX_CAPACITY`], and the
    /// nearer of the two when it is neither. What waits takes memory only while it does.
    #[must_use]
    pub fn events_with_capacity(&self, capacity: usize) -> Events {
        self.feed.upgrade().map_or_else(Events::ended, |feed| feed.events(capacity))
    }

    /// Messages of others, for a program that wants all of them, from now on. See [`Deliveries`].
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.feed.upgrade().map_or_else(Deliveries::ended, |feed| feed.deliveries())
    }

    /// Who belongs to the network: first all that the node knows, then what changes.
    pub fn members(&self) -> Result<Members, NoMembers> {
        self.feed.upgrade().map_or_else(|| Ok(Members::ended()), |feed| feed.members())
    }

    /// Waits until the node takes part in its network. A peer does when a seed node lists it and it has,
    /// or has had, a neighbor, or a seed node says that there is no other peer; a seed node does at once.
    /// May wait for ever where no seed node answers, of which [`NodeEvent::NoSeedNode`] tells: set a
    /// timeout.
    ///
    /// [`NodeEvent::NoSeedNode`]: crate::NodeEvent::NoSeedNode
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn joined(&self) -> Result<(), RequestError> {
        let Some(mut joined) = self.feed.upgrade().map(|feed| feed.joined()) else {
            return Err(RequestError::Stopped);
        };
        let joined = joined.wait_for(|has_joined| *has_joined).await;
        joined.map(drop).map_err(|_gone| RequestError::Stopped)
    }

    /// Queues a command without waiting: [`RequestError::Busy`] when too many requests wait already.
    pub fn try_command(&self, command: Command) -> Result<(), RequestError> {
        match command {
            Command::Broadcast { topic, payload } => self.waiting.try_say(topic, payload),
            Command::SeedNodes(_) | Command::Addresses(_) | Command::Leave => {
                try_send(&self.requests, Request::Command(command))
            }
        }
    }

    /// Asks for a copy of the node's state without waiting; the answer comes by the receiver.
    pub fn try_report(&self) -> Result<oneshot::Receiver<NodeReport>, RequestError> {
        let (answer, report) = oneshot::channel();
        try_send(&self.requests, Request::Report(answer))?;
        Ok(report)
    }

    async fn request(&self, request: Request) -> Result<(), RequestError> {
        self.requests.send(request).await.map_err(|_stopped| RequestError::Stopped)
    }
}

fn try_send<T>(to: &mpsc::Sender<T>, item: T) -> Result<(), RequestError> {
    to.try_send(item).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => RequestError::Busy,
        mpsc::error::TrySendError::Closed(_) => RequestError::Stopped,
    })
}

/// Sees every event of a node, in order, when the messages that the same input led to are queued: other
/// threads can send these meanwhile. Called on the node's own loop: it must not wait.
pub trait Observer: Send + Sync {
    /// The node says `event` at `at`, its own time.
    fn on_event(&self, at: Instant, event: &Event);

    /// A name or a file of seed nodes cannot be looked up: told once a minute for each while that lasts.
    fn on_look_up_failure(&self, _failure: &LookUpFailure) {}

    /// Something went wrong, or did so again: at most once a minute for each reason.
    fn on_warning(&self, _at: Instant, _warning: &Warning) {}
}

/// Looks away.
impl Observer for () {
    fn on_event(&self, _at: Instant, _event: &Event) {}
}

/// Both see it, the first one first.
impl<A: Observer, B: Observer> Observer for (A, B) {
    fn on_event(&self, at: Instant, event: &Event) {
        self.0.on_event(at, event);
        self.1.on_event(at, event);
    }

    fn on_look_up_failure(&self, failure: &LookUpFailure) {
        self.0.on_look_up_failure(failure);
        self.1.on_look_up_failure(failure);
    }

    fn on_warning(&self, at: Instant, warning: &Warning) {
        self.0.on_warning(at, warning);
        self.1.on_warning(at, warning);
    }
}

impl<O: Observer + ?Sized> Observer for Arc<O> {
    fn on_event(&self, at: Instant, event: &Event) {
        (**self).on_event(at, event);
    }

    fn on_look_up_failure(&self, failure: &LookUpFailure) {
        (**self).on_look_up_failure(failure);
    }

    fn on_warning(&self, at: Instant, warning: &Warning) {
        (**self).on_warning(at, warning);
    }
}
