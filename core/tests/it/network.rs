//! A toy network in virtual time: nodes, and connections that delay, break or go silent.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidings_core::trace::{self, Names};
use tidings_core::{
    AddressRecord, Birth, BootEpoch, Command, Config, DialFailure, Input, Instant, LinkId,
    LinkLoss, Node, NodeId, NodeSnapshot, Output, Payload, RngSeed, Topic, UnixTime,
};

use crate::show;

/// One way, between two nodes of which nothing else was said.
pub(crate) const LATENCY: Duration = Duration::from_millis(10);

/// Index of a host.
type At = usize;

/// One end of a connection.
type End = (At, LinkId);

pub(crate) struct Network {
    pub(crate) now: Duration,
    hosts: Vec<Host>,
    /// When which host must be woken, and the same by host.
    alarms: BTreeSet<(Duration, At)>,
    names: BTreeMap<String, At>,
    queue: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
    /// The other end of every connection end that is open.
    wires: BTreeMap<End, End>,
    /// Pairs of hosts between which everything is lost without a sign.
    cuts: BTreeSet<(At, At)>,
    /// One way, between pairs of which it was said, the smaller index first.
    latencies: BTreeMap<(At, At), Duration>,
    accepted: u64,
    /// Nothing is traced, nor are events kept: for many hosts.
    pub(crate) quiet: bool,
    pub(crate) trace: Vec<String>,
    pub(crate) events: Vec<(String, tidings_core::Event)>,
}

struct Host {
    name: String,
    addr: SocketAddr,
    /// `None`: the process is dead and the machine refuses dials.
    node: Option<Node>,
    epoch: u64,
    born: Duration,
    /// The process is stopped: connections stand, nothing is read or answered.
    frozen: bool,
    /// When it must be woken, as [`Network::alarms`] has it.
    alarm: Option<Duration>,
    /// What reached it while it was frozen.
    pending: Vec<Input>,
    make: Box<dyn Fn(Birth) -> Node>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Scheduled {
    at: Duration,
    order: u64,
    what: What,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Connect { from: End, to: At },
    Input { to: At, input: Boxed },
    Hangup { to: End },
}

/// Inputs have no order of their own; none is needed, because `order` is unique.
#[derive(PartialEq, Eq)]
struct Boxed(Box<Input>);

impl PartialOrd for Boxed {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Boxed {
    fn cmp(&self, _: &Self) -> std::cmp::Ordering {
        std::cmp::Ordering::Equal
    }
}

fn address(at: At) -> SocketAddr {
    let [high, low] = u16::try_from(at + 1).unwrap().to_be_bytes();
    SocketAddr::from(([10, 0, high, low], 7000))
}

impl Network {
    pub(crate) fn new() -> Self {
        Self {
            now: Duration::ZERO,
            hosts: Vec::new(),
            alarms: BTreeSet::new(),
            names: BTreeMap::new(),
            queue: BinaryHeap::new(),
            order: 0,
            wires: BTreeMap::new(),
            cuts: BTreeSet::new(),
            latencies: BTreeMap::new(),
            accepted: 0,
            quiet: false,
            trace: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(crate) fn add_seed_node(&mut self, name: &str, config: &Config) {
        self.add_seed_nodes(&[name], config);
    }

    /// Seed nodes that know each other.
    pub(crate) fn add_seed_nodes(&mut self, names: &[&str], config: &Config) {
        let all: Vec<_> = (self.hosts.len()..).take(names.len()).map(address).collect();
        for name in names {
            let (config, all) = (config.clone(), all.clone());
            let make = move |birth| Node::seed_node(config.clone(), birth, &all).unwrap();
            self.add(name, Box::new(make));
        }
    }

    pub(crate) fn add_peer(&mut self, name: &str, seed_nodes: &[&str], config: Config) {
        let seeds: Vec<_> = seed_nodes.iter().map(|seed| self.addr(seed)).collect();
        self.add(name, Box::new(move |birth| Node::peer(config.clone(), birth, &seeds).unwrap()));
    }

    fn add(&mut self, name: &str, make: Box<dyn Fn(Birth) -> Node>) {
        let at = self.hosts.len();
        let host = Host {
            name: name.to_owned(),
            addr: address(at),
            node: None,
            epoch: 0,
            born: self.now,
            frozen: false,
            alarm: None,
            pending: Vec::new(),
            make,
        };
        self.hosts.push(host);
        self.names.insert(name.to_owned(), at);
        self.start(name);
    }

    /// Starts a host's process, as a new life of the same node.
    pub(crate) fn start(&mut self, name: &str) {
        let at = self.names[name];
        let unix = UnixTime::from_millis(1_700_000_000_000) + self.now;
        let host = &mut self.hosts[at];
        host.epoch += 1;
        host.born = self.now;
        let record = AddressRecord::new(show::node_id(name), BootEpoch(host.epoch), &[host.addr]);
        let number = u64::try_from(at).unwrap();
        let rng_seed = RngSeed::new([9; 32]).derive("host", number * 100 + host.epoch);
        let birth = Birth { record: record.unwrap(), rng_seed, unix };
        host.node = Some((host.make)(birth));
        self.drain(at);
    }

    /// Ends a host's process; the machine closes its connections and refuses dials.
    pub(crate) fn kill(&mut self, name: &str) {
        let at = self.names[name];
        self.hosts[at].node = None;
        self.set_alarm(at);
        let ends: Vec<End> = self.wires.keys().copied().filter(|end| end.0 == at).collect();
        for end in ends {
            self.hang_up(end);
        }
    }

    pub(crate) fn freeze(&mut self, name: &str) {
        let at = self.names[name];
        self.hosts[at].frozen = true;
        self.set_alarm(at);
    }

    pub(crate) fn thaw(&mut self, name: &str) {
        let at = self.names[name];
        self.hosts[at].frozen = false;
        self.set_alarm(at);
        for input in std::mem::take(&mut self.hosts[at].pending) {
            self.handle(at, input);
        }
    }

    /// Resets all connections between two hosts.
    pub(crate) fn reset(&mut self, a: &str, b: &str) {
        let pair = [self.names[a], self.names[b]];
        let between = |(end, far): (&End, &End)| {
            (pair.contains(&end.0) && pair.contains(&far.0)).then_some(*end)
        };
        let ends: Vec<End> = self.wires.iter().filter_map(between).collect();
        for end in ends {
            self.wires.remove(&end);
            let down = Input::LinkDown { link: end.1, loss: LinkLoss::Reset };
            self.handle(end.0, down);
        }
    }

    /// Loses everything between two hosts, in both directions.
    pub(crate) fn cut(&mut self, a: &str, b: &str) {
        self.cuts.extend([(self.names[a], self.names[b]), (self.names[b], self.names[a])]);
    }

    /// Says how long everything takes between two hosts, one way.
    pub(crate) fn place(&mut self, a: &str, b: &str, latency: Duration) {
        let (a, b) = (self.names[a], self.names[b]);
        self.latencies.insert((a.min(b), a.max(b)), latency);
    }

    /// Ends a cut.
    pub(crate) fn heal(&mut self, a: &str, b: &str) {
        let pair = [self.names[a], self.names[b]];
        self.cuts.retain(|(x, y)| !(pair.contains(x) && pair.contains(y)));
    }

    pub(crate) fn say(&mut self, name: &str, text: &str) {
        let payload = Payload::new(text.as_bytes().to_vec()).unwrap();
        self.command(name, Command::Broadcast { topic: Topic::default(), payload });
    }

    pub(crate) fn command(&mut self, name: &str, command: Command) {
        self.handle(self.names[name], Input::Command(command));
    }

    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let event = self.queue.peek().map(|Reverse(next)| next.at);
            let timer = self.alarms.first().copied();
            let timer_at = timer.map(|(at, _)| at);
            match [event, timer_at].into_iter().flatten().min() {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => break,
            }
            match timer {
                Some((at, host)) if event.is_none_or(|event| at < event) => {
                    self.handle(host, Input::Wake);
                }
                _ => {
                    let Reverse(next) = self.queue.pop().unwrap();
                    self.perform(next.what);
                }
            }
        }
        self.now = end;
    }

    pub(crate) fn addr(&self, name: &str) -> SocketAddr {
        self.host(name).addr
    }

    pub(crate) fn snapshot(&self, name: &str) -> NodeSnapshot {
        self.host(name).node.as_ref().unwrap().snapshot()
    }

    fn host(&self, name: &str) -> &Host {
        &self.hosts[self.names[name]]
    }

    fn set_alarm(&mut self, at: At) {
        let host = &mut self.hosts[at];
        let node = host.node.as_ref().filter(|_| !host.frozen);
        let deadline = node.and_then(Node::poll_timeout);
        let alarm = deadline.map(|deadline| host.born + deadline.at.since_birth());
        let before = std::mem::replace(&mut host.alarm, alarm);
        if before != alarm {
            self.alarms.extend(alarm.map(|alarm| (alarm, at)));
            if let Some(before) = before {
                self.alarms.remove(&(before, at));
            }
        }
    }

    fn perform(&mut self, what: What) {
        match what {
            What::Input { to, input } => self.handle(to, *input.0),
            What::Hangup { to } => {
                if self.wires.remove(&to).is_some() {
                    let down = Input::LinkDown { link: to.1, loss: LinkLoss::Closed };
                    self.handle(to.0, down);
                }
            }
            What::Connect { from, to } if self.hosts[to].node.is_none() => {
                let failed = DialFailure::Refused;
                self.later((to, from.0), Input::DialFailed { link: from.1, failure: failed });
            }
            What::Connect { from, to } => {
                let far = (to, LinkId::accepted(self.accepted));
                self.accepted += 1;
                self.wires.insert(from, far);
                self.wires.insert(far, from);
                let addr = self.hosts[from.0].addr;
                self.handle(to, Input::LinkUp { link: far.1, addr });
                let addr = self.hosts[to].addr;
                self.later((to, from.0), Input::LinkUp { link: from.1, addr });
            }
        }
    }

    fn handle(&mut self, at: At, input: Input) {
        let host = &mut self.hosts[at];
        if host.frozen {
            host.pending.push(input);
        } else if let Some(node) = &mut host.node {
            let lived = u64::try_from(self.now.saturating_sub(host.born).as_micros()).unwrap();
            node.handle(Instant::from_micros(lived), input);
            node.check_invariants();
            self.drain(at);
        }
    }

    fn drain(&mut self, at: At) {
        while let Some(output) = self.hosts[at].node.as_mut().and_then(Node::poll_output) {
            if !self.quiet {
                self.note(at, &output);
            }
            match output {
                Output::Event(_) if self.quiet => {}
                Output::Event(event) => self.events.push((self.hosts[at].name.clone(), event)),
                Output::Dial { link, addresses } => self.dial((at, link), &addresses),
                Output::Send { link, message } => {
                    let far = self.wires.get(&(at, link)).copied();
                    if let Some((to, link)) = far.filter(|far| !self.cuts.contains(&(at, far.0))) {
                        self.later((at, to), Input::Received { link, message });
                    }
                }
                Output::Close { link } => self.hang_up((at, link)),
            }
        }
        self.set_alarm(at);
    }

    fn dial(&mut self, from: End, addresses: &Arc<[SocketAddr]>) {
        match self.host_at(&addresses[0]) {
            Some(to) if self.cuts.contains(&(from.0, to)) => {}
            Some(to) => self.schedule((from.0, to), What::Connect { from, to }),
            None => {
                let failure = DialFailure::Unreachable;
                self.later((from.0, from.0), Input::DialFailed { link: from.1, failure });
            }
        }
    }

    /// The hosts' addresses are their indexes.
    fn host_at(&self, addr: &SocketAddr) -> Option<At> {
        let SocketAddr::V4(addr) = addr else { return None };
        let [_, _, high, low] = addr.ip().octets();
        let at = usize::from(u16::from_be_bytes([high, low])).checked_sub(1)?;
        self.hosts.get(at).filter(|host| host.addr == SocketAddr::V4(*addr)).map(|_| at)
    }

    fn hang_up(&mut self, end: End) {
        let far = self.wires.remove(&end);
        if let Some(far) = far.filter(|far| !self.cuts.contains(&(end.0, far.0))) {
            self.schedule((end.0, far.0), What::Hangup { to: far });
        }
    }

    fn later(&mut self, (from, to): (At, At), input: Input) {
        self.schedule((from, to), What::Input { to, input: Boxed(Box::new(input)) });
    }

    fn schedule(&mut self, (a, b): (At, At), what: What) {
        let latency = self.latencies.get(&(a.min(b), a.max(b))).copied().unwrap_or(LATENCY);
        self.order += 1;
        self.queue.push(Reverse(Scheduled { at: self.now + latency, order: self.order, what }));
    }

    fn note(&mut self, at: At, output: &Output) {
        let far = |link: &LinkId| match self.wires.get(&(at, *link)) {
            Some((to, _)) => self.hosts[*to].name.clone(),
            None => "?".to_owned(),
        };
        let what = match output {
            Output::Dial { addresses, .. } => format!("dials {}", Names::addr(self, &addresses[0])),
            Output::Send { link, message } => {
                format!("-> {}  {}", far(link), trace::message(self, message))
            }
            Output::Close { .. } => return,
            Output::Event(event) => format!("*  {}", trace::event(self, event)),
        };
        let (seconds, millis) = (self.now.as_secs(), self.now.subsec_millis());
        self.trace.push(format!("{seconds:>4}.{millis:03}  {} {what}", self.hosts[at].name));
    }
}

impl Names for Network {
    fn node(&self, id: NodeId) -> String {
        show::name(id)
    }

    fn addr(&self, addr: &SocketAddr) -> String {
        let host = self.host_at(addr);
        host.map_or_else(|| addr.to_string(), |at| self.hosts[at].name.clone())
    }
}
