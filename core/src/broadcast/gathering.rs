//! Gathering (after Nagle, RFC 896): what is said while the links that carry it are busy leaves as one envelope.
//!
//! ```text
//! program                 peer                           driver
//!   say  ──▶  sealed alone, sent          AwaitIdle ──▶  writes
//!   say  ──▶  gathered
//!   say  ──▶  gathered
//!             sealed together, sent   ◀── LinkIdle       has written
//! ```
//!
//! Where links are idle nothing waits. A slow link keeps nobody waiting who is reached by a quicker one: the
//! first that is idle ends the gathering. A link that stands still keeps nothing for longer than [`MAX_WAIT`].

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use crate::id::LinkId;
use crate::messaging::{Payload, Topic};
use crate::time::Instant;
use crate::wire::MAX_PAYLOADS;

/// How long something may be gathered. *Guess: less than a link of a wide network takes, and more than a
/// machine takes to write.*
pub(crate) const MAX_WAIT: Duration = Duration::from_millis(5);

/// What waits to be sealed, and the links that it waits for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathering {
    /// Links that carry what was said last. Each will say when it is idle, or end.
    busy: Vec<LinkId>,
    waiting: Gathered,
    bytes: usize,
}

/// Payloads of one topic, and when each was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gathered {
    pub(crate) topic: Topic,
    pub(crate) payloads: Vec<Payload>,
    pub(crate) given: Vec<Instant>,
}

impl Gathering {
    /// Whether what is said now has to wait.
    pub(crate) fn is_busy(&self) -> bool {
        !self.busy.is_empty()
    }

    /// Whether anything waits.
    pub(crate) fn is_any(&self) -> bool {
        !self.waiting.payloads.is_empty()
    }

    /// Whether this payload goes into the envelope of what waits.
    pub(crate) fn fits(&self, topic: &Topic, payload: &Payload) -> bool {
        let Gathered { topic: ours, payloads, .. } = &self.waiting;
        let has_room = self.bytes + payload.len() <= Payload::MAX && payloads.len() < MAX_PAYLOADS;
        !self.is_any() || ours == topic && has_room
    }

    /// Adds a payload that fits.
    pub(crate) fn add(&mut self, topic: Topic, payload: Payload, now: Instant) {
        self.bytes += payload.len();
        self.waiting.topic = topic;
        self.waiting.payloads.push(payload);
        self.waiting.given.push(now);
    }

    /// Takes all that waits.
    pub(crate) fn take(&mut self) -> Gathered {
        self.bytes = 0;
        mem::take(&mut self.waiting)
    }

    /// A link carries what was said. Returns whether the driver is to say when it is idle.
    pub(crate) fn wait_for(&mut self, link: LinkId) -> bool {
        let is_new = !self.busy.contains(&link);
        if is_new {
            self.busy.push(link);
        }
        is_new
    }

    /// A link is idle. Returns whether it was waited for.
    pub(crate) fn on_idle(&mut self, link: LinkId) -> bool {
        let was_busy = self.busy.contains(&link);
        if was_busy {
            self.busy = Vec::new();
        }
        was_busy
    }

    /// A link is gone. Returns whether there is none left to wait for.
    pub(crate) fn on_gone(&mut self, link: LinkId) -> bool {
        let was_busy = self.is_busy();
        self.busy.retain(|busy| *busy != link);
        was_busy && !self.is_busy()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broadcast::Broadcast;
    use crate::broadcast::timer::BroadcastTimer;
    use crate::config::Config;
    use crate::context::Context;
    use crate::event::Event;
    use crate::id::Sequence;
    use crate::io::Output;
    use crate::snapshot::{Said, Spread};
    use crate::testing::{context, record};
    use crate::wire::{BroadcastMessage, Message};

    /// A peer with two neighbors, of which it pushes to both.
    struct Peer {
        cx: Context,
        broadcast: Broadcast,
    }

    fn link(n: u64) -> LinkId {
        LinkId::dialed(n)
    }

    /// What a peer did since: how many messages each envelope holds that it sent to its first neighbor, and
    /// the links that it wants to hear of.
    #[derive(Debug, PartialEq, Eq)]
    struct Done {
        sent: Vec<u16>,
        awaited: Vec<LinkId>,
    }

    impl Peer {
        fn new() -> Self {
            let mut cx = context(Config::classic());
            let broadcast = Broadcast::new(&mut cx);
            for n in [2, 3] {
                cx.neighbors.insert(link(n.into()), record(n), cx.now);
            }
            Self { cx, broadcast }
        }

        fn say_about(&mut self, topic: &str, len: usize) {
            let topic = Topic::new(topic).expect("short");
            let payload = Payload::new(alloc::vec![0; len]).expect("short");
            self.broadcast.publish(&mut self.cx, topic, payload);
        }

        fn say(&mut self, times: usize) {
            (0..times).for_each(|_| self.say_about("", 10));
        }

        fn idle(&mut self, n: u64) {
            self.broadcast.on_idle(&mut self.cx, link(n));
        }

        fn done(&mut self) -> Done {
            let mut done = Done { sent: Vec::new(), awaited: Vec::new() };
            while let Some(output) = self.cx.poll_output() {
                if let Output::AwaitIdle { link } = output {
                    done.awaited.push(link);
                } else if let Output::Send { link: to, message } = output
                    && let Message::Broadcast(BroadcastMessage::Gossip(it)) = message
                    && to == link(2)
                {
                    done.sent.push(it.envelope.count());
                }
            }
            done
        }

        /// A peer whose links are busy.
        fn busy() -> Self {
            let mut peer = Self::new();
            peer.say(1);
            assert_eq!(
                peer.done(),
                Done { sent: alloc::vec![1], awaited: alloc::vec![link(2), link(3)] }
            );
            peer
        }
    }

    const NOTHING: Done = Done { sent: Vec::new(), awaited: Vec::new() };

    #[test]
    fn where_links_are_idle_nothing_waits() {
        let mut peer = Peer::new();
        for _ in 0..3 {
            peer.say(1);
            peer.idle(3);
            assert_eq!(peer.done().sent, [1]);
        }
    }

    #[test]
    fn the_first_link_that_is_idle_takes_all_that_was_said_meanwhile() {
        let mut peer = Peer::busy();
        peer.say(3);
        assert_eq!(peer.done(), NOTHING);
        peer.idle(9);
        assert_eq!(peer.done(), NOTHING, "nothing is known of it");
        peer.idle(3);
        assert_eq!(
            peer.done(),
            Done { sent: alloc::vec![3], awaited: alloc::vec![link(2), link(3)] }
        );
        peer.say(1);
        assert_eq!(peer.done(), NOTHING, "they carry that");
        assert!(peer.cx.timers.is_armed(BroadcastTimer::Gather));
    }

    #[test]
    fn a_link_that_stands_still_keeps_nothing_for_long() {
        let mut peer = Peer::busy();
        peer.say(2);
        let due = peer.cx.timers.next().expect("a timer").at;
        assert_eq!(due, peer.cx.now + MAX_WAIT);
        peer.cx.now = due;
        peer.broadcast.on_timer(&mut peer.cx, BroadcastTimer::Gather, |_| None);
        assert_eq!(
            peer.done(),
            Done { sent: alloc::vec![2], awaited: Vec::new() },
            "asked already"
        );
        peer.say(1);
        assert_eq!(peer.done(), NOTHING);
    }

    #[test]
    fn what_does_not_fit_goes_on_its_own() {
        let mut peer = Peer::busy();
        peer.say_about("a", 10);
        peer.say_about("a", 10);
        peer.say_about("b", 10);
        assert_eq!(peer.done().sent, [2], "another topic");
        peer.say_about("b", Payload::MAX - 10);
        assert_eq!(peer.done().sent, [], "as much as fits");
        peer.say_about("b", 0);
        peer.say_about("b", 1);
        assert_eq!(peer.done().sent, [3], "a byte too many");
        peer.say_about("b", Payload::MAX);
        assert_eq!(peer.done().sent, [1]);
        peer.say_about("c", 0);
        assert_eq!(peer.done().sent, [1]);
        (0..MAX_PAYLOADS).for_each(|_| peer.say_about("c", 0));
        assert_eq!(peer.done().sent, [1024], "as many as may");
    }

    #[test]
    fn nobody_waits_for_links_that_are_gone() {
        let mut peer = Peer::busy();
        peer.say(2);
        for (n, sent) in [(2, 0), (3, 2)] {
            let down = peer.cx.neighbors.remove(link(n)).expect("a neighbor");
            peer.broadcast.on_neighbor_down(&mut peer.cx, &down, true);
            assert_eq!(peer.cx.stats.published, 1 + sent);
        }
        peer.say(1);
        assert_eq!(peer.cx.stats.published, 4, "nothing is busy");
    }

    #[test]
    fn what_is_said_of_members_is_not_gathered_and_takes_no_number() {
        let mut peer = Peer::busy();
        peer.say(1);
        peer.broadcast.state(&mut peer.cx, Payload::default());
        assert_eq!(peer.done().sent, [1]);
        peer.say(1);
        assert_eq!(peer.broadcast.last_said(&peer.cx).sequence, Sequence(3));
    }

    #[test]
    fn the_last_message_has_an_id_when_its_envelope_is_sealed() {
        let silent = Peer::new();
        assert_eq!(silent.broadcast.last_said(&silent.cx), Said::default(), "there is none yet");
        let mut peer = Peer::busy();
        let Said { sequence, id, spread } = peer.broadcast.last_said(&peer.cx);
        assert!(sequence == Sequence(1) && id.is_some());
        assert_eq!(spread, Spread { pushed: 2, ..Spread::default() });
        peer.say(2);
        let spread = Spread { gathered: 2, ..Spread::default() };
        let said = Said { sequence: Sequence(3), id: None, spread };
        assert_eq!(peer.broadcast.last_said(&peer.cx), said);
        peer.idle(2);
        let Said { sequence, id, spread } = peer.broadcast.last_said(&peer.cx);
        assert!(sequence == Sequence(3) && id.is_some());
        assert_eq!(spread, Spread { pushed: 2, ..Spread::default() });
    }

    #[test]
    fn each_message_is_told_of_with_its_number_and_how_long_it_waited() {
        let mut peer = Peer::busy();
        for _ in 0..2 {
            peer.say(1);
            peer.cx.now = peer.cx.now + Duration::from_millis(1);
        }
        peer.idle(2);
        let mut told = Vec::new();
        while let Some(output) = peer.cx.poll_output() {
            if let Output::Event(Event::Published { envelope, waited }) = output {
                told.push((envelope.sequence().0, waited.as_millis()));
            }
        }
        assert_eq!(told, [(2, 2), (3, 1)]);
    }
}
