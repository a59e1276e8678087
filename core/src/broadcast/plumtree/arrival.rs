//! What the trees read of a copy that arrived, or begins.

use crate::id::{Hop, NodeId};
use crate::wire::{Gossip, Route};

/// A copy that arrived along a tree.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// The source whose tree it is.
    pub(super) tree: NodeId,
    pub(super) route: Route,
    pub(super) hop: Hop,
}

impl Arrival {
    pub(super) fn of(gossip: &Gossip) -> Self {
        Self::new(gossip.envelope.origin(), gossip.route, gossip.hop)
    }

    pub(super) fn new(origin: NodeId, route: Route, hop: Hop) -> Self {
        Self { tree: route.tree().unwrap_or(origin), route, hop }
    }

    /// Whether it is the tree's own source that said it. Messages of others travel in the tree from
    /// wherever they began.
    pub(super) fn is_own(&self) -> bool {
        self.route.tree().is_none()
    }

    /// How deep in another source's tree the sender is.
    pub(super) const fn depth(&self) -> Option<Hop> {
        match self.route {
            Route::Usual | Route::Renewal => None,
            Route::Along(it) | Route::Detour(it) => it.depth,
        }
    }

    /// Whether it left the tree on its way.
    pub(super) const fn is_detour(&self) -> bool {
        matches!(self.route, Route::Detour(_))
    }
}
