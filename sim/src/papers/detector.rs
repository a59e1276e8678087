//! SWIM (Das, Gupta and Motivala, DSN 2002, §5) on the event engine, by `core` itself: how soon a crash
//! is noticed, at what load, and how soon everybody knows.
//!
//! Members probe in phases of their own, so the time to the first probe of a crashed one is
//! exponential with a mean of one period. The paper counts whole periods: so do we, and the mean is
//! e / (e - 1) again.

use std::time::Duration;

use super::benchmark::{Benchmark, Claim, Target, Tolerance};
use super::models::{mean, number};
use super::{Effort, Setup};
use crate::history::{End, History};
use crate::measure::Measures;
use crate::sweep::Seeds;

const SCENARIO: &str = "swim";

/// `probe_every` and `probe_timeout` of the scenario.
const PERIOD: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_millis(200);

/// Neighbors are probed instead of all members, as the modern profile has it.
const OURS: [&str; 4] =
    ["overlay=hyparview", "monitor=neighbors", "shuffle_every=100s", "isolated_retry=1h"];

fn seeds(effort: Effort) -> Seeds {
    Seeds { first: 1, last: effort.pick(10, 40) }
}

/// What the crashes of a run give, in periods.
struct Seen {
    /// From the crash until the first probe was sent that failed.
    first: Vec<f64>,
    /// From the first peer that held it dead to the median one.
    spread: Vec<f64>,
    /// Pings and answers that a member sent in a period of the calm.
    load: f64,
}

fn see(measures: &Measures, history: &History) -> Seen {
    let crashed = history.lives.iter().filter_map(|(life, span)| match span.ended {
        Some((at, End::Crashed(_))) => Some((history.first_suspected.get(life)?, at)),
        _ => None,
    });
    let first = crashed.map(|(suspected, at)| periods(suspected.saturating_sub(at + TIMEOUT)));
    let spread = measures.dead_verdicts.iter().filter_map(|it| Some((it.median?, it.first?)));
    Seen {
        first: first.collect(),
        spread: spread.map(|(median, first)| periods(median.saturating_sub(first))).collect(),
        load: load(history),
    }
}

fn periods(time: Duration) -> f64 {
    time.as_secs_f64() / PERIOD.as_secs_f64()
}

/// Pings and their answers per member and period in the second half of the run, when nobody dies.
fn load(history: &History) -> f64 {
    let all = &history.traffic;
    let (Some(from), Some(to)) = (all.get(all.len() / 2), all.last()) else { return f64::NAN };
    let messages = u32::try_from(2 * (to.pings - from.pings)).map_or(f64::NAN, f64::from);
    let members = u32::try_from(to.nodes).map_or(f64::NAN, f64::from);
    messages / members / periods(to.at.saturating_sub(from.at))
}

/// First detection (B11), load (B12) and dissemination (B13).
pub(super) fn detection(setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
    let run = |changes: &[&str]| setup.prepare(SCENARIO, changes)?.run(seeds(setup.effort), see);
    let (paper, ours) = (run(&[])?, run(&OURS)?);
    let claim = |id, source| Claim {
        id,
        experiment: "SWIM, 128 members, 30 silent crashes per run, event engine".to_owned(),
        source,
    };
    let first = claim("B11", "SWIM, DSN 2002, §3.1");
    let load = claim("B12", "SWIM, DSN 2002, Fig. 2");
    let infection = claim("B13", "SWIM, DSN 2002, Fig. 3");
    let e = 1.0 / (1.0 - libm::exp(-1.0));
    let whole = |seen: &[Seen]| mean(seen.iter().flat_map(|it| &it.first).map(|it| it.ceil()));
    let exact = |seen: &[Seen]| mean(seen.iter().flat_map(|it| &it.first).copied());
    let spread = |seen: &[Seen]| mean(seen.iter().flat_map(|it| &it.spread).copied());
    let loads = |seen: &[Seen]| mean(seen.iter().map(|it| it.load));
    let crashes = number(paper.iter().map(|it| it.first.len()).sum());
    let room = 0.08_f64.max(3.0 * 0.92 / crashes.sqrt());
    Ok(vec![
        first.benchmark(
            ("members", "first detection, mean whole periods"),
            ("e / (e - 1)", e),
            Tolerance::Within(room),
            whole(&paper),
        ),
        first
            .benchmark(
                ("ours, neighbors", "first detection, mean periods"),
                ("e / (e - 1)", e),
                Tolerance::AtMost(e),
                exact(&ours),
            )
            .with_target(Target::AtMost(1.0)),
        load.benchmark(
            ("ours, neighbors", "pings and answers sent per member and period"),
            2.0,
            Tolerance::AtMost(2.1),
            loads(&ours),
        ),
        infection
            .benchmark(
                ("ours, neighbors", "infection time of the median member, periods"),
                ("2.25 to 3.0", 3.0),
                Tolerance::AtMost(3.0),
                spread(&ours),
            )
            .with_target(Target::AtMost(1.0)),
    ])
}
