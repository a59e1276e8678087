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
use super::conduct::{Sweep, conduct};
use super::console::{say, say_json};
use super::explain::scenario_files;
use crate::cli::GalleryArgs;
use crate::report::answer::answer;
use crate::report::summary::Summary;
use crate::report::{gallery, saved};
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
    let mut exhibits = Vec::new();
    for (file, scenario) in &scenarios {
        let folder = args.reports.join(&scenario.name);
        let (summary, took) = if args.readme_only {
            (saved::read_summary(&folder)?, None)
        } else {
            let done = conduct(Sweep {
                scenario,
                seeds: Seeds { first: 1, last: scenario.runs },
                shard: None,
                jobs: args.jobs,
                folder: &folder,
                replay: format!("sim run {file}"),
            })?;
            let (summary, took) = (done.summary, done.took);
            (summary, Some(took))
        };
        exhibits.push(exhibit(&summary, took));
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
