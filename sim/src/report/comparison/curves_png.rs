//! The picture of a comparison: how messages spread, how deaths are noticed and how many links peers
//! have, one color per combination.

use std::path::Path;

use plotters::prelude::*;

use super::column::{Noticed, SpreadPoint};
use super::{Column, Comparison};
use crate::report::chart::{self, COLORS, Canvas, DASH, DECADES, GREY, Pen, WIDE, drawing};
use crate::report::count::to_float;
use crate::report::figure::time;
use crate::report::spread_png::ends_of_axis;
use crate::scenario::Death;

/// Height of a plot.
const PLOT: u32 = 380;

/// With more combinations than this, bands hide each other.
const MAX_BANDS: usize = 2;

/// A combination and its color.
type Colored<'a> = (RGBColor, &'a Column);

/// Draws one plot of all combinations.
type DrawPlot = fn(&Canvas<'_>, &[Colored<'_>]) -> anyhow::Result<()>;

pub(super) fn draw(comparison: &Comparison, path: &Path) -> anyhow::Result<()> {
    let shown: Vec<Colored<'_>> = COLORS.into_iter().zip(&comparison.columns).collect();
    let legend = legend(comparison, &shown);
    let mut plots: Vec<DrawPlot> = vec![plot_spread];
    if shown.iter().any(|(_, column)| !column.detection.is_empty()) {
        plots.push(plot_detection);
    }
    plots.push(plot_degrees);
    let count = |things: usize| u32::try_from(things).unwrap_or(1);
    let height = 90 + count(legend.len()) * chart::LEGEND_LINE + count(plots.len()) * PLOT;
    let title = (comparison.question.as_str(), comparison.caption());
    chart::titled(path, height, (title.0, &title.1), |canvas| {
        let canvas = chart::legend(canvas, &legend)?;
        for (area, plot) in canvas.split_evenly((plots.len(), 1)).iter().zip(&plots) {
            plot(area, &shown)?;
        }
        Ok(())
    })
}

fn legend(comparison: &Comparison, shown: &[Colored<'_>]) -> Vec<(Pen, String)> {
    let label = |(color, column): &Colored<'_>| (Pen::Line(*color), column.label());
    let mut legend: Vec<(Pen, String)> = shown.iter().map(label).collect();
    let more = comparison.columns.len() - shown.len();
    if more > 0 {
        legend.push((Pen::Dot(WHITE), format!("{more} more, in figures.csv")));
    }
    if shown.len() <= MAX_BANDS {
        legend.push((Pen::Band(GREY), "spread: 5 % to 95 % of the runs".to_owned()));
    }
    let has = |death| shown.iter().any(|(_, it)| it.detection.iter().any(|it| it.death == death));
    if has(Death::Reset) && has(Death::Silent) {
        let words = "detection: full lines, crash (silent); dashes, crash (reset)";
        legend.push((Pen::Dashes(GREY), words.to_owned()));
    }
    legend
}

fn plot_spread(canvas: &Canvas<'_>, shown: &[Colored<'_>]) -> anyhow::Result<()> {
    let points = shown.iter().flat_map(|(_, column)| &column.spread);
    let begun = points.clone().filter(|point| point.p95 > 0.0).map(|point| point.delay_ms);
    let unfinished = points.filter(|point| point.p5 < 100.0).map(|point| point.delay_ms);
    let (begin, end) =
        ends_of_axis([begun.fold(f64::MAX, f64::min), unfinished.fold(0.0, f64::max)]);
    let delays = (begin..end).log_scale().with_key_points(DECADES.to_vec());
    let mut chart = chart::plot(canvas, delays, 0.0..100.0)?;
    let names = ("time since a message was sent (logarithmic)", "peers reached, %");
    chart::axes(&mut chart, names, DECADES.len(), &|ms| time(*ms))?;
    for (color, column) in shown {
        let inside =
            || column.spread.iter().filter(|point| (begin..=end).contains(&point.delay_ms));
        let edge = |share: fn(&SpreadPoint) -> f64| {
            inside().map(move |point| (point.delay_ms, share(point)))
        };
        if shown.len() <= MAX_BANDS {
            let back: Vec<(f64, f64)> = edge(|it| it.p95).collect();
            let outline: Vec<(f64, f64)> = edge(|it| it.p5).chain(back.into_iter().rev()).collect();
            chart
                .draw_series([Polygon::new(outline, Pen::Band(*color).style())])
                .map_err(drawing)?;
        }
        let style = Pen::Line(*color).style().stroke_width(width(shown, *color));
        chart.draw_series(LineSeries::new(edge(|it| it.median), style)).map_err(drawing)?;
    }
    Ok(())
}

/// Pixels of a line.
fn width(shown: &[Colored<'_>], color: RGBColor) -> u32 {
    let is_first = shown.first().is_some_and(|(first, _)| *first == color);
    if shown.len() == 2 && is_first { WIDE } else { 2 }
}

fn plot_detection(canvas: &Canvas<'_>, shown: &[Colored<'_>]) -> anyhow::Result<()> {
    let kinds =
        || shown.iter().flat_map(|(color, it)| it.detection.iter().map(move |kind| (*color, kind)));
    let times =
        kinds().flat_map(|(_, kind)| kind.times.iter().map(|(ms, _)| to_float(*ms) / 1000.0));
    let end = (times.fold(1.0_f64, f64::max) * 1.05).ceil();
    let mut chart = chart::plot(canvas, 0.0..end, 0.0..100.0)?;
    let names = ("seconds from a crash until all seed nodes removed the peer", "crashes, %");
    chart::axes(&mut chart, names, 11, &|seconds| format!("{seconds:.0}"))?;
    for (color, kind) in kinds() {
        let steps = steps(kind, end).into_iter();
        if kind.death == Death::Silent {
            let style = Pen::Line(color).style().stroke_width(width(shown, color));
            let line = LineSeries::new(steps, style);
            chart.draw_series(line).map_err(drawing)?;
        } else {
            let (dash, gap) = DASH;
            let line = DashedLineSeries::new(steps, dash, gap, Pen::Dashes(color).style());
            chart.draw_series(line).map_err(drawing)?;
        }
    }
    Ok(())
}

/// The cumulative distribution as a staircase.
fn steps(kind: &Noticed, end: f64) -> Vec<(f64, f64)> {
    let share = |count: u64| 100.0 * to_float(count) / to_float(kind.deaths);
    let mut steps = vec![(0.0, 0.0)];
    let mut before = 0;
    for (ms, count) in &kind.times {
        let seconds = to_float(*ms) / 1000.0;
        steps.push((seconds, share(before)));
        before += count;
        steps.push((seconds, share(before)));
    }
    steps.push((end, share(before)));
    steps
}

fn plot_degrees(canvas: &Canvas<'_>, shown: &[Colored<'_>]) -> anyhow::Result<()> {
    let degrees = || shown.iter().flat_map(|(_, column)| &column.degrees);
    let most = degrees().map(|(links, _)| *links).max().unwrap_or(1).max(1);
    let share = |column: &Column, peers: u64| {
        let all: u64 = column.degrees.iter().map(|(_, peers)| peers).sum();
        100.0 * to_float(peers) / to_float(all.max(1))
    };
    let shares =
        shown.iter().flat_map(|(_, it)| it.degrees.iter().map(|(_, peers)| share(it, *peers)));
    let top = shares.fold(1.0_f64, f64::max) * 1.1;
    let mut chart = chart::plot(canvas, 0.0..to_float(most + 1), 0.0..top)?;
    let names = ("links of a peer at the end", "peers, %");
    chart::axes(&mut chart, names, 11, &|links| format!("{links:.0}"))?;
    for (color, column) in shown {
        let points =
            column.degrees.iter().map(|(links, peers)| (to_float(*links), share(column, *peers)));
        let line = LineSeries::new(points.clone(), Pen::Line(*color).style());
        chart.draw_series(line).map_err(drawing)?;
        let dot = |point| Circle::new(point, 3, Pen::Dot(*color).style());
        chart.draw_series(points.map(dot)).map_err(drawing)?;
    }
    Ok(())
}
