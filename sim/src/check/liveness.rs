//! What must hold at the end, after the calm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_core::BootEpoch;

use super::{Evidence, Violation};
use crate::fault::Stall;
use crate::history::Life;
use crate::host::{HostId, run_seed};
use crate::measure::overlay;
use crate::workload;

/// A peer that joins later than this before a message grows too old to be had need not get it: its
/// first neighbor may itself be waiting for a digest. The same holds for one that stood still.
const CATCH_UP_TIME: Duration = Duration::from_secs(20);

/// Messages sent this short before the end may still be on their way.
const ON_THE_WAY: Duration = Duration::from_secs(15);

pub(super) fn one_component(evidence: &Evidence<'_>) -> Vec<Violation> {
    let history = evidence.history;
    let point = overlay::point(&history.last);
    let live = history.survivors().filter(|life| life.host.is_peer()).count();
    if point.peers == live && point.components <= 1 {
        return Vec::new();
    }
    vec![Violation::everywhere(format!(
        "{} components, the largest of {} among {live} live peers of which {} answered; {} have no \
         link",
        point.components, point.largest, point.peers, point.isolated
    ))]
}

pub(super) fn messages_held(evidence: &Evidence<'_>) -> Vec<Violation> {
    let history = evidence.history;
    let obtainable = evidence.scenario.config.broadcast.store_age.saturating_sub(CATCH_UP_TIME);
    let stalls: Vec<Stall<'_>> = history.schedule.stalls().collect();
    // A network that fell apart, as somebody stood still for so long, needs as long to catch up: what is gone
    // by then need not be with everybody.
    let store_age = evidence.scenario.config.broadcast.store_age;
    if obtainable.is_zero() && stalls.iter().any(|stall| stall.length() >= store_age) {
        return Vec::new();
    }
    let stood_still = |host: HostId, from: Duration, until: Duration| {
        let mut own = stalls.iter().filter(|stall| stall.host == host);
        own.any(|it| it.begin.at <= from && it.end.is_none_or(|end| end > until))
    };
    let end = evidence.scenario.duration.saturating_sub(ON_THE_WAY);
    let survivors: Vec<(Life, Option<Duration>)> = history
        .lives
        .iter()
        .filter(|(life, span)| life.host.is_peer() && span.ended.is_none())
        .map(|(life, span)| (*life, span.joined))
        .collect();
    let mut violations = Vec::new();
    for message_trace in &history.message_traces {
        let Some((origin, sent)) = message_trace.said.filter(|(_, sent)| *sent <= end) else {
            continue;
        };
        let holders = message_trace.holders();
        let holds = |(life, _): &&(Life, Option<Duration>)| holders.binary_search(life).is_ok();
        // Whoever held it may have died with it; then nobody can have it.
        if !survivors.iter().any(|survivor| holds(&survivor)) {
            continue;
        }
        // While the message could be had, a peer was there: it had joined, and did not sleep all the time.
        let was_there = |life: Life, joined: Option<Duration>| {
            joined.is_some_and(|it| it <= sent + obtainable)
                && !stood_still(life.host, sent + CATCH_UP_TIME, sent + obtainable)
        };
        if !was_there(origin, history.lives.get(&origin).and_then(|span| span.joined)) {
            continue;
        }
        for (life, _) in survivors.iter().filter(|it| !holds(it) && was_there(it.0, it.1)) {
            let (id, said) = (message_trace.id, sent.as_secs_f64());
            let what = format!("lacks message {id} of {}, sent at {said:.3} s", origin.host);
            violations.push(Violation::at(life.host, evidence.scenario.duration, what));
        }
    }
    violations
}

/// Sources may have to wait, but not for ever. What a peer says of itself is not counted on.
pub(super) fn all_said(evidence: &Evidence<'_>) -> Vec<Violation> {
    let (scenario, history) = (evidence.scenario, evidence.history);
    let end = scenario.duration.saturating_sub(ON_THE_WAY);
    let mut asked: BTreeMap<Life, usize> = BTreeMap::new();
    for saying in workload::draw(scenario, &history.schedule, run_seed(history.seed)) {
        let [first, last] =
            [0, u64::MAX].map(|epoch| Life { host: saying.host, epoch: BootEpoch(epoch) });
        let Some((life, span)) = history.lives.range(first..=last).next_back() else { continue };
        // A process that is just being born hears nobody.
        let hears = span.ended.is_none() && span.born + scenario.tick * 2 <= saying.at;
        if hears && saying.at <= end {
            *asked.entry(*life).or_default() += 1;
        }
    }
    let mut said: BTreeMap<Life, usize> = BTreeMap::new();
    for (life, _) in history.message_traces.iter().filter_map(|message_trace| message_trace.said) {
        *said.entry(life).or_default() += 1;
    }
    let mut violations = Vec::new();
    for (life, asked) in asked {
        let said = said.get(&life).copied().unwrap_or_default();
        if said < asked {
            let what = format!("said {said} of the {asked} messages that it was given");
            violations.push(Violation::at(life.host, scenario.duration, what));
        }
    }
    violations
}

pub(super) fn lists_right(evidence: &Evidence<'_>) -> Vec<Violation> {
    let history = evidence.history;
    let survivors: BTreeSet<Life> = history.survivors().collect();
    let mut listed_by: BTreeMap<Life, usize> = BTreeMap::new();
    let mut violations = Vec::new();
    let at = history.last.at;
    let lists = history.last.nodes.iter().filter(|(life, _)| !life.host.is_peer());
    let mut live_seed_nodes = 0;
    for (seed_node, view) in lists {
        live_seed_nodes += 1;
        for listed in &view.listed {
            let what = match listed {
                Some(peer) if survivors.contains(peer) => {
                    *listed_by.entry(*peer).or_default() += 1;
                    continue;
                }
                Some(Life { host, epoch }) => format!("lists {host}, whose life {epoch} is over"),
                None => "lists a stranger".to_owned(),
            };
            violations.push(Violation::at(seed_node.host, at, what));
        }
    }
    let wanted = (evidence.scenario.seed_nodes / 2 + 1).min(live_seed_nodes);
    for peer in survivors.iter().filter(|life| life.host.is_peer()) {
        let lists = listed_by.get(peer).copied().unwrap_or_default();
        if lists < wanted {
            let what = format!("is on {lists} lists, {wanted} are its quorum");
            violations.push(Violation::at(peer.host, at, what));
        }
    }
    violations
}

pub(super) fn neighbors_live(evidence: &Evidence<'_>) -> Vec<Violation> {
    let history = evidence.history;
    let survivors: BTreeSet<Life> = history.survivors().collect();
    let mut violations = Vec::new();
    for (life, view) in &history.last.nodes {
        for neighbor in
            view.neighbors.iter().filter(|it| !it.is_some_and(|it| survivors.contains(&it)))
        {
            let what = match neighbor {
                Some(Life { host, epoch }) => {
                    format!("is a neighbor of {host}, whose life {epoch} is over")
                }
                None => "is a neighbor of a stranger".to_owned(),
            };
            violations.push(Violation::at(life.host, history.last.at, what));
        }
    }
    violations
}
