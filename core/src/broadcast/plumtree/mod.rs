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
pub(crate) mod config;
mod flooding;
mod losses;
pub(crate) mod message;
mod missing;
#[cfg(test)]
mod tests;
mod trees;

use alloc::vec::Vec;

use crate::broadcast::memory::store::Stored;
use crate::broadcast::memory::{Memory, Receipt};
use crate::broadcast::timer::BroadcastTimer;
use crate::broadcast::traffic::{self, Sender};
use crate::config::IHaveDirection;
use crate::context::Context;
use crate::id::{Hop, MessageId, NodeId};
use crate::links::neighbors::{Neighbor, Neighbors, SlotSet, Via};
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{BroadcastMessage, Digest, Gossip, Graft, IHave, MAX_IHAVES, Prune, Route};
use announcements::{Announcements, Due, speaks_first};
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
            trees: Trees::default(),
            announcements: Announcements::default(),
            missing: Missing::new(cx.rng.salt()),
            losses: Losses::default(),
        }
    }

    /// Sends an own message to all. It is not stored yet.
    pub(crate) fn publish(&mut self, cx: &mut Context, memory: &mut Memory, stored: Stored) {
        self.trees.on_new(cx.now, &stored.envelope, cx.config.broadcast.plumtree.trees);
        let is_due = !self.trees.is_own(cx.me()) && self.trees.is_worn() && self.trees.renew();
        let route = if is_due { Route::Renewal } else { Route::Usual };
        self.spread(cx, memory, stored, route);
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
        let announcers = self.missing.on_arrival(cx, id);
        let route = gossip.route;
        match memory.receive(cx, Sender::of(from), gossip) {
            Receipt::New { mut stored, was_pulled } => {
                note_holders(&mut stored, &cx.neighbors, &announcers);
                if was_pulled {
                    return self.offer(cx, memory, stored);
                }
                self.trees.on_new(cx.now, &stored.envelope, cx.config.broadcast.plumtree.trees);
                if route == Route::Detour {
                    return self.spread(cx, memory, stored, route);
                }
                let (source, hop) = (stored.envelope.origin(), stored.hop);
                let route = self.on_parent(from, source, route);
                self.spread(cx, memory, stored, route);
                let nearer = self.nearer(cx, source, hop, &announcers);
                self.shorten(cx, from, source, nearer);
            }
            Receipt::Repeated { source, was_pulled: false } if route != Route::Detour => {
                // A detour that was quicker than the tree says nothing against the tree.
                let stored = memory.store.get_mut(id);
                if !stored.is_some_and(Stored::is_overtaken) {
                    self.prune(cx, from, source);
                }
            }
            Receipt::Repeated { .. } | Receipt::TooOld => {}
        }
    }

    /// A new message came along the tree: its sender is eager (Algorithm 1). Returns the route by which
    /// it goes on.
    fn on_parent(&mut self, from: &Neighbor, source: NodeId, route: Route) -> Route {
        let is_renewed = route == Route::Renewal && self.trees.renew();
        self.trees.lazy_mut(source).remove(from.slot);
        if is_renewed { route } else { Route::Usual }
    }

    /// Sends a message along its tree by this route, and its name off it. Over its first links it is
    /// flooded beside the tree, if it has none of its own ([`flood_hops`]).
    fn spread(&mut self, cx: &mut Context, memory: &mut Memory, mut stored: Stored, route: Route) {
        let (id, source) = (stored.envelope.id(), stored.envelope.origin());
        if self.losses.on_message() {
            // All eager, as at the beginning: the tree grows anew around what is gone.
            *self.trees.lazy_mut(source) = SlotSet::default();
        }
        let lazy = self.trees.lazy(source);
        let is_flooded = !self.trees.is_own(source)
            && !stored.envelope.topic().is_reserved()
            && stored.hop.0 < flood_hops(cx, cx.neighbors.len());
        let mut place = 0;
        while let Some(to) = cx.neighbors.at(place).map(Neighbor::via) {
            if !lazy.contains(to.slot) {
                traffic::send_once(cx, to, &mut stored, route);
            } else if is_flooded {
                traffic::send_once(cx, to, &mut stored, Route::Detour);
            }
            place += 1;
        }
        if cx.neighbors.iter().any(|it| is_lacked(&stored, it)) {
            self.announcements.name(cx, id);
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

    /// A message came twice: the second link is no branch of its tree (§3.3). Also when it is none
    /// here already, for then the other side holds it for one.
    fn prune(&mut self, cx: &mut Context, from: &Neighbor, source: NodeId) {
        self.trees.lazy_mut(source).insert(from.slot);
        cx.stats.prunes_sent += 1;
        cx.send(from.link, BroadcastMessage::Prune(Prune { source }));
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
                stored.holders.insert(from.slot);
            } else if !memory.seen.contains(it.id) {
                let share = share.get_or_insert_with(|| self.missing.share(cx, from.link));
                self.missing.note(cx, from, it, share);
            }
        }
    }

    /// A message had been announced before it came: over the first announcer that is much nearer to the
    /// source the tree is shorter. That one becomes the parent, by a graft that asks for nothing, and
    /// the old parent is pruned (§3.8).
    ///
    /// Departure: in the tree of one source no announcer need be nearer in links. Its announcement had
    /// waited for `ihave_delay`, so the way over it is quicker by at least that, and two ways that are
    /// about as long do not take turns. That finds the quickest ways where links differ.
    ///
    /// Parents had the message earlier than their children: no circle can close.
    fn shorten(&mut self, cx: &mut Context, parent: &Neighbor, source: NodeId, over: Option<Via>) {
        let Some(over) = over.filter(|over| over.slot != parent.slot) else { return };
        self.trees.lazy_mut(source).remove(over.slot);
        cx.stats.grafts_sent += 1;
        cx.send(over.link, BroadcastMessage::Graft(Graft { source, id: None }));
        self.prune(cx, parent, source);
    }

    /// The first announcer that is so much nearer to the source.
    fn nearer(
        &self,
        cx: &Context,
        source: NodeId,
        hop: Hop,
        announcers: &[Announcer],
    ) -> Option<Via> {
        let threshold = cx.config.broadcast.plumtree.threshold;
        let is_own = self.trees.is_own(source);
        let is_near = |it: &&Announcer| is_own || hop.0.saturating_sub(it.hop.0) >= threshold;
        let mut near = announcers.iter().filter(is_near);
        near.find_map(|it| cx.neighbors.by_link(it.link)).map(Neighbor::via)
    }

    /// A neighbor makes the link a branch, and lacks a message (§3.5). It is sent once.
    pub(crate) fn on_graft(
        &mut self,
        cx: &mut Context,
        memory: &mut Memory,
        from: &Neighbor,
        graft: &Graft,
    ) {
        self.trees.lazy_mut(graft.source).remove(from.slot);
        if let Some(id) = graft.id {
            memory.on_pull(cx, from, &[id]);
        }
    }

    /// A neighbor wants names only (§3.3).
    pub(crate) fn on_prune(&mut self, from: &Neighbor, prune: &Prune) {
        self.trees.lazy_mut(prune.source).insert(from.slot);
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
            let is_waiting = |id: &MessageId| {
                let stored = memory.store.get(*id);
                stored.is_some_and(|stored| cx.neighbors.iter().any(|it| waits(it, stored)))
            };
            let waiting = due.named.into_iter().filter(is_waiting).collect();
            self.announcements.wait_for_others(cx, waiting);
        }
    }

    /// Tells a neighbor the names of what it is not known to have.
    fn announce(cx: &mut Context, memory: &Memory, to: &Neighbor, due: &Due) {
        let ways = cx.config.broadcast.plumtree.ihave_ways;
        let me = cx.me();
        let is_first =
            |id: &MessageId| ways == IHaveDirection::BothWays || speaks_first(me, to.id(), *id);
        let lacked = |id: &MessageId| memory.store.get(*id).filter(|stored| is_lacked(stored, to));
        let now = due.named.iter().filter(|id| is_first(id));
        let now = now.chain(due.later.iter().filter(|id| !is_first(id)));
        let have: Vec<IHave> = now.filter_map(lacked).map(announcement).collect();
        for page in have.chunks(MAX_IHAVES) {
            cx.stats.ihaves_sent += u64::try_from(page.len()).unwrap_or(0);
            cx.stats.ihave_messages += 1;
            cx.send(to.link, BroadcastMessage::IHave { have: page.to_vec() });
        }
        let ids: Vec<MessageId> =
            due.offered.iter().filter(|id| lacked(id).is_some()).copied().collect();
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
            self.trees.lazy_mut(request.source).remove(announcer.slot);
            cx.stats.grafts_sent += 1;
            let graft = Graft { source: request.source, id: Some(request.id) };
            cx.send(announcer.link, BroadcastMessage::Graft(graft));
        }
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, slots: SlotSet) -> Broken {
        let mut lazy = self.trees.all_lazy();
        holds(lazy.all(|set| set.is_within(slots)), "a lazy neighbor of a tree is none")
    }

    /// A neighbor is gone: it is no branch of any tree.
    pub(crate) fn on_neighbor_down(&mut self, cx: &mut Context, down: &Neighbor, is_lost: bool) {
        self.trees.release(down.slot);
        if is_lost {
            self.losses.on_loss(cx);
        }
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

/// What a lazy neighbor hears of a message.
fn announcement(stored: &Stored) -> IHave {
    let Stored { envelope, hop, .. } = stored;
    IHave { id: envelope.id(), hop: hop.next(), source: envelope.origin() }
}
