//! The tables of a report while its runs are made: they grow on disk, run after run, in a folder
//! inside of the report's. A sweep that was stopped goes on where it was; only when all is there
//! does it take the place of an earlier report.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::report::part::{Identity, PART, Part, Size};
use crate::report::publish::{self, UNFINISHED};
use crate::report::saved::SUMMARY;
use crate::report::summary;
use crate::report::summary::{Head, Summary};
use crate::report::tables::{RunTables, TABLES, TablePart, VIOLATIONS, is_optional};
use crate::report::{finish, remove_stale};

/// The file that a process locks while it is at work in the folder.
const LOCK: &str = "lock";

/// A report's folder, opened for runs.
#[derive(Debug)]
pub enum Opened {
    /// There are runs to make, or at least pictures to draw.
    SweepStore(Box<SweepStore>),
    /// It is a part of a sweep, and complete.
    Finished(Box<Summary>),
}

/// Tables that grow.
#[derive(Debug)]
pub struct SweepStore {
    /// The report's folder.
    out: PathBuf,
    /// The folder inside of it.
    folder: PathBuf,
    part: Part,
    /// Those that have rows.
    files: BTreeMap<&'static str, File>,
    /// Held until the end.
    lock: File,
}

/// Opens `out` for the runs of `identity`; it is made if it is not there. Runs of a sweep that was
/// stopped stay. A finished report is replaced, but no part of a sweep, and no sweep of other runs.
/// `replay` is the command that repeats a run, without its seed.
pub fn open(out: &Path, identity: Identity, replay: String) -> anyhow::Result<Opened> {
    publish::complete(out)?;
    if let Some(part) = Part::read(out)? {
        same_runs(&identity, &part, out, "a part of a sweep")?;
        return Ok(Opened::Finished(Box::new(summary::read_summary(out)?)));
    }
    ensure!(
        identity.shard.is_none() || !out.join(SUMMARY).exists(),
        "{}: holds a finished report; choose another folder for a part of a sweep with --out",
        out.display()
    );
    let folder = out.join(UNFINISHED);
    fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
    let lock = lock(&folder)?;
    let part = if let Some(part) = Part::read(&folder)? {
        same_runs(&identity, &part, &folder, "an unfinished sweep")?;
        part
    } else {
        let part = Part::new(identity, replay);
        part.write(&folder)?;
        part
    };
    let files = reopen(&folder, &part.tables)?;
    let out = out.to_owned();
    Ok(Opened::SweepStore(Box::new(SweepStore { out, folder, part, files, lock })))
}

fn same_runs(asked: &Identity, part: &Part, folder: &Path, what: &str) -> anyhow::Result<()> {
    let differences = asked.differences(&part.identity);
    ensure!(
        differences.is_empty(),
        "{}: holds {what} of other runs ({}); remove it, or choose another folder with --out",
        folder.display(),
        differences.join("; ")
    );
    Ok(())
}

fn lock(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK);
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.with_context(|| format!("make {}", path.display()))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            bail!("{}: another process is at work here", folder.display())
        }
        // Some file systems of networks know no locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Opens the tables at the end of their last complete run: what was written of another one goes.
fn reopen(
    folder: &Path,
    tables: &BTreeMap<String, Size>,
) -> anyhow::Result<BTreeMap<&'static str, File>> {
    let mut files = BTreeMap::new();
    for table in TABLES {
        let path = folder.join(table);
        let Some(Size { bytes, .. }) = tables.get(table) else {
            remove_stale(&path)?;
            continue;
        };
        let open = || -> std::io::Result<(File, u64)> {
            let file = OpenOptions::new().append(true).open(&path)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        let (file, length) = open().with_context(|| format!("open {}", path.display()))?;
        ensure!(
            length >= *bytes,
            "{}: {length} bytes, {PART} says {bytes}; remove {} and begin again",
            path.display(),
            folder.display()
        );
        file.set_len(*bytes).with_context(|| format!("cut {}", path.display()))?;
        files.insert(table, file);
    }
    Ok(files)
}

impl SweepStore {
    /// Runs that are there.
    pub fn done(&self) -> u64 {
        self.part.done
    }

    /// Violations found in them.
    pub fn violations(&self) -> usize {
        self.part.tables.get(VIOLATIONS).map_or(0, |size| size.rows)
    }

    /// Adds the next run. Runs come in the order of their seeds.
    pub fn add(&mut self, run: &RunTables) -> anyhow::Result<()> {
        for part in &run.parts {
            self.add_part(part)
                .with_context(|| format!("write {}", self.folder.join(part.table).display()))?;
        }
        self.part.done += 1;
        self.part.write(&self.folder)
    }

    fn add_part(&mut self, part: &TablePart) -> anyhow::Result<()> {
        let TablePart { table, rows, csv } = part;
        let mut csv = csv.as_slice();
        if let Some(file) = self.files.get_mut(table) {
            csv = &csv[header_length(csv)..];
            file.write_all(csv)?;
        } else {
            let path = self.folder.join(table);
            let mut file = OpenOptions::new().create_new(true).append(true).open(path)?;
            file.write_all(csv)?;
            self.files.insert(table, file);
        }
        let size = self.part.tables.entry((*table).to_owned()).or_default();
        size.rows += rows;
        size.bytes += u64::try_from(csv.len())?;
        Ok(())
    }

    /// Sums up, draws, and takes the place of what was in the report's folder.
    pub fn finish(self, head: Head) -> anyhow::Result<Summary> {
        let Self { out, folder, part, files, lock } = self;
        drop(files);
        let summary = finish(&folder, head, &row_counts(&part.tables))?;
        publish::publish(&folder, &out)?;
        drop(lock);
        Ok(summary)
    }
}

/// Bytes of a table's first line.
fn header_length(csv: &[u8]) -> usize {
    csv.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1)
}

/// Rows of each table, as a summary tells of them.
pub(super) fn row_counts(tables: &BTreeMap<String, Size>) -> BTreeMap<String, usize> {
    let rows = |table: &&str| tables.get(*table).map_or(0, |size| size.rows);
    let is_told = |table: &&str| !is_optional(table) || rows(table) > 0;
    let told = TABLES.iter().copied().filter(is_told);
    told.map(|table| (table.to_owned(), rows(&table))).collect()
}
