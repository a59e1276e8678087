//! Flow control over sockets: who is slow slows the sources and misses nothing, and is suspected by nobody.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidings_core::wire::Purpose;
use tidings_node::{
    Deliveries, DeliveryEvent, Event, Instant, MemberState, Missed, NeighborLoss, NodeBuilder,
    Observer, Payload, RunningNode,
};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::support::Raw;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// One of these tests at a time: each keeps two cores busy.
static TURN: Mutex<()> = Mutex::const_new(());

/// Counts links that were lost without a word, and suspicions whether somebody lives.
#[derive(Debug, Default)]
struct Losses {
    links: AtomicUsize,
    suspicions: AtomicUsize,
}

impl Observer for Losses {
    fn on_event(&self, _at: Instant, event: &Event) {
        if let Event::NeighborDown { reason: NeighborLoss::LinkLost(_), .. } = event {
            self.links.fetch_add(1, Ordering::Relaxed);
        }
        if let Event::Member { state: MemberState::Suspect | MemberState::Dead, .. } = event {
            self.suspicions.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// A seed node and peers of `modern` that have joined.
struct Network {
    seed_node: RunningNode,
    peers: Vec<RunningNode>,
    losses: Arc<Losses>,
}

impl Network {
    async fn start(peers: usize, settings: &[(&str, &str)]) -> Self {
        let seed_node = NodeBuilder::seed_node().listen([127, 0, 0, 1]).start().await;
        let seed_node = seed_node.expect("it starts");
        let losses = Arc::<Losses>::default();
        let mut network = Self { peers: Vec::new(), losses, seed_node };
        for _ in 0..peers {
            let mut builder = NodeBuilder::peer().modern().listen([127, 0, 0, 1]);
            for (name, value) in settings {
                builder = builder.set(name, value).expect("a setting");
            }
            let watch: Arc<dyn Observer> = Arc::<Losses>::clone(&network.losses);
            let seed = network.seed_node.addr();
            let peer = builder.seed(seed).observer(watch).start().await;
            network.peers.push(peer.expect("it starts"));
        }
        for peer in &network.peers {
            timeout(PATIENCE, peer.joined()).await.expect("in time").expect("it runs");
        }
        // Trees need a round trip to each neighbor.
        sleep(Duration::from_millis(500)).await;
        network
    }

    /// No queue of a link ran over, and nothing that a neighbor was to get was dropped.
    async fn kept_all(&self) {
        for peer in &self.peers {
            let limits = peer.snapshot().await.expect("it runs").stats.limits;
            assert_eq!((limits.overruns, limits.owed), (0, 0));
        }
    }

    /// (links, suspicions)
    fn losses(&self) -> (usize, usize) {
        let Losses { links, suspicions } = &*self.losses;
        (links.load(Ordering::Relaxed), suspicions.load(Ordering::Relaxed))
    }
}

/// A payload of so many bytes with a number.
fn payload(number: usize, len: usize) -> Vec<u8> {
    let mut payload = vec![0; len];
    payload[..8].copy_from_slice(&number.to_be_bytes());
    payload
}

async fn next(deliveries: &mut Deliveries) -> DeliveryEvent {
    let next = timeout(PATIENCE, deliveries.next()).await;
    next.expect("something comes in time").expect("the node runs")
}

/// Reads so many messages, each after a pause, of which none is missing; how many different ones they were.
async fn read_all(mut deliveries: Deliveries, count: usize, pause: Duration) -> usize {
    let mut read = BTreeSet::new();
    for _ in 0..count {
        let event = next(&mut deliveries).await;
        let DeliveryEvent::Delivered(it) = event else { panic!("{event:?}") };
        read.insert((it.origin, it.sequence));
        if !pause.is_zero() {
            sleep(pause).await;
        }
    }
    read.len()
}

/// Waits until all have read; how many messages each got.
async fn all_read(mut readers: JoinSet<usize>) -> Vec<usize> {
    let mut counts = Vec::new();
    while let Some(read) = timeout(PATIENCE, readers.join_next()).await.expect("in time") {
        counts.push(read.expect("it has all"));
    }
    counts
}

/// One of six peers says so many messages as fast as they are taken, and each of the others reads all.
async fn all_get(count: usize, len: usize) {
    let _turn = TURN.lock().await;
    let network = Network::start(6, &[]).await;
    let mut readers = JoinSet::new();
    for peer in &network.peers[1..] {
        readers.spawn(read_all(peer.deliveries(), count, Duration::ZERO));
    }
    for number in 0..count {
        network.peers[0].send(payload(number, len)).await.expect("it runs");
    }
    assert_eq!(all_read(readers).await, [count; 5]);
    network.kept_all().await;
}

/// Three and a half times what a node stores.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn big_messages_at_full_speed_reach_all() {
    all_get(500, Payload::MAX).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_messages_as_fast_as_they_are_taken_reach_all() {
    all_get(15_000, 200).await;
}

/// A publisher waits for no answers, so much leaves in few envelopes; each message comes once and by its own
/// number.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_publisher_says_travels_together_and_comes_one_by_one() {
    const COUNT: u64 = 20_000;
    let _turn = TURN.lock().await;
    let network = Network::start(4, &[]).await;
    let mut deliveries = network.peers[3].deliveries();
    let publisher = network.peers[0].publisher();
    let publishing = async {
        for number in 1..=COUNT {
            let key = publisher.send(number.to_be_bytes().to_vec()).await.expect("it runs");
            assert_eq!((key.origin, key.sequence.0), (network.peers[0].id(), number));
        }
        timeout(PATIENCE, publisher.flush()).await.expect("in time").expect("it runs");
    };
    let reading = async {
        let (mut numbers, mut envelopes) = (BTreeSet::new(), BTreeSet::new());
        for _ in 0..COUNT {
            let event = next(&mut deliveries).await;
            let DeliveryEvent::Delivered(it) = event else { panic!("{event:?}") };
            assert_eq!(it.payload, it.sequence.0.to_be_bytes()[..]);
            numbers.insert(it.key().sequence.0);
            envelopes.insert(it.id);
        }
        assert!(numbers.iter().copied().eq(1..=COUNT), "each once");
        envelopes.len()
    };
    let ((), envelopes) = tokio::join!(publishing, reading);
    assert!(envelopes < 5000, "{envelopes} envelopes");
    let stats = network.peers[3].snapshot().await.expect("it runs").stats;
    assert_eq!(stats.delivered, COUNT);
    assert_eq!(stats.gossip_received, stats.delivered + stats.duplicates);
}

/// Each message is said when the one before has come: its links have written it, and mostly have said so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_links_are_idle_nothing_is_gathered() {
    const COUNT: usize = 50;
    let _turn = TURN.lock().await;
    let network = Network::start(2, &[]).await;
    let mut deliveries = network.peers[1].deliveries();
    let mut sealed = 0;
    for number in 0..COUNT {
        let sent = network.peers[0].send(payload(number, 100)).await.expect("it runs");
        assert_eq!(sent.neighbors + sent.gathered, 1);
        sealed += usize::from(sent.id.is_some());
        next(&mut deliveries).await;
    }
    assert!(sealed > COUNT / 2, "{sealed} left at once");
}

/// What waits for a node, or is gathered, when it is told to leave goes before its farewell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_said_before_a_node_leaves_comes() {
    const COUNT: usize = 500;
    let _turn = TURN.lock().await;
    let mut network = Network::start(3, &[]).await;
    let reader = read_all(network.peers[2].deliveries(), COUNT, Duration::ZERO);
    let mut readers = JoinSet::new();
    readers.spawn(reader);
    let publisher = network.peers[0].publisher();
    for number in 0..COUNT {
        publisher.send(payload(number, 100)).await.expect("it runs");
    }
    network.peers.remove(0).stop().await.expect("it leaves");
    assert_eq!(all_read(readers).await, [COUNT]);
    assert!(publisher.send("too late").await.is_err());
}

/// Ten speak at once, three times what a node stores.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_publishers_at_full_speed_reach_all() {
    const EACH: usize = 300;
    let _turn = TURN.lock().await;
    let network = Network::start(10, &[]).await;
    let mut readers = JoinSet::new();
    for peer in &network.peers {
        readers.spawn(read_all(peer.deliveries(), 9 * EACH, Duration::ZERO));
    }
    let mut publishers = JoinSet::new();
    for handle in network.peers.iter().map(RunningNode::handle) {
        publishers.spawn(async move {
            for number in 0..EACH {
                handle.send(payload(number, 8 * 1024)).await.expect("it runs");
            }
        });
    }
    assert_eq!(all_read(readers).await, [9 * EACH; 10]);
    network.kept_all().await;
}

/// The reader takes a millisecond or two for each message; what is said is twice what a node lets wait.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_misses_nothing_and_slows_the_source() {
    const COUNT: usize = 3000;
    let _turn = TURN.lock().await;
    let network = Network::start(4, &[("store_bytes", "1048576")]).await;
    let slow = read_all(network.peers[3].deliveries(), COUNT, Duration::from_millis(1));
    let mut readers = JoinSet::new();
    readers.spawn(slow);
    let begun = tokio::time::Instant::now();
    for number in 0..COUNT {
        network.peers[0].send(payload(number, 2048)).await.expect("it runs");
    }
    assert!(begun.elapsed() > Duration::from_secs(1), "it was waited for");
    assert_eq!(all_read(readers).await, [COUNT]);
    assert_eq!(network.losses(), (0, 0));
}

/// It is behind by more than `store_age`: it is told what it misses, and the others need not wait any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stands_still_is_told_what_it_misses_and_slows_nobody() {
    const COUNT: usize = 1000;
    let _turn = TURN.lock().await;
    // Half of `store_age` is more than a busy machine stands still: links that are silent for so long are given up.
    let settings = [("store_bytes", "1048576"), ("store_age", "8s")];
    let network = Network::start(4, &settings).await;
    let mut stopped = network.peers[3].deliveries();
    let mut readers = JoinSet::new();
    readers.spawn(read_all(network.peers[2].deliveries(), COUNT, Duration::ZERO));
    for number in 0..COUNT {
        let sent = network.peers[0].send(payload(number, 2048));
        timeout(PATIENCE, sent).await.expect("for some seconds at most").expect("it runs");
    }
    assert_eq!(all_read(readers).await, [COUNT]);
    let DeliveryEvent::Missed(missed) = next(&mut stopped).await else { panic!("it was too slow") };
    let Missed { origin, from, to, count, .. } = missed;
    assert_eq!(origin, network.peers[0].id());
    assert!(from.0 < 10 && count > 100 && to.0 >= count && to.0 <= 1000, "{missed:?}");
    network.peers[0].send("the last one").await.expect("it runs");
    loop {
        let event = next(&mut stopped).await;
        let DeliveryEvent::Delivered(it) = event else { continue };
        if it.payload == "the last one" {
            break;
        }
        assert!(it.sequence > to, "each or its number, once");
    }
    assert_eq!(network.losses(), (0, 0), "nobody thinks that it is dead");
}

/// A neighbor whose machine takes nothing is given up after `stall_timeout`; until then the source waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbor_that_takes_nothing_is_given_up_and_the_others_have_all() {
    const COUNT: usize = 600;
    let _turn = TURN.lock().await;
    let slow = [("stall_timeout", "1s"), ("probe_every", "1m"), ("probe_timeout", "1m")];
    let network = Network::start(2, &slow).await;
    let mut raw = Raw::connect(network.peers[0].addr()).await;
    raw.hello(50, ([127, 0, 0, 1], 9).into(), Purpose::Neighbor { isolated: true }).await;
    sleep(Duration::from_millis(200)).await;
    let mut readers = JoinSet::new();
    readers.spawn(read_all(network.peers[1].deliveries(), COUNT, Duration::ZERO));
    for number in 0..COUNT {
        let sent = network.peers[0].send(payload(number, 30 * 1024));
        timeout(PATIENCE, sent).await.expect("for a second at most").expect("it runs");
    }
    assert_eq!(all_read(readers).await, [COUNT]);
    assert_eq!(network.losses().0, 1, "the link that took nothing");
    let snapshot = network.peers[0].snapshot().await.expect("it runs");
    assert_eq!(snapshot.neighbors.len(), 1);
    assert_eq!(snapshot.stats.limits.overruns, 0);
}
