//! The report of `sim papers`: published numbers and ours, as a table for a terminal, as CSV and as a
//! picture. All of it is in `papers.json`, from which the picture is drawn.

mod bars_png;
mod table;
mod terminal;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::papers::Effort;
use crate::papers::bar::{Bar, Verdict};
use crate::report::part::PROGRAM;
use crate::report::saved::read_versioned;
use crate::words::counted;
pub use terminal::render;

/// The file that holds all of a report.
pub const PAPERS: &str = "papers.json";

/// Version of the file and of the table.
const SCHEMA: u32 = 1;

/// The bars as a table.
const TABLE: &str = "papers.csv";

/// The bars as a picture.
const PICTURE: &str = "papers.png";

/// Bars that were measured together.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Papers {
    /// Version of this form.
    schema: u32,
    /// The program's version.
    program: String,
    /// How much was done for them.
    pub effort: Effort,
    /// In the order of the experiments.
    pub bars: Vec<Bar>,
}

impl Papers {
    /// Of these bars.
    pub fn new(effort: Effort, bars: Vec<Bar>) -> Self {
        Self { schema: SCHEMA, program: PROGRAM.to_owned(), effort, bars }
    }

    /// Whether every bar is within its tolerance, or why it is not is known.
    pub fn is_passed(&self) -> bool {
        self.count(Verdict::Misses) == 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.bars.iter().filter(|bar| bar.verdict() == verdict).count()
    }

    /// The verdict in one line.
    pub fn answer(&self) -> String {
        let missed = self.count(Verdict::Misses);
        let (bars, beaten) = (self.bars.len(), self.count(Verdict::Beats));
        let bars = counted(u64::try_from(bars).unwrap_or(u64::MAX), "bar");
        let differing = match self.count(Verdict::Differs) {
            0 => String::new(),
            differing => format!(" {differing} with a known difference,"),
        };
        format!("{bars}: {missed} missed,{differing} {beaten} beaten")
    }

    /// Writes the report into `folder`.
    ///
    /// # Errors
    ///
    /// If a file could not be written. Those that were written stay.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        table::write(self, &folder.join(TABLE))?;
        self.draw(folder)?;
        let path = folder.join(PAPERS);
        let json = serde_json::to_string_pretty(self)? + "\n";
        fs::write(&path, json).with_context(|| format!("write {}", path.display()))
    }

    /// Reads the report in `folder`.
    ///
    /// # Errors
    ///
    /// If there is none, or it is of another version.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        read_versioned(&folder.join(PAPERS), SCHEMA, "Run again")
    }

    /// Draws the picture.
    ///
    /// # Errors
    ///
    /// If it could not be written.
    pub fn draw(&self, folder: &Path) -> anyhow::Result<()> {
        bars_png::draw(self, &folder.join(PICTURE))
    }
}
