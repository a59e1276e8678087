//! What must hold at the end, after the calm.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_core::{Event, MessageId};

use super::{Evidence, Violation};
use crate::history::{History, Life};
use crate::measure::overlay;

/// A peer that joins later than this before a message grows too old to be had need not get it: its
/// first neighbor may itself be waiting for a digest.
const CATCH_UP_TIME: Duration = Duration::from_secs(20);

/// Messages sent this short before the end may still be on their way.
const ON_THE_WAY: Duration = Duration::from_secs(15);

pub(super) fn one_component(evidence: &Evidence<'_>) -> Vec<Violation> {
    let history = evidence.history;
    let point = overlay::point(history, &history.last);
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
    let joined = history.joined();
    let survivors: BTreeSet<Life> =
        history.survivors().filter(|life| life.host.is_peer()).collect();
    let held = holders(history);
    let obtainable = evidence.scenario.config.broadcast.store_age.saturating_sub(CATCH_UP_TIME);
    let end = evidence.scenario.duration.saturating_sub(ON_THE_WAY);
    let mut violations = Vec::new();
    for message in evidence.measures.messages.iter().filter(|message| message.sent <= end) {
        let holders = held.get(&message.id).cloned().unwrap_or_default();
        // Whoever held it may have died with it; then nobody can have it.
        if holders.is_disjoint(&survivors) {
            continue;
        }
        for peer in survivors.difference(&holders) {
            let owes = joined.get(peer).is_some_and(|joined| *joined <= message.sent + obtainable);
            if owes {
                let what = format!(
                    "lacks message {} of {}, sent at {:.3} s",
                    message.id,
                    message.origin.host,
                    message.sent.as_secs_f64()
                );
                violations.push(Violation::at(peer.host, evidence.scenario.duration, what));
            }
        }
    }
    violations
}

/// Who has said or received each message.
fn holders(history: &History) -> BTreeMap<MessageId, BTreeSet<Life>> {
    let mut held: BTreeMap<MessageId, BTreeSet<Life>> = BTreeMap::new();
    for entry in &history.entries {
        if let Event::Delivered { envelope, .. } | Event::Published { envelope } = &entry.event {
            held.entry(envelope.id()).or_default().insert(entry.life);
        }
    }
    held
}

pub(super) fn lists_right(evidence: &Evidence<'_>) -> Vec<Violation> {
    let history = evidence.history;
    let survivors: BTreeSet<Life> = history.survivors().collect();
    let mut listed_by: BTreeMap<Life, usize> = BTreeMap::new();
    let mut violations = Vec::new();
    let at = history.last.at;
    let lists = history.last.nodes.iter().filter(|(life, _)| !life.host.is_peer());
    let mut live_seed_nodes = 0;
    for (seed_node, report) in lists {
        live_seed_nodes += 1;
        for entry in &report.node.registered {
            let listed = history.life_of(&entry.record);
            if let Some(peer) = listed.filter(|life| survivors.contains(life)) {
                *listed_by.entry(peer).or_default() += 1;
            } else {
                let subject = history.host_of(entry.record.subject());
                let subject = subject.map_or_else(|| "a stranger".to_owned(), |it| it.to_string());
                let what = format!("lists {subject}, whose life {} is over", entry.record.epoch());
                violations.push(Violation::at(seed_node.host, at, what));
            }
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
