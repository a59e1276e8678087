//! The overlay `hyparview` (Leitão, Pereira, Rodrigues, DSN 2007): a small active view of symmetric
//! links, and a larger passive view of peers to replace them with.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::NeighborLoss;
use crate::id::{LinkId, NodeId};
use crate::links::{Failure, Links};
use crate::neighbors::{Neighbor, Neighbors};
use crate::snapshot::KnownSnapshot;
use crate::time::Instant;
use crate::wire::{ForwardJoin, Shuffle};

/// A peer's views.
#[derive(Clone, Debug)]
pub(crate) struct HyParView {}

impl HyParView {
    pub(crate) fn new(_cx: &mut Context) -> Self {
        Self {}
    }

    pub(crate) fn top_up(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _is_lost: impl Fn(&AddressRecord) -> bool,
    ) -> bool {
        true
    }

    pub(crate) fn on_isolated_timer(&mut self) {}

    pub(crate) fn on_refresh_timer(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
    ) -> bool {
        true
    }

    pub(crate) fn on_shuffle_timer(&mut self, _cx: &mut Context, _neighbors: &Neighbors) {}

    pub(crate) fn on_list(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _peers: &[AddressRecord],
    ) {
    }

    /// A peer joined here and is a neighbor now: let others hear of it.
    pub(crate) fn on_join(
        &mut self,
        _cx: &mut Context,
        _neighbors: &Neighbors,
        _joiner: &Neighbor,
    ) {
    }

    pub(crate) fn on_forward_join(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _from: &Neighbor,
        _join: ForwardJoin,
    ) {
    }

    pub(crate) fn on_shuffle(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _from: &Neighbor,
        _shuffle: Shuffle,
    ) {
    }

    /// The origin of a shuffle welcomes the reply on a link of its own.
    pub(crate) fn on_reply_welcomed(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _link: LinkId,
    ) {
    }

    /// The origin of a shuffle cannot be reached.
    pub(crate) fn on_reply_failed(&mut self, _link: LinkId) {}

    pub(crate) fn on_shuffle_reply(
        &mut self,
        _cx: &mut Context,
        _neighbors: &Neighbors,
        _sample: &[AddressRecord],
    ) {
    }

    pub(crate) fn on_neighbor_up(
        &mut self,
        _cx: &mut Context,
        _links: &mut Links,
        _neighbors: &Neighbors,
        _up: &Neighbor,
    ) -> Option<LinkId> {
        None
    }

    pub(crate) fn on_neighbor_down(
        &mut self,
        _cx: &mut Context,
        _down: &Neighbor,
        _why: NeighborLoss,
    ) {
    }

    pub(crate) fn is_dialing(&self, _subject: NodeId) -> bool {
        false
    }

    pub(crate) fn on_failed(&mut self, _cx: &mut Context, _link: LinkId, _failure: &Failure) {}

    pub(crate) fn forget(&mut self, _subject: NodeId) {}

    /// The passive view.
    pub(crate) fn known(&self, _now: Instant) -> Vec<KnownSnapshot> {
        Vec::new()
    }

    /// A random peer of the passive view.
    pub(crate) fn stranger(&self, _cx: &mut Context) -> Option<AddressRecord> {
        None
    }
}
