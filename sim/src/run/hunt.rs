//! `sim hunt`: search, shrink, tell.

use std::fs;
use std::panic;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use indicatif::ProgressBar;
use serde_json::{Value, json};

use super::FAILED;
use super::console::{say, say_json};
use super::progress::bar;
use crate::cli::{HuntArgs, REPORTS};
use crate::hunt::coverage::{Coverage, Kind};
use crate::hunt::planted_bug::planted;
use crate::hunt::{self, Bounds, Hunt, MAX_ATTEMPTS, Source, Spectator, Story};
use crate::plural::counted;
use crate::scenario;

pub(super) fn hunt(args: &HuntArgs) -> anyhow::Result<ExitCode> {
    let source = source(args)?;
    let bug = args.planted.as_deref().and_then(planted);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.jobs.map_or(0, usize::from));
    let pool = pool.build().context("start the threads")?;
    let progress = bar("hunt", args.runs, "{prefix} {bar:25} {pos} of {len} runs, {per_sec}");
    let time = args.minutes.map(|minutes| Duration::from_secs(60 * minutes));
    let watch = Watch { progress: progress.clone(), time };
    // A panic is a violation like any other, and its message is told with it.
    panic::set_hook(Box::new(|_| {}));
    let hunt = pool.install(|| hunt::hunt(&source, bounds(args), bug, &watch));
    let searched = progress.elapsed();
    progress.finish_and_clear();
    let story = hunt.found.clone().map(|found| {
        let shrunk = pool.install(|| hunt::shrink(found.clone(), bug, MAX_ATTEMPTS));
        Story::new(found, shrunk, bug)
    });
    drop(panic::take_hook());
    let took = Took { searched, all: progress.elapsed() };
    let file = story.as_ref().map(|story| write(args, story)).transpose()?;
    let found = story.as_ref().zip(file.as_deref());
    if args.json {
        say_json(&as_json(args, &hunt, found, &took))?;
    } else {
        say(&as_text(args, &hunt, found, &took))?;
    }
    Ok(if found.is_none() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) })
}

/// Shows the runs as they are made, and ends a hunt when its time is up.
struct Watch {
    progress: ProgressBar,
    time: Option<Duration>,
}

impl Spectator for Watch {
    fn on_run(&self) {
        self.progress.inc(1);
    }

    fn may_go_on(&self) -> bool {
        self.time.is_none_or(|time| self.progress.elapsed() < time)
    }
}

/// Time since the beginning.
struct Took {
    searched: Duration,
    all: Duration,
}

fn source(args: &HuntArgs) -> anyhow::Result<Source> {
    let Some(file) = &args.file else { return Ok(Source::Drawn(args.profile)) };
    let scenario = scenario::load(file, &args.set)?;
    Ok(Source::Given(Box::new(scenario)))
}

fn bounds(args: &HuntArgs) -> Bounds {
    Bounds { seed_from: args.seed_from, runs: args.runs }
}

/// Writes the scenario of a story.
fn write(args: &HuntArgs, story: &Story) -> anyhow::Result<PathBuf> {
    let file = args.out.clone().unwrap_or_else(|| {
        let base = &story.found().scenario.name;
        let base = if args.file.is_some() { base.as_str() } else { "hunt" };
        let (check, seed) = (story.found().violation.check, story.found().seed);
        let planted = args.planted.as_deref().map(|name| format!("-{name}")).unwrap_or_default();
        let name = format!("{base}-{seed}-{check}{planted}.toml");
        Path::new(REPORTS).join("hunts").join(name)
    });
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    let text = story.to_toml(&file.display().to_string());
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

fn as_text(args: &HuntArgs, hunt: &Hunt, found: Option<(&Story, &Path)>, took: &Took) -> String {
    let (first, last) = (args.seed_from, args.seed_from + hunt.runs.saturating_sub(1));
    let mut lines = vec![table(&hunt.coverage).to_string()];
    let links = hunt.coverage.links.iter().map(|(model, runs)| format!("{model} {runs}"));
    lines.push(format!("links, in so many runs: {}", links.collect::<Vec<_>>().join(", ")));
    let without: Vec<&str> = hunt.coverage.without_trace().into_iter().map(Kind::name).collect();
    if !without.is_empty() {
        lines.push(format!("never mattered: {}", without.join(", ")));
    }
    let searched = took.searched.as_secs_f64();
    let runs = counted(hunt.runs, "run");
    lines.push(format!("{runs}, seeds {first} to {last}, in {searched:.1} s"));
    match found {
        None => lines.push("no check failed".to_owned()),
        Some((story, file)) => {
            let shrunk = took.all.saturating_sub(took.searched).as_secs_f64();
            lines.extend(story.lines(&file.display().to_string()));
            lines.push(format!("Written to {} after {shrunk:.1} s.", file.display()));
        }
    }
    lines.join("\n") + "\n"
}

fn table(coverage: &Coverage) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["fault", "runs", "happened", "mattered", "which means"]);
    for kind in Kind::ALL {
        let count = coverage.count(kind);
        let numbers = [count.runs, count.happened, count.mattered].map(|it| it.to_string());
        let [runs, happened, mattered] = numbers;
        table.add_row([kind.name().to_owned(), runs, happened, mattered, kind.trace().to_owned()]);
    }
    table
}

fn as_json(args: &HuntArgs, hunt: &Hunt, found: Option<(&Story, &Path)>, took: &Took) -> Value {
    let found = found.map(|(story, file)| {
        let (found, shrunk) = (story.found(), story.shrunk());
        let small = &shrunk.case.scenario;
        let name = file.display().to_string();
        json!({
            "seed": found.seed,
            "check": shrunk.case.violation.check,
            "violation": shrunk.case.violation.to_string(),
            "shrunk": {
                "seed": shrunk.case.seed,
                "seed_nodes": small.seed_nodes,
                "peers": small.peers,
                "faults": small.faults.len(),
                "duration_s": small.duration.as_secs_f64(),
                "attempts": shrunk.attempts,
                "is_minimal": shrunk.is_minimal,
            },
            "file": file,
            "replay": story.replay(&name),
        })
    });
    json!({
        "seed_from": args.seed_from,
        "runs": hunt.runs,
        "planted": args.planted,
        "coverage": hunt.coverage,
        "never_mattered": hunt.coverage.without_trace(),
        "searched_s": took.searched.as_secs_f64(),
        "took_s": took.all.as_secs_f64(),
        "found": found,
    })
}
