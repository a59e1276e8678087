//! The node as a part of another program.

use std::time::Duration;

use tidings_core::{NeighborLoss, NodeSnapshot, Payload};
use tidings_node::{
    BroadcastError, Events, NodeBuilder, NodeEvent, RunningNode, SendError, StartError,
};
use tokio::time::{sleep, timeout};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn seed_node() -> RunningNode {
    NodeBuilder::seed_node().listen([127, 0, 0, 1]).start().await.expect("it starts")
}

async fn peer(seed_node: &RunningNode) -> RunningNode {
    let builder = NodeBuilder::peer().listen([127, 0, 0, 1]).seed(seed_node.addr());
    builder.set("isolated_retry", "100ms").expect("a setting").start().await.expect("it starts")
}

/// Waits until something is so of a node's state.
async fn wait_until(node: &RunningNode, is_so: impl Fn(&NodeSnapshot) -> bool) {
    let waiting = async {
        while !is_so(&node.snapshot().await.expect("it runs")) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, waiting).await.expect("it becomes so");
}

pub(crate) async fn wait_for_neighbor(node: &RunningNode) {
    wait_until(node, |state| !state.neighbors.is_empty()).await;
}

/// Waits for an event like this.
async fn wait_for<T>(events: &mut Events, pick: impl Fn(NodeEvent) -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = pick(events.next().await.expect("the node runs")) {
                return found;
            }
        }
    };
    timeout(PATIENCE, waiting).await.expect("it happens")
}

async fn loss_of_a_neighbor(events: &mut Events) -> NeighborLoss {
    wait_for(events, |event| {
        let NodeEvent::NeighborDown { reason, .. } = event else { return None };
        Some(reason)
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_in_one_program_talk_and_part() {
    let seed_node = seed_node().await;
    let (first, second) = (peer(&seed_node).await, peer(&seed_node).await);
    let (mut at_first, mut at_second) = (first.events(), second.events());
    wait_for_neighbor(&first).await;
    let sent = first.send_about("greeting", "hello").await.expect("sent");
    assert_eq!(sent.neighbors, 1);
    let delivery = wait_for(&mut at_second, |event| {
        let NodeEvent::Delivered(delivery) = event else { return None };
        Some(delivery)
    })
    .await;
    assert_eq!((delivery.id, delivery.origin), (sent.id, first.id()));
    assert_eq!((delivery.topic.as_str(), delivery.payload.as_bytes()), ("greeting", &b"hello"[..]));
    assert_eq!((delivery.hop.0, delivery.history), (1, false));

    let report = second.stop().await.expect("it leaves");
    assert_eq!(report.node.stats.delivered, 1);
    let reason = loss_of_a_neighbor(&mut at_first).await;
    assert_eq!(reason, NeighborLoss::Left);
    assert_eq!(first.send("alone").await.expect("kept").neighbors, 0);
}

/// Each error says whose fault it is.
#[tokio::test]
async fn errors_are_told_apart() {
    let seed_node = seed_node().await;
    let taken = NodeBuilder::seed_node().listen([127, 0, 0, 1]).port(seed_node.addr().port());
    assert!(matches!(taken.start().await.err(), Some(StartError::Listen { .. })));
    let nowhere = NodeBuilder::seed_node().announce([0, 0, 0, 0]);
    assert!(matches!(nowhere.start().await.err(), Some(StartError::Address(_))));
    assert!(NodeBuilder::peer().set("max_peers", "many").is_err());
    let zero = NodeBuilder::peer().set("max_peers", "0").expect("a number");
    assert!(matches!(zero.start().await.err(), Some(StartError::Config(_))));

    let too_long = seed_node.send(vec![0; Payload::MAX + 1]).await;
    assert!(matches!(too_long, Err(SendError::TooLong(_))));
    let refused = seed_node.send("hello").await;
    assert!(matches!(refused, Err(SendError::Refused(BroadcastError::Rejected(_)))));
    let handle = seed_node.handle();
    seed_node.stop().await.expect("it leaves");
    assert!(handle.report().await.is_err());
}

/// A reader that is too slow is told how much it missed, and the node does not wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_misses_events_and_knows_it() {
    let seed_node = seed_node().await;
    let (first, second) = (peer(&seed_node).await, peer(&seed_node).await);
    let mut events = second.events();
    wait_for_neighbor(&first).await;
    for n in 0..1500 {
        first.send(format!("{n}")).await.expect("sent");
    }
    wait_until(&second, |state| state.stats.delivered == 1500).await;
    let missed = wait_for(&mut events, |event| {
        let NodeEvent::Lagged { missed } = event else { return None };
        Some(missed)
    })
    .await;
    assert!((400..1500).contains(&missed), "{missed}");
}

/// A node that is dropped dies as a process does that is killed: without a goodbye.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_node_says_no_goodbye() {
    let seed_node = seed_node().await;
    let (first, second) = (peer(&seed_node).await, peer(&seed_node).await);
    let mut events = first.events();
    wait_for_neighbor(&first).await;
    drop(second);
    let reason = loss_of_a_neighbor(&mut events).await;
    assert!(matches!(reason, NeighborLoss::LinkLost(_)), "{reason:?}");
}

/// The stream of events ends with the node, however that ends, also while somebody holds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_end_with_the_node() {
    let mut seed_node = seed_node().await;
    let mut events = seed_node.events();
    seed_node.handle().leave().await.expect("it hears");
    seed_node.ended().await.expect("it leaves");
    let end = async { while events.next().await.is_some() {} };
    timeout(PATIENCE, end).await.expect("the stream ends");
    assert_eq!(seed_node.events().next().await, None);
}
