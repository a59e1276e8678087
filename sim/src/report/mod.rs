//! Reports for people: tables, a summary, pictures, the gallery of all of them.
//!
//! Pictures are drawn from what was saved and from nothing else, so that they can be drawn again.

pub mod answer;
pub mod chart;
mod degrees_png;
mod detection_png;
pub mod gallery;
mod graph_png;
mod layout;
mod overlay_png;
pub mod saved;
mod spread_png;
pub mod summary;
pub mod tables;
pub mod terminal;

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::scenario::Scenario;
use crate::sweep::RunResult;
use summary::Summary;
use tables::Tables;

/// One picture of a report.
struct Picture {
    /// Its file.
    file: &'static str,
    /// What it shows, for those who do not see it.
    shows: &'static str,
    /// The table without whose rows it is not drawn.
    table: &'static str,
    draw: fn(&Summary, &Tables, &Path) -> anyhow::Result<()>,
}

const PICTURES: &[Picture] = &[
    Picture {
        file: "spread.png",
        shows: "how messages spread",
        table: tables::SPREAD,
        draw: spread_png::draw,
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

/// Writes all files of a report into `folder`, which is made if it is not there. Files of an earlier
/// report are replaced.
pub fn write(scenario: &Scenario, results: &[RunResult], folder: &Path) -> anyhow::Result<Summary> {
    let tables = Tables::of(results);
    let summary = Summary::of(scenario, results, &tables);
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    tables.write(folder)?;
    summary.write(&folder.join(saved::SUMMARY))?;
    redraw(folder)
}

/// Draws all pictures of the report in `folder` from its saved tables and summary.
pub fn redraw(folder: &Path) -> anyhow::Result<Summary> {
    let (summary, tables) = saved::read(folder)?;
    for picture in PICTURES {
        let path = folder.join(picture.file);
        if picture.is_drawn(&summary) {
            (picture.draw)(&summary, &tables, &path)?;
        } else {
            tables::remove_stale(&path)?;
        }
    }
    Ok(summary)
}
