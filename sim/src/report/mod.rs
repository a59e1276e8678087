//! Reports for people: tables, a summary, pictures.

pub mod chart;
mod detection_png;
mod overlay_png;
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

/// Writes all files of a report into `folder`, which is made if it is not there. Files of an earlier
/// report are replaced.
pub fn write(scenario: &Scenario, results: &[RunResult], folder: &Path) -> anyhow::Result<Summary> {
    let summary = Summary::of(scenario, results);
    let tables = Tables::of(results);
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    tables.write(folder)?;
    summary.write(&folder.join("summary.json"))?;
    spread_png::draw(&summary, &tables, &folder.join("spread.png"))?;
    overlay_png::draw(&summary, &tables, &folder.join("overlay.png"))?;
    let detection = folder.join("detection.png");
    if tables.detection.is_empty() {
        tables::remove_stale(&detection)?;
    } else {
        detection_png::draw(&summary, &tables, &detection)?;
    }
    Ok(summary)
}
