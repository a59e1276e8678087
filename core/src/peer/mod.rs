//! The peer: owns the parts, routes what comes to them, passes facts between them, and decides
//! nothing itself that one of them could.

mod chatter;
mod leaving;

use alloc::boxed::Box;
use core::net::SocketAddr;

use crate::address::AddressRecord;
use crate::broadcast::flood::Flood;
use crate::config::MAX_SEED_NODES;
use crate::context::Context;
use crate::detector::strikes::{Overdue, Strikes};
use crate::event::{Event, Misbehavior, NeighborLoss, Rejection};
use crate::failure::LinkLoss;
use crate::id::{LinkId, Role};
use crate::io::{Command, Input};
use crate::links::{Dial, Ending, Failure, Links, Outcome, Up};
use crate::messaging::{Payload, Topic};
use crate::neighbors::{Neighbor, Neighbors};
use crate::overlay::random::{Admission, RandomOverlay, admit};
use crate::registry::bootstrap::{Bootstrap, distinct};
use crate::registry::notices::Notices;
use crate::snapshot::{NeighborSnapshot, NodeSnapshot};
use crate::timers::Timer;
use crate::wire::{Bye, DeathReport, Hello, Message, Ping, Purpose, Refusal};
use chatter::Chatter;

/// A node that gossips.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) cx: Context,
    links: Links,
    neighbors: Neighbors,
    bootstrap: Bootstrap,
    notices: Notices,
    overlay: RandomOverlay,
    broadcast: Flood,
    detector: Strikes,
    chatter: Chatter,
    left: bool,
    /// Nothing has changed since [`settle`](Peer::settle) found nothing to start, so it need not look
    /// again. Most inputs are gossip and pings, which change nothing that it looks at.
    is_settled: bool,
}

impl Peer {
    pub(crate) fn new(mut cx: Context, seed_nodes: &[SocketAddr]) -> Self {
        let refresh = cx.rng.jitter(cx.config.overlay.refresh);
        cx.arm(Timer::Refresh, refresh);
        let digest = cx.rng.jitter(cx.config.broadcast.digest_every);
        cx.arm(Timer::Digest, digest);
        let salt = cx.rng.salt();
        let mut peer = Self {
            cx,
            links: Links::default(),
            neighbors: Neighbors::default(),
            bootstrap: Bootstrap::new(seed_nodes),
            notices: Notices::default(),
            overlay: RandomOverlay::default(),
            broadcast: Flood::new(salt),
            detector: Strikes::default(),
            chatter: Chatter::default(),
            left: false,
            is_settled: false,
        };
        peer.settle();
        peer
    }

    pub(crate) fn on_timer(&mut self, timer: Timer) {
        self.is_settled &=
            matches!(timer, Timer::Ping(_) | Timer::Answer(_) | Timer::Digest | Timer::Chatter);
        let Self { cx, links, neighbors, .. } = self;
        match timer {
            Timer::Hello(link) => {
                let outcome = links.on_hello_timer(cx, link);
                self.on_outcome(link, outcome);
            }
            Timer::LeaveTimeout => self.finish_leaving(),
            _ if cx.leaving => {}
            Timer::Renew(number) => self.bootstrap.on_renew_timer(cx, links, number),
            Timer::SeedRetry(number) => self.bootstrap.on_retry_timer(number),
            Timer::Refresh => {
                self.overlay.on_refresh_timer(cx);
                self.bootstrap.request_lists(cx);
            }
            Timer::Isolated => {
                self.overlay.on_isolated_timer();
                self.bootstrap.request_lists(cx);
            }
            Timer::Ping(link) => {
                if let Some(neighbor) = neighbors.by_link(link) {
                    self.detector.on_ping_timer(cx, links, neighbor);
                }
            }
            Timer::Answer(link) => self.on_answer_timer(link),
            Timer::Redial(number) => {
                let isolated = neighbors.is_empty();
                self.detector.on_redial_timer(cx, links, number, isolated);
            }
            Timer::Chatter => {
                let payload = self.chatter.on_chatter_timer(cx);
                self.publish(Topic::default(), payload);
            }
            Timer::Digest => self.broadcast.on_digest_timer(cx, neighbors),
            Timer::Lease | Timer::Probe(_) | Timer::Colleague(_) | Timer::Motion(_) => {
                unreachable!("a peer never arms {timer:?}")
            }
        }
    }

    pub(crate) fn on_link_input(&mut self, link: LinkId, input: Input) {
        let outcome = self.links.on_input(&mut self.cx, input);
        self.on_outcome(link, outcome);
    }

    pub(crate) fn on_command(&mut self, command: Command) {
        self.is_settled = false;
        match command {
            _ if self.cx.leaving => self.cx.emit(Event::Rejected(Rejection::Leaving)),
            Command::Broadcast { topic, payload } => self.publish(topic, payload),
            Command::SeedNodes(addresses) => self.replace_seed_nodes(&addresses),
            Command::Leave => self.leave(),
        }
    }

    fn replace_seed_nodes(&mut self, addresses: &[SocketAddr]) {
        let Self { cx, links, bootstrap, .. } = self;
        let seeds = distinct(addresses);
        if (1..=MAX_SEED_NODES).contains(&seeds.len()) {
            bootstrap.replace(cx, links, &seeds);
        } else {
            cx.emit(Event::Rejected(Rejection::SeedNodeCount(seeds.len())));
        }
    }

    /// Starts what the last input made room for. Called once after every input.
    pub(crate) fn settle(&mut self) {
        if self.cx.leaving {
            self.finish_leaving_if_told();
            return;
        }
        if self.is_settled {
            return;
        }
        let Self { cx, links, neighbors, detector, .. } = self;
        let is_listed = self.bootstrap.top_up(cx, links);
        let is_linked =
            self.overlay.top_up(cx, links, neighbors, |record| detector.is_lost(record));
        self.is_settled = is_listed && is_linked && !neighbors.is_empty();
        if neighbors.is_empty() && !cx.timers.is_armed(Timer::Isolated) {
            let pause = cx.rng.jitter(cx.config.overlay.isolated_retry);
            cx.arm(Timer::Isolated, pause);
        }
    }

    fn publish(&mut self, topic: Topic, payload: Payload) {
        self.broadcast.publish(&mut self.cx, &self.neighbors, topic, payload);
    }

    fn on_outcome(&mut self, link: LinkId, outcome: Outcome) {
        self.is_settled &=
            matches!(outcome, Outcome::Nothing | Outcome::Message(Purpose::Neighbor { .. }, _));
        match outcome {
            Outcome::Nothing => {}
            Outcome::Asked(hello) => self.on_hello(link, &hello),
            Outcome::Welcomed(dial, up) => self.on_welcomed(link, &dial, &up),
            Outcome::Failed(dial, failure) => self.on_failed(link, &dial, &failure),
            Outcome::Connected => self.detector.on_connected(self.cx.now, link),
            Outcome::NotConnected => self.on_not_connected(link),
            Outcome::Ended(up, ending) => self.on_ended(link, &up, ending),
            Outcome::Message(purpose, message) => self.on_message(link, purpose, message),
        }
    }

    fn on_hello(&mut self, link: LinkId, hello: &Hello) {
        match hello.purpose {
            Purpose::Neighbor { isolated } if hello.role == Role::Peer => {
                self.on_neighbor_hello(link, hello, isolated);
            }
            Purpose::Probe => self.links.welcome(&mut self.cx, link, hello),
            Purpose::Neighbor { .. } | Purpose::Register | Purpose::Notice | Purpose::Vote => {
                self.links.refuse(&mut self.cx, link, hello.from.clone(), Refusal::WrongRole);
            }
        }
    }

    fn on_neighbor_hello(&mut self, link: LinkId, hello: &Hello, isolated: bool) {
        let from = &hello.from;
        let id = from.subject();
        let is_dialing = self.overlay.is_dialing(id) || self.detector.is_redialing(id);
        match admit(&mut self.cx, &self.neighbors, from, isolated, is_dialing) {
            Admission::Admit => {}
            Admission::Instead(old, bye) => self.drop_neighbor(old, bye),
            Admission::Refuse(reason) => {
                self.links.refuse(&mut self.cx, link, from.clone(), reason);
                return;
            }
            Admission::Challenge(held) => {
                self.detector.challenge(&mut self.cx, held);
                self.links.refuse(&mut self.cx, link, from.clone(), Refusal::Duplicate);
                return;
            }
        }
        self.links.welcome(&mut self.cx, link, hello);
        self.links.settle(&mut self.cx, link);
        self.add_neighbor(link, from.clone());
    }

    fn on_welcomed(&mut self, link: LinkId, dial: &Dial, up: &Up) {
        let Self { cx, links, .. } = self;
        match dial.purpose {
            Purpose::Register => {
                self.bootstrap.on_welcomed(cx, links, link, up.remote.subject());
            }
            Purpose::Notice => self.notices.on_welcomed(cx, links, link),
            Purpose::Neighbor { .. } => self.on_neighbor_welcome(link, up),
            Purpose::Probe | Purpose::Vote => unreachable!("a peer never does this"),
        }
    }

    fn on_neighbor_welcome(&mut self, link: LinkId, up: &Up) {
        let is_full = self.neighbors.len() >= self.cx.config.overlay.max_links;
        let is_double = self.neighbors.by_id(up.remote.subject()).is_some();
        if is_full || is_double {
            let bye = if is_double { Bye::Replaced } else { Bye::Surplus };
            self.links.close(&mut self.cx, link, bye);
            let gone = Failure::Lost(LinkLoss::Closed);
            self.overlay.on_failed(&mut self.cx, link, &gone);
            self.detector.pardon(&mut self.cx, &mut self.links, up.remote.subject(), Some(link));
        } else {
            self.add_neighbor(link, up.remote.clone());
        }
    }

    fn on_failed(&mut self, link: LinkId, dial: &Dial, failure: &Failure) {
        match dial.purpose {
            Purpose::Register => self.bootstrap.on_failed(&mut self.cx, link, *failure),
            Purpose::Notice => self.notices.on_failed(&mut self.cx, link),
            Purpose::Neighbor { .. } => {
                if let Failure::Refused(refuse) = failure {
                    let (by, reason) = (refuse.from, refuse.reason);
                    self.cx.emit(Event::NeighborRefused { by, reason });
                }
                self.overlay.on_failed(&mut self.cx, link, failure);
                if let Some(dead) = self.detector.on_failed(&mut self.cx, link, failure) {
                    self.report_death(dead);
                }
            }
            Purpose::Probe | Purpose::Vote => unreachable!("a peer never does this"),
        }
    }

    fn on_ended(&mut self, link: LinkId, up: &Up, ending: Ending) {
        match up.purpose {
            Purpose::Register => self.bootstrap.on_ended(&mut self.cx, link, ending),
            Purpose::Neighbor { .. } => {
                let why = match ending {
                    Ending::Lost(loss) => NeighborLoss::LinkLost(loss),
                    Ending::Bye(bye) => NeighborLoss::Bye(bye),
                    Ending::Garbled => NeighborLoss::Garbled,
                };
                self.lose_neighbor(link, why);
            }
            Purpose::Probe | Purpose::Notice | Purpose::Vote => {}
        }
    }

    fn on_message(&mut self, link: LinkId, purpose: Purpose, message: Message) {
        match purpose {
            Purpose::Register => self.on_seed_node_message(link, message),
            Purpose::Neighbor { .. } => self.on_neighbor_message(link, message),
            Purpose::Probe | Purpose::Notice | Purpose::Vote => {
                self.expel(link, Misbehavior::Unexpected(message.name()));
            }
        }
    }

    fn on_seed_node_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, links, neighbors, detector, .. } = self;
        let Some(up) = links.up(link) else { return };
        match message {
            Message::Registered { lease_ms } => {
                self.bootstrap.on_registered(cx, link, &up, lease_ms);
            }
            Message::Unknown => self.bootstrap.on_unknown(cx, link),
            Message::PeerList { peers } => {
                let is_lost = |record: &_| detector.is_lost(record);
                self.overlay.on_list(cx, links, neighbors, &peers, is_lost);
                cx.emit(Event::ListReceived { from: up.remote.subject(), peers });
            }
            Message::Hello(_)
            | Message::Welcome(_)
            | Message::Refuse(_)
            | Message::Bye(_)
            | Message::Register
            | Message::Renew
            | Message::ListRequest { .. }
            | Message::DeathReport(_)
            | Message::Leave(_)
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::Gossip(_)
            | Message::Digest(_)
            | Message::Pull { .. }
            | Message::Motion(_)
            | Message::Vote(_) => self.expel(link, Misbehavior::Unexpected(message.name())),
        }
    }

    fn on_neighbor_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, neighbors, .. } = self;
        let Some(from) = neighbors.by_link(link) else { return };
        match message {
            Message::Ping(ping) => cx.send(link, Message::Pong(ping)),
            Message::Pong(pong) => self.on_pong(link, &pong),
            Message::Gossip(gossip) => self.broadcast.on_gossip(cx, neighbors, from, gossip),
            Message::Digest(digest) => self.broadcast.on_digest(cx, from, &digest),
            Message::Pull { ids } => self.broadcast.on_pull(cx, from, &ids),
            Message::Leave(leave) if leave.subject == from.id() => {
                self.links.close(cx, link, Bye::Done);
                self.lose_neighbor(link, NeighborLoss::Left);
            }
            Message::Leave(_) => self.expel(link, Misbehavior::Forged("Leave")),
            Message::Hello(_)
            | Message::Welcome(_)
            | Message::Refuse(_)
            | Message::Bye(_)
            | Message::Register
            | Message::Registered { .. }
            | Message::Renew
            | Message::Unknown
            | Message::ListRequest { .. }
            | Message::PeerList { .. }
            | Message::DeathReport(_)
            | Message::Motion(_)
            | Message::Vote(_) => {
                self.expel(link, Misbehavior::Unexpected(message.name()));
            }
        }
    }

    fn on_pong(&mut self, link: LinkId, pong: &Ping) {
        if !self.detector.on_pong(&mut self.cx, link, pong) {
            self.links.accuse(&mut self.cx, link, Misbehavior::WrongEcho);
        }
    }

    fn on_answer_timer(&mut self, link: LinkId) {
        let Some(neighbor) = self.neighbors.by_link(link).cloned() else { return };
        match self.detector.on_answer_timer(&mut self.cx, &neighbor) {
            Overdue::Strike => {}
            Overdue::Dead => self.bury(neighbor),
            Overdue::Lost => {
                self.links.close(&mut self.cx, link, Bye::Replaced);
                self.lose_neighbor(link, NeighborLoss::LinkLost(LinkLoss::Stalled));
            }
        }
    }

    fn on_not_connected(&mut self, link: LinkId) {
        let Self { cx, neighbors, detector, .. } = self;
        if let Some(dead) = detector.on_not_connected(cx, neighbors, link) {
            self.bury(dead);
        }
    }

    /// Three strikes against a neighbor that is linked.
    fn bury(&mut self, neighbor: Neighbor) {
        self.drop_neighbor(neighbor.link, Bye::Silent);
        self.report_death(neighbor.record);
    }

    fn add_neighbor(&mut self, link: LinkId, record: AddressRecord) {
        self.is_settled = false;
        let Self { cx, links, neighbors, .. } = self;
        neighbors.insert(link, record.clone(), cx.now);
        let up = neighbors.by_link(link).expect("it was inserted just now").clone();
        cx.emit(Event::NeighborUp { peer: record, origin: link.origin() });
        cx.timers.cancel(Timer::Isolated);
        self.detector.on_neighbor_up(cx, links, &up);
        self.broadcast.on_neighbor_up(cx, &up);
        self.chatter.on_neighbor_up(cx);
        if let Some(surplus) = self.overlay.on_neighbor_up(cx, links, neighbors, &up) {
            self.drop_neighbor(surplus, Bye::Surplus);
        }
    }

    /// Ends a neighbor's link on purpose.
    fn drop_neighbor(&mut self, link: LinkId, bye: Bye) {
        self.links.close(&mut self.cx, link, bye);
        self.lose_neighbor(link, NeighborLoss::Dropped(bye));
    }

    /// A neighbor's link is gone: tell the parts, each of which forgets what it kept of it.
    fn lose_neighbor(&mut self, link: LinkId, why: NeighborLoss) {
        self.is_settled = false;
        let Self { cx, links, neighbors, .. } = self;
        let Some(down) = neighbors.remove(link) else { return };
        self.detector.on_neighbor_down(cx, links, link);
        self.broadcast.on_neighbor_down(&down);
        let peer = down.record.clone();
        cx.emit(Event::NeighborDown { peer, why });
        match why {
            NeighborLoss::Left | NeighborLoss::Garbled => self.overlay.forget(down.id()),
            NeighborLoss::Bye(_) | NeighborLoss::Dropped(_) => self.overlay.rest(cx, down.id()),
            NeighborLoss::LinkLost(_) => self.detector.on_lost(cx, down.record),
        }
    }

    /// Three strikes: every seed node is told (R17).
    fn report_death(&mut self, subject: AddressRecord) {
        let Self { cx, links, bootstrap, .. } = self;
        self.overlay.forget(subject.subject());
        cx.stats.death_reports += 1;
        cx.emit(Event::DeathReported { subject: subject.clone() });
        let reporter = cx.me();
        let report = DeathReport { subject, reporter, at: cx.unix(), signature: None };
        self.notices.announce(cx, links, bootstrap, &Message::DeathReport(Box::new(report)));
    }

    fn expel(&mut self, link: LinkId, what: Misbehavior) {
        let outcome = self.links.expel(&mut self.cx, link, what);
        self.on_outcome(link, outcome);
    }

    pub(crate) fn snapshot(&self) -> NodeSnapshot {
        let now = self.cx.now;
        let view = |neighbor: &Neighbor| {
            let (round_trip, strikes) = self.detector.view(neighbor.link);
            NeighborSnapshot {
                record: neighbor.record.clone(),
                origin: neighbor.link.origin(),
                age: now.since(neighbor.since),
                round_trip,
                strikes,
            }
        };
        NodeSnapshot {
            neighbors: self.neighbors.iter().map(view).collect(),
            seed_nodes: self.bootstrap.snapshot(now),
            known: self.overlay.known(now),
            stored: self.broadcast.stored(),
            seen: self.broadcast.seen(),
            ..NodeSnapshot::of(&self.cx)
        }
    }
}
