//! The picture of the benchmarks: one row each, ours in units of what was published, and what is allowed.

use std::path::Path;

use plotters::element::PathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Papers;
use crate::papers::Effort;
use crate::papers::benchmark::{Benchmark, Verdict, show};
use crate::report::chart::{self, BLUE, Canvas, GREEN, GREY, LINK, ORANGE, Pen, drawing};

/// Pixels of a row.
const ROW: i32 = 19;

/// Pixels of title, legend and scale.
const AROUND: i32 = 230;

/// Where the scale begins and ends, in pixels from the left.
const SCALE: (i32, i32) = (430, 700);

/// Where the words begin, and where the numbers do.
const MARGINS: (i32, i32) = (20, 716);

/// The scale's end, in units of what was published. What lies beyond is drawn there.
const MAX_RATIO: f64 = 2.0;

const TITLE: &str = "How near are our numbers to the published ones?";

pub(super) fn draw(papers: &Papers, path: &Path) -> anyhow::Result<()> {
    let rows = i32::try_from(papers.benchmarks.len())?;
    let height = u32::try_from(AROUND + ROW * rows)?;
    let effort = match papers.effort {
        Effort::Quick => "quick: smaller networks, fewer runs",
        Effort::Full => "full size",
    };
    let caption = format!("{}; {effort}", papers.answer());
    chart::titled(path, height, (TITLE, &caption), |canvas| {
        let canvas = chart::legend(canvas, &legend(papers))?;
        scale(&canvas, rows)?;
        for (row, benchmark) in (1..).zip(&papers.benchmarks) {
            self::row(&canvas, ROW * row, benchmark)?;
        }
        Ok(())
    })
}

fn legend(papers: &Papers) -> Vec<(Pen, String)> {
    let mut legend =
        vec![(Pen::Band(BLUE), "allowed, in units of the published number".to_owned())];
    let entries = [
        (Verdict::Holds, "ours, within what is allowed"),
        (Verdict::Beats, "ours, and better than the target"),
        (Verdict::Differs, "ours, not within what is allowed; why is known"),
        (Verdict::Misses, "ours, not within what is allowed"),
    ];
    for (verdict, words) in entries {
        if papers.count(verdict) > 0 {
            legend.push((Pen::Dot(color(verdict)), words.to_owned()));
        }
    }
    if papers.benchmarks.iter().any(|benchmark| benchmark.target.is_some()) {
        legend.push((Pen::Line(GREEN), "the target".to_owned()));
    }
    legend
}

const fn color(verdict: Verdict) -> RGBColor {
    match verdict {
        Verdict::Misses => ORANGE,
        Verdict::Differs => GREY,
        Verdict::Holds => BLUE,
        Verdict::Beats => GREEN,
    }
}

/// Lines at 0, half of the published number, itself and twice as much, with their names above, and what
/// the words beside them are.
fn scale(canvas: &Canvas<'_>, rows: i32) -> anyhow::Result<()> {
    let style = chart::small_style().color(&GREY).pos(Pos::new(HPos::Center, VPos::Center));
    for (place, name) in
        [(0.0, "0"), (0.5, "half"), (1.0, "published"), (1.5, ""), (MAX_RATIO, "twice")]
    {
        let x = pixel(place);
        let color = if name == "published" { GREY } else { LINK };
        let line = [(x, ROW / 2 + 4), (x, ROW * rows + ROW)];
        canvas.draw(&PathElement::new(line, color.stroke_width(1))).map_err(drawing)?;
        canvas.draw_text(name, &style, (x, ROW / 2 - 4)).map_err(drawing)?;
    }
    let style = style.pos(Pos::new(HPos::Left, VPos::Center));
    canvas.draw_text("ours (published)", &style, (MARGINS.1, ROW / 2 - 4)).map_err(drawing)
}

fn row(canvas: &Canvas<'_>, top: i32, benchmark: &Benchmark) -> anyhow::Result<()> {
    let middle = top + ROW / 2;
    let style = chart::small_style().pos(Pos::new(HPos::Left, VPos::Center));
    let (left, right) = MARGINS;
    let words = format!("{}: {}", benchmark.name(), benchmark.metric);
    canvas.draw_text(&words, &style, (left, middle)).map_err(drawing)?;
    let (least, most) = benchmark.tolerance.bounds(benchmark.published);
    let [from, to] = [least, most].map(|bound| pixel(ratio(benchmark, bound)));
    // A narrow tolerance is still seen.
    let corners = [(from.min(to - 1), middle - 6), (to.max(from + 1), middle + 6)];
    canvas.draw(&Rectangle::new(corners, Pen::Band(BLUE).style())).map_err(drawing)?;
    if let Some(target) = benchmark.target {
        let x = pixel(ratio(benchmark, target.end()));
        let tick = [(x, middle - 8), (x, middle + 8)];
        canvas.draw(&PathElement::new(tick, Pen::Line(GREEN).style())).map_err(drawing)?;
    }
    let color = color(benchmark.verdict());
    if let Some(ours) = benchmark.ours {
        let dot = Circle::new((pixel(ratio(benchmark, ours)), middle), 4, Pen::Dot(color).style());
        canvas.draw(&dot).map_err(drawing)?;
    }
    let ours = benchmark.ours.map_or_else(|| "none".to_owned(), show);
    let words = format!("{ours} ({})", benchmark.published_text);
    canvas.draw_text(&words, &style.color(&color), (right, middle)).map_err(drawing)
}

/// A value in units of what was published; of nothing, only nothing is as much.
fn ratio(benchmark: &Benchmark, value: f64) -> f64 {
    if benchmark.published != 0.0 {
        value / benchmark.published
    } else if value == 0.0 {
        1.0
    } else {
        value.signum() * f64::INFINITY
    }
}

#[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "within the picture")]
fn pixel(ratio: f64) -> i32 {
    let (left, right) = SCALE;
    left + (ratio.clamp(0.0, MAX_RATIO) / MAX_RATIO * f64::from(right - left)).round() as i32
}
