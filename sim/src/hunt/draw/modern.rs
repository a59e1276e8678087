//! The modern profile in a hunt: most runs have all of its parts, some mix them with those of the
//! documented network. Drawn apart from all else, so that the documented network's runs stay as they
//! are.

use tidings_core::{BroadcastKind, Config, DetectorKind, OverlayKind};

use super::Dice;

/// Puts parts of the modern profile into a config, each with settings of its own in half of the runs.
pub(super) fn draw(dice: &mut Dice, config: &mut Config) {
    if dice.chance(85) {
        config.overlay.kind = OverlayKind::HyParView;
    }
    if dice.chance(85) {
        config.broadcast.kind = BroadcastKind::Plumtree;
    }
    if dice.chance(85) {
        config.detector.kind = DetectorKind::Swim;
    }
    // The default is for answers within 500 ms. On the slowest links drawn they take longer: who waits
    // less finds the living dead.
    config.detector.swim.probe_timeout = config.detector.swim.probe_every;
    if dice.chance(50) {
        overlay(dice, config);
    }
    if dice.chance(50) {
        broadcast(dice, config);
    }
    if dice.chance(50) {
        detector(dice, config);
    }
}

fn overlay(dice: &mut Dice, config: &mut Config) {
    let hyparview = &mut config.overlay.hyparview;
    hyparview.active = dice.number(3..=7);
    hyparview.passive = dice.number(3..=60);
    hyparview.shuffle_every = dice.millis(500..=10_000);
    hyparview.shuffle_active = dice.number(0..=4);
    hyparview.shuffle_passive = dice.number(0..=6);
    hyparview.near_links = dice.number(0..=hyparview.active - 3);
}

fn broadcast(dice: &mut Dice, config: &mut Config) {
    let plumtree = &mut config.broadcast.plumtree;
    plumtree.ihave_delay = dice.millis(0..=100);
    plumtree.graft_after = dice.millis(100..=2_000);
    plumtree.graft_again = dice.millis(50..=500);
    plumtree.trees = dice.pick(&[0, 1, 2, 16]);
    plumtree.eager_after_loss = dice.pick(&[0, 1, 3, 8]);
    plumtree.exchange_every = dice.millis(1_000..=20_000);
    config.broadcast.wait_min = dice.millis(1..=50);
}

fn detector(dice: &mut Dice, config: &mut Config) {
    let swim = &mut config.detector.swim;
    swim.probe_every = dice.millis(1_000..=3_000);
    swim.probe_timeout = dice.millis(900..=1_000);
    swim.helpers = dice.number(0..=4);
    swim.suspicion_min = dice.pick(&[1, 2, 4]);
    swim.suspicion_max = dice.pick(&[1, 3, 6]);
    swim.confirmations = dice.number(0..=3);
    swim.health_max = dice.pick(&[0, 2, 8]);
    swim.members_max = dice.pick(&[0, 3, 4_096]);
    swim.probe_timeout_min = dice.millis(10..=200);
}
