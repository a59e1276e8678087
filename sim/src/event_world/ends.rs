//! A host's ends of connections, in slots that are used again.

use std::hint::black_box;

use tidings_core::{LinkId, LinkOrigin};

use super::packet::EndRef;
use crate::latency::HostIndex;

/// All ends of a host.
#[derive(Debug, Default)]
pub(super) struct Ends {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Slots of dialed links, by the numbers of their links.
    dialed: Vec<(u64, u32)>,
}

#[derive(Debug)]
struct Slot {
    /// Which connection uses it, or was the last to.
    turn: u32,
    end: Option<End>,
}

/// One end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) far: Far,
    pub(super) link: LinkId,
    pub(super) stage: Stage,
    /// Something of what it sent was lost for good, so nothing later arrives either.
    pub(super) severed: bool,
    /// Nothing overtakes: when the last packet will have arrived.
    pub(super) last_arrival: u64,
    /// Bytes that the other end's process does not take for now.
    pub(super) unread: u32,
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Far {
    pub(super) place: HostIndex,
    pub(super) end: EndRef,
}

/// How far a connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Dialed, and not accepted yet.
    Dialing,
    /// Accepted by the machine; the dialer's preamble has not come yet.
    Accepted,
    /// The node knows of it.
    Up,
}

impl Ends {
    /// A new end; an accepted one gets a link of its own.
    pub(super) fn occupy(&mut self, far: Far, stage: Stage, link: Option<LinkId>) -> EndRef {
        let slot = self.free.pop().unwrap_or_else(|| {
            push_tight(&mut self.slots, Slot { turn: 0, end: None });
            u32::try_from(self.slots.len() - 1).expect("fewer than 2^32 ends")
        });
        let entry = &mut self.slots[index(slot)];
        entry.turn = entry.turn.wrapping_add(1);
        let own = EndRef { slot, turn: entry.turn };
        let number = u64::from(own.turn) << 32 | u64::from(own.slot);
        let link = link.unwrap_or_else(|| LinkId::accepted(number));
        entry.end = Some(End { far, link, stage, severed: false, last_arrival: 0, unread: 0 });
        if link.origin() == LinkOrigin::Dialed {
            // Numbers of dialed links only grow.
            push_tight(&mut self.dialed, (link.number(), slot));
        }
        own
    }

    /// Reads a field of nearly every line of memory that the slots take.
    pub(super) fn touch(&self) {
        black_box(self.slots.iter().map(|slot| slot.turn).fold(0, u32::wrapping_add));
        black_box(self.dialed.first());
    }

    pub(super) fn release(&mut self, slot: u32) {
        let Some(end) = self.slots.get_mut(index(slot)).and_then(|slot| slot.end.take()) else {
            return;
        };
        push_tight(&mut self.free, slot);
        if end.link.origin() == LinkOrigin::Dialed {
            self.dialed.retain(|(number, _)| *number != end.link.number());
        }
    }

    pub(super) fn clear(&mut self) {
        for slot in self.slots() {
            self.release(slot);
        }
    }

    /// All slots, free ones too.
    pub(super) fn slots(&self) -> std::ops::Range<u32> {
        0..u32::try_from(self.slots.len()).expect("fewer than 2^32 ends")
    }

    /// How many ends are in use.
    pub(super) fn in_use(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The end that uses a slot now.
    pub(super) fn in_slot(&mut self, slot: u32) -> Option<(EndRef, &mut End)> {
        let entry = self.slots.get_mut(index(slot))?;
        Some((EndRef { slot, turn: entry.turn }, entry.end.as_mut()?))
    }

    /// The end, if its connection is still the one that uses its slot.
    pub(super) fn get_mut(&mut self, own: EndRef) -> Option<&mut End> {
        let slot = self.slots.get_mut(index(own.slot)).filter(|slot| slot.turn == own.turn)?;
        slot.end.as_mut()
    }

    /// The slot of a link.
    pub(super) fn slot_of(&self, link: LinkId) -> Option<u32> {
        let slot = match link.origin() {
            LinkOrigin::Dialed => {
                let place = self.dialed.binary_search_by_key(&link.number(), |it| it.0).ok()?;
                self.dialed[place].1
            }
            LinkOrigin::Accepted => {
                u32::try_from(link.number() & u64::from(u32::MAX)).expect("32 bits")
            }
        };
        let end = self.slots.get(index(slot))?.end?;
        (end.link == link).then_some(slot)
    }

    pub(super) fn find(&self, is_it: impl Fn(&End) -> bool) -> Option<EndRef> {
        let mut slots = (0..).zip(&self.slots);
        let (slot, entry) = slots.find(|(_, slot)| slot.end.as_ref().is_some_and(&is_it))?;
        Some(EndRef { slot, turn: entry.turn })
    }

    /// Connections with hosts that are `hit`: the end here and the other one.
    pub(super) fn connections(&self, hits: impl Fn(HostIndex) -> bool) -> Vec<(EndRef, Far)> {
        let ends = (0..).zip(&self.slots).filter_map(|(slot, entry)| {
            let is_hit = |end: &End| end.stage != Stage::Dialing && hits(end.far.place);
            let end = entry.end.filter(is_hit)?;
            Some((EndRef { slot, turn: entry.turn }, end.far))
        });
        ends.collect()
    }

    /// What waited on an end goes out and arrives at `at`, or later, because nothing overtakes.
    pub(super) fn delay_until(&mut self, own: EndRef, at: u64) -> u64 {
        let Some(end) = self.get_mut(own) else { return at };
        end.unread = 0;
        end.last_arrival = end.last_arrival.max(at);
        end.last_arrival
    }
}

/// Adds an item, with little room for more: there are a million of these lists, and most grow once.
fn push_tight<T>(items: &mut Vec<T>, item: T) {
    if items.len() == items.capacity() {
        items.reserve_exact(items.len() / 8 + 2);
    }
    items.push(item);
}

fn index(slot: u32) -> usize {
    usize::try_from(slot).expect("an index in memory")
}
