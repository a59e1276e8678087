//! The picture of the degrees: the share of peers with at least so many links, both axes
//! logarithmic, where a power law is a straight line.

use std::path::Path;

use plotters::prelude::*;

use crate::report::chart::{self, BLUE, Canvas, Pen, drawing};
use crate::report::count::{Counts, to_float};
use crate::report::saved::Saved;
use crate::report::summary::Summary;
use crate::report::tables::DegreeRow;

const HEIGHT: u32 = 520;

pub(super) fn draw(summary: &Summary, saved: &Saved<'_>, path: &Path) -> anyhow::Result<()> {
    let points = tail(&degrees(saved.rows()?)?);
    chart::picture(path, HEIGHT, summary, |canvas| plot(canvas, &points))
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

fn plot(canvas: &Canvas<'_>, points: &[(f64, f64)]) -> anyhow::Result<()> {
    let pen = Pen::Line(BLUE);
    let canvas = chart::legend(canvas, &[(pen, "peers of all runs, at the end".to_owned())])?;
    let most = points.last().map_or(1.0, |(degree, _)| *degree);
    let least = points.last().map_or(100.0, |(_, share)| *share);
    let right = [10.0, 20.0, 50.0].into_iter().find(|it| *it > most).unwrap_or(100.0);
    let bottom = [10.0, 1.0, 0.1].into_iter().find(|it| *it < least).unwrap_or(0.01);
    // plotters' own marks name some places twice.
    let marks = [1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0, 30.0, 50.0, 100.0];
    let links = (1.0..right).log_scale().with_key_points(marks.to_vec());
    let shares = (bottom..100.0).log_scale().with_key_points(vec![0.01, 0.1, 1.0, 10.0, 100.0]);
    let mut chart = chart::plot(&canvas, links, shares)?;
    let names = ("links of a peer, at least (logarithmic)", "peers, % (logarithmic)");
    chart::axes(&mut chart, names, marks.len(), &|links| format!("{links:.0}"))?;
    chart.draw_series(LineSeries::new(points.iter().copied(), pen.style())).map_err(drawing)?;
    let dot = |point: &(f64, f64)| Circle::new(*point, 4, Pen::Dot(BLUE).style());
    chart.draw_series(points.iter().map(dot)).map_err(drawing)?;
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
