//! The picture of dead-node detection: which share of the deaths was noticed within a time, by
//! kind of death and by who noticed.

use std::path::Path;

use plotters::prelude::*;

use crate::report::chart::{self, BLUE, Canvas, DASH, GREEN, ORANGE, PURPLE, Pen, drawing};
use crate::report::count::{Counts, to_float};
use crate::report::saved::Saved;
use crate::report::summary::Summary;
use crate::report::tables::{DeadVerdictRow, DetectionRow};
use crate::scenario::Death;

const HEIGHT: u32 = 520;

/// One curve: who notices which deaths, and when it did.
struct Curve {
    death: Death,
    words: &'static str,
    pen: Pen,
    observe: Observe,
    /// Times until deaths were noticed, in milliseconds.
    noticed: Counts,
    /// Deaths that could be noticed.
    deaths: u64,
}

pub(super) fn draw(summary: &Summary, saved: &Saved<'_>, path: &Path) -> anyhow::Result<()> {
    let mut curves = curves(saved.rows()?)?;
    curves.extend(told(saved.rows()?)?);
    chart::picture(path, HEIGHT, summary, |canvas| plot(canvas, &curves))
}

fn curves(rows: impl Iterator<Item = anyhow::Result<DetectionRow>>) -> anyhow::Result<Vec<Curve>> {
    let neighbor: Observe = |row| (row.neighbors > 0, row.first_neighbor_ms);
    let seed_nodes: Observe =
        |row| (row.seed_nodes > 0 && !is_cut_short(row), row.all_seed_nodes_ms);
    let curve = |death, words, pen, observe| Curve {
        death,
        words,
        pen,
        observe,
        noticed: Counts::default(),
        deaths: 0,
    };
    let mut curves = [
        (Death::Reset, "crash (reset): first neighbor noticed", Pen::Dashes(BLUE), neighbor),
        (Death::Reset, "crash (reset): removed by all seed nodes", Pen::Line(BLUE), seed_nodes),
        (Death::Silent, "crash (silent): first neighbor noticed", Pen::Dashes(ORANGE), neighbor),
        (Death::Silent, "crash (silent): removed by all seed nodes", Pen::Line(ORANGE), seed_nodes),
    ]
    .map(|(death, words, pen, observe)| curve(death, words, pen, observe));
    for row in rows {
        let row = row?;
        for curve in curves.iter_mut().filter(|curve| curve.death == row.death) {
            let (is_relevant, time) = (curve.observe)(&row);
            if is_relevant {
                curve.deaths += 1;
                curve.noticed.extend(time);
            }
        }
    }
    Ok(curves.into_iter().filter(|curve| curve.deaths > 0).collect())
}

/// When the last live peer heard of a death, where peers tell each other.
fn told(rows: impl Iterator<Item = anyhow::Result<DeadVerdictRow>>) -> anyhow::Result<Vec<Curve>> {
    let curve = |death, words, color| Curve {
        death,
        words,
        pen: Pen::Line(color),
        observe: |_| (false, None),
        noticed: Counts::default(),
        deaths: 0,
    };
    let mut curves = [
        curve(Death::Reset, "crash (reset): known to all live peers", GREEN),
        curve(Death::Silent, "crash (silent): known to all live peers", PURPLE),
    ];
    for row in rows {
        let row = row?;
        for curve in curves.iter_mut().filter(|curve| row.death == Some(curve.death)) {
            curve.deaths += 1;
            curve.noticed.extend(row.all_ms);
        }
    }
    Ok(curves.into_iter().filter(|curve| curve.deaths > 0).collect())
}

/// Whether the observer could notice a death, and when it did.
type Observe = fn(&DetectionRow) -> (bool, Option<u64>);

/// The host came back first.
fn is_cut_short(row: &DetectionRow) -> bool {
    row.restarted_ms.is_some() && row.all_seed_nodes_ms.is_none()
}

fn to_seconds(ms: u64) -> f64 {
    to_float(ms) / 1000.0
}

fn percent(part: u64, whole: u64) -> f64 {
    100.0 * to_float(part) / to_float(whole)
}

fn plot(canvas: &Canvas<'_>, curves: &[Curve]) -> anyhow::Result<()> {
    let last = |curve: &Curve| curve.noticed.max().map(to_seconds);
    let latest = curves.iter().filter_map(last).fold(1.0_f64, f64::max);
    let end = (latest * 1.05).ceil();
    let label = |curve: &Curve| format!("{} ({} crashes)", curve.words, curve.deaths);
    let legend: Vec<_> = curves.iter().map(|curve| (curve.pen, label(curve))).collect();
    let canvas = chart::legend(canvas, &legend)?;
    let mut chart = chart::plot(&canvas, 0.0..end, 0.0..100.0)?;
    let names = ("seconds since the crash", "crashes noticed, %");
    // A short axis has several labels per second.
    let decimals = usize::from(end < 10.0);
    chart::axes(&mut chart, names, 11, &|seconds| format!("{seconds:.decimals$}"))?;
    for curve in curves {
        let steps = steps(curve, end).into_iter();
        match curve.pen {
            Pen::Dashes(_) => {
                let (dash, gap) = DASH;
                let dashes = DashedLineSeries::new(steps, dash, gap, curve.pen.style());
                chart.draw_series(dashes)
            }
            Pen::Line(_) | Pen::Band(_) | Pen::Dot(_) => {
                chart.draw_series(LineSeries::new(steps, curve.pen.style()))
            }
        }
        .map_err(drawing)?;
    }
    Ok(())
}

/// The cumulative distribution as a staircase.
fn steps(curve: &Curve, end: f64) -> Vec<(f64, f64)> {
    let mut steps = vec![(0.0, 0.0)];
    let mut before = 0;
    for (time, count) in curve.noticed.iter() {
        steps.push((to_seconds(time), percent(before, curve.deaths)));
        before += count;
        steps.push((to_seconds(time), percent(before, curve.deaths)));
    }
    steps.push((end, percent(before, curve.deaths)));
    steps
}
