//! The picture of the graph: who is linked with whom in the first run, at the end, and if the network
//! was cut also just before the first cut healed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use crate::host::HostId;
use crate::report::chart::{self, BLUE, Canvas, GREY, LINK, ORANGE, Pen, drawing};
use crate::report::layout::{Place, layout};
use crate::report::saved::Saved;
use crate::report::summary::Summary;
use crate::report::tables::{FaultRow, LinkRow};

const HEIGHT: u32 = 620;

/// Pixels between a panel's edge and the middle of a node.
const EDGE: i32 = 34;

/// The graph at one moment.
struct Panel {
    title: String,
    /// Links of each peer.
    degrees: BTreeMap<HostId, usize>,
    links: Vec<(HostId, HostId)>,
    /// Peers on the other side of the cut.
    cut_off: BTreeSet<HostId>,
}

pub(super) fn draw(summary: &Summary, saved: &Saved<'_>, path: &Path) -> anyhow::Result<()> {
    // The one table that does not grow with the runs.
    let links: Vec<LinkRow> = saved.rows()?.collect::<anyhow::Result<_>>()?;
    let panels = panels(&links, &cut_off(saved.rows()?)?);
    chart::picture(path, HEIGHT, summary, |canvas| {
        let seed = links.first().map_or(0, |row| row.seed);
        let dot = format!("a peer of the run with rng seed {seed}, larger with more links");
        let mut legend = vec![(Pen::Dot(BLUE), dot)];
        if panels.iter().any(|panel| !panel.cut_off.is_empty()) {
            legend.push((
                Pen::Dot(ORANGE),
                "on the other side of the cut; links across it are orange too".to_owned(),
            ));
        }
        if panels.iter().any(|panel| panel.degrees.values().any(|degree| *degree == 0)) {
            legend.push((Pen::Dot(GREY), "without a link".to_owned()));
        }
        let canvas = chart::legend(canvas, &legend)?;
        for (area, panel) in canvas.split_evenly((1, panels.len())).iter().zip(&panels) {
            plot(area, panel)?;
        }
        Ok(())
    })
}

fn panels(links: &[LinkRow], cut_off: &BTreeSet<HostId>) -> Vec<Panel> {
    let mut by_time: BTreeMap<u64, Vec<&LinkRow>> = BTreeMap::new();
    for row in links {
        by_time.entry(row.at_ms).or_default().push(row);
    }
    let last = by_time.keys().last().copied().unwrap_or_default();
    let panel = |(at, rows): (u64, Vec<&LinkRow>)| {
        let mut degrees: BTreeMap<HostId, usize> = BTreeMap::new();
        let links: Vec<_> = rows.iter().filter_map(|row| Some((row.a, row.b?))).collect();
        for row in rows {
            degrees.entry(row.a).or_default();
        }
        for host in links.iter().flat_map(|(a, b)| [a, b]) {
            *degrees.entry(*host).or_default() += 1;
        }
        let second = at / 1000;
        let (title, cut_off) = if at == last {
            (format!("at the end, after {second} s"), BTreeSet::new())
        } else {
            (format!("before the first cut heals, after {second} s"), cut_off.clone())
        };
        Panel { title, degrees, links, cut_off }
    };
    by_time.into_iter().map(panel).collect()
}

/// Whom the first cut of the first run cut off.
fn cut_off(
    mut faults: impl Iterator<Item = anyhow::Result<FaultRow>>,
) -> anyhow::Result<BTreeSet<HostId>> {
    let is_wanted = |row: &anyhow::Result<FaultRow>| {
        row.as_ref().map_or(true, |row| row.fault.starts_with("cut"))
    };
    let cut = faults.find(is_wanted).transpose()?;
    let hosts = cut.iter().flat_map(|row| row.hosts.split(' '));
    Ok(hosts.filter_map(HostId::named).collect())
}

fn plot(canvas: &Canvas<'_>, panel: &Panel) -> anyhow::Result<()> {
    let (width, _) = canvas.dim_in_pixel();
    let middle = i32::try_from(width / 2)?;
    let title = chart::label_style().pos(Pos::new(HPos::Center, VPos::Top));
    canvas.draw_text(&panel.title, &title, (middle, 6)).map_err(drawing)?;
    let spots = spots(canvas, panel)?;
    for (a, b) in &panel.links {
        let crosses = panel.cut_off.contains(a) != panel.cut_off.contains(b);
        let color = if crosses { ORANGE.mix(0.5) } else { LINK.to_rgba() };
        let line = [spots[a], spots[b]];
        canvas.draw(&PathElement::new(line, color.stroke_width(1))).map_err(drawing)?;
    }
    let number = chart::small_style().color(&WHITE).pos(Pos::new(HPos::Center, VPos::Center));
    for (host, degree) in &panel.degrees {
        let color = match (degree, panel.cut_off.contains(host)) {
            (0, _) => GREY,
            (_, true) => ORANGE,
            (_, false) => BLUE,
        };
        let node = Circle::new(spots[host], radius(*degree), color.filled());
        canvas.draw(&node).map_err(drawing)?;
        let name = host.to_string();
        let name = name.trim_start_matches("peer-");
        canvas.draw_text(name, &number, spots[host]).map_err(drawing)?;
    }
    Ok(())
}

/// Pixels: room for two digits, and a pixel more per link up to 12.
fn radius(degree: usize) -> i32 {
    9 + i32::try_from(degree.min(12)).unwrap_or(12) / 2
}

/// Where each peer is drawn.
fn spots(canvas: &Canvas<'_>, panel: &Panel) -> anyhow::Result<BTreeMap<HostId, (i32, i32)>> {
    let numbers: BTreeMap<HostId, usize> = panel.degrees.keys().copied().zip(0..).collect();
    let links: Vec<_> = panel.links.iter().map(|(a, b)| (numbers[a], numbers[b])).collect();
    let (width, height) = canvas.dim_in_pixel();
    let (width, height) = (i32::try_from(width)?, i32::try_from(height)?);
    // The title takes the height of one more edge.
    let spot = |place: Place| {
        let x = EDGE + pixels(place.x, width - 2 * EDGE);
        (x, 2 * EDGE + pixels(place.y, height - 3 * EDGE))
    };
    let places = layout(numbers.len(), &links).into_iter().map(spot);
    Ok(numbers.into_keys().zip(places).collect())
}

#[expect(clippy::cast_possible_truncation, clippy::as_conversions, reason = "a part of a picture")]
fn pixels(part: f64, of: i32) -> i32 {
    (part * f64::from(of)).round() as i32
}
