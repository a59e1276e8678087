//! The one tree that all sources share, as it was published (§3): `trees` = 0. Whoever sent a message
//! first is eager, whoever sent it again is lazy, on both sides of the link.
//!
//! Two messages on their way at once can make a peer prune both links over which it is reached. Then
//! the next message waits until its name has been announced for t1: see `source_trees` for trees
//! without such holes.

use super::arrival::Arrival;
use super::missing::Announcer;
use crate::context::Context;
use crate::id::NodeId;
use crate::links::neighbors::{Neighbor, Slot, SlotSet};
use crate::wire::{BroadcastMessage, Graft, Prune};

/// Its lazy neighbors.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SharedTree {
    pub(super) lazy: SlotSet,
}

impl SharedTree {
    /// A new message came along the tree (Algorithm 1). If one of those that announced it before is so
    /// much nearer to the source, that one becomes the parent, by a graft that asks for nothing, and the
    /// old parent is pruned (§3.8).
    pub(super) fn on_first_copy(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        arrival: Arrival,
        announcers: &[Announcer],
    ) {
        self.lazy.remove(from.slot);
        let threshold = cx.config.broadcast.plumtree.threshold;
        let is_near = |it: &&Announcer| arrival.hop.0.saturating_sub(it.hop.0) >= threshold;
        let mut near = announcers.iter().filter(is_near);
        let over = near.find_map(|it| cx.neighbors.by_link(it.link)).map(Neighbor::via);
        let Some(over) = over.filter(|over| over.slot != from.slot) else { return };
        self.lazy.remove(over.slot);
        cx.stats.grafts_sent += 1;
        let graft = Graft { source: arrival.tree, id: None };
        cx.send(over.link, BroadcastMessage::Graft(graft));
        self.prune(cx, from, arrival.tree);
    }

    /// A message came twice: the second link is no branch (§3.3). Also when it is none here already, for
    /// then the other side holds it for one.
    pub(super) fn prune(&mut self, cx: &mut Context, from: &Neighbor, source: NodeId) {
        self.lazy.insert(from.slot);
        cx.stats.prunes_sent += 1;
        cx.send(from.link, BroadcastMessage::Prune(Prune { source }));
    }

    pub(super) const fn release(&mut self, slot: Slot) {
        self.lazy.remove(slot);
    }
}
