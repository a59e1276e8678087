//! Sleep in a hunt: in some runs processes stand still, or machines sleep, for much longer than messages are
//! kept or entries of seed nodes live. Drawn apart from all else, so that the other runs stay as they are.

use std::time::Duration;

use super::{Dice, SECOND, SETTLING};
use crate::scenario::{Blocks, FaultKind, FaultSpec, Scenario, Span, Targets, named_peers};

/// Makes one of eight runs one in which somebody sleeps. Whoever is cut off for longer than messages are kept
/// misses them rightly, so nobody is.
pub(super) fn draw(dice: &mut Dice, scenario: &mut Scenario) {
    let has_much_to_say = scenario.faults.iter().any(is_stopped_reader);
    if has_much_to_say || !dice.chance(13) {
        return;
    }
    let store_age = dice.seconds(4..=20);
    scenario.config.broadcast.store_age = store_age;
    scenario.faults.retain(|fault| !matches!(fault.kind, FaultKind::Partition { .. }));
    let from = scenario.start + SETTLING;
    for _ in 0..dice.number(1..=2) {
        let Some(sleeper) = sleeper(dice, scenario) else { continue };
        let base = dice.pick(&[store_age, store_age, scenario.config.registration.lease]);
        let length = base.min(20 * SECOND) * u32::try_from(dice.number(2..=10)).unwrap_or(2);
        let kind = if dice.chance(50) {
            FaultKind::Suspend { length }
        } else {
            FaultKind::Pause { length, blocks: Blocks::Process }
        };
        make_room(scenario, from + length + SECOND);
        let to = scenario.calm_from().saturating_sub(length);
        scenario.faults.push(FaultSpec { kind, targets: sleeper, when: Span { from, to } });
    }
}

/// Somebody whom nothing else hits: a peer, or now and then a seed node.
fn sleeper(dice: &mut Dice, scenario: &Scenario) -> Option<Targets> {
    let seed_node = format!("seed-{}", dice.number(1..=scenario.seed_nodes));
    let is_hit = scenario.faults.iter().any(|fault| match &fault.targets {
        Targets::Named(names) => names.contains(&seed_node),
        Targets::RandomPeers(_) | Targets::Share(_) => false,
    });
    if dice.chance(20) && !is_hit {
        return Some(Targets::Named(vec![seed_node]));
    }
    let drawn = scenario.faults.iter().map(|fault| match &fault.targets {
        Targets::RandomPeers(count) => *count,
        Targets::Named(_) | Targets::Share(_) => 0,
    });
    let hit: usize = drawn.sum::<usize>() + named_peers(scenario, &scenario.faults);
    (hit + 1 < scenario.peers).then_some(Targets::RandomPeers(1))
}

/// The calm begins no sooner than that, and is as long as before.
fn make_room(scenario: &mut Scenario, until: Duration) {
    let longer = until.saturating_sub(scenario.calm_from());
    scenario.duration += longer;
}

fn is_stopped_reader(fault: &FaultSpec) -> bool {
    matches!(fault.kind, FaultKind::StopReader { .. })
}

#[cfg(test)]
mod tests {
    use tidings_node::settings::Profile;

    use super::super::draw;
    use super::*;

    #[test]
    fn some_runs_have_somebody_who_sleeps_for_longer_than_messages_are_kept() {
        let drawn: Vec<_> = (1..=400).map(|seed| draw(seed, Profile::Modern)).collect();
        let mut sleeps = 0;
        for scenario in &drawn {
            let store_age = scenario.config.broadcast.store_age;
            let is_long = |fault: &&FaultSpec| match fault.kind {
                FaultKind::Suspend { .. } => true,
                FaultKind::Pause { length, .. } => length >= 2 * store_age,
                FaultKind::Crash { .. }
                | FaultKind::Leave
                | FaultKind::Join
                | FaultKind::Slow { .. }
                | FaultKind::StopReader { .. }
                | FaultKind::Reset { .. }
                | FaultKind::Partition { .. } => false,
            };
            if scenario.faults.iter().any(|fault| is_long(&fault)) {
                sleeps += 1;
                let is_cut = |it: &FaultSpec| matches!(it.kind, FaultKind::Partition { .. });
                assert!(!scenario.faults.iter().any(is_cut), "{}", scenario.name);
            }
        }
        assert!((8..80).contains(&sleeps), "{sleeps}");
    }
}
