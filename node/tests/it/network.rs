//! Whole networks: gossip reaches all, the dead are dropped, what returns is taken back.

use std::net::SocketAddr;

use tidings_core::{Event, Node, NodeId, Removal};

use crate::support::{TestNode, quick, wait_until};

async fn seed_nodes() -> (Vec<TestNode>, Vec<SocketAddr>) {
    let mut nodes = Vec::new();
    for n in 1..=3 {
        nodes.push(TestNode::seed_node(n, quick()).await);
    }
    let addresses = nodes.iter().map(|node| node.addr).collect();
    (nodes, addresses)
}

async fn peers(addresses: &[SocketAddr], numbers: std::ops::RangeInclusive<u8>) -> Vec<TestNode> {
    let mut peers = Vec::new();
    for n in numbers {
        peers.push(TestNode::peer(n, addresses, quick()).await);
    }
    for peer in &peers {
        peer.events.wait_for("it has a neighbor", is_neighbor_up).await;
    }
    peers
}

fn is_neighbor_up(event: &Event) -> bool {
    matches!(event, Event::NeighborUp { .. })
}

/// How many of these seed nodes list `id`.
async fn listed(seed_nodes: &[TestNode], id: NodeId) -> usize {
    let mut count = 0;
    for seed_node in seed_nodes {
        let list = seed_node.report().await.node.registered;
        count += usize::from(list.iter().any(|entry| entry.record.subject() == id));
    }
    count
}

/// Waits until so many of these seed nodes list `id`.
async fn wait_until_listed(seed_nodes: &[TestNode], id: NodeId, is_so: impl Fn(usize) -> bool) {
    for _ in 0..3000 {
        if is_so(listed(seed_nodes, id).await) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("{id} is on {} lists", listed(seed_nodes, id).await);
}

/// R1-R13, R17, R18 in one network: 3 seed nodes and 10 peers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_peers_gossip_and_outlive_what_happens_to_them() {
    let (mut seeds, addresses) = seed_nodes().await;
    let mut peers = peers(&addresses, 10..=19).await;
    for peer in &peers {
        wait_until_listed(&seeds, peer.id, |lists| lists >= 2).await;
    }

    for peer in &peers {
        peer.say(&format!("from {}", peer.id)).await;
    }
    for peer in &peers {
        wait_until("all nine messages are there", || peer.delivered().len() >= 9).await;
    }

    // One dies without a goodbye, another stops where it stands.
    let killed = peers.pop().expect("ten");
    let frozen = peers.pop().expect("nine");
    let (killed_id, frozen_id) = (killed.id, frozen.id);
    killed.kill().await;
    frozen.freeze();
    wait_until_listed(&seeds, killed_id, |lists| lists == 0).await;
    wait_until_listed(&seeds, frozen_id, |lists| lists == 0).await;
    let dead = |event: &Event| matches!(event, Event::PeerRemoved { reason: Removal::Dead, .. });
    let removals: usize = seeds.iter().map(|seed| seed.events.count(dead)).sum();
    assert!(removals >= 4, "each was on at least two lists, {removals} removals");

    // A seed node dies and returns on the same port, having forgotten everybody.
    let lost = seeds.remove(0);
    let port = lost.addr.port();
    lost.kill().await;
    for peer in &peers {
        wait_until_listed(&seeds, peer.id, |lists| lists == 2).await;
    }
    let make = |birth| Node::seed_node(quick(), birth, &[]).expect("a valid config");
    seeds.push(TestNode::start(1, port, 2, make).await);

    // The eight that are left still reach each other, and nothing came twice.
    peers[0].say("still here").await;
    for peer in &peers[1..] {
        let has_it = || peer.delivered().contains(&"still here".to_owned());
        wait_until("the last message is there", has_it).await;
    }
    for peer in &peers {
        let mut texts = peer.delivered();
        texts.sort();
        let before = texts.len();
        texts.dedup();
        assert_eq!(texts.len(), before, "delivered twice");
        wait_until_listed(&seeds, peer.id, |lists| lists >= 2).await;
    }
    drop(frozen);
}

/// R19, R33: a leave is told, so nobody strikes anybody out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r19_a_peer_that_leaves_is_taken_off_the_lists_and_not_struck_out() {
    let (seeds, addresses) = seed_nodes().await;
    let mut peers = peers(&addresses, 10..=13).await;
    let leaver = peers.pop().expect("four");
    let id = leaver.id;
    let report = leaver.leave().await;
    assert!(report.node.neighbors.is_empty());
    wait_until_listed(&seeds, id, |lists| lists == 0).await;
    let not_left = |event: &Event| matches!(event, Event::PeerRemoved { reason, .. } if *reason != Removal::Left);
    assert!(seeds.iter().all(|seed| seed.events.count(not_left) == 0));
    let strikes = |event: &Event| matches!(event, Event::Strike { .. });
    assert!(peers.iter().all(|peer| peer.events.count(strikes) == 0));
}

/// R34: what was said before a peer came it gets as history.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r34_a_late_peer_catches_up() {
    let (_seeds, addresses) = seed_nodes().await;
    let early = peers(&addresses, 10..=12).await;
    early[0].say("long ago").await;
    wait_until("it spread", || early[1].delivered().len() == 1).await;
    // Time on the way is not counted in a message's age, so that it must be older than that.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let late = peers(&addresses, 13..=13).await;
    let history = |event: &Event| matches!(event, Event::Delivered { history: true, .. });
    late[0].events.wait_for("the history is there", history).await;
    assert_eq!(late[0].delivered(), ["long ago"]);
}
