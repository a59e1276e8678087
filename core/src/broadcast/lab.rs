//! A laboratory for broadcasts: peers that are nothing but their broadcast, on a graph that stands
//! still unless a test changes it, with a latency per link. It shows what a broadcast does without
//! an overlay that heals and a detector that finds.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::broadcast::Broadcast;
use crate::broadcast::timer::BroadcastTimer;
use crate::config::Config;
use crate::context::Context;
use crate::event::Event;
use crate::id::{BootEpoch, LinkId, NodeId, Role};
use crate::io::{Birth, Output};
use crate::messaging::{Payload, Topic};
use crate::rng::{Rng, RngSeed, Stream};
use crate::time::{Instant, UnixTime};
use crate::timers::Timer;
use crate::wire::Message;

/// Index of a peer.
pub(crate) type At = usize;

/// One end of a link.
type End = (At, LinkId);

pub(crate) struct Lab {
    now: Instant,
    peers: Vec<Peer>,
    queue: BTreeMap<(Instant, u64), What>,
    order: u64,
    wires: BTreeMap<End, Wire>,
    links: u64,
    rng: Rng,
    latency: (u64, u64),
    /// The greatest hop since the last message was said, and when the last one got it.
    last_hop: u16,
    last_at: Instant,
}

struct Peer {
    cx: Context,
    broadcast: Broadcast,
    is_dead: bool,
}

#[derive(Clone, Copy)]
struct Wire {
    far: End,
    latency: Duration,
}

enum What {
    Wake(At),
    Message(End, Message),
}

/// What a run of the lab counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) copies: u64,
    pub(crate) duplicates: u64,
    pub(crate) delivered: u64,
    /// Names, and the messages they came in.
    pub(crate) names: u64,
    pub(crate) grafts: u64,
    pub(crate) prunes: u64,
    /// Messages of all kinds but payloads.
    pub(crate) control: u64,
}

impl Lab {
    /// Peers without links. Each link takes a time between these, in milliseconds.
    pub(crate) fn new(config: &Config, peers: usize, latency: (u64, u64)) -> Self {
        let config = Arc::new(config.clone());
        let peers = (0..peers).map(|at| Peer::new(&config, at)).collect();
        Self {
            now: Instant::BIRTH,
            peers,
            queue: BTreeMap::new(),
            order: 0,
            wires: BTreeMap::new(),
            links: 0,
            rng: Rng::new(RngSeed::new([3; 32])),
            latency,
            last_hop: 0,
            last_at: Instant::BIRTH,
        }
    }

    /// The same on a random graph in which each peer has five neighbors: two cycles and a matching.
    pub(crate) fn with_five_neighbors(config: &Config, peers: usize, latency: (u64, u64)) -> Self {
        let mut lab = Self::new(config, peers, latency);
        for is_matching in [false, false, true] {
            let order = lab.shuffled();
            for (place, &at) in order.iter().enumerate() {
                if !is_matching || place % 2 == 0 {
                    lab.link(at, order[(place + 1) % peers]);
                }
            }
        }
        lab
    }

    pub(crate) fn shuffled(&mut self) -> Vec<At> {
        let mut order: Vec<At> = (0..self.peers.len()).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, self.draw(place + 1));
        }
        order
    }

    pub(crate) fn draw(&mut self, below: usize) -> usize {
        self.rng.index(Stream::Overlay, below).unwrap_or(0)
    }

    /// Links two peers, unless they are linked.
    pub(crate) fn link(&mut self, a: At, b: At) {
        let id = self.peers[b].cx.me();
        if a == b || self.peers[a].cx.neighbors.by_id(id).is_some() {
            return;
        }
        self.links += 1;
        let ends = [(a, LinkId::dialed(self.links)), (b, LinkId::accepted(self.links))];
        let span = usize::try_from(self.latency.1 - self.latency.0).unwrap_or(0) + 1;
        let millis = self.latency.0 + u64::try_from(self.draw(span)).unwrap_or(0);
        let latency = Duration::from_millis(millis);
        for (end, far) in [(ends[0], ends[1]), (ends[1], ends[0])] {
            self.wires.insert(end, Wire { far, latency });
            let record = self.peers[far.0].cx.record.clone();
            let peer = &mut self.peers[end.0];
            peer.cx.neighbors.insert(end.1, record, self.now);
        }
        for end in ends {
            self.with(end.0, |peer| {
                let up = peer.cx.neighbors.by_link(end.1).expect("just linked").clone();
                peer.broadcast.on_neighbor_up(&mut peer.cx, &up);
            });
        }
    }

    /// Breaks a link; what was on it is lost.
    fn unlink(&mut self, end: End) {
        let Some(wire) = self.wires.remove(&end) else { return };
        self.wires.remove(&wire.far);
        for (at, link) in [end, wire.far] {
            self.with(at, |peer| {
                if let Some(down) = peer.cx.neighbors.remove(link) {
                    peer.broadcast.on_neighbor_down(&mut peer.cx, &down, true);
                }
            });
        }
    }

    pub(crate) fn kill(&mut self, at: At) {
        self.peers[at].is_dead = true;
        for end in self.ends_of(at) {
            self.unlink(end);
        }
    }

    /// Breaks a link of this peer.
    pub(crate) fn reset_one(&mut self, at: At) -> Option<At> {
        let end = self.ends_of(at).first().copied()?;
        let far = self.wires[&end].far.0;
        self.unlink(end);
        Some(far)
    }

    /// Ends all links between the two sides.
    pub(crate) fn part(&mut self, is_left: impl Fn(At) -> bool) {
        let across =
            |(end, wire): (&End, &Wire)| (is_left(end.0) && !is_left(wire.far.0)).then_some(*end);
        let ends: Vec<End> = self.wires.iter().filter_map(across).collect();
        for end in ends {
            self.unlink(end);
        }
    }

    /// Gives every peer that lost neighbors new ones, at random.
    pub(crate) fn heal(&mut self) {
        for _ in 0..20 {
            let few: Vec<At> = (0..self.peers.len())
                .filter(|&at| !self.peers[at].is_dead && self.peers[at].cx.neighbors.len() < 5)
                .collect();
            for &at in &few {
                let other = few[self.draw(few.len())];
                if self.peers[other].cx.neighbors.len() < 5 {
                    self.link(at, other);
                }
            }
        }
    }

    fn ends_of(&self, at: At) -> Vec<End> {
        let all = (at, LinkId::from_bits(0))..=(at, LinkId::from_bits(u64::MAX));
        self.wires.range(all).map(|(end, _)| *end).collect()
    }

    pub(crate) fn say(&mut self, at: At) {
        let payload = Payload::new(&b"something"[..]).expect("short");
        self.with(at, |peer| {
            peer.broadcast.publish(&mut peer.cx, Topic::default(), payload);
        });
    }

    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(entry) = self.queue.first_entry().filter(|entry| entry.key().0 <= end) {
            let ((at, _), what) = entry.remove_entry();
            self.now = at;
            match what {
                What::Wake(at) => self.with(at, Peer::wake),
                What::Message((at, link), message) => {
                    if self.wires.contains_key(&(at, link)) {
                        self.with(at, |peer| peer.receive(link, message));
                    }
                }
            }
        }
        self.now = end;
    }

    /// One message of this peer, and what it took, after as long as it may take.
    pub(crate) fn broadcast(&mut self, at: At) -> Outcome {
        let before = self.counts();
        (self.last_hop, self.last_at) = (0, self.now);
        let begin = self.now;
        self.say(at);
        self.run(Duration::from_secs(3));
        let counts = self.counts() - before;
        Outcome { counts, last_hop: self.last_hop, last: self.last_at.since(begin) }
    }

    fn with(&mut self, at: At, act: impl FnOnce(&mut Peer)) {
        let peer = &mut self.peers[at];
        if peer.is_dead {
            return;
        }
        peer.cx.now = self.now;
        act(peer);
        while let Some(output) = self.peers[at].cx.poll_output() {
            match output {
                Output::Send { link, message } => {
                    if let Some(wire) = self.wires.get(&(at, link)) {
                        let (far, latency) = (wire.far, wire.latency);
                        self.schedule(self.now + latency, What::Message(far, message));
                    }
                }
                Output::Event(Event::Delivered { hop, .. }) => {
                    self.last_hop = self.last_hop.max(hop.0);
                    self.last_at = self.now;
                }
                Output::Event(_) | Output::Dial { .. } | Output::Close { .. } => {}
            }
        }
        if let Some(deadline) = self.peers[at].cx.timers.next() {
            self.schedule(deadline.at, What::Wake(at));
        }
    }

    fn schedule(&mut self, at: Instant, what: What) {
        self.order += 1;
        self.queue.insert((at, self.order), what);
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for peer in self.peers.iter().filter(|peer| !peer.is_dead) {
            let stats = &peer.cx.stats;
            sum.copies += stats.gossip_received;
            sum.duplicates += stats.duplicates;
            sum.delivered += stats.delivered;
            sum.names += stats.ihaves_sent;
            sum.grafts += stats.grafts_sent;
            sum.prunes += stats.prunes_sent;
            sum.control += stats.messages_sent - stats.gossip_sent;
        }
        sum
    }

    /// Live peers with neighbors.
    pub(crate) fn linked(&self) -> usize {
        let is_linked = |peer: &&Peer| !peer.is_dead && !peer.cx.neighbors.is_empty();
        self.peers.iter().filter(is_linked).count()
    }

    /// Live peers that have seen as many messages as whoever has seen the most.
    pub(crate) fn complete(&self) -> usize {
        let alive = || self.peers.iter().filter(|peer| !peer.is_dead);
        let most = alive().map(|peer| peer.broadcast.seen()).max();
        alive().filter(|peer| Some(peer.broadcast.seen()) == most).count()
    }
}

/// What one message took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    pub(crate) counts: Counts,
    /// The last delivery hop (LDH).
    pub(crate) last_hop: u16,
    pub(crate) last: Duration,
}

impl core::ops::Sub for Counts {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            copies: self.copies - before.copies,
            duplicates: self.duplicates - before.duplicates,
            delivered: self.delivered - before.delivered,
            names: self.names - before.names,
            grafts: self.grafts - before.grafts,
            prunes: self.prunes - before.prunes,
            control: self.control - before.control,
        }
    }
}

impl Peer {
    fn new(config: &Arc<Config>, at: At) -> Self {
        let mut id = [0; 32];
        // Ids differ in their first bytes, as those that are drawn do.
        id[..8].copy_from_slice(&u64::try_from(at + 1).unwrap_or(0).to_le_bytes());
        let addr = SocketAddr::from(([10, 0, 0, 1], 7000));
        let record = AddressRecord::new(NodeId::new(id), BootEpoch(1), &[addr]).expect("valid");
        let rng_seed = RngSeed::new(id);
        let birth = Birth { record, rng_seed, unix: UnixTime::from_millis(1) };
        let mut cx = Context::new(Role::Peer, Arc::clone(config), birth);
        let broadcast = Broadcast::new(&mut cx);
        Self { cx, broadcast, is_dead: false }
    }

    fn wake(&mut self) {
        let Self { cx, broadcast, .. } = self;
        let before = cx.timers.order();
        while let Some(timer) = cx.timers.pop_due(cx.now, before) {
            let Timer::Broadcast(timer) = timer else { unreachable!("of no other part") };
            // What an exchange would mend shall show.
            if matches!(timer, BroadcastTimer::IHave | BroadcastTimer::Graft) {
                broadcast.on_timer(cx, timer, |_| None);
            }
        }
    }

    fn receive(&mut self, link: LinkId, message: Message) {
        let Self { cx, broadcast, .. } = self;
        let Some(from) = cx.neighbors.by_link(link).cloned() else { return };
        if let Message::Broadcast(message) = message {
            broadcast.on_message(cx, &from, message);
        }
    }
}
