//! A report takes the place of an earlier one, completely, even if the program is killed meanwhile.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use crate::report::part::{PART, Part};
use crate::report::saved::SUMMARY;
use crate::report::summary;
use crate::report::tables::TABLES;
use crate::report::{PICTURES, remove_stale};

/// Where tables grow, inside of a report's folder.
pub(super) const UNFINISHED: &str = "sweep.unfinished";

/// Where parts are merged.
pub(super) const MERGING: &str = "sweep.merging";

/// Where all files of the new report are, on their way up.
const FINISHED: &str = "sweep.finished";

/// Moves the report in `from`, a folder inside of `out`, up to `out`.
pub(super) fn publish(from: &Path, out: &Path) -> anyhow::Result<()> {
    let finished = out.join(FINISHED);
    // From here on the new report counts: whoever opens `out` next completes the move.
    rename(from, &finished)?;
    complete(out)
}

/// Moves up what is left of a report on its way.
pub(super) fn complete(out: &Path) -> anyhow::Result<()> {
    let finished = out.join(FINISHED);
    if !finished.exists() {
        return Ok(());
    }
    // The summary goes last: it says what the earlier report had and this one has not.
    if finished.join(SUMMARY).exists() {
        let summary = summary::read_summary(&finished)?;
        let has_rows = |table: &str| summary.tables.get(table).is_some_and(|rows| *rows > 0);
        for table in TABLES.iter().filter(|table| !has_rows(table)) {
            remove_stale(&out.join(table))?;
        }
        for picture in PICTURES.iter().filter(|picture| !picture.is_drawn(&summary)) {
            remove_stale(&out.join(picture.file))?;
        }
    }
    let pictures = PICTURES.iter().map(|picture| picture.file);
    let mut files: Vec<&str> = TABLES.into_iter().chain(pictures).chain([SUMMARY]).collect();
    // Parts are told apart by it; a whole report needs it no more.
    if Part::read(&finished)?.is_some_and(|part| part.identity.shard.is_some()) {
        files.push(PART);
    }
    for file in files {
        let from = finished.join(file);
        if from.exists() {
            rename(&from, &out.join(file))?;
        }
    }
    fs::remove_dir_all(&finished).with_context(|| format!("remove {}", finished.display()))
}

fn rename(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::rename(from, to).with_context(|| format!("move {} to {}", from.display(), to.display()))
}
