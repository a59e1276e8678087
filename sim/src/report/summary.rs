//! The summary of a sweep: verdict, checks, figures over the seeds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tidings_core::OverlayKind;

use crate::check::{CHECKS, Check};
use crate::history::hex;
use crate::measure::fractional_millis;
use crate::plural::counted;
use crate::report::figure::Figure;
use crate::report::figures::{Figures, LimitWords, limit_words};
use crate::report::part::PROGRAM;
use crate::report::saved::{SUMMARY, Saved, read_versioned};
use crate::report::tables::{PASSED, RunRow, ViolationRow};
use crate::scenario::Scenario;

/// Version of `summary.json`.
const SCHEMA: u32 = 4;

/// Most rng seeds of a check, and most violations, that a summary lists: it is held in memory.
const MAX_LISTED: usize = 1000;

/// A sweep in short.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Summary {
    /// Version of this form.
    pub schema: u32,
    /// The program's version.
    pub program: String,
    /// The scenario's name.
    pub scenario: String,
    /// What it asks.
    pub question: String,
    /// What was run.
    pub setting: Setting,
    /// Runs.
    pub runs: usize,
    /// Runs in which every check held.
    pub passed: usize,
    /// SHA-256 over the digests of the runs.
    pub digest: String,
    /// Rows of each table, by the name of its file; a table without rows has no file.
    /// `violations.csv` and `dead_verdicts.csv` are named only if they have rows.
    pub tables: BTreeMap<String, usize>,
    /// Each check and the rng seeds of the runs in which it failed.
    pub checks: Vec<CheckSummary>,
    /// Figures over the runs.
    pub figures: Vec<Figure>,
    /// What was found where a check failed, the first 1000 of it; `violations.csv` has all.
    pub violations: Vec<ViolationSummary>,
}

/// What was run, in words of the scenario.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Setting {
    /// Engine.
    pub engine: String,
    /// Seed nodes.
    pub seed_nodes: usize,
    /// Peers.
    pub peers: usize,
    /// Simulated seconds of one run.
    pub duration_s: u64,
    /// Least one-way latency.
    pub latency_min_ms: f64,
    /// Most.
    pub latency_max_ms: f64,
    /// The engine's step.
    pub tick_ms: f64,
    /// Whether links are drawn by weights, so that degrees should follow a power law.
    #[serde(default, skip_serializing_if = "is_false")]
    pub power_law: bool,
}

/// A check over the runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CheckSummary {
    /// Its name.
    pub check: String,
    /// What it demands.
    pub demand: String,
    /// Runs in which it failed, the first 1000 of them.
    pub failed_seeds: Vec<u64>,
    /// How many there are beyond these.
    #[serde(default, skip_serializing_if = "is_none")]
    pub more_failed: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_none(more: &usize) -> bool {
    *more == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !value
}

/// One thing that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ViolationSummary {
    /// In which run.
    pub seed: u64,
    /// What.
    pub violation: String,
}

/// What a summary says before any run was made.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    pub(super) scenario: String,
    pub(super) question: String,
    pub(super) setting: Setting,
    pub(super) limits: LimitWords,
}

impl Head {
    /// Of a scenario that is to be run.
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            scenario: scenario.name.clone(),
            question: scenario.question.clone(),
            setting: Setting::of(scenario),
            limits: limit_words(&scenario.limits),
        }
    }
}

impl Head {
    /// That of a report which is there.
    pub(super) fn again(summary: Summary) -> Self {
        let Summary { scenario, question, setting, figures, .. } = summary;
        let limits = figures.into_iter().filter_map(|it| Some((it.name, it.limit?))).collect();
        Self { scenario, question, setting, limits }
    }
}

impl Summary {
    /// Sums up the runs of these tables.
    pub(super) fn of(head: Head, saved: &Saved<'_>) -> anyhow::Result<Self> {
        let mut runs = Runs::default();
        let mut figures = Figures::default();
        for row in saved.rows()? {
            let row: RunRow = row?;
            runs.add(&row);
            figures.add_run(&row);
        }
        figures.add_tables(saved)?;
        let violations = saved.rows::<ViolationRow>()?.take(MAX_LISTED).map(|row| {
            row.map(|ViolationRow { seed, violation }| ViolationSummary { seed, violation })
        });
        Ok(Self {
            schema: SCHEMA,
            program: PROGRAM.to_owned(),
            scenario: head.scenario,
            question: head.question,
            setting: head.setting,
            runs: runs.count,
            passed: runs.passed,
            digest: hex(&runs.digests.finalize()),
            tables: saved.sizes.clone(),
            checks: runs.checks,
            figures: figures.finish(&head.limits),
            violations: violations.collect::<anyhow::Result<_>>()?,
        })
    }

    /// Whether every check held in every run.
    pub fn is_passed(&self) -> bool {
        self.passed == self.runs
    }

    /// The summary as JSON.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|json| json + "\n")
    }

    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let write = || Ok::<_, anyhow::Error>(fs::write(path, self.to_json()?)?);
        write().with_context(|| format!("write {}", path.display()))
    }
}

/// Reads the summary alone.
pub fn read_summary(folder: &Path) -> anyhow::Result<Summary> {
    read_versioned(&folder.join(SUMMARY), SCHEMA, "Run the scenario again")
}

impl Setting {
    pub(super) fn of(scenario: &Scenario) -> Self {
        Self {
            engine: scenario.engine.name().to_owned(),
            seed_nodes: scenario.seed_nodes,
            peers: scenario.peers,
            duration_s: scenario.duration.as_secs(),
            latency_min_ms: fractional_millis(scenario.latency.from),
            latency_max_ms: fractional_millis(scenario.latency.to),
            tick_ms: fractional_millis(scenario.tick),
            power_law: scenario.config.overlay.kind == OverlayKind::PowerLaw,
        }
    }

    /// One line for captions.
    pub fn caption(&self, runs: usize) -> String {
        format!(
            "{} of {} s with {} and {}; one-way latency {} to {} ms, tick {} ms ({})",
            counted(runs, "run"),
            self.duration_s,
            counted(self.seed_nodes, "seed node"),
            counted(self.peers, "peer"),
            self.latency_min_ms,
            self.latency_max_ms,
            self.tick_ms,
            self.engine
        )
    }
}

/// Verdicts and digests of runs.
struct Runs {
    count: usize,
    passed: usize,
    digests: Sha256,
    checks: Vec<CheckSummary>,
}

impl Default for Runs {
    fn default() -> Self {
        let check = |check: &Check| CheckSummary {
            check: check.name.to_owned(),
            demand: check.demand.to_owned(),
            failed_seeds: Vec::new(),
            more_failed: 0,
        };
        let checks = CHECKS.iter().map(check).collect();
        Self { count: 0, passed: 0, digests: Sha256::new(), checks }
    }
}

impl Runs {
    fn add(&mut self, row: &RunRow) {
        self.count += 1;
        self.passed += usize::from(row.verdict == PASSED);
        self.digests.update(row.digest.as_bytes());
        let failed: Vec<&str> = row.verdict.split(' ').collect();
        for check in self.checks.iter_mut().filter(|it| failed.contains(&it.check.as_str())) {
            if check.failed_seeds.len() < MAX_LISTED {
                check.failed_seeds.push(row.seed);
            } else {
                check.more_failed += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_in_every_run_is_counted_and_not_all_listed() {
        let columns = "seed,verdict,messages,expected,delivered,coverage_50_ms,coverage_90_ms,\
                       coverage_99_ms,coverage_100_ms,last_delivery_hop,rmr,bytes_sent,crashes,\
                       false_deaths,cut_off_deaths,false_reports,components,degree_min,\
                       degree_median,degree_max,one_component_ms,quorum_ms,digest\n";
        let row =
            |seed| format!("{seed},limits lists-right,1,1,1,,,,,1,0,0,0,0,0,0,1,1,1,1,,,ab\n");
        let table = columns.to_owned() + &(1..=1005).map(row).collect::<String>();
        let mut runs = Runs::default();
        for row in csv::Reader::from_reader(table.as_bytes()).deserialize() {
            runs.add(&row.expect("a row"));
        }
        assert_eq!((runs.count, runs.passed), (1005, 0));
        let failed: Vec<_> = runs.checks.iter().filter(|it| !it.failed_seeds.is_empty()).collect();
        let names: Vec<&str> = failed.iter().map(|it| it.check.as_str()).collect();
        assert_eq!(names, ["lists-right", "limits"]);
        for check in failed {
            assert_eq!((check.failed_seeds.len(), check.more_failed), (MAX_LISTED, 5));
        }
    }
}
