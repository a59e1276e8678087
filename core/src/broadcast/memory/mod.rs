//! What every broadcast remembers of messages: which were seen, which can still be given to others,
//! which are being pulled. How a message spreads is not decided here.

pub(crate) mod catch_up;
pub(crate) mod seen;
pub(crate) mod store;

use alloc::sync::Arc;

use crate::broadcast::gathering::Gathered;
use crate::broadcast::memory::catch_up::{CatchUp, send_digest};
use crate::broadcast::memory::seen::Seen;
use crate::broadcast::memory::store::{Store, Stored};
use crate::broadcast::traffic::{self, Sender};
use crate::context::Context;
use crate::id::{Hop, LinkId, MessageId, NodeId, Sequence};
use crate::io::Output;
use crate::links::flow::CONGESTED;
use crate::links::neighbors::{Neighbor, Slot, Via};
use crate::messaging::{Envelope, Payload, Topic};
use crate::rng::Stream;
use crate::wire::{Age, Digest, Foreign, Gossip, Route};

/// A peer's messages: what it has seen, what it can still give, what it waits for.
#[derive(Clone, Debug)]
pub(crate) struct Memory {
    pub(crate) seen: Seen,
    pub(crate) store: Store,
    pub(crate) catch_up: CatchUp,
    /// The number of the last own message.
    pub(crate) said: Sequence,
    /// And of the last statement: readers of messages find no gaps where this peer spoke of members.
    stated: Sequence,
}

/// What a copy that arrived turned out to be.
#[derive(Debug)]
pub(crate) enum Receipt {
    /// Of a message that nobody here has seen. It is not stored yet.
    New { stored: Stored, was_pulled: bool },
    /// Of a message that was here before.
    Repeated { was_pulled: bool },
    /// Too old to tell.
    TooOld,
}

impl Memory {
    /// The salt should be the node's secret.
    pub(crate) fn new(salt: u64) -> Self {
        let (seen, store) = (Seen::new(salt), Store::new(salt));
        let catch_up = CatchUp::new(salt);
        Self { seen, store, catch_up, said: Sequence(0), stated: Sequence(0) }
    }

    /// Seals own messages, the last that were said. The envelope is not stored yet.
    pub(crate) fn seal(&mut self, cx: &mut Context, gathered: Gathered) -> Stored {
        let Gathered { topic, payloads, given } = gathered;
        let before = u64::try_from(payloads.len() - 1).unwrap_or(u64::MAX);
        let first = Sequence(self.said.0 - before);
        let origin = (cx.me(), cx.epoch());
        let envelope = Envelope::of_many(origin, first, cx.unix(), topic, &payloads);
        let stored = self.own(cx, envelope);
        traffic::on_sealed(cx, &stored.envelope, &given);
        stored
    }

    /// Says and seals one message.
    #[cfg(test)]
    pub(crate) fn seal_one(&mut self, cx: &mut Context, payload: Payload) -> Stored {
        self.said = Sequence(self.said.0 + 1);
        let (payloads, given) = (alloc::vec![payload], alloc::vec![cx.now]);
        self.seal(cx, Gathered { topic: Topic::default(), payloads, given })
    }

    /// Seals what this peer says of a member.
    pub(crate) fn seal_statement(&mut self, cx: &mut Context, payload: Payload) -> Stored {
        self.stated = Sequence(self.stated.0 + 1);
        let origin = (cx.me(), cx.epoch());
        let topic = Topic::members();
        let envelope = Envelope::new(origin, self.stated, cx.unix(), topic, payload);
        self.own(cx, envelope)
    }

    fn own(&mut self, cx: &mut Context, envelope: Envelope) -> Stored {
        self.seen.insert(cx, envelope.id());
        Stored::new(Arc::new(envelope), Hop(0), Age::default(), cx.now)
    }

    /// A copy arrived.
    pub(crate) fn receive(&mut self, cx: &mut Context, from: Sender, gossip: Gossip) -> Receipt {
        let Gossip { hop, route, age, envelope } = gossip;
        let id = envelope.id();
        let was_pulled = self.catch_up.on_arrival(id, from.link);
        traffic::on_copy(cx, &envelope);
        if self.seen.contains(id) {
            self.note_holder(cx, id, from.slot);
            traffic::on_duplicate(cx, &envelope, from.id);
            return Receipt::Repeated { was_pulled };
        }
        if !self.seen.can_rule_out_duplicate(cx, age.duration()) {
            traffic::on_too_old(cx, &envelope, from.id);
            return Receipt::TooOld;
        }
        self.seen.insert(cx, id);
        traffic::on_new(cx, &envelope, from, hop, age);
        let mut stored = Stored::new(envelope, hop, age, cx.now);
        if was_pulled || matches!(route, Route::Detour(_)) {
            stored.note_detour();
        }
        if let Some(slot) = from.slot {
            stored.holders.insert(slot);
        }
        Receipt::New { stored, was_pulled }
    }

    fn note_holder(&mut self, cx: &mut Context, id: MessageId, slot: Option<Slot>) {
        if let (Some(slot), Some(stored)) = (slot, self.store.get_mut(id)) {
            stored.note_holder(&mut cx.flow, slot);
        }
    }

    /// Somebody, who has this slot if it is a neighbor, holds these: pull what is missing here, unless this
    /// peer takes no payloads now.
    pub(crate) fn on_held(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        slot: Option<Slot>,
        ids: &[MessageId],
    ) {
        for id in ids {
            self.note_holder(cx, *id, slot);
        }
        if !cx.flow.is_behind() {
            let missing = ids.iter().copied().filter(|id| !self.seen.contains(*id));
            self.catch_up.pull(cx, link, missing);
        }
    }

    /// A neighbor tells what it holds: pull what is missing here, and tell the same if asked to.
    pub(crate) fn on_digest(&mut self, cx: &mut Context, from: &Neighbor, digest: &Digest) {
        self.on_held(cx, from.link, Some(from.slot), &digest.ids);
        if digest.reply {
            self.tell(cx, from.via(), false);
        }
    }

    /// Tells a neighbor what is held here and it is not known to have. Nothing: it is told only if it
    /// shall reply.
    pub(crate) fn tell(&mut self, cx: &mut Context, to: Via, reply: bool) {
        let lacking = self.store.lacking(cx, to.slot);
        if reply || !lacking.is_empty() {
            send_digest(cx, to.link, &lacking, reply);
        }
    }

    /// Compares what is held with one neighbor, drawn at random.
    pub(crate) fn compare_with_any(&mut self, cx: &mut Context) {
        let drawn = cx.rng.index(Stream::CatchUp, cx.neighbors.len());
        if let Some(to) = drawn.and_then(|drawn| cx.neighbors.at(drawn)).map(Neighbor::via) {
            self.tell(cx, to, true);
        }
    }

    /// A neighbor asks for messages. What it has or was sent on this link is not sent again; an
    /// honest neighbor asks for that only when two digests crossed its pull.
    pub(crate) fn on_pull(&mut self, cx: &mut Context, from: &Neighbor, ids: &[MessageId]) {
        let mut bytes = 0;
        for id in ids {
            if let Some(stored) = self.store.unexpired(cx, *id)
                && traffic::send_once(cx, from.via(), stored, Route::Usual)
            {
                bytes += stored.envelope.encoded_len();
            }
            if bytes >= CONGESTED {
                // The rest follows when the driver is ready for more.
                bytes = 0;
                cx.flow.pause(from.via());
                cx.output(Output::AwaitReady { link: from.link });
            }
        }
    }

    /// A neighbor asks for a message that it was told of, along this source's tree.
    pub(crate) fn on_graft(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        id: MessageId,
        tree: NodeId,
    ) {
        if let Some(stored) = self.store.unexpired(cx, id) {
            let is_own = tree == stored.envelope.origin();
            let route =
                if is_own { Route::Usual } else { Route::Along(Foreign { tree, depth: None }) };
            traffic::send_once(cx, from.via(), stored, route);
        }
    }

    pub(crate) fn on_neighbor_down(&mut self, cx: &mut Context, down: &Neighbor) {
        self.store.release(&mut cx.flow, down.slot);
        cx.flow.on_neighbor_down(down.link);
        self.catch_up.on_link_down(down.link);
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::config::Config;
    use crate::testing::{context, record};

    fn sent(cx: &mut Context) -> usize {
        let outputs = core::iter::from_fn(|| cx.poll_output());
        outputs.filter(|output| matches!(output, Output::Send { .. })).count()
    }

    #[test]
    fn what_has_expired_is_neither_told_nor_given() {
        let (mut cx, mut memory) = (context(Config::classic()), Memory::new(7));
        let stored = memory.seal_one(&mut cx, Payload::default());
        let id = stored.envelope.id();
        memory.store.insert(&mut cx, stored);
        let link = LinkId::dialed(1);
        cx.neighbors.insert(link, record(2), cx.now);
        let neighbor = cx.neighbors.by_link(link).expect("just linked").clone();
        let last = cx.now + cx.config.broadcast.store_age;
        cx.now = last + Duration::from_micros(1);
        memory.on_pull(&mut cx, &neighbor, &[id]);
        memory.tell(&mut cx, neighbor.via(), false);
        assert_eq!((sent(&mut cx), memory.store.len()), (0, 1), "no timer has fired that drops it");
        cx.now = last;
        memory.tell(&mut cx, neighbor.via(), false);
        memory.on_pull(&mut cx, &neighbor, &[id]);
        assert_eq!(sent(&mut cx), 2, "just young enough: its name, and itself");
    }
}
