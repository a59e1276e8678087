//! The tables of a report while its runs are made: they grow on disk, run after run.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::report::summary::{Head, Summary};
use crate::report::tables::{RunTables, TABLES, TablePart, VIOLATIONS};
use crate::report::{finish, remove_stale};
use crate::scenario::Scenario;

/// Tables that grow in a folder.
#[derive(Debug)]
pub struct Growing {
    folder: PathBuf,
    sizes: BTreeMap<String, usize>,
    /// Those that have rows.
    files: BTreeMap<&'static str, File>,
}

impl Growing {
    /// Begins new tables in `folder`, which is made if it is not there. Those of an earlier report
    /// go.
    pub fn begin(folder: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        for table in TABLES {
            remove_stale(&folder.join(table))?;
        }
        let sizes = TABLES.iter().filter(|it| **it != VIOLATIONS);
        let sizes = sizes.map(|table| ((*table).to_owned(), 0)).collect();
        Ok(Self { folder: folder.to_owned(), sizes, files: BTreeMap::new() })
    }

    /// Adds a run. Runs come in the order of their seeds.
    pub fn add(&mut self, run: &RunTables) -> anyhow::Result<()> {
        run.parts.iter().try_for_each(|part| self.add_part(part))
    }

    fn add_part(&mut self, part: &TablePart) -> anyhow::Result<()> {
        let TablePart { table, rows, csv } = part;
        let path = self.folder.join(table);
        let write = || format!("write {}", path.display());
        let mut csv = csv.as_slice();
        if let Some(file) = self.files.get_mut(table) {
            let header = csv.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
            csv = &csv[header..];
            file.write_all(csv).with_context(write)?;
        } else {
            let file = OpenOptions::new().create_new(true).append(true).open(&path);
            let mut file = file.with_context(write)?;
            file.write_all(csv).with_context(write)?;
            self.files.insert(table, file);
        }
        *self.sizes.entry((*table).to_owned()).or_default() += rows;
        Ok(())
    }

    /// Writes summary and pictures beside the tables.
    pub fn finish(self, scenario: &Scenario) -> anyhow::Result<Summary> {
        finish(&self.folder, Head::of(scenario), &self.sizes)
    }
}
