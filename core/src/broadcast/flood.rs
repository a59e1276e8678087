//! The broadcast `flood` (R12, R13): what is new goes to every neighbor but the one it came from.
//!
//! ```text
//! peer                                   every other neighbor
//!   Gossip { hop, age, envelope }  ──▶                         unless it has the message already
//! ```
//!
//! What came as the answer to a pull is old news to most, so it is passed on by name only: a digest
//! goes to whoever is not known to have it.

use alloc::sync::Arc;

use crate::broadcast::catch_up::{CatchUp, exchange_digests, send_digest};
use crate::broadcast::seen::Seen;
use crate::broadcast::store::{Store, Stored};
use crate::broadcast::traffic::{self, Sender};
use crate::context::Context;
use crate::id::{Hop, MessageId, Sequence};
use crate::messaging::{Envelope, Payload, Topic};
use crate::neighbors::{Neighbor, Neighbors};
use crate::wire::{Age, Digest, Gossip, Message};

/// A peer's messages: what it has seen, what it can still give, what it waits for.
#[derive(Clone, Debug)]
pub(crate) struct Flood {
    seen: Seen,
    store: Store,
    catch_up: CatchUp,
    sequence: Sequence,
}

impl Flood {
    /// The salt should be the node's secret.
    pub(crate) fn new(salt: u64) -> Self {
        let (seen, store) = (Seen::new(salt), Store::new(salt));
        Self { seen, store, catch_up: CatchUp::default(), sequence: Sequence(0) }
    }

    /// Sends an own message to all neighbors. Without neighbors it is kept for those to come.
    pub(crate) fn publish(
        &mut self,
        cx: &mut Context,
        neighbors: &Neighbors,
        topic: Topic,
        payload: Payload,
    ) {
        self.sequence = Sequence(self.sequence.0 + 1);
        let envelope = traffic::seal(cx, self.sequence, topic, payload);
        self.seen.insert(cx, envelope.id());
        let stored = Stored::new(envelope, Hop(0), Age::default(), cx.now);
        self.spread(cx, neighbors, stored);
    }

    /// Returns what is new under a reserved topic.
    pub(crate) fn on_gossip(
        &mut self,
        cx: &mut Context,
        neighbors: &Neighbors,
        from: &Neighbor,
        gossip: Gossip,
    ) -> Option<Arc<Envelope>> {
        let Gossip { hop, age, envelope } = gossip;
        let id = envelope.id();
        let was_pulled = self.catch_up.on_arrival(id, from.link);
        traffic::on_copy(cx, &envelope);
        if self.seen.contains(id) {
            if let Some(stored) = self.store.get_mut(id) {
                stored.holders.insert(from.slot);
            }
            traffic::on_duplicate(cx, &envelope, from.id());
            return None;
        }
        if !self.seen.vouches_for(cx, age.duration()) {
            traffic::on_too_old(cx, &envelope, from.id());
            return None;
        }
        self.seen.insert(cx, id);
        let news = traffic::on_new(cx, &envelope, Sender::of(from), (hop, age));
        let mut stored = Stored::new(envelope, hop, age, cx.now);
        stored.holders.insert(from.slot);
        if was_pulled {
            self.store.insert(cx, stored);
            self.offer(cx, neighbors, id);
        } else {
            self.spread(cx, neighbors, stored);
        }
        news
    }

    /// Sends a message to every neighbor that is not known to have it, and keeps it.
    fn spread(&mut self, cx: &mut Context, neighbors: &Neighbors, mut stored: Stored) {
        for neighbor in neighbors.iter() {
            send_copy(cx, neighbor, &mut stored);
        }
        self.store.insert(cx, stored);
    }

    /// Names a message to every neighbor that is not known to have it.
    fn offer(&mut self, cx: &mut Context, neighbors: &Neighbors, id: MessageId) {
        let Some(stored) = self.store.get_mut(id) else { return };
        for neighbor in neighbors.iter().filter(|it| !stored.holders.contains(it.slot)) {
            let digest = Digest { ids: alloc::vec![id], reply: false };
            cx.send(neighbor.link, Message::Digest(digest));
        }
    }

    /// A new neighbor: tell it what we hold. It does the same.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        self.store.expire(cx);
        if self.store.len() > 0 {
            send_digest(cx, &self.store, up, false);
        }
    }

    pub(crate) fn on_neighbor_down(&mut self, down: &Neighbor) {
        self.store.release(down.slot);
        self.catch_up.on_link_down(down.link);
    }

    /// Time to compare what is held with one neighbor.
    pub(crate) fn on_digest_timer(&mut self, cx: &mut Context, neighbors: &Neighbors) {
        self.store.expire(cx);
        exchange_digests(cx, &self.store, neighbors);
    }

    /// A neighbor tells what it holds: pull what is missing here.
    pub(crate) fn on_digest(&mut self, cx: &mut Context, from: &Neighbor, digest: &Digest) {
        for id in &digest.ids {
            if let Some(stored) = self.store.get_mut(*id) {
                stored.holders.insert(from.slot);
            }
        }
        let missing = digest.ids.iter().copied().filter(|id| !self.seen.contains(*id));
        self.catch_up.pull(cx, from.link, missing);
        if digest.reply {
            self.store.expire(cx);
            send_digest(cx, &self.store, from, false);
        }
    }

    /// A neighbor asks for messages. What it has or was sent on this link is not sent again; an
    /// honest neighbor asks for that only when two digests crossed its pull.
    pub(crate) fn on_pull(&mut self, cx: &mut Context, from: &Neighbor, ids: &[MessageId]) {
        self.store.expire(cx);
        for id in ids {
            if let Some(stored) = self.store.get_mut(*id) {
                send_copy(cx, from, stored);
            }
        }
    }

    pub(crate) fn stored(&self) -> usize {
        self.store.len()
    }

    pub(crate) fn seen(&self) -> usize {
        self.seen.len()
    }
}

/// Sends one copy, unless the neighbor is known to have the message.
fn send_copy(cx: &mut Context, to: &Neighbor, stored: &mut Stored) {
    if stored.holders.contains(to.slot) {
        return;
    }
    stored.holders.insert(to.slot);
    traffic::send_copy(cx, to.link, stored);
}
