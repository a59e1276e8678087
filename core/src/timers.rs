//! What a node waits for: a set of named deadlines, each armed at most once.
//!
//! Due timers fire in the order of (deadline, arming), so a replay fires them in the same order.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
#[cfg(feature = "many-nodes")]
use core::hint::black_box;

use crate::broadcast::timer::BroadcastTimer;
use crate::detector::strikes::timer::StrikesTimer;
use crate::detector::swim::timer::SwimTimer;
use crate::links::timer::LinkTimer;
use crate::overlay::timer::OverlayTimer;
use crate::peer::timer::PeerTimer;
use crate::registration::timer::RegistrationTimer;
use crate::seed_node::timer::SeedNodeTimer;
use crate::time::Instant;
use crate::util::part_timer::PartTimer as _;
use crate::util::room::make_room;

/// Something that will be due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Of a link.
    Link(LinkTimer),
    /// Of a peer's registrations.
    Registration(RegistrationTimer),
    /// Of the overlay.
    Overlay(OverlayTimer),
    /// Of the broadcast.
    Broadcast(BroadcastTimer),
    /// Of the detector `strikes`.
    Strikes(StrikesTimer),
    /// Of the detector `swim`.
    Swim(SwimTimer),
    /// Of the seed node.
    SeedNode(SeedNodeTimer),
    /// Of the peer.
    Peer(PeerTimer),
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
    /// The first of them, and its place among all that were armed. Every input asks for it twice, and it
    /// is mostly the same.
    first: Option<(Deadline, Order)>,
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

/// One armed timer, in 24 bytes: a peer has one or two per link.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: Instant,
    order: Order,
    /// Which of its kind.
    key: u64,
}

/// When a timer was armed, and in the last byte its kind. There are never two of one order, so the
/// kind does not count when orders are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Order(u64);

/// The same timers by deadline and by name.
#[derive(Clone, Debug, Default)]
struct Many {
    by_time: BTreeMap<(Instant, Order), u64>,
    by_name: BTreeMap<(u8, u64), (Instant, Order)>,
}

impl Timers {
    /// Arms `timer` for `at`, instead of whenever it was armed for before.
    pub(crate) fn arm(&mut self, timer: impl Into<Timer>, at: Instant) {
        self.arm_named(timer.into().name(), at);
    }

    fn arm_named(&mut self, name: (u8, u64), at: Instant) {
        self.armed.remove(name);
        let order = self.next_order;
        self.next_order += 1;
        let (kind, key) = name;
        self.armed.insert(Entry { at, order: Order::new(order, kind), key });
        self.note_first();
    }

    pub(crate) fn cancel(&mut self, timer: impl Into<Timer>) {
        self.cancel_named(timer.into().name());
    }

    fn cancel_named(&mut self, name: (u8, u64)) {
        self.armed.remove(name);
        self.note_first();
    }

    pub(crate) fn clear(&mut self) {
        self.armed = Armed::default();
        self.first = None;
    }

    pub(crate) fn is_armed(&self, timer: impl Into<Timer>) -> bool {
        let name = timer.into().name();
        match &self.armed {
            Armed::Few(few) => few.iter().any(|armed| armed.name() == name),
            Armed::Many(many) => many.by_name.contains_key(&name),
        }
    }

    #[inline]
    pub(crate) fn next(&self) -> Option<Deadline> {
        self.first.map(|(deadline, _)| deadline)
    }

    /// The next timer that is due and was armed before `order`. Timers that handlers arm while
    /// due ones fire wait for the next call, so that firing always ends.
    pub(crate) fn pop_due(&mut self, now: Instant, before: u64) -> Option<Timer> {
        self.first.filter(|(first, _)| first.at <= now)?;
        let due = self.armed.pop_due(now, before)?;
        self.note_first();
        Some(due.timer())
    }

    /// Reads a field of nearly every line of memory that a few timers take.
    #[cfg(feature = "many-nodes")]
    pub(crate) fn touch(&self) {
        if let Armed::Few(few) = &self.armed {
            black_box(few.iter().step_by(2).fold(0, |sum, armed| sum ^ armed.key));
        }
    }

    fn note_first(&mut self) {
        let first = self.armed.first();
        if first.map(|armed| armed.order) != self.first.map(|(_, order)| order) {
            let deadline = |armed: Entry| Deadline { at: armed.at, timer: armed.timer() };
            self.first = first.map(|armed| (deadline(armed), armed.order));
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

    fn first(&self) -> Option<Entry> {
        match self {
            Self::Few(few) => few.first().copied(),
            Self::Many(many) => many.by_time.first_key_value().map(Entry::of),
        }
    }

    fn remove(&mut self, name: (u8, u64)) {
        match self {
            Self::Few(few) => {
                if let Some(place) = few.iter().position(|armed| armed.name() == name) {
                    few.remove(place);
                }
            }
            Self::Many(many) => {
                if let Some(time) = many.by_name.remove(&name) {
                    many.by_time.remove(&time);
                }
            }
        }
    }

    fn pop_due(&mut self, now: Instant, before: u64) -> Option<Entry> {
        match self {
            Self::Few(few) => {
                let mut due = few.iter().take_while(|armed| armed.at <= now);
                let place = due.position(|armed| armed.order.is_before(before))?;
                Some(few.remove(place))
            }
            Self::Many(many) => {
                let mut due = many.by_time.range(..=(now, Order::LAST)).map(Entry::of);
                let armed = due.find(|armed| armed.order.is_before(before))?;
                many.by_time.remove(&(armed.at, armed.order));
                many.by_name.remove(&armed.name());
                Some(armed)
            }
        }
    }

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
    fn insert(&mut self, armed: Entry) {
        let time = (armed.at, armed.order);
        self.by_time.insert(time, armed.key);
        self.by_name.insert(armed.name(), time);
    }
}

impl Entry {
    const fn of((&(at, order), &key): (&(Instant, Order), &u64)) -> Self {
        Self { at, order, key }
    }

    const fn name(&self) -> (u8, u64) {
        (self.order.kind(), self.key)
    }

    #[inline]
    fn timer(&self) -> Timer {
        Timer::named(self.name())
    }
}

impl Order {
    /// After all that a node arms in 1,000 years at a million per second.
    const LAST: Self = Self(u64::MAX);

    fn new(order: u64, kind: u8) -> Self {
        Self(order << 8 | u64::from(kind))
    }

    const fn kind(self) -> u8 {
        let [.., kind] = self.0.to_be_bytes();
        kind
    }

    const fn is_before(self, order: u64) -> bool {
        self.0 >> 8 < order
    }
}

/// Says which part's timers have which number.
macro_rules! parts {
    ($($part:ident($timer:ident) = $number:literal,)*) => {
        impl Timer {
            /// Its part and kind, and which of that kind it is.
            #[inline]
            fn name(self) -> (u8, u64) {
                match self {
                    $(Self::$part(timer) => {
                        let (kind, key) = timer.name();
                        ($number << 4 | kind, key)
                    })*
                }
            }

            /// The timer of this name.
            #[inline]
            fn named((kind, key): (u8, u64)) -> Self {
                match kind >> 4 {
                    $($number => Self::$part($timer::named(kind & 0xf, key)),)*
                    _ => unreachable!("a name comes from a timer"),
                }
            }
        }

        $(impl From<$timer> for Timer {
            fn from(timer: $timer) -> Self {
                Self::$part(timer)
            }
        })*
    };
}

parts! {
    Link(LinkTimer) = 0,
    Registration(RegistrationTimer) = 1,
    Overlay(OverlayTimer) = 2,
    Broadcast(BroadcastTimer) = 3,
    Strikes(StrikesTimer) = 4,
    Swim(SwimTimer) = 5,
    SeedNode(SeedNodeTimer) = 6,
    Peer(PeerTimer) = 7,
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
    use crate::id::LinkId;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    fn drain(timers: &mut Timers, now: Instant) -> Vec<Timer> {
        let before = timers.order();
        core::iter::from_fn(|| timers.pop_due(now, before)).collect()
    }

    #[test]
    fn a_timer_is_found_by_its_name() {
        let link = LinkId::accepted(7);
        for timer in [
            Timer::from(LinkTimer::Hello(link)),
            Timer::from(RegistrationTimer::Renew(u32::MAX)),
            Timer::from(RegistrationTimer::Retry(3)),
            Timer::from(OverlayTimer::Refresh),
            Timer::from(OverlayTimer::Isolated),
            Timer::from(StrikesTimer::Ping(link)),
            Timer::from(StrikesTimer::Answer(link)),
            Timer::from(StrikesTimer::Redial(4)),
            Timer::from(BroadcastTimer::Digest),
            Timer::from(SeedNodeTimer::Lease),
            Timer::from(SeedNodeTimer::Probe(u32::MAX)),
            Timer::from(PeerTimer::LeaveTimeout),
            Timer::from(OverlayTimer::Shuffle),
            Timer::from(BroadcastTimer::IHave),
            Timer::from(BroadcastTimer::Graft),
            Timer::from(BroadcastTimer::Exchange),
            Timer::from(SwimTimer::Round),
            Timer::from(SwimTimer::Overdue(5)),
            Timer::from(SwimTimer::Request(6)),
            Timer::from(SwimTimer::Suspicion(7)),
            Timer::from(SeedNodeTimer::Redial(5)),
            Timer::from(SeedNodeTimer::Proposal(u64::MAX)),
            Timer::from(OverlayTimer::Optimize),
        ] {
            assert_eq!(Timer::named(timer.name()), timer);
        }
        assert_eq!(size_of::<Entry>(), 24);
    }

    #[test]
    fn due_timers_fire_by_deadline_then_by_arming() {
        let mut timers = Timers::default();
        timers.arm(Timer::from(BroadcastTimer::Digest), at(5));
        timers.arm(Timer::from(OverlayTimer::Refresh), at(3));
        timers.arm(Timer::from(OverlayTimer::Shuffle), at(5));
        timers.arm(Timer::from(SeedNodeTimer::Lease), at(9));
        assert_eq!(
            drain(&mut timers, at(5)),
            vec![
                Timer::from(OverlayTimer::Refresh),
                Timer::from(BroadcastTimer::Digest),
                Timer::from(OverlayTimer::Shuffle)
            ]
        );
        assert_eq!(
            timers.next().map(|deadline| deadline.timer),
            Some(Timer::from(SeedNodeTimer::Lease))
        );
    }

    #[test]
    fn arming_again_moves_a_timer() {
        let mut timers = Timers::default();
        timers.arm(Timer::from(BroadcastTimer::Digest), at(5));
        timers.arm(Timer::from(BroadcastTimer::Digest), at(8));
        assert_eq!(drain(&mut timers, at(7)), vec![]);
        assert_eq!(drain(&mut timers, at(8)), vec![Timer::from(BroadcastTimer::Digest)]);
        assert!(!timers.is_armed(Timer::from(BroadcastTimer::Digest)));
    }

    /// What `steps` of (arm or cancel or fire, link, time) lead to, in a set that is few or many.
    fn fired(steps: &[(u8, u64, u64)], armed: Armed) -> Vec<(Vec<Timer>, Option<Deadline>)> {
        let mut timers = Timers { armed, ..Timers::default() };
        let step = |&(what, link, micros): &(u8, u64, u64)| {
            let timer = Timer::from(LinkTimer::Hello(LinkId::dialed(link)));
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
        let timer = |n| Timer::from(LinkTimer::Hello(LinkId::dialed(n)));
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
        timers.arm(Timer::from(BroadcastTimer::Digest), at(1));
        let before = timers.order();
        assert_eq!(timers.pop_due(at(1), before), Some(Timer::from(BroadcastTimer::Digest)));
        timers.arm(Timer::from(BroadcastTimer::Digest), at(1));
        assert_eq!(timers.pop_due(at(1), before), None);
        assert_eq!(timers.next().map(|deadline| deadline.at), Some(at(1)));
    }
}
