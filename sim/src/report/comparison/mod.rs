//! The report of a comparison: one column of figures and curves per combination, whether engines
//! agree, and pictures that show the combinations together. All of it is in `comparison.json`, from
//! which the pictures are drawn.

mod axis;
mod column;
mod curves_png;
mod growth;
mod growth_png;
mod panel;
mod tables;
mod terminal;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::compare::agree::Agreement;
use crate::history::hex;
use crate::plural::counted;
use crate::report::figure::{name, time};
use crate::report::part::PROGRAM;
use crate::report::remove_stale;
use crate::report::saved::read_versioned;
use crate::report::tail_png::{self, Tail};
use crate::scenario::vary::Vary;
use crate::sweep::Seeds;
use axis::Axis;
pub use column::{Column, GrowingColumn, Noticed, SpreadPoint};
pub use terminal::render;

/// The file that holds all of a comparison.
pub const COMPARISON: &str = "comparison.json";

/// Version of the file.
const SCHEMA: u32 = 3;

/// One picture of a comparison.
pub(super) struct Picture {
    /// Its file.
    pub(super) file: &'static str,
    /// What it shows, for those who do not see it.
    pub(super) shows: &'static str,
    is_drawn: fn(&Comparison) -> bool,
    draw: fn(&Comparison, &Path) -> anyhow::Result<()>,
}

const PICTURES: &[Picture] = &[
    Picture {
        file: "curves.png",
        shows: "spread, detection and degrees together",
        is_drawn: |comparison| Axis::of(comparison).is_none(),
        draw: curves_png::draw,
    },
    Picture {
        file: tail_png::FILE,
        shows: tail_png::SHOWS,
        is_drawn: |comparison| comparison.columns.iter().any(|it| it.delays.deliveries() > 0),
        draw: draw_tail,
    },
    Picture {
        file: "growth.png",
        shows: "how the figures grow",
        is_drawn: |comparison| Axis::of(comparison).is_some(),
        draw: growth_png::draw,
    },
];

/// One line per combination, in the colors of the curves.
fn draw_tail(comparison: &Comparison, path: &Path) -> anyhow::Result<()> {
    let columns = comparison.columns.iter();
    let tails: Vec<Tail<'_>> =
        columns.map(|it| Tail { label: it.label(), delays: &it.delays }).collect();
    let caption = comparison.caption();
    tail_png::draw_all(&tails, (&comparison.question, &caption), path)
}

/// Combinations side by side.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Comparison {
    /// Version of this form.
    schema: u32,
    /// The program's version.
    program: String,
    /// The scenario's name.
    pub scenario: String,
    /// What it asks.
    pub question: String,
    /// The rng seeds that every combination was run with.
    pub seeds: Seeds,
    /// The fields that were varied.
    pub varied: Vec<String>,
    /// One per combination, in order.
    pub columns: Vec<Column>,
    /// Each two combinations that differ in nothing but the engine.
    pub pairs: Vec<Pair>,
}

/// Two engines with the same scenario.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Pair {
    /// Place of the first engine's column.
    pub first: usize,
    /// Place of the second engine's column.
    pub second: usize,
    /// Their figures.
    pub figures: Vec<Agreement>,
    /// Runs that were compared one by one.
    pub runs: u64,
    /// Runs that came out differently: who has which message, who is gone, who is on no list.
    pub differing: Vec<Differing>,
}

/// A run that came out differently in two engines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Differing {
    /// Its rng seed.
    pub seed: u64,
    /// In what.
    pub what: Vec<String>,
}

impl Pair {
    /// Whether the engines agree in all that was compared.
    pub fn agrees(&self) -> bool {
        self.differing.is_empty() && self.figures.iter().all(|it| it.agrees)
    }
}

impl Comparison {
    /// Of these columns.
    pub fn new(
        (scenario, question): (&str, &str),
        seeds: Seeds,
        varied: &[Vary],
        columns: Vec<Column>,
        pairs: Vec<Pair>,
    ) -> Self {
        Self {
            schema: SCHEMA,
            program: PROGRAM.to_owned(),
            scenario: scenario.to_owned(),
            question: question.to_owned(),
            seeds,
            varied: varied.iter().map(|it| it.key.clone()).collect(),
            columns,
            pairs,
        }
    }

    /// Whether all engines agree and every check held; the scenario's own limits count where they were
    /// asked.
    pub fn is_passed(&self) -> bool {
        self.pairs.iter().all(Pair::agrees) && self.columns.iter().all(|it| it.failed == 0)
    }

    /// SHA-256 over the digests of the combinations.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        self.columns.iter().for_each(|column| hash.update(column.digest.as_bytes()));
        hex(&hash.finalize())
    }

    /// The comparison as JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    /// Writes the report into `folder`: the whole as JSON, tables, pictures.
    pub fn write(&self, folder: &Path) -> anyhow::Result<()> {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        tables::write(self, folder)?;
        self.draw(folder)?;
        let path = folder.join(COMPARISON);
        fs::write(&path, self.to_json()?).with_context(|| format!("write {}", path.display()))
    }

    /// Reads the report in `folder`.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        read_versioned(&folder.join(COMPARISON), SCHEMA, "Compare again")
    }

    /// Draws the pictures.
    pub fn draw(&self, folder: &Path) -> anyhow::Result<()> {
        for picture in PICTURES {
            let path = folder.join(picture.file);
            if (picture.is_drawn)(self) {
                (picture.draw)(self, &path)?;
            } else {
                remove_stale(&path)?;
            }
        }
        Ok(())
    }

    /// The answer in one line: how soon messages spread in each combination.
    pub fn answer(&self) -> String {
        let differing = self.pairs.iter().filter(|pair| !pair.agrees()).count();
        let apart = (differing > 0).then(|| "THE ENGINES DIFFER".to_owned());
        let failed = self.columns.iter().filter(|column| column.failed > 0);
        let failed = failed.map(|column| format!("FAILED with {}", column.label()));
        let part = |column: &Column| {
            let median = |name| column.figure(name).and_then(|it| it.median);
            let all = median(name::COVERAGE_100);
            let all = all.map(|ms| format!("all reached within {}", time(ms)));
            let hops = median(name::LAST_HOP).map(|hops| format!("{hops} hops"));
            let slowest = column.figure(name::DELAY).and_then(|it| it.max);
            let slowest = slowest.map(|ms| format!("slowest delivery after {}", time(ms)));
            let words: Vec<String> = all.into_iter().chain(slowest).chain(hops).collect();
            format!("{}: {}", column.label(), words.join(", "))
        };
        let parts = apart.into_iter().chain(failed).chain(self.columns.iter().map(part));
        parts.collect::<Vec<_>>().join("; ")
    }

    /// The pictures that there are of it.
    pub(super) fn pictures(&self) -> impl Iterator<Item = &'static Picture> + '_ {
        PICTURES.iter().filter(|picture| (picture.is_drawn)(self))
    }

    /// One line about all combinations.
    pub fn caption(&self) -> String {
        let Some(first) = self.columns.first() else { return String::new() };
        let setting = &first.setting;
        let all = |value: &dyn Fn(&Column) -> String| {
            let mut values: Vec<String> = self.columns.iter().map(value).collect();
            let mut seen = BTreeSet::new();
            values.retain(|value| seen.insert(value.clone()));
            values.join(", ")
        };
        format!(
            "{} each, of {} s with {} and {} peers; one-way latency {} to {} ms, tick {} ms ({})",
            counted(self.seeds.last - self.seeds.first + 1, "run"),
            setting.duration_s,
            counted(setting.seed_nodes, "seed node"),
            all(&|it| it.setting.peers.to_string()),
            setting.latency_min_ms,
            setting.latency_max_ms,
            setting.tick_ms,
            all(&|it| it.setting.engine.clone()),
        )
    }
}
