//! Newcomers on their random walks: JOIN and FORWARDJOIN (HyParView §4.2, Algorithm 1).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::HyParView;
use super::repair::dial;
use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::NodeId;
use crate::links::DialReason;
use crate::links::neighbors::Neighbor;
use crate::overlay::is_free;
use crate::rng::Stream;
use crate::wire::{ForwardJoin, OverlayMessage};

impl HyParView {
    /// A peer joined here and is a neighbor now: all other neighbors hear of it (Algorithm 1,
    /// "upon receive Join").
    pub(crate) fn on_join(cx: &mut Context, joiner: &Neighbor) {
        let ttl = cx.config.overlay.hyparview.active_walk;
        for link in cx.neighbors.links().into_iter().filter(|link| *link != joiner.link) {
            let join = ForwardJoin { joiner: joiner.record.clone(), ttl };
            cx.send(link, OverlayMessage::ForwardJoin(Box::new(join)));
        }
    }

    /// A newcomer's walk comes by (Algorithm 1, "upon receive `ForwardJoin`").
    pub(crate) fn on_forward_join(&mut self, cx: &mut Context, from: &Neighbor, join: ForwardJoin) {
        let ForwardJoin { joiner, ttl } = join;
        if joiner.subject() == cx.me() {
            return;
        }
        // A stranger may write any number. Nobody of this network writes a greater one than this.
        let ttl = ttl.min(cx.config.overlay.hyparview.active_walk);
        let next = next_stop(cx, &[from.id(), joiner.subject()]);
        let Some(next) = next.filter(|_| ttl > 0 && !self.is_wanted_here(cx, ttl)) else {
            Self::dial_joiner(cx, &joiner);
            return;
        };
        if ttl == cx.config.overlay.hyparview.passive_walk {
            let named = core::slice::from_ref(&joiner);
            self.passive.integrate(cx, named, &mut Vec::new());
        }
        let join = ForwardJoin { joiner, ttl: ttl - 1 };
        cx.send(next.link, OverlayMessage::ForwardJoin(Box::new(join)));
    }

    /// Departure: a walk also ends in its second half at a peer with a free slot, because that one
    /// needs a neighbor as the newcomer does, and nobody has to lose one for it. Not in the first
    /// half: there the two would have neighbors in common, and the graph would be less random.
    fn is_wanted_here(&self, cx: &Context, ttl: u8) -> bool {
        let config = &cx.config.overlay.hyparview;
        ttl <= config.passive_walk && self.free_slots(cx) > 0
    }

    /// A walk ends. The paper adds the newcomer to the active view. It must agree, for its own view
    /// may be full by now; only then a neighbor goes for it, see
    /// [`on_crowded`](HyParView::on_crowded).
    fn dial_joiner(cx: &mut Context, joiner: &AddressRecord) {
        if !is_free(cx, joiner) {
            return;
        }
        if cx.links.overlay_dials().count() >= cx.config.overlay.hyparview.active {
            cx.stats.limits.dials += 1;
            return;
        }
        dial(cx, joiner, DialReason::Walk, false);
    }
}

/// A random neighbor, but none of these.
pub(super) fn next_stop(cx: &mut Context, not: &[NodeId]) -> Option<Neighbor> {
    let others: Vec<&Neighbor> = cx.neighbors.iter().filter(|it| !not.contains(&it.id())).collect();
    cx.rng.index(Stream::Walk, others.len()).map(|drawn| others[drawn].clone())
}
