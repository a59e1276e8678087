//! The picture of gossip spread: the fraction of peers reached over the time since a message was
//! sent, median and 5 to 95 % band over the runs.

use std::collections::BTreeMap;
use std::path::Path;

use plotters::prelude::*;

use crate::report::chart::{self, BLUE, Canvas, Pen, drawing};
use crate::report::count::{Counts, ten_thousandths, thousandths, to_float};
use crate::report::figure::time;
use crate::report::saved::Saved;
use crate::report::summary::Summary;
use crate::report::tables::SpreadRow;

const HEIGHT: u32 = 520;

/// (delay in ms, percent reached: at 5 % of the runs, in the middle, at 95 %).
type Point = (f64, [f64; 3]);

pub(super) fn draw(summary: &Summary, saved: &Saved<'_>, path: &Path) -> anyhow::Result<()> {
    let points = band(saved.rows()?)?;
    chart::picture(path, HEIGHT, summary, |canvas| plot(canvas, &points))
}

fn band(rows: impl Iterator<Item = anyhow::Result<SpreadRow>>) -> anyhow::Result<Vec<Point>> {
    // By microseconds, which are whole.
    let mut by_delay: BTreeMap<u64, Counts> = BTreeMap::new();
    for row in rows {
        let SpreadRow { delay_ms, reached, .. } = row?;
        by_delay.entry(thousandths(delay_ms)).or_default().add(ten_thousandths(reached));
    }
    let point = |(delay, reached): (u64, Counts)| {
        let share = |percent| reached.quantile(percent).unwrap_or_default() / 10_000.0;
        (to_float(delay) / 1000.0, [5, 50, 95].map(|percent| 100.0 * share(percent)))
    };
    Ok(by_delay.into_iter().map(point).collect())
}

fn plot(canvas: &Canvas<'_>, points: &[Point]) -> anyhow::Result<()> {
    let (band, line) = (Pen::Band(BLUE), Pen::Line(BLUE));
    let legend = [
        (line, "median of the runs; of each run the mean over its messages".to_owned()),
        (band, "5 % to 95 % of the runs".to_owned()),
    ];
    let canvas = chart::legend(canvas, &legend)?;
    let begun = points.iter().find(|(_, [.., high])| *high > 0.0);
    let (begin, end) = (start_of(begun.map_or(0.0, |(delay, _)| *delay)), end_of(points));
    let mut chart = chart::plot(&canvas, (begin..end).log_scale(), 0.0..100.0)?;
    let names = ("time since a message was sent (logarithmic)", "peers reached, %");
    chart::axes(&mut chart, names, 5, &|ms| time(*ms))?;
    let shown = points.iter().filter(|(delay, _)| (begin..=end).contains(delay));
    let edge = |place: usize| shown.clone().map(move |(delay, at)| (*delay, at[place]));
    let outline: Vec<(f64, f64)> =
        edge(0).chain(edge(2).collect::<Vec<_>>().into_iter().rev()).collect();
    chart.draw_series([Polygon::new(outline, band.style())]).map_err(drawing)?;
    chart.draw_series(LineSeries::new(edge(1), line.style())).map_err(drawing)?;
    Ok(())
}

/// The last decade, up to 10 ms, before the first peer is reached.
pub(super) fn start_of(first: f64) -> f64 {
    [10.0, 1.0].into_iter().find(|start| *start < first).unwrap_or(0.1)
}

/// The first decade from 1 s on by which all is reached in nearly every run.
fn end_of(points: &[Point]) -> f64 {
    let all_reached =
        |end: &f64| points.iter().any(|(delay, [low, ..])| delay <= end && *low >= 100.0);
    [1_000.0, 10_000.0].into_iter().find(all_reached).unwrap_or(100_000.0)
}
