//! The peer: owns the parts, routes what comes to them, passes facts between them, and decides
//! nothing itself that one of them could.

mod findings;
mod leaving;
mod linking;
mod messages;

use core::net::SocketAddr;

use crate::broadcast::Broadcast;
use crate::config::MAX_SEED_NODES;
use crate::context::Context;
use crate::detector::Detector;
use crate::event::{Event, Rejection};
use crate::id::LinkId;
use crate::io::{Command, Input};
use crate::links::Outcome;
use crate::links::neighbors::Neighbor;
use crate::messaging::{Payload, Topic};
use crate::overlay::Overlay;
use crate::registration::bootstrap::{Bootstrap, distinct};
use crate::snapshot::{NeighborSnapshot, NodeSnapshot};
use crate::timers::Timer;
use crate::wire::Purpose;

/// A node that gossips.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) cx: Context,
    bootstrap: Bootstrap,
    overlay: Overlay,
    broadcast: Broadcast,
    detector: Detector,
    left: bool,
    /// Nothing has changed since [`settle`](Peer::settle) found nothing to start, so it need not look
    /// again. Most inputs are gossip and pings, which change nothing that it looks at.
    is_settled: bool,
}

impl Peer {
    pub(crate) fn new(mut cx: Context, seed_nodes: &[SocketAddr]) -> Self {
        let mut peer = Self {
            bootstrap: Bootstrap::new(seed_nodes),
            overlay: Overlay::new(&mut cx),
            broadcast: Broadcast::new(&mut cx),
            detector: Detector::new(&mut cx),
            left: false,
            is_settled: false,
            cx,
        };
        peer.settle();
        peer
    }

    pub(crate) fn on_timer(&mut self, timer: Timer) {
        self.is_settled &= leaves_settled(timer);
        self.route_timer(timer);
        self.carry_out_findings();
    }

    fn route_timer(&mut self, timer: Timer) {
        match timer {
            Timer::Hello(link) => {
                let outcome = self.cx.on_hello_timer(link);
                self.on_outcome(link, outcome);
            }
            Timer::LeaveTimeout => self.finish_leaving(),
            _ if self.cx.leaving => {}
            Timer::Renew(number) => {
                let Self { cx, bootstrap, .. } = self;
                bootstrap.on_renew_timer(cx, number);
            }
            Timer::SeedRetry(number) => self.bootstrap.on_retry_timer(number),
            Timer::Refresh | Timer::Isolated | Timer::Shuffle | Timer::Optimize => {
                self.on_overlay_timer(timer);
            }
            Timer::Digest | Timer::IHave | Timer::Graft | Timer::Exchange => {
                self.on_broadcast_timer(timer);
            }
            Timer::Ping(_) | Timer::Answer(_) | Timer::Redial(_) => self.on_strikes_timer(timer),
            Timer::Round | Timer::Overdue(_) | Timer::Request(_) | Timer::Suspicion(_) => {
                self.on_swim_timer(timer);
            }
            Timer::Lease | Timer::Probe(_) | Timer::SeedNodeRedial(_) | Timer::Proposal(_) => {
                unreachable!("a peer never arms {timer:?}")
            }
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "picks the timers that come here")]
    fn on_overlay_timer(&mut self, timer: Timer) {
        let Self { cx, overlay, bootstrap, detector, .. } = self;
        match timer {
            Timer::Refresh => {
                if overlay.on_refresh_timer(cx) {
                    bootstrap.request_lists(cx);
                }
            }
            Timer::Isolated => {
                overlay.on_isolated_timer();
                bootstrap.request_lists(cx);
            }
            Timer::Shuffle => {
                if let Some(hyparview) = overlay.as_hyparview() {
                    hyparview.on_shuffle_timer(cx);
                }
            }
            _ => {
                let Some(hyparview) = overlay.as_hyparview() else { return };
                let round_trip = |link| detector.view(link).0;
                let is_lost = |record: &_| detector.is_lost(record);
                hyparview.on_optimize_timer(cx, (round_trip, is_lost));
            }
        }
    }

    fn on_broadcast_timer(&mut self, timer: Timer) {
        let Self { cx, broadcast, overlay, .. } = self;
        match (timer, broadcast) {
            (Timer::Digest, broadcast) => broadcast.on_digest_timer(cx),
            (Timer::Exchange, broadcast) => {
                let stranger = overlay.stranger(cx);
                broadcast.on_exchange_timer(cx, stranger.as_ref());
            }
            (Timer::IHave, Broadcast::Plumtree(tree)) => tree.on_ihave_timer(cx),
            (_, Broadcast::Plumtree(tree)) => tree.on_graft_timer(cx),
            (_, Broadcast::Flood(_)) => unreachable!("flood never arms {timer:?}"),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "picks the timers that come here")]
    fn on_swim_timer(&mut self, timer: Timer) {
        let Self { cx, detector, .. } = self;
        let Some(swim) = detector.as_swim() else { return };
        match timer {
            Timer::Round => swim.on_round_timer(cx),
            Timer::Overdue(number) => swim.on_overdue_timer(cx, number),
            Timer::Request(number) => swim.on_request_timer(cx, number),
            Timer::Suspicion(number) => swim.on_suspicion_timer(cx, number),
            _ => unreachable!("{timer:?} is none of its timers"),
        }
    }

    pub(crate) fn on_link_input(&mut self, link: LinkId, input: Input) {
        let outcome = self.cx.on_link_input(input);
        self.on_outcome(link, outcome);
        self.carry_out_findings();
    }

    pub(crate) fn on_command(&mut self, command: Command) {
        self.is_settled = false;
        match command {
            _ if self.cx.leaving => self.cx.emit(Event::Rejected(Rejection::Leaving)),
            Command::Broadcast { topic, .. } if topic.is_reserved() => {
                self.cx.emit(Event::Rejected(Rejection::ReservedTopic));
            }
            Command::Broadcast { topic, payload } => self.publish(topic, payload),
            Command::SeedNodes(addresses) => self.replace_seed_nodes(&addresses),
            Command::Leave => self.leave(),
        }
        self.carry_out_findings();
    }

    fn replace_seed_nodes(&mut self, addresses: &[SocketAddr]) {
        let Self { cx, bootstrap, .. } = self;
        let seeds = distinct(addresses);
        if (1..=MAX_SEED_NODES).contains(&seeds.len()) {
            bootstrap.replace(cx, &seeds);
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
        let Self { cx, detector, .. } = self;
        let is_listed = self.bootstrap.top_up(cx);
        let is_linked = self.overlay.top_up(cx, |record| detector.is_lost(record));
        self.is_settled = is_listed && is_linked && !cx.neighbors.is_empty();
        if cx.neighbors.is_empty() && !cx.timers.is_armed(Timer::Isolated) {
            let pause = cx.rng.jitter(cx.config.overlay.isolated_retry);
            cx.arm(Timer::Isolated, pause);
        }
    }

    fn publish(&mut self, topic: Topic, payload: Payload) {
        self.broadcast.publish(&mut self.cx, topic, payload);
    }

    fn on_outcome(&mut self, link: LinkId, outcome: Outcome) {
        self.is_settled &=
            matches!(outcome, Outcome::Nothing | Outcome::Message(Purpose::Neighbor { .. }, _));
        match outcome {
            Outcome::Nothing => {}
            Outcome::HelloReceived(hello) => self.on_hello(link, &hello),
            Outcome::Welcomed(owner, up) => self.on_welcomed(link, owner, &up),
            Outcome::Failed(failed) => self.on_failed(link, &failed),
            Outcome::Connected => {
                if let Some(strikes) = self.detector.as_strikes() {
                    strikes.on_connected(self.cx.now, link);
                }
            }
            Outcome::NotConnected => self.on_not_connected(link),
            Outcome::Ended(up, ending) => self.on_ended(link, &up, ending),
            Outcome::Message(purpose, message) => self.on_message(link, purpose, message),
        }
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

/// Whether this timer changes nothing that [`Peer::settle`] looks at.
const fn leaves_settled(timer: Timer) -> bool {
    matches!(
        timer,
        Timer::Ping(_)
            | Timer::Answer(_)
            | Timer::Digest
            | Timer::Shuffle
            | Timer::Optimize
            | Timer::IHave
            | Timer::Graft
            | Timer::Exchange
            | Timer::Round
            | Timer::Overdue(_)
            | Timer::Request(_)
    )
}
