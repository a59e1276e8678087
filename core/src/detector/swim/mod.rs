//! The detector `swim`: SWIM (Das, Gupta, Motivala, DSN 2002) with Lifeguard (Dadgar, Phillips, Currey,
//! DSN-W 2018), on the links that there are.
//!
//! ```text
//! peer                          neighbor                   helpers, K of them
//!   Ping                  ──▶                                         every T', one neighbor in turn
//!                         ◀──  Pong                        within the timeout: it lives
//!   Hello { PingRequest } ──────────────────────────────▶  none: helpers probe it (SWIM §3.1)
//!   Statement: suspect    ──▶  everybody, by the broadcast  none of them heard it
//!                         ◀──  Statement: alive, i + 1      it refutes (SWIM §4.2)
//!   Statement: dead       ──▶  everybody                   it did not in time (Lifeguard §IV-B)
//! ```
//!
//! Without a table of members nobody but the neighbors of a suspect has a use for these: a suspicion is
//! told to its other neighbors, a refutation to the refuter's own, and each says "dead" for itself.
//!
//! A link that is lost without a word is a suspicion of its own: its other end is dialed at once. This
//! part says who is dead; it closes no neighbor's link and tells no seed node.
//!
//! Differs from the papers: neighbors are probed instead of all members (`monitor`), statements travel
//! by the broadcast instead of on pings, TCP carries the pings and anything said on a link answers them,
//! and who is held dead may refute.

pub(crate) mod awareness;
pub(crate) mod config;
pub(crate) mod helper;
pub(crate) mod members;
pub(crate) mod message;
pub(crate) mod neighbors_of_neighbors;
pub(crate) mod prober;
mod probing;
mod requests;
mod statements;
pub(crate) mod suspicion;
pub(crate) mod suspicion_log;
mod tables;
#[cfg(test)]
mod tests;
pub(crate) mod timer;
mod waits;

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::detector::swim::timer::SwimTimer;
use crate::event::{MemberState, Misbehavior, NeighborLoss};
use crate::id::{Incarnation, LinkId};
use crate::links::neighbors::Neighbor;
use crate::messaging::Envelope;
use crate::snapshot::{MemberSnapshot, SuspicionSnapshot};
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{Claim, Ping, Statement, SwimMessage};
use awareness::Awareness;
use helper::Requests;
use members::Members;
use neighbors_of_neighbors::NeighborsOfNeighbors;
use prober::{Cause, Prober};
use suspicion::Suspicions;
use suspicion_log::SuspicionLog;

/// Pings without an answer on one link; the answer to any of them will do. *Guess: a stopped neighbor is
/// suspected long before.*
const UNANSWERED: usize = 8;

/// A peer's probes, suspicions and members.
#[derive(Clone, Debug, Default)]
pub(crate) struct Swim {
    /// How often this peer has refuted (SWIM §4.2).
    incarnation: Incarnation,
    /// It has said that it lives.
    is_announced: bool,
    /// It has to refute, and did so a moment ago.
    refutation_pending: bool,
    refuted: Option<Instant>,
    /// When the last round began.
    round: Instant,
    /// How long a seed node may name somebody who is dead.
    lease: Duration,
    awareness: Awareness,
    prober: Prober,
    requests: Requests,
    named: NeighborsOfNeighbors,
    suspicions: Suspicions,
    members: Members,
    log: SuspicionLog,
}

impl Swim {
    pub(crate) fn new(cx: &Context) -> Self {
        Self { lease: cx.config.registration.lease, ..Self::default() }
    }

    pub(crate) fn on_timer(&mut self, cx: &mut Context, timer: SwimTimer) {
        match timer {
            SwimTimer::Round => self.on_round_timer(cx),
            SwimTimer::Overdue(number) => self.on_overdue_timer(cx, number),
            SwimTimer::Request(number) => self.requests.on_timer(cx, number),
            SwimTimer::Suspicion(number) => self.on_suspicion_timer(cx, number),
        }
    }

    /// A message of this part came from a neighbor.
    pub(crate) fn on_neighbor_message(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        message: SwimMessage,
    ) {
        match message {
            SwimMessage::Neighbors { records } => self.named.note(from, records),
            SwimMessage::Members { members } => self.on_members(cx, from, &members),
            SwimMessage::Statement(said) => self.on_direct_message(cx, from.link, &said),
            SwimMessage::PingRequest { .. } | SwimMessage::PingRequestAnswer { .. } => {
                cx.tell_unexpected(from.link, message.name());
            }
        }
    }

    /// A message of this part came on a link that was opened for one question.
    pub(crate) fn on_request_message(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        message: SwimMessage,
    ) {
        match message {
            SwimMessage::PingRequest { subject, wait_ms } => {
                let wait = Duration::from_millis(wait_ms.into());
                self.on_ping_request(cx, link, &subject, wait);
            }
            SwimMessage::PingRequestAnswer { subject, is_heard } => {
                self.on_ping_request_answer(cx, link, subject, is_heard);
            }
            SwimMessage::Statement(said) => self.on_direct_message(cx, link, &said),
            SwimMessage::Neighbors { .. } | SwimMessage::Members { .. } => {
                cx.tell_unexpected(link, message.name());
            }
        }
    }

    /// Somebody says this to this peer alone, which nobody does where there are tables.
    fn on_direct_message(&mut self, cx: &mut Context, link: LinkId, said: &Statement) {
        if cx.config.detector.swim.has_table() {
            return cx.tell_unexpected(link, "Statement");
        }
        let Some(up) = cx.up(link) else { return };
        cx.stats.statements_received += 1;
        if !self.on_direct_statement(cx, up.remote.subject(), said) {
            cx.tolerate(link, Misbehavior::Forged("Statement"));
        }
    }

    /// A new message under the reserved topic: a statement about a member, or nonsense. Only its origin
    /// is accused of that: who passes it on need not read it. Without tables nobody honest says such
    /// things to everybody, and its subject could not refute to everybody: it is not read.
    pub(crate) fn on_reserved(&mut self, cx: &mut Context, link: LinkId, envelope: &Envelope) {
        if !cx.config.detector.swim.has_table() {
            return;
        }
        let origin = envelope.origin();
        // A statement travels alone.
        let Some(payload) = envelope.payloads().next() else { return };
        let fault = match Statement::from_payload(&payload) {
            Ok(statement) if self.on_statement(cx, origin, &statement) => return,
            Ok(_) => Misbehavior::Forged("Statement"),
            Err(error) => Misbehavior::Garbled(error),
        };
        if cx.up(link).is_some_and(|up| up.remote.subject() == origin) {
            cx.tolerate(link, fault);
        }
    }

    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        if !cx.timers.is_armed(SwimTimer::Round) {
            Self::start(cx);
        }
        self.named.on_neighbors_changed();
        // How long others are waited for depends on round trips: the first is measured now.
        Self::send_ping(cx, up.link);
        self.prober.insert(cx, &up.record);
        if let Some(number) = self.prober.of(up.id()).map(|probe| probe.number) {
            self.on_ack(cx, number);
        }
        self.welcome(cx, up);
    }

    /// A neighbor is gone. If its link was lost without a word, it is looked after at once.
    pub(crate) fn on_neighbor_down(
        &mut self,
        cx: &mut Context,
        down: &Neighbor,
        reason: NeighborLoss,
    ) {
        self.requests.on_failed(cx, down.link);
        self.named.on_neighbors_changed();
        let named = self.named.take(down.link);
        if let Some(number) = self.prober.by_link(down.link).map(|probe| probe.number) {
            self.prober.end(cx, number);
        }
        match reason {
            NeighborLoss::LinkLost(_) => self.look_after(cx, down, named),
            NeighborLoss::Left => self.on_left(cx, &down.record),
            NeighborLoss::Bye(_) | NeighborLoss::Dropped(_) | NeighborLoss::Garbled => {}
        }
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        self.prober.invariants(cx)?;
        self.suspicions.invariants(cx)?;
        let is_itself = self.members.get(cx.me()).is_some();
        holds(!is_itself, "a node is in its own table of members")
    }

    /// This peer is in another life, in which it has refuted nothing and said nothing yet.
    pub(crate) fn on_life_begun(&mut self) {
        self.incarnation = Incarnation(0);
        (self.is_announced, self.refutation_pending) = (false, false);
    }

    /// Sees at once whether a link still lives.
    pub(crate) fn challenge(&mut self, cx: &mut Context, link: LinkId) {
        let record = cx.neighbors.by_link(link).map(|neighbor| neighbor.record.clone());
        let Some(record) = record else { return };
        if let Some(probe) = self.prober.by_link(link) {
            let patience = self.awareness.patience(waits::longest(cx));
            probe.cause = Cause::Challenge;
            probe.wait_longer(cx, patience);
        } else if self.prober.of(record.subject()).is_none() && self.prober.has_room(cx) {
            self.ping(cx, link, record, Cause::Challenge);
        }
    }

    /// Pings a neighbor, unless so many pings are unanswered that one more would say nothing new.
    fn send_ping(cx: &mut Context, link: LinkId) {
        if cx.links.pings.count(link) < UNANSWERED {
            let nonce = cx.draw_nonce();
            cx.stats.pings += 1;
            cx.ping(link, nonce);
        }
    }

    /// A pong came on a neighbor's link.
    pub(crate) fn on_pong(&mut self, cx: &mut Context, link: LinkId, pong: &Ping) {
        let Some(ping) = cx.answered(link, pong) else {
            return cx.tolerate(link, Misbehavior::WrongEcho);
        };
        cx.links.pings.forget_up_to(ping);
        cx.neighbors.on_answer(link, ping.took(cx.now));
        self.requests.on_heard(cx, link);
        if let Some(number) = self.prober.by_link(link).map(|probe| probe.number) {
            self.on_ack(cx, number);
        }
    }

    /// What to say when this peer leaves. Nothing without a table: then nobody keeps one, and
    /// neighbors are told on their links.
    pub(crate) fn farewell(&self, cx: &Context) -> Option<Statement> {
        let has_table = cx.config.detector.swim.has_table();
        (self.is_announced && has_table).then(|| self.of_itself(cx, Claim::Left))
    }

    /// Whether the overlay shall not dial this peer: it is suspected, its lost link is being looked
    /// after, or it died so lately that seed nodes may still name it. After that somebody who
    /// names it has seen it alive, and the halves of a healed partition must find each other.
    pub(crate) fn is_unavailable(&self, record: &AddressRecord) -> bool {
        let is_suspected = self.members.life(record).is_some_and(|member| match member.state {
            MemberState::Alive => false,
            MemberState::Suspect => true,
            MemberState::Dead | MemberState::Left => self.round.since(member.since) < self.lease,
        });
        is_suspected || self.prober.is_lost(record.subject())
    }

    /// The table; empty when it is off.
    pub(crate) fn members(&self, cx: &Context) -> Vec<MemberSnapshot> {
        match cx.config.detector.swim.members_max {
            0 => Vec::new(),
            _ => self.members.snapshot(cx.now),
        }
    }

    pub(crate) fn suspicions(&self, now: Instant) -> Vec<SuspicionSnapshot> {
        self.log.snapshot(now)
    }
}
