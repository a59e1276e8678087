//! The broadcast `plumtree` (Leitão, Pereira, Rodrigues, "Epidemic Broadcast Trees", SRDS 2007):
//! messages travel along a tree that they find themselves, names of messages on the other links.
//!
//! ```text
//! peer                                  neighbor
//!   Gossip { .. }                 ──▶              eager: on the tree
//!   IHave { id, hop, source }     ──▶              lazy: off the tree
//!                                 ◀──  Prune { source }       it came twice: this link off the tree
//!                                 ◀──  Graft { source, id }   it was announced and did not come
//!   Gossip { .. }                 ──▶
//! ```
//!
//! Every link carries each message or its name, unless the neighbor is known to have it, and a name in
//! one direction first. So a broken tree delays messages and loses none.
//!
//! What came by a pull is new to this part of the network: a digest names it to whoever is not known
//! to have it, and is answered by a pull at once. That is as quick as a round trip per link, costs no
//! copy too many, and leaves the trees alone.

mod announcements;
mod arrival;
pub(crate) mod config;
mod flooding;
mod losses;
pub(crate) mod message;
mod missing;
mod rival;
mod shared_tree;
mod source_trees;
#[cfg(test)]
mod tests;
mod trees;

use alloc::vec::Vec;
use core::time::Duration;

use crate::broadcast::memory::store::Stored;
use crate::broadcast::memory::{Memory, Receipt};
use crate::broadcast::timer::BroadcastTimer;
use crate::broadcast::traffic::{self, Sender};
use crate::broadcast::waits;
use crate::config::IHaveDirection;
use crate::context::Context;
use crate::id::{Hop, MessageId};
use crate::links::neighbors::{Neighbor, Neighbors, SlotSet};
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::Broken;
use crate::wire::{BroadcastMessage, Digest, Gossip, Graft, IHave, MAX_IHAVES, Prune, Route};
use announcements::{Announcements, Due, Name, speaks_first};
use arrival::Arrival;
use flooding::flood_hops;
use losses::Losses;
use missing::{Announcer, Missing};
use trees::Trees;

/// A peer's messages and its part of the trees.
#[derive(Clone, Debug)]
pub(crate) struct Plumtree {
    trees: Trees,
    announcements: Announcements,
    missing: Missing,
    losses: Losses,
}

impl Plumtree {
    pub(crate) fn new(cx: &mut Context) -> Self {
        let pause = cx.rng.jitter(cx.config.broadcast.plumtree.exchange_every);
        cx.arm(BroadcastTimer::Exchange, pause);
        Self {
            trees: Trees::new(cx),
            announcements: Announcements::default(),
            missing: Missing::new(cx.rng.salt()),
            losses: Losses::default(),
        }
    }

    /// Sends an own message to all. It is not stored yet.
    pub(crate) fn publish(&mut self, cx: &mut Context, memory: &mut Memory, stored: Stored) {
        let route = self.trees.choose(cx, stored.envelope.topic().is_reserved());
        let arrival = Arrival::new(cx.me(), route, Hop(0));
        self.spread(cx, memory, stored, arrival);
    }

    /// A copy came from a neighbor.
    pub(crate) fn on_gossip(
        &mut self,
        cx: &mut Context,
        memory: &mut Memory,
        from: &Neighbor,
        gossip: Gossip,
    ) {
        let id = gossip.envelope.id();
        let announcers = self.missing.on_arrival(cx, id, from.link);
        let mut arrival = Arrival::of(&gossip);
        match memory.receive(cx, Sender::of(from), gossip) {
            Receipt::New { mut stored, was_pulled } => {
                note_holders(&mut stored, &cx.neighbors, &announcers);
                if was_pulled {
                    return self.offer(cx, memory, stored);
                }
                if !self.trees.enter(cx, arrival) {
                    arrival.route = Route::Usual;
                }
                self.spread(cx, memory, stored, arrival);
                if !arrival.is_detour() {
                    self.trees.on_first_copy(cx, from, arrival, &announcers);
                }
            }
            Receipt::Repeated { was_pulled: false } if !arrival.is_detour() => {
                let mut stored = memory.store.get_mut(id);
                let first = stored.as_ref().map(|stored| stored.hop);
                let is_overtaken = stored.as_mut().is_some_and(|stored| stored.is_overtaken());
                match stored {
                    // A pull or a detour was quicker than the tree, which says nothing against the tree.
                    Some(stored) if is_overtaken => {
                        self.trees.enter(cx, arrival);
                        let (lazy, route) =
                            (self.trees.lazy(arrival), self.trees.onward(cx, arrival));
                        send_to_eager(cx, lazy, stored, route);
                        self.trees.on_first_copy(cx, from, arrival, &announcers);
                    }
                    Some(_) | None => self.trees.on_repeated(cx, from, arrival, first),
                }
            }
            Receipt::Repeated { .. } | Receipt::TooOld => {}
        }
    }

    /// Sends a message along its tree, and its name off it. Over its first links it is flooded beside
    /// the tree, if that is not its origin's ([`flood_hops`]).
    fn spread(
        &mut self,
        cx: &mut Context,
        memory: &mut Memory,
        mut stored: Stored,
        arrival: Arrival,
    ) {
        let tree = arrival.tree;
        if self.losses.on_message() {
            // All eager, as at the beginning: the tree grows anew around what is gone.
            self.trees.make_all_eager(tree);
        }
        let (lazy, route) = (self.trees.lazy(arrival), self.trees.onward(cx, arrival));
        let is_flooded = !stored.envelope.topic().is_reserved()
            && stored.hop.0 < flood_hops(cx, cx.neighbors.len());
        send_to_eager(cx, lazy, &mut stored, route);
        if let Route::Along(foreign) = route
            && is_flooded
        {
            send_to_eager(cx, SlotSet::default(), &mut stored, Route::Detour(foreign));
        }
        if cx.neighbors.iter().any(|it| is_lacked(&stored, it)) {
            self.announcements.name(cx, Name { id: stored.envelope.id(), tree });
        }
        memory.store.insert(cx, stored);
        self.announce_if_full(cx, memory);
    }

    /// Keeps a message that came by a pull, and tells of it.
    pub(crate) fn offer(&mut self, cx: &mut Context, memory: &mut Memory, stored: Stored) {
        self.announcements.offer(cx, stored.envelope.id());
        memory.store.insert(cx, stored);
        self.announce_if_full(cx, memory);
    }

    /// A neighbor has these messages.
    pub(crate) fn on_ihave(
        &mut self,
        cx: &mut Context,
        memory: &mut Memory,
        from: &Neighbor,
        have: &[IHave],
    ) {
        let mut share = None;
        for it in have {
            if let Some(stored) = memory.store.get_mut(it.id) {
                stored.note_holder(&mut cx.flow, from.slot);
                self.trees.on_late_name(cx, from.slot, it.source);
            } else if !memory.seen.contains(it.id) {
                let share = share.get_or_insert_with(|| self.missing.share(cx, from.link));
                self.missing.note(cx, from, it, share);
            }
        }
    }

    /// A neighbor makes the link a branch, and lacks a message (§3.5). It is sent once.
    pub(crate) fn on_graft(
        &mut self,
        cx: &mut Context,
        memory: &mut Memory,
        from: &Neighbor,
        graft: &Graft,
    ) {
        self.trees.on_graft(cx, from, graft);
        if let Some(id) = graft.id {
            memory.on_graft(cx, from, id, graft.source);
        }
    }

    /// A neighbor wants names only (§3.3).
    pub(crate) fn on_prune(&mut self, cx: &mut Context, from: &Neighbor, prune: &Prune) {
        self.trees.on_prune(cx, from, prune.source);
    }

    /// Time to send the announcements that were gathered.
    pub(crate) fn on_ihave_timer(&mut self, cx: &mut Context, memory: &Memory) {
        let due = self.announcements.take(cx);
        let mut place = 0;
        while let Some(to) = cx.neighbors.at(place).cloned() {
            Self::announce(cx, memory, &to, &due);
            place += 1;
        }
        if cx.config.broadcast.plumtree.ihave_ways == IHaveDirection::OneWay {
            let waits = |neighbor: &Neighbor, stored: &Stored| {
                let id = stored.envelope.id();
                is_lacked(stored, neighbor) && !speaks_first(cx.me(), neighbor.id(), id)
            };
            let is_waiting = |name: &Name| {
                let stored = memory.store.get(name.id);
                stored.is_some_and(|stored| cx.neighbors.iter().any(|it| waits(it, stored)))
            };
            let waiting = due.named.into_iter().filter(is_waiting).collect();
            let wait = self.missing.before_graft(cx);
            self.announcements.wait_for_others(cx, waiting, wait);
        }
    }

    /// Tells a neighbor the names of what it is not known to have.
    fn announce(cx: &mut Context, memory: &Memory, to: &Neighbor, due: &Due) {
        let ways = cx.config.broadcast.plumtree.ihave_ways;
        let me = cx.me();
        let is_first =
            |name: &&Name| ways == IHaveDirection::BothWays || speaks_first(me, to.id(), name.id);
        let lacked = |id: MessageId| memory.store.get(id).filter(|stored| is_lacked(stored, to));
        let now = due.named.iter().filter(is_first);
        let now = now.chain(due.later.iter().filter(|name| !is_first(name)));
        let announced = |name: &Name| {
            let hop = lacked(name.id)?.hop.next();
            Some(IHave { id: name.id, hop, source: name.tree })
        };
        let have: Vec<IHave> = now.filter_map(announced).collect();
        for page in have.chunks(MAX_IHAVES) {
            cx.stats.ihaves_sent += u64::try_from(page.len()).unwrap_or(0);
            cx.stats.ihave_messages += 1;
            cx.send(to.link, BroadcastMessage::IHave { have: page.to_vec() });
        }
        let ids = due.offered.iter().copied().filter(|id| lacked(*id).is_some());
        let ids: Vec<MessageId> = ids.collect();
        if !ids.is_empty() {
            cx.send(to.link, BroadcastMessage::Digest(Digest { ids, reply: false }));
        }
    }

    fn announce_if_full(&mut self, cx: &mut Context, memory: &Memory) {
        if self.announcements.is_full() {
            self.on_ihave_timer(cx, memory);
        }
    }

    /// Announced messages are overdue: ask for them (§3.5, Algorithm 2).
    pub(crate) fn on_graft_timer(&mut self, cx: &mut Context) {
        for request in self.missing.on_timer(cx) {
            let announcer = cx.neighbors.by_link(request.link).map(Neighbor::via);
            let Some(announcer) = announcer else { continue };
            self.trees.on_asked(announcer.slot, request.source);
            cx.stats.grafts_sent += 1;
            let graft = Graft { source: request.source, id: Some(request.id) };
            cx.send(announcer.link, BroadcastMessage::Graft(graft));
        }
    }

    /// How long a neighbor may take to ask for a message whose name it gets from here.
    pub(crate) fn promise(&self, cx: &Context) -> Duration {
        waits::gather(cx) + self.missing.promise(cx)
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, slots: SlotSet) -> Broken {
        self.trees.invariants(slots)
    }

    /// A neighbor is gone: it is no branch of any tree.
    pub(crate) fn on_neighbor_down(&mut self, cx: &mut Context, down: &Neighbor, is_lost: bool) {
        self.trees.on_neighbor_down(cx, down.slot);
        if is_lost {
            self.losses.on_loss(cx);
        }
    }
}

/// Sends a message to those that want its payload and are not known to have it.
fn send_to_eager(cx: &mut Context, lazy: SlotSet, stored: &mut Stored, route: Route) {
    let mut place = 0;
    while let Some(to) = cx.neighbors.at(place).map(Neighbor::via) {
        if !lazy.contains(to.slot) {
            traffic::send_once(cx, to, stored, route);
        }
        place += 1;
    }
}

fn note_holders(stored: &mut Stored, neighbors: &Neighbors, announcers: &[Announcer]) {
    for neighbor in announcers.iter().filter_map(|it| neighbors.by_link(it.link)) {
        stored.holders.insert(neighbor.slot);
    }
}

/// Whether a neighbor is not known to have it.
fn is_lacked(stored: &Stored, neighbor: &Neighbor) -> bool {
    !stored.holders.contains(neighbor.slot)
}
