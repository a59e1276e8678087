//! The detector `swim` among whole peers: who is found dead, how soon, and who is not.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::time::Duration;

use tidings_core::{Config, DetectorKind, Event, MemberState, Monitor, NodeSnapshot};

use crate::network::Network;
use crate::show;

const SEEDS: [&str; 3] = ["s1", "s2", "s3"];

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// `swim` alone of the modern profile, so that nothing else of it is tested here.
fn config() -> Config {
    let mut config = Config::classic();
    config.detector.kind = DetectorKind::Swim;
    config.detector.swim = Config::modern().detector.swim;
    config.chatter.count = 0;
    config
}

fn names(peers: usize) -> Vec<String> {
    (1..=peers).map(|n| format!("p{n}")).collect()
}

/// Three seed nodes and so many peers, a moment after all have joined.
fn joined(peers: usize, config: &Config) -> Network {
    let mut network = Network::new();
    SEEDS.iter().for_each(|seed| network.add_seed_node(seed, config));
    for name in names(peers) {
        network.add_peer(&name, &SEEDS, config.clone());
        network.run(Duration::from_millis(50));
    }
    network.run(secs(12));
    network.events.clear();
    network
}

fn held(snapshot: &NodeSnapshot, of: &str) -> Option<MemberState> {
    let id = show::node_id(of);
    snapshot.members.iter().find(|member| member.record.subject() == id).map(|it| it.state)
}

/// Peers that hold `of` in this state.
fn holders(network: &Network, peers: usize, of: &str, state: MemberState) -> usize {
    let others = names(peers).into_iter().filter(|name| name != of);
    others.filter(|name| held(&network.snapshot(name), of) == Some(state)).count()
}

fn deaths(network: &Network) -> Vec<(String, String)> {
    let death = |(by, event): &(String, Event)| match event {
        Event::Member { subject, state: MemberState::Dead, .. } => {
            Some((by.clone(), show::name(subject.subject())))
        }
        _ => None,
    };
    network.events.iter().filter_map(death).collect()
}

#[test]
fn everybody_knows_everybody_after_joining() {
    let network = joined(30, &config());
    for name in names(30) {
        let snapshot = network.snapshot(&name);
        assert_eq!(snapshot.members.len(), 29, "{name}");
        assert!(snapshot.members.iter().all(|member| member.state == MemberState::Alive));
        assert_eq!(snapshot.cases, []);
    }
}

#[test]
fn a_killed_peer_is_held_dead_by_all_within_5_s() {
    let mut network = joined(30, &config());
    network.kill("p7");
    network.run(secs(5));
    assert_eq!(holders(&network, 30, "p7", MemberState::Dead), 29);
    assert!(deaths(&network).iter().all(|(_, dead)| dead == "p7"));
    let snapshot = network.snapshot("p1");
    let case = snapshot.cases.first().unwrap();
    assert_eq!(case.outcome, MemberState::Dead);
    assert!(case.accusations.len() >= 2, "{case:?}");
    for seed in SEEDS {
        let is_it = |entry: &tidings_core::RegisteredSnapshot| {
            entry.record.subject() == show::node_id("p7")
        };
        assert!(!network.snapshot(seed).registered.iter().any(is_it), "{seed} lists it");
    }
}

#[test]
fn a_frozen_peer_is_held_dead_by_all_within_15_s() {
    for victim in ["p3", "p16", "p30"] {
        let mut network = joined(30, &config());
        network.freeze(victim);
        network.run(secs(15));
        assert_eq!(holders(&network, 30, victim, MemberState::Dead), 29, "{victim}");
        assert!(deaths(&network).iter().all(|(_, dead)| dead == victim));
    }
}

#[test]
fn a_short_stop_kills_nobody() {
    for victim in ["p3", "p16", "p30"] {
        let mut network = joined(30, &config());
        network.freeze(victim);
        network.run(secs(2));
        network.thaw(victim);
        network.run(secs(60));
        assert_eq!(deaths(&network), [], "{victim}");
        assert_eq!(holders(&network, 30, victim, MemberState::Alive), 29, "{victim}");
    }
}

#[test]
fn a_calm_network_suspects_nobody() {
    let mut network = joined(30, &config());
    network.run(secs(120));
    assert!(!network.events.iter().any(|(_, event)| matches!(event, Event::Member { .. })));
    let quiet = |name: &String| network.snapshot(name).stats;
    assert!(names(30).iter().map(quiet).all(|stats| stats.pings_missed == 0));
    assert!(names(30).iter().map(quiet).all(|stats| stats.misbehaviors == 0));
}

/// Lifeguard §IV: whoever was stopped does not take its own silence for that of others.
#[test]
fn who_was_stopped_for_long_kills_nobody_when_it_goes_on() {
    let mut network = joined(30, &config());
    network.freeze("p5");
    network.run(secs(20));
    network.events.clear();
    network.thaw("p5");
    network.run(secs(60));
    assert!(deaths(&network).is_empty(), "{:?}", deaths(&network));
    assert_eq!(holders(&network, 30, "p5", MemberState::Alive), 29, "it came back");
}

/// Departure from SWIM: who is held dead refutes.
#[test]
fn halves_of_a_healed_partition_take_each_other_back() {
    let mut network = joined(20, &config());
    let names = names(20);
    let (left, right) = names.split_at(10);
    // The seed nodes stay with the left half; the right half keeps its leases elsewhere.
    for (a, b) in left.iter().flat_map(|a| right.iter().map(move |b| (a, b))) {
        network.cut(a, b);
    }
    network.run(secs(60));
    assert_eq!(held(&network.snapshot("p1"), "p20"), Some(MemberState::Dead));
    assert_eq!(held(&network.snapshot("p20"), "p1"), Some(MemberState::Dead));
    for (a, b) in left.iter().flat_map(|a| right.iter().map(move |b| (a, b))) {
        network.heal(a, b);
    }
    network.run(secs(120));
    for name in &names {
        assert_eq!(holders(&network, 20, name, MemberState::Alive), 19, "{name}");
    }
}

#[test]
fn a_leave_is_known_to_all_and_no_death() {
    let mut network = joined(30, &config());
    network.command("p9", tidings_core::Command::Leave);
    network.run(secs(30));
    assert_eq!(holders(&network, 30, "p9", MemberState::Left), 29);
    assert_eq!(deaths(&network), []);
}

#[test]
fn a_new_life_beats_the_death_of_the_old_one() {
    let mut network = joined(30, &config());
    network.kill("p9");
    network.run(secs(5));
    network.start("p9");
    network.run(secs(20));
    assert_eq!(holders(&network, 30, "p9", MemberState::Alive), 29);
}

/// R23 by another way: one peer that hears nothing does not kill those that others hear.
#[test]
fn a_broken_path_between_two_peers_kills_neither() {
    let mut network = joined(30, &config());
    let neighbor = network.snapshot("p1").neighbors[0].record.subject();
    let neighbor = show::name(neighbor);
    network.cut("p1", &neighbor);
    network.run(secs(120));
    assert_eq!(deaths(&network), []);
    let linked = network.snapshot("p1").neighbors;
    let is_it =
        |it: &tidings_core::NeighborSnapshot| it.record.subject() == show::node_id(&neighbor);
    assert!(!linked.iter().any(is_it), "the link that carries nothing is gone");
}

#[test]
fn without_a_table_neighbors_are_watched_all_the_same() {
    let mut config = config();
    config.detector.swim.members_max = 0;
    let mut network = joined(30, &config);
    assert_eq!(network.snapshot("p1").members, []);
    network.kill("p7");
    network.run(secs(5));
    let is_it = |it: &tidings_core::NeighborSnapshot| it.record.subject() == show::node_id("p7");
    for name in names(30).iter().filter(|name| *name != "p7") {
        assert!(!network.snapshot(name).neighbors.iter().any(is_it), "{name}");
    }
    assert!(deaths(&network).iter().any(|(_, dead)| dead == "p7"));
    let statements: u64 = names(30)
        .iter()
        .filter(|it| *it != "p7")
        .map(|it| network.snapshot(it).stats.statements)
        .sum();
    assert!((1..=40).contains(&statements), "suspicions and a death, no births: {statements}");
}

/// SWIM §3.1: the first probe of a dead member comes after e / (e - 1) periods where all peers probe
/// in step, and after one period where each has a phase of its own; then the probe's own timeouts.
#[test]
fn members_are_found_in_the_time_that_the_paper_gives() {
    let mut config = config();
    config.detector.swim.monitor = Monitor::Members;
    let mut total = Duration::ZERO;
    let victims = ["p3", "p21", "p40", "p63"];
    for victim in victims {
        let mut network = joined(64, &config);
        network.run(Duration::from_millis(137));
        let begin = network.now;
        network.freeze(victim);
        let mut found = None;
        while found.is_none() && network.now < begin + secs(30) {
            network.run(Duration::from_millis(20));
            let is_suspect = |(_, event): &(String, Event)| {
                matches!(event, Event::Member { state: MemberState::Suspect, .. })
            };
            found = network.events.iter().any(is_suspect).then_some(network.now - begin);
        }
        total += found.unwrap();
    }
    let mean = total.as_secs_f64() / 4.0;
    // One period and three timeouts of half a period: 2.5 s, with four samples within a wide band.
    assert!((1.5..=4.0).contains(&mean), "{mean} s");
}
