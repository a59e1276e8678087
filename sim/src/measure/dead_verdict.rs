//! How the news of a death gets to everybody, where peers tell each other (detector `swim`), and which
//! live peers were held dead.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::history::{End, History, Life};
use crate::measure::quantile::median;
use crate::scenario::{Death, Scenario};

/// What peers came to hold of one life: that it is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadVerdictMeasure {
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
    /// Median over the live peers of the time until each did; `None` if too few did.
    pub median: Option<Duration>,
    /// Time until all of them did.
    pub all: Option<Duration>,
    /// Peers that held it dead while it lived and nothing kept it from anybody.
    pub false_holders: u64,
    /// The same after something had.
    pub cut_off_holders: u64,
}

/// Measures all deaths of peers of which any peer heard, and all live peers that were held dead.
pub fn measure(scenario: &Scenario, history: &History) -> Vec<DeadVerdictMeasure> {
    let crashed = history.lives.iter().filter_map(|(life, span)| match span.ended {
        Some((at, End::Crashed(death))) if life.host.is_peer() => Some((*life, (at, death))),
        _ => None,
    });
    let crashed: BTreeMap<Life, (Duration, Death)> =
        crashed.filter(|_| !history.dead_verdicts.is_empty()).collect();
    let mut subjects: Vec<Life> =
        history.dead_verdicts.keys().chain(crashed.keys()).copied().collect();
    subjects.sort_unstable();
    subjects.dedup();
    let measures = subjects.into_iter().filter_map(|subject| {
        let heard = history.dead_verdicts.get(&subject).map(Vec::as_slice).unwrap_or_default();
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
) -> DeadVerdictMeasure {
    let is_true = |at: Duration| died.is_some_and(|(death, _)| death <= at);
    let (mut false_holders, mut cut_off_holders) = (0, 0);
    for (_, at) in heard.iter().filter(|(_, at)| !is_true(*at)) {
        let from = at.saturating_sub(scenario.convergence_bound());
        // A verdict travels: who holds it may have been together with its subject all the time.
        if history.was_isolated(subject.host, from, *at) {
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
    DeadVerdictMeasure {
        subject,
        died,
        live,
        heard: times.len(),
        first: times.first().copied(),
        median: median_of(&times, live),
        all: times.last().copied().filter(|_| times.len() == live),
        false_holders,
        cut_off_holders,
    }
}

/// The median time of `live` peers, of which those that heard are in `times`, sorted.
fn median_of(times: &[Duration], live: usize) -> Option<Duration> {
    let never = std::iter::repeat_n(Duration::MAX, live.saturating_sub(times.len()));
    let all: Vec<Duration> = times.iter().copied().chain(never).collect();
    median(&all).filter(|time| *time != Duration::MAX)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tidings_core::BootEpoch;

    use super::*;
    use crate::event_world;
    use crate::fault::{Fault, FaultSchedule, Scheduled};
    use crate::host::HostId;
    use crate::scenario::load;

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn peer(n: u32) -> Life {
        Life { host: HostId::peer(n), epoch: BootEpoch(1) }
    }

    /// Four peers that joined at 1 s, of whom the last joined at 20 s. The first died at 10 s.
    fn four() -> (Scenario, History) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let changes = ["engine='events'", "fault=[]"].map(str::to_owned);
        let scenario = load(&path, &changes).expect("the small scenario");
        let run = event_world::run(&scenario, 1);
        let mut lives = run.lives.iter().filter(|(life, _)| life.host.is_peer());
        let mut lives: Vec<_> = lives.by_ref().take(4).map(|(_, span)| *span).collect();
        for span in &mut lives {
            (span.joined, span.ended) = (Some(secs(1)), None);
        }
        lives[0].ended = Some((secs(10), End::Crashed(Death::Silent)));
        lives[3].joined = Some(secs(20));
        let lives = (0..).map(peer).zip(lives).collect();
        let schedule = FaultSchedule::default();
        (scenario, History { lives, schedule, dead_verdicts: BTreeMap::new(), ..run })
    }

    fn measured(heard: &[(Life, Life, u64)], faults: Vec<Scheduled>) -> Vec<DeadVerdictMeasure> {
        let (scenario, mut history) = four();
        history.schedule = FaultSchedule { faults };
        for (subject, holder, at) in heard {
            history.dead_verdicts.entry(*subject).or_default().push((*holder, secs(*at)));
        }
        measure(&scenario, &history)
    }

    #[test]
    fn the_times_are_those_of_peers_that_were_there() {
        let dead = peer(0);
        let one = measured(&[(dead, peer(1), 12)], Vec::new());
        let times = |it: &DeadVerdictMeasure| (it.live, it.heard, it.first, it.median, it.all);
        assert_eq!(times(&one[0]), (2, 1, Some(secs(2)), None, None), "one of two");
        let all = [(dead, peer(1), 12), (dead, peer(1), 30), (dead, peer(2), 15)];
        let all = measured(&[&all[..], &[(dead, peer(3), 21)]].concat(), Vec::new());
        let [all] = &all[..] else { panic!("{all:?}") };
        assert_eq!(
            times(all),
            (2, 2, Some(secs(2)), Some(Duration::from_millis(3500)), Some(secs(5)))
        );
        assert_eq!((all.false_holders, all.cut_off_holders), (0, 0));
    }

    #[test]
    fn a_live_peer_held_dead_is_a_false_death_unless_something_kept_it_apart() {
        let cut = [(30, Fault::Pause(peer(2).host)), (31, Fault::Resume(peer(2).host))];
        let cut = cut.map(|(at, fault)| Scheduled { at: secs(at), fault }).to_vec();
        let counts = |faults: &[Scheduled]| {
            let found = measured(&[(peer(2), peer(1), 32), (peer(0), peer(1), 9)], faults.to_vec());
            found.iter().map(|it| (it.false_holders, it.cut_off_holders)).collect::<Vec<_>>()
        };
        assert_eq!(counts(&[]), [(1, 0), (1, 0)], "also who is held dead before it dies");
        assert_eq!(counts(&cut), [(1, 0), (0, 1)]);
    }

    #[test]
    fn a_crash_of_which_nobody_heard_is_measured_only_where_deaths_are_told() {
        assert_eq!(measured(&[], Vec::new()), []);
        let told = measured(&[(peer(2), peer(1), 5)], Vec::new());
        let unheard: Vec<_> = told.iter().map(|it| (it.subject, it.heard, it.all)).collect();
        assert_eq!(unheard, [(peer(0), 0, None), (peer(2), 0, None)]);
    }
}
