//! The broadcast `plumtree` (Leitão, Pereira, Rodrigues, SRDS 2007): messages travel along a tree that
//! they find themselves, names of messages on the other links.

use alloc::sync::Arc;

use crate::context::Context;
use crate::id::MessageId;
use crate::messaging::{Envelope, Payload, Topic};
use crate::neighbors::{Neighbor, Neighbors};
use crate::wire::{Digest, Gossip, Graft, IHave, Prune};

/// A peer's messages and its part of the trees.
#[derive(Clone, Debug)]
pub(crate) struct Plumtree {}

impl Plumtree {
    pub(crate) fn new(_cx: &mut Context, _salt: u64) -> Self {
        Self {}
    }

    pub(crate) fn publish(&mut self, _cx: &mut Context, _to: &Neighbors, _: Topic, _: Payload) {}

    pub(crate) fn on_gossip(
        &mut self,
        _cx: &mut Context,
        _neighbors: &Neighbors,
        _from: &Neighbor,
        _gossip: Gossip,
    ) -> Option<Arc<Envelope>> {
        None
    }

    pub(crate) fn on_ihave(&mut self, _cx: &mut Context, _from: &Neighbor, _have: &[IHave]) {}

    pub(crate) fn on_graft(&mut self, _cx: &mut Context, _from: &Neighbor, _graft: &Graft) {}

    pub(crate) fn on_prune(&mut self, _cx: &mut Context, _from: &Neighbor, _prune: &Prune) {}

    /// Time to send the announcements that were gathered.
    pub(crate) fn on_ihave_timer(&mut self, _cx: &mut Context, _neighbors: &Neighbors) {}

    /// An announced message is overdue.
    pub(crate) fn on_graft_timer(&mut self, _cx: &mut Context, _neighbors: &Neighbors) {}

    pub(crate) fn on_neighbor_up(&mut self, _cx: &mut Context, _up: &Neighbor) {}

    pub(crate) fn on_neighbor_down(&mut self, _cx: &mut Context, _down: &Neighbor, _is_lost: bool) {
    }

    pub(crate) fn on_digest_timer(&mut self, _cx: &mut Context, _neighbors: &Neighbors) {}

    pub(crate) fn on_digest(&mut self, _cx: &mut Context, _from: &Neighbor, _digest: &Digest) {}

    pub(crate) fn on_pull(&mut self, _cx: &mut Context, _from: &Neighbor, _ids: &[MessageId]) {}

    pub(crate) fn stored(&self) -> usize {
        0
    }

    pub(crate) fn seen(&self) -> usize {
        0
    }
}
