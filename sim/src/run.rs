//! The commands, carried out.

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use humantime::format_duration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::{CheckArgs, Cli, Command, ListArgs, RunArgs, Seeds};
use crate::report;
use crate::report::terminal;
use crate::scenario::{self, FaultSpec, Scenario, Targets};
use crate::sweep;

/// Where reports go, below the current folder.
const REPORTS: &str = "reports";

/// A check failed.
const FAILED: u8 = 1;

/// It could not be told whether one would.
const COULD_NOT_TELL: u8 = 2;

/// Carries out a command line. The program's whole work.
pub fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Run(args) => run_scenario(&args),
        Command::Check(args) => check_scenario(&args),
        Command::List(args) => list_scenarios(&args),
    };
    done.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::from(COULD_NOT_TELL)
    })
}

#[expect(clippy::print_stderr, reason = "the program's last word")]
fn complain(error: &anyhow::Error) {
    eprintln!("sim: {error:#}");
}

/// Writes to standard output; a reader that went away is no error.
fn say(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn run_scenario(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let scenario = scenario::load(&args.file, &args.set)?;
    let seeds: Vec<u64> = match (args.seed, args.seeds) {
        (Some(seed), _) => vec![seed],
        (None, Some(Seeds { first, last })) => (first..=last).collect(),
        (None, None) => (1..=scenario.runs).collect(),
    };
    let folder = args.folder(&scenario);
    let progress = progress_bar(seeds.len());
    let results = sweep::run_all(&scenario, &seeds, args.jobs.map(usize::from), &progress)
        .context("start the threads")?;
    let took = progress.elapsed().as_secs_f64();
    progress.finish_and_clear();
    let summary = report::write(&scenario, &results, &folder)?;
    if !args.is_plain() && args.out.is_none() {
        link_latest(&folder)?;
    }
    if args.json {
        say(&summary.to_json()?)?;
    } else {
        say(&terminal::render(&summary, &args.replay()))?;
        say(&format!("report in {}\n", folder.display()))?;
        say(&format!("{} runs in {took:.1} s\n", seeds.len()))?;
    }
    Ok(if summary.is_passed() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

impl RunArgs {
    /// Only the file was given.
    fn is_plain(&self) -> bool {
        let Self { file: _, seed, seeds, jobs, out, set, json } = self;
        let none_given = seed.is_none() && seeds.is_none() && jobs.is_none() && out.is_none();
        none_given && set.is_empty() && !json
    }

    /// Where the report goes.
    fn folder(&self, scenario: &Scenario) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        if self.is_plain() {
            return Path::new(REPORTS).join(&scenario.name);
        }
        let mut parts = vec![scenario.name.clone()];
        parts.extend(self.seed.map(|seed| format!("seed-{seed}")));
        parts.extend(self.seeds.map(|Seeds { first, last }| format!("seeds-{first}-{last}")));
        parts.extend(self.set.iter().map(|change| change.replace(|c: char| !is_plain(c), "_")));
        Path::new(REPORTS).join("runs").join(parts.join("-"))
    }

    /// The command that repeats a run of this one, without its seed.
    fn replay(&self) -> String {
        let mut parts = vec![format!("sim run {}", self.file.display())];
        parts.extend(self.set.iter().map(|change| format!("--set '{change}'")));
        parts.join(" ")
    }
}

/// Fit for the name of a folder.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '.'
}

/// Makes reports/runs/latest lead to the newest report.
fn link_latest(folder: &Path) -> anyhow::Result<()> {
    let Some((parent, name)) = folder.parent().zip(folder.file_name()) else { return Ok(()) };
    let link = parent.join("latest");
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link).with_context(|| format!("replace {}", link.display()))?;
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(name, &link).with_context(|| format!("link {}", link.display()))?;
    Ok(())
}

fn progress_bar(runs: usize) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let runs = u64::try_from(runs).unwrap_or(u64::MAX);
    let style = ProgressStyle::with_template("{bar:40} {pos} of {len} runs, {eta} left")
        .expect("a valid template");
    ProgressBar::with_draw_target(Some(runs), target).with_style(style)
}

fn check_scenario(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let scenario = scenario::load(&args.file, &args.set)?;
    say(&explain(&scenario))?;
    Ok(ExitCode::SUCCESS)
}

/// What a scenario would do, in words.
fn explain(scenario: &Scenario) -> String {
    let mut lines = vec![
        scenario.question.clone(),
        format!(
            "{} runs of {}: {} seed nodes and {} peers, started within {}",
            scenario.runs,
            format_duration(scenario.duration),
            scenario.seed_nodes,
            scenario.peers,
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
            "beside their chatter, some peer says {} bytes every {} in {}",
            workload.size,
            format_duration(workload.every),
            workload.between
        ));
    }
    lines.extend(scenario.faults.iter().map(explain_fault));
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
        Targets::RandomPeers(count) => format!("{count} random peers"),
        Targets::Named(names) => names.join(", "),
        Targets::Share(percent) => format!("{percent} % of the peers and of the seed nodes"),
    };
    format!("in {}: {whom}: {}", fault.when, fault.kind)
}

fn list_scenarios(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let read = || format!("read {}", args.folder.display());
    let mut paths: Vec<PathBuf> = fs::read_dir(&args.folder)
        .with_context(read)?
        .map(|file| Ok(file?.path()))
        .collect::<io::Result<_>>()
        .with_context(read)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let mut all_read = true;
    for path in paths {
        match scenario::load(&path, &[]) {
            Ok(scenario) => say(&format!("{}\n    {}\n", path.display(), scenario.question))?,
            Err(error) => {
                all_read = false;
                complain(&error.into());
            }
        }
    }
    Ok(if all_read { ExitCode::SUCCESS } else { ExitCode::from(COULD_NOT_TELL) })
}
