//! A node that runs in this program.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use tidings_core::{AddressRecord, NodeId, NodeSnapshot, Payload, Role, TooLong, Topic};
use tokio::select;
use tokio::task::JoinSet;

use crate::driver::{Driver, DriverError};
use crate::events::{Events, FanOut};
use crate::handle::{BroadcastError, NodeHandle, NodeReport, Observer, RequestError, Sent};
use crate::identity::Identity;
use crate::net::TokioNet;
use crate::seed_lookup::Lost;

pub(crate) type Watcher = FanOut<(Arc<dyn Observer>, Lost)>;
type Ended = Result<NodeReport, DriverError>;

/// A node in this program, made by [`NodeBuilder`](crate::NodeBuilder). Dropping it ends the node
/// as a crash would; [`stop`](Self::stop) lets it say goodbye.
#[expect(missing_debug_implementations, reason = "observers have none")]
pub struct RunningNode {
    record: AddressRecord,
    role: Role,
    handle: NodeHandle,
    /// The node's own, so that streams of events end with it.
    watcher: Weak<Watcher>,
    task: JoinSet<Ended>,
}

/// Why something was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// It is longer than the network carries. The caller's fault.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// The node did not take it: it has stopped, or is a seed node. The caller's fault.
    #[error(transparent)]
    Refused(#[from] BroadcastError),
}

impl RunningNode {
    pub(crate) fn new(
        record: AddressRecord,
        role: Role,
        handle: NodeHandle,
        watcher: Weak<Watcher>,
        task: JoinSet<Ended>,
    ) -> Self {
        Self { record, role, handle, watcher, task }
    }

    /// Runs a driver until it ends, with look-ups beside it, keeping the identity locked.
    pub(crate) fn task(
        driver: Driver<TokioNet>,
        lookups: impl Future<Output = ()> + Send + 'static,
        identity: Identity,
    ) -> JoinSet<Ended> {
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _locked = identity;
            let lookups = async {
                lookups.await;
                pending::<()>().await;
            };
            select! {
                biased;
                ended = driver.run() => ended,
                () = lookups => unreachable!("look-ups end with the node"),
            }
        });
        task
    }

    /// Who this is.
    pub fn id(&self) -> NodeId {
        self.record.subject()
    }

    /// Its role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Where others find it; the best address if there are several.
    pub fn addr(&self) -> SocketAddr {
        self.record.primary()
    }

    /// Who and where it is, and in which life.
    pub fn record(&self) -> &AddressRecord {
        &self.record
    }

    /// For other tasks to talk with it.
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// What happens from now on.
    pub fn events(&self) -> Events {
        self.watcher.upgrade().map_or_else(Events::ended, |watcher| watcher.events())
    }

    /// Says something to every peer: at most [`Payload::MAX`] bytes. Where it arrives is not waited
    /// for.
    pub async fn send(&self, payload: impl AsRef<[u8]>) -> Result<Sent, SendError> {
        self.send_about("", payload).await
    }

    /// The same about a topic of at most [`Topic::MAX`] bytes.
    pub async fn send_about(
        &self,
        topic: &str,
        payload: impl AsRef<[u8]>,
    ) -> Result<Sent, SendError> {
        let payload = Payload::new(payload.as_ref().to_vec())?;
        Ok(self.handle.broadcast(Topic::new(topic)?, payload).await?)
    }

    /// The node as it is now: neighbors, seed nodes, lists, counters.
    pub async fn snapshot(&self) -> Result<NodeSnapshot, RequestError> {
        Ok(self.handle.report().await?.node)
    }

    /// Waits until the node has stopped, because somebody told it to leave or because of our bug.
    pub async fn ended(&mut self) -> Result<NodeReport, DriverError> {
        match self.task.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => Err(DriverError::Panicked(error.to_string())),
            None => Err(DriverError::Panicked("it has ended before".to_owned())),
        }
    }

    /// Tells neighbors and seed nodes that the node leaves, and ends it, within 3 s (R33). Returns
    /// its last state.
    pub async fn stop(mut self) -> Result<NodeReport, DriverError> {
        // A node that has stopped already needs no telling.
        let _stopped = self.handle.leave().await;
        self.ended().await
    }
}
