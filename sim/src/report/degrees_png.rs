//! The picture of the degrees: the share of peers with at least so many links, both axes
//! logarithmic, where a power law is a straight line. If the degrees should follow one, the law that
//! fits them best is drawn beside them.

use std::path::Path;

use plotters::prelude::*;

use crate::measure::power_law::{self, PowerLaw};
use crate::report::chart::{self, BLUE, Canvas, ORANGE, Pen, drawing};
use crate::report::count::{Counts, to_float};
use crate::report::saved::Saved;
use crate::report::summary::Summary;
use crate::report::tables::DegreeRow;

const HEIGHT: u32 = 520;

pub(super) fn draw(summary: &Summary, saved: &Saved<'_>, path: &Path) -> anyhow::Result<()> {
    let degrees = degrees(saved.rows()?)?;
    let counts: Vec<(u64, u64)> = degrees.iter().collect();
    let law = power_law::fit(&counts).filter(|_| summary.setting.power_law);
    let points = tail(&degrees);
    chart::picture(path, HEIGHT, summary, |canvas| plot(canvas, &points, law.as_ref()))
}

/// How many peers have each degree at the end, all runs together.
pub(super) fn degrees(
    rows: impl Iterator<Item = anyhow::Result<DegreeRow>>,
) -> anyhow::Result<Counts> {
    let mut degrees = Counts::default();
    for row in rows {
        let DegreeRow { degree, peers, .. } = row?;
        degrees.add_many(u64::try_from(degree)?, u64::try_from(peers)?);
    }
    Ok(degrees)
}

/// (links, percent of the peers with at least so many); from one link on, because a logarithm has
/// no zero.
fn tail(degrees: &Counts) -> Vec<(f64, f64)> {
    let mut left = degrees.total();
    let mut points = Vec::new();
    for (degree, count) in degrees.iter() {
        if degree > 0 {
            points.push((to_float(degree), 100.0 * to_float(left) / to_float(degrees.total())));
        }
        left -= count;
    }
    points
}

/// The law's line through the same points: it begins where it holds, at the height of the data.
fn law_line(law: &PowerLaw, points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let start = to_float(law.x_min);
    let tail = points.iter().filter(|(degree, _)| *degree >= start);
    let height = tail.clone().next().map_or(0.0, |(_, share)| *share);
    tail.map(|(degree, _)| (*degree, height * law.share_from(*degree))).collect()
}

fn legend(law: Option<&PowerLaw>) -> Vec<(Pen, String)> {
    let mut legend = vec![(Pen::Line(BLUE), "peers of all runs, at the end".to_owned())];
    legend.extend(law.map(|law| {
        let PowerLaw { exponent, x_min, tail, distance } = law;
        let words = format!(
            "power law with exponent {exponent:.2}, from {x_min} links on: maximum likelihood of \
             {tail} peers, KS distance {distance:.3}"
        );
        (Pen::Dashes(ORANGE), words)
    }));
    legend
}

fn plot(canvas: &Canvas<'_>, points: &[(f64, f64)], law: Option<&PowerLaw>) -> anyhow::Result<()> {
    let pen = Pen::Line(BLUE);
    let canvas = chart::legend(canvas, &legend(law))?;
    let most = points.last().map_or(1.0, |(degree, _)| *degree);
    let least = points.last().map_or(100.0, |(_, share)| *share);
    let right = [10.0, 20.0, 50.0].into_iter().find(|it| *it > most).unwrap_or(100.0);
    let bottom = [10.0, 1.0, 0.1, 0.01].into_iter().find(|it| *it < least).unwrap_or(0.001);
    // plotters' own marks name some places twice.
    let marks = [1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0, 30.0, 50.0, 100.0];
    let links = (1.0..right).log_scale().with_key_points(marks.to_vec());
    let shares =
        (bottom..100.0).log_scale().with_key_points(vec![0.001, 0.01, 0.1, 1.0, 10.0, 100.0]);
    let mut chart = chart::plot(&canvas, links, shares)?;
    let names = ("links of a peer, at least (logarithmic)", "peers, % (logarithmic)");
    chart::axes(&mut chart, names, marks.len(), &|links| format!("{links:.0}"))?;
    chart.draw_series(LineSeries::new(points.iter().copied(), pen.style())).map_err(drawing)?;
    let dot = |point: &(f64, f64)| Circle::new(*point, 4, Pen::Dot(BLUE).style());
    chart.draw_series(points.iter().map(dot)).map_err(drawing)?;
    if let Some(law) = law {
        let line = law_line(law, points).into_iter().filter(|(_, share)| *share >= bottom);
        let (dash, gap) = chart::DASH;
        let dashes = DashedLineSeries::new(line, dash, gap, Pen::Dashes(ORANGE).style());
        chart.draw_series(dashes).map_err(drawing)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_counts_peers_with_at_least_so_many_links() {
        let row = |degree, peers| DegreeRow { seed: 1, degree, peers };
        let rows = [row(0, 2), row(1, 2), row(4, 4), row(1, 2)];
        let degrees = degrees(rows.into_iter().map(Ok)).expect("no error");
        assert_eq!(tail(&degrees), [(1.0, 80.0), (4.0, 40.0)]);
    }
}
