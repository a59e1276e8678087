//! HyParView (Leitão, Pereira and Rodrigues, DSN 2007, §5) on the event engine, by `core` itself: the
//! overlay after fifty cycles, and what a flood over it reaches when most peers die at once.
//!
//! Two things are not as in the paper. Newcomers join at a peer that a seed node names, and not all at
//! one. And a dead peer's machine resets its connections, so that all its neighbors notice at once and
//! not when they send: this is the variant "TCP" of the published plateau.

use std::time::Duration;

use super::bar::{Bar, Claim, Target, Tolerance};
use super::models::{mean, number};
use super::{Effort, Setup};
use crate::history::History;
use crate::measure::Measures;
use crate::measure::shape::{Graph, Shape};
use crate::measure::spread::MessageMeasure;
use crate::sweep::Seeds;

const SCENARIO: &str = "hyparview";

/// When the peers die, fifty cycles after the beginning.
const FAILURE: Duration = Duration::from_secs(5009);

/// A flood is over by then: what comes later was caught up with.
const FLOOD: Duration = Duration::from_secs(1);

/// What makes the paper's set-up ours: more known peers, and seed nodes as the last resort.
const OURS: [&str; 3] = ["passive_view=60", "isolated_retry=2s", "refresh=30s"];

fn seeds(effort: Effort) -> Seeds {
    Seeds { first: 1, last: effort.pick(1, 3) }
}

fn peers(effort: Effort) -> usize {
    effort.pick(1_000, 10_000)
}

fn sized(effort: Effort, more: &[&str]) -> Vec<String> {
    let size = format!("network.peers={}", peers(effort));
    [size].into_iter().chain(more.iter().map(|&it| it.to_owned())).collect()
}

/// The overlay after fifty cycles.
pub(super) fn overlay(setup: &Setup<'_>) -> anyhow::Result<Vec<Bar>> {
    let peers = peers(setup.effort);
    // One peer dies at the very end of the noise: the shape is that of all others.
    let calm = sized(setup.effort, &["fault.0.share=1", "fault.0.at=5400s"]);
    let shapes = setup.stage(SCENARIO, &calm)?.run(seeds(setup.effort), see_shape)?;
    let ours = |of: fn(&Shape) -> f64| mean(shapes.iter().map(of));
    let claim = |id| Claim {
        id,
        experiment: format!("HyParView, {peers} peers, 50 cycles, event engine"),
        source: "HyParView, DSN 2007, §5.2, Table 1, Fig. 5",
    };
    let case = &*format!("N={peers}");
    let (shape, clustering) = (claim("B1"), claim("B2"));
    let at_five =
        |it: &Shape| 100.0 * number(it.degrees.get(&5).copied().unwrap_or(0)) / number(it.peers);
    let connected = |it: &Shape| 100.0 * number(it.largest) / number(it.peers);
    let mut bars = vec![
        shape
            .bar(
                (case, "peers with 5 links, %"),
                ("almost all", 100.0),
                Tolerance::AtLeast(99.5),
                ours(at_five),
            )
            .with_target(Target::AtLeast(99.9)),
        shape.bar(
            (case, "peers in one component, %"),
            100.0,
            Tolerance::AtLeast(100.0),
            ours(connected),
        ),
        clustering
            .bar(
                (case, "clustering coefficient, x 10,000 / N"),
                0.000_92,
                Tolerance::AtMost(0.000_92),
                // It falls with one over the number of peers.
                ours(|it| it.clustering) * number(peers) / 10_000.0,
            )
            .with_target(Target::AtMost(0.000_5)),
    ];
    if setup.effort == Effort::Full {
        bars.push(shape.bar(
            (case, "average shortest path"),
            6.385_42,
            Tolerance::Within(0.05),
            ours(|it| it.mean_path),
        ));
        bars.push(shape.bar(
            (case, "sum of active views"),
            49_983.0,
            Tolerance::Within(30.0),
            ours(|it| number(it.ends)),
        ));
    }
    Ok(bars)
}

fn see_shape(_: &Measures, history: &History) -> Shape {
    // The sample before the one peer in a hundred dies.
    let before = history.samples.iter().rev().find(|it| it.at < Duration::from_mins(90));
    Graph::of(before.unwrap_or(&history.last)).shape()
}

/// What a run after a massive failure gives, in percent.
struct Reliability {
    /// Of the message said at the moment of the failure.
    first: f64,
    /// Mean of the flood of all.
    mean: f64,
    /// Of the last ten.
    last: f64,
}

/// Messages right after a massive failure: the plateau (B3) and the first one (B4).
pub(super) fn massive_failure(setup: &Setup<'_>) -> anyhow::Result<Vec<Bar>> {
    let mut bars = plateau(setup, "paper", &[], PLATEAU)?;
    bars.extend(plateau(setup, "ours", &OURS, PLATEAU_OURS)?);
    bars.extend(first(setup)?);
    Ok(bars)
}

/// Dead, published, tolerance, target.
type Row = (u8, f64, Tolerance, Option<f64>);

const PLATEAU: &[Row] = &[
    (50, 100.0, Tolerance::AtLeast(99.5), None),
    (80, 100.0, Tolerance::AtLeast(99.5), None),
    (90, 100.0, Tolerance::AtLeast(98.5), None),
    (95, 90.8, Tolerance::Within(3.0), None),
];

const PLATEAU_OURS: &[Row] = &[
    (90, 100.0, Tolerance::AtLeast(98.5), Some(99.9)),
    (95, 90.8, Tolerance::AtLeast(87.8), Some(99.0)),
];

fn plateau(
    setup: &Setup<'_>,
    who: &str,
    changes: &[&str],
    rows: &[Row],
) -> anyhow::Result<Vec<Bar>> {
    let claim = Claim {
        id: "B3",
        experiment: format!("flood over HyParView ({who}), {} peers, reset", peers(setup.effort)),
        source: "HyParView, DSN 2007, §5.3, Fig. 2",
    };
    let mut bars = Vec::new();
    for &(dead, published, tolerance, target) in rows {
        let seen = fail(setup, dead, changes)?;
        let case = format!("{who}, {dead} % dead");
        let ours = mean(seen.iter().map(|it| it.mean));
        let bar = claim.bar((&case, "mean reliability, %"), published, tolerance, ours);
        bars.push(match target {
            Some(target) => bar.with_target(Target::AtLeast(target)),
            None => bar,
        });
    }
    Ok(bars)
}

fn first(setup: &Setup<'_>) -> anyhow::Result<Vec<Bar>> {
    let claim = Claim {
        id: "B4",
        experiment: format!("first flood after the failure, {} peers", peers(setup.effort)),
        source: "HyParView, DSN 2007, Fig. 3; Plumtree, SRDS 2007, Fig. 6a",
    };
    let rows = [
        (40, 98.7, Tolerance::AtLeast(93.7), None),
        (50, 95.0, Tolerance::AtLeast(90.0), None),
        (60, 84.0, Tolerance::AtLeast(56.0), Some(99.0)),
        (80, 0.0, Tolerance::AtLeast(0.0), Some(95.0)),
    ];
    let mut bars = Vec::new();
    for (dead, published, tolerance, target) in rows {
        let seen = fail(setup, dead, &OURS)?;
        let case = format!("ours, {dead} % dead");
        let ours = mean(seen.iter().map(|it| it.first));
        let bar = claim.bar((&case, "reliability of it, %"), published, tolerance, ours);
        bars.push(match target {
            Some(target) => bar.with_target(Target::AtLeast(target)),
            None => bar,
        });
    }
    Ok(bars)
}

/// Messages until as many are reached as before the failure, in cycles.
pub(super) fn healing(setup: &Setup<'_>) -> anyhow::Result<Vec<Bar>> {
    let claim = Claim {
        id: "B5",
        experiment: format!("flood over HyParView (ours), {} peers, reset", peers(setup.effort)),
        source: "HyParView, DSN 2007, §5.4, Fig. 4",
    };
    let rows: &[(u8, f64, f64)] =
        setup.effort.pick(&[(80, 2.0, 1.0)], &[(60, 1.0, 1.0), (80, 2.0, 1.0), (90, 4.0, 2.0)]);
    let mut bars = Vec::new();
    for &(dead, published, target) in rows {
        let seen = fail(setup, dead, &OURS)?;
        // All of it happens within the first cycle, or is not seen.
        let ours = mean(seen.iter().map(|it| if it.last >= 100.0 { 1.0 } else { f64::NAN }));
        let case = format!("ours, {dead} % dead");
        let metric = "cycles until all live peers are reached again";
        let bar = claim.bar((&case, metric), published, Tolerance::AtMost(published + 1.0), ours);
        bars.push(bar.with_target(Target::AtMost(target)));
    }
    Ok(bars)
}

fn fail(setup: &Setup<'_>, dead: u8, changes: &[&str]) -> anyhow::Result<Vec<Reliability>> {
    let share = format!("fault.0.share={dead}");
    let mut changes = sized(setup.effort, changes);
    changes.push(share);
    setup.stage(SCENARIO, &changes)?.run(seeds(setup.effort), see_reliability)
}

fn see_reliability(measures: &Measures, _: &History) -> Reliability {
    let messages: Vec<&MessageMeasure> =
        measures.messages.iter().filter(|it| it.sent >= FAILURE && it.eligible > 0).collect();
    // A flood and what its receivers pulled in the same moment.
    let share = |it: &&MessageMeasure| 100.0 * whole(it.reached_within(FLOOD)) / whole(it.eligible);
    let all: Vec<f64> = messages.iter().map(share).collect();
    Reliability {
        first: all.first().copied().unwrap_or(f64::NAN),
        mean: mean(all.iter().copied()),
        last: mean(all.iter().rev().take(10).copied()),
    }
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "counts are far below 2^52")]
fn whole(count: u64) -> f64 {
    count as f64
}
