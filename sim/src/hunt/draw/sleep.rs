//! Sleep in a hunt: in some runs processes stand still, or machines sleep, for much longer than messages are
//! kept or entries of seed nodes live. Drawn apart from all else, so that the other runs stay as they are.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{Dice, SECOND, SETTLING, hit_peers};
use crate::scenario::{Blocks, FaultKind, FaultSpec, Scenario, Span, Targets};

/// For how many seconds messages are kept: so few that much is forgotten while others still ping who sleeps,
/// and no check demands that all is caught up with.
const SHORT: RangeInclusive<u64> = 4..=20;

/// So many that what is said must reach everybody but the sleeper. Whoever is cut off for as long misses it
/// rightly, so nobody is.
const LONG: RangeInclusive<u64> = 30..=40;

/// Makes one of three runs in which nobody has much to say one in which somebody sleeps. Where a seed node
/// does, without which nobody could join, messages are kept for as long as ever.
pub(super) fn draw(dice: &mut Dice, scenario: &mut Scenario) {
    let has_much_to_say = scenario.faults.iter().any(is_stopped_reader);
    if has_much_to_say || !dice.chance(33) {
        return;
    }
    let lease = scenario.config.registration.lease;
    if dice.chance(20) {
        let name = format!("seed-{}", dice.number(1..=scenario.seed_nodes));
        scenario.faults.retain(|fault| !is_of_seed_node(fault));
        sleep(dice, scenario, Targets::Named(vec![name]), lease.min(10 * SECOND));
        return;
    }
    let is_short = dice.chance(50);
    let store_age = dice.seconds(if is_short { SHORT } else { LONG });
    if !is_short {
        scenario.faults.retain(|fault| !matches!(fault.kind, FaultKind::Partition { .. }));
    }
    scenario.config.broadcast.store_age = store_age;
    for _ in 0..dice.number(1..=2) {
        leave_one(scenario);
        let base = dice.pick(&[store_age, store_age, lease]);
        // Of messages that are kept for so short a time nothing is demanded where somebody sleeps for longer. A
        // cut, a look-up or a pause between two dials may last as long as they are kept.
        let base = if is_short { base.max(store_age) } else { base };
        sleep(dice, scenario, Targets::RandomPeers(1), base);
    }
}

/// Where no peer is left that nothing hits, a fault of drawn peers makes room.
fn leave_one(scenario: &mut Scenario) {
    let is_drawn = |it: &FaultSpec| matches!(it.targets, Targets::RandomPeers(_));
    while hit_peers(scenario) + 1 >= scenario.peers
        && let Some(place) = scenario.faults.iter().rposition(is_drawn)
    {
        scenario.faults.remove(place);
    }
}

/// Somebody sleeps, or stands still, for 2 to 10 times `base`.
fn sleep(dice: &mut Dice, scenario: &mut Scenario, targets: Targets, base: Duration) {
    let length = base * u32::try_from(dice.number(2..=10)).unwrap_or(2);
    let kind = if dice.chance(50) {
        FaultKind::Suspend { length }
    } else {
        FaultKind::Pause { length, blocks: Blocks::Process }
    };
    let from = scenario.start + SETTLING;
    make_room(scenario, from + length + SECOND);
    let to = scenario.calm_from().saturating_sub(length);
    scenario.faults.push(FaultSpec { kind, targets, when: Span { from, to } });
}

/// The calm begins no sooner than that, and is as long as before.
fn make_room(scenario: &mut Scenario, until: Duration) {
    let longer = until.saturating_sub(scenario.calm_from());
    scenario.duration += longer;
}

fn is_of_seed_node(fault: &FaultSpec) -> bool {
    match &fault.targets {
        Targets::Named(names) => names.iter().any(|name| name.starts_with("seed-")),
        Targets::RandomPeers(_) | Targets::Share(_) => false,
    }
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
                let may_be_cut = !LONG.contains(&store_age.as_secs());
                assert!(may_be_cut || !scenario.faults.iter().any(is_cut), "{}", scenario.name);
            }
        }
        assert!((60..140).contains(&sleeps), "{sleeps}");
    }
}
