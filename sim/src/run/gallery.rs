//! `sim gallery`: all scenarios, their reports, and the page that shows them.

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use serde::Serialize;

use super::FAILED;
use super::compare::run_all;
use super::console::{say, say_json};
use super::explain::scenario_files;
use super::sweep::{Sweep, run_sweep};
use crate::cli::GalleryArgs;
use crate::report::answer::answer;
use crate::report::comparison::{Column, Comparison};
use crate::report::summary::Summary;
use crate::report::{gallery, summary};
use crate::scenario::combinations::load_combinations;
use crate::scenario::{self, Scenario};
use crate::sweep::Seeds;

/// One scenario of the gallery, as JSON.
#[derive(Serialize)]
struct Exhibit {
    scenario: String,
    runs: usize,
    passed: usize,
    digest: String,
    answer: String,
    /// Wall-clock seconds of its runs; absent if none were made.
    seconds: Option<f64>,
}

pub(super) fn gallery(args: &GalleryArgs) -> anyhow::Result<ExitCode> {
    let scenarios = load_all(&args.scenarios)?;
    for name in &args.only {
        let is_there = scenarios.iter().any(|(_, scenario)| scenario.name == *name);
        ensure!(is_there, "--only {name}: {} has no such scenario", args.scenarios.display());
    }
    // First what is only shown: a report that cannot be read shall not cost the minutes of the runs.
    let shown = |(_, scenario): &(String, Scenario)| {
        (!args.runs(scenario)).then(|| show(args, scenario)).transpose()
    };
    let shown = scenarios.iter().map(shown).collect::<anyhow::Result<Vec<_>>>()?;
    let mut exhibits = Vec::new();
    for ((file, scenario), shown) in scenarios.iter().zip(shown) {
        exhibits.push(match shown {
            Some(exhibit) => exhibit,
            None if scenario.vary.is_empty() => run_report(args, file, scenario)?,
            None => run_comparison(args, file, scenario)?,
        });
    }
    let page = args.reports.join(gallery::PAGE);
    let text = gallery::page(&scenarios, &args.reports)?;
    fs::write(&page, text).with_context(|| format!("write {}", page.display()))?;
    if args.json {
        say_json(&exhibits)?;
    } else {
        say(&format!("{}\n", table(&exhibits)))?;
        say(&format!("gallery in {}\n", page.display()))?;
    }
    let is_passed = exhibits.iter().all(|exhibit| exhibit.passed == exhibit.runs);
    Ok(if is_passed { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// A report that is there already.
fn show(args: &GalleryArgs, scenario: &Scenario) -> anyhow::Result<Exhibit> {
    let folder = args.reports.join(&scenario.name);
    if scenario.vary.is_empty() {
        Ok(exhibit(&summary::read_summary(&folder)?, None))
    } else {
        Ok(exhibit_of(&Comparison::read(&folder)?, None))
    }
}

/// Runs a scenario and writes its report.
fn run_report(args: &GalleryArgs, file: &str, scenario: &Scenario) -> anyhow::Result<Exhibit> {
    let done = run_sweep(Sweep {
        scenario,
        seeds: own_seeds(scenario),
        shard: None,
        jobs: args.jobs,
        folder: &args.reports.join(&scenario.name),
        replay: format!("sim run {file}"),
    })?;
    Ok(exhibit(&done.summary, Some(done.took)))
}

/// The same for a scenario that varies something.
fn run_comparison(args: &GalleryArgs, file: &str, scenario: &Scenario) -> anyhow::Result<Exhibit> {
    let varied = &scenario.vary;
    let combinations = load_combinations(Path::new(file), &[], varied)?;
    let (comparison, took) =
        run_all(scenario, (varied, &combinations), own_seeds(scenario), args.jobs, true)?;
    comparison.write(&args.reports.join(&scenario.name))?;
    Ok(exhibit_of(&comparison, Some(took)))
}

impl GalleryArgs {
    /// Whether this scenario is run, not only shown.
    fn runs(&self, scenario: &Scenario) -> bool {
        !self.readme_only && (self.only.is_empty() || self.only.contains(&scenario.name))
    }
}

fn own_seeds(scenario: &Scenario) -> Seeds {
    Seeds { first: 1, last: scenario.runs }
}

fn exhibit_of(comparison: &Comparison, took: Option<Duration>) -> Exhibit {
    let sum = |count: fn(&Column) -> u64| comparison.columns.iter().map(count).sum::<u64>();
    let runs = usize::try_from(sum(|it| it.runs)).unwrap_or(usize::MAX);
    let failed = usize::try_from(sum(|it| it.failed)).unwrap_or(usize::MAX);
    Exhibit {
        scenario: comparison.scenario.clone(),
        runs,
        // Engines that disagree are a failure, even if every run is well.
        passed: if comparison.is_passed() { runs } else { runs - failed.max(1) },
        digest: comparison.digest(),
        answer: comparison.answer(),
        seconds: took.map(|took| took.as_secs_f64()),
    }
}

/// All scenarios of a folder, each with its file as commands name it.
fn load_all(folder: &Path) -> anyhow::Result<Vec<(String, Scenario)>> {
    let files = scenario_files(folder)?;
    ensure!(!files.is_empty(), "{}: no scenario (*.toml) in this folder", folder.display());
    let load =
        |file: &std::path::PathBuf| Ok((file.display().to_string(), scenario::load(file, &[])?));
    files.iter().map(load).collect()
}

fn exhibit(summary: &Summary, took: Option<Duration>) -> Exhibit {
    Exhibit {
        scenario: summary.scenario.clone(),
        runs: summary.runs,
        passed: summary.passed,
        digest: summary.digest.clone(),
        answer: answer(summary),
        seconds: took.map(|took| took.as_secs_f64()),
    }
}

fn table(exhibits: &[Exhibit]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["scenario", "passed", "took", "answer"]);
    for exhibit in exhibits {
        let Exhibit { scenario, runs, passed, answer, seconds, .. } = exhibit;
        let took = seconds.map_or_else(String::new, |seconds| format!("{seconds:.1} s"));
        let answer = answer.replace("; ", "\n");
        table.add_row([scenario.clone(), format!("{passed} of {runs}"), took, answer]);
    }
    table
}
