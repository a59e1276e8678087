//! Who is alive: the detectors `strikes`, `connect` and `swim`.

pub(crate) mod strikes;
pub(crate) mod swim;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::config::DetectorKind;
use crate::context::Context;
use crate::event::NeighborLoss;
use crate::id::{LinkId, NodeId};
use crate::links::neighbors::Neighbor;
use crate::snapshot::{MemberSnapshot, SuspicionSnapshot};
use crate::wire::Ping;
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
            Self::Strikes(strikes) => {
                strikes.on_neighbor_down(cx, down.link);
                if matches!(reason, NeighborLoss::LinkLost(_)) {
                    strikes.on_lost(cx, down.record.clone());
                }
            }
            Self::Swim(swim) => swim.on_neighbor_down(cx, down, reason),
        }
    }

    /// Sees at once whether a link still lives.
    pub(crate) fn challenge(&mut self, cx: &mut Context, link: LinkId) {
        match self {
            Self::Strikes(strikes) => strikes.challenge(cx, link),
            Self::Swim(swim) => swim.challenge(cx, link),
        }
    }

    /// Takes an answer. False when it repeats no ping of ours (R15).
    pub(crate) fn on_pong(&mut self, cx: &mut Context, link: LinkId, pong: &Ping) -> bool {
        match self {
            Self::Strikes(strikes) => strikes.on_pong(cx, link, pong),
            Self::Swim(swim) => swim.on_pong(cx, link, pong),
        }
    }

    /// Stops counting against a lost neighbor: it showed itself.
    pub(crate) fn clear_strikes(&mut self, cx: &mut Context, subject: NodeId) {
        match self {
            Self::Strikes(strikes) => strikes.clear_strikes(cx, subject),
            Self::Swim(_) => {}
        }
    }

    /// Whether the overlay shall leave this peer to the detector.
    pub(crate) fn is_lost(&self, record: &AddressRecord) -> bool {
        match self {
            Self::Strikes(strikes) => strikes.is_lost(record),
            Self::Swim(swim) => swim.is_doubted(record),
        }
    }

    /// Round-trip time and strikes of a linked neighbor.
    pub(crate) fn view(&self, link: LinkId) -> (Option<Duration>, u8) {
        match self {
            Self::Strikes(strikes) => strikes.view(link),
            Self::Swim(swim) => (swim.round_trip(link), 0),
        }
    }

    pub(crate) fn as_strikes(&mut self) -> Option<&mut Strikes> {
        match self {
            Self::Strikes(strikes) => Some(strikes),
            Self::Swim(_) => None,
        }
    }

    /// The table of members, and the cases behind it; empty without `swim`.
    pub(crate) fn members(&self, cx: &Context) -> (Vec<MemberSnapshot>, Vec<SuspicionSnapshot>) {
        match self {
            Self::Strikes(_) => (Vec::new(), Vec::new()),
            Self::Swim(swim) => (swim.members(cx), swim.suspicions(cx.now)),
        }
    }

    pub(crate) fn as_swim(&mut self) -> Option<&mut Swim> {
        match self {
            Self::Strikes(_) => None,
            Self::Swim(swim) => Some(swim),
        }
    }
}
