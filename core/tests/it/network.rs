//! Nodes with names on the network in memory: their lives, what they say, and what is traced of it.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::time::Duration;

use tidings_core::trace::{self, Names};
use tidings_core::{
    AddressRecord, Birth, BootEpoch, Command, Config, Input, Instant, NamedSeedNodes, Node, NodeId,
    NodeSnapshot, Output, Payload, RngSeed, Topic, UnixTime,
};

use crate::in_memory::{At, Hosts, InMemoryNetwork, address, host_at};
use crate::show;

/// The host's address of the other family, at which it can be dialed too.
pub(crate) fn other_address(at: At) -> SocketAddr {
    let number = u16::try_from(at + 1).expect("few hosts");
    SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, 0, number], 7000))
}

pub(crate) struct Network(InMemoryNetwork<Nodes>);

#[derive(Default)]
pub(crate) struct Nodes {
    hosts: Vec<Host>,
    names: BTreeMap<String, At>,
    /// Nothing is traced, nor are events kept: for many hosts.
    pub(crate) quiet: bool,
    pub(crate) trace: Vec<String>,
    pub(crate) events: Vec<(String, tidings_core::Event)>,
}

struct Host {
    name: String,
    /// `None`: the process is dead.
    node: Option<Node>,
    epoch: u64,
    born: Duration,
    /// The process is stopped: links stand, nothing is read or answered.
    frozen: bool,
    /// Since when its machine sleeps.
    asleep_since: Option<Duration>,
    /// What reached it while it was frozen.
    pending: Vec<Input>,
    make: Box<dyn Fn(Birth) -> Node>,
}

impl Deref for Network {
    type Target = Nodes;

    fn deref(&self) -> &Nodes {
        &self.0.hosts
    }
}

impl DerefMut for Network {
    fn deref_mut(&mut self) -> &mut Nodes {
        &mut self.0.hosts
    }
}

impl Network {
    pub(crate) fn new() -> Self {
        Self(InMemoryNetwork::default())
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

    /// Seed nodes that each is given all of, and names that are not found. They announce one address each.
    pub(crate) fn add_named_seed_nodes(
        &mut self,
        names: &[&str],
        config: &Config,
        named: &NamedSeedNodes,
    ) {
        for name in names {
            let (config, named) = (config.clone(), named.clone());
            let make = move |birth| Node::seed_node_among(config.clone(), birth, &named).unwrap();
            self.add(name, Box::new(make));
        }
    }

    /// A peer of these seed nodes.
    pub(crate) fn add_named_peer(&mut self, name: &str, config: Config, named: NamedSeedNodes) {
        let make = move |birth| Node::peer_among(config.clone(), birth, &named).unwrap();
        self.add(name, Box::new(make));
    }

    pub(crate) fn add_peer(&mut self, name: &str, seed_nodes: &[&str], config: Config) {
        let seeds: Vec<_> = seed_nodes.iter().map(|seed| self.addr(seed)).collect();
        self.add(name, Box::new(move |birth| Node::peer(config.clone(), birth, &seeds).unwrap()));
    }

    fn add(&mut self, name: &str, make: Box<dyn Fn(Birth) -> Node>) {
        let at = self.hosts.len();
        self.hosts.push(Host {
            name: name.to_owned(),
            node: None,
            epoch: 0,
            born: Duration::ZERO,
            frozen: false,
            asleep_since: None,
            pending: Vec::new(),
            make,
        });
        self.names.insert(name.to_owned(), at);
        self.start(name);
    }

    /// Starts a host's process, as a new life of the same node.
    pub(crate) fn start(&mut self, name: &str) {
        let (at, now) = (self.names[name], self.now());
        self.0.with(at, |nodes| nodes.hosts[at].start(at, now));
    }

    /// Ends a host's process; the machine closes its links and refuses dials.
    pub(crate) fn kill(&mut self, name: &str) {
        let at = self.names[name];
        self.0.with(at, |nodes| nodes.hosts[at].node = None);
        self.0.close_all(at);
    }

    /// Says whether a host is able to dial: one that has no file handle left is not.
    pub(crate) fn enable_dials(&mut self, name: &str, is_able: bool) {
        self.0.enable_dials(self.names[name], is_able);
    }

    pub(crate) fn freeze(&mut self, name: &str) {
        let at = self.names[name];
        self.0.with(at, |nodes| nodes.hosts[at].frozen = true);
    }

    pub(crate) fn thaw(&mut self, name: &str) {
        let at = self.names[name];
        self.0.with(at, |nodes| nodes.hosts[at].frozen = false);
        for input in std::mem::take(&mut self.hosts[at].pending) {
            self.0.handle(at, input);
        }
    }

    /// A machine sleeps: its clock stands still, too.
    pub(crate) fn suspend(&mut self, name: &str) {
        self.freeze(name);
        let (at, now) = (self.names[name], self.now());
        self.hosts[at].asleep_since = Some(now);
    }

    /// It wakes, and its driver tells the node how long it slept.
    pub(crate) fn wake(&mut self, name: &str) {
        let (at, now) = (self.names[name], self.now());
        let host = &mut self.hosts[at];
        let time = now.saturating_sub(host.asleep_since.take().unwrap());
        host.born += time;
        host.pending.insert(0, Input::Slept { time });
        self.thaw(name);
    }

    /// Resets all links between two hosts.
    pub(crate) fn reset(&mut self, a: &str, b: &str) {
        let pair = [self.names[a], self.names[b]];
        self.0.reset(|near, far| pair.contains(&near) && pair.contains(&far));
    }

    /// Breaks all links.
    pub(crate) fn reset_all(&mut self) {
        self.0.reset(|_, _| true);
    }

    /// Loses everything between two hosts, in both directions.
    pub(crate) fn cut(&mut self, a: &str, b: &str) {
        self.0.cut(self.names[a], self.names[b]);
    }

    /// Ends a cut.
    pub(crate) fn heal(&mut self, a: &str, b: &str) {
        self.0.heal(self.names[a], self.names[b]);
    }

    /// Says how long everything takes between two hosts, one way.
    pub(crate) fn place(&mut self, a: &str, b: &str, latency: Duration) {
        self.0.place(self.names[a], self.names[b], latency);
    }

    pub(crate) fn say(&mut self, name: &str, text: &str) {
        let payload = Payload::new(text.as_bytes().to_vec()).unwrap();
        self.command(name, Command::Broadcast { topic: Topic::default(), payload });
    }

    pub(crate) fn command(&mut self, name: &str, command: Command) {
        self.input(name, Input::Command(command));
    }

    pub(crate) fn input(&mut self, name: &str, input: Input) {
        self.0.handle(self.names[name], input);
    }

    /// Much waits for the link of one host with another, or little does.
    pub(crate) fn pressed(&mut self, name: &str, to: &str, is_congested: bool) {
        let (near, far) = (self.names[name], self.names[to]);
        for ((_, link), _) in self.0.ends(|a, b| a == near && b == far) {
            let input = if is_congested {
                Input::LinkCongested { link }
            } else {
                Input::LinkReady { link }
            };
            self.0.handle(near, input);
        }
    }

    pub(crate) fn run(&mut self, time: Duration) {
        self.0.run(time);
    }

    pub(crate) fn now(&self) -> Duration {
        self.0.now
    }

    pub(crate) fn addr(&self, name: &str) -> SocketAddr {
        address(self.names[name])
    }

    pub(crate) fn snapshot(&self, name: &str) -> NodeSnapshot {
        self.hosts[self.names[name]].node.as_ref().unwrap().snapshot()
    }
}

impl Host {
    fn start(&mut self, at: At, now: Duration) {
        self.epoch += 1;
        self.born = now;
        let (id, epoch) = (show::node_id(&self.name), BootEpoch(self.epoch));
        let record = AddressRecord::new(id, epoch, &[address(at)]).unwrap();
        let number = u64::try_from(at).unwrap();
        let rng_seed = RngSeed::new([9; 32]).derive("host", number * 100 + self.epoch);
        let unix = UnixTime::from_millis(1_700_000_000_000) + now;
        self.node = Some((self.make)(Birth { record, rng_seed, unix }));
    }
}

impl Hosts for Nodes {
    fn is_running(&self, at: At) -> Option<bool> {
        self.hosts.get(at).map(|host| host.node.is_some())
    }

    fn handle(&mut self, at: At, now: Duration, input: Input) {
        let host = &mut self.hosts[at];
        if host.frozen {
            host.pending.push(input);
        } else if let Some(node) = &mut host.node {
            node.handle(Instant::BIRTH + now.saturating_sub(host.born), input);
            node.check_invariants();
        }
    }

    fn poll_output(&mut self, at: At) -> Option<Output> {
        self.hosts[at].node.as_mut().and_then(Node::poll_output)
    }

    fn poll_timeout(&self, at: At) -> Option<Duration> {
        let host = &self.hosts[at];
        let node = host.node.as_ref().filter(|_| !host.frozen)?;
        node.poll_timeout().map(|deadline| host.born + deadline.at.since_birth())
    }

    fn on_output(&mut self, at: At, now: Duration, far: Option<At>, output: &Output) {
        if self.quiet {
            return;
        }
        let name = &self.hosts[at].name;
        if let Some(what) = self.described(far, output) {
            let (seconds, millis) = (now.as_secs(), now.subsec_millis());
            self.trace.push(format!("{seconds:>4}.{millis:03}  {name} {what}"));
        }
        if let Output::Event(event) = output {
            self.events.push((name.clone(), event.clone()));
        }
    }
}

impl Nodes {
    fn described(&self, far: Option<At>, output: &Output) -> Option<String> {
        Some(match output {
            Output::Dial { addresses, .. } => format!("dials {}", self.addr(&addresses[0])),
            Output::Send { message, .. } => {
                let far = far.map_or("?", |far| &self.hosts[far].name);
                format!("-> {far}  {}", trace::message(self, message))
            }
            Output::AwaitReady { .. }
            | Output::AwaitIdle { .. }
            | Output::Reset { .. }
            | Output::Close { .. } => {
                return None;
            }
            Output::Event(event) => format!("*  {}", trace::event(self, event)),
        })
    }
}

impl Names for Nodes {
    fn node(&self, id: NodeId) -> String {
        show::name(id)
    }

    fn addr(&self, addr: &SocketAddr) -> String {
        let host = host_at(addr).and_then(|at| self.hosts.get(at));
        host.map_or_else(|| addr.to_string(), |host| host.name.clone())
    }
}
