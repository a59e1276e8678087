//! The report of `sim papers`: published numbers and ours, as a table for a terminal, as CSV and as a
//! picture. All of it is in `papers.json`, from which the picture is drawn.

mod benchmarks_png;
mod table;
mod terminal;

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::papers::Effort;
use crate::papers::benchmark::{Benchmark, Verdict};
use crate::plural::counted;
use crate::report::part::PROGRAM;
use crate::report::saved::read_versioned;
pub use terminal::render;

/// The file that holds all of a report.
pub const PAPERS: &str = "papers.json";

/// Version of the file and of the table.
const SCHEMA: u32 = 2;

/// The benchmarks as a table.
const TABLE: &str = "papers.csv";

/// The benchmarks as a picture.
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
    pub benchmarks: Vec<Benchmark>,
}

impl Papers {
    /// Of these benchmarks.
    pub fn new(effort: Effort, benchmarks: Vec<Benchmark>) -> Self {
        Self { schema: SCHEMA, program: PROGRAM.to_owned(), effort, benchmarks }
    }

    /// Whether every benchmark is within its tolerance, or why it is not is known.
    pub fn is_passed(&self) -> bool {
        self.count(Verdict::Misses) == 0
    }

    fn count(&self, verdict: Verdict) -> usize {
        self.benchmarks.iter().filter(|benchmark| benchmark.verdict() == verdict).count()
    }

    /// The verdict in one line.
    pub fn answer(&self) -> String {
        let missed = self.count(Verdict::Misses);
        let (benchmarks, beaten) = (self.benchmarks.len(), self.count(Verdict::Beats));
        let benchmarks = counted(u64::try_from(benchmarks).unwrap_or(u64::MAX), "benchmark");
        let differing = match self.count(Verdict::Differs) {
            0 => String::new(),
            differing => format!(" {differing} with a known difference,"),
        };
        format!("{benchmarks}: {missed} missed,{differing} {beaten} beaten")
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
        benchmarks_png::draw(self, &folder.join(PICTURE))
    }
}
