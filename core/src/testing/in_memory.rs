//! The network of tests, in memory and in virtual time: hosts that are told what reaches them, and
//! links that delay, break or go silent. Integration tests run whole nodes on it, unit tests parts of
//! nodes, so this file is compiled into both.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;
use std::vec::Vec;

use tidings_core::{DialFailure, Input, LinkId, LinkLoss, Output};

/// One way, between two hosts of which nothing else was said.
const LATENCY: Duration = Duration::from_millis(10);

/// Index of a host.
pub(crate) type At = usize;

/// One end of a link.
type End = (At, LinkId);

/// What runs on the network. Hosts know the time since the network began.
pub(crate) trait Hosts {
    /// Whether its process lives; without one the machine refuses dials. `None`: there is no such host.
    fn is_running(&self, at: At) -> Option<bool>;

    fn handle(&mut self, at: At, now: Duration, input: Input);

    fn poll_output(&mut self, at: At) -> Option<Output>;

    /// When it must be woken. It changes only in [`InMemoryNetwork::with`].
    fn poll_timeout(&self, at: At) -> Option<Duration>;

    /// An output is about to be carried out. At the other end of its link is `far`.
    fn on_output(&mut self, at: At, now: Duration, far: Option<At>, output: &Output);
}

#[derive(Default)]
pub(crate) struct InMemoryNetwork<H> {
    pub(crate) now: Duration,
    pub(crate) hosts: H,
    /// When which host must be woken.
    alarms: BTreeSet<(Duration, At)>,
    /// What will happen, by time and then in the order in which it was caused.
    queue: BTreeMap<(Duration, u64), Arrival>,
    order: u64,
    /// The other end of every link end that is open.
    wires: BTreeMap<End, End>,
    /// How many links there have been.
    links: u64,
    /// Pairs of hosts between which everything is lost without a sign.
    cuts: BTreeSet<(At, At)>,
    /// One way, between pairs of which it was said.
    latencies: BTreeMap<(At, At), Duration>,
    /// Hosts that have no file handle left to dial with.
    unable: BTreeSet<At>,
}

enum Arrival {
    Dial { from: End, to: At },
    Input { to: End, input: Input },
}

/// The smaller index first.
fn pair(a: At, b: At) -> (At, At) {
    (a.min(b), a.max(b))
}

pub(crate) fn address(at: At) -> SocketAddr {
    let [high, low] = u16::try_from(at + 1).expect("few hosts").to_be_bytes();
    SocketAddr::from(([10, 0, high, low], 7000))
}

/// Which host has this address, if there are so many.
pub(crate) fn host_at(addr: &SocketAddr) -> Option<At> {
    let number = match addr {
        SocketAddr::V4(v4) => {
            let [_, _, high, low] = v4.ip().octets();
            u16::from_be_bytes([high, low])
        }
        SocketAddr::V6(v6) => v6.ip().segments()[7],
    };
    let at = usize::from(number).checked_sub(1)?;
    let v6 = SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, 0, number], 7000));
    (address(at) == *addr || v6 == *addr).then_some(at)
}

impl<H: Hosts> InMemoryNetwork<H> {
    pub(crate) fn run(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            let arrival = self.queue.keys().next().map(|(at, _)| *at);
            let is_first = |(at, _): &(Duration, At)| arrival.is_none_or(|arrival| *at < arrival);
            let alarm = self.alarms.first().copied().filter(is_first);
            match alarm.map(|(at, _)| at).or(arrival) {
                Some(at) if at <= end => self.now = self.now.max(at),
                _ => break,
            }
            if let Some((_, host)) = alarm {
                self.handle(host, Input::Wake);
            } else if let Some((_, arrival)) = self.queue.pop_first() {
                self.arrive(arrival);
            }
        }
        self.now = end;
    }

    pub(crate) fn handle(&mut self, at: At, input: Input) {
        let now = self.now;
        self.with(at, |hosts| hosts.handle(at, now, input));
    }

    /// Does something to a host, and carries out what the host says to it. Before the first time
    /// nothing wakes the host.
    pub(crate) fn with(&mut self, at: At, act: impl FnOnce(&mut H)) {
        let before = self.hosts.poll_timeout(at);
        act(&mut self.hosts);
        while let Some(output) = self.hosts.poll_output(at) {
            self.carry_out(at, output);
        }
        let alarm = self.hosts.poll_timeout(at);
        if let Some(before) = before {
            self.alarms.remove(&(before, at));
        }
        self.alarms.extend(alarm.map(|alarm| (alarm, at)));
    }

    /// Says how long everything takes between two hosts, one way.
    pub(crate) fn place(&mut self, a: At, b: At, latency: Duration) {
        self.latencies.insert(pair(a, b), latency);
    }

    /// Loses everything between two hosts, in both directions.
    pub(crate) fn cut(&mut self, a: At, b: At) {
        self.cuts.insert(pair(a, b));
    }

    /// Ends a cut.
    pub(crate) fn heal(&mut self, a: At, b: At) {
        self.cuts.remove(&pair(a, b));
    }

    /// Says whether a host is able to dial at all.
    pub(crate) fn enable_dials(&mut self, at: At, is_able: bool) {
        if is_able {
            self.unable.remove(&at);
        } else {
            self.unable.insert(at);
        }
    }

    /// Links two hosts at once, without a dial.
    pub(crate) fn link(&mut self, a: At, b: At) {
        let near = (a, LinkId::dialed(self.links));
        let far = self.wire(near, b);
        self.handle(a, Input::LinkUp { link: near.1, addr: address(b) });
        self.handle(b, Input::LinkUp { link: far.1, addr: address(a) });
    }

    /// Open ends of links and their other ends, chosen by the hosts at both.
    pub(crate) fn ends(&self, is_meant: impl Fn(At, At) -> bool) -> Vec<(End, End)> {
        let wires = self.wires.iter().map(|(end, far)| (*end, *far));
        wires.filter(|(end, far)| is_meant(end.0, far.0)).collect()
    }

    /// Breaks links at both ends at once; what was on them is lost.
    pub(crate) fn reset(&mut self, is_meant: impl Fn(At, At) -> bool) {
        for (end, far) in self.ends(is_meant) {
            let mut open = Vec::from([end, far]);
            open.retain(|end| self.wires.remove(end).is_some());
            for (at, link) in open {
                self.handle(at, Input::LinkDown { link, loss: LinkLoss::Reset });
            }
        }
    }

    /// Closes all links of a host, as the machine of a dead process does.
    pub(crate) fn close_all(&mut self, at: At) {
        for (end, _) in self.ends(|near, _| near == at) {
            self.close(end);
        }
    }

    fn wire(&mut self, near: End, to: At) -> End {
        let far = (to, LinkId::accepted(self.links));
        self.links += 1;
        self.wires.extend([(near, far), (far, near)]);
        far
    }

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Dial { from, to } if self.hosts.is_running(to) == Some(false) => {
                let failure = DialFailure::Refused;
                self.send(to, from, Input::DialFailed { link: from.1, failure });
            }
            Arrival::Dial { from, to } => {
                let far = self.wire(from, to);
                self.handle(to, Input::LinkUp { link: far.1, addr: address(from.0) });
                self.send(to, from, Input::LinkUp { link: from.1, addr: address(to) });
            }
            Arrival::Input { to, input } => {
                let is_open = self.wires.contains_key(&to);
                if matches!(input, Input::LinkDown { .. }) {
                    self.wires.remove(&to);
                }
                if is_open || matches!(input, Input::DialFailed { .. }) {
                    self.handle(to.0, input);
                }
            }
        }
    }

    fn carry_out(&mut self, at: At, output: Output) {
        let far = match &output {
            Output::Send { link, .. } => self.wires.get(&(at, *link)).copied(),
            Output::Dial { .. }
            | Output::AwaitReady { .. }
            | Output::AwaitIdle { .. }
            | Output::Reset { .. }
            | Output::Close { .. }
            | Output::Event(_) => None,
        };
        self.hosts.on_output(at, self.now, far.map(|far| far.0), &output);
        match output {
            Output::Dial { link, addresses } => self.dial((at, link), &addresses[0]),
            Output::Send { link: _, message } => {
                if let Some(far) = far.filter(|far| !self.cuts.contains(&pair(at, far.0))) {
                    self.send(at, far, Input::Received { link: far.1, message });
                }
            }
            // Nothing waits here: what is sent is on its way at once.
            Output::AwaitReady { link } => self.tell((at, link), Input::LinkReady { link }),
            Output::AwaitIdle { link } => self.tell((at, link), Input::LinkIdle { link }),
            Output::Close { link } | Output::Reset { link } => self.close((at, link)),
            Output::Event(_) => {}
        }
    }

    fn dial(&mut self, from: End, addr: &SocketAddr) {
        if self.unable.contains(&from.0) {
            let failure = DialFailure::NotTried;
            return self.tell(from, Input::DialFailed { link: from.1, failure });
        }
        match host_at(addr).filter(|at| self.hosts.is_running(*at).is_some()) {
            Some(to) if self.cuts.contains(&pair(from.0, to)) => {}
            Some(to) => self.schedule((from.0, to), Arrival::Dial { from, to }),
            None => {
                let failure = DialFailure::Unreachable;
                self.send(from.0, from, Input::DialFailed { link: from.1, failure });
            }
        }
    }

    fn close(&mut self, end: End) {
        let far = self.wires.remove(&end);
        if let Some(far) = far.filter(|far| !self.cuts.contains(&pair(end.0, far.0))) {
            self.send(end.0, far, Input::LinkDown { link: far.1, loss: LinkLoss::Closed });
        }
    }

    /// Tells a host something of its own links, after all that is told now.
    fn tell(&mut self, to: End, input: Input) {
        self.order += 1;
        self.queue.insert((self.now, self.order), Arrival::Input { to, input });
    }

    fn send(&mut self, from: At, to: End, input: Input) {
        self.schedule((from, to.0), Arrival::Input { to, input });
    }

    fn schedule(&mut self, (a, b): (At, At), arrival: Arrival) {
        let latency = self.latencies.get(&pair(a, b)).copied().unwrap_or(LATENCY);
        self.order += 1;
        self.queue.insert((self.now + latency, self.order), arrival);
    }
}
