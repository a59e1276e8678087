//! Where nobody fails, no message waits for a timer at any node: it takes its links, and nothing else,
//! also while trees form.

use std::time::Duration;

use tidings_sim::event_world;
use tidings_sim::measure::Measures;
use tidings_sim::scenario::load;

use crate::support::project;

/// One way on each link.
const LATENCY: Duration = Duration::from_millis(5);

/// Messages that took longer than their links, and one more link for a copy that crosses another.
fn late(changes: &[&str], seeds: u64) -> Vec<String> {
    let path = project().join("sim/tests/tails/calm.toml");
    let changes: Vec<String> = changes.iter().map(|&it| it.to_owned()).collect();
    let scenario = load(&path, &changes).expect("a scenario");
    let mut late = Vec::new();
    for seed in 1..=seeds {
        let history = event_world::run(&scenario, seed);
        assert_eq!(history.failure, None);
        for message in Measures::of(&scenario, &history).messages {
            let allowed = LATENCY * (u32::from(message.last_hop) + 1);
            match message.coverage(100) {
                Some(took) if took <= allowed => {}
                took => late.push(format!("seed {seed}: {} took {took:?}", message.id)),
            }
        }
    }
    late
}

#[test]
fn one_source_is_never_late() {
    assert_eq!(late(&["sources=1"], 10), [""; 0]);
    assert_eq!(late(&["sources=1", "peers=64"], 3), [""; 0]);
}

#[test]
fn sources_that_take_turns_are_never_late() {
    assert_eq!(late(&[], 10), [""; 0]);
    assert_eq!(late(&["peers=64"], 3), [""; 0]);
}

/// With the one tree of the papers some are: the check can fail.
#[test]
fn in_one_tree_for_all_some_are_late() {
    assert_ne!(late(&["trees=0"], 2), [""; 0]);
}
