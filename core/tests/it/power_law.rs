//! The overlay `power-law` on 200 peers: its degrees have the tail that the weights promise, those
//! of `random` have none, and both are one component.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_core::{Config, NodeId, NodeSnapshot, OverlayKind};

use crate::network::Network;

const PEERS: usize = 200;

type Graph = BTreeMap<NodeId, BTreeSet<NodeId>>;

/// The neighbors of every peer, two minutes after the last of them came.
fn grow(kind: OverlayKind) -> Graph {
    let mut config = Config::classic();
    config.overlay.kind = kind;
    config.overlay.refresh = Duration::from_secs(5);
    let mut network = Network::new();
    for name in ["s1", "s2", "s3"] {
        network.add_seed_node(name, &config);
    }
    for n in 0..PEERS {
        network.add_peer(&format!("p{n}"), &["s1", "s2", "s3"], config.clone());
        network.run(Duration::from_millis(50));
    }
    for _second in 0..120 {
        network.run(Duration::from_secs(1));
        network.trace.clear();
        network.events.clear();
    }
    let neighbors_of = |it: NodeSnapshot| {
        let neighbors = it.neighbors.iter().map(|neighbor| neighbor.record.subject()).collect();
        (it.record.subject(), neighbors)
    };
    (0..PEERS).map(|n| neighbors_of(network.snapshot(&format!("p{n}")))).collect()
}

fn components(graph: &Graph) -> usize {
    let mut unseen: BTreeSet<NodeId> = graph.keys().copied().collect();
    let mut count = 0;
    while let Some(first) = unseen.pop_first() {
        count += 1;
        let mut reached = vec![first];
        while let Some(peer) = reached.pop() {
            reached.extend(graph[&peer].iter().filter(|neighbor| unseen.remove(neighbor)));
        }
    }
    count
}

/// Degrees of at least `least`.
fn tail(graph: &Graph, least: u32) -> Vec<u32> {
    let degrees = graph.values().map(|neighbors| u32::try_from(neighbors.len()).unwrap());
    degrees.filter(|degree| *degree >= least).collect()
}

/// The exponent of the power law that fits the degrees of at least `least` best: Clauset, Shalizi,
/// Newman, SIAM Review 51, 661 (2009), eq. 3.7.
fn exponent(graph: &Graph, least: u32) -> f64 {
    let degrees = tail(graph, least);
    let begin = f64::from(least) - 0.5;
    let logarithms: f64 = degrees.iter().map(|degree| (f64::from(*degree) / begin).ln()).sum();
    1.0 + f64::from(u32::try_from(degrees.len()).unwrap()) / logarithms
}

#[test]
fn r08_weighted_lists_give_degrees_a_heavy_tail() {
    let (random, weighted) = (grow(OverlayKind::Random), grow(OverlayKind::PowerLaw));
    assert_eq!((components(&random), components(&weighted)), (1, 1));
    // Wherever a power law's tail is said to begin, its exponent is the same; another tail seems to
    // grow steeper the farther out one looks.
    for least in [6, 8, 10, 12] {
        let exponent = exponent(&weighted, least);
        assert!((2.5..3.5).contains(&exponent), "{exponent:.2} from {least} links on");
    }
    let (near, far) = (exponent(&random, 6), exponent(&random, 12));
    assert!(near < 4.0 && far > 8.0, "{near:.2} from 6 links on, {far:.2} from 12 on");
    let beyond_20 = [&random, &weighted].map(|graph| tail(graph, 20).len());
    assert!(beyond_20[0] == 0 && beyond_20[1] >= 8, "peers with 20 links: {beyond_20:?}");
}
