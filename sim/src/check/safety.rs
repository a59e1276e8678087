//! What must hold at every moment.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_core::{LinkLoss, NeighborLoss, ProbeReason, RegistrationLoss};

use super::{Evidence, Violation};
use crate::fact::{Accusation, Fact};
use crate::fault::{Fault, Scheduled};
use crate::history::{ActivityWhilePaused, Crossing, End, History, LifeSpan, NodeView};
use crate::host::HostId;
use crate::scenario::Scenario;

pub(super) const FINISHES: &str = "finishes";

pub(super) fn finishes(evidence: &Evidence<'_>) -> Vec<Violation> {
    evidence.history.failure.iter().map(Violation::everywhere).collect()
}

pub(super) fn delivered_once(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for message_trace in &evidence.history.message_traces {
        let holders = message_trace.holders();
        let twice = holders.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]);
        for life in twice {
            let receipts = message_trace.receipts.iter().filter(|receipt| receipt.life == life);
            let at = receipts.map(|receipt| receipt.at).max().unwrap_or_default();
            let what = format!("message {} a second time", message_trace.id);
            violations.push(Violation::at(life.host, at, what));
        }
    }
    violations
}

pub(super) fn said_by_somebody(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for message_trace in &evidence.history.message_traces {
        let is_its_own = message_trace
            .claimed
            .iter()
            .all(|claimed| *claimed == message_trace.said.map(|it| it.0));
        let is_said = |at: Duration| message_trace.said.is_some_and(|(_, said)| said <= at);
        for receipt in message_trace.receipts.iter().filter(|it| !is_its_own || !is_said(it.at)) {
            let what = format!("message {}, which nobody said", message_trace.id);
            violations.push(Violation::at(receipt.life.host, receipt.at, what));
        }
    }
    violations
}

pub(super) fn no_self_neighbor(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for entry in &evidence.history.entries {
        if let Fact::NeighborUp { peer, .. } = &entry.fact
            && evidence.history.host_of(peer.subject()) == Some(entry.life.host)
        {
            violations.push(Violation::at(entry.life.host, entry.at, "neighbor of itself"));
        }
    }
    violations
}

pub(super) fn bounds_hold(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for sample in evidence.history.samples.iter().chain([&evidence.history.last]) {
        for (life, view) in &sample.nodes {
            for (what, found, bound) in bounds(evidence.scenario, view) {
                if found > bound {
                    let what = format!("{found} {what}, the bound is {bound}");
                    violations.push(Violation::at(life.host, sample.at, what));
                }
            }
        }
    }
    violations
}

fn bounds(scenario: &Scenario, view: &NodeView) -> [(&'static str, usize, usize); 6] {
    let config = &scenario.config;
    [
        ("links", view.neighbors.len(), scenario.max_neighbors()),
        ("known peers", view.known, scenario.max_known()),
        ("stored messages", view.stored, config.broadcast.store_count),
        ("remembered ids", view.seen, config.broadcast.seen_max),
        ("listed peers", view.listed.len(), config.registration.registry_max),
        ("remembered reporters", view.reporters, config.registration.registry_max),
    ]
}

pub(super) fn nobody_misbehaves(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for entry in &evidence.history.entries {
        if let Fact::Misbehaved(accusation) = &entry.fact {
            let Accusation { node, what } = accusation.as_ref();
            let accused = node.and_then(|node| evidence.history.host_of(node));
            let accused = accused.map_or_else(|| "a stranger".to_owned(), |host| host.to_string());
            let what = format!("accuses {accused}: {what}");
            violations.push(Violation::at(entry.life.host, entry.at, what));
        }
    }
    violations
}

/// A fault that did not happen tests nothing.
pub(super) fn schedule_performed(evidence: &Evidence<'_>) -> Vec<Violation> {
    let history = evidence.history;
    let mut violations: Vec<Violation> = history.crossings.iter().map(crossing).collect();
    violations.extend(history.activity_while_paused.iter().map(spoke_while_paused));
    let traces = Traces::of(history);
    for Scheduled { at, fault } in &history.schedule.faults {
        for host in fault.hosts() {
            // A host that is cut off may have no connection to be reset.
            let excused = matches!(fault, Fault::Reset(_)) && history.is_cut_off(host, *at);
            if !excused && !traces.has(evidence.scenario, host, *at, fault) {
                let what = format!("{} left no trace", fault.name());
                violations.push(Violation::at(host, *at, what));
            }
        }
    }
    violations
}

fn crossing(Crossing { at, from, to }: &Crossing) -> Violation {
    Violation::at(*to, *at, format!("a message came across the cut from {from}"))
}

fn spoke_while_paused(ActivityWhilePaused { at, host }: &ActivityWhilePaused) -> Violation {
    Violation::at(*host, *at, "spoke while it was paused")
}

/// What faults leave behind, by host.
struct Traces<'a> {
    history: &'a History,
    spans: BTreeMap<HostId, Vec<LifeSpan>>,
    resets: BTreeMap<HostId, Vec<Duration>>,
}

impl<'a> Traces<'a> {
    fn of(history: &'a History) -> Self {
        let mut spans: BTreeMap<HostId, Vec<LifeSpan>> = BTreeMap::new();
        for (life, span) in &history.lives {
            spans.entry(life.host).or_default().push(*span);
        }
        let mut resets: BTreeMap<HostId, Vec<Duration>> = BTreeMap::new();
        for entry in history.entries.iter().filter(|entry| is_reset(&entry.fact)) {
            resets.entry(entry.life.host).or_default().push(entry.at);
        }
        Self { history, spans, resets }
    }

    /// A tick late at most, and a leave takes the node some time.
    fn has(&self, scenario: &Scenario, host: HostId, at: Duration, fault: &Fault) -> bool {
        let soon = at + scenario.tick * 2;
        let mut spans = self.spans.get(&host).into_iter().flatten();
        match fault {
            Fault::Start(_) => spans.any(|span| (at..=soon).contains(&span.born)),
            Fault::Crash(_, death) => spans.any(|span| {
                let is_it = |(end, how)| (at..=soon).contains(&end) && how == End::Crashed(*death);
                span.ended.is_some_and(is_it)
            }),
            Fault::Leave(_) => spans.any(|span| {
                let late = soon + scenario.config.leave_timeout * 2;
                span.ended.is_some_and(|(end, how)| (at..=late).contains(&end) && how == End::Left)
            }),
            Fault::Reset(_) => {
                let mut resets = self.resets.get(&host).into_iter().flatten();
                resets.any(|reset| (at..=soon).contains(reset)) || !self.is_linked(host, at)
            }
            Fault::Pause(_)
            | Fault::Resume(_)
            | Fault::Suspend(_)
            | Fault::Wake(_)
            | Fault::Block(_)
            | Fault::Unblock(_)
            | Fault::StopReader(_)
            | Fault::ResumeReader(_)
            | Fault::Cut(..)
            | Fault::Heal => true,
        }
    }
}

impl Traces<'_> {
    /// Whether a host certainly has a link at `at`: to a neighbor, or to a peer that it listed and
    /// has not probed since. Without any, a reset has nothing to reset.
    #[expect(clippy::wildcard_enum_match_arm, reason = "picks the events it needs")]
    fn is_linked(&self, host: HostId, at: Duration) -> bool {
        let mut linked = BTreeSet::new();
        let entries = self.history.entries.iter().take_while(|entry| entry.at < at);
        for entry in entries.filter(|entry| entry.life.host == host) {
            match &entry.fact {
                Fact::NeighborUp { peer, .. } | Fact::PeerRegistered { peer } => {
                    linked.insert((entry.life, peer.subject()));
                }
                Fact::NeighborDown { peer, .. }
                | Fact::PeerRemoved { peer, .. }
                | Fact::PeerProbing { peer, .. } => {
                    linked.remove(&(entry.life, peer.subject()));
                }
                _ => {}
            }
        }
        let lives = |life| self.history.lives.get(&life).is_some_and(|span| span.covers(at, at));
        linked.into_iter().any(|(life, _)| lives(life))
    }
}

fn is_reset(fact: &Fact) -> bool {
    const RESET: LinkLoss = LinkLoss::Reset;
    matches!(
        fact,
        Fact::NeighborDown { reason: NeighborLoss::LinkLost(RESET), .. }
            | Fact::RegistrationLost { reason: RegistrationLoss::LinkLost(RESET), .. }
            // A seed node says no more of a lost link than this.
            | Fact::PeerProbing { reason: ProbeReason::LinkLost, .. }
    )
}
