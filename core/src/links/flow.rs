//! Flow control: which neighbors take no payloads now, what they are owed, and who has to wait for that.
//!
//! ```text
//! driver   LinkCongested { link }     much waits for the link ──┐
//! neighbor Credit { payloads: false } its program is behind ────┴─▶ payloads are owed, names go
//! driver   LinkReady { link }         little waits ─────────────┐
//! neighbor Credit { payloads: true }  it has caught up ─────────┴─▶ what is owed goes, oldest first
//! ```
//!
//! What is owed keeps its place in the store. A peer is pressed where a quarter of its store is owed, or where
//! all of its store was named so lately that a neighbor may still ask for it. Then sources have to wait. The
//! peer tells its neighbors, which pass that on (`Credit { pressure }`). Payloads that are on their way go on
//! meanwhile, so no two peers can wait for each other.
//!
//! *Ours.* Pressure is a number of links, one less at each link that it is passed on over. So it ends after
//! [`FAR`] links, and peers in a circle that tell each other of a pressure that is over each tell of less. A
//! peer does not tell a neighbor of the pressure that this neighbor told of.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use crate::id::{LinkId, MessageId};
use crate::links::neighbors::{Neighbor, Neighbors, Slot, SlotSet, Via};
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::util::room::make_room_behind;
use crate::wire::Route;

/// A driver says [`Input::LinkCongested`](crate::Input::LinkCongested) when this many bytes of payloads wait
/// for a link.
pub const CONGESTED: usize = 256 * 1024;

/// And [`Input::LinkReady`](crate::Input::LinkReady) when no more than this many do, if it has said the other
/// before.
pub const READY: usize = 64 * 1024;

/// Over how many links pressure goes. *More than between two peers: a million have a diameter of 11.*
pub(crate) const FAR: u8 = 16;

/// What neighbors let wait, and what they are told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flow {
    /// Neighbors that are not as they mostly are. Mostly none.
    links: Vec<LinkFlow>,
    /// Stored messages that somebody is owed.
    owed: Owed,
    /// So much is owed here that sources have to wait.
    is_pressed: bool,
    /// The program is slower than what comes.
    is_behind: bool,
    /// Something has changed since neighbors were told last.
    has_changed: bool,
    /// When some neighbor was told last that it, or others, may send more.
    eased: Option<Instant>,
}

/// How much is owed, or may be stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owed {
    pub(crate) bytes: usize,
    pub(crate) count: usize,
}

/// What is not usual with a neighbor.
#[derive(Clone, Debug)]
struct LinkFlow {
    via: Via,
    /// Much waits for the link.
    is_congested: bool,
    /// Its program is behind.
    is_behind: bool,
    /// What the neighbor says of sources: over so many links more they have to wait.
    pressure: u8,
    /// What it was told.
    told: Credit,
    /// It is too far behind: it is owed nothing until it takes payloads again. Then it is told what there is.
    is_given_up: bool,
    /// What it is owed, oldest first. Some of it it may have by now: the stored message knows.
    waiting: VecDeque<Promise>,
}

/// What a neighbor is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Credit {
    /// Whether payloads are taken now.
    pub(crate) payloads: bool,
    /// Over so many links more sources have to wait.
    pub(crate) pressure: u8,
}

/// What all take each other for until they say something else.
const USUAL: Credit = Credit { payloads: true, pressure: 0 };

/// A payload that a neighbor is owed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Promise {
    pub(crate) id: MessageId,
    pub(crate) route: Route,
}

impl Flow {
    /// Whether a neighbor takes a payload now.
    pub(crate) fn takes(&self, link: LinkId) -> bool {
        self.find(link).is_none_or(LinkFlow::takes)
    }

    /// Nothing more goes to a neighbor until the driver says that its link is ready.
    pub(crate) fn pause(&mut self, via: Via) {
        self.entry(via).is_congested = true;
    }

    /// The driver can take more. Says whether it was asked to say so.
    pub(crate) fn on_ready(&mut self, link: LinkId) -> bool {
        let it = self.find_mut(link);
        it.is_some_and(|it| core::mem::replace(&mut it.is_congested, false))
    }

    /// A neighbor says whether it takes payloads, and how far sources have to wait.
    pub(crate) fn on_credit(&mut self, via: Via, credit: Credit) {
        if credit != USUAL || self.find(via.link).is_some() {
            let it = self.entry(via);
            it.is_behind = !credit.payloads;
            it.pressure = credit.pressure.min(FAR);
            self.has_changed = true;
        }
    }

    /// The program is behind, or has caught up.
    pub(crate) const fn on_reader(&mut self, is_behind: bool) {
        self.is_behind = is_behind;
        self.has_changed = true;
    }

    /// Notes that a neighbor shall have this payload later, of at most so many. False: it is given up.
    pub(crate) fn promise(&mut self, via: Via, promise: Promise, max: usize) -> bool {
        let it = self.entry(via);
        it.is_given_up |= it.waiting.len() >= max;
        if !it.is_given_up {
            make_room_behind(&mut it.waiting);
            it.waiting.push_back(promise);
        }
        !it.is_given_up
    }

    /// The next payload that this neighbor is owed and takes now.
    pub(crate) fn next(&mut self, link: LinkId) -> Option<Promise> {
        self.find_mut(link).filter(|it| it.takes())?.waiting.pop_front()
    }

    /// It is too far behind. Returns what it was owed.
    pub(crate) fn give_up(&mut self, slot: Slot) -> impl Iterator<Item = MessageId> + use<> {
        let it = self.links.iter_mut().find(|it| it.via.slot == slot);
        let waiting = it.map(|it| {
            it.is_given_up = true;
            core::mem::take(&mut it.waiting)
        });
        waiting.into_iter().flatten().map(|promise| promise.id)
    }

    /// A neighbor takes payloads again and is owed nothing. Returns whether it was given up before.
    pub(crate) fn settle_up(&mut self, link: LinkId) -> bool {
        let Some(it) = self.find_mut(link).filter(|it| it.takes() && it.waiting.is_empty()) else {
            return false;
        };
        it.waiting = VecDeque::new();
        let was_given_up = core::mem::replace(&mut it.is_given_up, false);
        self.links.retain(|it| !it.is_usual());
        was_given_up
    }

    /// A neighbor is gone.
    pub(crate) fn on_neighbor_down(&mut self, link: LinkId) {
        self.links.retain(|it| it.via.link != link);
        self.has_changed = true;
    }

    /// A neighbor is new: it was told nothing.
    pub(crate) const fn on_neighbor_up(&mut self) {
        self.has_changed = true;
    }

    /// A stored message is owed to one neighbor more.
    pub(crate) fn owe(&mut self, to: &mut SlotSet, slot: Slot, cost: usize) {
        if to.is_empty() {
            self.owed.count += 1;
            self.owed.bytes += cost;
        }
        to.insert(slot);
    }

    /// A neighbor has it now, or will not get it.
    pub(crate) fn settle(&mut self, to: &mut SlotSet, slot: Slot, cost: usize) {
        if to.contains(slot) {
            to.remove(slot);
            if to.is_empty() {
                self.write_off(cost);
            }
        }
    }

    /// A message that was owed is gone.
    pub(crate) const fn write_off(&mut self, cost: usize) {
        self.owed.count -= 1;
        self.owed.bytes -= cost;
    }

    pub(crate) const fn owed(&self) -> Owed {
        self.owed
    }

    /// Whether the program is behind: this peer asks for nothing.
    pub(crate) const fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Whether so much is owed here that sources have to wait.
    pub(crate) const fn is_pressed(&self) -> bool {
        self.is_pressed
    }

    /// Whether this peer may say something: much is owed neither here nor near.
    pub(crate) fn is_free(&self) -> bool {
        !self.is_pressed && self.links.iter().all(|it| it.pressure == 0)
    }

    /// Whether there may be news for neighbors.
    pub(crate) const fn has_changed(&self) -> bool {
        self.has_changed
    }

    /// Whom to tell what. That less has to wait is said once in a while of length `pace`: in a circle of peers
    /// pressure that has ended is told of again and again, each time of less, and that must cost little.
    pub(crate) fn news(
        &mut self,
        neighbors: &Neighbors,
        now: Instant,
        pace: Duration,
    ) -> Vec<(LinkId, Credit)> {
        let mut news = Vec::new();
        self.has_changed = false;
        let may_ease = self.eased.is_none_or(|eased| eased + pace <= now);
        for via in neighbors.iter().map(Neighbor::via) {
            let credit = self.credit_for(via.link);
            let told = self.find(via.link).map_or(USUAL, |it| it.told);
            let is_more = credit.pressure > told.pressure || !credit.payloads && told.payloads;
            if credit != told && !is_more && !may_ease {
                self.has_changed = true;
            } else if credit != told {
                self.entry(via).told = credit;
                news.push((via.link, credit));
                if !is_more {
                    self.eased = Some(now);
                }
            }
        }
        self.links.retain(|it| !it.is_usual());
        news
    }

    /// When neighbors may be told what they were not told yet.
    pub(crate) fn next_news(&self, pace: Duration) -> Option<Instant> {
        self.eased.filter(|_| self.has_changed).map(|eased| eased + pace)
    }

    /// Pressure begins when a quarter of the room is owed, and ends with an eighth; it lasts while the room
    /// is full.
    pub(crate) fn press(&mut self, room: Owed, is_full: bool) {
        let exceeds = |part: usize| {
            self.owed.bytes.saturating_mul(part) > room.bytes
                || self.owed.count.saturating_mul(part) > room.count
        };
        let is_pressed = is_full || exceeds(if self.is_pressed { 8 } else { 4 });
        self.has_changed |= is_pressed != self.is_pressed;
        self.is_pressed = is_pressed;
    }

    /// What a neighbor shall know: of the pressure here, and of that which others told of.
    fn credit_for(&self, link: LinkId) -> Credit {
        let others = self.links.iter().filter(|it| it.via.link != link);
        let theirs = others.map(|it| it.pressure.saturating_sub(1)).max().unwrap_or(0);
        let pressure = if self.is_pressed { FAR } else { theirs };
        Credit { payloads: !self.is_behind, pressure }
    }

    fn find(&self, link: LinkId) -> Option<&LinkFlow> {
        self.links.iter().find(|it| it.via.link == link)
    }

    fn find_mut(&mut self, link: LinkId) -> Option<&mut LinkFlow> {
        self.links.iter_mut().find(|it| it.via.link == link)
    }

    fn entry(&mut self, via: Via) -> &mut LinkFlow {
        let place = self.links.iter().position(|it| it.via.link == via.link);
        let place = place.unwrap_or_else(|| {
            self.links.push(LinkFlow::new(via));
            self.links.len() - 1
        });
        &mut self.links[place]
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, slots: SlotSet, owed: Owed) -> Broken {
        holds(self.owed == owed, "what is owed is counted wrongly")?;
        let mut ours = SlotSet::default();
        self.links.iter().for_each(|it| ours.insert(it.via.slot));
        holds(ours.is_within(slots), "the flow of a link with nobody")?;
        let is_moving = |it: &LinkFlow| it.waiting.is_empty() || !it.takes();
        holds(self.links.iter().all(is_moving), "a neighbor that takes payloads waits for them")
    }
}

impl LinkFlow {
    const fn new(via: Via) -> Self {
        Self {
            via,
            is_congested: false,
            is_behind: false,
            pressure: 0,
            told: USUAL,
            is_given_up: false,
            waiting: VecDeque::new(),
        }
    }

    const fn takes(&self) -> bool {
        !self.is_congested && !self.is_behind
    }

    /// Whether there is nothing to remember of it.
    fn is_usual(&self) -> bool {
        let is_told = self.told == USUAL && self.pressure == 0 && !self.is_given_up;
        is_told && self.takes() && self.waiting.is_empty()
    }
}
