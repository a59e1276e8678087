//! The table of neighbors: who is linked with this peer now.
//!
//! Each neighbor holds a slot, a small number that stays its own while the link lasts. Stored
//! messages keep one bit per slot, so "who has this already" costs one word per message.

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::id::{LinkId, NodeId};
use crate::links::health::Health;
use crate::time::Instant;
use crate::util::bounds::MAX_LINKS;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::util::room::make_room;

/// A neighbor's place in the table, below 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Slot(u8);

#[cfg(test)]
impl Slot {
    pub(crate) const FIRST: Self = Self(0);
}

/// A set of slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SlotSet(u64);

impl SlotSet {
    pub(crate) const fn contains(self, slot: Slot) -> bool {
        self.0 & (1 << slot.0) != 0
    }

    pub(crate) const fn insert(&mut self, slot: Slot) {
        self.0 |= 1 << slot.0;
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in it, lowest first.
    pub(crate) fn iter(self) -> impl Iterator<Item = Slot> {
        (0..64).map(Slot).filter(move |slot| self.contains(*slot))
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) const fn is_within(self, other: Self) -> bool {
        self.0 & !other.0 == 0
    }

    pub(crate) const fn remove(&mut self, slot: Slot) {
        self.0 &= !(1 << slot.0);
    }
}

/// One neighbor, in 56 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Neighbor {
    pub(crate) slot: Slot,
    /// The beginning of its identity, which tells nearly all others apart without a look at their
    /// records.
    prefix: u32,
    pub(crate) link: LinkId,
    pub(crate) record: AddressRecord,
    pub(crate) since: Instant,
    pub(crate) health: Health,
}

impl Neighbor {
    pub(crate) fn id(&self) -> NodeId {
        self.record.subject()
    }

    pub(crate) const fn via(&self) -> Via {
        Via { slot: self.slot, link: self.link }
    }
}

/// How to reach a neighbor, and which bit is its.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Via {
    pub(crate) slot: Slot,
    pub(crate) link: LinkId,
}

/// All neighbors, in the order of their slots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Neighbors {
    table: Vec<Neighbor>,
    /// What nearly no round trip with any of them exceeds; `None` before the first answer.
    slow_round_trip: Option<Duration>,
}

impl Neighbors {
    /// Most neighbors that slots can be found for.
    pub(crate) const MAX: usize = MAX_LINKS;

    pub(crate) fn len(&self) -> usize {
        self.table.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    pub(crate) fn iter(&self) -> core::slice::Iter<'_, Neighbor> {
        self.table.iter()
    }

    /// The links with them, for a loop that sends.
    pub(crate) fn links(&self) -> Vec<LinkId> {
        self.table.iter().map(|neighbor| neighbor.link).collect()
    }

    /// Notes new addresses of neighbors, of the life that they are linked in.
    pub(crate) fn note_moved(&mut self, records: &[AddressRecord]) {
        for record in records.iter().filter(|record| record.number() > 0) {
            let is_older =
                |it: &&mut Neighbor| it.record.is_same_life(record) && record.replaces(&it.record);
            if let Some(neighbor) = self.table.iter_mut().find(is_older) {
                neighbor.record = record.clone();
            }
        }
    }

    /// The links with those of whom these records know a later life.
    pub(crate) fn outlived(&self, records: &[AddressRecord]) -> Vec<LinkId> {
        let outlived = |record: &AddressRecord| {
            let neighbor = self.by_id(record.subject())?;
            (neighbor.record.epoch() < record.epoch()).then_some(neighbor.link)
        };
        records.iter().filter_map(outlived).collect()
    }

    pub(crate) fn at(&self, place: usize) -> Option<&Neighbor> {
        self.table.get(place)
    }

    pub(crate) fn by_link(&self, link: LinkId) -> Option<&Neighbor> {
        self.table.iter().find(|neighbor| neighbor.link == link)
    }

    pub(crate) fn by_link_mut(&mut self, link: LinkId) -> Option<&mut Neighbor> {
        self.table.iter_mut().find(|neighbor| neighbor.link == link)
    }

    pub(crate) fn by_id(&self, id: NodeId) -> Option<&Neighbor> {
        let prefix = id.prefix();
        self.table.iter().find(|neighbor| neighbor.prefix == prefix && neighbor.id() == id)
    }

    /// Whether a record's subject, whose identity begins like this, is among them.
    pub(crate) fn holds(&self, prefix: u32, record: &AddressRecord) -> bool {
        let is_it = |it: &Neighbor| it.prefix == prefix && it.id() == record.subject();
        self.table.iter().any(is_it)
    }

    /// Something came on a neighbor's link. Returns the neighbor.
    pub(crate) fn on_heard(&mut self, link: LinkId, now: Instant) -> Option<Neighbor> {
        let neighbor = self.by_link_mut(link)?;
        neighbor.health.heard = now;
        Some(neighbor.clone())
    }

    /// A neighbor answered a ping after this time.
    pub(crate) fn on_answer(&mut self, link: LinkId, took: Duration) {
        if let Some(neighbor) = self.by_link_mut(link) {
            neighbor.health.on_answer(took);
            self.note_round_trips();
        }
    }

    fn note_round_trips(&mut self) {
        let bounds = self.table.iter().filter_map(|it| it.health.slow_round_trip());
        self.slow_round_trip = bounds.max();
    }

    /// What nearly no round trip with any neighbor exceeds; `None` before the first answer.
    pub(crate) const fn slow_round_trip(&self) -> Option<Duration> {
        self.slow_round_trip
    }

    /// Whether this life of a neighbor said anything a round trip after `moment`, as far as that is
    /// known: what came earlier may have been on its way when it died.
    pub(crate) fn has_heard_since(&self, subject: &AddressRecord, moment: Instant) -> bool {
        let is_later =
            |health: &Health| health.heard > moment + health.round_trip().unwrap_or(Duration::ZERO);
        let is_it = |it: &&Neighbor| it.record.is_same_life(subject);
        self.table.iter().filter(is_it).any(|neighbor| is_later(&neighbor.health))
    }

    /// Adds a neighbor in the lowest free slot.
    pub(crate) fn insert(&mut self, link: LinkId, record: AddressRecord, now: Instant) -> Slot {
        assert!(self.table.len() < Self::MAX, "the overlay keeps the bound on links");
        assert!(self.by_id(record.subject()).is_none(), "one link per neighbor");
        let taken = |slot: u8| self.table.iter().any(|neighbor| neighbor.slot == Slot(slot));
        let slot = Slot((0..64).find(|&slot| !taken(slot)).expect("fewer than 64 are taken"));
        let place = self.table.partition_point(|neighbor| neighbor.slot < slot);
        let prefix = record.subject().prefix();
        make_room(&mut self.table);
        self.table.insert(
            place,
            Neighbor { slot, prefix, link, record, since: now, health: Health::new(now) },
        );
        slot
    }

    /// The set of slots that are taken.
    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn slots(&self) -> SlotSet {
        let mut taken = SlotSet::default();
        self.table.iter().for_each(|neighbor| taken.insert(neighbor.slot));
        taken
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self) -> Broken {
        let is_ascending = self.table.is_sorted_by(|one, next| one.slot < next.slot);
        holds(is_ascending, "two neighbors in one slot")?;
        for (place, neighbor) in self.table.iter().enumerate() {
            let is_found = neighbor.prefix == neighbor.id().prefix();
            holds(is_found, "a neighbor that its identity does not find")?;
            let is_alone = self.table[..place].iter().all(|other| other.id() != neighbor.id());
            holds(is_alone, "two links with one neighbor")?;
        }
        Ok(())
    }

    pub(crate) fn remove(&mut self, link: LinkId) -> Option<Neighbor> {
        let place = self.table.iter().position(|neighbor| neighbor.link == link)?;
        let neighbor = self.table.remove(place);
        self.note_round_trips();
        Some(neighbor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::testing::record;

    #[test]
    fn a_freed_slot_is_the_next_one_given() {
        let mut neighbors = Neighbors::default();
        for n in 1..=3 {
            neighbors.insert(LinkId::dialed(n.into()), record(n), Instant::BIRTH);
        }
        neighbors.remove(LinkId::dialed(2));
        let slot = neighbors.insert(LinkId::dialed(9), record(9), Instant::BIRTH);
        assert_eq!(slot, Slot(1));
        let order: Vec<_> = neighbors.iter().map(Neighbor::id).collect();
        assert_eq!(order, [1, 9, 3].map(|n| NodeId::new([n; 32])));
    }

    #[test]
    fn a_neighbor_takes_56_bytes() {
        assert_eq!(size_of::<Neighbor>(), 56);
    }

    #[test]
    fn slot_sets_hold_all_64_slots() {
        let mut set = SlotSet::default();
        set.insert(Slot(63));
        assert!(set.contains(Slot(63)) && !set.contains(Slot(0)));
        set.remove(Slot(63));
        assert_eq!(set, SlotSet::default());
    }
}
