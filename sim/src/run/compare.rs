//! `sim compare`: every combination of varied fields on the same seeds.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;

use super::console::{say, say_json};
use super::progress::Progress;
use super::{FAILED, RUNS, link_latest};
use crate::cli::{CompareArgs, REPORTS};
use crate::compare::agree::{judge, judge_deaths};
use crate::compare::outcome::Outcome;
use crate::plural::counted;
use crate::report::comparison::{Comparison, Differing, GrowingColumn, Pair, render};
use crate::report::tables::RunRows;
use crate::scenario::combinations::{self, Combination, load_combinations};
use crate::scenario::vary::Vary;
use crate::scenario::{Limits, Scenario};
use crate::sweep::{self, Seeds, Shard};

pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let varied = combinations::varied(&args.file, &args.set, &args.varied())?;
    let combinations = load_combinations(&args.file, &args.set, &varied)?;
    let scenario = &combinations.first().context("a comparison of something")?.scenario;
    let seeds = args.seeds.unwrap_or(Seeds { first: 1, last: scenario.runs });
    let asks_limits = args.varied().is_empty() && args.set.is_empty();
    let (comparison, took) =
        run_all(scenario, (&varied, &combinations), seeds, args.jobs, asks_limits)?;
    let folder = args.folder(&scenario.name, &varied);
    comparison.write(&folder)?;
    link_latest(&folder)?;
    if args.json {
        say_json(&comparison)?;
    } else {
        say(&render(&comparison))?;
        say(&format!("comparison in {}\n", folder.display()))?;
        let runs: u64 = comparison.columns.iter().map(|column| column.runs).sum();
        say(&format!("{} in {:.1} s\n", counted(runs, "run"), took.as_secs_f64()))?;
    }
    Ok(verdict(&comparison))
}

/// The exit status.
pub(super) fn verdict(comparison: &Comparison) -> ExitCode {
    if comparison.is_passed() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

/// Runs all combinations, one after the other. Tells the wall-clock time that it took, too. The limits
/// of a file are for the scenario as it is written there: they are asked of the combinations of its own
/// `[vary]` table, and of no others.
pub(super) fn run_all(
    scenario: &Scenario,
    (varied, combinations): (&[Vary], &[Combination]),
    seeds: Seeds,
    jobs: Option<u16>,
    asks_limits: bool,
) -> anyhow::Result<(Comparison, Duration)> {
    let pairs = pairs(combinations);
    let is_judged = |place: usize| pairs.iter().any(|(a, b)| *a == place || *b == place);
    let (mut columns, mut outcomes, mut took) = (Vec::new(), Vec::new(), Duration::ZERO);
    for (place, combination) in combinations.iter().enumerate() {
        let mut column = GrowingColumn::new(combination);
        let limits = combination.scenario.limits;
        if asks_limits && limits != Limits::default() {
            column = column.asking_limits(&limits);
        }
        let (outcome, time) =
            run_combination(&mut column, &combination.scenario, seeds, jobs, is_judged(place))?;
        took += time;
        columns.push(column.finish());
        outcomes.push(outcome);
    }
    let pair = |(first, second): (usize, usize)| {
        let tick = columns[first].setting.tick_ms;
        let alike = (seeds.first..).zip(outcomes[first].iter().zip(&outcomes[second]));
        let differing = alike.filter_map(|(seed, (ours, theirs))| {
            let what = ours.differences(theirs);
            (!what.is_empty()).then_some(Differing { seed, what })
        });
        let mut figures = judge(&columns[first].figures, &columns[second].figures, tick);
        figures.extend(judge_deaths(&outcomes[first], &outcomes[second], tick));
        Pair { first, second, figures, runs: columns[first].runs, differing: differing.collect() }
    };
    let pairs = pairs.into_iter().map(pair).collect();
    let head = (scenario.name.as_str(), scenario.question.as_str());
    Ok((Comparison::new(head, seeds, varied, columns, pairs), took))
}

/// Places of combinations that differ in nothing but the engine: each with the first of its kind.
fn pairs(combinations: &[Combination]) -> Vec<(usize, usize)> {
    let rest = |combination: &Combination| {
        let rest = combination.changes.iter().filter(|it| !it.is_engine());
        rest.cloned().collect::<Vec<_>>()
    };
    let mut pairs = Vec::new();
    for (place, combination) in combinations.iter().enumerate() {
        let before = combinations[..place].iter();
        let alike = before.clone().position(|it| rest(it) == rest(combination));
        pairs.extend(alike.map(|first| (first, place)));
    }
    pairs
}

fn run_combination(
    column: &mut GrowingColumn,
    scenario: &Scenario,
    seeds: Seeds,
    jobs: Option<u16>,
    is_judged: bool,
) -> anyhow::Result<(Vec<Outcome>, Duration)> {
    let block = seeds.block(Shard::WHOLE);
    let mut progress = Progress::new(scenario, block.count, 0, 0);
    let mut outcomes = Vec::new();
    let work = |seed| {
        let outcome = |history: &_| is_judged.then(|| Outcome::of(scenario, history));
        let (result, outcome) = sweep::run_and(scenario, seed, outcome);
        (RunRows::of(&result), result.violations.len(), outcome)
    };
    sweep::in_order(block, jobs.map(usize::from), work, |(rows, violations, outcome)| {
        column.add(&rows);
        outcomes.extend(outcome);
        progress.note(violations);
        Ok(())
    })?;
    Ok((outcomes, progress.finish()))
}

impl CompareArgs {
    /// What the command line varies; the engine last.
    fn varied(&self) -> Vec<Vary> {
        let mut varied = self.vary.clone();
        if !self.engines.is_empty() {
            varied.push(Vary::engines(&self.engines));
        }
        varied
    }

    /// Where the report goes.
    fn folder(&self, name: &str, varied: &[Vary]) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        let Self { file: _, engines, vary, seeds, jobs, set, out: _, json } = self;
        let is_plain = engines.is_empty() && vary.is_empty() && seeds.is_none() && jobs.is_none();
        if is_plain && set.is_empty() && !json {
            return Path::new(REPORTS).join(name);
        }
        let varied = varied.iter().map(|it| format!("{}={}", it.key, it.values.join(",")));
        let mut parts = vec![name.to_owned(), "compare".to_owned()];
        parts.extend(varied.chain(set.iter().cloned()).map(|it| super::plain(&it)));
        parts.extend(seeds.map(|Seeds { first, last }| format!("seeds-{first}-{last}")));
        Path::new(RUNS).join(parts.join("-"))
    }
}
