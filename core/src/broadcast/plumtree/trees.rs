//! The trees: which neighbors get a message at once (eager), which only its name (lazy). There is a tree
//! per source, or, as published, one for all.

use super::arrival::Arrival;
use super::missing::Announcer;
use super::shared_tree::SharedTree;
use super::source_trees::SourceTrees;
use crate::context::Context;
use crate::id::{Hop, NodeId};
use crate::links::neighbors::{Neighbor, Slot, SlotSet};
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{Graft, Route};

/// The trees that a peer has a part in.
#[derive(Clone, Debug)]
pub(super) enum Trees {
    Shared(SharedTree),
    Sources(SourceTrees),
}

impl Trees {
    pub(super) fn new(cx: &Context) -> Self {
        match cx.config.broadcast.plumtree.trees {
            0 => Self::Shared(SharedTree::default()),
            _ => Self::Sources(SourceTrees::default()),
        }
    }

    /// How a message of this peer begins.
    pub(super) fn choose(&mut self, cx: &Context, is_statement: bool) -> Route {
        match self {
            Self::Shared(_) => Route::Usual,
            Self::Sources(trees) => trees.choose(cx, is_statement),
        }
    }

    /// Who does not get the payload of a message that travels like this.
    pub(super) fn lazy(&self, arrival: Arrival) -> SlotSet {
        match self {
            Self::Shared(tree) => tree.lazy,
            Self::Sources(trees) => trees.lazy(arrival),
        }
    }

    /// A new message is about to be spread along its tree. Returns whether it keeps its route: one that
    /// says that its tree grows anew may say so too often.
    pub(super) fn enter(&mut self, cx: &Context, arrival: Arrival) -> bool {
        match self {
            Self::Shared(_) => arrival.route != Route::Renewal,
            Self::Sources(trees) => trees.enter(cx, arrival),
        }
    }

    /// How a copy that arrived like this goes on.
    pub(super) fn onward(&self, cx: &Context, arrival: Arrival) -> Route {
        match self {
            Self::Shared(_) => Route::Usual,
            Self::Sources(trees) => trees.onward(cx, arrival),
        }
    }

    /// All neighbors get the next payload of this tree.
    pub(super) fn make_all_eager(&mut self, source: NodeId) {
        match self {
            Self::Shared(tree) => tree.lazy = SlotSet::default(),
            Self::Sources(trees) => trees.make_all_eager(source),
        }
    }

    /// A new message came along a tree. These had announced it before.
    pub(super) fn on_first_copy(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        arrival: Arrival,
        announcers: &[Announcer],
    ) {
        match self {
            Self::Shared(tree) => tree.on_first_copy(cx, from, arrival, announcers),
            Self::Sources(trees) => trees.on_first_copy(cx, from, arrival, announcers),
        }
    }

    /// A message came again. Its first copy had travelled over `first` links, if that is known.
    pub(super) fn on_repeated(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        arrival: Arrival,
        first: Option<Hop>,
    ) {
        match self {
            Self::Shared(tree) => tree.prune(cx, from, arrival.tree),
            Self::Sources(trees) => trees.on_repeated(cx, from, arrival, first),
        }
    }

    /// The name of a message came after the message.
    pub(super) fn on_late_name(&mut self, cx: &Context, slot: Slot, source: NodeId) {
        if let Self::Sources(trees) = self {
            trees.on_late_name(cx.now, slot, source);
        }
    }

    /// This neighbor was asked for a message, and to go on sending (§3.5).
    pub(super) fn on_asked(&mut self, slot: Slot, source: NodeId) {
        match self {
            Self::Shared(tree) => tree.lazy.remove(slot),
            Self::Sources(trees) => trees.on_asked(slot, source),
        }
    }

    /// A neighbor wants the payloads of this tree (§3.5).
    pub(super) fn on_graft(&mut self, cx: &mut Context, from: &Neighbor, graft: &Graft) {
        match self {
            Self::Shared(tree) => tree.lazy.remove(from.slot),
            Self::Sources(trees) => trees.on_graft(cx, from, graft),
        }
    }

    /// A neighbor wants names only (§3.3).
    pub(super) fn on_prune(&mut self, cx: &mut Context, from: &Neighbor, source: NodeId) {
        match self {
            Self::Shared(tree) => tree.lazy.insert(from.slot),
            Self::Sources(trees) => trees.on_prune(cx, from, source),
        }
    }

    /// The neighbor of this slot is gone; the next one in it is eager (§3.7).
    pub(super) fn on_neighbor_down(&mut self, cx: &mut Context, slot: Slot) {
        match self {
            Self::Shared(tree) => tree.release(slot),
            Self::Sources(trees) => trees.on_neighbor_down(cx, slot),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Shared(_) => 1,
            Self::Sources(trees) => trees.len(),
        }
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn invariants(&self, slots: SlotSet) -> Broken {
        let is_within = match self {
            Self::Shared(tree) => tree.lazy.is_within(slots),
            Self::Sources(trees) => trees.slots().all(|set| set.is_within(slots)),
        };
        holds(is_within, "a tree knows a neighbor that is none")?;
        let Self::Sources(trees) = self else { return Ok(()) };
        holds(!trees.has_pruned_parent(), "a parent was told to send names only")
    }
}
