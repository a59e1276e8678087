//! Messages to a peer that holds so many messages, misses so many and pulls so many.

use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidings_core::wire::{
    Age, BroadcastMessage, Digest, Gossip, Graft, Hello, IHave, LinkMessage, MAX_IDS, MAX_IHAVES,
    Message, NetworkName, Prune, Purpose, Route,
};
use tidings_core::{
    AddressRecord, Birth, BootEpoch, Config, Envelope, Hop, Input, Instant, LinkId, MessageId,
    Node, NodeId, Output, Payload, RngSeed, Role, Sequence, Topic, UnixTime,
};

use crate::callgrind::counted_work;

/// Of what is counted, in this order.
pub(crate) const NAMES: [&str; 6] =
    ["Gossip, new", "Gossip, duplicate", "IHave of 8", "Graft", "Pull of 8", "Digest of 8"];

/// How many messages of each kind. None asks for what an earlier one was given.
pub(crate) const TIMES: u64 = 10;

/// Ids in a message that has several.
const IDS: u64 = 8;

/// Whoever sends the messages that are held.
const PARENT: u64 = 0;
/// Whoever names what is missing, and has what is pulled.
const CHILD: u64 = 1;
/// Whoever is off the tree, and so is not known to have what is held.
const LAZY: [u64; 2] = [2, 3];

/// Before anything is due.
const NOW: Instant = Instant::from_micros(1000);

const SOURCE: NodeId = NodeId::new([7; 32]);

/// Numbers of messages that nobody has sent.
const UNHEARD: u64 = 1 << 32;

pub(crate) fn count_all(held: u64) {
    let peer = peer(held);
    let each: Vec<u64> = (0..TIMES).collect();
    let of_each = |message: &dyn Fn(u64) -> Input| each.iter().map(|n| message(*n)).collect();
    let kinds: [Vec<Input>; NAMES.len()] = [
        of_each(&|n| gossip(PARENT, held + n)),
        of_each(&|n| gossip(CHILD, n)),
        of_each(&|n| names(LAZY[0], UNHEARD + held + n * IDS, IDS)),
        of_each(&|n| graft(LAZY[0], n)),
        of_each(&|n| received(LAZY[0], BroadcastMessage::Pull { ids: ids(n * IDS, IDS) })),
        of_each(&|n| digest(CHILD, 2 * UNHEARD + held + n * IDS, IDS)),
    ];
    for inputs in kinds {
        let mut peer = peer.clone();
        // A clone has room for nothing more. It makes room before it is counted.
        fill(&mut peer, held + 1000, 16);
        let mut inputs = inputs.into_iter();
        counted_work(&mut || inputs.by_ref().for_each(|input| give(&mut peer, input)));
        peer.check_invariants();
    }
}

/// A peer with four neighbors that holds so many messages, misses so many, and pulls so many.
fn peer(held: u64) -> Node {
    let mut config = Config::modern();
    config.detector.swim.members_max = 0;
    // Nothing of what is counted shall hit a bound.
    config.broadcast.store_count = 100_000;
    let mut peer = Node::peer(config, birth(), &[addr(99)]).unwrap();
    while peer.poll_output().is_some() {}
    for link in [PARENT, CHILD].into_iter().chain(LAZY) {
        give(&mut peer, Input::LinkUp { link: LinkId::accepted(link), addr: addr(link) });
        give(&mut peer, hello(link));
    }
    for link in LAZY {
        give(&mut peer, received(link, BroadcastMessage::Prune(Prune { source: SOURCE })));
    }
    fill(&mut peer, 0, held);
    let view = peer.snapshot();
    assert_eq!(view.neighbors.len(), 4);
    assert_eq!(u64::try_from(view.stored).unwrap(), held);
    assert_eq!((view.stats.limits.missing, view.stats.limits.pulls), (0, 0));
    peer
}

/// Lets it hold so many messages more, miss so many more and pull so many more.
fn fill(peer: &mut Node, first: u64, count: u64) {
    (first..first + count).for_each(|n| give(peer, gossip(PARENT, n)));
    for (first, len) in pages(UNHEARD + first, count, MAX_IHAVES) {
        give(peer, names(CHILD, first, len));
    }
    for (first, len) in pages(2 * UNHEARD + first, count, MAX_IDS) {
        give(peer, digest(CHILD, first, len));
    }
}

/// Hands an input over and drains what comes of it.
fn give(peer: &mut Node, input: Input) {
    peer.handle(NOW, input);
    while let Some(output) = peer.poll_output() {
        assert!(!matches!(output, Output::Close { .. }), "a link was closed");
        black_box(&output);
    }
}

/// Where the messages of this length begin that `count` numbers from `first` on fill.
fn pages(first: u64, count: u64, len: usize) -> impl Iterator<Item = (u64, u64)> {
    let len = u64::try_from(len).unwrap();
    (0..count.div_ceil(len)).map(move |n| (first + n * len, len.min(count - n * len)))
}

fn gossip(link: u64, n: u64) -> Input {
    let payload = Payload::new(b"hello".to_vec()).unwrap();
    let sent = UnixTime::from_millis(1_700_000_000_000);
    let origin = (SOURCE, BootEpoch(1));
    let envelope = Envelope::new(origin, Sequence(n), sent, Topic::default(), payload);
    let gossip = Gossip {
        hop: Hop(3),
        route: Route::Usual,
        age: Age::new(Duration::from_millis(40)),
        envelope: Arc::new(envelope),
    };
    received(link, BroadcastMessage::Gossip(gossip))
}

/// The id of the message of this number.
fn id(n: u64) -> MessageId {
    let Input::Received { message: Message::Broadcast(BroadcastMessage::Gossip(gossip)), .. } =
        gossip(0, n)
    else {
        unreachable!("it is gossip");
    };
    gossip.envelope.id()
}

fn ids(first: u64, len: u64) -> Vec<MessageId> {
    (first..first + len).map(id).collect()
}

fn names(link: u64, first: u64, len: u64) -> Input {
    let name = |id| IHave { id, hop: Hop(3), source: SOURCE };
    received(
        link,
        BroadcastMessage::IHave { have: ids(first, len).into_iter().map(name).collect() },
    )
}

fn graft(link: u64, n: u64) -> Input {
    received(link, BroadcastMessage::Graft(Graft { source: SOURCE, id: Some(id(n)) }))
}

fn digest(link: u64, first: u64, len: u64) -> Input {
    received(link, BroadcastMessage::Digest(Digest { ids: ids(first, len), reply: false }))
}

fn received(link: u64, message: BroadcastMessage) -> Input {
    Input::Received { link: LinkId::accepted(link), message: message.into() }
}

fn hello(link: u64) -> Input {
    let hello = Hello {
        network: NetworkName::default(),
        to: None,
        from: record(link),
        role: Role::Peer,
        parts: None,
        purpose: Purpose::Neighbor { isolated: false },
    };
    let message = Message::Link(LinkMessage::Hello(Box::new(hello)));
    Input::Received { link: LinkId::accepted(link), message }
}

fn birth() -> Birth {
    let unix = UnixTime::from_millis(1_700_000_000_000);
    // What nodes hash with is drawn from it: it must look like what is drawn.
    let rng_seed = RngSeed::new([1; 32]).derive("peer", 0);
    Birth { record: record(50), rng_seed, unix }
}

fn record(n: u64) -> AddressRecord {
    let [.., last] = n.to_be_bytes();
    AddressRecord::new(NodeId::new([last; 32]), BootEpoch(1), &[addr(n)]).unwrap()
}

fn addr(n: u64) -> SocketAddr {
    let [.., last] = n.to_be_bytes();
    SocketAddr::from(([10, 0, 0, last], 7000))
}
