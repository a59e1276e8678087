//! Who is alive: the detectors `strikes`, `connect` and `swim`.

pub(crate) mod config;
pub(crate) mod strikes;
pub(crate) mod swim;

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::config::DetectorKind;
use crate::context::Context;
use crate::detector::strikes::timer::StrikesTimer;
use crate::detector::swim::timer::SwimTimer;
use crate::event::NeighborLoss;
use crate::id::{LinkId, NodeId};
use crate::links::neighbors::Neighbor;
use crate::links::{Failure, Owner};
use crate::messaging::Envelope;
use crate::snapshot::{MemberSnapshot, SuspicionSnapshot};
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::Broken;
use crate::wire::{Ping, Statement, SwimMessage};
use strikes::Strikes;
use swim::Swim;

/// A peer's watch over others, by the detector of its settings.
#[derive(Clone, Debug)]
pub(crate) enum Detector {
    /// `strikes` and `connect`.
    Strikes(Strikes),
    Swim(Box<Swim>),
}

impl Detector {
    pub(crate) fn new(cx: &mut Context) -> Self {
        match cx.config.detector.kind {
            DetectorKind::Strikes | DetectorKind::Connect => Self::Strikes(Strikes::default()),
            DetectorKind::Swim => Self::Swim(Box::new(Swim::new(cx))),
        }
    }

    /// Time for what `strikes` armed.
    pub(crate) fn on_strikes_timer(&mut self, cx: &mut Context, timer: StrikesTimer) {
        match self {
            Self::Strikes(strikes) => strikes.on_timer(cx, timer),
            Self::Swim(_) => unreachable!("swim never arms {timer:?}"),
        }
    }

    /// Time for what `swim` armed.
    pub(crate) fn on_swim_timer(&mut self, cx: &mut Context, timer: SwimTimer) {
        match self {
            Self::Strikes(_) => unreachable!("strikes never arms {timer:?}"),
            Self::Swim(swim) => swim.on_timer(cx, timer),
        }
    }

    /// A message of `swim` came from a neighbor.
    pub(crate) fn on_neighbor_message(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        message: SwimMessage,
    ) {
        match self {
            Self::Strikes(_) => cx.tell_unexpected(from.link, message.name()),
            Self::Swim(swim) => swim.on_neighbor_message(cx, from, message),
        }
    }

    /// A message of `swim` came on a link that was opened for one question.
    pub(crate) fn on_request_message(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        message: SwimMessage,
    ) {
        match self {
            Self::Strikes(_) => cx.tell_unexpected(link, message.name()),
            Self::Swim(swim) => swim.on_request_message(cx, link, message),
        }
    }

    /// A message under the reserved topic came on this link.
    pub(crate) fn on_reserved(&mut self, cx: &mut Context, link: LinkId, envelope: &Envelope) {
        match self {
            Self::Strikes(_) => {}
            Self::Swim(swim) => swim.on_reserved(cx, link, envelope),
        }
    }

    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        match self {
            Self::Strikes(strikes) => strikes.on_neighbor_up(cx, up),
            Self::Swim(swim) => swim.on_neighbor_up(cx, up),
        }
    }

    /// A neighbor is gone.
    pub(crate) fn on_neighbor_down(
        &mut self,
        cx: &mut Context,
        down: &Neighbor,
        reason: NeighborLoss,
    ) {
        match self {
            Self::Strikes(strikes) => strikes.on_neighbor_down(cx, down, reason),
            Self::Swim(swim) => swim.on_neighbor_down(cx, down, reason),
        }
    }

    /// A dial of a detector was welcomed.
    pub(crate) fn on_welcomed(&mut self, cx: &mut Context, owner: Owner, link: LinkId) {
        match self {
            Self::Strikes(_) => {}
            Self::Swim(swim) => swim.on_welcomed(cx, owner, link),
        }
    }

    /// A dial of a detector failed.
    pub(crate) fn on_failed(
        &mut self,
        cx: &mut Context,
        owner: Owner,
        link: LinkId,
        failure: &Failure,
    ) {
        match (self, owner) {
            (Self::Strikes(strikes), Owner::Redial(number)) => {
                strikes.on_failed(cx, number, failure);
            }
            (Self::Strikes(_), _) => {}
            (Self::Swim(swim), owner) => swim.on_failed(cx, owner, link, failure),
        }
    }

    /// A link that was dialed by a detector, or on which somebody asked for a probe, has ended.
    pub(crate) fn on_ended(&mut self, cx: &mut Context, owner: Option<Owner>, link: LinkId) {
        match self {
            Self::Strikes(_) => {}
            Self::Swim(swim) => swim.on_ended(cx, owner, link),
        }
    }

    /// A connection that was tried stands, or does not come to stand; `None` if this machine could not try.
    pub(crate) fn on_connect_tried(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        stands: Option<bool>,
    ) {
        match (self, stands) {
            (Self::Strikes(strikes), Some(true)) => strikes.on_connected(cx, link),
            (Self::Strikes(strikes), Some(false)) => strikes.on_not_connected(cx, link),
            (Self::Strikes(strikes), None) => strikes.on_not_tried(link),
            (Self::Swim(_), _) => {}
        }
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        match self {
            Self::Strikes(strikes) => strikes.invariants(cx),
            Self::Swim(swim) => swim.invariants(cx),
        }
    }

    /// Sees at once whether a link still lives.
    pub(crate) fn challenge(&mut self, cx: &mut Context, link: LinkId) {
        match self {
            Self::Strikes(strikes) => strikes.challenge(cx, link),
            Self::Swim(swim) => swim.challenge(cx, link),
        }
    }

    /// A pong came on a neighbor's link.
    pub(crate) fn on_pong(&mut self, cx: &mut Context, link: LinkId, pong: &Ping) {
        match self {
            Self::Strikes(strikes) => strikes.on_pong(cx, link, pong),
            Self::Swim(swim) => swim.on_pong(cx, link, pong),
        }
    }

    /// Stops counting against a lost neighbor: it showed itself.
    /// This node has other addresses. Those who know it otherwise than by lists hear of that.
    pub(crate) fn on_moved(&mut self, cx: &mut Context) {
        match self {
            Self::Strikes(_) => {}
            Self::Swim(swim) => swim.on_moved(cx),
        }
    }

    pub(crate) fn clear_strikes(&mut self, cx: &mut Context, subject: NodeId) {
        match self {
            Self::Strikes(strikes) => strikes.clear_strikes(cx, subject),
            Self::Swim(_) => {}
        }
    }

    /// This peer is in another life.
    pub(crate) fn on_life_begun(&mut self) {
        match self {
            Self::Strikes(_) => {}
            Self::Swim(swim) => swim.on_life_begun(),
        }
    }

    /// Whether the overlay shall leave this peer to the detector.
    pub(crate) fn is_lost(&self, record: &AddressRecord) -> bool {
        match self {
            Self::Strikes(strikes) => strikes.is_lost(record),
            Self::Swim(swim) => swim.is_unavailable(record),
        }
    }

    /// Strikes against a linked neighbor.
    pub(crate) const fn strikes(&self, neighbor: &Neighbor) -> u8 {
        match self {
            Self::Strikes(_) => neighbor.health.misses,
            Self::Swim(_) => 0,
        }
    }

    /// What to say to everybody when this peer leaves.
    pub(crate) fn farewell(&self, cx: &Context) -> Option<Statement> {
        match self {
            Self::Strikes(_) => None,
            Self::Swim(swim) => swim.farewell(cx),
        }
    }

    /// The table of members, and the cases behind it; empty without `swim`.
    pub(crate) fn members(&self, cx: &Context) -> (Vec<MemberSnapshot>, Vec<SuspicionSnapshot>) {
        match self {
            Self::Strikes(_) => (Vec::new(), Vec::new()),
            Self::Swim(swim) => (swim.members(cx), swim.suspicions(cx.now)),
        }
    }
}
