//! A machine without file handles, ports or a network of its own accuses nobody.

use std::time::Duration;

use tidings_core::{Config, DecisionMode, DetectorKind, Event, MemberState, OverlayKind, Removal};

use crate::network::Network;

const PEERS: [&str; 4] = ["a", "b", "c", "d"];

/// Every kind of detector, and both ways to remove an entry.
fn configs() -> Vec<Config> {
    let mut connect = Config::classic();
    connect.detector.kind = DetectorKind::Connect;
    connect.overlay.kind = OverlayKind::PowerLaw;
    let mut without_tables = Config::modern();
    without_tables.detector.swim.members_max = 0;
    let mut together = Config::modern();
    together.registration.removal = DecisionMode::Quorum;
    vec![Config::classic(), connect, Config::modern(), without_tables, together]
}

fn network(config: &Config) -> Network {
    let mut network = Network::new();
    network.add_seed_nodes(&["s", "t"], config);
    for peer in PEERS {
        network.add_peer(peer, &["s", "t"], config.clone());
    }
    network.run(Duration::from_mins(1));
    network
}

#[expect(clippy::wildcard_enum_match_arm, reason = "all else accuses nobody")]
fn is_accusation(event: &Event) -> bool {
    match event {
        Event::Strike { .. } | Event::DeathReported { .. } | Event::FalseReport { .. } => true,
        Event::Member { state, .. } => matches!(state, MemberState::Suspect | MemberState::Dead),
        Event::PeerRemoved { reason, .. } => *reason == Removal::Dead,
        _ => false,
    }
}

fn accusations(network: &Network) -> Vec<String> {
    let accused = network.events.iter().filter(|(_, event)| is_accusation(event));
    accused.map(|(by, event)| format!("{by}: {event:?}")).collect()
}

/// All links break at once, and for two minutes nobody can dial.
#[test]
fn who_cannot_dial_holds_nobody_dead_and_finds_all_again() {
    for config in configs() {
        let kind = config.detector.kind;
        let mut network = network(&config);
        for host in ["s", "t"].iter().chain(&PEERS) {
            network.enable_dials(host, false);
        }
        network.reset_all();
        network.run(Duration::from_mins(2));
        assert_eq!(accusations(&network), Vec::<String>::new(), "{kind:?}");
        for host in ["s", "t"].iter().chain(&PEERS) {
            network.enable_dials(host, true);
        }
        network.run(Duration::from_mins(2));
        assert_eq!(accusations(&network), Vec::<String>::new(), "{kind:?}");
        for peer in PEERS {
            let snapshot = network.snapshot(peer);
            assert!(!snapshot.neighbors.is_empty(), "{kind:?}: {peer} has no neighbor");
            let registered = snapshot.seed_nodes.iter().filter(|it| it.registered.is_some());
            assert_eq!(registered.count(), 2, "{kind:?}: {peer}");
        }
    }
}

/// The detector `connect` dials its neighbors, and so does the seed node those that are linked no more.
#[test]
fn who_cannot_dial_strikes_no_linked_neighbor() {
    for config in configs() {
        let kind = config.detector.kind;
        let mut network = network(&config);
        network.enable_dials("a", false);
        network.run(Duration::from_mins(2));
        assert_eq!(accusations(&network), Vec::<String>::new(), "{kind:?}");
    }
}

/// A neighbor is silent, and its neighbors can ask no helper. When they can, they accuse it.
#[test]
fn who_can_ask_no_helper_accuses_nobody() {
    let mut network = network(&Config::modern());
    for able in [false, true] {
        for host in ["s", "t", "a", "c", "d"] {
            network.enable_dials(host, able);
        }
        network.freeze("b");
        network.run(Duration::from_mins(1));
        assert_eq!(!accusations(&network).is_empty(), able);
    }
}
