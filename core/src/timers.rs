//! What a node waits for: a set of named deadlines, each armed at most once.
//!
//! Due timers fire in the order of (deadline, arming), so a replay fires them in the same order.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::id::LinkId;
use crate::room::make_room;
use crate::time::Instant;

/// Something that will be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// A dial or an accepted link must have got its hello by now.
    Hello(LinkId),
    /// Renew the registration with the seed node that the settings gave this number, or give up
    /// waiting for it to be granted.
    Renew(u32),
    /// Try the seed node of this number again.
    SeedRetry(u32),
    /// Take a fresh sample and replace a link.
    Refresh,
    /// Try to get a first link.
    Isolated,
    /// Ping this neighbor, or connect to it.
    Ping(LinkId),
    /// This neighbor's pong is overdue.
    Answer(LinkId),
    /// Redial the lost neighbor of this number.
    Redial(u32),
    /// Say something.
    Chatter,
    /// Compare what is held with a neighbor.
    Digest,
    /// The registry's next lease runs out.
    Lease,
    /// Probe the doubted entry whose case has this number.
    Probe(u64),
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
    armed: Armed,
    next_order: u64,
}

/// A peer has one or two timers per link: in a short vector they take the least room and time. A
/// seed node may have one per connection of a join wave, and must not search them one by one.
#[derive(Clone, Debug)]
enum Armed {
    /// Soonest first; at most [`Armed::FEW`].
    Few(Vec<Entry>),
    Many(Box<Many>),
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Instant,
    order: u64,
    timer: Timer,
}

/// The same timers by deadline and by name.
#[derive(Clone, Debug, Default)]
struct Many {
    by_time: BTreeMap<(Instant, u64), Timer>,
    by_name: BTreeMap<Timer, (Instant, u64)>,
}

impl Timers {
    /// Arms `timer` for `at`, instead of whenever it was armed for before.
    pub(crate) fn arm(&mut self, timer: Timer, at: Instant) {
        self.cancel(timer);
        let order = self.next_order;
        self.next_order += 1;
        self.armed.insert(Entry { at, order, timer });
    }

    pub(crate) fn cancel(&mut self, timer: Timer) {
        match &mut self.armed {
            Armed::Few(few) => {
                if let Some(place) = few.iter().position(|armed| armed.timer == timer) {
                    few.remove(place);
                }
            }
            Armed::Many(many) => {
                if let Some(key) = many.by_name.remove(&timer) {
                    many.by_time.remove(&key);
                }
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        self.armed = Armed::default();
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        match &self.armed {
            Armed::Few(few) => few.iter().any(|armed| armed.timer == timer),
            Armed::Many(many) => many.by_name.contains_key(&timer),
        }
    }

    pub(crate) fn next(&self) -> Option<Deadline> {
        match &self.armed {
            Armed::Few(few) => few.first().map(|armed| (armed.at, armed.timer)),
            Armed::Many(many) => many.by_time.first_key_value().map(|(key, timer)| (key.0, *timer)),
        }
        .map(|(at, timer)| Deadline { at, timer })
    }

    /// The next timer that is due and was armed before `order`. Timers that handlers arm while
    /// due ones fire wait for the next call, so that firing always ends.
    pub(crate) fn pop_due(&mut self, now: Instant, before: u64) -> Option<Timer> {
        match &mut self.armed {
            Armed::Few(few) => {
                let mut due = few.iter().take_while(|armed| armed.at <= now);
                let place = due.position(|armed| armed.order < before)?;
                Some(few.remove(place).timer)
            }
            Armed::Many(many) => {
                let mut due = many.by_time.range(..=(now, u64::MAX));
                let (&key, &timer) = due.find(|((_, order), _)| *order < before)?;
                many.by_time.remove(&key);
                many.by_name.remove(&timer);
                Some(timer)
            }
        }
    }

    /// The order number that the next armed timer will get.
    pub(crate) fn order(&self) -> u64 {
        self.next_order
    }
}

impl Armed {
    /// A peer with 64 neighbors, each with a ping under way, stays below it.
    const FEW: usize = 160;

    fn insert(&mut self, entry: Entry) {
        match self {
            Self::Few(few) if few.len() < Self::FEW => {
                let place = few.partition_point(|armed| armed.at <= entry.at);
                make_room(few);
                few.insert(place, entry);
            }
            Self::Few(few) => {
                let mut many = Box::<Many>::default();
                few.drain(..).for_each(|armed| many.insert(armed));
                many.insert(entry);
                *self = Self::Many(many);
            }
            Self::Many(many) => many.insert(entry),
        }
    }
}

impl Many {
    fn insert(&mut self, Entry { at, order, timer }: Entry) {
        self.by_time.insert((at, order), timer);
        self.by_name.insert(timer, (at, order));
    }
}

impl Default for Armed {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use proptest::collection::vec;
    use proptest::prelude::*;

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

    /// What `steps` of (arm or cancel or fire, link, time) lead to, in a set that is few or many.
    fn fired(steps: &[(u8, u64, u64)], armed: Armed) -> Vec<(Vec<Timer>, Option<Deadline>)> {
        let mut timers = Timers { armed, next_order: 0 };
        let step = |&(what, link, micros): &(u8, u64, u64)| {
            let timer = Timer::Hello(LinkId::dialed(link));
            let mut fired = Vec::new();
            match what {
                0 | 1 => timers.arm(timer, at(micros)),
                2 => timers.cancel(timer),
                _ => fired = drain(&mut timers, at(micros)),
            }
            (fired, timers.next())
        };
        steps.iter().map(step).collect()
    }

    proptest! {
        #[test]
        fn many_timers_fire_like_few(steps in vec((0..4_u8, 0..20_u64, 0..50_u64), 0..100)) {
            let many = fired(&steps, Armed::Many(Box::default()));
            assert_eq!(many, fired(&steps, Armed::default()));
        }
    }

    #[test]
    fn more_than_a_few_timers_keep_their_order() {
        let mut timers = Timers::default();
        let timer = |n| Timer::Hello(LinkId::dialed(n));
        for n in 0..1000 {
            timers.arm(timer(n), at(1000 - n));
        }
        assert!(matches!(timers.armed, Armed::Many(_)));
        timers.cancel(timer(500));
        let fired = drain(&mut timers, at(1000));
        assert!(fired.iter().copied().eq((0..1000).rev().filter(|n| *n != 500).map(timer)));
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
