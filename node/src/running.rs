//! A node that runs in this program.

use std::future::{Future, pending};
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use tidings_core::{AddressRecord, NodeId, NodeSnapshot, Role};
use tokio::select;
use tokio::task::JoinSet;

use crate::announcement::Announcement;
use crate::deliveries::Deliveries;
use crate::driver::{Driver, DriverError};
use crate::events::Events;
use crate::handle::{NodeHandle, NodeReport, RequestError, SendError, Sent};
use crate::identity::Identity;
use crate::members::{Members, NoMembers};
use crate::net::TokioNet;
use crate::publisher::Publisher;

type Ended = Result<NodeReport, DriverError>;

/// A node in this program, made by [`NodeBuilder`](crate::NodeBuilder). Dropping it ends the node
/// as a crash would; [`stop`](Self::stop) lets it say goodbye.
#[derive(Debug)]
#[must_use = "a node that is dropped ends as by a crash"]
pub struct RunningNode {
    record: AddressRecord,
    role: Role,
    handle: NodeHandle,
    task: JoinSet<Ended>,
}

impl RunningNode {
    pub(crate) fn new(
        record: AddressRecord,
        role: Role,
        handle: NodeHandle,
        task: JoinSet<Ended>,
    ) -> Self {
        Self { record, role, handle, task }
    }

    /// Runs a driver until it ends, with look-ups beside it, keeping the identity locked. A node that has left is
    /// taken out of the file that it is announced in.
    pub(crate) fn task(
        driver: Driver<TokioNet>,
        lookups: impl Future<Output = ()> + Send + 'static,
        (identity, announcement): (Identity, Option<Arc<Announcement>>),
    ) -> JoinSet<Ended> {
        let mut task = JoinSet::new();
        task.spawn(async move {
            let _locked = identity;
            let lookups = async {
                lookups.await;
                pending::<()>().await;
            };
            let ended = select! {
                biased;
                ended = driver.run() => ended,
                () = lookups => unreachable!("look-ups end with the node"),
            };
            if let Some(announcement) = announcement {
                announcement.remove().await;
            }
            ended
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

    /// What happens from now on. A reader that is more than 1,024 events behind loses the oldest.
    #[must_use]
    pub fn events(&self) -> Events {
        self.handle.events()
    }

    /// The same for a reader that may be so many events behind: 1 to [`Events::MAX_CAPACITY`], and the
    /// nearer of the two when it is neither. What waits takes memory only while it does.
    #[must_use]
    pub fn events_with_capacity(&self, capacity: usize) -> Events {
        self.handle.events_with_capacity(capacity)
    }

    /// Says much without waiting for the answer to each message. See [`Publisher`].
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        self.handle.publisher()
    }

    /// Messages of others, for a program that wants all of them, from now on. See [`Deliveries`].
    #[must_use]
    pub fn deliveries(&self) -> Deliveries {
        self.handle.deliveries()
    }

    /// Who belongs to the network: first all that the node knows, then what changes.
    pub fn members(&self) -> Result<Members, NoMembers> {
        self.handle.members()
    }

    /// Waits until the node takes part in its network, as [`NodeHandle::joined`].
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn joined(&self) -> Result<(), RequestError> {
        self.handle.joined().await
    }

    /// Says something to every peer: at most [`Payload::MAX`](tidings_core::Payload::MAX) bytes. Where it
    /// arrives is not waited for.
    ///
    /// # Cancel safety
    ///
    /// Not safe: whether a message was sent whose call was dropped is not known.
    pub async fn send(&self, payload: impl Into<Bytes>) -> Result<Sent, SendError> {
        self.handle.send(payload).await
    }

    /// The same about a topic of at most [`Topic::MAX`](tidings_core::Topic::MAX) bytes.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn send_about(
        &self,
        topic: &str,
        payload: impl Into<Bytes>,
    ) -> Result<Sent, SendError> {
        self.handle.send_about(topic, payload).await
    }

    /// The node as it is now: neighbors, seed nodes, lists, counters.
    ///
    /// # Cancel safety
    ///
    /// Safe: the node is asked for nothing but a copy.
    pub async fn snapshot(&self) -> Result<NodeSnapshot, RequestError> {
        Ok(self.handle.report().await?.node)
    }

    /// Waits until the node has stopped, because somebody told it to leave or because of our bug. Its
    /// last report is given once; later calls say [`DriverError::AlreadyEnded`].
    ///
    /// # Cancel safety
    ///
    /// Safe: the report is there for the next call.
    pub async fn ended(&mut self) -> Result<NodeReport, DriverError> {
        match self.task.join_next().await {
            Some(Ok(ended)) => ended,
            Some(Err(error)) => Err(DriverError::Panicked(error.to_string())),
            None => Err(DriverError::AlreadyEnded),
        }
    }

    /// Tells neighbors and seed nodes that the node leaves, and ends it, within 3 s (R33). Returns
    /// its last state.
    ///
    /// # Cancel safety
    ///
    /// Not safe: the node goes with the call that is dropped, and may not have said goodbye.
    pub async fn stop(mut self) -> Result<NodeReport, DriverError> {
        // A node that has stopped already needs no telling.
        let _stopped = self.handle.leave().await;
        self.ended().await
    }
}
