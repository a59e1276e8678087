//! The picture of growth: coverage, hops, detection and bytes against the number that is varied, or
//! against one of them with a line for each combination of the others.

use std::path::Path;

use plotters::prelude::*;

use super::axis::{Axis, Group};
use super::growth::Hops;
use super::panel::{self, Line};
use super::{Column, Comparison};
use crate::report::chart::{self, BLUE, COLORS, GREEN, GREY, ORANGE, Pen, WIDE};
use crate::report::figure::name;

const HEIGHT: u32 = 860;

/// Height of title and caption.
const TITLE: u32 = 90;

/// Height of a row of panels.
const ROW: u32 = 330;

/// What combinations are compared by: the words, the figure, and what it is divided by.
const QUANTITIES: [(&str, &str, f64); 7] = [
    ("until all are reached, ms", name::COVERAGE_100, 1.0),
    ("redundancy (RMR)", name::REDUNDANCY, 1.0),
    ("crash (reset): removed after, s", name::RESET_DEATHS, 1000.0),
    ("crash (silent): removed after, s", name::SILENT_DEATHS, 1000.0),
    ("sent in a run by a peer, kB", name::BYTES, 1000.0),
    ("one component again after, s", name::ONE_COMPONENT, 1000.0),
    ("false removals", name::FALSE_DEATHS, 1.0),
];

pub(super) fn draw(comparison: &Comparison, path: &Path) -> anyhow::Result<()> {
    let Some(axis) = Axis::of(comparison) else { return Ok(()) };
    let caption = comparison.caption();
    let title = (comparison.question.as_str(), caption.as_str());
    if let [group] = &axis.groups[..] {
        draw_one(title, &axis, group, path)
    } else {
        draw_groups(title, &axis, path)
    }
}

/// Each panel has several lines for the only group.
fn draw_one(
    title: (&str, &str),
    axis: &Axis<'_>,
    group: &Group<'_>,
    path: &Path,
) -> anyhow::Result<()> {
    let panels = [
        ("ms", coverage(group)),
        ("hops", hops(group)),
        ("s", detection(group)),
        ("kB", bytes(group)),
    ];
    chart::titled(path, HEIGHT, title, |canvas| {
        for (area, (unit, lines)) in canvas.split_evenly((2, 2)).iter().zip(&panels) {
            if lines.iter().any(|line| !line.points.is_empty()) {
                panel::draw(area, unit, axis, lines)?;
            }
        }
        Ok(())
    })
}

/// Each panel has one line for each group.
fn draw_groups(title: (&str, &str), axis: &Axis<'_>, path: &Path) -> anyhow::Result<()> {
    let legend = legend(axis);
    let panels: Vec<(&str, Vec<Line>)> = QUANTITIES
        .iter()
        .map(|(words, name, divisor)| (*words, lines(axis, name, *divisor)))
        .filter(|(_, lines)| lines.iter().any(|it| it.points.iter().any(|(_, up)| *up > 0.0)))
        .collect();
    let rows = panels.len().div_ceil(2);
    let count = |things: usize| u32::try_from(things).unwrap_or(1);
    let height = TITLE + count(legend.len()) * chart::LEGEND_LINE + count(rows) * ROW;
    chart::titled(path, height, title, |canvas| {
        let canvas = chart::legend(canvas, &legend)?;
        for (area, (unit, lines)) in canvas.split_evenly((rows, 2)).iter().zip(&panels) {
            panel::draw(area, unit, axis, lines)?;
        }
        Ok(())
    })
}

/// The groups that are drawn, and their colors.
fn colored<'a>(axis: &'a Axis<'_>) -> impl Iterator<Item = (RGBColor, &'a Group<'a>)> {
    COLORS.into_iter().zip(&axis.groups)
}

fn legend(axis: &Axis<'_>) -> Vec<(Pen, String)> {
    let words = |group: &Group<'_>| format!("{} (medians)", group.label);
    let mut legend: Vec<(Pen, String)> =
        colored(axis).map(|(color, group)| (Pen::Line(color), words(group))).collect();
    let more = axis.groups.len() - legend.len();
    if more > 0 {
        legend.push((Pen::Dot(WHITE), format!("{more} more, in figures.csv")));
    }
    legend
}

/// The medians of a figure, divided by this, one line for each group.
fn lines(axis: &Axis<'_>, name: &str, divisor: f64) -> Vec<Line> {
    let value = |column: &Column| Some(column.figure(name)?.median? / divisor);
    let of = |(color, group)| line(group, (Pen::Line(color), ""), value);
    let mut lines: Vec<Line> = colored(axis).map(of).collect();
    if let [first, _] = &mut lines[..] {
        first.width = WIDE;
    }
    lines
}

fn line(
    group: &Group<'_>,
    (pen, words): (Pen, &str),
    value: impl Fn(&Column) -> Option<f64>,
) -> Line {
    let points = group.columns.iter().filter_map(|(at, column)| Some((*at, value(column)?)));
    Line { pen, width: 2, words: words.to_owned(), points: points.collect() }
}

fn median(name: &str) -> impl Fn(&Column) -> Option<f64> + '_ {
    move |column| column.figure(name)?.median
}

fn coverage(group: &Group<'_>) -> Vec<Line> {
    let lines = [
        (name::COVERAGE_50, Pen::Line(BLUE), "half of the peers reached"),
        (name::COVERAGE_99, Pen::Line(ORANGE), "99 % reached"),
        (name::COVERAGE_100, Pen::Line(GREEN), "all reached (medians)"),
    ];
    lines.map(|(name, pen, words)| line(group, (pen, words), median(name))).into()
}

fn hops(group: &Group<'_>) -> Vec<Line> {
    let measured = line(group, (Pen::Line(BLUE), "last delivery hop"), median(name::LAST_HOP));
    let mut lines = vec![measured];
    // The theory speaks of the number of peers, and of nothing else that may be varied.
    let (places, peers): (Vec<f64>, Vec<usize>) =
        group.columns.iter().map(|(at, column)| (*at, column.setting.peers)).unzip();
    let peers = peers.into_iter().map(|peers| u32::try_from(peers).ok().map(f64::from));
    let is_peers = peers.collect::<Option<Vec<f64>>>() == Some(places);
    let degrees = group.columns.last().map_or(&[][..], |(_, column)| &column.degrees);
    let points = lines[0].points.clone();
    if let Some(theory) = Hops::of(degrees, &points).filter(|_| is_peers) {
        let Hops { branching, constant } = theory;
        let sign = if constant < 0.0 { '-' } else { '+' };
        let constant = constant.abs();
        let words = format!("random graph: ln N / ln {branching:.2} {sign} {constant:.2} (fitted)");
        let at = |(peers, _): &(f64, f64)| (*peers, theory.at(*peers));
        lines.push(Line {
            pen: Pen::Dashes(GREY),
            width: 2,
            words,
            points: points.iter().map(at).collect(),
        });
    }
    lines
}

fn detection(group: &Group<'_>) -> Vec<Line> {
    let seconds = |value: Option<f64>| value.map(|ms| ms / 1000.0);
    let mut lines = Vec::new();
    for (name, color, words) in [
        (name::RESET_DEATHS, BLUE, "crash (reset): removed by all seed nodes"),
        (name::SILENT_DEATHS, ORANGE, "crash (silent): removed by all seed nodes"),
    ] {
        let middle = |column: &Column| seconds(column.figure(name)?.median);
        let high = |column: &Column| seconds(column.figure(name)?.p95);
        lines.push(line(group, (Pen::Line(color), words), middle));
        let late = format!("{words}, 95 %");
        lines.push(line(group, (Pen::Dashes(color), &late), high));
    }
    lines.retain(|line| !line.points.is_empty());
    lines
}

fn bytes(group: &Group<'_>) -> Vec<Line> {
    let kilobytes = |column: &Column| Some(column.figure(name::BYTES)?.median? / 1000.0);
    vec![line(group, (Pen::Line(BLUE), "sent in a run, per peer (median)"), kilobytes)]
}
