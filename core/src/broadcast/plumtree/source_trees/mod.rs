//! A tree for each of the sources that spoke last. The messages of all others, and statements about
//! members, travel in one of these trees, which each copy names.
//!
//! ```text
//! source ──▶ its neighbors ──▶ ... every peer has one parent in the tree, and asks for it
//! other  ──▶ parent and children ──▶ ... along the same links, in both directions
//! ```
//!
//! A tree has no holes, because nobody gives up the link that feeds it: a peer prunes only whoever is
//! not its parent, and nobody but the peer itself ends what its parent sends. A parent is changed by
//! asking the new one first; the old one is pruned by the first message that the new one was quicker
//! with. A message of another source changes no parent, since it comes from wherever it began.
//!
//! Departure: the paper has one tree for all, or one for each source. A shared tree has holes where the
//! messages of two sources prune it at once, and is short only for whoever was its root; a tree for each
//! of many sources takes room that large networks in one process do not have.
//!
//! A tree has two words: who wants names only, and who was told so. A new neighbor is in neither, so it
//! is eager in all trees (§3.7) without being entered.

#[cfg(test)]
mod tests;
mod tree;

use alloc::vec::Vec;
use core::time::Duration;

use super::arrival::Arrival;
use super::missing::Announcer;
use crate::context::Context;
use crate::id::{Hop, NodeId};
use crate::links::neighbors::{Neighbor, Slot, SlotSet};
use crate::time::Instant;
use crate::util::room::make_room;
use crate::wire::{Foreign, Graft, Route};
use tree::Tree;

/// The trees that a peer has a part in.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceTrees {
    /// Whichever carried a message last is last.
    all: Vec<Tree>,
    /// When this peer said something that was no statement about members: the last times, oldest first.
    spoke: [Option<Instant>; OFTEN],
}

/// A tree whose source has been silent for so long goes if there is no room for another. *Guess: several
/// messages of a source that speaks now and then.*
const KEPT: Duration = Duration::from_secs(30);

/// Whoever has spoken so many times within [`KEPT`] makes a tree with the next message. *Measured, 100
/// and 1,000 peers that crash and come back, two messages a second of any of them: with 1 there are 0.92
/// and 0.18 copies too many, with 3 0.38 and 0.11; the last delivery takes 174 and 342 ms, and 189 and
/// 384.*
const OFTEN: usize = 3;

/// After so long nobody travels in it any more, the source neither: links have gone, and peers have
/// gathered that found no parent in it since. *Guess: the message that makes a new one costs each peer
/// three copies too many.*
const CARRIES: Duration = Duration::from_mins(5);

/// The same holds for a tree that has carried so many messages of others since its source spoke, if that
/// is [`KEPT`] ago.
const WORN: u16 = 128;

/// A peer has room for so many times the trees that sources make: several may make the last one at once.
const ROOM: usize = 2;

impl SourceTrees {
    /// How a message of this peer begins: along its own tree, or along the one that carried the last
    /// message. It makes a tree of its own if it speaks often, and there are not too many, or if
    /// there is no other.
    pub(super) fn choose(&mut self, cx: &Context, is_statement: bool) -> Route {
        let (now, me) = (cx.now, cx.me());
        let is_hot = !is_statement && self.speaks_often(now);
        self.all.retain(|tree| tree.carries(now));
        if let Some(own) = self.find_to_carry(me) {
            own.on_spoken(now);
            return Route::Usual;
        }
        let hot = self.all.iter().filter(|tree| now.since(tree.spoke) < KEPT).count();
        let has_room = hot < cx.config.broadcast.plumtree.trees;
        match self.all.last_mut() {
            Some(last) if !(is_hot && has_room) => {
                last.foreign = last.foreign.saturating_add(1);
                Route::Along(last.place(me))
            }
            Some(_) | None => {
                self.insert(Tree::new(me, now));
                Route::Renewal
            }
        }
    }

    /// Notes that this peer speaks. Returns whether it has done so often.
    fn speaks_often(&mut self, now: Instant) -> bool {
        let [oldest, ..] = self.spoke;
        self.spoke.rotate_left(1);
        self.spoke[OFTEN - 1] = Some(now);
        oldest.is_some_and(|oldest| now.since(oldest) < KEPT)
    }

    /// A new message is about to be spread: there is a tree for it, if there is room, and it is new if
    /// the message says so. A source says so after a silence only, so none can have each of its messages
    /// flooded. Returns whether the message keeps its route.
    pub(super) fn enter(&mut self, cx: &Context, arrival: Arrival) -> bool {
        let is_renewal = arrival.route == Route::Renewal;
        match self.find_mut(arrival.tree) {
            Some(tree) if is_renewal => {
                let may = cx.now.since(tree.spoke) >= KEPT / 2;
                if may {
                    tree.renew(cx);
                }
                may
            }
            Some(_) => true,
            None => {
                if !arrival.is_detour() && self.has_room(cx) {
                    self.insert(Tree::new(arrival.tree, cx.now));
                }
                true
            }
        }
    }

    /// Who does not get the payload of a message that travels like this. Where there was no room for its
    /// tree it goes along another, like a message of another source.
    pub(super) fn lazy(&self, arrival: Arrival) -> SlotSet {
        let named = self.find(arrival.tree);
        let is_own = named.is_some() && arrival.is_own();
        let Some(tree) = named.or_else(|| self.all.last()) else { return SlotSet::default() };
        let mut lazy = tree.lazy;
        if let Some(parent) = tree.parent.filter(|_| !is_own) {
            lazy.remove(parent);
        }
        lazy
    }

    /// How a copy that arrived like this goes on: a message of another source says how deep in the tree
    /// this peer is.
    pub(super) fn onward(&self, cx: &Context, arrival: Arrival) -> Route {
        match arrival.route {
            Route::Usual | Route::Renewal => arrival.route,
            Route::Along(it) | Route::Detour(it) => Route::Along(self.place(cx, it.tree)),
        }
    }

    /// What this peer's copies say of the tree of another source.
    fn place(&self, cx: &Context, tree: NodeId) -> Foreign {
        self.find(tree).map_or(Foreign { tree, depth: None }, |tree| tree.place(cx.me()))
    }

    /// All neighbors get the next payload of this tree.
    pub(super) fn make_all_eager(&mut self, source: NodeId) {
        if let Some(tree) = self.find_mut(source) {
            tree.lazy = SlotSet::default();
        }
    }

    /// A new message came along the tree.
    pub(super) fn on_first_copy(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        arrival: Arrival,
        announcers: &[Announcer],
    ) {
        let Some(tree) = self.find_to_carry(arrival.tree) else { return };
        if arrival.is_own() {
            tree.on_spoken(cx.now);
            tree.on_own(cx, from, arrival.hop, announcers);
        } else {
            tree.foreign = tree.foreign.saturating_add(1);
            tree.on_foreign(cx, from, arrival);
        }
    }

    /// A message came again, on a link that is no branch then, unless it is the one that feeds this peer.
    /// The first copy had travelled over `first` links, if that is known.
    pub(super) fn on_repeated(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        arrival: Arrival,
        first: Option<Hop>,
    ) {
        let Some(tree) = self.find_mut(arrival.tree) else { return };
        if tree.parent == Some(from.slot) {
            if let Some(first) = first.filter(|_| arrival.is_own()) {
                tree.on_parent_late(cx, from, arrival.hop <= first);
            }
        } else if tree.is_fed(cx) {
            tree.reject(cx, from);
        } else {
            tree.follow(cx, from, arrival);
        }
    }

    /// The name of a message came after the message.
    pub(super) fn on_late_name(&mut self, now: Instant, slot: Slot, source: NodeId) {
        let rival = self.find_mut(source).and_then(|tree| tree.rival.as_mut());
        if let Some(rival) = rival.filter(|rival| rival.slot == slot) {
            rival.lose(now);
        }
    }

    /// This neighbor was asked for a message, and to go on sending.
    pub(super) fn on_asked(&mut self, slot: Slot, source: NodeId) {
        if let Some(tree) = self.find_mut(source) {
            tree.lazy.remove(slot);
            tree.pruned.remove(slot);
        }
    }

    /// A neighbor wants the payloads of this tree.
    pub(super) fn on_graft(&mut self, cx: &mut Context, from: &Neighbor, graft: &Graft) {
        if let Some(tree) = self.find_mut(graft.source) {
            tree.on_graft(cx, from, graft.id.is_none());
        }
    }

    /// A neighbor wants names only.
    pub(super) fn on_prune(&mut self, cx: &mut Context, from: &Neighbor, source: NodeId) {
        if let Some(tree) = self.find_mut(source) {
            tree.on_prune(cx, from);
        }
    }

    /// The neighbor of this slot is gone; the next one in it is eager (§3.7).
    pub(super) fn on_neighbor_down(&mut self, cx: &mut Context, slot: Slot) {
        for tree in &mut self.all {
            tree.lazy.remove(slot);
            tree.pruned.remove(slot);
            tree.rival = tree.rival.filter(|rival| rival.slot != slot);
            tree.ahead = tree.ahead.filter(|ahead| *ahead != slot);
            if tree.parent == Some(slot) {
                tree.on_parent_lost(cx);
            }
        }
    }

    fn find(&self, source: NodeId) -> Option<&Tree> {
        self.all.iter().rfind(|tree| tree.source == source)
    }

    fn find_mut(&mut self, source: NodeId) -> Option<&mut Tree> {
        self.all.iter_mut().rfind(|tree| tree.source == source)
    }

    /// The tree of this source, which is about to carry a message.
    fn find_to_carry(&mut self, source: NodeId) -> Option<&mut Tree> {
        let place = self.all.iter().rposition(|tree| tree.source == source)?;
        self.all[place..].rotate_left(1);
        self.all.last_mut()
    }

    fn insert(&mut self, tree: Tree) {
        make_room(&mut self.all);
        self.all.push(tree);
    }

    /// Makes room for one more tree, if the source of one has been silent for long.
    fn has_room(&mut self, cx: &Context) -> bool {
        let max = ROOM * cx.config.broadcast.plumtree.trees;
        let is_silent = |tree: &Tree| cx.now.since(tree.spoke) >= KEPT;
        if self.all.len() >= max
            && let Some(place) = self.all.iter().position(is_silent)
        {
            self.all.remove(place);
        }
        self.all.len() < max
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn slots(&self) -> impl Iterator<Item = SlotSet> + '_ {
        self.all.iter().flat_map(|tree| {
            let mut fed_by = SlotSet::default();
            tree.parent
                .iter()
                .chain(&tree.ahead)
                .chain(tree.rival.as_ref().map(|it| &it.slot))
                .for_each(|slot| fed_by.insert(*slot));
            [tree.lazy, tree.pruned, fed_by]
        })
    }

    /// Whether in some tree this peer told its own parent to send names only.
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn has_pruned_parent(&self) -> bool {
        let is_pruned = |tree: &Tree| tree.parent.is_some_and(|slot| tree.pruned.contains(slot));
        self.all.iter().any(is_pruned)
    }
}
