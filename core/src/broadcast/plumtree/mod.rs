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
mod missing;
#[cfg(test)]
mod tests;
mod trees;

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::broadcast::exchange::Exchange;
use crate::broadcast::memory::store::Stored;
use crate::broadcast::memory::{Memory, Receipt};
use crate::broadcast::traffic::{self, Sender};
use crate::config::IHaveDirection;
use crate::context::Context;
use crate::id::{Hop, MessageId, NodeId};
use crate::links::neighbors::{Neighbor, Neighbors, SlotSet};
use crate::messaging::{Envelope, Payload, Topic};
use crate::timers::Timer;
use crate::wire::{Digest, Gossip, Graft, IHave, MAX_IHAVES, Message, Prune, Route};
use announcements::{Announcements, Due, speaks_first};
use flooding::flood_hops;
use losses::Losses;
use missing::{Announcer, Missing};
use trees::Trees;

/// A peer's messages and its part of the trees.
#[derive(Clone, Debug)]
pub(crate) struct Plumtree {
    pub(super) memory: Memory,
    pub(super) exchange: Exchange,
    trees: Trees,
    announcements: Announcements,
    missing: Missing,
    losses: Losses,
}

impl Plumtree {
    /// The salt should be the node's secret.
    pub(crate) fn new(cx: &mut Context, salt: u64) -> Self {
        let pause = cx.rng.jitter(cx.config.broadcast.plumtree.exchange_every);
        cx.arm(Timer::Exchange, pause);
        Self {
            memory: Memory::new(salt),
            exchange: Exchange::default(),
            trees: Trees::default(),
            announcements: Announcements::default(),
            missing: Missing::default(),
            losses: Losses::default(),
        }
    }

    pub(crate) fn publish(&mut self, cx: &mut Context, topic: Topic, payload: Payload) {
        let stored = self.memory.seal(cx, topic, payload);
        self.trees.on_new(cx.now, &stored.envelope, cx.config.broadcast.plumtree.trees);
        let is_due = !self.trees.is_own(cx.me()) && self.trees.is_worn() && self.trees.renew();
        let route = if is_due { Route::Renewal } else { Route::Usual };
        self.spread(cx, stored, route);
    }

    /// Returns what is new under a reserved topic.
    pub(crate) fn on_gossip(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        gossip: Gossip,
    ) -> Option<Arc<Envelope>> {
        let id = gossip.envelope.id();
        let announcers = self.missing.on_arrival(cx, id);
        let route = gossip.route;
        match self.memory.receive(cx, Sender::of(from), gossip) {
            Receipt::New { mut stored, was_pulled, news } => {
                note_holders(&mut stored, &cx.neighbors, &announcers);
                if was_pulled {
                    self.offer(cx, stored);
                } else {
                    self.trees.on_new(cx.now, &stored.envelope, cx.config.broadcast.plumtree.trees);
                    if route == Route::Detour {
                        self.spread(cx, stored, route);
                    } else {
                        self.on_tree(cx, (from, stored, route), &announcers);
                    }
                }
                news
            }
            Receipt::Repeated { source, was_pulled: false } if route != Route::Detour => {
                // A detour that was quicker than the tree says nothing against the tree.
                let stored = self.memory.store.get_mut(id);
                if !stored.is_some_and(Stored::is_overtaken) {
                    self.prune(cx, from, source);
                }
                None
            }
            Receipt::Repeated { .. } | Receipt::TooOld => None,
        }
    }

    /// A new message came along the tree: its sender is eager (Algorithm 1).
    fn on_tree(
        &mut self,
        cx: &mut Context,
        (from, stored, route): (&Neighbor, Stored, Route),
        announcers: &[Announcer],
    ) {
        let (source, hop) = (stored.envelope.origin(), stored.hop);
        let is_renewed = route == Route::Renewal && self.trees.renew();
        self.trees.lazy_mut(source).remove(from.slot);
        let route = if is_renewed { route } else { Route::Usual };
        self.spread(cx, stored, route);
        self.shorten(cx, (from, source, hop), announcers);
    }

    /// Sends a message along its tree by this route, and its name off it. Over its first links it is
    /// flooded beside the tree, if it has none of its own ([`flood_hops`]).
    fn spread(&mut self, cx: &mut Context, mut stored: Stored, route: Route) {
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
        self.memory.store.insert(cx, stored);
        self.announce_if_full(cx);
    }

    /// Keeps a message that came by a pull, and tells of it.
    pub(crate) fn offer(&mut self, cx: &mut Context, stored: Stored) {
        self.announcements.offer(cx, stored.envelope.id());
        self.memory.store.insert(cx, stored);
        self.announce_if_full(cx);
    }

    /// A message came twice: the second link is no branch of its tree (§3.3). Also when it is none
    /// here already, for then the other side holds it for one.
    fn prune(&mut self, cx: &mut Context, from: &Neighbor, source: NodeId) {
        self.trees.lazy_mut(source).insert(from.slot);
        cx.stats.prunes_sent += 1;
        cx.send(from.link, Message::Prune(Prune { source }));
    }

    /// A neighbor has these messages.
    pub(crate) fn on_ihave(&mut self, cx: &mut Context, from: &Neighbor, have: &[IHave]) {
        let mut share = None;
        for it in have {
            if let Some(stored) = self.memory.store.get_mut(it.id) {
                stored.holders.insert(from.slot);
            } else if !self.memory.seen.contains(it.id) {
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
    fn shorten(
        &mut self,
        cx: &mut Context,
        (parent, source, hop): (&Neighbor, NodeId, Hop),
        announcers: &[Announcer],
    ) {
        let threshold = cx.config.broadcast.plumtree.threshold;
        let is_own = self.trees.is_own(source);
        let is_near = |it: &&Announcer| is_own || hop.0.saturating_sub(it.hop.0) >= threshold;
        let mut near = announcers.iter().filter(is_near);
        let over = near.find_map(|it| cx.neighbors.by_link(it.link)).map(Neighbor::via);
        let Some(over) = over else { return };
        if over.slot == parent.slot {
            return;
        }
        self.trees.lazy_mut(source).remove(over.slot);
        cx.stats.grafts_sent += 1;
        cx.send(over.link, Message::Graft(Graft { source, id: None }));
        self.prune(cx, parent, source);
    }

    /// A neighbor makes the link a branch, and lacks a message (§3.5). It is sent once.
    pub(crate) fn on_graft(&mut self, cx: &mut Context, from: &Neighbor, graft: &Graft) {
        self.trees.lazy_mut(graft.source).remove(from.slot);
        if let Some(id) = graft.id {
            self.memory.on_pull(cx, from, &[id]);
        }
    }

    /// A neighbor wants names only (§3.3).
    pub(crate) fn on_prune(&mut self, _cx: &mut Context, from: &Neighbor, prune: &Prune) {
        self.trees.lazy_mut(prune.source).insert(from.slot);
    }

    /// Time to send the announcements that were gathered.
    pub(crate) fn on_ihave_timer(&mut self, cx: &mut Context) {
        let due = self.announcements.take(cx);
        let mut place = 0;
        while let Some(to) = cx.neighbors.at(place).cloned() {
            self.announce(cx, &to, &due);
            place += 1;
        }
        if cx.config.broadcast.plumtree.ihave_ways == IHaveDirection::OneWay {
            let waits = |neighbor: &Neighbor, stored: &Stored| {
                let id = stored.envelope.id();
                is_lacked(stored, neighbor) && !speaks_first(cx.me(), neighbor.id(), id)
            };
            let is_waiting = |id: &MessageId| {
                let stored = self.memory.store.get(*id);
                stored.is_some_and(|stored| cx.neighbors.iter().any(|it| waits(it, stored)))
            };
            let waiting = due.named.into_iter().filter(is_waiting).collect();
            self.announcements.wait_for_others(cx, waiting);
        }
    }

    /// Tells a neighbor the names of what it is not known to have.
    fn announce(&self, cx: &mut Context, to: &Neighbor, due: &Due) {
        let ways = cx.config.broadcast.plumtree.ihave_ways;
        let me = cx.me();
        let is_first =
            |id: &MessageId| ways == IHaveDirection::BothWays || speaks_first(me, to.id(), *id);
        let lacked =
            |id: &MessageId| self.memory.store.get(*id).filter(|stored| is_lacked(stored, to));
        let now = due.named.iter().filter(|id| is_first(id));
        let now = now.chain(due.later.iter().filter(|id| !is_first(id)));
        let have: Vec<IHave> = now.filter_map(lacked).map(announcement).collect();
        for page in have.chunks(MAX_IHAVES) {
            cx.stats.ihaves_sent += u64::try_from(page.len()).unwrap_or(0);
            cx.stats.ihave_messages += 1;
            cx.send(to.link, Message::IHave { have: page.to_vec() });
        }
        let ids: Vec<MessageId> =
            due.offered.iter().filter(|id| lacked(id).is_some()).copied().collect();
        if !ids.is_empty() {
            cx.send(to.link, Message::Digest(Digest { ids, reply: false }));
        }
    }

    fn announce_if_full(&mut self, cx: &mut Context) {
        if self.announcements.is_full() {
            self.on_ihave_timer(cx);
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
            cx.send(announcer.link, Message::Graft(graft));
        }
    }

    /// A new neighbor is eager in all trees (§3.7), and hears of what it is not known to have: what was
    /// lost with another link comes by this one.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        self.memory.tell(cx, up.via(), false);
    }

    pub(crate) fn on_neighbor_down(&mut self, cx: &mut Context, down: &Neighbor, is_lost: bool) {
        self.memory.on_neighbor_down(down);
        self.trees.release(down.slot);
        if is_lost {
            self.losses.on_loss(cx);
        }
    }

    pub(crate) fn on_digest(&mut self, cx: &mut Context, from: &Neighbor, digest: &Digest) {
        self.memory.on_digest(cx, from, digest);
    }

    pub(crate) fn on_pull(&mut self, cx: &mut Context, from: &Neighbor, ids: &[MessageId]) {
        self.memory.on_pull(cx, from, ids);
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
