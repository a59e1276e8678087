//! The commands, carried out.

mod bench;
mod compare;
mod console;
mod explain;
mod gallery;
mod hunt;
mod papers;
mod progress;
mod sweep;
mod trace;

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::cli::{BenchCommand, Cli, Command, MergeArgs, NewArgs, REPORTS, ReportArgs, RunArgs};
use crate::plural::counted;
use crate::report;
use crate::report::comparison::{self, COMPARISON, Comparison};
use crate::report::merge::{Merged, merge};
use crate::report::papers::PAPERS;
use crate::report::summary::Summary;
use crate::report::terminal;
use crate::scenario::{self, Scenario};
use crate::sweep::Seeds;
use console::{complain, say, say_json};
use sweep::{Sweep, SweepOutcome, run_sweep};

/// Where reports go that git ignores.
const RUNS: &str = "reports/runs";

/// The link in there that leads to the newest.
const LATEST: &str = "latest";

/// A check failed.
const FAILED: u8 = 1;

/// It could not be told whether one would.
const COULD_NOT_TELL: u8 = 2;

/// Carries out a command line. The program's whole work.
pub fn run(cli: Cli) -> ExitCode {
    let done = match cli.command {
        Command::Run(args) => run_scenario(&args),
        Command::Hunt(args) => hunt::hunt(&args),
        Command::Compare(args) => compare::compare(&args),
        Command::Trace(args) => trace::trace(&args),
        Command::Check(args) => explain::check(&args),
        Command::List(args) => explain::list(&args),
        Command::New(args) => new_scenario(&args),
        Command::Report(args) => redraw_report(&args),
        Command::Merge(args) => merge_parts(&args),
        Command::Gallery(args) => gallery::gallery(&args),
        Command::Papers(args) => papers::papers(&args),
        Command::Bench(BenchCommand::Engine(args)) => bench::engine(&args),
    };
    done.unwrap_or_else(|error| {
        complain(&error);
        ExitCode::from(COULD_NOT_TELL)
    })
}

fn run_scenario(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let scenario = scenario::load(&args.file, &args.changes())?;
    let folder = args.folder(&scenario);
    let SweepOutcome { summary, made, found, took } = run_sweep(Sweep {
        scenario: &scenario,
        seeds: args.seeds(&scenario),
        shard: args.shard,
        jobs: args.jobs,
        folder: &folder,
        replay: args.replay(),
    })?;
    link_latest(&folder)?;
    if args.json {
        say(&summary.to_json()?)?;
    } else {
        say(&terminal::render(&summary, &args.replay()))?;
        say(&format!("report in {}\n", folder.display()))?;
        let before = if found > 0 { format!(", {found} there before") } else { String::new() };
        say(&format!("{} in {:.1} s{before}\n", counted(made, "run"), took.as_secs_f64()))?;
    }
    Ok(verdict(&summary))
}

/// The exit status.
fn verdict(summary: &Summary) -> ExitCode {
    if summary.is_passed() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

fn merge_parts(args: &MergeArgs) -> anyhow::Result<ExitCode> {
    let Merged { summary, replay } = merge(&args.parts, &args.out)?;
    link_latest(&args.out)?;
    if args.json {
        say(&summary.to_json()?)?;
    } else {
        say(&terminal::render(&summary, &replay))?;
        let (parts, out) = (counted(args.parts.len(), "part"), args.out.display());
        say(&format!("report of {parts} in {out}\n"))?;
    }
    Ok(verdict(&summary))
}

impl RunArgs {
    fn seeds(&self, scenario: &Scenario) -> Seeds {
        match (self.seed, self.seeds) {
            (Some(seed), _) => Seeds { first: seed, last: seed },
            (None, Some(seeds)) => seeds,
            (None, None) => Seeds { first: 1, last: scenario.runs },
        }
    }

    /// Only the file was given.
    fn is_plain(&self) -> bool {
        let Self { file: _, seed, seeds, shard, jobs, engine, out, set, json } = self;
        let none_given = seed.is_none() && seeds.is_none() && jobs.is_none() && out.is_none();
        none_given && engine.is_none() && shard.is_none() && set.is_empty() && !json
    }

    /// What is changed in the scenario first.
    fn changes(&self) -> Vec<String> {
        let engine = self.engine.map(|engine| format!("engine={:?}", engine.name()));
        engine.into_iter().chain(self.set.iter().cloned()).collect()
    }

    /// Where the report goes.
    fn folder(&self, scenario: &Scenario) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        // The report of a scenario that varies something is its comparison.
        if self.is_plain() && scenario.vary.is_empty() {
            return Path::new(REPORTS).join(&scenario.name);
        }
        let mut parts = vec![scenario.name.clone()];
        parts.extend(self.seed.map(|seed| format!("seed-{seed}")));
        parts.extend(self.seeds.map(|Seeds { first, last }| format!("seeds-{first}-{last}")));
        parts.extend(self.engine.map(|engine| engine.name().to_owned()));
        parts.extend(self.set.iter().map(|change| plain(change)));
        Path::new(RUNS).join(parts.join("-"))
    }

    /// The command that repeats a run of this one, without its seed.
    fn replay(&self) -> String {
        let mut parts = vec![format!("sim run {}", self.file.display())];
        parts.extend(self.engine.map(|engine| format!("--engine {}", engine.name())));
        parts.extend(self.set.iter().map(|change| format!("--set '{change}'")));
        parts.join(" ")
    }
}

/// A text, fit for the name of a folder.
fn plain(text: &str) -> String {
    text.replace(|c: char| !c.is_ascii_alphanumeric() && c != '.', "_")
}

/// Makes reports/runs/latest lead to the report in `folder`, if it is below reports/runs.
fn link_latest(folder: &Path) -> anyhow::Result<()> {
    let whole = |path: &Path| fs::canonicalize(path).ok();
    let Some((runs, folder)) = whole(Path::new(RUNS)).zip(whole(folder)) else { return Ok(()) };
    let Ok(name) = folder.strip_prefix(&runs) else { return Ok(()) };
    // Neither the whole folder nor one of the link's own name can be led to.
    if name == Path::new("") || name.starts_with(LATEST) {
        return Ok(());
    }
    let link = runs.join(LATEST);
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link).with_context(|| format!("replace {}", link.display()))?;
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(name, &link).with_context(|| format!("link {}", link.display()))?;
    Ok(())
}

/// What `sim new` writes.
const TEMPLATE: &str = include_str!("../scenario/template.toml");

/// Most letters of a scenario's name, which becomes that of a folder.
const MAX_NAME_LEN: usize = 40;

fn new_scenario(args: &NewArgs) -> anyhow::Result<ExitCode> {
    let NewArgs { name, out, json } = args;
    let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let begins_well = name.starts_with(|c: char| c.is_ascii_lowercase());
    if !begins_well || !name.chars().all(is_good) || name.len() > MAX_NAME_LEN {
        bail!(
            "invalid scenario name {name:?}: allowed are up to {MAX_NAME_LEN} lower-case letters, digits \
             and hyphens, a letter first"
        );
    }
    let path =
        out.clone().unwrap_or_else(|| Path::new("scenarios").join(name).with_extension("toml"));
    let file = fs::OpenOptions::new().write(true).create_new(true).open(&path);
    let mut file = match file {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} already exists", path.display())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!(
                "the folder of {} does not exist; use --out FILE to write elsewhere",
                path.display()
            )
        }
        opened => opened.with_context(|| format!("make {}", path.display()))?,
    };
    let text = TEMPLATE.replace("NAME", name);
    file.write_all(text.as_bytes()).with_context(|| format!("write {}", path.display()))?;
    if *json {
        say_json(&serde_json::json!({ "file": path }))?;
    } else {
        let file = path.display();
        say(&format!("wrote {file}; `sim check {file}` describes what it does\n"))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn redraw_report(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    if args.folder.join(COMPARISON).exists() {
        return redraw_comparison(args);
    }
    if args.folder.join(PAPERS).exists() {
        return papers::redraw(args);
    }
    let summary = report::redraw(&args.folder)?;
    if args.json {
        say(&summary.to_json()?)?;
    } else {
        let replay = format!("sim run scenarios/{}.toml", summary.scenario);
        say(&terminal::render(&summary, &replay))?;
        say(&format!("pictures drawn again in {}\n", args.folder.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn redraw_comparison(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let comparison = Comparison::read(&args.folder)?;
    comparison.draw(&args.folder)?;
    if args.json {
        say_json(&comparison)?;
    } else {
        say(&comparison::render(&comparison))?;
        say(&format!("pictures drawn again in {}\n", args.folder.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}
