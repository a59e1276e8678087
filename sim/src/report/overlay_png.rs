//! The picture of the overlay: how much of it hangs together over time, and how many links the peers
//! have in the end.

use std::collections::BTreeMap;
use std::path::Path;

use plotters::prelude::*;

use crate::measure::quantile::{quantile, sorted};
use crate::report::chart::{self, BLUE, Canvas, GREY, Pen, drawing};
use crate::report::summary::Summary;
use crate::report::tables::{FaultRow, Tables};

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
    let cuts = cuts(&tables.faults);
    let mut legend = vec![
        (middle, "median of the runs".to_owned()),
        (band, "95 % of the runs lie in here".to_owned()),
    ];
    if !cuts.is_empty() {
        legend.push((Pen::Band(GREY), "in some run the network is cut".to_owned()));
    }
    let canvas = chart::legend(canvas, &legend)?;
    let mut chart = chart::plot(&canvas, 0.0..end, 0.0..100.0)?;
    let names = ("simulated seconds", "in largest component, %");
    chart::axes(&mut chart, names, 11, &|second| format!("{second:.0}"))?;
    let whole = |(from, to)| Rectangle::new([(from, 0.0), (to, 100.0)], Pen::Band(GREY).style());
    chart.draw_series(cuts.into_iter().map(whole)).map_err(drawing)?;
    let line = |place: usize| points.iter().map(move |(second, at)| (*second, at[place]));
    let outline: Vec<(f64, f64)> =
        line(0).chain(points.iter().rev().map(|(second, _)| (*second, 100.0))).collect();
    chart.draw_series([Polygon::new(outline, band.style())]).map_err(drawing)?;
    chart.draw_series(LineSeries::new(line(1), middle.style())).map_err(drawing)?;
    Ok(())
}

/// When the network is cut in any run, in seconds: spans that do not overlap, in order.
fn cuts(faults: &[FaultRow]) -> Vec<(f64, f64)> {
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for run in faults.chunk_by(|a, b| a.seed == b.seed) {
        let times = |is_wanted: fn(&str) -> bool| {
            run.iter().filter(move |row| is_wanted(&row.fault)).map(|row| row.at_ms)
        };
        // One partition at a time: each cut has the next heal.
        spans.extend(times(|it| it.starts_with("cut")).zip(times(|it| it == "heal")));
    }
    spans.sort_unstable();
    spans.dedup_by(|(from, to), (_, end)| {
        let touches = *from <= *end;
        if touches {
            *end = *to.max(end);
        }
        touches
    });
    let seconds = |ms: u64| to_float(usize::try_from(ms).unwrap_or(usize::MAX)) / 1000.0;
    spans.into_iter().map(|(from, to)| (seconds(from), seconds(to))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_of_all_runs_are_joined() {
        let row = |seed, at_ms, fault: &str| FaultRow {
            seed,
            at_ms,
            fault: fault.to_owned(),
            hosts: String::new(),
        };
        let (cut, heal) = ("cut (held)", "heal");
        let faults = [
            row(1, 1000, cut),
            row(1, 3000, heal),
            row(1, 8000, cut),
            row(1, 9000, heal),
            row(2, 2000, cut),
            row(2, 2500, heal),
            row(3, 3000, cut),
            row(3, 4000, heal),
        ];
        assert_eq!(cuts(&faults), [(1.0, 4.0), (8.0, 9.0)]);
    }
}
