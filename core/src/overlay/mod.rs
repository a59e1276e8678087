//! Who are my neighbors: the overlays, and the book of peers they dial from.

pub(crate) mod address_book;
pub(crate) mod admission;
pub(crate) mod hyparview;
pub(crate) mod random;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::config::OverlayKind;
use crate::context::Context;
use crate::event::NeighborLoss;
use crate::id::{LinkId, NodeId};
use crate::links::neighbors::Neighbor;
use crate::links::{DialReason, Failure};
use crate::snapshot::KnownSnapshot;
use crate::timers::Timer;
use hyparview::HyParView;
use random::RandomOverlay;

/// A peer's choice of neighbors, by the overlay of its settings.
#[derive(Clone, Debug)]
pub(crate) enum Overlay {
    /// `random` and `power-law`.
    Random(RandomOverlay),
    HyParView(Box<HyParView>),
}

impl Overlay {
    pub(crate) fn new(cx: &mut Context) -> Self {
        let refresh = cx.rng.jitter(cx.config.overlay.refresh);
        cx.arm(Timer::Refresh, refresh);
        match cx.config.overlay.kind {
            OverlayKind::Random | OverlayKind::PowerLaw => Self::Random(RandomOverlay::default()),
            OverlayKind::HyParView => Self::HyParView(Box::new(HyParView::new(cx))),
        }
    }

    /// How many neighbors a peer may have.
    pub(crate) fn most(&self, cx: &Context) -> usize {
        match self {
            Self::Random(_) => cx.config.overlay.max_links,
            Self::HyParView(_) => cx.config.overlay.hyparview.active,
        }
    }

    /// Starts what is wanted: dials until enough links are open or under way. Returns whether that
    /// many are. `is_lost` says whom the detector is redialing; those are left to it.
    pub(crate) fn top_up(
        &mut self,
        cx: &mut Context,
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) -> bool {
        match self {
            Self::Random(random) => random.top_up(cx, is_lost),
            Self::HyParView(hyparview) => hyparview.top_up(cx, is_lost),
        }
    }

    /// Still without any link: everybody may be tried again.
    pub(crate) fn on_isolated_timer(&mut self) {
        match self {
            Self::Random(random) => random.on_isolated_timer(),
            Self::HyParView(hyparview) => hyparview.on_isolated_timer(),
        }
    }

    /// Time for a fresh sample. Returns whether the seed nodes shall be asked for it.
    pub(crate) fn on_refresh_timer(&mut self, cx: &mut Context) -> bool {
        match self {
            Self::Random(random) => {
                random.on_refresh_timer(cx);
                true
            }
            Self::HyParView(hyparview) => hyparview.on_refresh_timer(cx),
        }
    }

    /// A seed node's list came.
    pub(crate) fn on_list(
        &mut self,
        cx: &mut Context,
        peers: &[AddressRecord],
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) {
        match self {
            Self::Random(random) => random.on_list(cx, peers, is_lost),
            Self::HyParView(hyparview) => hyparview.on_list(cx, peers),
        }
    }

    /// A welcomed dial finds `most` neighbors. Returns the one that goes for it, if it is worth one.
    pub(crate) fn on_crowded(&self, cx: &mut Context, reason: DialReason) -> Option<LinkId> {
        match self {
            Self::Random(_) => None,
            Self::HyParView(_) => HyParView::on_crowded(cx, reason),
        }
    }

    /// A neighbor is up, by whichever dial; another one to the same node is given up. Returns a
    /// link to drop for it.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) -> Option<LinkId> {
        match self {
            Self::Random(random) => random.on_neighbor_up(cx, up),
            Self::HyParView(hyparview) => {
                hyparview.on_neighbor_up(cx, up);
                None
            }
        }
    }

    /// A neighbor is gone.
    pub(crate) fn on_neighbor_down(
        &mut self,
        cx: &mut Context,
        down: &Neighbor,
        reason: NeighborLoss,
    ) {
        match (self, reason) {
            (Self::Random(random), NeighborLoss::Left | NeighborLoss::Garbled) => {
                random.forget(down.id());
            }
            (Self::Random(random), NeighborLoss::Bye(_) | NeighborLoss::Dropped(_)) => {
                random.rest(cx, down.id());
            }
            (Self::Random(_), NeighborLoss::LinkLost(_)) => {}
            (Self::HyParView(hyparview), reason) => hyparview.on_neighbor_down(cx, down, reason),
        }
    }

    /// A dial for a neighbor failed.
    pub(crate) fn on_failed(
        &mut self,
        cx: &Context,
        reason: DialReason,
        to: NodeId,
        failure: &Failure,
    ) {
        match self {
            Self::Random(random) => random.on_failed(cx, to, failure),
            Self::HyParView(hyparview) => hyparview.on_failed(cx, reason, to, failure),
        }
    }

    /// Forgets a peer that left or died.
    pub(crate) fn forget(&mut self, subject: NodeId) {
        match self {
            Self::Random(random) => random.forget(subject),
            Self::HyParView(hyparview) => hyparview.forget(subject),
        }
    }

    /// A random known peer that is no neighbor, to compare messages with.
    pub(crate) fn stranger(&self, cx: &mut Context) -> Option<AddressRecord> {
        match self {
            Self::Random(random) => random.stranger(cx),
            Self::HyParView(hyparview) => hyparview.stranger(cx),
        }
    }

    pub(crate) fn known(&self, cx: &Context) -> Vec<KnownSnapshot> {
        match self {
            Self::Random(random) => random.known(cx.now),
            Self::HyParView(hyparview) => hyparview.known(cx.now),
        }
    }

    pub(crate) fn as_hyparview(&mut self) -> Option<&mut HyParView> {
        match self {
            Self::Random(_) => None,
            Self::HyParView(hyparview) => Some(hyparview),
        }
    }
}

/// Whether this peer has nothing to do with the record's subject yet: it is no neighbor, and the overlay
/// does not dial it.
pub(crate) fn is_free(cx: &Context, record: &AddressRecord) -> bool {
    let subject = record.subject();
    cx.neighbors.by_id(subject).is_none()
        && !cx.links.overlay_dials().any(|(.., to)| to.subject() == subject)
}
