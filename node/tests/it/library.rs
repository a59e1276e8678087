//! The node as a part of another program, which names this one crate.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

#[cfg(feature = "serde")]
use tidings_node::NodeReport;
use tidings_node::settings::Profile;
use tidings_node::{
    BroadcastError, Config, DriverError, Event, Events, Instant, MemberEvent, Members,
    NeighborLoss, NoMembers, NodeBuilder, NodeEvent, NodeSnapshot, Observer, Payload, RequestError,
    RunningNode, SendError, StartError,
};
use tokio::time::{sleep, timeout};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn seed_node() -> RunningNode {
    NodeBuilder::seed_node().listen([127, 0, 0, 1]).start().await.expect("it starts")
}

async fn peer(seed_node: &RunningNode) -> RunningNode {
    peer_with(seed_node, Arc::new(())).await
}

async fn peer_with(seed_node: &RunningNode, observer: Arc<dyn Observer>) -> RunningNode {
    let builder = NodeBuilder::peer().listen([127, 0, 0, 1]).seed(seed_node.addr());
    let builder = builder.observer(observer).set("isolated_retry", "100ms").expect("a setting");
    builder.start().await.expect("it starts")
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

/// Holds its node up after a message was published, until somebody else has it.
struct HoldsUp(Mutex<mpsc::Receiver<()>>);

impl Observer for HoldsUp {
    fn on_event(&self, _at: Instant, event: &Event) {
        if matches!(event, Event::Published { .. }) {
            let delivered = self.0.lock().expect("one observer").recv_timeout(PATIENCE);
            delivered.expect("the message was on its way before its sender's observer heard of it");
        }
    }
}

/// Says when a message is delivered.
struct TellsDelivery(mpsc::SyncSender<()>);

impl Observer for TellsDelivery {
    fn on_event(&self, _at: Instant, event: &Event) {
        if matches!(event, Event::Delivered { .. }) {
            let _is_known = self.0.try_send(());
        }
    }
}

/// Two neighbors, because tokio keeps the task that is woken last for the thread that woke it, and that
/// thread is held up. Another thread takes the task of the other link.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_message_is_on_its_way_when_an_observer_hears_of_it() {
    let seed_node = seed_node().await;
    let (delivered_tx, delivered_rx) = mpsc::sync_channel(1);
    let holds_up = Arc::new(HoldsUp(Mutex::new(delivered_rx)));
    let sender = peer_with(&seed_node, holds_up).await;
    let tells = Arc::new(TellsDelivery(delivered_tx));
    let _others = [
        peer_with(&seed_node, Arc::<TellsDelivery>::clone(&tells)).await,
        peer_with(&seed_node, tells).await,
    ];
    wait_until(&sender, |state| state.neighbors.len() == 2).await;
    assert_eq!(sender.send("hello").await.expect("sent").neighbors, 2);
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
    assert_eq!((Some(delivery.id), delivery.key()), (sent.id, sent.key));
    assert_eq!(delivery.origin, first.id());
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

/// Futures of this crate may move between threads; this compiles only if they do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_may_be_started_and_stopped_in_any_task() {
    let starting = NodeBuilder::seed_node().configure(|_| {}).listen([127, 0, 0, 1]).start();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(async move { starting.await.expect("it starts").stop().await });
    assert!(tasks.join_next().await.expect("a task").expect("no panic").is_ok());
}

/// Whatever is called first, settings are a base and the changes in their order.
#[tokio::test]
async fn settings_are_a_base_and_changes_in_their_order() {
    let zero = |builder: NodeBuilder| async { builder.start().await.err() };
    let peers_of = |error| match error {
        Some(StartError::Config(error)) => error.to_string(),
        other => format!("{other:?}"),
    };
    let base = || NodeBuilder::seed_node().listen([127, 0, 0, 1]);
    let sixty_five = |config: &mut Config| config.overlay.max_peers = 65;
    let before = base().configure(sixty_five).modern();
    assert_eq!(peers_of(zero(before).await), "max_peers = 65: allowed is 1 to 64");
    let named = base().set("max_peers", "66").expect("a number").config(Config::modern());
    assert_eq!(peers_of(zero(named).await), "max_peers = 66: allowed is 1 to 64");
    let mended = base().configure(sixty_five).set("max_peers", "4").expect("a number").classic();
    mended.start().await.expect("the last change counts").stop().await.expect("it leaves");
    let error = base().set("max_pears", "4").err().expect("no such setting").to_string();
    assert!(error.ends_with("did you mean `max_peers`?"), "{error}");
    let profile = base().profile(Profile::Modern).configure(|config| {
        assert_eq!(config.detector, Config::modern().detector);
    });
    profile.start().await.expect("it starts").stop().await.expect("it leaves");
}

#[tokio::test]
async fn the_last_report_is_given_once() {
    let mut node = seed_node().await;
    node.handle().leave().await.expect("it hears");
    node.ended().await.expect("it leaves");
    assert_eq!(node.ended().await.err(), Some(DriverError::AlreadyEnded));
    assert_eq!(node.stop().await.err(), Some(DriverError::AlreadyEnded));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_says_when_it_has_joined() {
    let seed_node = seed_node().await;
    timeout(PATIENCE, seed_node.joined()).await.expect("at once").expect("it runs");
    let alone = peer(&seed_node).await;
    timeout(PATIENCE, alone.joined()).await.expect("nobody else is there").expect("it runs");
    let second = peer(&seed_node).await;
    timeout(PATIENCE, second.joined()).await.expect("it joins").expect("it runs");
    let state = second.snapshot().await.expect("it runs");
    assert!(!state.neighbors.is_empty() && state.seed_nodes[0].registered.is_some());
    let handle = second.handle();
    second.stop().await.expect("it leaves");
    assert_eq!(handle.joined().await, Err(RequestError::Stopped));
}

/// A peer that finds no seed node says so once in each round of attempts, and joins when there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_says_that_no_seed_node_answers() {
    let seed_node = seed_node().await;
    let nowhere = |port| SocketAddr::from(([127, 0, 0, 1], port));
    let builder = NodeBuilder::peer().listen([127, 0, 0, 1]);
    let builder = builder.seed(nowhere(8)).seed(nowhere(9)).set("retry_min", "50ms");
    let peer = builder.expect("a setting").start().await.expect("it starts");
    let mut events = peer.events();
    let round = |event| {
        let NodeEvent::NoSeedNode { seed_nodes, attempts, .. } = event else { return None };
        Some((seed_nodes, attempts))
    };
    // The first round may be over before its events are read.
    let (seed_nodes, before) = wait_for(&mut events, round).await;
    assert!(seed_nodes == 2 && before >= 2, "{before}");
    let (seed_nodes, attempts) = wait_for(&mut events, round).await;
    assert!(seed_nodes == 2 && attempts >= before + 2, "{before} {attempts}");
    peer.handle().set_seed_nodes(vec![seed_node.addr()]).await.expect("it hears");
    timeout(PATIENCE, peer.joined()).await.expect("it joins").expect("it runs");
}

/// Handles read events too, each reader at its own pace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_reader_has_its_own_capacity() {
    let seed_node = seed_node().await;
    let (first, second) = (peer(&seed_node).await, peer(&seed_node).await);
    let handle = second.handle();
    let (mut small, mut large) =
        (handle.events_with_capacity(10), handle.events_with_capacity(100_000));
    wait_for_neighbor(&first).await;
    for n in 0..1500 {
        first.send(format!("{n}")).await.expect("sent");
    }
    wait_until(&second, |state| state.stats.delivered == 1500).await;
    second.stop().await.expect("it leaves");
    let mut delivered = 0;
    while let Some(event) = large.next().await {
        assert!(!matches!(event, NodeEvent::Lagged { .. }), "it had room for all");
        delivered += usize::from(matches!(event, NodeEvent::Delivered(_)));
    }
    assert_eq!(delivered, 1500);
    assert!(matches!(small.next().await, Some(NodeEvent::Lagged { missed }) if missed > 1400));
    let mut left = 0;
    while small.next().await.is_some() {
        left += 1;
    }
    assert_eq!(left, 10);
    assert_eq!(handle.events().next().await, None);
}

async fn modern_peer(seed_node: &RunningNode) -> RunningNode {
    let builder = NodeBuilder::peer().modern().listen([127, 0, 0, 1]).seed(seed_node.addr());
    builder.set("isolated_retry", "100ms").expect("a setting").start().await.expect("it starts")
}

/// Waits for a change of a member.
async fn wait_for_member<T>(members: &mut Members, pick: impl Fn(MemberEvent) -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = pick(members.next().await.expect("the node runs")) {
                return found;
            }
        }
    };
    timeout(PATIENCE, waiting).await.expect("it happens")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_are_told_from_the_first_to_the_last() {
    let seed_node =
        NodeBuilder::seed_node().modern().listen([127, 0, 0, 1]).start().await.expect("it starts");
    let (watcher, leaver) = (modern_peer(&seed_node).await, modern_peer(&seed_node).await);
    wait_until(&watcher, |state| !state.members.is_empty()).await;
    let mut members = watcher.members().expect("modern has a table");
    let all = wait_for_member(&mut members, |event| {
        let MemberEvent::All { members, missed: 0 } = event else { return None };
        Some(members)
    })
    .await;
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].record.subject(), leaver.id());

    let victim = modern_peer(&seed_node).await;
    let joined = wait_for_member(&mut members, |event| {
        let MemberEvent::Joined { member } = event else { return None };
        Some(member)
    })
    .await;
    assert_eq!(joined.subject(), victim.id());
    leaver.stop().await.expect("it leaves");
    let mut other = watcher.handle().members().expect("handles have it too");
    wait_for_member(&mut members, |event| {
        let MemberEvent::Left { member } = event else { return None };
        Some(member)
    })
    .await;
    drop(victim);
    let suspect = wait_for_member(&mut members, |event| {
        let MemberEvent::Suspect { member, .. } = event else { return None };
        Some(member)
    })
    .await;
    let dead = wait_for_member(&mut members, |event| {
        let MemberEvent::Dead { member, .. } = event else { return None };
        Some(member)
    })
    .await;
    assert_eq!((&suspect, &dead), (&joined, &joined));
    assert!(matches!(other.next().await, Some(MemberEvent::All { missed: 0, .. })));
    watcher.stop().await.expect("it leaves");
    let end = async { while members.next().await.is_some() {} };
    timeout(PATIENCE, end).await.expect("the stream ends");
}

#[tokio::test]
async fn where_there_is_no_table_there_are_no_members() {
    let seed_node = seed_node().await;
    assert_eq!(seed_node.members().err(), Some(NoMembers));
    assert_eq!(peer(&seed_node).await.members().err(), Some(NoMembers));
    let small = NodeBuilder::peer().modern().listen([127, 0, 0, 1]).seed(seed_node.addr());
    let small = small.set("members_max", "0").expect("a setting").start().await.expect("it starts");
    assert_eq!(small.members().err(), Some(NoMembers));
}

/// With the feature `serde` a report can be kept; ids are what people see elsewhere.
#[cfg(feature = "serde")]
#[tokio::test]
async fn a_report_is_written_down_and_read_back() {
    let seed_node = seed_node().await;
    let peer = peer(&seed_node).await;
    timeout(PATIENCE, peer.joined()).await.expect("it joins").expect("it runs");
    for node in [&peer, &seed_node] {
        let report = node.handle().report().await.expect("it runs");
        let text = serde_json::to_string(&report).expect("JSON");
        let back: NodeReport = serde_json::from_str(&text).expect("a report");
        assert_eq!(back, report);
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(value["node"]["record"]["subject"], format!("{:#}", node.id()));
    }
}
