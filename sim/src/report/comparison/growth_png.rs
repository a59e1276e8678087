//! The picture of growth: coverage, hops, detection and bytes against the number that is varied.

use std::path::Path;

use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

use super::growth::Hops;
use super::{Column, Comparison};
use crate::report::chart::{self, BLUE, Canvas, GREEN, GREY, ORANGE, Pen, drawing};
use crate::report::summary::name;

const HEIGHT: u32 = 860;

/// An axis is logarithmic when its ends are further apart than this.
const LOGARITHMIC: f64 = 20.0;

/// One line of a panel.
struct Line {
    pen: Pen,
    words: String,
    points: Vec<(f64, f64)>,
}

/// The axis of the varied number.
struct Axis<'a> {
    name: &'a str,
    values: &'a [f64],
    is_logarithmic: bool,
}

pub(super) fn draw(comparison: &Comparison, path: &Path) -> anyhow::Result<()> {
    let Some(values) = comparison.axis() else { return Ok(()) };
    let least = values.iter().copied().fold(f64::MAX, f64::min);
    let most = values.iter().copied().fold(f64::MIN, f64::max);
    let name = comparison.varied.first().map_or("", String::as_str);
    let is_logarithmic = least > 0.0 && most / least > LOGARITHMIC;
    let axis = Axis { name, values: &values, is_logarithmic };
    let panels = [
        ("ms", coverage(comparison, &axis)),
        ("hops", hops(comparison, &axis)),
        ("s", detection(comparison, &axis)),
        ("kB", bytes(comparison, &axis)),
    ];
    let title = (comparison.question.as_str(), comparison.caption());
    chart::titled(path, HEIGHT, (title.0, &title.1), |canvas| {
        for (area, (unit, lines)) in canvas.split_evenly((2, 2)).iter().zip(&panels) {
            if lines.iter().any(|line| !line.points.is_empty()) {
                panel(area, unit, &axis, lines)?;
            }
        }
        Ok(())
    })
}

fn line(
    comparison: &Comparison,
    axis: &Axis<'_>,
    (pen, words): (Pen, &str),
    value: impl Fn(&Column) -> Option<f64>,
) -> Line {
    let columns = axis.values.iter().zip(&comparison.columns);
    let points = columns.filter_map(|(at, column)| Some((*at, value(column)?)));
    Line { pen, words: words.to_owned(), points: points.collect() }
}

fn median(name: &str) -> impl Fn(&Column) -> Option<f64> + '_ {
    move |column| column.figure(name)?.median
}

fn coverage(comparison: &Comparison, axis: &Axis<'_>) -> Vec<Line> {
    let lines = [
        (name::COVERAGE_50, Pen::Line(BLUE), "half of the peers reached"),
        (name::COVERAGE_99, Pen::Line(ORANGE), "99 % reached"),
        (name::COVERAGE_100, Pen::Line(GREEN), "all reached (medians)"),
    ];
    lines.map(|(name, pen, words)| line(comparison, axis, (pen, words), median(name))).into()
}

fn hops(comparison: &Comparison, axis: &Axis<'_>) -> Vec<Line> {
    let measured =
        line(comparison, axis, (Pen::Line(BLUE), "last delivery hop"), median(name::LAST_HOP));
    let mut lines = vec![measured];
    // The theory speaks of the number of peers, and of nothing else that may be varied.
    let peers: Option<Vec<f64>> = comparison
        .columns
        .iter()
        .map(|it| u32::try_from(it.setting.peers).ok().map(f64::from))
        .collect();
    let is_peers = peers.as_deref() == Some(axis.values);
    let degrees = comparison.columns.last().map_or(&[][..], |column| &column.degrees);
    let points = lines[0].points.clone();
    if let Some(theory) = Hops::of(degrees, &points).filter(|_| is_peers) {
        let Hops { branching, constant } = theory;
        let sign = if constant < 0.0 { '-' } else { '+' };
        let constant = constant.abs();
        let words = format!("random graph: ln N / ln {branching:.2} {sign} {constant:.2} (fitted)");
        let at = |(peers, _): &(f64, f64)| (*peers, theory.at(*peers));
        lines.push(Line { pen: Pen::Dashes(GREY), words, points: points.iter().map(at).collect() });
    }
    lines
}

fn detection(comparison: &Comparison, axis: &Axis<'_>) -> Vec<Line> {
    let seconds = |value: Option<f64>| value.map(|ms| ms / 1000.0);
    let mut lines = Vec::new();
    for (name, color, words) in [
        (name::RESET_DEATHS, BLUE, "killed: no seed node lists it"),
        (name::SILENT_DEATHS, ORANGE, "vanished: no seed node lists it"),
    ] {
        let middle = |column: &Column| seconds(column.figure(name)?.median);
        let high = |column: &Column| seconds(column.figure(name)?.p95);
        lines.push(line(comparison, axis, (Pen::Line(color), words), middle));
        let late = format!("{words}, 95 %");
        lines.push(line(comparison, axis, (Pen::Dashes(color), &late), high));
    }
    lines.retain(|line| !line.points.is_empty());
    lines
}

fn bytes(comparison: &Comparison, axis: &Axis<'_>) -> Vec<Line> {
    let kilobytes = |column: &Column| Some(column.figure(name::BYTES)?.median? / 1000.0);
    vec![line(comparison, axis, (Pen::Line(BLUE), "sent in a run, per peer (median)"), kilobytes)]
}

fn panel(area: &Canvas<'_>, unit: &str, axis: &Axis<'_>, lines: &[Line]) -> anyhow::Result<()> {
    let legend: Vec<(Pen, String)> = lines.iter().map(|it| (it.pen, it.words.clone())).collect();
    let area = chart::legend(area, &legend)?;
    let heights = lines.iter().flat_map(|line| line.points.iter().map(|(_, height)| *height));
    let top = heights.fold(f64::MIN_POSITIVE, f64::max) * 1.1;
    let least = axis.values.iter().copied().fold(f64::MAX, f64::min);
    let most = axis.values.iter().copied().fold(f64::MIN, f64::max);
    if axis.is_logarithmic {
        let places = (least..most).log_scale().with_key_points(axis.values.to_vec());
        let name = format!("{} (logarithmic)", axis.name);
        plot(chart::plot(&area, places, 0.0..top)?, (&name, unit), axis, lines)
    } else {
        plot(chart::plot(&area, least..most, 0.0..top)?, (axis.name, unit), axis, lines)
    }
}

fn plot<X>(
    mut chart: chart::Plot<'_, X>,
    names: (&str, &str),
    axis: &Axis<'_>,
    lines: &[Line],
) -> anyhow::Result<()>
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart::axes(&mut chart, names, axis.values.len(), &|value| number(*value))?;
    for line in lines {
        let points = line.points.iter().copied();
        if let Pen::Dashes(_) = line.pen {
            let (dash, gap) = chart::DASH;
            let dashes = DashedLineSeries::new(points, dash, gap, line.pen.style());
            chart.draw_series(dashes).map_err(drawing)?;
        } else {
            chart
                .draw_series(LineSeries::new(points.clone(), line.pen.style()))
                .map_err(drawing)?;
            let dot = |point| Circle::new(point, 4, line.pen.style().filled());
            chart.draw_series(points.map(dot)).map_err(drawing)?;
        }
    }
    Ok(())
}

/// A number with commas between its thousands; small ones with their decimals.
fn number(value: f64) -> String {
    if value < 100.0 && (value - value.round()).abs() > 1e-6 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!(number(1_000_000.0), "1,000,000");
        assert_eq!(number(999.999_999), "1,000");
        assert_eq!(number(100.0), "100");
        assert_eq!(number(0.5), "0.50");
    }
}
