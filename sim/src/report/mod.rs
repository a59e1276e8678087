//! Reports for people: tables, a summary, pictures, the gallery of all of them.
//!
//! Pictures are drawn from what was saved and from nothing else, so that they can be drawn again.

pub mod answer;
pub mod chart;
pub mod comparison;
mod count;
mod degrees_png;
mod detection_png;
pub mod figure;
mod figures;
pub mod gallery;
mod graph_png;
mod layout;
pub mod merge;
mod overlay_png;
pub mod papers;
pub mod part;
mod publish;
pub mod saved;
mod spread_png;
pub mod summary;
pub mod sweep_store;
pub mod tables;
mod tail_png;
pub mod terminal;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use anyhow::Context as _;

pub(crate) use count::to_float;
use saved::Saved;
use summary::{Head, Summary};

/// One picture of a report.
struct Picture {
    /// Its file.
    file: &'static str,
    /// What it shows, for those who do not see it.
    shows: &'static str,
    /// The table without whose rows it is not drawn.
    table: &'static str,
    draw: fn(&Summary, &Saved<'_>, &Path) -> anyhow::Result<()>,
}

const PICTURES: &[Picture] = &[
    Picture {
        file: "spread.png",
        shows: "how messages spread",
        table: tables::SPREAD,
        draw: spread_png::draw,
    },
    Picture {
        file: tail_png::FILE,
        shows: tail_png::SHOWS,
        table: tables::DELAYS,
        draw: tail_png::draw,
    },
    Picture {
        file: "detection.png",
        shows: "how deaths are noticed",
        table: tables::DETECTION,
        draw: detection_png::draw,
    },
    Picture {
        file: "overlay.png",
        shows: "how the overlay hangs together",
        table: tables::OVERLAY,
        draw: overlay_png::draw,
    },
    Picture {
        file: "graph.png",
        shows: "who is linked with whom",
        table: tables::LINKS,
        draw: graph_png::draw,
    },
    Picture {
        file: "degrees.png",
        shows: "how many links peers have",
        table: tables::DEGREES,
        draw: degrees_png::draw,
    },
];

impl Picture {
    fn is_drawn(&self, summary: &Summary) -> bool {
        summary.tables.get(self.table).is_some_and(|rows| *rows > 0)
    }
}

/// Sums up the tables in `folder`, writes the summary beside them and draws the pictures: from files
/// to files, whoever wrote the tables.
pub(super) fn finish(
    folder: &Path,
    head: Head,
    sizes: &BTreeMap<String, usize>,
) -> anyhow::Result<Summary> {
    let summary = Summary::of(head, &Saved { folder, sizes })?;
    summary.write(&folder.join(saved::SUMMARY))?;
    draw(&summary, folder)?;
    Ok(summary)
}

/// Draws all pictures of the report in `folder` again, from its saved tables and summary.
pub fn redraw(folder: &Path) -> anyhow::Result<Summary> {
    publish::complete(folder)?;
    let summary = summary::read_summary(folder)?;
    Saved { folder, sizes: &summary.tables }.check()?;
    draw(&summary, folder)?;
    Ok(summary)
}

fn draw(summary: &Summary, folder: &Path) -> anyhow::Result<()> {
    let saved = Saved { folder, sizes: &summary.tables };
    for picture in PICTURES {
        let path = folder.join(picture.file);
        if picture.is_drawn(summary) {
            (picture.draw)(summary, &saved, &path)?;
        } else {
            remove_stale(&path)?;
        }
    }
    Ok(())
}

/// Removes a file of an earlier report, which would speak of other runs.
fn remove_stale(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("remove {}", path.display()))
        }
        _ => Ok(()),
    }
}
