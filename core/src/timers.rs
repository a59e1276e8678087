//! What a node waits for: a set of named deadlines, each armed at most once.
//!
//! Due timers fire in the order of (deadline, arming), so a replay fires them in the same order.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::id::{LinkId, NodeId};
use crate::time::Instant;

/// Something that will be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// A dial or an accepted link must have got its hello by now.
    Hello(LinkId),
    /// Renew the registration with the seed node at this address of the settings, or give up
    /// waiting for it to be granted.
    Renew(SocketAddr),
    /// Try the seed node at this address again.
    SeedRetry(SocketAddr),
    /// Take a fresh sample and replace a link.
    Refresh,
    /// Try to get a first link.
    Isolated,
    /// Ping this neighbor, or connect to it.
    Ping(LinkId),
    /// This neighbor's pong is overdue.
    Answer(LinkId),
    /// Redial this lost neighbor.
    Redial(NodeId),
    /// Say something.
    Chatter,
    /// Compare what is held with a neighbor.
    Digest,
    /// The registry's next lease runs out.
    Lease,
    /// Probe this doubted entry.
    Probe(NodeId),
    /// Leaving takes too long: go now.
    LeaveTimeout,
}

/// When to call again at the latest, and what for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When.
    pub at: Instant,
    /// What is due then.
    pub timer: Timer,
}

/// Armed timers, soonest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timers {
    armed: Vec<Armed>,
    next_order: u64,
}

#[derive(Clone, Copy, Debug)]
struct Armed {
    at: Instant,
    order: u64,
    timer: Timer,
}

impl Timers {
    /// Arms `timer` for `at`, instead of whenever it was armed for before.
    pub(crate) fn arm(&mut self, timer: Timer, at: Instant) {
        self.cancel(timer);
        let order = self.next_order;
        self.next_order += 1;
        let place = self.armed.partition_point(|armed| armed.at <= at);
        self.armed.insert(place, Armed { at, order, timer });
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        self.armed.retain(|armed| armed.timer != timer);
    }

    pub(crate) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        self.armed.iter().any(|armed| armed.timer == timer)
    }

    pub(crate) fn next(&self) -> Option<Deadline> {
        self.armed.first().map(|armed| Deadline { at: armed.at, timer: armed.timer })
    }

    /// The next timer that is due and was armed before `order`. Timers that handlers arm while
    /// due ones fire wait for the next call, so that firing always ends.
    pub(crate) fn pop_due(&mut self, now: Instant, before: u64) -> Option<Timer> {
        let due = |armed: &Armed| armed.at <= now && armed.order < before;
        let place = self.armed.iter().take_while(|armed| armed.at <= now).position(due)?;
        Some(self.armed.remove(place).timer)
    }

    /// The order number that the next armed timer will get.
    pub(crate) fn order(&self) -> u64 {
        self.next_order
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    fn drain(timers: &mut Timers, now: Instant) -> Vec<Timer> {
        let before = timers.order();
        core::iter::from_fn(|| timers.pop_due(now, before)).collect()
    }

    #[test]
    fn due_timers_fire_by_deadline_then_by_arming() {
        let mut timers = Timers::default();
        timers.arm(Timer::Digest, at(5));
        timers.arm(Timer::Refresh, at(3));
        timers.arm(Timer::Chatter, at(5));
        timers.arm(Timer::Lease, at(9));
        assert_eq!(drain(&mut timers, at(5)), vec![Timer::Refresh, Timer::Digest, Timer::Chatter]);
        assert_eq!(timers.next().map(|deadline| deadline.timer), Some(Timer::Lease));
    }

    #[test]
    fn arming_again_moves_a_timer() {
        let mut timers = Timers::default();
        timers.arm(Timer::Digest, at(5));
        timers.arm(Timer::Digest, at(8));
        assert_eq!(drain(&mut timers, at(7)), vec![]);
        assert_eq!(drain(&mut timers, at(8)), vec![Timer::Digest]);
        assert!(!timers.is_armed(Timer::Digest));
    }

    #[test]
    fn a_timer_armed_while_others_fire_waits_for_the_next_call() {
        let mut timers = Timers::default();
        timers.arm(Timer::Digest, at(1));
        let before = timers.order();
        assert_eq!(timers.pop_due(at(1), before), Some(Timer::Digest));
        timers.arm(Timer::Digest, at(1));
        assert_eq!(timers.pop_due(at(1), before), None);
        assert_eq!(timers.next().map(|deadline| deadline.at), Some(at(1)));
    }
}
