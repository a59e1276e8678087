//! A laboratory for broadcasts: peers that are nothing but their broadcast, on the network in memory.
//! Their graph stands still unless a test changes it, and each link has a latency. It shows what a
//! broadcast does without an overlay that heals and a detector that finds.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::broadcast::Broadcast;
use crate::broadcast::credit::on_congested;
use crate::broadcast::timer::BroadcastTimer;
use crate::config::Config;
use crate::context::Context;
use crate::event::Event;
use crate::id::{BootEpoch, LinkId, NodeId, Role};
use crate::io::{Birth, Command, Input, Output};
use crate::messaging::{Payload, Topic};
use crate::rng::{Rng, RngSeed, Stream};
use crate::testing::in_memory::{At, Hosts, InMemoryNetwork, address, host_at};
use crate::time::{Instant, UnixTime};
use crate::timers::Timer;
use crate::wire::Message;

pub(crate) struct Lab {
    network: InMemoryNetwork<Peers>,
    rng: Rng,
    latency: (u64, u64),
}

#[derive(Default)]
struct Peers {
    all: Vec<Peer>,
    /// The greatest hop since the last message was said, and when the last one got it.
    last_hop: u16,
    last_at: Duration,
}

struct Peer {
    cx: Context,
    broadcast: Broadcast,
    is_dead: bool,
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
        let mut network = InMemoryNetwork::<Peers>::default();
        network.hosts.all = (0..peers).map(|at| Peer::new(&config, at)).collect();
        Self { network, rng: Rng::new(RngSeed::new([3; 32])), latency }
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
        let mut order: Vec<At> = (0..self.peers().len()).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, self.draw(place + 1));
        }
        order
    }

    pub(crate) fn draw(&mut self, below: usize) -> usize {
        self.rng.index(Stream::Overlay, below).unwrap_or(0)
    }

    fn peers(&self) -> &[Peer] {
        &self.network.hosts.all
    }

    /// Links two peers, unless they are linked.
    pub(crate) fn link(&mut self, a: At, b: At) {
        if a == b || self.peers()[a].cx.neighbors.by_id(id(b)).is_some() {
            return;
        }
        let span = usize::try_from(self.latency.1 - self.latency.0).unwrap_or(0) + 1;
        let millis = self.latency.0 + u64::try_from(self.draw(span)).unwrap_or(0);
        self.network.place(a, b, Duration::from_millis(millis));
        self.network.link(a, b);
    }

    pub(crate) fn kill(&mut self, at: At) {
        self.network.with(at, |peers| peers.all[at].is_dead = true);
        self.network.reset(|near, _| near == at);
    }

    /// Breaks a link of this peer.
    pub(crate) fn reset_one(&mut self, at: At) -> Option<At> {
        let (_, (far, _)) = self.network.ends(|near, _| near == at).first().copied()?;
        self.network.reset(|near, other| (near, other) == (at, far));
        Some(far)
    }

    /// Ends all links between the two sides.
    pub(crate) fn part(&mut self, is_left: impl Fn(At) -> bool) {
        self.network.reset(|near, far| is_left(near) && !is_left(far));
    }

    /// Gives every peer that lost neighbors new ones, at random.
    pub(crate) fn heal(&mut self) {
        for _ in 0..20 {
            let few: Vec<At> = (0..self.peers().len())
                .filter(|&at| !self.peers()[at].is_dead && self.degree(at) < 5)
                .collect();
            for &at in &few {
                let other = few[self.draw(few.len())];
                if self.degree(other) < 5 {
                    self.link(at, other);
                }
            }
        }
    }

    fn degree(&self, at: At) -> usize {
        self.peers()[at].cx.neighbors.len()
    }

    pub(crate) fn say(&mut self, at: At) {
        let payload = Payload::new(&b"something"[..]).expect("short");
        let command = Command::Broadcast { topic: Topic::default(), payload };
        self.network.handle(at, Input::Command(command));
    }

    pub(crate) fn run(&mut self, time: Duration) {
        self.network.run(time);
    }

    /// One message of this peer, and what it took, after as long as it may take.
    pub(crate) fn broadcast(&mut self, at: At) -> Outcome {
        let (before, begin) = (self.counts(), self.network.now);
        let peers = &mut self.network.hosts;
        (peers.last_hop, peers.last_at) = (0, begin);
        self.say(at);
        self.run(Duration::from_secs(3));
        let (counts, peers) = (self.counts() - before, &self.network.hosts);
        Outcome { counts, last_hop: peers.last_hop, last: peers.last_at.saturating_sub(begin) }
    }

    pub(crate) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for peer in self.peers().iter().filter(|peer| !peer.is_dead) {
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
        self.peers().iter().filter(is_linked).count()
    }

    /// Live peers that have seen as many messages as whoever has seen the most.
    pub(crate) fn complete(&self) -> usize {
        let alive = || self.peers().iter().filter(|peer| !peer.is_dead);
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

impl Hosts for Peers {
    fn is_running(&self, at: At) -> Option<bool> {
        self.all.get(at).map(|peer| !peer.is_dead)
    }

    fn handle(&mut self, at: At, now: Duration, input: Input) {
        let peer = &mut self.all[at];
        peer.cx.now = Instant::BIRTH + now;
        match input {
            _ if peer.is_dead => {}
            Input::Wake => peer.wake(),
            Input::LinkUp { link, addr } => peer.link_up(link, &addr),
            Input::LinkDown { link, .. } => peer.link_down(link),
            Input::Received { link, message } => peer.receive(link, message),
            Input::Command(Command::Broadcast { topic, payload }) => {
                peer.broadcast.publish(&mut peer.cx, topic, payload);
            }
            Input::DialFailed { .. } | Input::Garbled { .. } => unreachable!("nobody dials"),
            Input::LinkCongested { link } => on_congested(&mut peer.cx, link),
            Input::LinkReady { link } => peer.broadcast.on_ready(&mut peer.cx, link),
            Input::LinkIdle { link } => peer.broadcast.on_idle(&mut peer.cx, link),
            Input::Overrun { .. }
            | Input::Command(_)
            | Input::Reader { .. }
            | Input::Slept { .. } => {
                unreachable!("nobody asks for it")
            }
        }
    }

    fn poll_output(&mut self, at: At) -> Option<Output> {
        self.all[at].cx.poll_output()
    }

    fn poll_timeout(&self, at: At) -> Option<Duration> {
        let peer = Some(&self.all[at]).filter(|peer| !peer.is_dead)?;
        peer.cx.timers.next().map(|deadline| deadline.at.since_birth())
    }

    fn on_output(&mut self, _: At, now: Duration, _: Option<At>, output: &Output) {
        if let Output::Event(Event::Delivered { hop, .. }) = output {
            self.last_hop = self.last_hop.max(hop.0);
            self.last_at = now;
        }
    }
}

/// Ids differ in their first bytes, as those that are drawn do.
fn id(at: At) -> NodeId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&u64::try_from(at + 1).unwrap_or(0).to_le_bytes());
    NodeId::new(id)
}

fn record(at: At) -> AddressRecord {
    AddressRecord::new(id(at), BootEpoch(1), &[address(at)]).expect("valid")
}

impl Peer {
    fn new(config: &Arc<Config>, at: At) -> Self {
        let (rng_seed, unix) = (RngSeed::new(*id(at).as_bytes()), UnixTime::from_millis(1));
        let birth = Birth { record: record(at), rng_seed, unix };
        let mut cx = Context::new(Role::Peer, Arc::clone(config), birth);
        let broadcast = Broadcast::new(&mut cx);
        Self { cx, broadcast, is_dead: false }
    }

    fn link_up(&mut self, link: LinkId, addr: &SocketAddr) {
        let Self { cx, broadcast, .. } = self;
        let Some(far) = host_at(addr) else { return };
        cx.neighbors.insert(link, record(far), cx.now);
        let up = cx.neighbors.by_link(link).expect("just linked").clone();
        broadcast.on_neighbor_up(cx, &up);
    }

    fn link_down(&mut self, link: LinkId) {
        if let Some(down) = self.cx.neighbors.remove(link) {
            self.broadcast.on_neighbor_down(&mut self.cx, &down, true);
        }
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
