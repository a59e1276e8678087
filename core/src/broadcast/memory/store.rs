//! The store: messages kept for neighbors that missed them, bounded in age, number and bytes (R34).
//!
//! Ageing costs a message nothing but a look at the oldest: a new message drops those at the front that
//! are too old, each once. The rest goes when a timer of the broadcast fires ([`Store::expire`]). What
//! is too old and still here is neither named by a digest nor given to anybody.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;

use crate::broadcast::config::BroadcastConfig;
use crate::context::Context;
use crate::id::{Hop, MessageId};
use crate::links::flow::Flow;
#[cfg(any(test, feature = "invariants"))]
use crate::links::flow::Owed;
use crate::links::neighbors::{Slot, SlotSet};
use crate::messaging::Envelope;
use crate::time::Instant;
use crate::util::id_index::{IdIndex, Span};
use crate::util::room::make_room_behind;
use crate::wire::Age;

/// Stored messages: some 50 bytes each, the shared envelope not counted.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    /// Oldest receipt first.
    messages: VecDeque<Stored>,
    index: IdIndex,
    /// How many came before the first; wraps.
    dropped: u32,
    bytes: usize,
}

/// One message and who among the neighbors has it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) envelope: Arc<Envelope>,
    /// Neighbors that sent it or were sent it: a message crosses a link at most once (R13).
    pub(crate) holders: SlotSet,
    /// Neighbors that are still to get it.
    pub(crate) owed: SlotSet,
    received: Instant,
    age_then: Age,
    /// Links it travelled to get here; 0 for an own message.
    pub(crate) hop: Hop,
    /// The beginning of its id, which tells nearly all others apart without a look at envelopes. The
    /// last bit: it came beside the tree, and the copy along the tree has not come.
    prefix: u16,
}

impl Stored {
    pub(crate) fn new(envelope: Arc<Envelope>, hop: Hop, age: Age, now: Instant) -> Self {
        let (holders, owed, prefix) =
            (SlotSet::default(), SlotSet::default(), prefix(envelope.id()));
        Self { envelope, hop, holders, owed, age_then: age, received: now, prefix }
    }

    /// A neighbor has it.
    pub(crate) fn note_holder(&mut self, flow: &mut Flow, slot: Slot) {
        self.holders.insert(slot);
        self.settle(flow, slot);
    }

    /// Nobody is owed it any more.
    fn write_off(&mut self, flow: &mut Flow) {
        if !core::mem::take(&mut self.owed).is_empty() {
            flow.write_off(self.envelope.cost());
        }
    }

    /// A neighbor is not owed it any more.
    pub(crate) fn settle(&mut self, flow: &mut Flow, slot: Slot) {
        flow.settle(&mut self.owed, slot, self.envelope.cost());
    }

    fn has(&self, id: MessageId) -> bool {
        self.prefix & !DETOUR == prefix(id) && self.envelope.id() == id
    }

    /// It came beside the tree: by a pull, or because it was flooded over its first links.
    pub(crate) const fn note_detour(&mut self) {
        self.prefix |= DETOUR;
    }

    /// Whether it did, and no copy has come along the tree.
    pub(crate) const fn is_detour(&self) -> bool {
        self.prefix & DETOUR != 0
    }

    /// A copy came along the tree. Returns whether it is the one that another way was quicker than.
    pub(crate) const fn is_overtaken(&mut self) -> bool {
        let was_detour = self.is_detour();
        self.prefix &= !DETOUR;
        was_detour
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.age_then.duration().saturating_add(now.since(self.received))
    }

    fn is_expired(&self, cx: &Context) -> bool {
        self.age(cx.now) > cx.config.broadcast.store_age
    }
}

impl Store {
    pub(crate) fn new(salt: u64) -> Self {
        Self { messages: VecDeque::new(), index: IdIndex::new(salt), dropped: 0, bytes: 0 }
    }

    /// Keeps a message; the oldest go when there are too many or they take too much room.
    pub(crate) fn insert(&mut self, cx: &mut Context, stored: Stored) {
        let id = stored.envelope.id();
        if let Some(held) = self.get_mut(id) {
            held.write_off(&mut cx.flow);
            *held = stored;
            return;
        }
        self.expire_oldest(cx);
        self.keep(stored);
        let BroadcastConfig { store_count, store_bytes, .. } = cx.config.broadcast;
        while self.messages.len() > store_count || self.bytes > store_bytes {
            self.put_owed_behind(&cx.flow);
            if !self.drop_oldest(cx) {
                break;
            }
            cx.stats.limits.store += 1;
        }
    }

    /// What a neighbor is still to get goes last: it changes places with what came later. Each message is
    /// moved once until all others have gone, and peers ask for nothing more long before all is owed.
    fn put_owed_behind(&mut self, flow: &Flow) {
        if flow.owed().count >= self.messages.len() {
            return;
        }
        while self.messages.front().is_some_and(|stored| !stored.owed.is_empty()) {
            if let Some(stored) = self.take_oldest() {
                self.keep(stored);
            }
        }
    }

    /// Drops all that has grown too old. Looks at every message: for a timer. Messages age alike, so the
    /// oldest receipts are mostly the first to go; what came late and old goes from between the others.
    pub(crate) fn expire(&mut self, cx: &mut Context) {
        self.expire_oldest(cx);
        if self.messages.iter().any(|stored| stored.is_expired(cx)) {
            self.messages.retain_mut(|stored| {
                let is_expired = stored.is_expired(cx);
                if is_expired {
                    stored.write_off(&mut cx.flow);
                }
                !is_expired
            });
            self.count_anew();
        }
        if self.messages.is_empty() {
            self.messages = VecDeque::new();
            self.index.clear();
        }
    }

    /// All that is held is older than the clock says.
    pub(crate) fn grow_older(&mut self, time: Duration) {
        for stored in &mut self.messages {
            stored.age_then = Age::new(stored.age_then.duration().saturating_add(time));
        }
    }

    fn expire_oldest(&mut self, cx: &mut Context) {
        while self.messages.front().is_some_and(|stored| stored.is_expired(cx)) {
            self.drop_oldest(cx);
        }
    }

    /// Whoever is still to get what goes is too far behind, and slows nobody any more.
    fn drop_oldest(&mut self, cx: &mut Context) -> bool {
        let Some(mut stored) = self.take_oldest() else { return false };
        let late = stored.owed;
        if !late.is_empty() {
            cx.stats.limits.owed += 1;
            let last = cx.neighbors.iter().find(|neighbor| late.contains(neighbor.slot));
            cx.late_neighbor = last.map(|neighbor| neighbor.record.clone());
            stored.write_off(&mut cx.flow);
            late.iter().for_each(|slot| self.give_up(&mut cx.flow, slot));
        }
        true
    }

    /// This neighbor is owed nothing any more.
    fn give_up(&mut self, flow: &mut Flow, slot: Slot) {
        for id in flow.give_up(slot) {
            if let Some(stored) = self.get_mut(id) {
                stored.settle(flow, slot);
            }
        }
    }

    fn take_oldest(&mut self) -> Option<Stored> {
        let stored = self.messages.pop_front()?;
        self.bytes -= stored.envelope.cost();
        self.index.remove(&stored.envelope.id(), self.dropped);
        self.dropped = self.dropped.wrapping_add(1);
        Some(stored)
    }

    fn keep(&mut self, stored: Stored) {
        self.bytes += stored.envelope.cost();
        make_room_behind(&mut self.messages);
        self.messages.push_back(stored);
        self.index.insert_last(self.span(), id_at(&self.messages, self.dropped));
    }

    /// Messages went from between the others: their places have changed.
    fn count_anew(&mut self) {
        self.bytes = self.messages.iter().map(|stored| stored.envelope.cost()).sum();
        self.dropped = 0;
        self.index.clear();
        for len in 1..=self.messages.len() {
            self.index.insert_last(Span { first: 0, len }, id_at(&self.messages, 0));
        }
    }

    fn span(&self) -> Span {
        Span { first: self.dropped, len: self.messages.len() }
    }

    pub(crate) fn get_mut(&mut self, id: MessageId) -> Option<&mut Stored> {
        self.place(id).and_then(|place| self.messages.get_mut(place))
    }

    /// A message that may be given to others: it is not too old.
    pub(crate) fn unexpired(&mut self, cx: &Context, id: MessageId) -> Option<&mut Stored> {
        self.get_mut(id).filter(|stored| !stored.is_expired(cx))
    }

    pub(crate) fn get(&self, id: MessageId) -> Option<&Stored> {
        self.place(id).and_then(|place| self.messages.get(place))
    }

    fn place(&self, id: MessageId) -> Option<usize> {
        let is_it = |place| self.messages[offset(place, self.dropped)].has(id);
        let place = self.index.find(&id, self.span(), is_it)?;
        Some(offset(place, self.dropped))
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn holders(&self) -> impl Iterator<Item = SlotSet> + '_ {
        self.messages.iter().flat_map(|stored| [stored.holders, stored.owed])
    }

    /// What neighbors are owed, counted anew.
    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn owed(&self) -> Owed {
        let owed = self.messages.iter().filter(|stored| !stored.owed.is_empty());
        owed.fold(Owed::default(), |sum, stored| Owed {
            bytes: sum.bytes + stored.envelope.cost(),
            count: sum.count + 1,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// When the message came that will be dropped next, and when the last one of the oldest eighth did, if more
    /// than three quarters of the room are taken.
    pub(crate) fn oldest_of_many(&self, cx: &Context) -> Option<(Instant, Instant)> {
        let BroadcastConfig { store_count, store_bytes, .. } = cx.config.broadcast;
        let are_many = |taken: usize, room: usize| taken > room / 4 * 3;
        let is_crowded =
            are_many(self.messages.len(), store_count) || are_many(self.bytes, store_bytes);
        let came = |place: usize| self.messages.get(place).map(|stored| stored.received);
        came(0).zip(came(self.messages.len() / 8)).filter(|_| is_crowded)
    }

    /// Messages that may be given to others, oldest receipt first.
    fn all_unexpired(&self, cx: &Context) -> impl Iterator<Item = &Stored> {
        self.messages.iter().filter(|stored| !stored.is_expired(cx))
    }

    /// Their ids.
    pub(crate) fn ids(&self, cx: &Context) -> Vec<MessageId> {
        self.all_unexpired(cx).map(|stored| stored.envelope.id()).collect()
    }

    /// The ids of those that `slot` is not known to have.
    pub(crate) fn lacking(&self, cx: &Context, slot: Slot) -> Vec<MessageId> {
        let lacking = self.all_unexpired(cx).filter(|stored| !stored.holders.contains(slot));
        lacking.map(|stored| stored.envelope.id()).collect()
    }

    /// The neighbor of this slot is gone; the next one in it has nothing. Looks at every message, once
    /// per neighbor that goes.
    pub(crate) fn release(&mut self, flow: &mut Flow, slot: Slot) {
        for stored in &mut self.messages {
            stored.holders.remove(slot);
            stored.settle(flow, slot);
        }
    }
}

/// The bit of [`Stored::prefix`] that is not the id's.
const DETOUR: u16 = 1;

/// The first two bytes of an id.
fn prefix(id: MessageId) -> u16 {
    let first = id.as_bytes().first_chunk();
    first.map_or(0, |bytes| u16::from_be_bytes(*bytes)) & !DETOUR
}

/// Where the message of a position stands now.
fn offset(place: u32, dropped: u32) -> usize {
    usize::try_from(place.wrapping_sub(dropped)).unwrap_or(usize::MAX)
}

fn id_at(messages: &VecDeque<Stored>, dropped: u32) -> impl Fn(u32) -> MessageId {
    move |place| messages[offset(place, dropped)].envelope.id()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;
    use crate::id::{BootEpoch, NodeId, Sequence};
    use crate::messaging::{Payload, Topic};
    use crate::testing::context;
    use crate::time::UnixTime;

    fn envelope(n: u64) -> Arc<Envelope> {
        let payload = Payload::new(alloc::vec![7; 10]).expect("short");
        let (origin, sent) = ((NodeId::new([1; 32]), BootEpoch(1)), UnixTime::from_millis(1));
        Arc::new(Envelope::new(origin, Sequence(n), sent, Topic::default(), payload))
    }

    proptest! {
        /// Messages come old and young, so that they expire in another order than they came.
        #[test]
        fn a_store_keeps_the_newest_that_are_young(
            steps in vec((0..3_u8, 0..60_u64, 0..120_u64), 0..300),
        ) {
            let mut config = Config::classic();
            config.broadcast.store_count = 20;
            let mut cx = context(config);
            let (mut store, mut model) = (Store::new(7), Vec::<(Instant, u64)>::new());
            store.dropped = u32::MAX - 20;
            let mut next = 0;
            for (what, seconds, age) in steps {
                cx.now = cx.now + Duration::from_secs(seconds) / 10;
                if what < 2 {
                    let age = Age::new(Duration::from_secs(age));
                    let stored = Stored::new(envelope(next), Hop(1), age, cx.now);
                    store.insert(&mut cx, stored);
                    while model.first().is_some_and(|(end, _)| *end < cx.now) {
                        model.remove(0);
                    }
                    // When it will be too old.
                    let end = cx.now + cx.config.broadcast.store_age.saturating_sub(age.duration());
                    model.push((end, next));
                    next += 1;
                    if model.len() > 20 {
                        model.remove(0);
                    }
                } else {
                    store.expire(&mut cx);
                    model.retain(|(end, _)| *end >= cx.now);
                }
                assert_eq!(store.len(), model.len());
                assert!(model.iter().all(|(_, n)| store.get_mut(envelope(*n).id()).is_some()));
                let young = model.iter().filter(|(end, _)| *end >= cx.now);
                let young: Vec<_> = young.map(|(_, n)| envelope(*n).id()).collect();
                assert_eq!(store.lacking(&cx, Slot::FIRST), young);
                assert_eq!(store.ids(&cx), young);
                for id in model.iter().map(|(_, n)| envelope(*n).id()) {
                    assert_eq!(store.unexpired(&cx, id).is_some(), young.contains(&id));
                }
                let cost = model.iter().map(|(_, n)| envelope(*n).cost()).sum();
                assert_eq!(store.bytes, cost);
                assert!(store.get_mut(envelope(next).id()).is_none());
            }
        }
    }

    #[test]
    fn a_stored_message_takes_40_bytes() {
        assert_eq!(size_of::<Stored>(), 40);
    }
}
