//! How the news of a death gets to everybody, where peers tell each other (detector `swim`), and which
//! live peers were held dead.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{End, History, Life};
use crate::scenario::{Death, Scenario};

/// What peers came to hold of one life: that it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObituaryMeasure {
    /// Whose life.
    pub subject: Life,
    /// When it died, in simulated time, and how; `None` if it lived.
    pub died: Option<(Duration, Death)>,
    /// Peers that were there when it died and lived to the end.
    pub live: usize,
    /// Those of them that heard of it.
    pub heard: usize,
    /// Time until the first peer held it dead.
    pub first: Option<Duration>,
    /// Time until half of the live peers did.
    pub median: Option<Duration>,
    /// Time until all of them did.
    pub all: Option<Duration>,
    /// Peers that held it dead while it lived and nothing kept it from anybody.
    pub false_holders: u64,
    /// The same after something had.
    pub cut_off_holders: u64,
}

/// Measures all deaths of peers of which any peer heard, and all live peers that were held dead.
pub fn measure(scenario: &Scenario, history: &History) -> Vec<ObituaryMeasure> {
    let crashed = history.lives.iter().filter_map(|(life, span)| match span.ended {
        Some((at, End::Crashed(death))) if life.host.is_peer() => Some((*life, (at, death))),
        _ => None,
    });
    let crashed: BTreeMap<Life, (Duration, Death)> =
        crashed.filter(|_| !history.obituaries.is_empty()).collect();
    let mut subjects: Vec<Life> =
        history.obituaries.keys().chain(crashed.keys()).copied().collect();
    subjects.sort_unstable();
    subjects.dedup();
    let measures = subjects.into_iter().filter_map(|subject| {
        let heard = history.obituaries.get(&subject).map(Vec::as_slice).unwrap_or_default();
        let ended = history.lives.get(&subject)?.ended;
        // Who is told that a peer left knows as much as it needs.
        let died = crashed.get(&subject).copied();
        (died.is_some() || ended.is_none()).then(|| one(scenario, history, (subject, died), heard))
    });
    measures.filter(|it| it.died.is_some() || it.false_holders + it.cut_off_holders > 0).collect()
}

fn one(
    scenario: &Scenario,
    history: &History,
    (subject, died): (Life, Option<(Duration, Death)>),
    heard: &[(Life, Duration)],
) -> ObituaryMeasure {
    let is_true = |at: Duration| died.is_some_and(|(death, _)| death <= at);
    let (mut false_holders, mut cut_off_holders) = (0, 0);
    for (_, at) in heard.iter().filter(|(_, at)| !is_true(*at)) {
        let from = at.saturating_sub(scenario.convergence_bound());
        // A verdict travels: who holds it may have been together with its subject all the time.
        if history.kept_from_some(subject.host, from, *at) {
            cut_off_holders += 1;
        } else {
            false_holders += 1;
        }
    }
    let death = died.map_or(Duration::MAX, |(at, _)| at);
    let was_there = |life: &Life| {
        let span = history.lives.get(life);
        span.is_some_and(|it| it.joined.is_some_and(|at| at <= death) && it.ended.is_none())
    };
    let mut delays: BTreeMap<Life, Duration> = BTreeMap::new();
    for (holder, at) in heard.iter().filter(|(holder, at)| is_true(*at) && was_there(holder)) {
        delays.entry(*holder).or_insert_with(|| at.saturating_sub(death));
    }
    let mut times: Vec<Duration> = delays.into_values().collect();
    times.sort_unstable();
    let live = history.lives.keys().filter(|life| life.host.is_peer() && was_there(life)).count();
    let live = if died.is_some() { live } else { 0 };
    ObituaryMeasure {
        subject,
        died,
        live,
        heard: times.len(),
        first: times.first().copied(),
        median: times.get(live.saturating_sub(1) / 2).copied(),
        all: times.last().copied().filter(|_| times.len() == live),
        false_holders,
        cut_off_holders,
    }
}
