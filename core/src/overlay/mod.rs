//! Who are my neighbors: the overlays, and the book of peers they dial from.

pub(crate) mod address_book;
pub(crate) mod admission;
pub(crate) mod config;
pub(crate) mod hyparview;
pub(crate) mod message;
pub(crate) mod random;
pub(crate) mod timer;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::config::OverlayKind;
use crate::context::Context;
use crate::event::NeighborLoss;
use crate::id::{LinkId, NodeId};
use crate::links::neighbors::Neighbor;
use crate::links::{DialReason, Failure};
use crate::overlay::admission::Admission;
use crate::overlay::message::OverlayMessage;
use crate::overlay::timer::OverlayTimer;
use crate::snapshot::KnownSnapshot;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{Bye, Ping, Refusal};
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
        cx.arm(OverlayTimer::Refresh, refresh);
        match cx.config.overlay.kind {
            OverlayKind::Random | OverlayKind::PowerLaw => Self::Random(RandomOverlay::default()),
            OverlayKind::HyParView => Self::HyParView(Box::new(HyParView::new(cx))),
        }
    }

    /// Time for what this part armed. `is_lost` says whom the detector is redialing; those are left to
    /// it.
    pub(crate) fn on_timer(
        &mut self,
        cx: &mut Context,
        timer: OverlayTimer,
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) {
        match (timer, self) {
            (OverlayTimer::Refresh, Self::Random(random)) => random.on_refresh_timer(cx),
            (OverlayTimer::Refresh, Self::HyParView(hyparview)) => hyparview.on_refresh_timer(cx),
            (OverlayTimer::Isolated, Self::Random(random)) => random.on_isolated_timer(cx),
            (OverlayTimer::Isolated, Self::HyParView(hyparview)) => {
                hyparview.on_isolated_timer(cx);
            }
            (OverlayTimer::Shuffle, Self::HyParView(hyparview)) => hyparview.on_shuffle_timer(cx),
            (OverlayTimer::Optimize, Self::HyParView(hyparview)) => {
                hyparview.on_optimize_timer(cx, is_lost);
            }
            (timer, Self::Random(_)) => unreachable!("this overlay never arms {timer:?}"),
        }
    }

    /// A message of this part came from a neighbor.
    pub(crate) fn on_message(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        message: OverlayMessage,
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) {
        match (message, self) {
            (OverlayMessage::ForwardJoin(join), Self::HyParView(hyparview)) => {
                hyparview.on_forward_join(cx, from, *join);
            }
            (OverlayMessage::Shuffle(shuffle), Self::HyParView(hyparview)) => {
                hyparview.on_shuffle(cx, from, *shuffle);
            }
            (OverlayMessage::Replace { with }, Self::HyParView(hyparview)) => {
                hyparview.on_replace(cx, from, &with, is_lost);
            }
            (message, _) => cx.tell_unexpected(from.link, message.name()),
        }
    }

    /// A message came on a link that was opened to answer a shuffle.
    pub(crate) fn on_shuffle_message(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        message: OverlayMessage,
    ) {
        match (message, self) {
            (OverlayMessage::ShuffleReply { sample }, Self::HyParView(hyparview)) => {
                hyparview.on_shuffle_reply(cx, &sample);
                cx.close(link, Bye::Done);
            }
            (message, _) => cx.tell_unexpected(link, message.name()),
        }
    }

    /// How many neighbors a peer may have.
    pub(crate) fn max_neighbors(&self, cx: &Context) -> usize {
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

    /// A welcomed dial finds `max_neighbors` of them. Returns the one that goes for it, if it is worth one.
    pub(crate) fn on_crowded(&self, cx: &mut Context, reason: DialReason) -> Option<LinkId> {
        match self {
            Self::Random(_) => None,
            Self::HyParView(_) => HyParView::on_crowded(cx, reason),
        }
    }

    /// A neighbor is up, by whichever dial; another one to the same node is given up.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        match self {
            Self::Random(random) => random.on_neighbor_up(cx, up),
            Self::HyParView(hyparview) => hyparview.on_neighbor_up(cx, up),
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

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        let is_within = cx.neighbors.len() <= self.max_neighbors(cx);
        holds(is_within, "more neighbors than it may have")?;
        match self {
            Self::Random(random) => random.invariants(cx),
            Self::HyParView(hyparview) => hyparview.invariants(cx),
        }
    }

    /// Whether others may join through this peer, and be brought nearer.
    pub(crate) const fn takes_joins(&self) -> bool {
        matches!(self, Self::HyParView(_))
    }

    /// Somebody joined here, and is a neighbor now.
    pub(crate) fn on_join(&self, cx: &mut Context, link: LinkId) {
        if let (Self::HyParView(_), Some(joiner)) = (self, cx.neighbors.by_link(link).cloned()) {
            HyParView::on_join(cx, &joiner);
        }
    }

    /// Somebody found no room here, perhaps because dead neighbors take it.
    pub(crate) fn on_busy(&mut self, cx: &mut Context, requester: &AddressRecord) {
        if let Self::HyParView(hyparview) = self {
            hyparview.on_busy(cx, requester);
        }
    }
}

/// The search for nearer neighbors.
impl Overlay {
    /// A pong came from somebody who may be near.
    pub(crate) fn on_candidate_pong(&mut self, cx: &mut Context, link: LinkId, pong: &Ping) {
        if let Self::HyParView(hyparview) = self {
            hyparview.on_candidate_pong(cx, link, pong);
        }
    }

    pub(crate) fn on_candidate_welcomed(&mut self, cx: &mut Context, link: LinkId) {
        if let Self::HyParView(hyparview) = self {
            hyparview.on_candidate_welcomed(cx, link);
        }
    }

    pub(crate) fn on_candidate_failed(&mut self, cx: &Context, link: LinkId, failure: &Failure) {
        if let Self::HyParView(hyparview) = self {
            hyparview.on_candidate_failed(cx, link, failure);
        }
    }

    pub(crate) fn on_candidate_ended(&mut self, link: LinkId) {
        if let Self::HyParView(hyparview) = self {
            hyparview.on_candidate_ended(link);
        }
    }

    /// Whether somebody so near, who gives up `old`, is let in.
    pub(crate) fn admit_near(
        &self,
        cx: &mut Context,
        old: NodeId,
        round_trip: Duration,
    ) -> Admission {
        match self {
            Self::Random(_) => Admission::Refuse(Refusal::Busy),
            Self::HyParView(hyparview) => hyparview.admit_near(cx, old, round_trip),
        }
    }

    /// The candidate agrees. Returns who goes for it, and its round trip; `None` when nothing was
    /// offered.
    pub(crate) fn on_optimization_reply(
        &mut self,
        cx: &Context,
        link: LinkId,
    ) -> Option<(LinkId, Duration)> {
        match self {
            Self::Random(_) => None,
            Self::HyParView(hyparview) => hyparview.on_optimization_reply(cx, link),
        }
    }

    /// This neighbor is one because it is near.
    pub(crate) fn choose(&mut self, cx: &Context, link: LinkId, round_trip: Option<Duration>) {
        if let Self::HyParView(hyparview) = self {
            hyparview.choose(cx, link, round_trip);
        }
    }
}

/// Whether this peer has nothing to do with the record's subject yet: it is no neighbor, and the overlay
/// does not dial it.
pub(crate) fn is_free(cx: &Context, record: &AddressRecord) -> bool {
    let prefix = record.subject().prefix();
    !cx.neighbors.holds(prefix, record) && !cx.links.is_overlay_dialing(prefix, record)
}
