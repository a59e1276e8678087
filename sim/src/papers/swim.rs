//! The formulas of SWIM (Das, Gupta and Motivala, DSN 2002), from models of a synchronous detector:
//! what an implementation is to be measured against.

use super::Effort;
use super::benchmark::{Benchmark, Claim, Tolerance};
use super::models::infection::infection_times;
use super::models::probe::Probe;
use super::models::probing::{Choice, first_probe};
use super::models::{mean, number, repeat};
use crate::measure::quantile::median;

/// Members of the detector's model.
const MEMBERS: usize = 128;

/// Crashes of each mean: its standard error is at most 0.02 periods.
const CRASHES: u32 = 5_000;

/// Periods until a crashed member is first probed.
pub(super) fn detection(_: Effort) -> Vec<Benchmark> {
    let claim = |source| Claim {
        id: "swim-detection",
        experiment: format!("synchronous probes, {MEMBERS} members, {CRASHES} crashes"),
        source,
    };
    let (chosen, listed) = (claim("SWIM, DSN 2002, §3.1"), claim("SWIM, DSN 2002, §4.3"));
    let near = Tolerance::Within(0.08);
    let all = MEMBERS - 1;
    let metric = "first detection, mean periods";
    let mut benchmarks = vec![
        chosen.benchmark(
            ("uniform", metric),
            expected(1.0),
            near,
            mean_periods(all, Choice::Uniform),
        ),
        chosen.benchmark(
            ("uniform, half crashed", metric),
            expected(0.5),
            Tolerance::Relative(0.05),
            mean_periods(MEMBERS / 2, Choice::Uniform),
        ),
        listed.benchmark(
            ("round-robin", metric),
            expected(1.0),
            near,
            mean_periods(all, Choice::RoundRobin),
        ),
    ];
    let bound = number(2 * MEMBERS - 1);
    let worst = periods(1, Choice::RoundRobin).into_iter().max().map_or(f64::NAN, f64::from);
    let names = ("round-robin, one prober", "first detection, most periods");
    benchmarks.push(listed.benchmark(
        names,
        ("2N-1 = 255", bound),
        Tolerance::AtMost(bound),
        worst,
    ));
    benchmarks
}

/// Periods until the first detection, in the mean, where the share `live` (`q_f`) of the members has
/// not crashed before.
fn expected(live: f64) -> f64 {
    1.0 / (1.0 - libm::exp(-live))
}

fn periods(live: usize, choice: Choice) -> Vec<u32> {
    let label = format!("probing, {choice:?}, {live}");
    repeat(&label, CRASHES, |rng| first_probe(MEMBERS, live, choice, rng))
}

fn mean_periods(live: usize, choice: Choice) -> f64 {
    mean(periods(live, choice).into_iter().map(f64::from))
}

/// How often a healthy member is taken for crashed within the time of a first detection.
pub(super) fn false_positives(effort: Effort) -> Vec<Benchmark> {
    let rounds = effort.pick(300, 3_000);
    let claim = Claim {
        id: "B15",
        experiment: format!("probes over links that lose packets, {rounds} times {PROBES}"),
        source: "SWIM, DSN 2002, §3.1",
    };
    let detection = mean_periods(MEMBERS - 1, Choice::Uniform);
    let mut benchmarks = Vec::new();
    for (arrives, helpers) in [(0.95, 1), (0.90, 1), (0.95, 3), (0.90, 3)] {
        let probe = Probe { arrives, helpers };
        let case = format!("q_ml={arrives}, K={helpers}");
        let ours = failing(&case, &probe, rounds) * detection;
        let names = (case.as_str(), "P(false positive) per member");
        benchmarks.push(claim.benchmark(
            names,
            probe.false_positives(),
            Tolerance::Relative(0.1),
            ours,
        ));
    }
    benchmarks
}

/// Probes of a round.
const PROBES: u32 = 10_000;

/// The share of probes of a healthy member that fail. Each member sends one per period, and so gets
/// one in the mean.
fn failing(label: &str, probe: &Probe, rounds: u32) -> f64 {
    let round = |rng: &mut _| (0..PROBES).filter(|_| probe.fails(rng)).count();
    mean(repeat(label, rounds, round).into_iter().map(number)) / f64::from(PROBES)
}

/// How updates spread on pings and acks.
pub(super) fn infection(effort: Effort) -> Vec<Benchmark> {
    let runs = effort.pick(500, 2_000);
    let claim = |source| Claim {
        id: "swim-infection",
        experiment: format!("updates on pings and acks, phases of their own, {runs} runs"),
        source,
    };
    let figure = claim("SWIM, DSN 2002, §5");
    let mut benchmarks = Vec::new();
    for (members, published) in [(6, 1.05), (56, 2.25)] {
        let times = repeat(&format!("infection, {members}"), runs, |rng| {
            infection_times(members, true, rng)
        });
        // The figure's points for one size lie up to a period apart.
        let median = mean(times.iter().filter_map(|times| median(times)));
        let names = (&*format!("N={members}"), "infection time of the median member, periods");
        benchmarks.push(figure.benchmark(names, published, Tolerance::Within(0.5), median));
    }
    let members = 1000;
    let left = repeat("infection, law", runs, |rng| left(members, rng));
    let left = mean(left.into_iter().map(number));
    let names = (&*format!("N={members}, ln N periods"), "members not yet infected");
    let law = claim("SWIM, DSN 2002, §4.1");
    benchmarks.push(law.benchmark(names, ("about 1", 1.0), Tolerance::AtMost(1.0), left));
    benchmarks
}

/// Members that do not know an update after ln N periods; by the paper's law N^-(2L-2) after L ln N.
fn left(members: usize, rng: &mut rand_chacha::ChaCha8Rng) -> usize {
    let end = libm::log(number(members));
    infection_times(members, true, rng).into_iter().filter(|time| *time > end).count()
}
