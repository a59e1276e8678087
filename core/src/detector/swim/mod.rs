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
pub(crate) mod neighbors_of_neighbors;
pub(crate) mod pings;
pub(crate) mod prober;
mod probing;
mod requests;
mod statements;
pub(crate) mod suspicion;
pub(crate) mod suspicion_log;
mod tables;
#[cfg(test)]
mod tests;

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{MemberState, NeighborLoss};
use crate::id::{Incarnation, LinkId};
use crate::links::neighbors::Neighbor;
use crate::snapshot::{MemberSnapshot, SuspicionSnapshot};
use crate::time::Instant;
use crate::timers::Timer;
use crate::wire::{Claim, Ping, Statement};
use awareness::Awareness;
use helper::Requests;
use members::Members;
use neighbors_of_neighbors::NeighborsOfNeighbors;
use pings::Pings;
use prober::{Cause, Prober};
use suspicion::Suspicions;
use suspicion_log::SuspicionLog;

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
    pings: Pings,
    prober: Prober,
    requests: Requests,
    named: NeighborsOfNeighbors,
    suspicions: Suspicions,
    members: Members,
    log: SuspicionLog,
    /// Taken out after every input.
    findings: VecDeque<Finding>,
}

/// What the peer must do because of what `swim` found.
#[derive(Clone, Debug)]
pub(crate) enum Finding {
    /// Tell everybody, or all neighbors where there is no table.
    Say(Statement),
    /// This one is dead: end its link, forget it, and report it to the seed nodes if `is_own` (this
    /// peer found out itself).
    Dead { subject: AddressRecord, is_own: bool },
    /// This one left: end its link, if there is still one, and forget it.
    Left(AddressRecord),
    /// Nothing comes through on this neighbor's link: the link is lost, which accuses nobody.
    Stalled(LinkId),
}

impl Swim {
    pub(crate) fn new(cx: &Context) -> Self {
        Self { lease: cx.config.registration.lease, ..Self::default() }
    }

    /// The next thing that the peer must do; `None` when that was all.
    pub(crate) fn next_finding(&mut self) -> Option<Finding> {
        self.findings.pop_front()
    }

    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        if !cx.timers.is_armed(Timer::Round) {
            Self::start(cx);
        }
        self.pings.watch(up.link, up.record.clone(), cx.now);
        self.named.on_neighbors_changed();
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
        let round_trip_us = self.pings.round_trip_us(down.link);
        self.pings.forget(down.link);
        self.requests.on_failed(cx, down.link);
        self.named.on_neighbors_changed();
        let named = self.named.take(down.link);
        if let Some(number) = self.prober.by_link(down.link).map(|probe| probe.number) {
            self.prober.end(cx, number);
        }
        match reason {
            NeighborLoss::LinkLost(_) => self.look_after(cx, down, named, round_trip_us),
            NeighborLoss::Left => self.on_left(cx, &down.record),
            NeighborLoss::Bye(_) | NeighborLoss::Dropped(_) | NeighborLoss::Garbled => {}
        }
    }

    /// Sees at once whether a link still lives.
    pub(crate) fn challenge(&mut self, cx: &mut Context, link: LinkId) {
        let Some(record) = self.pings.record(link).cloned() else { return };
        if let Some(probe) = self.prober.by_link(link) {
            probe.cause = Cause::Challenge;
        } else if self.prober.of(record.subject()).is_none() && self.prober.has_room(cx) {
            self.ping(cx, link, record, Cause::Challenge);
        }
    }

    /// Takes an answer. False when it repeats no ping of ours (R15).
    pub(crate) fn on_pong(&mut self, cx: &mut Context, link: LinkId, pong: &Ping) -> bool {
        if !self.pings.on_pong(cx, link, pong) {
            return false;
        }
        self.requests.on_heard(cx, link);
        if let Some(number) = self.prober.by_link(link).map(|probe| probe.number) {
            self.on_ack(cx, number);
        }
        true
    }

    /// A neighbor said something.
    pub(crate) fn on_heard(&mut self, link: LinkId, now: Instant) {
        self.pings.on_heard(link, now);
    }

    /// A neighbor names its other neighbors.
    pub(crate) fn on_neighbors(&mut self, from: &Neighbor, records: Vec<AddressRecord>) {
        self.named.note(from, records);
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
    pub(crate) fn is_doubted(&self, record: &AddressRecord) -> bool {
        let is_doubted = self.members.life(record).is_some_and(|member| match member.state {
            MemberState::Alive => false,
            MemberState::Suspect => true,
            MemberState::Dead | MemberState::Left => self.round.since(member.since) < self.lease,
        });
        is_doubted || self.prober.is_lost(record.subject())
    }

    pub(crate) fn round_trip(&self, link: LinkId) -> Option<Duration> {
        self.pings.round_trip(link)
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
