//! The scenario's own limits.

use std::time::Duration;

use super::{Evidence, Violation};
use crate::measure::detection::DeathMeasure;
use crate::measure::overlay::OverlayPoint;
use crate::measure::spread::MessageMeasure;
use crate::scenario::Death;

pub(super) fn limits(evidence: &Evidence<'_>) -> Vec<Violation> {
    let mut violations = Vec::new();
    let (limits, totals) = (&evidence.scenario.limits, &evidence.measures.totals);
    let mut complain = |what: String| violations.push(Violation::everywhere(what));
    if let Some(least) = limits.delivery_percent_min
        && totals.delivery_percent() < least
    {
        complain(format!(
            "delivered {} of {} pairs, {:.3} %, at least {least} % are asked",
            totals.delivered,
            totals.expected,
            totals.delivery_percent()
        ));
    }
    if let Some(most) = limits.redundancy_max
        && totals.redundancy() > most
    {
        complain(format!("redundancy {:.3}, at most {most} is asked", totals.redundancy()));
    }
    if let Some(least) = limits.degree_dispersion_min
        && let Some(found) = dispersion(evidence).filter(|found| *found < least)
    {
        complain(format!("degree dispersion {found:.3}, at least {least} is asked"));
    }
    for (percent, most) in [(50, limits.coverage_50_max), (100, limits.coverage_100_max)] {
        if let Some(most) = most
            && let Some(found) =
                evidence.measures.median_coverage(percent).filter(|found| *found > most)
        {
            let found = match found {
                Duration::MAX => "never reached".to_owned(),
                found => format!("took {found:?} or longer to reach"),
            };
            complain(format!(
                "half of the messages {found} {percent} % of the peers, {most:?} is asked"
            ));
        }
    }
    if let Some(most) = limits.delay_p99_max
        && let Some(found) = evidence.measures.delays.quantile(990).filter(|found| *found > most)
    {
        complain(format!("99 % of the deliveries took up to {found:?}, {most:?} is asked"));
    }
    for (death, most) in
        [(Death::Reset, limits.reset_detection_max), (Death::Silent, limits.silent_detection_max)]
    {
        let Some(most) = most else { continue };
        let deaths = evidence.measures.deaths.iter().filter(|it| it.death == death);
        for late in deaths.filter(|death| is_late(death, most)) {
            let host = late.victim.host;
            let what = match late.all_seed_nodes {
                Some(found) => format!("its death was listed for {found:?}, {most:?} is asked"),
                None => format!("its death is listed still, {most:?} is asked"),
            };
            violations.push(Violation::at(host, late.at, what));
        }
    }
    violations.extend(late_deliveries(evidence));
    violations.extend(slowed_messages(evidence));
    violations.extend(recovery(evidence));
    let most = limits.false_deaths_max.unwrap_or_default();
    if totals.false_deaths > most {
        let found = totals.false_deaths;
        let what = format!("{found} live peers were removed as dead, at most {most} are asked");
        violations.push(Violation::everywhere(what));
    }
    violations
}

fn dispersion(evidence: &Evidence<'_>) -> Option<f64> {
    evidence.measures.overlay.last().and_then(OverlayPoint::dispersion)
}

/// Messages that were late at some peer.
fn late_deliveries(evidence: &Evidence<'_>) -> Vec<Violation> {
    let Some(most) = evidence.scenario.limits.delay_max else { return Vec::new() };
    let slowest = evidence.measures.messages.iter().filter_map(|it| Some((it, *it.delays.last()?)));
    let violation = |(message, found): (&MessageMeasure, Duration)| {
        let id = message.id;
        let what = format!("message {id} took {found:?} to the last peer, {most:?} is asked");
        Violation::at(message.origin.host, message.sent, what)
    };
    slowest.filter(|(_, found)| *found > most).map(violation).collect()
}

/// Messages of peers that are never paused, late at others of their kind.
fn slowed_messages(evidence: &Evidence<'_>) -> Vec<Violation> {
    let Some(most) = evidence.scenario.limits.others_coverage_100_max else { return Vec::new() };
    let messages = evidence.measures.messages.iter().filter(|it| !it.died_with_origin);
    let late = messages.filter_map(|it| Some((it, it.others.filter(|found| *found > most)?)));
    let violation = |(message, found): (&MessageMeasure, Duration)| {
        let found = match found {
            Duration::MAX => "never reached some of the peers".to_owned(),
            found => format!("took {found:?} to reach all peers"),
        };
        let id = message.id;
        let what = format!("message {id} {found} that are never paused, {most:?} is asked");
        Violation::at(message.origin.host, message.sent, what)
    };
    late.map(violation).collect()
}

fn recovery(evidence: &Evidence<'_>) -> Vec<Violation> {
    let (limits, recovery) = (&evidence.scenario.limits, evidence.measures.recovery);
    let asked = [
        ("all peers are in one component", recovery.one_component, limits.one_component_max),
        ("all peers are registered with a quorum", recovery.quorum, limits.quorum_max),
    ];
    let violation = |(what, found, most): (&str, Option<Duration>, Option<Duration>)| {
        let most = most.filter(|most| found.is_none_or(|found| found > *most))?;
        let since = recovery.since;
        let found = found.map_or_else(|| "never".to_owned(), |found| format!("after {found:?}"));
        let what = format!("{what} {found} since the last fault at {since:?}, {most:?} is asked");
        Some(Violation::everywhere(what))
    };
    asked.into_iter().filter_map(violation).collect()
}

/// A death that its host's restart cut short was never to be found.
fn is_late(death: &DeathMeasure, most: Duration) -> bool {
    !death.is_cut_short()
        && death.seed_nodes > 0
        && death.all_seed_nodes.is_none_or(|found| found > most)
}
