//! A node whose links never run dry still hears its caller (R33).

use std::net::SocketAddr;
use std::time::Duration;

use tidings_core::wire::{LinkMessage, Message, Ping, Purpose};
use tidings_core::{Config, UnixTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use crate::support::{Raw, TestNode, frame};

/// Neighbors that write pings as quickly as the node reads them, and throw the answers away.
async fn flood(peer: SocketAddr, neighbors: u8) -> JoinSet<()> {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let ping = Ping { nonce: 1, time: UnixTime::from_millis(1), addr: nowhere };
    let pings = frame(&Message::Link(LinkMessage::Ping(ping))).repeat(4096);
    let mut flooding = JoinSet::new();
    for n in 0..neighbors {
        let mut raw = Raw::connect(peer).await;
        raw.hello(50 + n, nowhere, Purpose::Neighbor { isolated: false }).await;
        raw.preamble().await;
        raw.wait_for(|message| matches!(message, Message::Link(LinkMessage::Welcome(_)))).await;
        let (mut incoming, mut outgoing) = raw.stream.into_split();
        let pings = pings.clone();
        flooding.spawn(async move { while outgoing.write_all(&pings).await.is_ok() {} });
        flooding.spawn(async move {
            let mut answers = vec![0; 1 << 16];
            while incoming.read(&mut answers).await.is_ok_and(|read| read > 0) {}
        });
    }
    flooding
}

/// The neighbors, the readers of their links and the node share two threads, so the node always has
/// something to read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r33_a_flooded_node_answers_its_caller_and_leaves() {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 9));
    let config = Config::classic();
    let peer = TestNode::peer(10, &[nowhere], config).await;
    let flooding = flood(peer.addr, 8).await;
    let before = peer.report().await.node.stats.messages_received;

    let mut waits = Vec::new();
    for _ in 0..200 {
        let asked = tokio::time::Instant::now();
        let report = peer.report().await;
        waits.push(asked.elapsed());
        assert_eq!(report.node.neighbors.len(), 8, "nobody is dropped for it");
    }
    waits.sort_unstable();
    let during = peer.report().await.node.stats.messages_received;
    assert!(during - before > 10_000, "it is flooded: {}", during - before);
    // A few may have waited for a busy machine.
    assert!(waits[190] < Duration::from_millis(100), "{:?}", &waits[180..]);
    assert!(waits[199] < Duration::from_secs(3), "{:?}", &waits[180..]);

    let asked = tokio::time::Instant::now();
    let report = peer.leave().await;
    assert!(asked.elapsed() < Duration::from_secs(3), "{:?}", asked.elapsed());
    assert_eq!(report.node.neighbors, []);
    drop(flooding);
}
