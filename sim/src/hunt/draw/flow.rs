//! Flow control in a hunt: some runs say so much that a reader which stands still, a paused peer or slow
//! uplinks make sources wait. Drawn apart from all else, so that the other runs stay as they are.

use std::time::Duration;

use super::{Dice, OVERHEAD, SECOND, SETTLING, hit_peers};
use crate::scenario::{FaultKind, FaultSpec, Scenario, Span, Targets, Workload};

/// For how long a store holds what is said. A reader that stands still is behind after a quarter of it.
/// Nobody may be away for longer than most of it, or misses messages rightly.
const STORE: Duration = Duration::from_secs(48);

/// Bytes per second of a node, at least. *Guess: pings wait behind some 256 KiB for each link of an uplink, and
/// whoever is probed must answer within a second.*
const MIN_BANDWIDTH: u64 = 1_500_000;

/// Makes one of four runs one with much to say.
pub(super) fn draw(dice: &mut Dice, scenario: &mut Scenario) {
    if !dice.chance(25) {
        return;
    }
    let from = scenario.start + SETTLING;
    let noise = Span { from, to: scenario.calm_from() };
    let workload = Workload {
        every: dice.millis(100..=500),
        between: noise,
        size: dice.pick(&[2_000, 20_000, 61_440]),
        sources: dice.pick(&[None, Some(1), Some(10)]),
    };
    scenario.chatter.count = 0;
    scenario.workload = Some(workload);
    let said = workload.size + OVERHEAD;
    let per_second = said * 1_000 / usize::try_from(workload.every.as_millis()).unwrap_or(1);
    let seconds = usize::try_from(STORE.as_secs()).unwrap_or(1);
    scenario.config.broadcast.store_bytes = (per_second * seconds).max(64 * 1024);
    slow_down(dice, scenario, per_second);
    scenario.faults.retain(|fault| !takes_long(fault));
    stop_readers(dice, scenario, noise);
}

/// Whether a run is one of these.
#[cfg(test)]
pub(super) fn is_drawn(scenario: &Scenario) -> bool {
    scenario.config.broadcast.store_bytes != tidings_core::Config::classic().broadcast.store_bytes
}

/// Uplinks that carry all, or half of what all would say if nobody waited. The rest is said in the calm, which
/// lasts longer then.
fn slow_down(dice: &mut Dice, scenario: &mut Scenario, per_second: usize) {
    let factor = dice.pick(&[1, 2, 8]);
    let Some(bandwidth) = &mut scenario.link.bandwidth else { return };
    let copies = scenario.config.overlay.max_links.min(scenario.peers);
    let half = u64::try_from(per_second * copies / 2).unwrap_or(u64::MAX);
    *bandwidth = factor * half.max(MIN_BANDWIDTH);
    let longer = scenario.calm_from() + 2 * SECOND;
    scenario.calm += longer;
    scenario.duration += longer;
}

/// Whether whoever is hit needs messages of long ago afterwards.
fn takes_long(fault: &FaultSpec) -> bool {
    match fault.kind {
        FaultKind::Partition { .. }
        | FaultKind::Join
        | FaultKind::Crash { restart: Some(_), .. } => true,
        FaultKind::Crash { restart: None, .. }
        | FaultKind::Leave
        | FaultKind::Pause { .. }
        | FaultKind::Suspend { .. }
        | FaultKind::Slow { .. }
        | FaultKind::StopReader { .. }
        | FaultKind::Reset { .. } => false,
    }
}

/// One or two readers stop, if so many peers are left alone.
fn stop_readers(dice: &mut Dice, scenario: &mut Scenario, noise: Span) {
    let left = (scenario.peers - 1).saturating_sub(hit_peers(scenario));
    let count = dice.number(1..=2).min(left);
    if count == 0 {
        return;
    }
    let most = noise.to.saturating_sub(noise.from).as_secs() * 1_000;
    let length = dice.millis(most / 2..=most);
    let when = Span { from: noise.from, to: noise.to.saturating_sub(length) };
    let kind = FaultKind::StopReader { length };
    scenario.faults.push(FaultSpec { kind, targets: Targets::RandomPeers(count), when });
}

#[cfg(test)]
mod tests {
    use tidings_node::settings::Profile;

    use super::super::draw;
    use super::*;

    #[test]
    fn runs_with_much_to_say_have_stopped_readers_and_room_for_what_they_miss() {
        let drawn: Vec<_> = (1..=400).map(|seed| draw(seed, Profile::Modern)).collect();
        let flows: Vec<_> = drawn.iter().filter(|scenario| is_drawn(scenario)).collect();
        assert!((60..140).contains(&flows.len()), "{}", flows.len());
        let stops = |fault: &FaultSpec| matches!(fault.kind, FaultKind::StopReader { .. });
        let with_stops = flows.iter().filter(|scenario| scenario.faults.iter().any(stops));
        assert!(with_stops.count() > 30);
        let mut bounded = 0;
        for scenario in flows {
            assert!(!scenario.faults.iter().any(takes_long), "{}", scenario.name);
            let workload = scenario.workload.as_ref().expect("much to say");
            let messages = STORE.as_millis() / workload.every.as_millis();
            let said = workload.size * usize::try_from(messages).expect("few");
            assert!(scenario.config.broadcast.store_bytes >= said, "{}", scenario.name);
            if let Some(bandwidth) = scenario.link.bandwidth {
                assert!(bandwidth >= MIN_BANDWIDTH, "{}", scenario.name);
                bounded += 1;
            }
        }
        assert!(bounded > 5, "{bounded}");
        let plain = drawn.iter().filter(|scenario| !is_drawn(scenario));
        assert!(plain.flat_map(|scenario| &scenario.faults).all(|fault| !stops(fault)));
    }
}
