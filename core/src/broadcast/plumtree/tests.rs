//! What Plumtree costs and gains on random graphs in which each peer has five neighbors, and what
//! hostile neighbors can do. The figures in `core/PROTOCOL.md` are those of 1,000 peers.

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::Plumtree;
use super::announcements::speaks_first;
use crate::address::AddressRecord;
use crate::broadcast::lab::{Lab, Outcome};
use crate::broadcast::memory::Memory;
use crate::broadcast::timer::BroadcastTimer;
use crate::config::{BroadcastKind, Config, IHaveDirection};
use crate::context::Context;
use crate::id::{BootEpoch, Hop, LinkId, MessageId, NodeId, Sequence};
use crate::io::Output;
use crate::links::neighbors::Neighbor;
use crate::messaging::{Envelope, Payload, Topic};
use crate::testing::context;
use crate::time::{Instant, UnixTime};
use crate::wire::{Age, BroadcastMessage, Digest, Gossip, Graft, IHave, Message, Prune, Route};

const PEERS: usize = 300;
const OTHERS: u64 = 299;

/// Of a link, in milliseconds.
const LATENCIES: [(u64, u64); 2] = [(10, 10), (10, 50)];

/// Nothing is flooded but what makes or renews a tree.
fn config(kind: BroadcastKind) -> Config {
    let mut config = Config::classic();
    config.broadcast.kind = kind;
    config.broadcast.plumtree.flood_hops = 0;
    config
}

fn labs(latency: (u64, u64)) -> [Lab; 2] {
    [BroadcastKind::Plumtree, BroadcastKind::Flood]
        .map(|kind| Lab::with_five_neighbors(&config(kind), PEERS, latency))
}

/// By how much the flood is quicker, in hundredths of its hops and of its time.
fn lag(tree: Outcome, flood: Outcome) -> (u128, u128) {
    let hops = u128::from(tree.last_hop) * 100 / u128::from(flood.last_hop);
    (hops, tree.last.as_millis() * 100 / flood.last.as_millis())
}

#[test]
fn from_the_second_message_on_everybody_gets_one_copy() {
    for latency in LATENCIES {
        let [mut tree, mut flood] = labs(latency);
        let (first, flooded) = (tree.broadcast(7), flood.broadcast(7));
        assert_eq!(first.counts.copies, flooded.counts.copies, "the first message is flooded");
        assert!(first.counts.duplicates > 2 * OTHERS);
        for _ in 0..5 {
            let (next, flooded) = (tree.broadcast(7), flood.broadcast(7));
            assert_eq!((next.counts.copies, next.counts.duplicates), (OTHERS, 0));
            assert_eq!((next.counts.grafts, next.counts.prunes), (0, 0));
            assert_eq!((next.last_hop, next.last), (flooded.last_hop, flooded.last));
            assert!(next.counts.names <= 3 * OTHERS / 2 + 2, "one per lazy link");
        }
    }
}

#[test]
fn the_trees_of_several_sources_come_to_be_as_quick_as_the_flood() {
    for latency in LATENCIES {
        let [mut tree, mut flood] = labs(latency);
        tree.broadcast(200);
        let (mut hops, mut time) = (0, 0);
        for source in 0..10 {
            let began = tree.broadcast(source);
            for _ in 0..20 {
                tree.broadcast(source);
            }
            let (stands, flooded) = (tree.broadcast(source), flood.broadcast(source));
            assert_eq!(stands.counts.copies, OTHERS);
            assert_eq!(stands.counts.grafts, 0, "it does not change any more");
            let lag = lag(stands, flooded);
            (hops, time) = (hops + lag.0, time + lag.1);
            assert!(began.counts.duplicates * 20 <= OTHERS, "RMR {}", began.counts.duplicates);
        }
        assert!(hops <= 1300 && time <= 1300, "mean of ten: {hops}, {time} tenths of a percent");
    }
}

#[test]
fn one_shared_tree_serves_everybody_else() {
    for latency in LATENCIES {
        let [mut tree, mut flood] = labs(latency);
        tree.broadcast(7);
        let (mut copies, mut hops, mut time) = (0, 0, 0);
        for source in 100..140 {
            let (one, flooded) = (tree.broadcast(source), flood.broadcast(source));
            assert_eq!(one.counts.delivered, OTHERS);
            let lag = lag(one, flooded);
            (copies, hops, time) = (copies + one.counts.copies, hops + lag.0, time + lag.1);
        }
        assert!(copies <= 40 * OTHERS * 105 / 100, "{copies} copies");
        assert!(hops / 40 <= 230 && time / 40 <= 280, "{} %, {} %", hops / 40, time / 40);
    }
}

#[test]
fn what_is_flooded_over_its_first_links_comes_sooner_and_leaves_the_tree_alone() {
    let mut flooding = config(BroadcastKind::Plumtree);
    flooding.broadcast.plumtree.flood_hops = 2;
    for latency in LATENCIES {
        let [mut tree, _] = labs(latency);
        let mut entered = Lab::with_five_neighbors(&flooding, PEERS, latency);
        let (mut time, mut sooner, mut copies) = (0, 0, 0);
        for source in 100..140 {
            let (one, other) = (tree.broadcast(source), entered.broadcast(source));
            assert_eq!((other.counts.delivered, entered.complete()), (OTHERS, PEERS));
            if source > 100 {
                assert_eq!(other.counts.grafts, 0, "{source}");
                assert!(other.counts.prunes <= 25, "{source}: copies that met on a branch");
                (time, sooner) = (time + one.last.as_millis(), sooner + other.last.as_millis());
                copies += other.counts.copies - OTHERS;
            }
        }
        // By much, where a tree is long; this one is short already.
        assert!(sooner < time, "{sooner} of {time} ms");
        assert!(copies / 39 <= 50, "{copies} too many, of 25 that leave the tree and cross others");
    }
}

/// 40 sources, which are too many for trees of their own: they speak once in two minutes.
#[test]
fn a_tree_whose_source_is_silent_is_worn_by_others_and_makes_way_for_another() {
    let [mut lab, _] = labs((10, 50));
    let floods = |copies: u64| u64::from(copies > 2 * OTHERS);
    let mut flooded = floods(lab.broadcast(7).counts.copies);
    for n in 0..=128 {
        let outcome = lab.broadcast(100 + n % 40);
        assert_eq!(outcome.counts.delivered, OTHERS);
        let is_first = n == 100;
        assert_eq!(outcome.counts.copies > 2 * OTHERS, is_first, "{n}");
        flooded += floods(outcome.counts.copies);
    }
    assert_eq!(flooded, 2, "the first of all, and one after five minutes of silence");
}

#[test]
fn names_of_many_messages_go_together() {
    let mut config = config(BroadcastKind::Plumtree);
    config.broadcast.plumtree.ihave_delay = Duration::from_secs(1);
    let mut lab = Lab::with_five_neighbors(&config, PEERS, (10, 50));
    for source in [1, 2, 2, 2, 2] {
        lab.broadcast(source);
    }
    let before = lab.counts();
    for n in 0..100 {
        lab.say(1 + n % 2);
        lab.run(Duration::from_millis(100));
    }
    lab.run(Duration::from_secs(3));
    let counts = lab.counts() - before;
    assert_eq!((counts.delivered, counts.copies), (100 * OTHERS, 100 * OTHERS));
    assert!(counts.control < 100 * OTHERS / 2, "{counts:?}");
}

#[test]
fn a_tree_heals_around_many_dead() {
    for latency in LATENCIES {
        let [mut lab, _] = labs(latency);
        for _ in 0..3 {
            lab.broadcast(0);
        }
        let doomed: Vec<usize> = lab.shuffled().into_iter().filter(|at| *at != 0).collect();
        for &at in &doomed[..PEERS * 3 / 10] {
            lab.kill(at);
        }
        for _ in 0..3 {
            lab.broadcast(0);
            assert_eq!(
                lab.complete(),
                lab.linked(),
                "all that have a neighbor left have all of it"
            );
        }
        lab.heal();
        for _ in 0..10 {
            lab.broadcast(0);
            assert_eq!(lab.complete(), PEERS - PEERS * 3 / 10);
        }
        let healed = lab.broadcast(0).counts;
        assert_eq!(healed.delivered + healed.duplicates, healed.copies);
        assert!(healed.duplicates * 50 <= healed.copies, "a tree again: {healed:?}");
    }
}

#[test]
fn the_sides_of_a_partition_learn_what_they_missed() {
    for latency in LATENCIES {
        let [mut lab, _] = labs(latency);
        lab.broadcast(0);
        lab.part(|at| at < PEERS / 2);
        for n in 0..10 {
            lab.broadcast(n);
            lab.broadcast(PEERS - 1 - n);
        }
        lab.broadcast(0);
        assert!(lab.complete() <= PEERS / 2, "this side has one more than the other");
        let before = lab.counts();
        lab.heal();
        lab.run(Duration::from_secs(2));
        assert_eq!(lab.complete(), PEERS);
        let counts = lab.counts() - before;
        assert!(counts.duplicates * 20 <= counts.copies, "it is pulled, not pushed: {counts:?}");
    }
}

#[test]
fn links_that_break_all_the_time_lose_nothing() {
    for latency in LATENCIES {
        let [mut lab, _] = labs(latency);
        for n in 0..200 {
            lab.say(n % 7);
            lab.run(Duration::from_millis(5));
            let at = lab.draw(PEERS);
            if let Some(far) = lab.reset_one(at) {
                lab.run(Duration::from_millis(20));
                lab.link(at, far);
            }
        }
        lab.run(Duration::from_secs(5));
        assert_eq!(lab.complete(), PEERS);
    }
}

/// A peer with neighbors, fed by hand.
struct Bench {
    cx: Context,
    memory: Memory,
    tree: Plumtree,
}

impl Bench {
    fn new(neighbors: u8, mut config: Config) -> Self {
        config.broadcast.plumtree.flood_hops = 0;
        let mut cx = context(config);
        let tree = Plumtree::new(&mut cx);
        let mut bench = Self { cx, memory: Memory::new(7), tree };
        for n in 0..neighbors {
            let addr = SocketAddr::from(([10, 0, 1, n], 7000));
            let record = AddressRecord::new(NodeId::new([100 + n; 32]), BootEpoch(1), &[addr]);
            let link = LinkId::dialed(n.into());
            bench.cx.neighbors.insert(link, record.expect("valid"), Instant::BIRTH);
        }
        bench
    }

    fn neighbor(&self, n: u8) -> Neighbor {
        self.cx.neighbors.by_link(LinkId::dialed(n.into())).expect("it is one").clone()
    }

    fn gossip(&mut self, from: u8, envelope: &Envelope, hop: u16) -> Vec<(u8, Message)> {
        let envelope = envelope.clone().into();
        let gossip = Gossip { hop: Hop(hop), route: Route::Usual, age: Age::default(), envelope };
        let from = self.neighbor(from);
        self.tree.on_gossip(&mut self.cx, &mut self.memory, &from, gossip);
        self.sent()
    }

    fn ihave(&mut self, from: u8, have: &[IHave]) {
        let from = self.neighbor(from);
        self.tree.on_ihave(&mut self.cx, &mut self.memory, &from, have);
    }

    /// The tree of source 5 stands, and this neighbor wants names only.
    fn grow_tree_pruned_by(&mut self, neighbor: u8) {
        let it = envelope(5, 100_000);
        self.gossip(0, &it, 1);
        let from = self.neighbor(neighbor);
        self.tree.on_prune(&mut self.cx, &from, &Prune { source: it.origin() });
        self.wait(1000);
    }

    /// A digest names a message, and it is pulled.
    fn pull(&mut self, from: u8, it: &Envelope) {
        let (neighbor, ids) = (self.neighbor(from), vec![it.id()]);
        let digest = Digest { ids: ids.clone(), reply: false };
        self.memory.on_digest(&mut self.cx, &neighbor, &digest);
        assert_eq!(self.sent(), [(from, Message::Broadcast(BroadcastMessage::Pull { ids }))]);
    }

    /// Time passes; returns what is sent at the end.
    fn wait(&mut self, millis: u64) -> Vec<(u8, Message)> {
        self.cx.now = self.cx.now + Duration::from_millis(millis);
        let before = self.cx.timers.order();
        while let Some(timer) = self.cx.timers.pop_due(self.cx.now, before) {
            if timer == BroadcastTimer::IHave.into() {
                self.tree.on_ihave_timer(&mut self.cx, &self.memory);
            } else if timer == BroadcastTimer::Graft.into() {
                self.tree.on_graft_timer(&mut self.cx);
            }
        }
        self.sent()
    }

    fn sent(&mut self) -> Vec<(u8, Message)> {
        let mut sent = Vec::new();
        while let Some(output) = self.cx.poll_output() {
            if let Output::Send { link, message } = output {
                sent.push((u8::try_from(link.number()).expect("few"), message));
            }
        }
        sent
    }
}

fn envelope(source: u8, sequence: u64) -> Envelope {
    let payload = Payload::new(vec![1]).expect("short");
    let (origin, sent) = ((NodeId::new([source; 32]), BootEpoch(1)), UnixTime::from_millis(1));
    Envelope::new(origin, Sequence(sequence), sent, Topic::default(), payload)
}

fn made_up(n: u64) -> IHave {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&n.to_be_bytes());
    IHave { id: MessageId::new(id), hop: Hop(1), source: NodeId::new([9; 32]) }
}

fn graft(ihave: &IHave) -> Message {
    Message::Broadcast(BroadcastMessage::Graft(Graft { source: ihave.source, id: Some(ihave.id) }))
}

#[test]
fn who_takes_no_payloads_asks_for_none_until_it_has_caught_up() {
    let mut bench = Bench::new(2, both_ways());
    let it = made_up(1);
    bench.ihave(0, &[it]);
    bench.cx.flow.on_reader(true);
    (0..10).for_each(|_| assert_eq!(bench.wait(300), []));
    bench.cx.flow.on_reader(false);
    assert_eq!(bench.wait(300), [(0, graft(&it))]);
}

#[test]
fn announcers_are_asked_in_turn_until_none_is_left() {
    let mut bench = Bench::new(3, both_ways());
    let it = made_up(1);
    for from in [2, 0, 2] {
        bench.ihave(from, &[it]);
    }
    assert_eq!(bench.wait(299), [], "it may come along the tree");
    assert_eq!(bench.wait(1), [(2, graft(&it))], "t1 is over: the first announcer");
    assert_eq!(bench.wait(99), []);
    assert_eq!(bench.wait(1), [(0, graft(&it))], "t2 is over: the next");
    assert_eq!((bench.wait(100), bench.tree.missing.len()), (vec![], 0));
    assert!(!bench.cx.timers.is_armed(BroadcastTimer::Graft));
}

/// The modern settings, but that both ends of a link name everything at once.
fn both_ways() -> Config {
    let mut config = Config::modern();
    config.broadcast.plumtree.ihave_ways = IHaveDirection::BothWays;
    config
}

/// Envelopes whose name the bench says first to its neighbors, or last.
fn envelopes_said(first: bool) -> impl Iterator<Item = Envelope> {
    let is_it = move |it: &Envelope| {
        speaks_first(NodeId::new([1; 32]), NodeId::new([100; 32]), it.id()) == first
    };
    (1..).map(|sequence| envelope(5, sequence)).filter(is_it)
}

fn envelope_said(first: bool) -> Envelope {
    envelopes_said(first).next().expect("half of all")
}

/// How many names there are in a message of names.
fn names(message: &Message) -> Option<usize> {
    if let Message::Broadcast(BroadcastMessage::IHave { have }) = message {
        Some(have.len())
    } else {
        None
    }
}

#[test]
fn a_link_carries_a_name_in_one_direction_first() {
    for is_first in [true, false] {
        let mut bench = Bench::new(3, Config::modern());
        let it = envelope_said(is_first);
        bench.grow_tree_pruned_by(1);
        let sent = bench.gossip(0, &it, 1);
        assert!(
            matches!(&sent[..], [(2, Message::Broadcast(BroadcastMessage::Gossip(_)))]),
            "{sent:?}"
        );
        let sent = [9, 1, 299, 1, 1000].map(|millis| bench.wait(millis));
        let is_name = |it: &(u8, Message)| {
            matches!(it, (1, Message::Broadcast(BroadcastMessage::IHave { .. })))
        };
        assert!(sent.iter().flatten().all(is_name), "{sent:?}");
        let counts = sent.map(|sent| sent.len());
        assert_eq!(counts, if is_first { [0, 1, 0, 0, 0] } else { [0, 0, 0, 1, 0] });
    }
}

#[test]
fn who_was_told_a_name_keeps_quiet() {
    let mut bench = Bench::new(3, Config::modern());
    let it = envelope_said(false);
    bench.grow_tree_pruned_by(1);
    bench.gossip(0, &it, 1);
    bench.ihave(1, &[IHave { id: it.id(), hop: Hop(2), source: it.origin() }]);
    assert_eq!(bench.wait(1000), []);
}

#[test]
fn what_is_named_by_who_speaks_last_is_asked_for_soon() {
    let mut bench = Bench::new(2, Config::modern());
    let it = envelope_said(true);
    let it = IHave { id: it.id(), hop: Hop(2), source: it.origin() };
    bench.ihave(1, &[it]);
    assert_eq!([bench.wait(99), bench.wait(1)], [vec![], vec![(1, graft(&it))]]);
}

#[test]
fn who_is_no_neighbor_any_more_is_not_asked() {
    let mut bench = Bench::new(3, Config::modern());
    for from in [2, 0] {
        bench.ihave(from, &[made_up(1)]);
    }
    let gone = bench.cx.neighbors.remove(LinkId::dialed(2)).expect("it was one");
    bench.tree.on_neighbor_down(&mut bench.cx, &gone, true);
    assert_eq!(bench.wait(300), [(0, graft(&made_up(1)))]);
}

#[test]
fn a_message_that_came_is_not_asked_for() {
    let mut bench = Bench::new(2, Config::modern());
    let it = envelope(5, 1);
    bench.ihave(1, &[IHave { id: it.id(), hop: Hop(2), source: it.origin() }]);
    assert_eq!(bench.gossip(0, &it, 2), [], "both have it");
    assert!(!bench.cx.timers.is_armed(BroadcastTimer::Graft));
    assert_eq!(bench.wait(300), []);
}

#[test]
fn made_up_names_take_a_share_of_the_room_and_one_timer() {
    let mut config = Config::modern();
    config.broadcast.store_count = 100;
    let mut bench = Bench::new(4, config);
    for n in 0..1000 {
        bench.ihave(3, &[made_up(n)]);
    }
    assert_eq!(bench.tree.missing.len(), 25, "a quarter, for it is one of four neighbors");
    assert_eq!(bench.cx.stats.limits.missing, 975);
    bench.ihave(0, &[made_up(5000)]);
    assert_eq!(bench.tree.missing.len(), 26, "others are heard");
    assert_eq!(bench.wait(300).len(), 26);
    assert_eq!((bench.wait(100), bench.tree.missing.len()), (vec![], 0));
}

#[test]
fn a_message_is_sent_once_however_often_it_is_grafted() {
    let mut bench = Bench::new(3, Config::modern());
    let it = envelope(5, 1);
    let (from, source) = (bench.neighbor(2), it.origin());
    bench.grow_tree_pruned_by(2);
    let sent = bench.gossip(0, &it, 1);
    assert!(
        matches!(sent.as_slice(), [(1, Message::Broadcast(BroadcastMessage::Gossip(_)))]),
        "2 wants names: {sent:?}"
    );
    let mut copies = 0;
    for id in [None, Some(made_up(7).id), Some(it.id()), Some(it.id())] {
        bench.tree.on_graft(&mut bench.cx, &mut bench.memory, &from, &Graft { source, id });
        copies += bench.sent().len();
    }
    assert_eq!(copies, 1);
    let next = bench.gossip(0, &envelope(5, 2), 1);
    assert_eq!(next.len(), 2, "it is a branch again: {next:?}");
}

#[test]
fn prunes_and_grafts_for_sources_that_nobody_knows_take_no_room() {
    let mut bench = Bench::new(2, Config::modern());
    let from = bench.neighbor(1);
    for n in 0..200 {
        let source = NodeId::new([n; 32]);
        bench.tree.on_prune(&mut bench.cx, &from, &Prune { source });
        bench.tree.on_graft(&mut bench.cx, &mut bench.memory, &from, &Graft { source, id: None });
    }
    assert_eq!((bench.sent(), bench.tree.trees.len()), (vec![], 0));
}

#[test]
fn in_one_tree_for_all_a_much_longer_way_is_given_up_for_the_announcers() {
    let mut config = Config::modern();
    config.broadcast.plumtree.trees = 0;
    let mut bench = Bench::new(2, config);
    let it = envelope(5, 1);
    for (n, hop, is_left) in [(1, 21, false), (2, 22, true)] {
        let it = Envelope::new(
            (it.origin(), BootEpoch(n)),
            Sequence(1),
            UnixTime::from_millis(1),
            Topic::default(),
            it.payloads().next().expect("one at least"),
        );
        bench.ihave(1, &[IHave { id: it.id(), hop: Hop(2), source: it.origin() }]);
        let sent = bench.gossip(0, &it, hop);
        assert_eq!(!sent.is_empty(), is_left, "20 links shorter, not 19: {sent:?}");
    }
}

#[test]
fn a_copy_too_many_prunes_but_not_one_that_was_pulled() {
    let mut bench = Bench::new(3, Config::modern());
    let it = envelope(5, 1);
    bench.gossip(0, &it, 1);
    let prune = Message::Broadcast(BroadcastMessage::Prune(Prune { source: it.origin() }));
    assert_eq!(bench.gossip(1, &it, 1), [(1, prune)]);
    let other = envelope(6, 1);
    bench.pull(2, &other);
    assert!(bench.memory.seen.contains(it.id()));
    bench.gossip(0, &it, 1);
    assert_eq!(bench.gossip(2, &other, 1), [], "the answer is no copy too many");
}

#[test]
fn a_pull_that_was_quicker_than_the_tree_does_not_cut_it() {
    let mut bench = Bench::new(4, Config::modern());
    let it = envelope(5, 1);
    bench.gossip(0, &envelope(5, 2), 2);
    bench.wait(1000);
    bench.pull(2, &it);
    assert_eq!(bench.gossip(2, &it, 3), [], "it is told by a digest");
    assert_eq!(bench.gossip(0, &it, 2).len(), 2, "the parent's copy goes on along the tree");
    let prune = Message::Broadcast(BroadcastMessage::Prune(Prune { source: it.origin() }));
    assert_eq!(bench.gossip(1, &it, 2), [(1, prune)], "this one is a copy too many");
}

/// Whoever hears of a message beside the tree first still has children that wait for it.
#[test]
fn what_was_pulled_before_the_tree_brought_it_goes_on_along_the_tree() {
    let mut bench = Bench::new(3, Config::modern());
    bench.gossip(0, &envelope(5, 2), 2);
    bench.wait(1000);
    let it = envelope(5, 1);
    bench.pull(1, &it);
    assert_eq!(bench.gossip(1, &it, 3), []);
    let sent = bench.gossip(0, &it, 2);
    assert!(
        matches!(sent.as_slice(), [(2, Message::Broadcast(BroadcastMessage::Gossip(_)))]),
        "{sent:?}"
    );
}

#[test]
fn the_answer_to_a_pull_is_no_copy_too_many_when_the_tree_was_quicker() {
    let mut bench = Bench::new(3, Config::modern());
    let it = envelope(5, 1);
    bench.pull(2, &it);
    assert_eq!(bench.gossip(0, &it, 1).len(), 2, "along the tree");
    assert_eq!(bench.gossip(2, &it, 3), [], "the answer");
}

#[test]
fn names_that_fill_a_message_do_not_wait() {
    let mut bench = Bench::new(2, both_ways());
    bench.grow_tree_pruned_by(1);
    let mut sent = Vec::new();
    for sequence in 1..=1000 {
        sent.append(&mut bench.gossip(0, &envelope(5, sequence), 1));
    }
    let sizes: Vec<usize> = sent.iter().filter_map(|(_, it)| names(it)).collect();
    assert_eq!(sizes, [512]);
    assert!(
        matches!(bench.wait(10).as_slice(), [(1, Message::Broadcast(BroadcastMessage::IHave { have }))] if have.len() == 488)
    );
}

/// 300 names that this side says last and 300 that it says first, due at the same moment.
#[test]
fn names_that_do_not_fit_one_message_go_in_two() {
    let mut bench = Bench::new(2, Config::modern());
    bench.grow_tree_pruned_by(1);
    let sizes: Vec<Vec<usize>> = [(false, 10), (true, 290)]
        .into_iter()
        .map(|(first, pause)| {
            for it in envelopes_said(first).take(300) {
                bench.gossip(0, &it, 1);
            }
            bench.wait(pause).iter().filter_map(|(_, it)| names(it)).collect()
        })
        .collect();
    assert_eq!(sizes, [vec![], vec![512, 88]]);
}

#[test]
fn an_idle_peer_takes_little_room() {
    assert!(size_of::<Plumtree>() <= 480, "{}", size_of::<Plumtree>());
}
