//! What waits to be written to one link, already encoded: control, then payloads, each bounded in bytes.
//!
//! Control is all that nodes say to each other for themselves: hellos, pings, names, grafts, statements
//! about members. It goes before payloads, so that a ping measures the network and not this queue, and
//! no link looks dead because it is busy. The order within each of the two is kept. A bye keeps its place
//! behind the payloads that were sent before it, or their receiver would close the link without them.
//!
//! The driver appends and never waits. The link's task takes a portion and writes it in one call. A link
//! that takes too little fills up. Then the node is told, and sends no more payloads until little waits: so a
//! slow neighbor holds up nobody and grows no memory.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tidings_core::wire::{self, BroadcastMessage, LinkMessage, Message};
use tidings_core::{CONGESTED, READY};
use tokio::sync::Notify;

/// Most bytes of payloads that wait for one link before it counts as overrun; one frame may go beyond. A node
/// is told long before; but one that leaves says all at once, up to half of this.
const MAX_PAYLOADS: usize = 2 * 1024 * 1024;

/// The same of control, which waits for nothing but the link: one with so much of it takes nothing, or
/// less than two nodes have to say for themselves. An exchange may say half of it at once, and digests
/// of a full store another third.
const MAX_CONTROL: usize = 1024 * 1024;

/// Payloads that are taken before control has its next turn; the last frame may go beyond.
const PORTION: usize = 64 * 1024;

/// Room that an emptied buffer keeps for the next gathering.
const KEPT_ROOM: usize = 64 * 1024;

/// Encoded messages on their way to a link's task. One task waits on it.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    queues: Mutex<Queues>,
    queued: Notify,
    closed: Notify,
}

/// Too much waits already; the message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overrun;

/// How a queue is after a message was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Nothing to tell.
    Usual,
    /// Since this message many payloads wait.
    Congested,
}

/// What a link's task got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gathered {
    /// Something.
    pub(crate) is_any: bool,
    /// Few payloads wait now, after there were many.
    pub(crate) is_ready: bool,
    /// There are none, and what was taken before was written; this was asked for.
    pub(crate) is_idle: bool,
}

impl Outgoing {
    /// Queues a message. Messages for a closed link are dropped.
    pub(crate) fn push(&self, message: &Message) -> Result<Room, Overrun> {
        let mut queues = self.lock();
        if queues.end != End::None {
            return Ok(Room::Usual);
        }
        queues.push(message)?;
        self.queued.notify_one();
        let is_news = queues.payloads.len >= CONGESTED && !queues.is_congested;
        queues.is_congested |= is_news;
        Ok(if is_news { Room::Congested } else { Room::Usual })
    }

    /// The link's task shall say when few payloads wait. False: that is so already.
    pub(crate) fn await_ready(&self) -> bool {
        let mut queues = self.lock();
        queues.is_congested |= queues.payloads.len > READY;
        queues.is_congested
    }

    /// The link's task shall say when no payloads wait and all were written. False: that is so already.
    pub(crate) fn await_idle(&self) -> bool {
        let mut queues = self.lock();
        if queues.writing != Writing::Nothing {
            queues.writing = Writing::Watched;
        }
        queues.writing != Writing::Nothing
    }

    /// From now on nothing goes before the payloads that wait, because what follows ends the link.
    pub(crate) fn keep_order(&self) {
        self.lock().keeps_order = true;
    }

    /// Takes nothing more: what waits is still to be written, then the link ends.
    pub(crate) fn close(&self) {
        self.lock().end = End::Last;
        self.closed.notify_one();
    }

    /// Takes nothing more, and what waits is dropped: the link ends at once.
    pub(crate) fn reset(&self) {
        *self.lock() = Queues { end: End::Now, ..Queues::default() };
        self.closed.notify_one();
    }

    /// Whether the link is to end without its last words.
    pub(crate) fn is_reset(&self) -> bool {
        self.lock().end == End::Now
    }

    /// Moves all control and then a portion of the payloads into `into`, which must be empty; whole
    /// frames only.
    pub(crate) fn gather(&self, into: &mut BytesMut) -> Gathered {
        assert!(into.is_empty(), "bytes that are not written yet would be lost");
        // Its capacity says nothing: what was written from its front counts again only when reclaimed.
        if into.try_reclaim(KEPT_ROOM + 1) {
            *into = BytesMut::new();
        }
        let mut queues = self.lock();
        mem::swap(&mut queues.control, into);
        queues.payloads.move_portion(into);
        let is_ready = queues.is_congested && queues.payloads.len <= READY;
        queues.is_congested &= !is_ready;
        let is_idle = queues.writing == Writing::Watched && into.is_empty();
        if into.is_empty() {
            queues.writing = Writing::Nothing;
            // An idle link takes no memory.
            *into = BytesMut::new();
            queues.control = BytesMut::new();
            queues.payloads = Portions::default();
        }
        Gathered { is_any: !into.is_empty(), is_ready, is_idle }
    }

    /// Waits until something was queued since the last wait.
    pub(crate) async fn queued(&self) {
        self.queued.notified().await;
    }

    /// Waits until the link is closed on this side.
    pub(crate) async fn closed(&self) {
        while self.lock().end == End::None {
            self.closed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Queues {
    control: BytesMut,
    payloads: Portions,
    /// The driver was told that many payloads wait, and not yet that few do.
    is_congested: bool,
    writing: Writing,
    keeps_order: bool,
    end: End,
}

/// Whether a link is to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    /// It is not.
    #[default]
    None,
    /// After what waits was written.
    Last,
    /// At once.
    Now,
}

impl Queues {
    fn push(&mut self, message: &Message) -> Result<(), Overrun> {
        match Place::of(message) {
            Place::InOrder { room } => {
                self.payloads.push(message, room)?;
                if self.writing == Writing::Nothing {
                    self.writing = Writing::Payloads;
                }
                Ok(())
            }
            Place::First if self.keeps_order => {
                self.payloads.push(message, MAX_PAYLOADS + MAX_CONTROL)
            }
            Place::First if self.control.len() >= MAX_CONTROL => Err(Overrun),
            Place::First => {
                wire::encode(message, &mut self.control);
                Ok(())
            }
        }
    }
}

/// What the link's task has to write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Writing {
    /// No payloads.
    #[default]
    Nothing,
    /// Payloads wait, or were taken and may not be written.
    Payloads,
    /// The same, and the driver is to be told when that ends.
    Watched,
}

/// Where a message waits.
enum Place {
    /// Before all payloads.
    First,
    /// Behind what was queued there before, if that is less than `room`.
    InOrder { room: usize },
}

impl Place {
    fn of(message: &Message) -> Self {
        match message {
            Message::Broadcast(BroadcastMessage::Gossip(gossip))
                if !gossip.envelope.topic().is_reserved() =>
            {
                Self::InOrder { room: MAX_PAYLOADS }
            }
            // A link that is full of payloads has room for its own end.
            Message::Link(LinkMessage::Bye(_)) => {
                Self::InOrder { room: MAX_PAYLOADS + MAX_CONTROL }
            }
            Message::Link(_)
            | Message::Registration(_)
            | Message::Overlay(_)
            | Message::Broadcast(_)
            | Message::Swim(_)
            | Message::Vote(_) => Self::First,
        }
    }
}

/// Frames in portions, each of which is a buffer that is handed on without being copied. The last one
/// is being filled.
#[derive(Debug, Default)]
struct Portions {
    portions: VecDeque<BytesMut>,
    len: usize,
}

impl Portions {
    fn push(&mut self, message: &Message, room: usize) -> Result<(), Overrun> {
        if self.len >= room {
            return Err(Overrun);
        }
        if self.portions.back().is_none_or(|portion| portion.len() >= PORTION) {
            self.portions.push_back(BytesMut::new());
        }
        if let Some(portion) = self.portions.back_mut() {
            let before = portion.len();
            wire::encode(message, portion);
            self.len += portion.len() - before;
        }
        Ok(())
    }

    /// Appends the oldest portion to `into`, by a swap where that is empty. The last buffer is kept to
    /// be filled again.
    fn move_portion(&mut self, into: &mut BytesMut) {
        let Some(mut portion) = self.portions.pop_front() else { return };
        self.len -= portion.len();
        if into.is_empty() {
            mem::swap(into, &mut portion);
        } else {
            into.extend_from_slice(&portion);
            portion.clear();
        }
        if self.portions.is_empty() {
            self.portions.push_back(portion);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tidings_core::wire::{Age, Bye, Gossip, Ping, RegistrationMessage, Route};
    use tidings_core::{BootEpoch, Envelope, Hop, NodeId, Payload, Sequence, Topic, UnixTime};

    use super::*;

    const RENEW: Message = Message::Registration(RegistrationMessage::Renew);
    const BYE: Message = Message::Link(LinkMessage::Bye(Bye::Done));

    fn ping(nonce: u64) -> Message {
        let addr = ([127, 0, 0, 1], 1).into();
        Message::Link(LinkMessage::Ping(Ping { nonce, time: UnixTime::from_millis(0), addr }))
    }

    fn gossip(topic: Topic, sequence: u64, len: usize) -> Message {
        let envelope = Envelope::new(
            (NodeId::new([1; 32]), BootEpoch(1)),
            Sequence(sequence),
            UnixTime::from_millis(0),
            topic,
            Payload::new(vec![0; len]).expect("short"),
        );
        let (hop, route, age) = (Hop(1), Route::default(), Age::default());
        let gossip = Gossip { hop, route, age, envelope: Arc::new(envelope) };
        Message::Broadcast(BroadcastMessage::Gossip(gossip))
    }

    fn payload(sequence: u64, len: usize) -> Message {
        gossip(Topic::default(), sequence, len)
    }

    fn pushed(messages: &[Message]) -> Outgoing {
        let outgoing = Outgoing::default();
        for message in messages {
            outgoing.push(message).expect("room");
        }
        outgoing
    }

    /// The messages of one gathering.
    fn gathered(outgoing: &Outgoing) -> Vec<Message> {
        let mut taken = BytesMut::new();
        outgoing.gather(&mut taken);
        let mut messages = Vec::new();
        while let Some((message, len)) = wire::decode_frame(&taken).expect("what was encoded") {
            messages.push(message);
            let _frame = taken.split_to(len);
        }
        assert!(taken.is_empty(), "whole frames");
        messages
    }

    /// Pushes until there is no room; returns how many there was room for.
    fn fill(outgoing: &Outgoing, message: &Message) -> usize {
        (0..2 * (MAX_PAYLOADS + MAX_CONTROL)).take_while(|_| outgoing.push(message).is_ok()).count()
    }

    #[test]
    fn control_goes_before_payloads_and_each_keeps_its_order() {
        let said = [payload(1, 10), ping(1), payload(2, 10), ping(2), payload(3, 10)];
        let outgoing = pushed(&said);
        let [first, ping1, second, ping2, third] = said;
        assert_eq!(gathered(&outgoing), [ping1, ping2, first, second, third]);
        assert_eq!(gathered(&outgoing), []);
    }

    #[test]
    fn statements_about_members_are_control() {
        let statement = gossip(Topic::members(), 2, 10);
        let outgoing = pushed(&[payload(1, 10), statement.clone()]);
        assert_eq!(gathered(&outgoing), [statement, payload(1, 10)]);
    }

    #[test]
    fn control_gets_in_between_two_portions() {
        let len = 1000;
        let most = u64::try_from(PORTION.div_ceil(len)).expect("small");
        let payloads: Vec<Message> = (0..2 * most).map(|n| payload(n, len)).collect();
        let outgoing = pushed(&payloads);
        let mut taken = gathered(&outgoing);
        assert!((most / 2..=most).contains(&u64::try_from(taken.len()).expect("small")));
        outgoing.push(&ping(1)).expect("room");
        let next = gathered(&outgoing);
        assert_eq!(next.first(), Some(&ping(1)));
        taken.extend_from_slice(&next[1..]);
        taken.extend(gathered(&outgoing));
        assert_eq!(taken, payloads);
    }

    #[test]
    fn a_bye_stays_behind_the_payloads_before_it_however_full_the_link_is() {
        let outgoing = Outgoing::default();
        let count = fill(&outgoing, &payload(1, 40_000));
        outgoing.push(&BYE).expect("room for the end");
        outgoing.push(&ping(1)).expect("control has its own room");
        outgoing.close();
        let mut all = gathered(&outgoing);
        assert_eq!(all.first(), Some(&ping(1)));
        while all.len() < count + 2 {
            all.extend(gathered(&outgoing));
        }
        assert_eq!(all.last(), Some(&BYE));
    }

    #[test]
    fn nothing_goes_before_payloads_once_the_order_is_kept() {
        let outgoing = pushed(&[payload(1, 10), ping(1)]);
        outgoing.keep_order();
        outgoing.push(&ping(2)).expect("room");
        assert_eq!(gathered(&outgoing), [ping(1), payload(1, 10), ping(2)]);
        fill(&outgoing, &payload(2, 1000));
        outgoing.push(&ping(3)).expect("room behind them");
        let frame = wire::frame_len(&ping(4));
        assert!((fill(&outgoing, &ping(4)) - 1) * frame < MAX_CONTROL, "which has an end");
    }

    #[test]
    fn a_link_that_takes_nothing_is_overrun_and_each_queue_keeps_its_bound() {
        let outgoing = Outgoing::default();
        let frame = wire::frame_len(&payload(1, 1000));
        assert_eq!(fill(&outgoing, &payload(1, 1000)), MAX_PAYLOADS.div_ceil(frame));
        assert_eq!(fill(&outgoing, &RENEW), MAX_CONTROL.div_ceil(wire::frame_len(&RENEW)));
        assert_eq!(outgoing.push(&payload(1, 1)), Err(Overrun));
        assert_eq!(outgoing.push(&RENEW), Err(Overrun));
        gathered(&outgoing);
        assert!(outgoing.push(&payload(1, 1)).is_ok(), "there is room again");
        assert!(outgoing.push(&RENEW).is_ok(), "there is room again");
    }

    #[test]
    fn a_link_is_congested_once_and_ready_once() {
        let (outgoing, mut taken) = (Outgoing::default(), BytesMut::new());
        let frame = wire::frame_len(&payload(1, 1000));
        for _ in 0..2 {
            let rooms: Vec<_> = (0..300).map(|_| outgoing.push(&payload(1, 1000))).collect();
            let is_news = |room: &&Result<Room, Overrun>| **room == Ok(Room::Congested);
            assert_eq!(rooms.iter().filter(is_news).count(), 1);
            let place = rooms.iter().position(|room| *room == Ok(Room::Congested));
            assert_eq!(place, Some(CONGESTED.div_ceil(frame) - 1));
            assert_eq!(outgoing.push(&RENEW), Ok(Room::Usual), "control has its own room");
            let mut left = 300 * frame;
            while left > 0 {
                taken.clear();
                let Gathered { is_any, is_ready, .. } = outgoing.gather(&mut taken);
                let before = left;
                left -= taken.len() / frame * frame;
                assert!(is_any);
                assert_eq!(is_ready, left <= READY && before > READY, "{left} bytes wait");
            }
        }
    }

    #[test]
    fn who_asks_for_room_hears_when_there_is_some() {
        let (outgoing, mut taken) = (pushed(&[payload(1, 1000)]), BytesMut::new());
        assert!(!outgoing.await_ready(), "little waits");
        assert!(!outgoing.gather(&mut taken).is_ready);
        taken.clear();
        for n in 0..3 {
            outgoing.push(&payload(n, 60_000)).expect("room");
        }
        assert!(outgoing.await_ready());
        let ready: Vec<bool> = (0..2)
            .map(|_| {
                taken.clear();
                outgoing.gather(&mut taken).is_ready
            })
            .collect();
        assert_eq!(ready, [true, false], "as soon as it can be");
    }

    #[test]
    fn a_link_is_idle_when_all_was_written() {
        let (outgoing, mut taken) = (pushed(&[RENEW]), BytesMut::new());
        assert!(!outgoing.await_idle(), "control does not count");
        outgoing.push(&payload(1, 10)).expect("room");
        assert!(outgoing.await_idle());
        assert!(!outgoing.gather(&mut taken).is_idle, "it is to be written");
        assert!(outgoing.await_idle());
        taken.clear();
        outgoing.push(&payload(2, 10)).expect("room");
        assert!(!outgoing.gather(&mut taken).is_idle, "something came meanwhile");
        taken.clear();
        assert!(outgoing.gather(&mut taken).is_idle);
        assert_eq!(taken.capacity(), 0, "an idle link takes no memory");
        assert!(!outgoing.gather(&mut taken).is_idle, "once");
        assert!(!outgoing.await_idle());
        outgoing.push(&payload(3, 10)).expect("room");
        taken.clear();
        outgoing.gather(&mut taken);
        taken.clear();
        assert!(!outgoing.gather(&mut taken).is_idle, "nobody asked");
    }

    #[test]
    fn what_waits_at_the_close_is_still_there() {
        let outgoing = pushed(&[payload(1, 10), RENEW]);
        outgoing.close();
        outgoing.push(&RENEW).expect("dropped without an error");
        assert_eq!(gathered(&outgoing), [RENEW, payload(1, 10)]);
    }
}
