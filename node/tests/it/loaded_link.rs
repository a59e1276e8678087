//! A link with more to carry than it takes: control is not kept waiting, and no goodbye costs a payload.

use std::net::SocketAddr;
use std::time::Duration;

use tidings_core::wire::{
    BroadcastMessage, Bye, Claim, Gossip, LinkMessage, Message, Ping, Purpose, RegistrationMessage,
    Statement,
};
use tidings_core::{Config, Payload, UnixTime};
use tokio::join;

use crate::support::{Raw, TestNode, frame};

const NEIGHBOR: Purpose = Purpose::Neighbor { isolated: false };

/// Payloads that wait, of a KiB each: nearly as much as a queue takes.
const WAITING: usize = 900;

fn nowhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 9))
}

/// A peer, and a neighbor that reads none of all that the peer has said.
async fn loaded(config: Config) -> (TestNode, Raw) {
    let peer = TestNode::peer(10, &[nowhere()], config).await;
    let mut raw = Raw::connect_with_little_room(peer.addr).await;
    raw.hello(50, nowhere(), NEIGHBOR).await;
    raw.preamble().await;
    raw.wait_for(|message| matches!(message, Message::Link(LinkMessage::Welcome(_)))).await;
    for n in 0..WAITING {
        peer.say(&format!("{n:1024}")).await;
    }
    (peer, raw)
}

/// The numbers in payloads; none of anything that is none.
fn numbers(message: &Message) -> Vec<usize> {
    let Message::Broadcast(BroadcastMessage::Gossip(Gossip { envelope, .. })) = message else {
        return Vec::new();
    };
    let number = |payload: Payload| std::str::from_utf8(&payload).ok()?.trim().parse().ok();
    envelope.payloads().filter_map(number).filter(|_| !envelope.topic().is_reserved()).collect()
}

fn is_left_statement(message: &Message) -> bool {
    let Message::Broadcast(BroadcastMessage::Gossip(Gossip { envelope, .. })) = message else {
        return false;
    };
    envelope.topic().is_reserved()
        && envelope.payloads().any(|payload| {
            Statement::from_payload(&payload).is_ok_and(|it| it.claim == Claim::Left)
        })
}

/// What the kernel has taken by then goes first, which is little where it can be told so.
#[tokio::test]
async fn a_ping_is_answered_ahead_of_what_waits() {
    let (peer, mut raw) = loaded(Config::classic()).await;
    let heard = peer.report().await.node.stats.messages_received;
    let ping = Ping { nonce: 7, time: UnixTime::from_millis(1), addr: nowhere() };
    raw.write(&frame(&Message::Link(LinkMessage::Ping(ping)))).await;
    while peer.report().await.node.stats.messages_received == heard {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut before = 0;
    loop {
        let message = raw.message().await.expect("the link stays");
        if message == Message::Link(LinkMessage::Pong(ping)) {
            break;
        }
        before += numbers(&message).len();
    }
    let takes_little = cfg!(any(target_os = "linux", target_os = "android"));
    assert!(!takes_little || before < WAITING / 3, "{before} messages came before the answer");
}

#[tokio::test]
async fn who_leaves_says_first_what_waits() {
    let mut config = Config::modern();
    // This neighbor answers no pings.
    config.detector.swim.probe_every = Duration::from_mins(1);
    let (peer, mut raw) = loaded(config).await;
    let reading = async {
        let mut all = Vec::new();
        while let Some(message) = raw.message().await {
            all.push(message);
        }
        all
    };
    let (_report, all) = join!(peer.leave(), reading);
    let said: Vec<usize> = all.iter().flat_map(numbers).collect();
    assert_eq!(said, (0..WAITING).collect::<Vec<_>>());
    let farewell = &all[all.iter().rposition(|it| !numbers(it).is_empty()).expect("900")..];
    assert!(farewell.iter().any(is_left_statement), "{farewell:?}");
    assert!(
        farewell
            .iter()
            .any(|it| matches!(it, Message::Registration(RegistrationMessage::Leave(_))))
    );
    assert_eq!(all.last(), Some(&Message::Link(LinkMessage::Bye(Bye::Leaving))));
}
