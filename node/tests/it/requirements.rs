//! Rows of the requirements that a handful of nodes can show, in the order of their numbers; the
//! table in `docs/requirements.md` names the tests of the other rows.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidings_core::wire::{
    BroadcastMessage, DeathReport, LinkMessage, Message, Ping, Purpose, RegistrationMessage,
};
use tidings_core::{
    AddressRecord, BootEpoch, Config, DetectorKind, Event, LinkOrigin, Misbehavior, NodeId,
    Payload, Rejection, Removal, ReportOutcome, Topic, UnixTime,
};
use tidings_node::chatter::{Chatter, FirstNeighbor};
use tidings_node::settings::{self, Profile};
use tidings_node::{BroadcastError, NodeBuilder, unix_now};
use tokio::time::sleep;

use crate::library::wait_for_neighbor;
use crate::support::{Raw, TestNode, frame, gossip, quick, wait_until};

const NEIGHBOR: Purpose = Purpose::Neighbor { isolated: false };

fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

async fn seed_nodes(count: u8) -> (Vec<TestNode>, Vec<SocketAddr>) {
    let mut nodes = Vec::new();
    for n in 1..=count {
        nodes.push(TestNode::seed_node(n, quick()).await);
    }
    let addresses = nodes.iter().map(|node| node.addr).collect();
    (nodes, addresses)
}

async fn linked_peers(count: u8, addresses: &[SocketAddr], config: &Config) -> Vec<TestNode> {
    let mut peers = Vec::new();
    for n in 10..10 + count {
        peers.push(TestNode::peer(n, addresses, config.clone()).await);
    }
    let is_up = |event: &Event| matches!(event, Event::NeighborUp { .. });
    for peer in &peers {
        peer.events.wait_for("it has a neighbor", is_up).await;
    }
    peers
}

/// Waits until something is so of a node's state.
async fn wait_for_state(
    what: &str,
    node: &TestNode,
    is_so: impl Fn(&tidings_core::NodeSnapshot) -> bool,
) {
    for _ in 0..3000 {
        if is_so(&node.report().await.node) {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("waited in vain until {what}: {:?}", node.report().await.node);
}

/// A neighbor by hand, welcomed.
async fn raw_neighbor(peer: &TestNode, n: u8) -> Raw {
    let mut raw = Raw::connect(peer.addr).await;
    raw.hello(n, nowhere(), NEIGHBOR).await;
    raw.preamble().await;
    raw.wait_for(|message| matches!(message, Message::Link(LinkMessage::Welcome(_)))).await;
    raw
}

/// Sees to it that the peer has taken in all that was sent to it on this link before; returns the
/// gossip that came meanwhile.
async fn settle(raw: &mut Raw, nonce: u64) -> Vec<Message> {
    let ping = Ping { nonce, time: UnixTime::from_millis(1), addr: nowhere() };
    raw.write(&frame(&Message::Link(LinkMessage::Ping(ping)))).await;
    let mut gossip = Vec::new();
    loop {
        let message = raw.message().await.expect("the link stays");
        if message == Message::Link(LinkMessage::Pong(ping)) {
            return gossip;
        }
        if matches!(message, Message::Broadcast(BroadcastMessage::Gossip(_))) {
            gossip.push(message);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r01_seed_nodes_introduce_and_carry_no_gossip() {
    let (seeds, addresses) = seed_nodes(2).await;
    let peers = linked_peers(3, &addresses, &quick()).await;
    peers[0].say("hello").await;
    for peer in &peers[1..] {
        wait_until("it is everywhere", || peer.delivered() == ["hello"]).await;
    }
    for seed_node in &seeds {
        let stats = seed_node.report().await.node.stats;
        assert_eq!((stats.gossip_sent, stats.gossip_received), (0, 0));
        let payload = Payload::new("no".as_bytes().to_vec()).expect("short");
        let said = seed_node.handle.broadcast(Topic::default(), payload).await;
        assert_eq!(said, Err(BroadcastError::Rejected(Rejection::NotAPeer)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r05_a_peer_keeps_a_majority_of_registrations() {
    for (count, majority) in [(1, 1), (2, 2), (3, 2), (5, 3)] {
        let (mut seeds, addresses) = seed_nodes(count).await;
        let peer = TestNode::peer(10, &addresses, quick()).await;
        let registered = |state: &tidings_core::NodeSnapshot| {
            state.seed_nodes.iter().filter(|it| it.registered.is_some()).count()
        };
        wait_for_state("a majority lists it", &peer, |state| registered(state) == majority).await;
        if count < 3 {
            continue;
        }
        // A registered one dies, and another one takes its place.
        let state = peer.report().await.node;
        let lost = state.seed_nodes.iter().find(|it| it.registered.is_some()).expect("some").addr;
        let place = seeds.iter().position(|node| node.addr == lost).expect("one of them");
        seeds.remove(place).kill().await;
        let replaced = |state: &tidings_core::NodeSnapshot| {
            let is_lost = |it: &&tidings_core::SeedNodeSnapshot| it.addr == lost;
            let dropped = state.seed_nodes.iter().find(is_lost);
            registered(state) == majority && dropped.is_some_and(|it| it.registered.is_none())
        };
        wait_for_state("it is replaced", &peer, replaced).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r06_a_peer_takes_the_union_of_the_lists() {
    let (seeds, addresses) = seed_nodes(2).await;
    let left = TestNode::peer(10, &addresses[..1], quick()).await;
    let right = TestNode::peer(11, &addresses[1..], quick()).await;
    for seed_node in &seeds {
        wait_for_state("it lists one", seed_node, |state| state.registered.len() == 1).await;
    }
    let peer = TestNode::peer(12, &addresses, quick()).await;
    let both = BTreeSet::from([left.id, right.id]);
    wait_for_state("it knows both", &peer, |state| {
        state.known.iter().map(|known| known.record.subject()).collect::<BTreeSet<_>>() == both
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r07_a_peer_opens_at_most_four_links_and_passes_over_who_is_gone() {
    let (_seeds, addresses) = seed_nodes(1).await;
    let peers = linked_peers(9, &addresses, &Config { ..quick() }).await;
    // One that is listed and no longer there.
    let gone = TestNode::peer(40, &addresses, quick()).await;
    gone.events.wait_for("it is listed", |event| matches!(event, Event::Registered { .. })).await;
    gone.kill().await;
    let peer = TestNode::peer(41, &addresses, quick()).await;
    let opened = |state: &tidings_core::NodeSnapshot| {
        state.neighbors.iter().filter(|it| it.origin == LinkOrigin::Dialed).count()
    };
    wait_for_state("it has opened four", &peer, |state| opened(state) == 4).await;
    for peer in &peers {
        assert!(opened(&peer.report().await.node) <= 4);
        assert!(peer.report().await.node.neighbors.iter().all(|it| it.record.subject() != peer.id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r09_r10_the_overlay_is_one_graph_and_both_ends_of_a_link_tell_of_it() {
    let (_seeds, addresses) = seed_nodes(3).await;
    let mut config = quick();
    // A graph that stands still can be compared.
    config.overlay.refresh = Duration::from_hours(1);
    let peers = linked_peers(12, &addresses, &config).await;
    for _ in 0..3000 {
        let mut links = BTreeSet::new();
        for peer in &peers {
            for neighbor in peer.report().await.node.neighbors {
                let is_dialer = neighbor.origin == LinkOrigin::Dialed;
                links.insert((peer.id, neighbor.record.subject(), is_dialer));
            }
        }
        let is_mirrored = links.iter().all(|&(a, b, dialed)| links.contains(&(b, a, !dialed)));
        if is_mirrored && reached(peers[0].id, &links).len() == peers.len() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("the overlay does not become one graph that both ends agree on");
}

/// Whom a message from `start` can reach.
fn reached(start: NodeId, links: &BTreeSet<(NodeId, NodeId, bool)>) -> BTreeSet<NodeId> {
    let mut reached = BTreeSet::from([start]);
    let mut frontier = vec![start];
    while let Some(at) = frontier.pop() {
        for (_, to, _) in links.iter().filter(|(from, ..)| *from == at) {
            if reached.insert(*to) {
                frontier.push(*to);
            }
        }
    }
    reached
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r11_a_link_stays_and_carries_everything() {
    let (_seeds, addresses) = seed_nodes(1).await;
    let peers = linked_peers(2, &addresses, &quick()).await;
    for n in 0..20 {
        peers[0].say(&format!("{n}")).await;
    }
    wait_until("all are there", || peers[1].delivered().len() == 20).await;
    let is_pinged = |state: &tidings_core::NodeSnapshot| state.stats.pings >= 3;
    wait_for_state("it has pinged", &peers[0], is_pinged).await;
    let came_up = |event: &Event| matches!(event, Event::NeighborUp { .. });
    for peer in &peers {
        assert_eq!(peer.events.count(came_up), 1, "one link for all of it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r12_a_peer_says_ten_messages_of_the_documented_form() {
    let classic = Chatter::of(Profile::Classic);
    assert_eq!((classic.every, classic.count), (Duration::from_secs(5), 10));
    let (_seeds, addresses) = seed_nodes(1).await;
    let listener = TestNode::peer(11, &addresses, quick()).await;
    let joined = Arc::new(FirstNeighbor::default());
    let observer = Arc::<FirstNeighbor>::clone(&joined);
    let speaker = NodeBuilder::peer().config(quick()).listen([127, 0, 0, 1]).seed(addresses[0]);
    let speaker = speaker.observer(observer).start().await.unwrap();
    let quicker = Chatter { every: Duration::from_millis(20), ..classic };
    quicker.run(&joined, &speaker.handle(), speaker.addr().ip(), unix_now).await;
    wait_until("ten are there", || listener.delivered().len() == 10).await;
    for (place, text) in listener.delivered().iter().enumerate() {
        let parts: Vec<&str> = text.split(':').collect();
        assert!(parts[0].parse::<u64>().is_ok_and(|time| time > 1_600_000_000_000), "{text}");
        assert_eq!(parts[1..], ["127.0.0.1", &(place + 1).to_string()], "timestamp:IP:Msg#");
    }
    sleep(Duration::from_millis(200)).await;
    let published = speaker.snapshot().await.unwrap().stats.published;
    assert_eq!(published, 10, "and not one more");
}

/// The chatter is the program's: a node of a library user says nothing by itself, whatever it is set to.
#[tokio::test]
async fn r12_a_library_node_says_nothing_by_itself() {
    let (_seeds, addresses) = seed_nodes(1).await;
    let listener = TestNode::peer(10, &addresses, quick()).await;
    let mut config = quick();
    for (name, value) in [("gossip_every", "10ms"), ("gossip_count", "10")] {
        settings::set(&mut config, name, value).unwrap();
    }
    assert_eq!(config, quick());
    let wrong = settings::set(&mut config, "gossip_every", "9ms");
    assert_eq!(wrong.unwrap_err().to_string(), "gossip_every = \"9ms\": allowed is 10ms to 1h");
    let silent = TestNode::peer(11, &addresses, config).await;
    let is_linked = |state: &tidings_core::NodeSnapshot| !state.neighbors.is_empty();
    wait_for_state("they are linked", &silent, is_linked).await;
    sleep(Duration::from_millis(200)).await;
    assert_eq!(silent.report().await.node.stats.published, 0);
    assert!(listener.delivered().is_empty());
}

#[tokio::test]
async fn r13_a_message_crosses_a_link_at_most_once_and_never_back() {
    let peer = TestNode::peer(10, &[nowhere()], quick()).await;
    let (mut sender, mut other) = (raw_neighbor(&peer, 50).await, raw_neighbor(&peer, 51).await);
    let message = gossip(50, 1, "once");
    sender.write(&frame(&message)).await;
    assert_eq!(settle(&mut sender, 1).await.len(), 0, "not back to the sender");
    assert_eq!(settle(&mut other, 2).await.len(), 1, "once to all others");
    // Repeats are ignored, whoever sends them.
    sender.write(&frame(&message)).await;
    other.write(&frame(&message)).await;
    assert_eq!(settle(&mut sender, 3).await.len() + settle(&mut other, 4).await.len(), 0);
    assert_eq!(peer.delivered(), ["once"]);
    // The same text a second time is another message.
    sender.write(&frame(&gossip(50, 2, "once"))).await;
    settle(&mut sender, 5).await;
    assert_eq!(peer.delivered(), ["once", "once"]);
}

#[tokio::test]
async fn r14_every_neighbor_is_checked_for_as_long_as_it_is_one() {
    assert_eq!(Config::classic().detector.liveness_every, Duration::from_secs(13));
    let peer = TestNode::peer(10, &[nowhere()], quick()).await;
    let mut neighbors = [raw_neighbor(&peer, 50).await, raw_neighbor(&peer, 51).await];
    for _ in 0..4 {
        for raw in &mut neighbors {
            let Message::Link(LinkMessage::Ping(ping)) =
                raw.wait_for(|it| matches!(it, Message::Link(LinkMessage::Ping(_)))).await
            else {
                unreachable!("it is a ping");
            };
            raw.write(&frame(&Message::Link(LinkMessage::Pong(ping)))).await;
        }
    }
    assert_eq!(peer.report().await.node.neighbors.len(), 2);
}

#[tokio::test]
async fn r15_a_reply_must_repeat_the_requests_fields() {
    let peer = TestNode::peer(10, &[nowhere()], quick()).await;
    let mut raw = raw_neighbor(&peer, 50).await;
    // Its own answers do, to the sender only: the request is answered on the link it came by.
    assert_eq!(settle(&mut raw, 77).await.len(), 0);
    let Message::Link(LinkMessage::Ping(ping)) =
        raw.wait_for(|it| matches!(it, Message::Link(LinkMessage::Ping(_)))).await
    else {
        unreachable!("it is a ping");
    };
    assert_eq!(ping.addr, peer.addr, "the requester's own address");
    let other_time = Ping { time: UnixTime::from_millis(0), ..ping };
    raw.write(&frame(&Message::Link(LinkMessage::Pong(other_time)))).await;
    let accused =
        |event: &Event| matches!(event, Event::Misbehaved { kind: Misbehavior::WrongEcho, .. });
    peer.events.wait_for("the mismatch is noticed", accused).await;
    let strike = |event: &Event| matches!(event, Event::Strike { .. });
    peer.events.wait_for("it is no answer", strike).await;
}

/// The option's weakness is documented: a stopped process accepts, so that only the seed nodes
/// notice it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r16_liveness_by_a_tcp_connect_sees_machines_and_not_processes() {
    let (seeds, addresses) = seed_nodes(1).await;
    let mut config = quick();
    config.detector.kind = DetectorKind::Connect;
    let mut peers = linked_peers(3, &addresses, &config).await;
    let (killed, stopped, watcher) = (peers.remove(0), peers.remove(0), peers.remove(0));
    let (killed_id, stopped_id) = (killed.id, stopped.id);
    wait_for_state("it is linked with both", &watcher, |state| state.neighbors.len() == 2).await;
    stopped.freeze();
    killed.kill().await;
    let reported = |id: NodeId| move |event: &Event| matches!(event, Event::DeathReported { subject } if subject.subject() == id);
    watcher.events.wait_for("the killed one is reported", reported(killed_id)).await;
    let removed = |event: &Event| {
        matches!(event, Event::PeerRemoved { peer, reason: Removal::Dead }
            if peer.subject() == stopped_id)
    };
    seeds[0].events.wait_for("the seed node's own probe finds the stopped one", removed).await;
    assert_eq!(watcher.events.count(reported(stopped_id)), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r17_three_misses_are_reported_to_every_seed_node() {
    assert_eq!(Config::classic().detector.misses, 3);
    let (seeds, addresses) = seed_nodes(3).await;
    let mut peers = linked_peers(2, &addresses, &quick()).await;
    let (stopped, watcher) = (peers.remove(0), peers.remove(0));
    let (id, addr) = (stopped.id, stopped.addr);
    stopped.freeze();
    for seed_node in &seeds {
        let told = |event: &Event| {
            matches!(event, Event::ReportReceived { subject, reporter, .. }
                if subject.subject() == id && subject.primary() == addr && *reporter == watcher.id)
        };
        seed_node.events.wait_for("it is told, linked or not", told).await;
        wait_for_state("it drops the entry", seed_node, |state| {
            state.registered.iter().all(|entry| entry.record.subject() != id)
        })
        .await;
    }
    let strikes = watcher.events.count(|event| matches!(event, Event::Strike { .. }));
    assert_eq!((strikes, watcher.report().await.node.neighbors.len()), (3, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r18_connections_to_seed_nodes_stay_open() {
    let (seeds, addresses) = seed_nodes(1).await;
    let peer = TestNode::peer(10, &addresses, quick()).await;
    // Several leases long.
    wait_for_state("it is listed for long", &seeds[0], |state| {
        state.registered.iter().any(|entry| entry.since > Duration::from_secs(3))
    })
    .await;
    let asked = seeds[0].events.count(|event| matches!(event, Event::ConnectionRequested { .. }));
    assert_eq!(asked, 1, "one connection for all renewals");
    assert_eq!(peer.report().await.node.stats.dials, 1);
}

#[tokio::test]
async fn r23_a_report_needs_as_many_confirmations_as_are_asked() {
    let mut config = quick();
    config.registration.confirmations = 2;
    config.registration.lease = Duration::from_mins(1);
    let seed_node = TestNode::seed_node(1, config).await;
    // The subject has registered, keeps its link, and answers no probe.
    let mut subject = Raw::connect(seed_node.addr).await;
    subject.hello(50, nowhere(), Purpose::Register).await;
    subject.preamble().await;
    subject.write(&frame(&Message::Registration(RegistrationMessage::Register))).await;
    subject
        .wait_for(|it| matches!(it, Message::Registration(RegistrationMessage::Registered { .. })))
        .await;
    let outcomes = |wanted: ReportOutcome| move |event: &Event| matches!(event, Event::ReportReceived { outcome, .. } if *outcome == wanted);
    for (reporter, outcome) in [(60, ReportOutcome::Noted), (61, ReportOutcome::Probing)] {
        let mut raw = Raw::connect(seed_node.addr).await;
        raw.hello(reporter, nowhere(), Purpose::Notice).await;
        // The same one twice is one.
        for _ in 0..2 {
            raw.write(&frame(&death_report(50, reporter))).await;
        }
        seed_node.events.wait_for("it is weighed", outcomes(outcome)).await;
    }
    let removed = |event: &Event| matches!(event, Event::PeerRemoved { reason: Removal::Dead, .. });
    seed_node.events.wait_for("two were enough", removed).await;
    assert_eq!(seed_node.events.count(outcomes(ReportOutcome::Noted)), 2);
}

fn death_report(subject: u8, reporter: u8) -> Message {
    let record = AddressRecord::new(NodeId::new([subject; 32]), BootEpoch(1), &[nowhere()]);
    Message::Registration(RegistrationMessage::DeathReport(Box::new(DeathReport {
        subject: record.expect("valid"),
        reporter: NodeId::new([reporter; 32]),
        at: UnixTime::from_millis(0),
        signature: None,
    })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r30_nodes_meet_over_ipv6_and_without_any_address_given() {
    // Some machines have no IPv6 at all.
    let v6 = std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
    let has_v6 = std::net::TcpListener::bind((v6, 0)).is_ok();
    let loopback = if has_v6 { v6 } else { [127, 0, 0, 1].into() };
    let seed_node = NodeBuilder::seed_node().listen(loopback).start().await.expect("it starts");
    let on_v6 = NodeBuilder::peer().listen(loopback).seed(seed_node.addr());
    let on_v6 = on_v6.start().await.expect("it starts");
    // Listens on all addresses and tells others the host's own.
    let anywhere = NodeBuilder::peer().seed(seed_node.addr()).start().await.expect("it starts");
    assert!(!anywhere.addr().ip().is_unspecified());
    for peer in [&on_v6, &anywhere] {
        wait_for_neighbor(peer).await;
    }
    anywhere.stop().await.expect("it leaves");
    on_v6.stop().await.expect("it leaves");
}
