//! The picture of the tail: the share of deliveries that took longer than a delay, both axes
//! logarithmic, so that one in a million is seen beside the half.

use std::path::Path;

use plotters::prelude::*;

use crate::measure::delay::DelayHistogram;
use crate::measure::fractional_millis;
use crate::report::chart::{self, COLORS, Canvas, DECADES, Pen, WIDE, drawing};
use crate::report::count::to_float;
use crate::report::figure::time;
use crate::report::saved::Saved;
use crate::report::summary::Summary;
use crate::report::tables::DelayRow;

/// The file.
pub(super) const FILE: &str = "tail.png";

/// What it shows, for those who do not see it.
pub(super) const SHOWS: &str = "how many deliveries took how long, the slowest too";

/// Height without the legend.
const HEIGHT: u32 = 520;

/// The least share that is drawn, in percent: one in a million.
const LEAST_SHARE: f64 = 0.000_1;

/// With more decades than this, only they are marked.
const MAX_FINE_DECADES: usize = 3;

/// One line.
pub(super) struct Tail<'a> {
    /// What it is called.
    pub(super) label: String,
    pub(super) delays: &'a DelayHistogram,
}

pub(super) fn draw(summary: &Summary, saved: &Saved<'_>, path: &Path) -> anyhow::Result<()> {
    let mut delays = DelayHistogram::default();
    for row in saved.rows::<DelayRow>()? {
        delays.add(&row?.histogram);
    }
    let tails = [Tail { label: "all runs together".to_owned(), delays: &delays }];
    draw_all(&tails, (&summary.question, &summary.setting.caption(summary.runs)), path)
}

/// Draws these lines, those that there are colors for. One of them has deliveries.
pub(super) fn draw_all(tails: &[Tail<'_>], title: (&str, &str), path: &Path) -> anyhow::Result<()> {
    let shown: Vec<(RGBColor, &Tail<'_>)> = COLORS.into_iter().zip(tails).collect();
    let mut legend: Vec<(Pen, String)> =
        shown.iter().map(|(color, tail)| (Pen::Line(*color), tail.words())).collect();
    let more = tails.len() - shown.len();
    if more > 0 {
        legend.push((Pen::Dot(WHITE), format!("{more} more, in figures.csv")));
    }
    let lines = u32::try_from(legend.len()).unwrap_or(1);
    chart::titled(path, HEIGHT + lines * chart::LEGEND_LINE, title, |canvas| {
        let canvas = chart::legend(canvas, &legend)?;
        plot(&canvas, &shown)
    })
}

fn plot(canvas: &Canvas<'_>, shown: &[(RGBColor, &Tail<'_>)]) -> anyhow::Result<()> {
    let delays = shown.iter().filter_map(|(_, tail)| tail.ends());
    let (shortest, longest) =
        delays.fold((f64::MAX, 0.0), |(a, b), (from, to)| (f64::min(a, from), f64::max(b, to)));
    let marks = marks(shortest, longest);
    let (left, right) = (marks[0], marks[marks.len() - 1]);
    let most = shown.iter().map(|(_, tail)| tail.delays.deliveries()).max().unwrap_or(1);
    let shares = shares(most);
    let bottom = shares[shares.len() - 1];
    let mut chart = chart::plot(
        canvas,
        (left..right).log_scale().with_key_points(marks.clone()),
        (bottom..100.0).log_scale().with_key_points(shares),
    )?;
    let names = (
        "time since a message was sent (logarithmic)",
        "deliveries that took longer, % (logarithmic)",
    );
    chart::axes(&mut chart, names, marks.len(), &|ms| time(*ms))?;
    for (place, (color, tail)) in shown.iter().enumerate() {
        let width = if shown.len() == 2 && place == 0 { WIDE } else { 2 };
        let style = Pen::Line(*color).style().stroke_width(width);
        let steps = tail.steps(left, bottom);
        chart.draw_series(LineSeries::new(steps, style)).map_err(drawing)?;
    }
    Ok(())
}

/// Delays that are marked: decades from below the shortest to above the longest, if they are few with
/// steps between them.
fn marks(shortest: f64, longest: f64) -> Vec<f64> {
    let left = DECADES.iter().rposition(|it| *it <= shortest).unwrap_or(0);
    let last = DECADES.len() - 1;
    let right = DECADES.iter().position(|it| *it > longest).unwrap_or(last).max(left + 1);
    let decades = &DECADES[left.min(last - 1)..=right.min(last)];
    if decades.len() > MAX_FINE_DECADES + 1 {
        return decades.to_vec();
    }
    let (end, begun) = decades.split_last().expect("there are two");
    let steps = begun.iter().flat_map(|decade| [1.0, 2.0, 5.0].map(|step| decade * step));
    steps.chain([*end]).collect()
}

/// Shares that are marked, in percent: from all to below one of so many deliveries.
fn shares(deliveries: u64) -> Vec<f64> {
    let one = 100.0 / to_float(deliveries.max(1));
    let mut shares = vec![100.0];
    for share in [10.0, 1.0, 0.1, 0.01, 0.001, LEAST_SHARE] {
        shares.push(share);
        if share < one {
            break;
        }
    }
    shares
}

impl Tail<'_> {
    /// What the legend says of it.
    fn words(&self) -> String {
        let Self { label, delays } = self;
        let deliveries = delays.deliveries();
        if deliveries == 0 {
            return format!("{label}: no deliveries");
        }
        let at = |thousandths| time(delays.quantile(thousandths).map_or(0.0, fractional_millis));
        let [p50, p99, p999, max] = [500, 990, 999, 1_000].map(at);
        let quantiles = format!("p50 = {p50}, p99 = {p99}, p99.9 = {p999}, max = {max}");
        format!("{label}: {deliveries} deliveries, {quantiles}")
    }

    /// The shortest and the longest delay.
    fn ends(&self) -> Option<(f64, f64)> {
        let at = |thousandths| self.delays.quantile(thousandths).map(fractional_millis);
        at(0).zip(at(1_000))
    }

    /// (delay in ms, percent that took longer) as a staircase, from `left` down to `bottom`. Nothing
    /// without deliveries.
    fn steps(&self, left: f64, bottom: f64) -> Vec<(f64, f64)> {
        let mut longer = self.delays.deliveries();
        if longer == 0 {
            return Vec::new();
        }
        let all = to_float(longer);
        let share = |count| (100.0 * to_float(count) / all).max(bottom);
        let mut steps = vec![(left, share(longer))];
        for (micros, count) in self.delays.counts() {
            let ms = (to_float(micros) / 1000.0).max(left);
            steps.push((ms, share(longer)));
            longer -= count;
            steps.push((ms, share(longer)));
        }
        steps
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_line_steps_down_by_the_deliveries_of_each_delay() {
        let delays = DelayHistogram::from_iter([1, 1, 1, 500].map(Duration::from_millis));
        let tail = Tail { label: "one waited".to_owned(), delays: &delays };
        let expected = [(1.0, 100.0), (1.0, 100.0), (1.0, 25.0), (499.968, 25.0), (499.968, 10.0)];
        assert_eq!(tail.steps(1.0, 10.0), expected);
        let words =
            "one waited: 4 deliveries, p50 = 1 ms, p99 = 500 ms, p99.9 = 500 ms, max = 500 ms";
        assert_eq!(tail.words(), words);
        let none = Tail { label: "silent".to_owned(), delays: &DelayHistogram::default() };
        assert_eq!((none.steps(1.0, 0.1), none.ends()), (Vec::new(), None));
        assert_eq!(none.words(), "silent: no deliveries");
    }

    #[test]
    fn the_axes_hold_all_and_one_delivery_is_seen() {
        assert_eq!(marks(0.3, 4.0), [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0]);
        assert_eq!(marks(20.0, 1e6), [10.0, 100.0, 1e3, 1e4, 1e5, 1e6, 1e7]);
        assert_eq!(marks(0.0, 0.0), [0.01, 0.02, 0.05, 0.1]);
        assert_eq!(marks(1e9, 1e9).len(), 4, "no run takes so long");
        assert_eq!(shares(999), [100.0, 10.0, 1.0, 0.1]);
        assert_eq!(shares(1_000).last(), Some(&0.01));
        assert_eq!(shares(u64::MAX).last(), Some(&LEAST_SHARE));
    }
}
