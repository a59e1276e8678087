//! HyParView (Leitão, Pereira and Rodrigues, DSN 2007, §5) on the event engine, by `core` itself: the
//! overlay after fifty cycles, and what a flood over it reaches when most peers die at once.
//!
//! Two things are not as in the paper. Newcomers join at a peer that a seed node names, and not all at
//! one. And a dead peer's machine resets its connections, so that all its neighbors notice at once and
//! not when they send: this is the variant "TCP" of the published plateau.

use std::time::Duration;

use super::benchmark::{Benchmark, Claim, Target, Tolerance};
use super::models::{mean, number};
use super::prepared::ONE_RUN;
use super::{Effort, Setup};
use crate::history::History;
use crate::measure::Measures;
use crate::measure::adjacency::Adjacency;
use crate::measure::overlay::{self, OverlayPoint};
use crate::measure::shape::{Shape, shape};
use crate::measure::spread::MessageMeasure;
use crate::report::to_float;
use crate::sweep::Seeds;

const SCENARIO: &str = "hyparview";

/// When the peers die, fifty cycles after the beginning.
const FAILURE: Duration = Duration::from_secs(5009);

/// Between two shuffles of a peer.
const CYCLE: Duration = Duration::from_secs(100);

/// A flood is over by then: what comes later was caught up with.
const FLOOD: Duration = Duration::from_secs(1);

/// What makes the paper's set-up ours: more known peers, and seed nodes as the last resort.
const OURS: [&str; 3] = ["passive_view=60", "isolated_retry=2s", "refresh=30s"];

/// The overlay after fifty cycles.
pub(super) fn overlay(setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
    let peers = setup.peers();
    // One peer dies at the end: the shape is that of all others, just before.
    let prepared = setup.sized(SCENARIO, &["fault.0.share=1"])?.until(FAILURE);
    let shapes = prepared.run(ONE_RUN, see_shape)?;
    let ours = |of: fn(&(OverlayPoint, Shape)) -> f64| mean(shapes.iter().map(of));
    let claim = |id| Claim {
        id,
        experiment: format!("HyParView, {peers} peers, 50 cycles, event engine"),
        source: "HyParView, DSN 2007, §5.2, Table 1, Fig. 5",
    };
    let case = &*format!("N={peers}");
    let (links, clustering) = (claim("B1"), claim("B2"));
    let at_five = |(point, _): &(OverlayPoint, Shape)| {
        let five = point.degrees.iter().filter(|degree| **degree == 5).count();
        100.0 * number(five) / number(point.peers)
    };
    let connected =
        |(point, _): &(OverlayPoint, Shape)| 100.0 * number(point.largest) / number(point.peers);
    let mut benchmarks = vec![
        nearness(setup)?,
        links
            .benchmark(
                (case, "peers with 5 links, %"),
                ("almost all", 100.0),
                Tolerance::AtLeast(99.5),
                ours(at_five),
            )
            .with_target(Target::AtLeast(99.9)),
        links.benchmark(
            (case, "peers in one component, %"),
            100.0,
            Tolerance::AtLeast(100.0),
            ours(connected),
        ),
        clustering
            .benchmark(
                (case, "clustering coefficient, x 10,000 / N"),
                0.000_92,
                Tolerance::AtMost(0.000_92),
                // It falls with one over the number of peers.
                ours(|(_, it)| it.clustering) * number(peers) / 10_000.0,
            )
            .with_target(Target::AtMost(0.000_5)),
    ];
    if setup.effort == Effort::Full {
        benchmarks.push(links.benchmark(
            (case, "average shortest path"),
            6.385_42,
            Tolerance::Within(0.05),
            ours(|(_, it)| it.mean_path),
        ));
        benchmarks.push(links.benchmark(
            (case, "sum of active views"),
            49_983.0,
            Tolerance::Within(30.0),
            ours(|(point, _)| number(point.degrees.iter().sum())),
        ));
    }
    Ok(benchmarks)
}

/// How much sooner a flood is there if two of five links are near. Each pair of peers has its own
/// latency.
fn nearness(setup: &Setup<'_>) -> anyhow::Result<Benchmark> {
    let mean_way = |near: &str| -> anyhow::Result<f64> {
        let pairs = ["link.draw=pair", "fault.0.share=1", "liveness_every=50s", near];
        let changes = [&pairs[..], &OURS].concat();
        let prepared = setup.sized(SCENARIO, &changes)?.until(FAILURE + FLOOD * 10);
        Ok(mean(prepared.run(ONE_RUN, see_mean_delay)?.into_iter()))
    };
    let (random, near) = (mean_way("near_links=0")?, mean_way("near_links=2")?);
    let claim = Claim {
        id: "B1",
        experiment: format!("HyParView with near links, {} peers, 50 cycles", setup.peers()),
        source: "docs/papers.md: X-BOT, SRDS 2009, gives links of half the cost",
    };
    let metric = ("ours, 2 near links", "mean delay of a flood, % of that without");
    let benchmark = claim.benchmark(
        metric,
        ("our own without", 100.0),
        Tolerance::AtMost(80.0),
        100.0 * near / random,
    );
    Ok(benchmark.with_target(Target::AtMost(75.0)))
}

/// In milliseconds, over all messages and peers; who was not reached counts as late as floods last.
fn see_mean_delay(measures: &Measures, _: &History) -> f64 {
    let delays = measures.messages.iter().flat_map(|message| {
        let missing = usize::try_from(message.eligible).unwrap_or(0) - message.delays.len();
        message.delays.iter().copied().chain(std::iter::repeat_n(FLOOD, missing))
    });
    mean(delays.map(|delay| delay.as_secs_f64() * 1000.0))
}

fn see_shape(_: &Measures, history: &History) -> (OverlayPoint, Shape) {
    let before = history.samples.iter().rfind(|it| it.at < FAILURE).unwrap_or(&history.last);
    (overlay::point(before), shape(&Adjacency::of(before)))
}

/// What a massive failure does to the messages after it, in percent of live peers.
struct Reliability {
    /// Of the message said at the moment of the failure.
    first: f64,
    /// Mean of all.
    mean: f64,
}

/// Published and ours for a share of dead peers: the share, what was published, the tolerance, the
/// target if there is one.
type Row = (u8, f64, Tolerance, Option<f64>);

const PLATEAU: &[Row] = &[
    (50, 100.0, Tolerance::AtLeast(99.5), None),
    (80, 100.0, Tolerance::AtLeast(99.5), None),
    (90, 100.0, Tolerance::AtLeast(98.5), None),
    (95, 90.8, Tolerance::Within(3.0), None),
];

const PLATEAU_OURS: &[Row] = &[
    (80, 100.0, Tolerance::AtLeast(99.5), None),
    (90, 100.0, Tolerance::AtLeast(98.5), Some(99.9)),
    (95, 90.8, Tolerance::AtLeast(87.8), Some(99.0)),
];

/// Of 60 and 80 % dead the best of the published curves is what must be reached, or the target itself
/// where hardly anything was.
const FIRST: &[Row] = &[
    (40, 98.7, Tolerance::AtLeast(93.7), None),
    (50, 95.0, Tolerance::AtLeast(90.0), None),
    (60, 84.0, Tolerance::AtLeast(84.0), Some(99.0)),
    (80, 0.0, Tolerance::AtLeast(95.0), Some(95.0)),
];

/// Messages right after a massive failure: the plateau (B3) and the first one (B4).
pub(super) fn massive_failure(setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
    let mut benchmarks = Vec::new();
    for &row in PLATEAU {
        // The fewer are left, the more runs differ: with 95 % dead 73 to 100 % are reached of 1,000
        // peers (64 runs: a mean of 90.0, with a standard error of 0.8), and 89 to 94 % of 10,000.
        let last = match row.0 {
            95 => setup.effort.pick(64, 4),
            90 => setup.effort.pick(8, 4),
            _ => 1,
        };
        let seen = fail(setup, row.0, &[], Seeds { first: 1, last })?;
        benchmarks.push(plateau(setup, "paper", row, &seen));
    }
    let (mut means, mut firsts) = (Vec::new(), Vec::new());
    for dead in [40, 50, 60, 80, 90, 95] {
        let of = |rows: &'static [Row]| rows.iter().find(|row| row.0 == dead);
        let seen = fail(setup, dead, &OURS, ONE_RUN)?;
        means.extend(of(PLATEAU_OURS).map(|&row| plateau(setup, "ours", row, &seen)));
        firsts.extend(of(FIRST).map(|&row| first(setup, row, &seen)));
    }
    benchmarks.append(&mut means);
    benchmarks.append(&mut firsts);
    Ok(benchmarks)
}

fn plateau(setup: &Setup<'_>, who: &str, row: Row, seen: &[Reliability]) -> Benchmark {
    let peers = setup.peers();
    let claim = Claim {
        id: "B3",
        experiment: format!("100 floods in 5 s over HyParView ({who}), {peers} peers, reset"),
        source: "HyParView, DSN 2007, §5.3, Fig. 2",
    };
    let case = format!("{who}, {} % dead", row.0);
    benchmark_of(&claim, row, (&case, "mean reliability, %"), mean(seen.iter().map(|it| it.mean)))
}

fn first(setup: &Setup<'_>, row: Row, seen: &[Reliability]) -> Benchmark {
    let claim = Claim {
        id: "B4",
        experiment: format!("first flood after the failure, {} peers", setup.peers()),
        source: "HyParView, DSN 2007, Fig. 3; Plumtree, SRDS 2007, Fig. 6a",
    };
    let case = format!("ours, {} % dead", row.0);
    benchmark_of(&claim, row, (&case, "reliability of it, %"), mean(seen.iter().map(|it| it.first)))
}

fn benchmark_of(claim: &Claim, row: Row, name: (&str, &str), ours: f64) -> Benchmark {
    let (_, published, tolerance, target) = row;
    let benchmark = claim.benchmark(name, published, tolerance, ours);
    Benchmark { target: target.map(Target::AtLeast), ..benchmark }
}

fn fail(
    setup: &Setup<'_>,
    dead: u8,
    changes: &[&str],
    seeds: Seeds,
) -> anyhow::Result<Vec<Reliability>> {
    let share = format!("fault.0.share={dead}");
    let changes = [&[&*share], changes].concat();
    let prepared = setup.sized(SCENARIO, &changes)?.until(FAILURE + CYCLE / 4);
    prepared.run(seeds, see_reliability)
}

fn see_reliability(measures: &Measures, _: &History) -> Reliability {
    let all: Vec<f64> = after_failure(measures).map(|(_, reached)| reached).collect();
    Reliability { first: all.first().copied().unwrap_or(f64::NAN), mean: mean(all.iter().copied()) }
}

/// Messages said after the failure: when, counted from it, and how many of the live peers a flood, and
/// what its receivers pulled in the same moment, reached, in percent.
fn after_failure(measures: &Measures) -> impl Iterator<Item = (Duration, f64)> + '_ {
    let messages = measures.messages.iter().filter(|it| it.sent >= FAILURE && it.eligible > 0);
    let reached =
        |it: &MessageMeasure| 100.0 * to_float(it.reached_within(FLOOD)) / to_float(it.eligible);
    messages.map(move |it| (it.sent.saturating_sub(FAILURE), reached(it)))
}

/// Ten messages in each of six cycles after the failure.
const TEN_PER_CYCLE: [&str; 2] = ["every=10s", "between=5009s..5608s"];

/// Cycles until all live peers are reached again (B5): the first whose ten messages all reach them.
pub(super) fn healing(setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
    let claim = Claim {
        id: "B5",
        experiment: format!(
            "10 floods per cycle over HyParView (ours), {} peers, reset",
            setup.peers()
        ),
        source: "HyParView, DSN 2007, §5.4, Fig. 4",
    };
    let rows: &[(u8, f64, f64)] =
        setup.effort.pick(&[(80, 2.0, 1.0)], &[(60, 1.0, 1.0), (80, 2.0, 1.0), (90, 4.0, 2.0)]);
    let mut benchmarks = Vec::new();
    for &(dead, published, target) in rows {
        let share = format!("fault.0.share={dead}");
        let changes = [&[&*share], &OURS[..], &TEN_PER_CYCLE].concat();
        let prepared = setup.sized(SCENARIO, &changes)?.until(FAILURE + CYCLE * 6);
        let ours = mean(prepared.run(ONE_RUN, see_healing)?.into_iter());
        let case = format!("ours, {dead} % dead");
        let metric = "cycles until all live peers are reached again";
        let benchmark =
            claim.benchmark((&case, metric), published, Tolerance::AtMost(published + 1.0), ours);
        benchmarks.push(benchmark.with_target(Target::AtMost(target)));
    }
    Ok(benchmarks)
}

/// NaN if it took longer than was watched.
fn see_healing(measures: &Measures, _: &History) -> f64 {
    let healed = (0..6_u32).find(|cycle| {
        let span = CYCLE * *cycle..CYCLE * (*cycle + 1);
        let mut own = after_failure(measures).filter(|(after, _)| span.contains(after));
        own.all(|(_, reached)| reached >= 100.0)
    });
    healed.map_or(f64::NAN, |cycle| f64::from(cycle) + 1.0)
}
