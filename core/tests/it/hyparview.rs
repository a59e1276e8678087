//! The overlay `hyparview` on crowds: full and symmetric views, one component, also after half of
//! the peers died at once and after a partition.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_core::{Config, NodeId, OverlayKind};

use crate::network::Network;

const SEED_NODES: [&str; 3] = ["s1", "s2", "s3"];
const ACTIVE: usize = 5;
const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);

/// The neighbors of every peer, by its number.
type Graph = BTreeMap<usize, BTreeSet<usize>>;

/// Only the overlay is that of the modern profile.
fn config() -> Config {
    let mut config = Config::classic();
    config.overlay = Config::modern().overlay;
    config.overlay.kind = OverlayKind::HyParView;
    config.registration.registry_max = 65_536;
    config
}

fn name(n: usize) -> String {
    format!("p{n}")
}

/// A network that so many peers joined, one after the other.
fn crowd(peers: usize, pause: Duration) -> Network {
    let mut network = Network::new();
    network.quiet = true;
    for name in SEED_NODES {
        network.add_seed_node(name, &config());
    }
    for n in 0..peers {
        network.add_peer(&name(n), &SEED_NODES, config());
        network.run(pause);
    }
    network
}

fn graph(network: &Network, peers: impl IntoIterator<Item = usize>) -> Graph {
    let number = |id: NodeId| crate::show::name(id).trim_start_matches('p').parse().unwrap();
    let neighbors = |n: usize| {
        let seen = network.snapshot(&name(n)).neighbors;
        seen.iter().map(|it| number(it.record.subject())).collect()
    };
    peers.into_iter().map(|n| (n, neighbors(n))).collect()
}

fn components(graph: &Graph) -> usize {
    let mut unseen: BTreeSet<usize> = graph.keys().copied().collect();
    let mut count = 0;
    while let Some(first) = unseen.pop_first() {
        count += 1;
        let mut reached = vec![first];
        while let Some(peer) = reached.pop() {
            reached.extend(graph[&peer].iter().filter(|it| unseen.remove(it)));
        }
    }
    count
}

/// How many have fewer neighbors than they want.
fn short(graph: &Graph) -> usize {
    graph.values().filter(|neighbors| neighbors.len() < ACTIVE).count()
}

fn one_sided(graph: &Graph) -> usize {
    let pairs = graph.iter().flat_map(|(a, neighbors)| neighbors.iter().map(move |b| (a, b)));
    pairs.filter(|(a, b)| !graph.get(b).is_some_and(|back| back.contains(a))).count()
}

#[test]
fn views_end_full_and_symmetric_and_the_graph_is_one() {
    let mut network = crowd(300, 20 * MILLI);
    network.run(30 * SECOND);
    let graph = graph(&network, 0..300);
    assert_eq!((short(&graph), one_sided(&graph), components(&graph)), (0, 0, 1));
    assert!(graph.values().all(|neighbors| neighbors.len() == ACTIVE));
    for n in 0..300 {
        let known = network.snapshot(&name(n)).known.len();
        assert!((30..=60).contains(&known), "p{n} knows {known}");
    }
}

#[test]
fn peers_that_start_at_once_find_each_other() {
    let mut network = crowd(200, Duration::ZERO);
    network.run(30 * SECOND);
    let graph = graph(&network, 0..200);
    assert_eq!((short(&graph), one_sided(&graph), components(&graph)), (0, 0, 1));
}

/// The seed nodes die before, so that the passive views alone must do.
#[test]
fn half_of_the_peers_die_and_the_others_are_one_again_in_two_seconds() {
    let mut network = crowd(300, 20 * MILLI);
    network.run(60 * SECOND);
    let dead = SEED_NODES.into_iter().map(str::to_owned).chain((0..150).map(name));
    dead.for_each(|name| network.kill(&name));
    network.run(2 * SECOND);
    let soon = graph(&network, 150..300);
    assert_eq!((one_sided(&soon), components(&soon)), (0, 1));
    assert!(
        short(&soon) <= 3,
        "two that lack one each may have to be introduced: {}",
        short(&soon)
    );
    network.run(28 * SECOND);
    assert_eq!(short(&graph(&network, 150..300)), 0);
}

/// Everything between the halves is lost without a sign, and the second half keeps the seed nodes.
#[test]
fn halves_of_a_healed_partition_find_each_other() {
    let halves = [(0..100).map(name).collect(), (100..200).map(name).collect::<Vec<_>>()];
    let with_seed_nodes = || SEED_NODES.into_iter().map(str::to_owned).chain(halves[1].clone());
    let pairs = || halves[0].iter().flat_map(|a| with_seed_nodes().map(move |b| (a.clone(), b)));
    let mut network = crowd(200, 20 * MILLI);
    network.run(60 * SECOND);
    pairs().for_each(|(a, b)| network.cut(&a, &b));
    network.run(60 * SECOND);
    assert_eq!(components(&graph(&network, 0..200)), 2);
    pairs().for_each(|(a, b)| network.heal(&a, &b));
    network.run(35 * SECOND);
    assert_eq!(components(&graph(&network, 0..200)), 1);
    network.run(60 * SECOND);
    let graph = graph(&network, 0..200);
    assert_eq!((short(&graph), one_sided(&graph), components(&graph)), (0, 0, 1));
}
