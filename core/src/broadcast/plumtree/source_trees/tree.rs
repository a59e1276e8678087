//! One peer's part of the tree of one source: who feeds it, and whom it feeds.
//!
//! A peer that has lost its parent, or that never had one, learns from messages of others who may feed
//! it: whoever is nearer to the source than it was. That neighbor gets nothing through this peer, since
//! whoever does is deeper (the feasibility condition of distance-vector routing: RFC 8966 §2.4, there
//! with a distance that only falls). Where no neighbor is, a message of the source itself decides, and
//! until then nobody is pruned.
//!
//! A link that is no branch costs one copy too many: whoever gets it prunes, and is pruned in return.

use alloc::vec::Vec;

use super::super::arrival::Arrival;
use super::super::missing::Announcer;
use super::super::rival::Rival;
use super::{CARRIES, KEPT, WORN};
use crate::context::Context;
use crate::id::{Hop, NodeId};
use crate::links::neighbors::{Neighbor, Slot, SlotSet, Via};
use crate::time::Instant;
use crate::wire::{BroadcastMessage, Foreign, Graft, Prune};

/// The tree of one source.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) source: NodeId,
    /// Who wants names only: those that told this peer so.
    pub(super) lazy: SlotSet,
    /// Who was told to send names only, and when somebody was told last.
    pub(super) pruned: SlotSet,
    pruned_at: Instant,
    /// Who feeds this peer. `None` at the source, and where no message of the source has come since the
    /// last one was lost.
    pub(super) parent: Option<Slot>,
    pub(super) rival: Option<Rival>,
    /// Who had the last message of the source first, unless that is the parent.
    pub(super) ahead: Option<Slot>,
    /// Links over which the parent's last message of the source had come. It stays when the parent is
    /// lost.
    depth: Option<Hop>,
    /// When its source spoke last.
    pub(super) spoke: Instant,
    /// Messages of others since then.
    pub(super) foreign: u16,
}

impl Tree {
    pub(super) fn new(source: NodeId, now: Instant) -> Self {
        let (lazy, pruned) = (SlotSet::default(), SlotSet::default());
        Self {
            source,
            lazy,
            pruned,
            pruned_at: now,
            parent: None,
            rival: None,
            ahead: None,
            depth: None,
            spoke: now,
            foreign: 0,
        }
    }

    /// Whether messages may travel in it.
    pub(super) fn carries(&self, now: Instant) -> bool {
        let silent = now.since(self.spoke);
        silent < CARRIES && (self.foreign < WORN || silent < KEPT)
    }

    /// Its source says something.
    pub(super) const fn on_spoken(&mut self, now: Instant) {
        (self.spoke, self.foreign) = (now, 0);
    }

    /// As at the beginning. Only what was pruned a moment ago is remembered: a `Prune` that is still on
    /// its way would end what the new parent sends.
    pub(super) fn renew(&mut self, cx: &Context) {
        let on_its_way = cx.neighbors.slow_round_trip().unwrap_or(KEPT);
        if cx.now.since(self.pruned_at) > on_its_way {
            self.pruned = SlotSet::default();
        }
        self.lazy = SlotSet::default();
        (self.parent, self.rival, self.ahead, self.depth) = (None, None, None, None);
    }

    /// Whether it is known whence this peer has the messages of the source. Where it is not, any
    /// neighbor may become the parent with the next one, so none is pruned.
    pub(super) fn is_fed(&self, cx: &Context) -> bool {
        self.parent.is_some() || self.source == cx.me()
    }

    /// A new message of the source itself came from here.
    pub(super) fn on_own(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        hop: Hop,
        announcers: &[Announcer],
    ) {
        self.ahead = None;
        if self.parent.is_none() {
            self.adopt(cx, from);
        } else if self.parent == Some(from.slot) {
            self.on_announced(cx, announcers);
        } else if self.rival_is_better(cx.now, from.slot) {
            self.adopt(cx, from);
        } else {
            self.ahead = Some(from.slot);
        }
        if self.parent == Some(from.slot) {
            self.depth = Some(hop);
        }
    }

    /// A new message of another source came from here. Where the other side does not feed this peer and
    /// wants names only, or is nearer to the source, the link is no branch for either.
    pub(super) fn on_foreign(&mut self, cx: &mut Context, from: &Neighbor, arrival: Arrival) {
        if !self.is_fed(cx) {
            self.follow(cx, from, arrival);
        } else if !self.is_wanted(from.slot)
            && (self.lazy.contains(from.slot) || self.is_nearer(cx, from, arrival))
        {
            self.reject(cx, from);
        }
    }

    /// Whether a neighbor is fed and nearer to the source than this peer is, or was. Of two that are
    /// equally near that is the one with the smaller id.
    fn is_nearer(&self, cx: &Context, from: &Neighbor, arrival: Arrival) -> bool {
        let own = if self.source == cx.me() { Some(Hop(0)) } else { self.depth };
        let is_before = |depth| own.is_none_or(|own| (depth, from.id()) < (own, cx.me()));
        arrival.depth().is_some_and(is_before)
    }

    /// Nobody feeds this peer, and a message of another source came from a neighbor: that one becomes
    /// the parent if it is nearer to the source.
    pub(super) fn follow(&mut self, cx: &mut Context, from: &Neighbor, arrival: Arrival) {
        if self.is_nearer(cx, from, arrival) {
            self.depth = self.depth.or_else(|| arrival.depth().map(Hop::next));
            self.adopt(cx, from);
        }
    }

    /// A neighbor wants names only. A link needs no second copy too many for this peer to say the same.
    pub(super) fn on_prune(&mut self, cx: &mut Context, from: &Neighbor) {
        self.lazy.insert(from.slot);
        let is_known = self.is_wanted(from.slot) || self.pruned.contains(from.slot);
        if self.is_fed(cx) && !is_known {
            self.reject(cx, from);
        }
    }

    /// Whether this neighbor feeds this peer, or was asked to.
    fn is_wanted(&self, slot: Slot) -> bool {
        let is_asked = |rival: Rival| rival.slot == slot && rival.is_grafted;
        self.parent == Some(slot) || self.rival.is_some_and(is_asked)
    }

    /// What copies of messages of other sources say of this tree.
    pub(super) fn place(&self, me: NodeId) -> Foreign {
        let depth = if self.source == me { Some(Hop(0)) } else { self.depth };
        let depth = depth.filter(|_| self.source == me || self.parent.is_some());
        Foreign { tree: self.source, depth }
    }

    /// A neighbor that sends payloads had a message earlier than the parent. Returns whether it becomes
    /// the parent.
    fn rival_is_better(&mut self, now: Instant, slot: Slot) -> bool {
        let is_other = |rival: &Rival| rival.slot != slot;
        if self.rival.as_ref().is_none_or(|rival| is_other(rival) && !rival.is_grafted) {
            self.rival = Some(Rival::new(slot, now));
        }
        let rival = self.rival.as_mut().filter(|rival| !is_other(rival));
        rival.is_some_and(|rival| rival.is_grafted || rival.win(now))
    }

    /// Neighbors that send names had announced a message before the parent sent it.
    fn on_announced(&mut self, cx: &mut Context, announcers: &[Announcer]) {
        let others = announcers.iter().filter_map(|it| cx.neighbors.by_link(it.link));
        let mut others = others.map(Neighbor::via).filter(|via| Some(via.slot) != self.parent);
        let held = self.rival.map(|rival| rival.slot);
        let Some(via) = others.find(|via| held.is_none_or(|held| held == via.slot)) else { return };
        let rival = self.rival.get_or_insert_with(|| Rival::new(via.slot, cx.now));
        if rival.win(cx.now) && !rival.is_grafted {
            rival.is_grafted = true;
            self.ask(cx, via);
        }
    }

    /// This neighbor feeds this peer from now on.
    fn adopt(&mut self, cx: &mut Context, from: &Neighbor) {
        (self.parent, self.rival) = (Some(from.slot), None);
        // It was told to send names only, and this message was on its way.
        if self.pruned.contains(from.slot) {
            self.ask(cx, from.via());
        }
    }

    /// The parent sent what another neighbor had sent before: both send, and one is enough. If the
    /// parent's way is no longer, the other one may have been lucky, and its names will show whether it
    /// goes on like this. If it is longer, it may lead through this peer, since the other one feeds it as
    /// well: then the other one is the parent. Of those who feed each other in a circle at least one
    /// finds that.
    pub(super) fn on_parent_late(
        &mut self,
        cx: &mut Context,
        parent: &Neighbor,
        is_as_short: bool,
    ) {
        let Some(ahead) = self.ahead.take() else { return };
        let Some(ahead) = cx.neighbors.iter().find(|it| it.slot == ahead).cloned() else { return };
        if is_as_short {
            self.prune(cx, &ahead);
        } else {
            self.adopt(cx, &ahead);
            self.prune(cx, parent);
        }
    }

    /// A neighbor wants payloads. If it is the parent and misses no message, nobody feeds it, and so
    /// nobody feeds this peer.
    pub(super) fn on_graft(&mut self, cx: &mut Context, from: &Neighbor, misses_nothing: bool) {
        self.lazy.remove(from.slot);
        if misses_nothing && self.parent == Some(from.slot) {
            self.on_parent_lost(cx);
        }
    }

    /// What fed this peer does so no more: any other neighbor may become the parent. All that were pruned
    /// are asked to send, and all but the quickest are pruned again. Where nobody was pruned, all are
    /// fed by this peer: they are asked, and look for parents of their own, if the source still speaks.
    pub(super) fn on_parent_lost(&mut self, cx: &mut Context) {
        let lost = self.parent.take();
        self.rival = None;
        let may_feed = |via: &Via| Some(via.slot) != lost;
        let all: Vec<Via> = cx.neighbors.iter().map(Neighbor::via).filter(may_feed).collect();
        let is_pruned = |via: &&Via| self.pruned.contains(via.slot);
        let pruned: Vec<Via> = all.iter().filter(is_pruned).copied().collect();
        let is_in_use = cx.now.since(self.spoke) < KEPT;
        for via in if pruned.is_empty() && is_in_use { all } else { pruned } {
            self.ask(cx, via);
        }
    }

    fn ask(&mut self, cx: &mut Context, to: Via) {
        self.pruned.remove(to.slot);
        self.lazy.remove(to.slot);
        cx.stats.grafts_sent += 1;
        let graft = Graft { source: self.source, id: None };
        cx.send(to.link, BroadcastMessage::Graft(graft));
    }

    /// This neighbor sends in vain: it is no rival.
    pub(super) fn reject(&mut self, cx: &mut Context, from: &Neighbor) {
        self.rival = self.rival.filter(|rival| rival.slot != from.slot);
        self.prune(cx, from);
    }

    fn prune(&mut self, cx: &mut Context, from: &Neighbor) {
        self.pruned.insert(from.slot);
        self.pruned_at = cx.now;
        cx.stats.prunes_sent += 1;
        cx.send(from.link, BroadcastMessage::Prune(Prune { source: self.source }));
    }
}
