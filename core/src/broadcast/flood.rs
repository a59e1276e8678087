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
use alloc::vec::Vec;

use crate::broadcast::exchange::Exchange;
use crate::broadcast::memory::store::Stored;
use crate::broadcast::memory::{Memory, Receipt};
use crate::broadcast::traffic::{self, Sender};
use crate::context::Context;
use crate::id::{LinkId, MessageId};
use crate::links::neighbors::Neighbor;
use crate::messaging::{Envelope, Payload, Topic};
use crate::timers::Timer;
use crate::wire::{Digest, Gossip, Message, Route};

/// A peer's messages.
#[derive(Clone, Debug)]
pub(crate) struct Flood {
    pub(super) memory: Memory,
    pub(super) exchange: Exchange,
}

impl Flood {
    /// The salt should be the node's secret.
    pub(crate) fn new(cx: &mut Context, salt: u64) -> Self {
        let pause = cx.rng.jitter(cx.config.broadcast.digest_every);
        cx.arm(Timer::Digest, pause);
        Self { memory: Memory::new(salt), exchange: Exchange::default() }
    }

    /// Sends an own message to all neighbors. Without neighbors it is kept for those to come.
    pub(crate) fn publish(&mut self, cx: &mut Context, topic: Topic, payload: Payload) {
        let stored = self.memory.seal(cx, topic, payload);
        self.spread(cx, stored);
    }

    /// Returns what is new under a reserved topic.
    pub(crate) fn on_gossip(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        gossip: Gossip,
    ) -> Option<Arc<Envelope>> {
        let Receipt::New { stored, was_pulled, news } =
            self.memory.receive(cx, Sender::of(from), gossip)
        else {
            return None;
        };
        if was_pulled {
            self.offer(cx, stored);
        } else {
            self.spread(cx, stored);
        }
        news
    }

    /// Sends a message to every neighbor that is not known to have it, and keeps it.
    fn spread(&mut self, cx: &mut Context, mut stored: Stored) {
        let mut place = 0;
        while let Some(to) = cx.neighbors.at(place).map(Neighbor::via) {
            traffic::send_once(cx, to, &mut stored, Route::Usual);
            place += 1;
        }
        self.memory.store.insert(cx, stored);
    }

    /// Keeps a message, and names it to every neighbor that is not known to have it.
    pub(crate) fn offer(&mut self, cx: &mut Context, stored: Stored) {
        let (id, holders) = (stored.envelope.id(), stored.holders);
        self.memory.store.insert(cx, stored);
        let lacks = |it: &&Neighbor| !holders.contains(it.slot);
        let lacking: Vec<LinkId> = cx.neighbors.iter().filter(lacks).map(|it| it.link).collect();
        for link in lacking {
            let digest = Digest { ids: alloc::vec![id], reply: false };
            cx.send(link, Message::Digest(digest));
        }
    }

    /// A new neighbor: tell it what we hold. It does the same.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        self.memory.tell(cx, up.via(), false);
    }

    pub(crate) fn on_neighbor_down(&mut self, down: &Neighbor) {
        self.memory.on_neighbor_down(down);
    }

    /// Time to compare what is held with one neighbor.
    pub(crate) fn on_digest_timer(&mut self, cx: &mut Context) {
        let pause = cx.rng.jitter(cx.config.broadcast.digest_every);
        cx.arm(Timer::Digest, pause);
        self.memory.compare_with_any(cx);
    }

    pub(crate) fn on_digest(&mut self, cx: &mut Context, from: &Neighbor, digest: &Digest) {
        self.memory.on_digest(cx, from, digest);
    }

    pub(crate) fn on_pull(&mut self, cx: &mut Context, from: &Neighbor, ids: &[MessageId]) {
        self.memory.on_pull(cx, from, ids);
    }
}
