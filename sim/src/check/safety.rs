//! What must hold at every moment.

#![expect(clippy::wildcard_enum_match_arm, reason = "picks the events it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_core::{Doubt, Event, LinkLoss, MessageId, NeighborLoss, RegistrationLoss};
use tidings_node::NodeReport;

use super::{Evidence, Violation};
use crate::fault::{Fault, Scheduled};
use crate::history::{End, Life};
use crate::host::HostId;
use crate::scenario::{Direction, Scenario};

pub(super) const FINISHES: &str = "finishes";

pub(super) fn finishes(evidence: &Evidence<'_>) -> Vec<Violation> {
    evidence.history.failure.iter().map(Violation::everywhere).collect()
}

pub(super) fn delivered_once(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut delivered: BTreeSet<(Life, MessageId)> = BTreeSet::new();
    let mut violations = Vec::new();
    for entry in &evidence.history.entries {
        if let Event::Delivered { envelope, .. } | Event::Published { envelope } = &entry.event
            && !delivered.insert((entry.life, envelope.id()))
        {
            let what = format!("message {} a second time", envelope.id());
            violations.push(Violation::at(entry.life.host, entry.at, what));
        }
    }
    violations
}

pub(super) fn said_by_somebody(evidence: &Evidence<'_>) -> Vec<Violation> {
    let history = evidence.history;
    let mut said: BTreeMap<MessageId, (Life, Duration)> = BTreeMap::new();
    let mut violations = Vec::new();
    for entry in &history.entries {
        match &entry.event {
            Event::Published { envelope } => {
                said.insert(envelope.id(), (entry.life, entry.at));
            }
            Event::Delivered { envelope, .. } => {
                let claimed = history.host_of(envelope.origin());
                let is_said = said.get(&envelope.id()).is_some_and(|(origin, at)| {
                    Some(origin.host) == claimed
                        && origin.epoch == envelope.epoch()
                        && *at <= entry.at
                });
                if !is_said {
                    let what = format!("message {}, which nobody said", envelope.id());
                    violations.push(Violation::at(entry.life.host, entry.at, what));
                }
            }
            _ => {}
        }
    }
    violations
}

pub(super) fn no_self_neighbor(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for entry in &evidence.history.entries {
        if let Event::NeighborUp { peer, .. } = &entry.event
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
        for (life, report) in &sample.nodes {
            for (what, found, bound) in bounds(evidence.scenario, report) {
                if found > bound {
                    let what = format!("{found} {what}, the bound is {bound}");
                    violations.push(Violation::at(life.host, sample.at, what));
                }
            }
        }
    }
    violations
}

fn bounds(scenario: &Scenario, report: &NodeReport) -> [(&'static str, usize, usize); 6] {
    let (node, config) = (&report.node, &scenario.config);
    let reporters = node.false_reports.len();
    [
        ("links", node.neighbors.len(), config.overlay.max_links),
        ("known peers", node.known.len(), config.overlay.known_max),
        ("stored messages", node.stored, config.broadcast.store_count),
        ("remembered ids", node.seen, config.broadcast.seen_max),
        ("listed peers", node.registered.len(), config.registration.registry_max),
        ("remembered reporters", reporters, config.registration.registry_max),
    ]
}

pub(super) fn nobody_misbehaves(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for entry in &evidence.history.entries {
        if let Event::Misbehaved { node, what, .. } = &entry.event {
            let accused = node.and_then(|node| evidence.history.host_of(node));
            let accused = accused.map_or_else(|| "a stranger".to_owned(), |host| host.to_string());
            let what = format!("accuses {accused}: {what}");
            violations.push(Violation::at(entry.life.host, entry.at, what));
        }
    }
    violations
}

/// A fault that did not happen rehearses nothing.
pub(super) fn schedule_performed(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for Scheduled { at, fault } in &evidence.history.schedule.faults {
        if let Fault::Cut(cut_off, _, direction) = fault {
            violations.extend(crossings(evidence, cut_off, *at, *direction));
            continue;
        }
        for host in fault.hosts() {
            if !left_a_trace(evidence, host, *at, fault) {
                let what = format!("{} left no trace", fault.name());
                violations.push(Violation::at(host, *at, what));
            }
        }
    }
    violations
}

/// Messages that came across a cut while it lasted, once what was on its way had arrived.
fn crossings(
    evidence: &Evidence<'_>,
    cut_off: &BTreeSet<HostId>,
    at: Duration,
    direction: Direction,
) -> Vec<Violation> {
    let history = evidence.history;
    let from = at + evidence.scenario.latency.to + evidence.scenario.tick * 2;
    let heal = history.schedule.faults.iter().find(|it| it.at >= at && it.fault == Fault::Heal);
    let until = heal.map_or(evidence.scenario.duration, |heal| heal.at);
    let is_cut = |sender: HostId, receiver: HostId| match direction {
        Direction::Both => cut_off.contains(&sender) != cut_off.contains(&receiver),
        Direction::Out => cut_off.contains(&sender) && !cut_off.contains(&receiver),
        Direction::In => !cut_off.contains(&sender) && cut_off.contains(&receiver),
    };
    let mut violations = Vec::new();
    for entry in history.entries.iter().filter(|entry| (from..until).contains(&entry.at)) {
        if let Event::Delivered { from: sender, .. } | Event::Duplicate { from: sender, .. } =
            &entry.event
            && let Some(sender) = history.host_of(*sender)
            && is_cut(sender, entry.life.host)
        {
            let what = format!("a message came across the cut from {sender}");
            violations.push(Violation::at(entry.life.host, entry.at, what));
        }
    }
    violations
}

/// A tick late at most, and a leave takes the node some time.
fn left_a_trace(evidence: &Evidence<'_>, host: HostId, at: Duration, fault: &Fault) -> bool {
    let history = evidence.history;
    let soon = at + evidence.scenario.tick * 2;
    let mut spans = history.lives.iter().filter(|(life, _)| life.host == host).map(|(_, s)| s);
    match fault {
        Fault::Start(_) => spans.any(|span| (at..=soon).contains(&span.born)),
        Fault::Crash(_, death) => spans.any(|span| {
            span.ended
                .is_some_and(|(end, how)| (at..=soon).contains(&end) && how == End::Crashed(*death))
        }),
        Fault::Leave(_) => spans.any(|span| {
            let late = soon + evidence.scenario.config.leave_timeout * 2;
            span.ended.is_some_and(|(end, how)| (at..=late).contains(&end) && how == End::Left)
        }),
        Fault::Pause(_) => !history.entries.iter().any(|entry| {
            let until = resumed(evidence, host, at);
            entry.life.host == host && entry.at > soon && entry.at < until
        }),
        Fault::Reset(_) => history.entries.iter().any(|entry| {
            let is_soon = (at..=soon).contains(&entry.at);
            is_soon && entry.life.host == host && is_reset(&entry.event)
        }),
        Fault::Resume(_) | Fault::Cut(..) | Fault::Heal => true,
    }
}

fn is_reset(event: &Event) -> bool {
    const RESET: LinkLoss = LinkLoss::Reset;
    matches!(
        event,
        Event::NeighborDown { why: NeighborLoss::LinkLost(RESET), .. }
            | Event::RegistrationLost { why: RegistrationLoss::LinkLost(RESET), .. }
            // A seed node says no more of a lost link than this.
            | Event::PeerDoubted { why: Doubt::LinkLost, .. }
    )
}

fn resumed(evidence: &Evidence<'_>, host: HostId, paused: Duration) -> Duration {
    let mut faults = evidence.history.schedule.faults.iter();
    let resume = faults.find(|it| it.at >= paused && it.fault == Fault::Resume(host));
    resume.map_or(evidence.scenario.duration, |it| it.at)
}
