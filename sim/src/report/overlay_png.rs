//! The picture of the overlay: how much of it hangs together over time, and how many links the peers
//! have in the end.

use std::collections::BTreeMap;
use std::path::Path;

use plotters::prelude::*;

use crate::report::chart::{self, BLUE, Canvas, GREY, Pen, drawing};
use crate::report::count::{Counts, ten_thousandths, to_float};
use crate::report::degrees_png::degrees;
use crate::report::saved::Saved;
use crate::report::summary::Summary;
use crate::report::tables::{FaultRow, OverlayRow};

const HEIGHT: u32 = 780;

/// Pixels of the upper plot.
const UPPER: i32 = 370;

pub(super) fn draw(summary: &Summary, saved: &Saved<'_>, path: &Path) -> anyhow::Result<()> {
    let points = components(saved.rows()?)?;
    let cuts = cuts(saved.runs()?)?;
    let degrees = degrees(saved.rows()?)?;
    chart::picture(path, HEIGHT, summary, |canvas| {
        let (upper, lower) = canvas.split_vertically(UPPER);
        plot_components(&upper, &points, &cuts)?;
        plot_degrees(&lower, &degrees)
    })
}

/// (seconds, percent of the peers in the largest component: at 5 % of the runs, in the middle).
type Point = (f64, [f64; 2]);

fn components(
    rows: impl Iterator<Item = anyhow::Result<OverlayRow>>,
) -> anyhow::Result<Vec<Point>> {
    let mut by_second: BTreeMap<u64, Counts> = BTreeMap::new();
    for row in rows {
        let OverlayRow { at_ms, peers, largest, .. } = row?;
        if peers > 0 {
            let share = to_float(count(largest)) / to_float(count(peers));
            by_second.entry(at_ms / 1000).or_default().add(ten_thousandths(share));
        }
    }
    let point = |(second, shares): (u64, Counts)| {
        let at = |percent| shares.quantile(percent).unwrap_or_default() / 100.0;
        (to_float(second), [at(5), at(50)])
    };
    Ok(by_second.into_iter().map(point).collect())
}

fn count(peers: usize) -> u64 {
    u64::try_from(peers).unwrap_or(u64::MAX)
}

fn plot_components(
    canvas: &Canvas<'_>,
    points: &[Point],
    cuts: &[(f64, f64)],
) -> anyhow::Result<()> {
    let end = points.last().map_or(1.0, |(second, _)| second.max(1.0));
    let (band, middle) = (Pen::Band(BLUE), Pen::Line(BLUE));
    let mut legend = vec![
        (middle, "median of the runs".to_owned()),
        (band, "5 % to 100 % of the runs".to_owned()),
    ];
    if !cuts.is_empty() {
        legend.push((Pen::Band(GREY), "in some run the network is cut".to_owned()));
    }
    let canvas = chart::legend(canvas, &legend)?;
    let mut chart = chart::plot(&canvas, 0.0..end, 0.0..100.0)?;
    let names = ("simulated seconds", "in largest component, %");
    chart::axes(&mut chart, names, 11, &|second| format!("{second:.0}"))?;
    let whole = |(from, to): &(f64, f64)| {
        Rectangle::new([(*from, 0.0), (*to, 100.0)], Pen::Band(GREY).style())
    };
    chart.draw_series(cuts.iter().map(whole)).map_err(drawing)?;
    let line = |place: usize| points.iter().map(move |(second, at)| (*second, at[place]));
    let outline: Vec<(f64, f64)> =
        line(0).chain(points.iter().rev().map(|(second, _)| (*second, 100.0))).collect();
    chart.draw_series([Polygon::new(outline, band.style())]).map_err(drawing)?;
    chart.draw_series(LineSeries::new(line(1), middle.style())).map_err(drawing)?;
    Ok(())
}

/// When the network is cut in any run, in seconds: spans that do not overlap, in order.
fn cuts(
    runs: impl Iterator<Item = anyhow::Result<Vec<FaultRow>>>,
) -> anyhow::Result<Vec<(f64, f64)>> {
    let mut spans = BTreeMap::new();
    for run in runs {
        let run = run?;
        let times = |is_wanted: fn(&str) -> bool| {
            run.iter().filter(move |row| is_wanted(&row.fault)).map(|row| row.at_ms)
        };
        // One partition at a time: each cut has the next heal.
        for (from, to) in times(|it| it.starts_with("cut")).zip(times(|it| it == "heal")) {
            join(&mut spans, from, to);
        }
    }
    let seconds = |ms: u64| to_float(ms) / 1000.0;
    Ok(spans.into_iter().map(|(from, to)| (seconds(from), seconds(to))).collect())
}

/// Adds a span to spans that do not overlap, and makes one of all that it touches.
fn join(spans: &mut BTreeMap<u64, u64>, mut from: u64, mut to: u64) {
    while let Some((start, end)) = spans.range(..=to).next_back().map(|(start, end)| (*start, *end))
        && end >= from
    {
        spans.remove(&start);
        (from, to) = (from.min(start), to.max(end));
    }
    spans.insert(from, to);
}

/// Most numbers below the bars: more run into each other.
const MAX_MARKS: usize = 33;

fn plot_degrees(canvas: &Canvas<'_>, peers: &Counts) -> anyhow::Result<()> {
    let share = |count: u64| 100.0 * to_float(count) / to_float(peers.total().max(1));
    let most = peers.max().unwrap_or(1);
    let highest = peers.iter().map(|(_, count)| count).max().unwrap_or(1);
    let mut chart = chart::plot(canvas, (0..most).into_segmented(), 0.0..share(highest) * 1.1)?;
    let names = ("links of a peer at the end of a run", "peers, %");
    let marks = (usize::try_from(most)? + 1).min(MAX_MARKS);
    chart::axes(&mut chart, names, marks, &|degree| match degree {
        SegmentValue::Exact(degree) | SegmentValue::CenterOf(degree) => degree.to_string(),
        SegmentValue::Last => String::new(),
    })?;
    let bar = |(degree, count): (u64, u64)| {
        let (left, right) = (SegmentValue::Exact(degree), SegmentValue::Exact(degree + 1));
        let mut bar = Rectangle::new([(left, 0.0), (right, share(count))], BLUE.filled());
        bar.set_margin(0, 0, 2, 2);
        bar
    };
    chart.draw_series(peers.iter().map(bar)).map_err(drawing)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::saved::by_run;

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
        let runs = by_run(faults.into_iter().map(Ok));
        assert_eq!(cuts(runs).expect("no error"), [(1.0, 4.0), (8.0, 9.0)]);
    }
}
