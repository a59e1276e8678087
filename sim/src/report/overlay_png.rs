//! The picture of the overlay: how much of it hangs together over time, and how many links the peers
//! have in the end.

use std::collections::BTreeMap;
use std::path::Path;

use plotters::prelude::*;

use crate::measure::quantile::{quantile, sorted};
use crate::report::chart::{self, BLUE, Canvas, GREY, Pen, drawing};
use crate::report::summary::Summary;
use crate::report::tables::Tables;

const HEIGHT: u32 = 780;

/// Pixels of the upper plot.
const UPPER: i32 = 370;

pub(super) fn draw(summary: &Summary, tables: &Tables, path: &Path) -> anyhow::Result<()> {
    chart::picture(path, HEIGHT, summary, |canvas| {
        let (upper, lower) = canvas.split_vertically(UPPER);
        plot_components(&upper, tables)?;
        plot_degrees(&lower, tables)
    })
}

/// (seconds, percent of the peers in the largest component: at 5 % of the runs, in the middle).
type Point = (f64, [f64; 2]);

fn components(tables: &Tables) -> Vec<Point> {
    let mut by_time: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for row in tables.overlay.iter().filter(|row| row.peers > 0) {
        let share = 100.0 * to_float(row.largest) / to_float(row.peers);
        by_time.entry(row.at_ms / 1000).or_default().push(share);
    }
    let point = |(second, values): (u64, Vec<f64>)| {
        let values = sorted(values);
        let at = |percent| quantile(&values, percent).unwrap_or_default();
        (to_float(usize::try_from(second).unwrap_or(usize::MAX)), [at(5), at(50)])
    };
    by_time.into_iter().map(point).collect()
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "far below 2^52")]
fn to_float(value: usize) -> f64 {
    value as f64
}

fn plot_components(canvas: &Canvas<'_>, tables: &Tables) -> anyhow::Result<()> {
    let points = components(tables);
    let end = points.last().map_or(1.0, |(second, _)| second.max(1.0));
    let (band, middle) = (Pen::Band(BLUE), Pen::Line(BLUE));
    let cuts = cuts(tables);
    let mut legend = vec![
        (middle, "median of the runs".to_owned()),
        (band, "95 % of the runs lie in here".to_owned()),
    ];
    if cuts.is_some() {
        legend.push((Pen::Band(GREY), "in some run the network is cut".to_owned()));
    }
    let canvas = chart::legend(canvas, &legend)?;
    let mut chart = chart::plot(&canvas, 0.0..end, 0.0..100.0)?;
    let names = ("simulated seconds", "in largest component, %");
    chart::axes(&mut chart, names, 11, &|second| format!("{second:.0}"))?;
    if let Some((from, to)) = cuts {
        let whole = Rectangle::new([(from, 0.0), (to, 100.0)], Pen::Band(GREY).style());
        chart.draw_series([whole]).map_err(drawing)?;
    }
    let line = |place: usize| points.iter().map(move |(second, at)| (*second, at[place]));
    let outline: Vec<(f64, f64)> =
        line(0).chain(points.iter().rev().map(|(second, _)| (*second, 100.0))).collect();
    chart.draw_series([Polygon::new(outline, band.style())]).map_err(drawing)?;
    chart.draw_series(LineSeries::new(line(1), middle.style())).map_err(drawing)?;
    Ok(())
}

/// From the first cut of any run to the last heal, in seconds.
fn cuts(tables: &Tables) -> Option<(f64, f64)> {
    let times = |is_wanted: fn(&str) -> bool| {
        let rows = tables.faults.iter().filter(move |row| is_wanted(&row.fault));
        rows.map(|row| to_float(usize::try_from(row.at_ms / 1000).unwrap_or(usize::MAX)))
    };
    let from = times(|fault| fault.starts_with("cut")).reduce(f64::min)?;
    let to = times(|fault| fault == "heal").reduce(f64::max)?;
    Some((from, to))
}

fn plot_degrees(canvas: &Canvas<'_>, tables: &Tables) -> anyhow::Result<()> {
    let mut peers: BTreeMap<usize, usize> = BTreeMap::new();
    for row in &tables.degrees {
        *peers.entry(row.degree).or_default() += row.peers;
    }
    let all: usize = peers.values().sum();
    let share = |peers: usize| 100.0 * to_float(peers) / to_float(all.max(1));
    let most = peers.keys().last().copied().unwrap_or(1);
    let highest = peers.values().copied().max().unwrap_or(1);
    let mut chart = chart::plot(canvas, (0..most).into_segmented(), 0.0..share(highest) * 1.1)?;
    let names = ("links of a peer at the end of a run", "peers, %");
    chart::axes(&mut chart, names, most + 1, &|degree| match degree {
        SegmentValue::Exact(degree) | SegmentValue::CenterOf(degree) => degree.to_string(),
        SegmentValue::Last => String::new(),
    })?;
    let bar = |(degree, count): (&usize, &usize)| {
        let (left, right) = (SegmentValue::Exact(*degree), SegmentValue::Exact(degree + 1));
        let mut bar = Rectangle::new([(left, 0.0), (right, share(*count))], BLUE.filled());
        bar.set_margin(0, 0, 2, 2);
        bar
    };
    chart.draw_series(peers.iter().map(bar)).map_err(drawing)?;
    Ok(())
}
