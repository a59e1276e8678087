//! The modern profile where other libraries were measured, on the event engine: iroh-gossip in its own
//! simulator, GossipSub v1.1 in its report.

use std::time::Duration;

use super::benchmark::{Benchmark, Claim, Target, Tolerance};
use super::models::mean;
use super::prepared::ONE_RUN;
use super::{Effort, Setup};
use crate::history::History;
use crate::measure::Measures;
use crate::measure::quantile::quantile;
use crate::measure::spread::MessageMeasure;
use crate::report::to_float;
use crate::sweep::Seeds;

const SCENARIO: &str = "rivals";

fn seeds(effort: Effort) -> Seeds {
    Seeds { first: 1, last: effort.pick(3, 4) }
}

/// What a run gives: means over its messages.
struct Seen {
    redundancy: f64,
    last_hop: f64,
    /// Milliseconds until the last peer had one.
    last: f64,
    /// Milliseconds by which 99 % of all deliveries had been made.
    p99: f64,
    /// Deliveries made of those expected, in percent.
    reached: f64,
}

/// All messages, the first ones too: they build the trees.
fn see(measures: &Measures, _: &History) -> Seen {
    see_from(Duration::ZERO, measures)
}

/// Messages said from then on.
fn see_from(begin: Duration, measures: &Measures) -> Seen {
    let messages: Vec<&MessageMeasure> =
        measures.messages.iter().filter(|it| it.sent >= begin).collect();
    let sum = |of: fn(&MessageMeasure) -> u64| to_float(messages.iter().map(|it| of(it)).sum());
    let millis = |delay: &Duration| delay.as_secs_f64() * 1000.0;
    let mut delays: Vec<Duration> = messages.iter().flat_map(|it| &it.delays).copied().collect();
    delays.sort_unstable();
    let last = messages.iter().filter_map(|it| it.delays.last()).map(millis);
    Seen {
        redundancy: sum(|it| it.copies) / sum(|it| it.receipts) - 1.0,
        last_hop: mean(messages.iter().map(|it| f64::from(it.last_hop))),
        last: mean(last),
        p99: quantile(&delays, 99).as_ref().map_or(f64::NAN, millis),
        reached: 100.0 * sum(|it| it.reached) / sum(|it| it.eligible),
    }
}

fn average(seen: &[Seen], of: fn(&Seen) -> f64) -> f64 {
    mean(seen.iter().map(of))
}

/// A setting of B21.
#[derive(Clone, Copy)]
struct Rival {
    case: &'static str,
    changes: &'static [&'static str],
    redundancy: f64,
    /// In milliseconds.
    last: f64,
    last_hop: Option<f64>,
    /// Of the redundancy, and of the last delivery.
    targets: Option<[f64; 2]>,
}

const SINGLE: Rival = Rival {
    case: "single N=1000",
    changes: &["workload.sources=1"],
    redundancy: 0.07,
    last: 361.0,
    last_hop: Some(13.0),
    targets: None,
};

const MULTI: Rival = Rival {
    case: "multi N=1000",
    changes: &[],
    redundancy: 0.42,
    last: 606.0,
    last_hop: Some(20.7),
    targets: Some([0.15, 260.0]),
};

/// Most near links are chosen by then.
const NEAR: [&str; 3] = ["near_links=2", "workload.between=130s..229s", "duration=540s"];

const MULTI_NEAR: Rival =
    Rival { case: "multi N=1000, 2 near links, after 2 min", changes: &NEAR, ..MULTI };

const LARGE: Rival = Rival {
    case: "multi N=10000",
    changes: &["network.peers=10000"],
    redundancy: 0.33,
    last: 1084.0,
    last_hop: None,
    targets: Some([0.33, 350.0]),
};

const LARGE_NEAR: Rival = Rival {
    case: "multi N=10000, 2 near links, after 2 min",
    changes: &["network.peers=10000", NEAR[0], NEAR[1], NEAR[2]],
    ..LARGE
};

/// iroh-gossip 2ce78af: 10 to 50 ms links, a new random source per message (B21).
pub(super) fn iroh(setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
    let quick = &[SINGLE, MULTI, MULTI_NEAR][..];
    let rivals = setup.effort.pick(quick, &[SINGLE, MULTI, MULTI_NEAR, LARGE, LARGE_NEAR]);
    let benchmarks = rivals.iter().map(|rival| compare(setup, rival));
    Ok(benchmarks.collect::<anyhow::Result<Vec<_>>>()?.concat())
}

fn compare(setup: &Setup<'_>, rival: &Rival) -> anyhow::Result<Vec<Benchmark>> {
    let &Rival { case, changes, redundancy, last, last_hop, targets } = rival;
    let claim = Claim {
        id: "B21",
        experiment: "modern profile, 100 messages, 10 to 50 ms per pair".to_owned(),
        source: "iroh-gossip 2ce78af, its simulator",
    };
    let seen = setup.prepare(SCENARIO, changes)?.run(seeds(setup.effort), see)?;
    let benchmark = |metric, published, of: fn(&Seen) -> f64| {
        let ours = average(&seen, of);
        claim.benchmark((case, metric), published, Tolerance::AtMost(published), ours)
    };
    let mut benchmarks = vec![
        benchmark("RMR", redundancy, |it| it.redundancy),
        benchmark("last delivery, mean ms", last, |it| it.last),
    ];
    if let Some(targets) = targets {
        let aimed = benchmarks.into_iter().zip(targets);
        benchmarks = aimed
            .map(|(benchmark, target)| benchmark.with_target(Target::AtMost(target)))
            .collect();
    }
    let hops = last_hop.map(|most| benchmark("last delivery hop, mean", most, |it| it.last_hop));
    benchmarks.extend(hops);
    Ok(benchmarks)
}

/// Of B19: the warm-up, in which each source has said fifteen messages.
const WARM: Duration = Duration::from_secs(45);

/// GossipSub v1.1: 1,000 peers of 20 connections, 50 ms links, 100 sources, messages of 2 KB, after a
/// warm-up (B19). 100 a second, where 120 were published: a workload has 10 ms between two at least.
pub(super) fn gossipsub(setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
    let claim = Claim {
        id: "B19",
        experiment: "modern profile, 100 sources, 100 messages of 2 KB a second, 50 ms, warm"
            .to_owned(),
        source: "PL-TechRep-2020-001, baseline",
    };
    let window = setup.effort.pick("between=30s..48s", "between=30s..90s");
    let changes = [
        "latency=45ms..55ms",
        "workload.sources=100",
        "every=10ms",
        window,
        "size=2048",
        "active_view=20",
        "trees=128",
    ];
    let prepared = setup.prepare(SCENARIO, &changes)?.until(Duration::from_mins(2));
    let seen = prepared.run(ONE_RUN, |measures, _| see_from(WARM, measures))?;
    let case = "20 neighbors";
    Ok(vec![
        claim.benchmark(
            (case, "delivered, %"),
            100.0,
            Tolerance::AtLeast(100.0),
            average(&seen, |it| it.reached),
        ),
        claim
            .benchmark((case, "p99 of deliveries, ms"), 165.0, Tolerance::AtMost(165.0), {
                average(&seen, |it| it.p99)
            })
            .with_target(Target::AtMost(165.0)),
        claim
            .benchmark(
                (case, "RMR"),
                ("3 to 6", 6.0),
                Tolerance::AtMost(6.0),
                average(&seen, |it| it.redundancy),
            )
            .with_target(Target::AtMost(1.0)),
    ])
}
