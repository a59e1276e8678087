//! A peer hears from every neighbor in time, so that a link which is silent for long is one that was held
//! up ([`crate::links`], silence). Where the detector asks too rarely for that, peers send each other
//! digests that name nothing.

use core::time::Duration;

use crate::broadcast::memory::catch_up::send_digest;
use crate::broadcast::timer::BroadcastTimer;
use crate::config::{Config, DetectorKind, Monitor, OverlayKind};
use crate::context::Context;

/// Quiet times that fit into the longest silence. *Choice: two may be held up or lost.*
const QUIET_TIMES: u32 = 4;

/// Rounds of the detector that must fit into it. *Choice: two may be lost.*
const ROUNDS: u32 = 3;

/// Begins to speak where the detector does not.
pub(super) fn start(cx: &mut Context) {
    let hears_enough = detector_round(&cx.config)
        .is_some_and(|round| round.saturating_mul(ROUNDS) <= cx.longest_silence());
    if !hears_enough {
        let pause = quiet_time(cx);
        cx.arm(BroadcastTimer::Quiet, pause);
    }
}

/// Time to be heard by all neighbors.
pub(super) fn on_timer(cx: &mut Context) {
    let quiet_time = quiet_time(cx);
    cx.arm(BroadcastTimer::Quiet, quiet_time);
    for link in cx.neighbors.links() {
        send_digest(cx, link, &[], false);
    }
}

fn quiet_time(cx: &Context) -> Duration {
    cx.longest_silence() / QUIET_TIMES
}

/// In what time the detector hears from each neighbor; `None` if it asks others.
fn detector_round(config: &Config) -> Option<Duration> {
    let swim = &config.detector.swim;
    match (config.detector.kind, swim.monitor) {
        (DetectorKind::Strikes, _) => Some(config.detector.liveness_every),
        (DetectorKind::Swim, Monitor::Neighbors) => {
            let neighbors = match config.overlay.kind {
                OverlayKind::HyParView => config.overlay.hyparview.active,
                OverlayKind::PowerLaw | OverlayKind::Random => config.overlay.max_links,
            };
            Some(swim.probe_every.saturating_mul(u32::try_from(neighbors).unwrap_or(u32::MAX)))
        }
        (DetectorKind::Swim, Monitor::Members) | (DetectorKind::Connect, _) => None,
    }
}
