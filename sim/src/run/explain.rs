//! Scenarios told without running them: `sim check` and `sim list`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use humantime::format_duration;
use serde::Serialize;

use super::COULD_NOT_TELL;
use super::console::{complain, say, say_json};
use crate::cli::{CheckArgs, ListArgs};
use crate::measure::millis;
use crate::scenario::vary::{Vary, load_combinations};
use crate::scenario::{self, FaultSpec, Scenario, Targets};
use crate::words::counted;

/// A scenario as JSON.
#[derive(Serialize)]
struct Explained<'a> {
    scenario: &'a str,
    question: &'a str,
    runs: u64,
    duration_ms: u64,
    seed_nodes: usize,
    peers: usize,
    faults: Vec<String>,
    calm_from_ms: u64,
    convergence_bound_ms: u64,
}

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let scenario = scenario::load(&args.file, &args.set)?;
    if !scenario.vary.is_empty() {
        load_combinations(&args.file, &args.set, &scenario.vary)?;
    }
    if args.json {
        say_json(&Explained {
            scenario: &scenario.name,
            question: &scenario.question,
            runs: scenario.runs,
            duration_ms: millis(scenario.duration),
            seed_nodes: scenario.seed_nodes,
            peers: scenario.peers,
            faults: scenario.faults.iter().map(explain_fault).collect(),
            calm_from_ms: millis(scenario.calm_from()),
            convergence_bound_ms: millis(scenario.convergence_bound()),
        })?;
    } else {
        say(&explain(&scenario))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a scenario would do, in words.
fn explain(scenario: &Scenario) -> String {
    let mut lines = vec![
        scenario.question.clone(),
        format!(
            "{} of {}: {} and {}, started within {}",
            counted(scenario.runs, "run"),
            format_duration(scenario.duration),
            counted(scenario.seed_nodes, "seed node"),
            counted(scenario.peers, "peer"),
            format_duration(scenario.start)
        ),
        format!(
            "one-way latency {}, exponential with its mean a fifth into the span; tick {}",
            scenario.latency,
            format_duration(scenario.tick)
        ),
    ];
    if let Some(workload) = scenario.workload {
        lines.push(format!(
            "beside their chatter, some peer says {} every {} in {}",
            counted(workload.size, "byte"),
            format_duration(workload.every),
            workload.between
        ));
    }
    lines.extend(scenario.faults.iter().map(explain_fault));
    lines.extend(scenario.vary.iter().map(|Vary { key, values }| {
        format!("`sim compare` runs it with {key} = {}", values.join(", "))
    }));
    lines.push(format!(
        "calm from {} on; all must be in order again within {} of it",
        format_duration(scenario.calm_from()),
        format_duration(scenario.convergence_bound())
    ));
    lines.join("\n") + "\n"
}

fn explain_fault(fault: &FaultSpec) -> String {
    let whom = match &fault.targets {
        Targets::RandomPeers(1) => "a random peer".to_owned(),
        Targets::RandomPeers(count) => counted(*count, "random peer"),
        Targets::Named(names) => names.join(", "),
        Targets::Share(percent) => format!("{percent} % of the peers and of the seed nodes"),
    };
    format!("in {}: {whom}: {}", fault.when, fault.kind)
}

/// A scenario in a list.
#[derive(Serialize)]
struct Listed {
    file: PathBuf,
    question: String,
}

pub(super) fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let mut listed = Vec::new();
    let mut all_read = true;
    for file in scenario_files(&args.folder)? {
        match scenario::load(&file, &[]) {
            Ok(scenario) => listed.push(Listed { file, question: scenario.question }),
            Err(error) => {
                all_read = false;
                complain(&error.into());
            }
        }
    }
    if args.json {
        say_json(&listed)?;
    } else {
        for Listed { file, question } in listed {
            say(&format!("{}\n    {question}\n", file.display()))?;
        }
    }
    Ok(if all_read { ExitCode::SUCCESS } else { ExitCode::from(COULD_NOT_TELL) })
}

/// The scenarios of a folder, in the order of their names.
pub(super) fn scenario_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || format!("read {}", folder.display());
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(read)?
        .map(|file| Ok(file?.path()))
        .collect::<io::Result<_>>()
        .with_context(read)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    Ok(paths)
}
