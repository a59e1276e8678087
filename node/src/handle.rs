//! Talking with a running node: commands in, copies of its state and events out.

use std::net::SocketAddr;

use tidings_core::{Command, Event, Instant, MessageId, NodeSnapshot, Payload, Rejection, Topic};
use tokio::sync::{mpsc, oneshot};

/// A running node, for whoever wants something of it. Clones talk to the same node.
#[derive(Clone, Debug)]
pub struct NodeHandle {
    requests: mpsc::Sender<Request>,
}

/// Requests that may wait for a node at once.
pub(crate) const MAX_REQUESTS: usize = 64;

#[derive(Debug)]
pub(crate) enum Request {
    Command(Command),
    Broadcast { topic: Topic, payload: Payload, answer: oneshot::Sender<Result<Sent, Rejection>> },
    Report(oneshot::Sender<NodeReport>),
}

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Which message it became.
    pub id: MessageId,
    /// How many neighbors it was sent to. With none it waits in the store for those to come, as
    /// long as the setting `store_age` lets it.
    pub neighbors: usize,
}

/// Why a message was not sent. Nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
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
pub struct NodeReport {
    /// The protocol's state.
    pub node: NodeSnapshot,
    /// Bytes written to all links since the start, without TCP's own.
    pub bytes_sent: u64,
    /// Bytes read from all links since the start, without TCP's own.
    pub bytes_received: u64,
    /// Connections closed at once because too many strangers were at the door.
    pub rejected_connections: u64,
}

/// Why a request came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The node has stopped.
    #[error("the node has stopped")]
    Stopped,
    /// Too many requests wait for the node already.
    #[error("{max} requests wait for the node already", max = MAX_REQUESTS)]
    Busy,
}

impl NodeHandle {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Request>) {
        let (requests, receiver) = mpsc::channel(MAX_REQUESTS);
        (Self { requests }, receiver)
    }

    /// Says `payload` to every peer. Where it arrives is not waited for.
    pub async fn broadcast(&self, topic: Topic, payload: Payload) -> Result<Sent, BroadcastError> {
        let (answer, sent) = oneshot::channel();
        self.send(Request::Broadcast { topic, payload, answer }).await?;
        Ok(sent.await.map_err(|_gone| RequestError::Stopped)??)
    }

    /// Replaces the seed nodes of a peer, 1 to [`MAX_SEED_NODES`](tidings_core::MAX_SEED_NODES).
    /// Registrations with those that stay stand.
    pub async fn set_seed_nodes(&self, seed_nodes: Vec<SocketAddr>) -> Result<(), RequestError> {
        self.send(Request::Command(Command::SeedNodes(seed_nodes))).await
    }

    /// Asks the node to leave: it tells its neighbors and seed nodes, and stops.
    pub async fn leave(&self) -> Result<(), RequestError> {
        self.send(Request::Command(Command::Leave)).await
    }

    /// A copy of the node's state.
    pub async fn report(&self) -> Result<NodeReport, RequestError> {
        let (answer, report) = oneshot::channel();
        self.send(Request::Report(answer)).await?;
        report.await.map_err(|_gone| RequestError::Stopped)
    }

    /// Queues a command without waiting.
    pub fn try_command(&self, command: Command) -> Result<(), RequestError> {
        self.try_send(Request::Command(command))
    }

    /// Asks for a copy of the node's state without waiting; the answer comes by the receiver.
    pub fn try_report(&self) -> Result<oneshot::Receiver<NodeReport>, RequestError> {
        let (answer, report) = oneshot::channel();
        self.try_send(Request::Report(answer))?;
        Ok(report)
    }

    async fn send(&self, request: Request) -> Result<(), RequestError> {
        self.requests.send(request).await.map_err(|_stopped| RequestError::Stopped)
    }

    fn try_send(&self, request: Request) -> Result<(), RequestError> {
        self.requests.try_send(request).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => RequestError::Busy,
            mpsc::error::TrySendError::Closed(_) => RequestError::Stopped,
        })
    }
}

/// Sees every event of a node, in order, as it happens. Called on the node's own loop: it must not
/// wait.
pub trait Observer: Send + Sync {
    /// The node says `event` at `at`, its own time.
    fn on_event(&self, at: Instant, event: &Event);
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
}

impl<O: Observer + ?Sized> Observer for std::sync::Arc<O> {
    fn on_event(&self, at: Instant, event: &Event) {
        (**self).on_event(at, event);
    }
}
