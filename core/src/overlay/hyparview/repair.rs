//! Filling free slots of the active view (HyParView §4.3).
//!
//! ```text
//! peer with a free slot                peer of its passive view
//!   Hello { Neighbor { isolated } } ──▶
//!                                   ◀──  Welcome          neighbors
//!                                   ◀──  Refuse { Busy }  next candidate, this one later
//! ```

use super::{HyParView, Search};
use crate::address::AddressRecord;
use crate::context::Context;
use crate::links::{DialReason, Owner, Target};
use crate::overlay::is_free;
use crate::wire::Purpose;

impl HyParView {
    /// Dials as many candidates as slots are free, and says whether nothing is left to start.
    /// `is_lost` says whom the detector is redialing; those are left to it.
    pub(crate) fn top_up(
        &mut self,
        cx: &mut Context,
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) -> bool {
        self.reconnect(cx, &is_lost);
        self.mix(cx, &is_lost);
        if cx.neighbors.len() >= cx.config.overlay.hyparview.active {
            self.search = None;
            self.passive.wake_all();
            return true;
        }
        if cx.neighbors.is_empty() && !self.has_joined {
            return self.join(cx, &is_lost);
        }
        if cx.now < self.held_until && !cx.neighbors.is_empty() {
            return false;
        }
        let search = self.search.get_or_insert(Search { since: cx.now, insists: false });
        if core::mem::take(&mut search.insists) {
            self.insist(cx, &is_lost);
        }
        while self.free_slots(cx) > 0 {
            let candidate = self.candidate(cx, false, &is_lost);
            let Some(candidate) = candidate else { return false };
            // The paper's two priorities: high without any neighbor, else low (§4.3).
            dial(cx, &candidate, DialReason::Repair, cx.neighbors.is_empty());
        }
        !self.xbot.awaits(cx)
    }

    /// Departure: the paper has high priority only without any neighbor. But where all others are
    /// full, only this fills two free slots: whoever is dropped takes one of them over.
    fn insist(&mut self, cx: &mut Context, is_lost: impl Fn(&AddressRecord) -> bool) {
        if let Some(candidate) = self.candidate(cx, true, is_lost) {
            dial(cx, &candidate, DialReason::Repair, true);
        }
    }

    /// A newcomer asks one peer at a time to be its contact (§4.2).
    fn join(&mut self, cx: &mut Context, is_lost: impl Fn(&AddressRecord) -> bool) -> bool {
        if cx.links.overlay_dials().next().is_some() {
            return true;
        }
        let Some(contact) = self.candidate(cx, false, is_lost) else { return false };
        cx.dial(Target::Node(&contact), Purpose::Join, Owner::Overlay(DialReason::Join));
        true
    }

    /// Dials one of the lost, once per refresh. Its half of a healed partition may be full, so it
    /// is asked with high priority.
    fn reconnect(&mut self, cx: &mut Context, is_lost: impl Fn(&AddressRecord) -> bool) {
        if !core::mem::take(&mut self.reconnects) {
            return;
        }
        let is_free =
            |cx: &Context, record: &AddressRecord| is_free(cx, record) && !is_lost(record);
        if let Some(lost) = self.lost_neighbors.draw(cx, is_free) {
            dial(cx, &lost, DialReason::Reconnect, true);
        }
    }

    /// Dials a stranger with high priority, to mix a small overlay.
    fn mix(&mut self, cx: &mut Context, is_lost: impl Fn(&AddressRecord) -> bool) {
        let Some(stranger) = self.split_healing.take() else { return };
        if is_free(cx, &stranger) && !is_lost(&stranger) {
            dial(cx, &stranger, DialReason::SplitHealing, true);
        }
    }

    pub(super) fn candidate(
        &self,
        cx: &mut Context,
        if_resting: bool,
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) -> Option<AddressRecord> {
        let is_free =
            |cx: &Context, record: &AddressRecord| is_free(cx, record) && !is_lost(record);
        self.passive.candidate(cx, if_resting, is_free).cloned()
    }

    /// Slots for which there is neither a neighbor nor a dial, nor one kept after a swap. Without any
    /// neighbor none is kept.
    pub(super) fn free_slots(&self, cx: &Context) -> usize {
        let active = cx.config.overlay.hyparview.active;
        let kept = usize::from(!cx.neighbors.is_empty() && self.xbot.awaits(cx));
        active.saturating_sub(cx.neighbors.len() + cx.links.overlay_dials().count() + kept)
    }
}

/// Begins to become neighbors. `isolated` is the paper's high priority.
pub(super) fn dial(cx: &mut Context, to: &AddressRecord, reason: DialReason, isolated: bool) {
    cx.dial(Target::Node(to), Purpose::Neighbor { isolated }, Owner::Overlay(reason));
}
