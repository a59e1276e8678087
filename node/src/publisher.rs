//! What a program says, on its way to the node: numbered in its order, bounded in bytes.
//!
//! Whoever says something has its number at once. The node takes what waits in the same order and numbers
//! alike; while it takes nothing, because neighbors are owed too much, the room fills and publishers wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tidings_core::{BootEpoch, NodeId, Payload, Rejection, Sequence, Topic};
use tokio::sync::mpsc::error::{TryRecvError, TrySendError};
use tokio::sync::{Semaphore, SemaphorePermit, TryAcquireError, mpsc, oneshot};

use crate::handle::{BroadcastError, RequestError, SendError, Sent};

/// Bytes of messages that may wait for a node, those of [`OVERHEAD`] included.
pub(crate) const MAX_WAITING: usize = MAX_ITEMS * OVERHEAD;

/// Bytes that something which waits takes beside its payload, about.
const OVERHEAD: usize = 64;

/// How many may wait: each takes its overhead of the room at least.
const MAX_ITEMS: usize = 4096;

/// Which message: no two have all three in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageKey {
    /// Who said it.
    pub origin: NodeId,
    /// In which life.
    pub life: BootEpoch,
    /// Its number among the messages of that life, from 1.
    pub sequence: Sequence,
}

/// Says much, made by [`NodeHandle::publisher`](crate::NodeHandle::publisher): nobody waits for the node's
/// answer to each message. It waits only while 256 KiB wait for the node, which is while neighbors are owed a
/// quarter of the store. A node that leaves takes all of it first. One that ends as by a crash loses what it has
/// not taken; [`flush`](Self::flush) waits until it has.
///
/// ```no_run
/// # async fn f(node: tidings_node::RunningNode) -> Result<(), tidings_node::SendError> {
/// let publisher = node.publisher();
/// for price in 0..1_000_000 {
///     publisher.send_about("prices", format!("{price}")).await?;
/// }
/// publisher.flush().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Publisher {
    waiting: Waiting,
}

impl Publisher {
    pub(crate) const fn new(waiting: Waiting) -> Self {
        Self { waiting }
    }

    /// Says something to every peer: at most [`Payload::MAX`] bytes.
    ///
    /// # Errors
    ///
    /// It is too long, the topic is the network's own, or the node has stopped. Nothing was said then.
    ///
    /// # Cancel safety
    ///
    /// Safe: a call that is dropped before it has returned has said nothing.
    pub async fn send(&self, payload: impl Into<Bytes>) -> Result<MessageKey, SendError> {
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
    ) -> Result<MessageKey, SendError> {
        let payload = Payload::new(payload)?;
        Ok(self.broadcast(Topic::new(topic)?, payload).await?)
    }

    /// Says `payload` to every peer.
    ///
    /// # Cancel safety
    ///
    /// As [`send`](Self::send).
    pub async fn broadcast(
        &self,
        topic: Topic,
        payload: Payload,
    ) -> Result<MessageKey, BroadcastError> {
        if topic.is_reserved() {
            return Err(Rejection::ReservedTopic.into());
        }
        Ok(self.waiting.say(topic, payload, None).await?)
    }

    /// Waits until the node has taken all that was said before.
    ///
    /// # Errors
    ///
    /// The node has stopped.
    ///
    /// # Cancel safety
    ///
    /// Safe.
    pub async fn flush(&self) -> Result<(), BroadcastError> {
        let (answer, taken) = oneshot::channel();
        self.waiting.make_room(OVERHEAD).await?;
        self.waiting.push(Item::Flush(answer))?;
        Ok(taken.await.map_err(|_gone| RequestError::Stopped)?)
    }
}

/// What becomes of a message that somebody wants an answer to.
pub(crate) type Answer = oneshot::Sender<Result<Sent, Rejection>>;

/// Something that waits for the node.
#[derive(Debug)]
pub(crate) enum Item {
    /// A message.
    Message {
        topic: Topic,
        payload: Payload,
        /// Who wants to hear what became of it.
        answer: Option<Answer>,
    },
    /// Somebody waits until all before it was taken.
    Flush(oneshot::Sender<()>),
}

/// The end by which messages come in.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    origin: NodeId,
    life: Arc<AtomicU64>,
    room: Arc<Semaphore>,
    /// The number of the last message. It is locked while a message is queued, so that both have one order.
    last: Arc<Mutex<u64>>,
    queue: mpsc::Sender<Item>,
}

/// The end where the node takes them.
#[derive(Debug)]
pub(crate) struct Taking {
    life: Arc<AtomicU64>,
    room: Arc<Semaphore>,
    queue: mpsc::Receiver<Item>,
}

/// Both ends, of this life of a node.
pub(crate) fn channel(origin: NodeId, life: BootEpoch) -> (Waiting, Taking) {
    let (sender, receiver) = mpsc::channel(MAX_ITEMS);
    let room = Arc::new(Semaphore::new(MAX_WAITING));
    let life = Arc::new(AtomicU64::new(life.0));
    let taken_life = Arc::clone(&life);
    let waiting =
        Waiting { origin, life, room: Arc::clone(&room), last: Arc::default(), queue: sender };
    (waiting, Taking { life: taken_life, room, queue: receiver })
}

impl Waiting {
    /// Queues a message when there is room for it.
    pub(crate) async fn say(
        &self,
        topic: Topic,
        payload: Payload,
        answer: Option<Answer>,
    ) -> Result<MessageKey, RequestError> {
        self.make_room(cost(&payload)).await?;
        self.number(topic, payload, answer)
    }

    async fn make_room(&self, bytes: usize) -> Result<(), RequestError> {
        let room = self.room.acquire_many(permits(bytes)).await;
        room.map(SemaphorePermit::forget).map_err(|_closed| RequestError::Stopped)
    }

    /// Queues a message if there is room for it.
    pub(crate) fn try_say(&self, topic: Topic, payload: Payload) -> Result<(), RequestError> {
        let room = self.room.try_acquire_many(permits(cost(&payload)));
        room.map(SemaphorePermit::forget).map_err(|error| match error {
            TryAcquireError::NoPermits => RequestError::Busy,
            TryAcquireError::Closed => RequestError::Stopped,
        })?;
        self.number(topic, payload, None).map(drop)
    }

    fn number(
        &self,
        topic: Topic,
        payload: Payload,
        answer: Option<Answer>,
    ) -> Result<MessageKey, RequestError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        // What the node will refuse gets no number.
        let number = *last + u64::from(!topic.is_reserved());
        self.push(Item::Message { topic, payload, answer })?;
        *last = number;
        let life = BootEpoch(self.life.load(Ordering::Relaxed));
        Ok(MessageKey { origin: self.origin, life, sequence: Sequence(*last) })
    }

    /// Queues what there is room for.
    fn push(&self, item: Item) -> Result<(), RequestError> {
        self.queue.try_send(item).map_err(|error| match error {
            TrySendError::Full(_) => RequestError::Busy,
            TrySendError::Closed(_) => RequestError::Stopped,
        })
    }
}

impl Taking {
    /// What is numbered from here on is said in this life.
    pub(crate) fn begin_life(&self, life: BootEpoch) {
        self.life.store(life.0, Ordering::Relaxed);
    }

    /// The next one, if one waits.
    pub(crate) fn try_take(&mut self) -> Result<Item, TryRecvError> {
        self.queue.try_recv().inspect(|item| self.make_room(item))
    }

    /// The next one, when it comes; `None` when nobody can say anything any more.
    pub(crate) async fn take(&mut self) -> Option<Item> {
        let item = self.queue.recv().await?;
        self.make_room(&item);
        Some(item)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    fn make_room(&self, item: &Item) {
        self.room.add_permits(match item {
            Item::Message { payload, .. } => cost(payload),
            Item::Flush(_) => OVERHEAD,
        });
    }
}

/// Whoever waits for room hears that there will be none.
impl Drop for Taking {
    fn drop(&mut self) {
        self.room.close();
    }
}

/// Bytes of room that a message takes: less than there are in all.
fn cost(payload: &Payload) -> usize {
    payload.len() + OVERHEAD
}

fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures_core::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    fn both() -> (Publisher, Taking) {
        let (waiting, taking) = channel(NodeId::new([1; 32]), BootEpoch(7));
        (Publisher::new(waiting), taking)
    }

    #[tokio::test]
    async fn messages_are_numbered_in_the_order_in_which_they_are_taken() {
        let (publisher, mut taking) = both();
        for n in 1..=3 {
            let key = publisher.send(format!("{n}")).await.expect("room");
            assert_eq!((key.life, key.sequence), (BootEpoch(7), Sequence(n)));
        }
        for n in 1..=3 {
            let Ok(Item::Message { payload, .. }) = taking.try_take() else { panic!("no {n}") };
            assert_eq!(payload, *format!("{n}"));
        }
    }

    #[tokio::test]
    async fn what_is_refused_gets_no_number() {
        let (publisher, _taking) = both();
        let refused = publisher.send_about("tidings.members", "x").await;
        assert!(matches!(refused, Err(SendError::Refused(BroadcastError::Rejected(_)))));
        let reserved = Topic::members();
        publisher.waiting.try_say(reserved, Payload::default()).expect("the node refuses it");
        assert_eq!(publisher.send("x").await.expect("room").sequence, Sequence(1));
    }

    #[tokio::test]
    async fn a_publisher_waits_while_there_is_no_room_and_ends_with_the_node() {
        let (publisher, mut taking) = both();
        let mut said = 0;
        while publisher.waiting.try_say(Topic::default(), Payload::default()).is_ok() {
            said += 1;
        }
        assert_eq!(said, MAX_ITEMS);
        let full = publisher.waiting.try_say(Topic::default(), Payload::default());
        assert_eq!(full, Err(RequestError::Busy));
        {
            let mut waiting = pin!(publisher.send("x"));
            let mut cx = Context::from_waker(Waker::noop());
            assert!(waiting.as_mut().poll(&mut cx).is_pending());
            taking.try_take().expect("a message");
            taking.try_take().expect("a message");
            assert!(waiting.as_mut().poll(&mut cx).is_ready(), "there is room again");
        }
        let mut waiting = pin!(publisher.send(vec![0; Payload::MAX]));
        let mut cx = Context::from_waker(Waker::noop());
        assert!(waiting.as_mut().poll(&mut cx).is_pending());
        drop(taking);
        let stopped = Err(SendError::Refused(RequestError::Stopped.into()));
        assert_eq!(waiting.await, stopped);
        assert_eq!(publisher.flush().await, Err(RequestError::Stopped.into()));
    }

    #[tokio::test]
    async fn a_flush_waits_for_all_before_it() {
        let (publisher, mut taking) = both();
        publisher.send("x").await.expect("room");
        let mut flush = pin!(publisher.flush());
        let mut cx = Context::from_waker(Waker::noop());
        assert!(flush.as_mut().poll(&mut cx).is_pending());
        assert!(matches!(taking.try_take(), Ok(Item::Message { .. })));
        assert!(flush.as_mut().poll(&mut cx).is_pending());
        let Ok(Item::Flush(answer)) = taking.try_take() else { panic!("no flush") };
        answer.send(()).expect("it is waited for");
        assert_eq!(flush.await, Ok(()));
    }
}
