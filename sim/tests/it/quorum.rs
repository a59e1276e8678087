//! Seed nodes that decide together do nothing without a quorum, while one of them is cut off (R21,
//! R22). Seed nodes that decide alone do, under the same faults, so the test can fail.

use std::time::Duration;

use tidings_core::{DecisionMode, Removal};
use tidings_sim::event_world;
use tidings_sim::fact::Fact;
use tidings_sim::history::{Entry, History};
use tidings_sim::host::HostId;
use tidings_sim::scenario::{Scenario, load};

use crate::support::project;

/// The cut begins at 30 s. A vote that came before it may decide a proposal until then, and a proposal to
/// remove somebody lasts for 8 s.
const CUT: std::ops::Range<Duration> = Duration::from_secs(38)..Duration::from_secs(80);

fn shipped() -> Scenario {
    load(&project().join("scenarios/quorum.toml"), &[]).expect("it is right")
}

/// What the seed node that is cut off did to its list meanwhile.
fn changes(history: &History) -> (usize, usize) {
    let meanwhile =
        |entry: &&Entry| entry.life.host == HostId::seed_node(0) && CUT.contains(&entry.at);
    let count = |is_it: fn(&Fact) -> bool| {
        history.entries.iter().filter(meanwhile).filter(|entry| is_it(&entry.fact)).count()
    };
    (
        count(|fact| matches!(fact, Fact::PeerRegistered { .. })),
        count(|fact| matches!(fact, Fact::PeerRemoved { reason: Removal::Dead, .. })),
    )
}

#[test]
fn r21_r22_a_seed_node_that_is_cut_off_changes_nothing() {
    let scenario = shipped();
    for seed in 1..=4 {
        let history = event_world::run(&scenario, seed);
        assert_eq!(history.failure, None, "seed {seed}");
        assert_eq!(changes(&history), (0, 0), "seed {seed}");
    }
}

#[test]
fn a_seed_node_that_decides_alone_removes_whom_it_cannot_reach() {
    let mut scenario = shipped();
    scenario.config.registration.removal = DecisionMode::Local;
    let history = event_world::run(&scenario, 1);
    let (_, removed) = changes(&history);
    assert!(removed > 5, "{removed}");
}
