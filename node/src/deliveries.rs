//! Messages for a program that wants all of them: a stream that misses nothing while its reader is no further
//! behind than the node's store reaches, and else says what is missing.
//!
//! ```text
//! read ◀── an eighth ── a quarter ── store_bytes or store_age
//!                           │         └─▶ the reader is told that it misses what is older
//!                           └─▶ the node takes no payloads, until an eighth is left: sources wait
//! ```
//!
//! The rest of the room is for what is on its way by then. There are 2 MiB more of it, since a small store has
//! too little. A reader that has missed something is not waited for until it has caught up.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_core::Stream;
use tidings_core::{BootEpoch, NodeId, Sequence};
use tokio::time::Instant;

use crate::events::Delivery;
use crate::flag::Flag;

/// Bytes that a waiting message takes beside its payload, about.
const OVERHEAD: usize = 256;

/// Lives of origins of which it is remembered which messages are missed.
const MAX_ORIGINS: usize = 1024;

/// What a reader of messages gets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliveryEvent {
    /// A message of another peer, once per message.
    Delivered(Delivery),
    /// The reader was too far behind, and misses messages that came before the next one.
    Missed(Missed),
    /// The same, of messages beyond those of 1,024 lives of origins.
    MissedOthers {
        /// How many messages.
        count: u64,
    },
}

/// Messages of one life of an origin that a reader was too slow for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missed {
    /// Who said them.
    pub origin: NodeId,
    /// In which life.
    pub life: BootEpoch,
    /// The number of the first of them.
    pub from: Sequence,
    /// The number of the last of them.
    pub to: Sequence,
    /// How many. Fewer than from the first to the last, where some of these were read or have not come.
    pub count: u64,
}

/// Messages of other peers from the moment of asking on, until the node has stopped. A reader that is less
/// than the settings `store_bytes` and `store_age` behind misses nothing: sources wait for it while a quarter
/// of `store_bytes` waits to be read. A reader that is further behind misses the oldest messages. It is told
/// which by [`DeliveryEvent::Missed`], before the next message, and nobody waits for it until it has caught up.
#[derive(Debug)]
pub struct Deliveries {
    queue: Arc<DeliveryQueue>,
}

impl Deliveries {
    /// Of a node with such a store, whose driver looks where the flag is raised.
    pub(crate) fn new(reach: Reach, flag: &Arc<Flag>) -> Self {
        Self { queue: Arc::new(DeliveryQueue::new(reach, Arc::clone(flag))) }
    }

    /// Of a node that has stopped: there are none.
    pub(crate) fn ended() -> Self {
        let deliveries = Self::new(Reach::default(), &Arc::default());
        deliveries.queue.close();
        deliveries
    }

    pub(crate) fn queue(&self) -> Weak<DeliveryQueue> {
        Arc::downgrade(&self.queue)
    }

    /// The next message, or what is missing before it; `None` when the node has stopped and all were read.
    ///
    /// # Cancel safety
    ///
    /// Safe: a call that is dropped has taken nothing.
    pub async fn next(&mut self) -> Option<DeliveryEvent> {
        std::future::poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Deliveries {
    type Item = DeliveryEvent;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<DeliveryEvent>> {
        Poll::Ready(ready!(self.queue.poll(cx)))
    }
}

/// Whoever reads no more slows nobody.
impl Drop for Deliveries {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// How far behind a reader of messages may be. Without a queue, so that a simulated reader keeps the same law.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reach {
    pub(crate) bytes: usize,
    pub(crate) age: Duration,
    /// Bytes that may come after the node has asked its neighbors to wait; of these nothing is missed.
    pub(crate) on_their_way: usize,
}

impl Reach {
    /// How often a reader that is behind is looked at.
    pub const LOOK_EVERY: Duration = Duration::from_secs(1);

    /// That of a store of so many bytes, which keeps messages for so long.
    pub const fn of_store(bytes: usize, age: Duration) -> Self {
        Self { bytes, age, on_their_way: ON_THEIR_WAY }
    }

    /// Bytes that a waiting message with so long a payload counts.
    pub const fn cost(payload: usize) -> usize {
        payload + OVERHEAD
    }

    /// Whether the node takes no payloads, because so much waits for a reader that was behind before or was not:
    /// from a quarter of the store on, until an eighth is left.
    pub const fn is_behind(self, bytes: usize, was_behind: bool) -> bool {
        bytes > self.bytes / 4 || was_behind && !self.is_near(bytes)
    }

    /// Whether a reader for whom so much waits has caught up.
    const fn is_near(self, bytes: usize) -> bool {
        bytes <= self.bytes / 8
    }

    /// Whether the oldest of so much that waits is missed.
    pub const fn is_too_much(self, bytes: usize) -> bool {
        bytes > self.bytes + self.on_their_way
    }

    /// Whether what has waited for so long is missed.
    pub fn is_too_old(self, age: Duration) -> bool {
        age > self.age
    }
}

/// *Guess: a full queue of some links, and what their kernels hold.*
const ON_THEIR_WAY: usize = 2 * 1024 * 1024;

/// What waits for one reader.
#[derive(Debug)]
pub(crate) struct DeliveryQueue {
    reach: Reach,
    flag: Arc<Flag>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<(Instant, Delivery)>,
    bytes: usize,
    missed: BTreeMap<(NodeId, BootEpoch), Missed>,
    missed_others: u64,
    /// So much waits that the node takes no payloads.
    is_behind: bool,
    /// It has missed something, and has not caught up since.
    is_beyond: bool,
    is_closed: bool,
    waker: Option<Waker>,
}

impl DeliveryQueue {
    fn new(reach: Reach, flag: Arc<Flag>) -> Self {
        Self { reach, flag, state: Mutex::default() }
    }

    /// Adds a message; what is further behind than the reader may be goes.
    pub(crate) fn push(&self, delivery: Delivery, now: Instant) {
        self.change(|state| {
            state.bytes += cost(&delivery);
            state.waiting.push_back((now, delivery));
            state.drop_what_is_beyond(self.reach, now);
        });
    }

    /// Drops what is too old by now.
    pub(crate) fn expire(&self, now: Instant) {
        self.change(|state| state.drop_what_is_beyond(self.reach, now));
    }

    /// Whether the node shall take no payloads because of this reader.
    pub(crate) fn is_behind(&self) -> bool {
        self.lock().is_behind
    }

    /// Ends the queue: what waits can still be read.
    pub(crate) fn close(&self) {
        self.change(|state| state.is_closed = true);
    }

    fn abandon(&self) {
        self.change(|state| {
            *state = State { is_behind: state.is_behind, ..State::default() };
        });
    }

    fn poll(&self, cx: &Context<'_>) -> Poll<Option<DeliveryEvent>> {
        let mut state = self.lock();
        let event = state.take();
        if event.is_none() && !state.is_closed {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        self.judge(&mut state);
        Poll::Ready(event)
    }

    /// Changes the queue and then wakes its reader, who may come for it at once: the lock is free by then.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        self.judge(&mut state);
        let has_something = state.is_closed || !state.waiting.is_empty() || state.misses();
        let waker = if has_something { state.waker.take() } else { None };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Sees whether the node has to do something for the reader, or may cease to.
    fn judge(&self, state: &mut State) {
        state.is_beyond &= !self.reach.is_near(state.bytes) || state.misses();
        let is_behind = !state.is_beyond && self.reach.is_behind(state.bytes, state.is_behind);
        if state.is_behind != is_behind {
            state.is_behind = is_behind;
            self.flag.raise();
        }
    }

    /// A reader or a writer that panicked has left the queue whole: each change of it is one step.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn drop_what_is_beyond(&mut self, reach: Reach, now: Instant) {
        let is_old = |at: Instant| reach.is_too_old(now.saturating_duration_since(at));
        while reach.is_too_much(self.bytes)
            || self.waiting.front().is_some_and(|(at, _)| is_old(*at))
        {
            let Some((_, delivery)) = self.waiting.pop_front() else { break };
            self.bytes -= cost(&delivery);
            self.is_beyond = true;
            self.miss(&delivery);
        }
    }

    fn miss(&mut self, delivery: &Delivery) {
        let Delivery { origin, life, sequence, .. } = *delivery;
        if let Some(missed) = self.missed.get_mut(&(origin, life)) {
            missed.from = missed.from.min(sequence);
            missed.to = missed.to.max(sequence);
            missed.count += 1;
        } else if self.missed.len() < MAX_ORIGINS {
            let missed = Missed { origin, life, from: sequence, to: sequence, count: 1 };
            self.missed.insert((origin, life), missed);
        } else {
            self.missed_others += 1;
        }
    }

    fn misses(&self) -> bool {
        !self.missed.is_empty() || self.missed_others > 0
    }

    fn take(&mut self) -> Option<DeliveryEvent> {
        if let Some((_, missed)) = self.missed.pop_first() {
            return Some(DeliveryEvent::Missed(missed));
        }
        if self.missed_others > 0 {
            let count = std::mem::take(&mut self.missed_others);
            return Some(DeliveryEvent::MissedOthers { count });
        }
        let (_, delivery) = self.waiting.pop_front()?;
        self.bytes -= cost(&delivery);
        Some(DeliveryEvent::Delivered(delivery))
    }
}

fn cost(delivery: &Delivery) -> usize {
    Reach::cost(delivery.payload.len())
}

#[cfg(test)]
mod tests {
    use tidings_core::{Hop, MessageId, Payload, Topic, UnixTime};

    use super::*;

    const AGE: Duration = Duration::from_secs(10);

    /// A reader with room for 16 messages.
    struct Reader {
        deliveries: Deliveries,
        flag: Arc<Flag>,
        now: Instant,
    }

    impl Reader {
        fn new() -> Self {
            let flag = Arc::default();
            let reach = Reach { bytes: 16 * (OVERHEAD + 100), age: AGE, on_their_way: 0 };
            let deliveries = Deliveries::new(reach, &flag);
            Self { deliveries, flag, now: Instant::now() }
        }

        fn push(&self, origin: u16, sequences: impl Iterator<Item = u64>) {
            for sequence in sequences {
                self.deliveries.queue.push(delivery(origin, sequence), self.now);
            }
        }

        fn next(&self) -> Option<DeliveryEvent> {
            match self.deliveries.queue.poll(&Context::from_waker(Waker::noop())) {
                Poll::Ready(event) => event,
                Poll::Pending => None,
            }
        }

        /// Reads all; the numbers of what was delivered.
        fn read(&self) -> Vec<u64> {
            std::iter::from_fn(|| self.next()).filter_map(sequence).collect()
        }

        fn is_behind(&self) -> bool {
            self.deliveries.queue.is_behind()
        }
    }

    fn sequence(event: DeliveryEvent) -> Option<u64> {
        match event {
            DeliveryEvent::Delivered(delivery) => Some(delivery.sequence.0),
            DeliveryEvent::Missed(_) | DeliveryEvent::MissedOthers { .. } => None,
        }
    }

    fn node(n: u16) -> NodeId {
        let mut id = [7; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        NodeId::new(id)
    }

    fn delivery(origin: u16, sequence: u64) -> Delivery {
        Delivery {
            id: MessageId::new([0; 32]),
            origin: node(origin),
            life: BootEpoch(1),
            sequence: Sequence(sequence),
            topic: Topic::default(),
            payload: Payload::new(vec![0; 100]).expect("short"),
            sent: UnixTime::from_millis(0),
            from: node(0),
            hop: Hop(1),
            history: false,
        }
    }

    #[test]
    fn a_reader_within_reach_misses_nothing_and_is_waited_for() {
        let reader = Reader::new();
        reader.push(1, 1..=4);
        assert!(!reader.is_behind() && !reader.flag.take());
        reader.push(1, 5..=16);
        assert!(reader.is_behind() && reader.flag.take());
        let read: Vec<_> = (0..13).filter_map(|_| reader.next()).filter_map(sequence).collect();
        assert_eq!(read, (1..=13).collect::<Vec<_>>());
        assert!(reader.is_behind() && !reader.flag.take());
        assert_eq!(reader.next().and_then(sequence), Some(14));
        assert!(!reader.is_behind() && reader.flag.take(), "an eighth is left");
        assert_eq!(reader.read(), [15, 16]);
    }

    #[test]
    fn a_reader_beyond_is_told_what_it_misses_and_slows_nobody() {
        let reader = Reader::new();
        reader.push(1, 1..=3);
        reader.push(2, 7..=8);
        reader.push(1, 4..=17);
        assert!(!reader.is_behind());
        let missed = |origin, from, to, count| {
            let (origin, life) = (node(origin), BootEpoch(1));
            let (from, to) = (Sequence(from), Sequence(to));
            Some(DeliveryEvent::Missed(Missed { origin, life, from, to, count }))
        };
        assert_eq!(reader.next(), missed(1, 1, 3, 3));
        reader.push(1, 18..=18);
        assert!(!reader.is_behind(), "it has not caught up");
        assert_eq!(reader.next(), missed(2, 7, 7, 1));
        assert_eq!(reader.read(), [8, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18][..]);
        reader.push(1, 19..=34);
        assert!(reader.is_behind(), "now it has");
    }

    #[test]
    fn what_is_too_old_is_missed_and_not_waited_for() {
        let mut reader = Reader::new();
        reader.push(1, 1..=10);
        assert!(reader.is_behind());
        reader.now += AGE;
        reader.deliveries.queue.expire(reader.now);
        assert!(reader.is_behind());
        reader.now += Duration::from_millis(1);
        reader.deliveries.queue.expire(reader.now);
        assert!(!reader.is_behind());
        assert!(matches!(reader.next(), Some(DeliveryEvent::Missed(Missed { count: 10, .. }))));
        assert_eq!(reader.next(), None);
    }

    #[test]
    fn what_is_missed_takes_no_more_room_than_so_many_origins() {
        let reader = Reader::new();
        (0..2000).for_each(|origin| reader.push(origin, 1..=1));
        let events: Vec<_> = std::iter::from_fn(|| reader.next()).collect();
        let missed = |event: &&DeliveryEvent| matches!(event, DeliveryEvent::Missed(_));
        assert_eq!(events.iter().filter(missed).count(), MAX_ORIGINS);
        let others = u64::try_from(2000 - 16 - MAX_ORIGINS).expect("small");
        assert!(events.contains(&DeliveryEvent::MissedOthers { count: others }));
    }

    #[test]
    fn a_reader_that_is_gone_is_not_waited_for() {
        let reader = Reader::new();
        reader.push(1, 1..=16);
        assert!(reader.flag.take());
        let queue = reader.deliveries.queue().upgrade().expect("it is read");
        drop(reader.deliveries);
        assert!(reader.flag.take() && !queue.is_behind());
    }

    #[test]
    fn what_waits_when_the_node_stops_can_be_read() {
        let reader = Reader::new();
        reader.push(1, 1..=2);
        reader.deliveries.queue.close();
        assert_eq!(reader.read(), [1, 2]);
        let end = reader.deliveries.queue.poll(&Context::from_waker(Waker::noop()));
        assert_eq!(end, Poll::Ready(None));
    }
}
