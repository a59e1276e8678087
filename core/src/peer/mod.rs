//! The peer: owns the parts, routes what comes to them, passes facts between them, and decides
//! nothing itself that one of them could.

mod facts;
#[cfg(any(test, feature = "invariants"))]
mod invariants;
mod isolation;
mod leaving;
mod linking;
mod lives;
mod messages;
pub(crate) mod timer;

use alloc::boxed::Box;
use core::time::Duration;

use crate::broadcast::Broadcast;
use crate::broadcast::credit::on_congested;
use crate::context::Context;
use crate::detector::Detector;
use crate::event::{Event, Rejection};
use crate::id::LinkId;
use crate::io::{Command, Input};
use crate::links::Outcome;
use crate::links::neighbors::Neighbor;
use crate::links::timer::LinkTimer;
use crate::overlay::Overlay;
use crate::overlay::timer::OverlayTimer;
use crate::peer::isolation::Isolation;
use crate::peer::lives::Lives;
use crate::peer::timer::PeerTimer;
use crate::registration::bootstrap::Bootstrap;
use crate::registration::named::NamedSeedNodes;
use crate::snapshot::{NeighborSnapshot, NodeSnapshot, Said};
use crate::timers::Timer;

/// A node that gossips.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) cx: Context,
    bootstrap: Bootstrap,
    overlay: Overlay,
    broadcast: Broadcast,
    detector: Detector,
    /// Only while it has no neighbor and has failed to find one.
    isolation: Option<Box<Isolation>>,
    left: bool,
    lives: Lives,
}

impl Peer {
    pub(crate) fn new(mut cx: Context, seed_nodes: &NamedSeedNodes) -> Self {
        let mut peer = Self {
            bootstrap: Bootstrap::new(seed_nodes),
            overlay: Overlay::new(&mut cx),
            broadcast: Broadcast::new(&mut cx),
            detector: Detector::new(&mut cx),
            isolation: None,
            left: false,
            lives: Lives::default(),
            cx,
        };
        peer.top_up();
        peer
    }

    pub(crate) fn on_timer(&mut self, timer: Timer) {
        self.route_timer(timer);
        self.carry_out_facts();
    }

    fn route_timer(&mut self, timer: Timer) {
        let Self { cx, bootstrap, overlay, broadcast, detector, .. } = self;
        match timer {
            Timer::Link(LinkTimer::Hello(link)) => {
                let outcome = cx.on_hello_timer(link);
                self.on_outcome(link, outcome);
            }
            Timer::Peer(PeerTimer::LeaveTimeout) => self.finish_leaving(),
            _ if cx.leaving => {}
            Timer::Registration(timer) => bootstrap.on_timer(cx, timer),
            Timer::Overlay(timer) => {
                overlay.on_timer(cx, timer, |record| detector.is_lost(record));
            }
            Timer::Broadcast(timer) => broadcast.on_timer(cx, timer, |cx| overlay.stranger(cx)),
            Timer::Strikes(timer) => detector.on_strikes_timer(cx, timer),
            Timer::Swim(timer) => detector.on_swim_timer(cx, timer),
            Timer::SeedNode(_) => unreachable!("a peer never arms {timer:?}"),
        }
    }

    pub(crate) fn on_link_input(&mut self, link: LinkId, input: Input) {
        let Self { cx, broadcast, .. } = self;
        if let Input::LinkCongested { link } = input {
            on_congested(cx, link);
        } else if let Input::LinkReady { link } = input {
            broadcast.on_ready(cx, link);
        } else if let Input::LinkIdle { link } = input {
            broadcast.on_idle(cx, link);
        } else {
            let is_message = matches!(input, Input::Received { .. });
            let outcome = if is_message && cx.was_silent(link) {
                cx.give_up_silent(link)
            } else {
                cx.on_link_input(input)
            };
            self.on_outcome(link, outcome);
            self.carry_out_facts();
        }
    }

    /// The machine slept, and the clock did not count that: what is held is older than it seems.
    pub(crate) fn on_slept(&mut self, time: Duration) {
        self.broadcast.on_slept(time);
        if time > self.cx.longest_silence() {
            self.on_stood_still(time);
        }
    }

    /// Nothing was done for so long: other sides have given up, and what lies in buffers is old. All links on
    /// which messages come go, and those that shall or may become such: what a new neighbor said after its welcome,
    /// or after it agreed to be nearer than another one, lies in the same buffer.
    pub(crate) fn on_stood_still(&mut self, time: Duration) {
        let mut links = self.cx.neighbors.links();
        links.extend(self.cx.links.neighbor_dials().map(|(link, ..)| link));
        links.extend(self.broadcast.exchange_links());
        for link in self.cx.links.candidates() {
            if !links.contains(&link) {
                links.push(link);
            }
        }
        for link in links {
            let outcome = self.cx.give_up_silent(link);
            self.on_outcome(link, outcome);
        }
        self.carry_out_facts();
        self.cx.emit(Event::StoodStill { time });
    }

    /// The program reads more slowly than messages come, or has caught up.
    pub(crate) fn on_reader(&mut self, is_behind: bool) {
        self.broadcast.on_reader(&mut self.cx, is_behind);
    }

    /// Tells neighbors how much they may send, if that has changed. Called once after every input.
    pub(crate) fn tell_credit(&mut self) {
        if !self.cx.leaving {
            self.broadcast.tell_credit(&mut self.cx);
        }
    }

    pub(crate) fn on_command(&mut self, command: Command) {
        match command {
            _ if self.cx.leaving => self.cx.emit(Event::Rejected(Rejection::Leaving)),
            Command::Broadcast { topic, .. } if topic.is_reserved() => {
                self.cx.emit(Event::Rejected(Rejection::ReservedTopic));
            }
            Command::Broadcast { topic, payload } => {
                self.broadcast.publish(&mut self.cx, topic, payload);
            }
            Command::SeedNodes(seed_nodes) => self.replace_seed_nodes(&seed_nodes),
            Command::Addresses(addresses) => {
                let Self { cx, bootstrap, detector, .. } = self;
                if cx.move_to(&addresses) {
                    bootstrap.register_again(cx);
                    detector.on_moved(cx);
                }
            }
            Command::Leave => self.leave(),
        }
        self.carry_out_facts();
    }

    fn replace_seed_nodes(&mut self, seed_nodes: &NamedSeedNodes) {
        let Self { cx, bootstrap, .. } = self;
        if seed_nodes.check(1).is_ok() {
            bootstrap.replace(cx, seed_nodes);
            cx.has_changed = true;
        } else {
            cx.emit(Event::Rejected(Rejection::SeedNodeCount(seed_nodes.len())));
        }
    }

    /// Starts what the last input made room for: registrations, and dials for neighbors. Called once
    /// after every input.
    pub(crate) fn top_up(&mut self) {
        let Self { cx, bootstrap, overlay, detector, .. } = self;
        if cx.leaving {
            self.finish_leaving_if_told();
            return;
        }
        if !cx.has_changed {
            return;
        }
        let is_listed = bootstrap.top_up(cx);
        let is_linked = overlay.top_up(cx, |record| detector.is_lost(record));
        let is_isolated = cx.neighbors.is_empty();
        // What is missing now may be found after any input: pauses end, and others become known.
        cx.has_changed = !is_listed || !is_linked || is_isolated;
        if is_isolated && !cx.timers.is_armed(OverlayTimer::Isolated) {
            let pause = cx.rng.jitter(cx.config.overlay.isolated_retry);
            cx.arm(OverlayTimer::Isolated, pause);
        }
    }

    fn on_outcome(&mut self, link: LinkId, outcome: Outcome) {
        match outcome {
            Outcome::Nothing => {}
            Outcome::HelloReceived(hello) => self.on_hello(link, &hello),
            Outcome::Welcomed(owner, up) => self.on_welcomed(link, owner, &up),
            Outcome::Failed(failed) => self.on_failed(link, &failed),
            Outcome::Connected => self.detector.on_connect_tried(&mut self.cx, link, Some(true)),
            Outcome::NotConnected => {
                self.detector.on_connect_tried(&mut self.cx, link, Some(false));
            }
            Outcome::NotTried => self.detector.on_connect_tried(&mut self.cx, link, None),
            Outcome::Ended(up, ending) => self.on_ended(link, &up, ending),
            Outcome::Message(purpose, message) => self.on_message(link, purpose, message),
        }
    }

    pub(crate) fn last_said(&self) -> Said {
        self.broadcast.last_said(&self.cx)
    }

    pub(crate) fn snapshot(&self) -> NodeSnapshot {
        let now = self.cx.now;
        let view = |neighbor: &Neighbor| NeighborSnapshot {
            record: neighbor.record.clone(),
            origin: neighbor.link.origin(),
            age: now.since(neighbor.since),
            round_trip: neighbor.health.round_trip(),
            strikes: self.detector.strikes(neighbor),
        };
        let (members, cases) = self.detector.members(&self.cx);
        NodeSnapshot {
            members,
            cases,
            neighbors: self.cx.neighbors.iter().map(view).collect(),
            seed_nodes: self.bootstrap.snapshot(now),
            known: self.overlay.known(&self.cx),
            stored: self.broadcast.stored(),
            seen: self.broadcast.seen(),
            ..NodeSnapshot::of(&self.cx)
        }
    }
}
