//! The picture of gossip spread: the fraction of peers reached over the time since a message was
//! sent, median and 5 to 95 % band over the runs.

use std::collections::BTreeMap;
use std::path::Path;

use plotters::prelude::*;

use crate::report::chart::{self, BLUE, Canvas, DECADES, Pen, drawing};
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
    let unfinished = points.iter().rfind(|(_, [low, ..])| *low < 100.0);
    let [first, last] = [(begun, f64::MAX), (unfinished, 0.0)]
        .map(|(point, never)| point.map_or(never, |(delay, _)| *delay));
    let (begin, end) = ends_of_axis([first, last]);
    let delays = (begin..end).log_scale().with_key_points(DECADES.to_vec());
    let mut chart = chart::plot(&canvas, delays, 0.0..100.0)?;
    let names = ("time since a message was sent (logarithmic)", "peers reached, %");
    chart::axes(&mut chart, names, DECADES.len(), &|ms| time(*ms))?;
    let shown = points.iter().filter(|(delay, _)| (begin..=end).contains(delay));
    let edge = |place: usize| shown.clone().map(move |(delay, at)| (*delay, at[place]));
    let outline: Vec<(f64, f64)> =
        edge(0).chain(edge(2).collect::<Vec<_>>().into_iter().rev()).collect();
    chart.draw_series([Polygon::new(outline, band.style())]).map_err(drawing)?;
    chart.draw_series(LineSeries::new(edge(1), line.style())).map_err(drawing)?;
    Ok(())
}

/// Where the axis begins and ends if at `first` some peer was reached for the first time, and up to `last`
/// one was missing in some runs: at the last decade, up to 10 ms, before the first time, and two decades
/// later or at the first decade after the last time.
pub(super) fn ends_of_axis([first, last]: [f64; 2]) -> (f64, f64) {
    let begin = [10.0, 1.0].into_iter().find(|begin| *begin < first).unwrap_or(0.1);
    let is_end = |end: &f64| *end >= 100.0 * begin && *end > last;
    let ends = [10.0, 100.0, 1_000.0, 10_000.0];
    (begin, ends.into_iter().find(is_end).unwrap_or(100_000.0))
}

#[cfg(test)]
mod tests {
    use super::ends_of_axis;

    #[test]
    fn the_axis_has_two_decades_or_more() {
        let cases = [
            ([0.1, 1.8], (0.1, 10.0)),
            ([0.1, 20.0], (0.1, 100.0)),
            ([2.0, 9.0], (1.0, 100.0)),
            ([22.0, 70.0], (10.0, 1_000.0)),
            ([22.0, 1_000.0], (10.0, 10_000.0)),
            ([22.0, 50_000.0], (10.0, 100_000.0)),
        ];
        for (times, ends) in cases {
            assert_eq!(ends_of_axis(times), ends);
        }
    }
}
