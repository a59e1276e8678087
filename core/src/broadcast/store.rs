//! The store: messages kept for neighbors that missed them, bounded in age, number and bytes (R34).

use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::time::Duration;

use crate::context::Context;
use crate::id::{Hop, MessageId};
use crate::messaging::Envelope;
use crate::neighbors::{Slot, SlotSet};
use crate::time::Instant;

/// Stored messages, by id and by receipt.
#[derive(Clone, Debug, Default)]
pub(crate) struct Store {
    messages: BTreeMap<MessageId, Stored>,
    /// The same ids, oldest receipt first.
    order: VecDeque<MessageId>,
    bytes: usize,
}

/// One message and who among the neighbors has it.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) envelope: Arc<Envelope>,
    /// Links it travelled to get here; 0 for an own message.
    pub(crate) hop: Hop,
    /// Neighbors that sent it or were sent it: a message crosses a link at most once (R13).
    pub(crate) holders: SlotSet,
    age_then: Duration,
    received: Instant,
}

impl Stored {
    pub(crate) fn new(envelope: Arc<Envelope>, hop: Hop, age: Duration, now: Instant) -> Self {
        let holders = SlotSet::default();
        Self { envelope, hop, holders, age_then: age, received: now }
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.age_then.saturating_add(now.since(self.received))
    }
}

impl Store {
    /// Keeps a message; the oldest go when there are too many or they take too much room.
    pub(crate) fn insert(&mut self, cx: &mut Context, stored: Stored) {
        let id = stored.envelope.id();
        self.bytes += stored.envelope.cost();
        self.messages.insert(id, stored);
        self.order.push_back(id);
        let bounds = &cx.config.broadcast;
        while self.messages.len() > bounds.store_count || self.bytes > bounds.store_bytes {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(stored) = self.messages.remove(&oldest) {
                self.bytes -= stored.envelope.cost();
                cx.stats.limits.store += 1;
            }
        }
    }

    /// Drops what has grown too old.
    pub(crate) fn expire(&mut self, cx: &Context) {
        let most = cx.config.broadcast.store_age;
        let Self { messages, order, bytes } = self;
        messages.retain(|_, stored| {
            let is_kept = stored.age(cx.now) <= most;
            if !is_kept {
                *bytes -= stored.envelope.cost();
            }
            is_kept
        });
        order.retain(|id| messages.contains_key(id));
    }

    pub(crate) fn get_mut(&mut self, id: MessageId) -> Option<&mut Stored> {
        self.messages.get_mut(&id)
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Ids that `slot` is not known to have, oldest receipt first.
    pub(crate) fn lacking(&self, slot: Slot) -> impl Iterator<Item = MessageId> + '_ {
        let lacks = move |id: &&MessageId| {
            self.messages.get(id).is_some_and(|stored| !stored.holders.contains(slot))
        };
        self.order.iter().filter(lacks).copied()
    }

    /// The neighbor of this slot is gone; the next one in it has nothing.
    pub(crate) fn release(&mut self, slot: Slot) {
        for stored in self.messages.values_mut() {
            stored.holders.remove(slot);
        }
    }
}
