//! The broadcast `flood` (R12, R13): what is new goes to every neighbor but the one it came from.
//!
//! ```text
//! peer                                   every other neighbor
//!   Gossip { hop, age, envelope }  ──▶                         unless it has the message already
//! ```
//!
//! What came as the answer to a pull is old news to most, so it is passed on by name only: a digest
//! goes to whoever is not known to have it.

use alloc::vec::Vec;

use crate::broadcast::memory::store::Stored;
use crate::broadcast::memory::{Memory, Receipt};
use crate::broadcast::timer::BroadcastTimer;
use crate::broadcast::traffic;
use crate::context::Context;
use crate::id::LinkId;
use crate::links::neighbors::Neighbor;
use crate::wire::{BroadcastMessage, Digest, Route};

/// Begins to compare what is held with neighbors.
pub(super) fn start(cx: &mut Context) {
    let pause = cx.rng.jitter(cx.config.broadcast.digest_every);
    cx.arm(BroadcastTimer::Digest, pause);
}

/// A copy came from a neighbor.
pub(super) fn on_receipt(cx: &mut Context, memory: &mut Memory, receipt: Receipt) {
    match receipt {
        Receipt::New { stored, was_pulled: true } => offer(cx, memory, stored),
        Receipt::New { stored, was_pulled: false } => spread(cx, memory, stored),
        Receipt::Repeated { .. } | Receipt::TooOld => {}
    }
}

/// Sends a message to every neighbor that is not known to have it, and keeps it.
pub(super) fn spread(cx: &mut Context, memory: &mut Memory, mut stored: Stored) {
    let mut place = 0;
    while let Some(to) = cx.neighbors.at(place).map(Neighbor::via) {
        traffic::send_once(cx, to, &mut stored, Route::Usual);
        place += 1;
    }
    memory.store.insert(cx, stored);
}

/// Keeps a message, and names it to every neighbor that is not known to have it.
pub(super) fn offer(cx: &mut Context, memory: &mut Memory, stored: Stored) {
    let (id, holders) = (stored.envelope.id(), stored.holders);
    memory.store.insert(cx, stored);
    let lacks = |it: &&Neighbor| !holders.contains(it.slot);
    let lacking: Vec<LinkId> = cx.neighbors.iter().filter(lacks).map(|it| it.link).collect();
    for link in lacking {
        let digest = Digest { ids: alloc::vec![id], reply: false };
        cx.send(link, BroadcastMessage::Digest(digest));
    }
}

/// Time to drop what has expired, and to compare what is held with one neighbor.
pub(super) fn on_digest_timer(cx: &mut Context, memory: &mut Memory) {
    start(cx);
    memory.store.expire(cx);
    memory.compare_with_any(cx);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::messaging::Payload;
    use crate::testing::context;

    #[test]
    fn the_timer_drops_what_has_expired() {
        let (mut cx, mut memory) = (context(Config::classic()), Memory::new(7));
        let stored = memory.seal_one(&mut cx, Payload::default());
        spread(&mut cx, &mut memory, stored);
        cx.now = cx.now + cx.config.broadcast.store_age * 2;
        on_digest_timer(&mut cx, &mut memory);
        assert_eq!(memory.store.len(), 0);
    }
}
