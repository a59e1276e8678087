//! The picture of dead-node detection: which share of the deaths was noticed within a time, by
//! kind of death and by who noticed.

use std::path::Path;

use plotters::prelude::*;

use crate::report::chart::{self, BLUE, Canvas, DASH, ORANGE, Pen, drawing};
use crate::report::summary::Summary;
use crate::report::tables::{DetectionRow, Tables};
use crate::scenario::Death;

const HEIGHT: u32 = 520;

/// One curve: what it shows, its pen, the times in seconds, shortest first, and how many
/// deaths they are of.
struct Curve {
    label: String,
    pen: Pen,
    seconds: Vec<f64>,
    deaths: usize,
}

pub(super) fn draw(summary: &Summary, tables: &Tables, path: &Path) -> anyhow::Result<()> {
    let curves = curves(&tables.detection);
    chart::picture(path, HEIGHT, summary, |canvas| plot(canvas, &curves))
}

fn curves(rows: &[DetectionRow]) -> Vec<Curve> {
    let mut curves = Vec::new();
    let kinds =
        [(Death::Reset, "killed, machine alive", BLUE), (Death::Silent, "machine gone", ORANGE)];
    for (death, words, color) in kinds {
        let of_kind: Vec<&DetectionRow> = rows.iter().filter(|row| row.death == death).collect();
        let observers: [(&str, Pen, Observe); 2] = [
            ("first neighbor noticed", Pen::Dashes(color), |row| {
                (row.neighbors > 0, row.first_neighbor_ms)
            }),
            ("no seed node lists it", Pen::Line(color), |row| {
                (row.seed_nodes > 0 && !is_cut_short(row), row.all_seed_nodes_ms)
            }),
        ];
        for (who, pen, observe) in observers {
            let relevant: Vec<Option<u64>> = of_kind
                .iter()
                .map(|row| observe(row))
                .filter(|(is_relevant, _)| *is_relevant)
                .map(|(_, time)| time)
                .collect();
            if relevant.is_empty() {
                continue;
            }
            let mut seconds: Vec<f64> =
                relevant.iter().flatten().map(|ms| to_seconds(*ms)).collect();
            seconds.sort_by(f64::total_cmp);
            let deaths = relevant.len();
            let label = format!("{words}: {who} ({deaths} deaths)");
            curves.push(Curve { label, pen, seconds, deaths });
        }
    }
    curves
}

/// Whether the observer could notice a death, and when it did.
type Observe = fn(&DetectionRow) -> (bool, Option<u64>);

/// The host came back first.
fn is_cut_short(row: &DetectionRow) -> bool {
    row.restarted_ms.is_some() && row.all_seed_nodes_ms.is_none()
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "far below 2^52")]
fn to_seconds(ms: u64) -> f64 {
    ms as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "a few hundred deaths")]
fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole as f64
}

fn plot(canvas: &Canvas<'_>, curves: &[Curve]) -> anyhow::Result<()> {
    let latest =
        curves.iter().filter_map(|curve| curve.seconds.last()).fold(1.0_f64, |a, b| a.max(*b));
    let end = (latest * 1.05).ceil();
    let legend: Vec<_> = curves.iter().map(|curve| (curve.pen, curve.label.clone())).collect();
    let canvas = chart::legend(canvas, &legend)?;
    let mut chart = chart::plot(&canvas, 0.0..end, 0.0..100.0)?;
    let names = ("seconds since the death", "deaths noticed, %");
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
    for (noticed, second) in (1..).zip(&curve.seconds) {
        steps.push((*second, percent(noticed - 1, curve.deaths)));
        steps.push((*second, percent(noticed, curve.deaths)));
    }
    steps.push((end, percent(curve.seconds.len(), curve.deaths)));
    steps
}
