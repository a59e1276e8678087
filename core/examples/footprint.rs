//! What a node costs: bytes per peer and per message, nanoseconds per input. One JSON line.
//!
//! `cargo run --release -p tidings-core --example footprint`
//!
//! Every state is built through the public contract. Bytes are those asked of the allocator; what
//! peers share (the records of others, the envelopes of messages, the config) exists once and is
//! not counted. Times are the least of several runs in one process, outputs drained, and include
//! what the counting allocator adds: some 5 ns per call.

#![expect(clippy::print_stdout, reason = "its one line of output")]
#![expect(clippy::unwrap_used, reason = "a wrong state is worth a panic here")]
#![expect(clippy::disallowed_types, reason = "it measures real time; nothing else is made of it")]

use std::alloc::System;
use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tidings_core::wire::{
    Age, BroadcastMessage, Gossip, Hello, LinkMessage, Message, NetworkName, Ping, Purpose,
    RegistrationMessage, Route, Welcome,
};
use tidings_core::{
    AddressRecord, Birth, BootEpoch, Config, Envelope, Hop, Input, Instant, LinkId, Node, NodeId,
    Output, Payload, RngSeed, Role, Room, Sequence, Topic, UnixTime,
};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Seed nodes of the settings; a peer registers with two of them.
const SEED_NODES: u64 = 3;
/// Peers that one knows of, four of them neighbors that it dialed.
const LISTED: u64 = 28;
/// How many of them each of its two seed nodes names.
const HALF: usize = 14;
/// Neighbors that dialed it; it knows those too.
const ACCEPTED: u64 = 4;
/// Peers over which a footprint is averaged.
const PEERS: u64 = 500;
/// Peers that take turns, so that none finds its state in a cache.
const CROWD: u64 = 20_000;
/// Messages that each of them is given.
const MESSAGES: u64 = 30;
/// Entries of the large registry.
const REGISTERED: u64 = 700_000;
/// Links of the join wave that have said nothing yet.
const PENDING: u64 = 20_000;
/// Times that a measurement is repeated; the least disturbed one counts.
const RUNS: usize = 15;

fn main() {
    let world = World::new();
    let (peer_bytes, message_bytes) = world.footprint();
    let (mut peer, links) = world.peer(0);
    let duplicate = world.ns_per_duplicate(&peer, &links);
    let new = world.ns_per_new_message(&peer, &links);
    let cold = world.ns_per_cold_message();
    let ping = ns_per_ping(&mut peer, &links);
    let birth = world.ns_per_birth();
    let pending = ns_per_pending_link();
    let registered_bytes = bytes_per_registered();
    let mut registry = registry(REGISTERED);
    let sample = ns_per_request(
        &mut registry,
        &Message::Registration(RegistrationMessage::ListRequest { sample: 64 }),
    );
    let renew = ns_per_request(&mut registry, &Message::Registration(RegistrationMessage::Renew));
    println!(
        "{{\"bytes_per_idle_peer\":{peer_bytes},\"bytes_per_registered_peer\":{registered_bytes},\"bytes_per_message\":{message_bytes},\
         \"ns_per_duplicate\":{duplicate},\"ns_per_new_message\":{new},\"ns_per_ping\":{ping},\
         \"ns_per_cold_new_message\":{},\"ns_per_cold_duplicate\":{},\
         \"ns_per_birth\":{birth},\"ns_per_list_of_{REGISTERED}\":{sample},\
         \"ns_per_renewal_of_{REGISTERED}\":{renew},\
         \"ns_per_link_beside_{PENDING}\":{pending}}}",
        cold.0, cold.1
    );
}

/// What all peers share.
struct World {
    config: Arc<Config>,
    seed_nodes: Vec<AddressRecord>,
    others: Vec<AddressRecord>,
    envelopes: Vec<Arc<Envelope>>,
}

impl World {
    fn new() -> Self {
        let config = Config::classic();
        Self {
            config: config.into(),
            seed_nodes: (0..SEED_NODES).map(|n| record(1_000_000 + n)).collect(),
            others: (0..LISTED + ACCEPTED).map(|n| record(2_000_000 + n)).collect(),
            envelopes: (0..2000).map(envelope).collect(),
        }
    }

    /// Bytes of an idle peer, and of each message that it stores.
    fn footprint(&self) -> (usize, usize) {
        let region = Region::new(ALLOCATOR);
        let mut peers = Vec::with_capacity(usize::try_from(PEERS).unwrap());
        for n in 0..PEERS {
            peers.push(self.peer(n).0);
        }
        let idle = live(&region);
        for peer in &mut peers {
            for envelope in self.envelopes.iter().take(usize::try_from(MESSAGES).unwrap()) {
                give(peer, gossip(LinkId::accepted(0), envelope));
            }
        }
        let holding = live(&region);
        assert!(peers.iter().all(|peer| peer.stats().delivered == MESSAGES));
        let count = |n| usize::try_from(n).unwrap();
        (idle / count(PEERS), (holding - idle) / count(PEERS * MESSAGES))
    }

    /// A peer with two registrations, eight neighbors and 32 peers known, and its neighbors' links.
    fn peer(&self, n: u64) -> (Node, Vec<LinkId>) {
        let seeds: Vec<_> = self.seed_nodes.iter().map(AddressRecord::primary).collect();
        let mut node = Node::peer(Arc::clone(&self.config), birth(record(n)), &seeds).unwrap();
        let mut stage = Stage { world: self, links: BTreeMap::new(), lists: 0 };
        stage.answer(&mut node, Instant::BIRTH);
        for n in 0..ACCEPTED {
            let from = self.others[usize::try_from(LISTED + n).unwrap()].clone();
            let link = LinkId::accepted(n);
            let addr = from.primary();
            node.handle(Instant::BIRTH, Input::LinkUp { link, addr });
            stage.answer(&mut node, Instant::BIRTH);
            let purpose = Purpose::Neighbor { isolated: false };
            node.handle(Instant::BIRTH, received(link, hello(from, purpose)));
            stage.answer(&mut node, Instant::BIRTH);
        }
        // The timer that looks for a first neighbor has fired.
        node.handle(seconds(3), Input::Wake);
        stage.answer(&mut node, seconds(3));
        let view = node.snapshot();
        assert_eq!((view.neighbors.len(), view.known.len()), (8, 32));
        assert_eq!(view.seed_nodes.iter().filter(|it| it.registered.is_some()).count(), 2);
        let is_neighbor = |addr| view.neighbors.iter().any(|it| it.record.primary() == addr);
        let dialed = stage.links.iter().filter(|(_, at)| is_neighbor(at.primary()));
        let accepted = (0..ACCEPTED).map(LinkId::accepted);
        let links = dialed.map(|(link, _)| *link).chain(accepted).collect();
        (node, links)
    }

    fn ns_per_duplicate(&self, peer: &Node, links: &[LinkId]) -> u64 {
        let mut peer = peer.clone();
        for envelope in self.envelopes.iter().take(100) {
            give(&mut peer, gossip(links[0], envelope));
        }
        let copies = self.envelopes.iter().take(100).cycle().zip(links.iter().cycle());
        let inputs: Vec<_> = copies.take(10_000).map(|(it, link)| gossip(*link, it)).collect();
        least(|| {
            let inputs = inputs.clone();
            time(inputs.len(), || inputs.into_iter().for_each(|input| give(&mut peer, input)))
        })
    }

    fn ns_per_new_message(&self, peer: &Node, links: &[LinkId]) -> u64 {
        let copies = self.envelopes.iter().zip(links.iter().cycle());
        let inputs: Vec<_> = copies.map(|(it, link)| gossip(*link, it)).collect();
        least(|| {
            let (mut peer, inputs) = (peer.clone(), inputs.clone());
            time(inputs.len(), || inputs.into_iter().for_each(|input| give(&mut peer, input)))
        })
    }

    /// A new message and a duplicate of it, each at one peer of a crowd after the other.
    fn ns_per_cold_message(&self) -> (u64, u64) {
        let mut crowd: Vec<Node> = (0..CROWD).map(|n| self.peer(n).0).collect();
        let mut envelopes = self.envelopes.iter();
        let mut round = |link: u64| {
            let mut all = |envelope| {
                time(crowd.len(), || {
                    for peer in &mut crowd {
                        give(peer, gossip(LinkId::accepted(link), envelope));
                    }
                })
            };
            let envelope = envelopes.next().unwrap();
            (all(envelope), all(envelope))
        };
        let rounds: Vec<(u64, u64)> = (0..5).map(|n| round(n % ACCEPTED)).collect();
        let new = rounds.iter().map(|it| it.0).min().unwrap();
        (new, rounds.iter().map(|it| it.1).min().unwrap())
    }

    fn ns_per_birth(&self) -> u64 {
        let seeds: Vec<_> = self.seed_nodes.iter().map(AddressRecord::primary).collect();
        let record = record(0);
        least(|| {
            time(1000, || {
                for _ in 0..1000 {
                    let birth = birth(record.clone());
                    let peer = Node::peer(Arc::clone(&self.config), birth, &seeds).unwrap();
                    black_box(peer);
                }
            })
        })
    }
}

/// Whoever is at the other end of a peer's links.
struct Stage<'a> {
    world: &'a World,
    links: BTreeMap<LinkId, AddressRecord>,
    lists: usize,
}

impl Stage<'_> {
    /// Answers what the peer says until it is silent.
    fn answer(&mut self, peer: &mut Node, now: Instant) {
        let mut said: VecDeque<Output> = core::iter::from_fn(|| peer.poll_output()).collect();
        while let Some(output) = said.pop_front() {
            if let Some(input) = self.answer_to(output) {
                peer.handle(now, input);
                said.extend(core::iter::from_fn(|| peer.poll_output()));
            }
        }
        peer.exchange_room(&mut Room::default());
    }

    fn answer_to(&mut self, output: Output) -> Option<Input> {
        match output {
            Output::Dial { link, addresses } => {
                let (addr, World { seed_nodes, others, .. }) = (addresses[0], self.world);
                let is_there = |it: &&AddressRecord| it.primary() == addr;
                let remote = seed_nodes.iter().chain(others).find(is_there)?;
                self.links.insert(link, remote.clone());
                Some(Input::LinkUp { link, addr })
            }
            Output::Send { link, message: Message::Link(LinkMessage::Hello(hello)) } => {
                let is_registration = hello.purpose == Purpose::Register;
                let role = if is_registration { Role::SeedNode } else { Role::Peer };
                let from = self.links[&link].clone();
                Some(received(link, Message::Link(LinkMessage::Welcome(Welcome { from, role }))))
            }
            Output::Send {
                link,
                message: Message::Registration(RegistrationMessage::Register),
            } => Some(received(
                link,
                Message::Registration(RegistrationMessage::Registered { lease_ms: 30_000 }),
            )),
            Output::Send {
                link,
                message: Message::Registration(RegistrationMessage::ListRequest { .. }),
            } => {
                let mut lists = self.world.others.chunks_exact(HALF).take(2);
                let peers = lists.nth(self.lists)?.to_vec();
                self.lists += 1;
                Some(received(link, Message::Registration(RegistrationMessage::PeerList { peers })))
            }
            Output::Send { .. }
            | Output::AwaitReady { .. }
            | Output::AwaitIdle { .. }
            | Output::Reset { .. }
            | Output::Close { .. }
            | Output::Event(_) => None,
        }
    }
}

fn ns_per_ping(peer: &mut Node, links: &[LinkId]) -> u64 {
    let ping = Ping { nonce: 7, time: UnixTime::from_millis(7), addr: addr(7) };
    least(|| {
        time(10_000, || {
            for link in links.iter().cycle().take(10_000) {
                give(peer, received(*link, Message::Link(LinkMessage::Ping(ping))));
            }
        })
    })
}

/// What a seed node takes for each peer when its list is as full as the settings allow.
///
/// # Panics
///
/// When that is more than docs/operating.md says.
fn bytes_per_registered() -> usize {
    let full = Config::classic().registration.registry_max;
    let region = Region::new(ALLOCATOR);
    let node = registry(u64::try_from(full).unwrap());
    assert_eq!(node.snapshot().registered.len(), full);
    let bytes = live(&region) / full;
    drop(node);
    assert!(bytes <= 512, "{bytes} bytes for each entry of {full}");
    bytes
}

/// A seed node that lists this many peers, each on a link of its own.
fn registry(entries: u64) -> Node {
    let mut node = seed_node();
    for n in 0..entries {
        let (link, from) = (LinkId::accepted(n), record(n));
        give(&mut node, Input::LinkUp { link, addr: from.primary() });
        give(&mut node, received(link, hello(from, Purpose::Register)));
        give(&mut node, received(link, Message::Registration(RegistrationMessage::Register)));
    }
    node
}

fn ns_per_request(node: &mut Node, request: &Message) -> u64 {
    let links = || (0..REGISTERED).step_by(7919).map(LinkId::accepted);
    least(|| {
        time(links().count(), || {
            links().for_each(|link| give(node, received(link, request.clone())));
        })
    })
}

/// A link that comes and goes at a seed node where many others have not said hello.
fn ns_per_pending_link() -> u64 {
    let mut node = seed_node();
    let up = |n| Input::LinkUp { link: LinkId::accepted(n), addr: addr(n) };
    (0..PENDING).for_each(|n| give(&mut node, up(n)));
    let links = || (0..PENDING).step_by(37);
    least(|| {
        time(links().count(), || {
            for n in links() {
                let loss = tidings_core::LinkLoss::Closed;
                give(&mut node, Input::LinkDown { link: LinkId::accepted(n), loss });
                give(&mut node, up(n));
            }
        })
    })
}

fn seed_node() -> Node {
    let mut config = Config::classic();
    config.registration.registry_max = 1 << 20;
    config.links.max_pending = 65_536;
    Node::seed_node(config, birth(record(u64::MAX)), &[]).unwrap()
}

/// Hands an input over and drains what comes of it, three seconds after birth.
fn give(node: &mut Node, input: Input) {
    node.handle(seconds(3), input);
    while let Some(output) = node.poll_output() {
        black_box(&output);
    }
    node.exchange_room(&mut Room::default());
}

fn received(link: LinkId, message: Message) -> Input {
    Input::Received { link, message }
}

fn gossip(link: LinkId, envelope: &Arc<Envelope>) -> Input {
    let age = Age::new(Duration::from_millis(40));
    received(
        link,
        Message::Broadcast(BroadcastMessage::Gossip(Gossip {
            hop: Hop(2),
            route: Route::Usual,
            age,
            envelope: Arc::clone(envelope),
        })),
    )
}

fn hello(from: AddressRecord, purpose: Purpose) -> Message {
    let network = NetworkName::default();
    Message::Link(LinkMessage::Hello(Box::new(Hello {
        network,
        to: None,
        from,
        role: Role::Peer,
        parts: None,
        purpose,
    })))
}

/// Unlike real identities these are in the order of their numbers, so they are scattered first.
fn record(n: u64) -> AddressRecord {
    let id = RngSeed::new([3; 32]).derive("record", n);
    AddressRecord::new(NodeId::new(*id.as_bytes()), BootEpoch(1), &[addr(n)]).unwrap()
}

fn addr(n: u64) -> SocketAddr {
    let [.., a, b, c] = n.to_be_bytes();
    SocketAddr::from(([10, a, b, c], 7000))
}

fn birth(record: AddressRecord) -> Birth {
    let rng_seed = RngSeed::new(*record.subject().as_bytes());
    Birth { record, rng_seed, unix: UnixTime::from_millis(1_700_000_000_000) }
}

fn envelope(n: u64) -> Arc<Envelope> {
    let payload = Payload::new(n.to_string().into_bytes()).unwrap();
    let origin = (NodeId::new([7; 32]), BootEpoch(1));
    let sent = UnixTime::from_millis(1_700_000_000_000);
    Arc::new(Envelope::new(origin, Sequence(n), sent, Topic::default(), payload))
}

fn seconds(n: u64) -> Instant {
    Instant::BIRTH + Duration::from_secs(n)
}

/// Bytes that were allocated since the region began and are still in use.
fn live(region: &Region<'_, System>) -> usize {
    let change = region.change();
    change.bytes_allocated - change.bytes_deallocated
}

/// Nanoseconds per unit of `work`.
fn time(units: usize, work: impl FnOnce()) -> u64 {
    let begun = Clock::now();
    work();
    u64::try_from(begun.elapsed().as_nanos()).unwrap() / u64::try_from(units).unwrap()
}

fn least(mut run: impl FnMut() -> u64) -> u64 {
    (0..RUNS).map(|_| run()).min().unwrap()
}
