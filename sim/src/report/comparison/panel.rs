//! One panel of a picture of growth: lines over the axis.

use plotters::coord::ranged1d::ValueFormatter;
use plotters::prelude::*;

use super::axis::Axis;
use crate::report::chart::{self, Canvas, Pen, drawing};

/// One line of a panel.
pub(super) struct Line {
    pub(super) pen: Pen,
    /// Pixels of it.
    pub(super) width: u32,
    /// What it is, in the panel's legend; empty where the picture has one legend for all panels.
    pub(super) words: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// Draws these lines, of which at least one has points, under their legend.
pub(super) fn draw(
    area: &Canvas<'_>,
    unit: &str,
    axis: &Axis<'_>,
    lines: &[Line],
) -> anyhow::Result<()> {
    let worded = lines.iter().filter(|line| !line.words.is_empty());
    let legend: Vec<(Pen, String)> = worded.map(|it| (it.pen, it.words.clone())).collect();
    let area = chart::legend(area, &legend)?;
    let heights = lines.iter().flat_map(|line| line.points.iter().map(|(_, height)| *height));
    let top = heights.fold(f64::MIN_POSITIVE, f64::max) * 1.1;
    let (least, most) = axis.ends();
    if axis.is_logarithmic() {
        let places = (least..most).log_scale().with_key_points(axis.values.clone());
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
            let style = line.pen.style().stroke_width(line.width);
            chart.draw_series(LineSeries::new(points.clone(), style)).map_err(drawing)?;
            let dot = |point| Circle::new(point, line.width + 2, line.pen.style().filled());
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
