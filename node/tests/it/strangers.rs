//! What strangers send: bytes in odd pieces, garbage, silence, lies.

use std::net::SocketAddr;
use std::time::Duration;

use tidings_core::wire::{
    BroadcastMessage, Bye, DeathReport, LinkMessage, MAX_FRAME, Message, Preamble, Purpose,
    Refusal, RegistrationMessage,
};
use tidings_core::{
    AddressRecord, BootEpoch, DetectorKind, Event, LinkLoss, Misbehavior, NeighborLoss, NodeId,
    Topic, UnixTime,
};
use tokio::time::sleep;

use crate::support::{Raw, TestNode, frame, gossip, gossip_on, hello, quick, wait_until};

const NEIGHBOR: Purpose = Purpose::Neighbor { isolated: false };

/// Where a raw node says it listens. Nobody does.
fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

/// A peer without any seed node to be found.
async fn lone_peer() -> TestNode {
    TestNode::peer(10, &[nowhere()], quick()).await
}

#[tokio::test]
async fn frames_may_come_in_any_pieces() {
    let peer = lone_peer().await;
    let mut raw = Raw::connect(peer.addr).await;
    let opening = Preamble::OPENING.encode();
    let three = [
        &opening[..],
        &frame(&hello(50, nowhere(), NEIGHBOR)),
        &frame(&gossip(50, 1, "one write")),
        &frame(&gossip(50, 2, "the same write")),
    ]
    .concat();
    raw.write(&three).await;
    wait_until("both are there", || peer.delivered().len() == 2).await;
    for byte in frame(&gossip(50, 3, "byte by byte")) {
        raw.write(&[byte]).await;
        sleep(Duration::from_millis(1)).await;
    }
    wait_until("the third is there", || peer.delivered().len() == 3).await;
    assert_eq!(peer.delivered(), ["one write", "the same write", "byte by byte"]);
    assert_eq!(raw.preamble().await, opening);
    assert!(matches!(raw.message().await, Some(Message::Link(LinkMessage::Welcome(_)))));
}

#[tokio::test]
async fn garbage_ends_the_link_and_nothing_else() {
    let peer = lone_peer().await;
    let mut good = Raw::connect(peer.addr).await;
    good.hello(51, nowhere(), NEIGHBOR).await;
    for garbage in [&[0, 0, 0, 3, 0xff, 0xff, 0xff][..], &[0, 0, 0, 0], &[0, 0, 0, 2, 4, 4]] {
        let mut raw = Raw::connect(peer.addr).await;
        raw.hello(50, nowhere(), NEIGHBOR).await;
        raw.preamble().await;
        raw.wait_for(|message| matches!(message, Message::Link(LinkMessage::Welcome(_)))).await;
        raw.write(garbage).await;
        assert_eq!(
            raw.last_message().await,
            Some(Message::Link(LinkMessage::Bye(Bye::Misbehaved)))
        );
    }
    let garbled =
        |event: &Event| matches!(event, Event::Misbehaved { kind: Misbehavior::Garbled(_), .. });
    assert_eq!(peer.events.count(garbled), 3);
    good.write(&frame(&gossip(51, 1, "unharmed"))).await;
    wait_until("the good neighbor is heard", || peer.delivered() == ["unharmed"]).await;
}

/// Statements are read by every peer that keeps members, so honest neighbors pass nonsense on before
/// it is known to be that.
#[tokio::test]
async fn nonsense_about_members_is_held_against_its_origin_and_nobody_else() {
    let mut config = quick();
    config.detector.kind = DetectorKind::Swim;
    let peer = TestNode::peer(10, &[nowhere()], config).await;
    let mut raw = Raw::connect(peer.addr).await;
    raw.hello(50, nowhere(), NEIGHBOR).await;
    for (origin, text) in [(60, "of another"), (50, "its own")] {
        raw.write(&frame(&gossip_on(Topic::members(), origin, 1, text))).await;
    }
    let accused = |event: &Event| matches!(event, Event::Misbehaved { .. });
    peer.events.wait_for("nonsense is noticed", accused).await;
    raw.write(&frame(&gossip(50, 2, "later"))).await;
    wait_until("what came later is there", || peer.delivered() == ["later"]).await;
    let garbled =
        |event: &Event| matches!(event, Event::Misbehaved { kind: Misbehavior::Garbled(_), .. });
    assert_eq!((peer.events.count(garbled), peer.events.count(accused)), (1, 1));
}

#[tokio::test]
async fn a_frame_longer_than_allowed_is_refused_by_its_length_alone() {
    let peer = lone_peer().await;
    let mut raw = Raw::connect(peer.addr).await;
    raw.hello(50, nowhere(), NEIGHBOR).await;
    raw.preamble().await;
    let length = u32::try_from(MAX_FRAME + 1).expect("fits").to_be_bytes();
    raw.write(&length).await;
    assert_eq!(raw.last_message().await, Some(Message::Link(LinkMessage::Bye(Bye::Misbehaved))));
}

#[tokio::test]
async fn other_programs_and_versions_are_told_apart() {
    let peer = lone_peer().await;
    let mut browser = Raw::connect(peer.addr).await;
    browser.write(b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(browser.last_message().await, None, "closed without a word");
    let mut newer = Raw::connect(peer.addr).await;
    newer.write(b"TDNG\x00\x63\x00\x00").await;
    assert_eq!(newer.preamble().await, *b"TDNG\x00\x09\x00\x01", "version 9, refused");
    assert_eq!(newer.last_message().await, None);
}

#[tokio::test]
async fn a_stranger_that_says_nothing_is_shown_out() {
    let peer = lone_peer().await;
    let mut silent = Raw::connect(peer.addr).await;
    silent.write(&Preamble::OPENING.encode()).await;
    silent.preamble().await;
    assert_eq!(silent.last_message().await, Some(Message::Link(LinkMessage::Bye(Bye::Silent))));
    assert_eq!(peer.report().await.node.stats.hellos_missed, 1);
}

#[tokio::test]
async fn a_neighbor_that_answers_no_ping_strikes_out() {
    let peer = lone_peer().await;
    let mut raw = Raw::connect(peer.addr).await;
    raw.hello(50, nowhere(), NEIGHBOR).await;
    raw.preamble().await;
    assert_eq!(raw.last_message().await, Some(Message::Link(LinkMessage::Bye(Bye::Silent))));
    let reported = |event: &Event| matches!(event, Event::DeathReported { .. });
    peer.events.wait_for("it is reported", reported).await;
}

#[tokio::test]
async fn a_neighbor_that_reads_nothing_is_dropped_and_holds_up_nobody() {
    let mut config = quick();
    config.links.stall_timeout = Duration::from_secs(1);
    // Nor does it answer pings.
    config.detector.liveness_every = Duration::from_mins(1);
    let peer = TestNode::peer(10, &[nowhere()], config).await;
    let mut slow = Raw::connect(peer.addr).await;
    slow.hello(50, nowhere(), NEIGHBOR).await;
    let other = Raw::connect(peer.addr).await;
    let mut other = other;
    other.hello(51, nowhere(), NEIGHBOR).await;
    other.preamble().await;
    wait_until("both are neighbors", || {
        peer.events.count(|event| matches!(event, Event::NeighborUp { .. })) == 2
    })
    .await;
    // More than the kernel's buffers and the node's queue hold together: then the peer waits for a while.
    let big = "x".repeat(60 * 1024);
    let mut sent = 0;
    let stalled = |event: &Event| {
        let reason = NeighborLoss::LinkLost(LinkLoss::Stalled);
        matches!(event, Event::NeighborDown { reason: loss, .. } if *loss == reason)
    };
    while peer.events.count(stalled) == 0 {
        assert!(sent < 2000, "{sent} messages and it is still a neighbor");
        peer.say(&big).await;
        sent += 1;
        other
            .wait_for(|message| matches!(message, Message::Broadcast(BroadcastMessage::Gossip(_))))
            .await;
    }
    assert_eq!(peer.report().await.node.stats.limits.overruns, 0);
}

/// R20: the seed node looks itself, so a lie removes nobody and is counted.
#[tokio::test]
async fn r20_r22_a_false_death_report_removes_nobody() {
    let seed_node = TestNode::seed_node(1, quick()).await;
    let victim = TestNode::peer(10, &[seed_node.addr], quick()).await;
    let registered = |event: &Event| matches!(event, Event::PeerRegistered { .. });
    seed_node.events.wait_for("the victim is listed", registered).await;
    let mut liar = Raw::connect(seed_node.addr).await;
    liar.hello(66, nowhere(), Purpose::Notice).await;
    liar.write(&frame(&report(&victim, 66))).await;
    let blamed = |event: &Event| matches!(event, Event::FalseReport { count: 1, .. });
    seed_node.events.wait_for("the liar is blamed", blamed).await;
    let state = seed_node.report().await.node;
    assert_eq!(state.registered.len(), 1, "the victim is still listed");
    assert_eq!(state.false_reports, [(NodeId::new([66; 32]), 1)]);
}

#[tokio::test]
async fn r20_a_report_in_anothers_name_ends_the_link() {
    let seed_node = TestNode::seed_node(1, quick()).await;
    let victim = TestNode::peer(10, &[seed_node.addr], quick()).await;
    let registered = |event: &Event| matches!(event, Event::PeerRegistered { .. });
    seed_node.events.wait_for("the victim is listed", registered).await;
    let mut liar = Raw::connect(seed_node.addr).await;
    liar.hello(66, nowhere(), Purpose::Notice).await;
    liar.preamble().await;
    liar.write(&frame(&report(&victim, 67))).await;
    assert_eq!(liar.last_message().await, Some(Message::Link(LinkMessage::Bye(Bye::Misbehaved))));
    let received = |event: &Event| matches!(event, Event::ReportReceived { .. });
    assert_eq!(seed_node.events.count(received), 0);
}

#[tokio::test]
async fn r01_a_seed_node_is_no_neighbor() {
    let seed_node = TestNode::seed_node(1, quick()).await;
    let mut raw = Raw::connect(seed_node.addr).await;
    raw.hello(50, nowhere(), NEIGHBOR).await;
    raw.preamble().await;
    match raw.last_message().await {
        Some(Message::Link(LinkMessage::Refuse(refuse))) => {
            assert_eq!(refuse.reason, Refusal::WrongRole);
        }
        other => panic!("{other:?}"),
    }
}

/// R4: 150 registrations of peers that do not exist neither fill the list for good nor keep an
/// honest peer out; those that the bound refuses are told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r04_false_registrations_are_bounded_and_go_away() {
    let mut config = quick();
    config.registration.registry_max = 100;
    let seed_node = TestNode::seed_node(1, config).await;
    let mut liars = Vec::new();
    let mut refused = 0;
    for n in 51..=200 {
        let mut liar = Raw::connect(seed_node.addr).await;
        liar.hello(n, nowhere(), Purpose::Register).await;
        liar.preamble().await;
        match liar.message().await {
            Some(Message::Link(LinkMessage::Welcome(_))) => {
                liar.write(&frame(&Message::Registration(RegistrationMessage::Register))).await;
            }
            Some(Message::Link(LinkMessage::Refuse(refuse))) => {
                assert_eq!(refuse.reason, Refusal::RegistryFull);
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
        if let Some(Message::Registration(RegistrationMessage::Registered { .. })) =
            liar.message().await
        {
            liars.push(liar);
        }
    }
    assert_eq!((liars.len(), refused), (100, 50));
    assert_eq!(seed_node.report().await.node.stats.limits.registry, 50);
    // Nobody answers where they said, so nothing renews their entries but more lies.
    let honest = TestNode::peer(10, &[seed_node.addr], quick()).await;
    let registered = |event: &Event| matches!(event, Event::Registered { .. });
    honest.events.wait_for("the honest peer is listed", registered).await;
    let removed = |event: &Event| matches!(event, Event::PeerRemoved { .. });
    wait_until("all false entries are gone", || seed_node.events.count(removed) == 100).await;
    assert_eq!(seed_node.report().await.node.registered.len(), 1);
}

/// 30 connections that say nothing cost nobody anything and are shown out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_do_not_keep_others_out() {
    let seed_node = TestNode::seed_node(1, quick()).await;
    let first = TestNode::peer(10, &[seed_node.addr], quick()).await;
    let mut idle = Vec::new();
    for n in 0..30 {
        let addr = if n % 2 == 0 { seed_node.addr } else { first.addr };
        let mut raw = Raw::connect(addr).await;
        // Some say a preamble, some not even that.
        if n % 3 == 0 {
            raw.write(&Preamble::OPENING.encode()).await;
        }
        idle.push(raw);
    }
    let second = TestNode::peer(11, &[seed_node.addr], quick()).await;
    let is_up = |event: &Event| matches!(event, Event::NeighborUp { .. });
    second.events.wait_for("it has a neighbor", is_up).await;
    for mut raw in idle {
        assert!(raw.read_to_end().await, "it is closed");
    }
}

/// The port of a node that died with open connections can be taken again at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r18_a_seed_node_that_restarts_gets_its_list_back() {
    let seed_node = TestNode::seed_node(1, quick()).await;
    let peer = TestNode::peer(10, &[seed_node.addr], quick()).await;
    let registered = |event: &Event| matches!(event, Event::Registered { .. });
    peer.events.wait_for("it is listed", registered).await;
    let port = seed_node.addr.port();
    seed_node.kill().await;
    let again = TestNode::start(1, port, 2, |birth| {
        tidings_core::Node::seed_node(quick(), birth, &[]).expect("allowed")
    })
    .await;
    let listed = |event: &Event| matches!(event, Event::PeerRegistered { .. });
    again.events.wait_for("the peer registers again", listed).await;
}

/// R7: somebody with many identities takes every link slot of a peer; a newcomer without any link
/// is let in all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r07_nobody_can_hold_every_link_slot() {
    let mut config = quick();
    config.overlay.max_links = 8;
    let seed_node = TestNode::seed_node(1, quick()).await;
    let peer = TestNode::peer(10, &[seed_node.addr], config).await;
    let mut holders = Vec::new();
    for n in 51..59 {
        let mut holder = Raw::connect(peer.addr).await;
        holder.hello(n, nowhere(), NEIGHBOR).await;
        holder.preamble().await;
        assert!(matches!(holder.message().await, Some(Message::Link(LinkMessage::Welcome(_)))));
        holders.push(holder);
    }
    let mut ninth = Raw::connect(peer.addr).await;
    ninth.hello(59, nowhere(), NEIGHBOR).await;
    ninth.preamble().await;
    let Some(Message::Link(LinkMessage::Refuse(refuse))) = ninth.message().await else {
        panic!("all are taken")
    };
    assert_eq!(refuse.reason, Refusal::Busy);
    // The holders answer every ping, so that nothing but the newcomer moves them.
    let mut answering = tokio::task::JoinSet::new();
    for holder in holders {
        answering.spawn(holder.answer_pings());
    }
    let newcomer = TestNode::peer(11, &[seed_node.addr], quick()).await;
    let is_up = |event: &Event| matches!(event, Event::NeighborUp { .. });
    newcomer.events.wait_for("the newcomer is let in", is_up).await;
    let links = peer.report().await.node.neighbors;
    assert!(links.len() <= 8 && links.iter().any(|it| it.record.subject() == newcomer.id));
    newcomer.say("I am in").await;
    wait_until("it is heard", || peer.delivered().contains(&"I am in".to_owned())).await;
}

fn report(victim: &TestNode, reporter: u8) -> Message {
    let subject = AddressRecord::new(victim.id, BootEpoch(1), &[victim.addr]).expect("valid");
    Message::Registration(RegistrationMessage::DeathReport(Box::new(DeathReport {
        subject,
        reporter: NodeId::new([reporter; 32]),
        at: UnixTime::from_millis(0),
        signature: None,
    })))
}
