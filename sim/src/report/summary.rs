//! The summary of a sweep: verdict, checks, figures over the seeds.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::check::CHECKS;
use crate::history::hex;
use crate::measure::millis;
use crate::measure::overlay::OverlayPoint;
use crate::measure::quantile::{quantile, sorted};
use crate::report::tables::median_coverage;
use crate::scenario::{Death, Limits, Scenario};
use crate::sweep::RunResult;

/// Version of `summary.json`.
const SCHEMA: u32 = 1;

/// A sweep in short.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Version of this form.
    pub schema: u32,
    /// The program's version.
    pub program: &'static str,
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
    /// Each check and the rng seeds of the runs in which it failed.
    pub checks: Vec<CheckSummary>,
    /// Figures over the runs.
    pub figures: Vec<Figure>,
    /// What was found where a check failed.
    pub violations: Vec<ViolationSummary>,
}

/// What was run, in words of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Engine.
    pub engine: &'static str,
    /// Seed nodes.
    pub seed_nodes: usize,
    /// Peers.
    pub peers: usize,
    /// Simulated seconds of one run.
    pub duration_s: u64,
    /// Least one-way latency.
    pub latency_min_ms: u64,
    /// Most.
    pub latency_max_ms: u64,
    /// The engine's step.
    pub tick_ms: u64,
}

/// A check over the runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CheckSummary {
    /// Its name.
    pub check: &'static str,
    /// What it demands.
    pub demand: &'static str,
    /// Runs in which it failed.
    pub failed_seeds: Vec<u64>,
}

/// A figure over the runs: every run gives one value, or several for figures of single deaths.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// Its name.
    pub name: &'static str,
    /// Its unit.
    pub unit: &'static str,
    /// How many values there are.
    pub values: usize,
    /// The value below which 5 % lie.
    pub p5: Option<f64>,
    /// The middle value.
    pub median: Option<f64>,
    /// The value below which 95 % lie.
    pub p95: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
    /// What the scenario asks for, in words.
    pub limit: Option<String>,
}

/// One thing that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViolationSummary {
    /// In which run.
    pub seed: u64,
    /// What.
    pub violation: String,
}

impl Summary {
    /// Sums up these runs.
    pub fn of(scenario: &Scenario, results: &[RunResult]) -> Self {
        let mut hash = Sha256::new();
        for result in results {
            hash.update(result.digest.as_bytes());
        }
        let violations = results.iter().flat_map(|result| {
            result.violations.iter().map(|violation| ViolationSummary {
                seed: result.seed,
                violation: violation.to_string(),
            })
        });
        Self {
            schema: SCHEMA,
            program: env!("CARGO_PKG_VERSION"),
            scenario: scenario.name.clone(),
            question: scenario.question.clone(),
            setting: Setting::of(scenario),
            runs: results.len(),
            passed: results.iter().filter(|result| result.violations.is_empty()).count(),
            digest: hex(&hash.finalize()),
            checks: CHECKS.iter().map(|check| check_summary(check, results)).collect(),
            figures: figures(&scenario.limits, results),
            violations: violations.collect(),
        }
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

impl Setting {
    fn of(scenario: &Scenario) -> Self {
        Self {
            engine: "turmoil",
            seed_nodes: scenario.seed_nodes,
            peers: scenario.peers,
            duration_s: scenario.duration.as_secs(),
            latency_min_ms: millis(scenario.latency.from),
            latency_max_ms: millis(scenario.latency.to),
            tick_ms: millis(scenario.tick),
        }
    }

    /// One line for captions.
    pub fn caption(&self, runs: usize) -> String {
        let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
        format!(
            "{runs} of {} s with {} seed nodes and {} peers; one-way latency {} to {} ms, tick {} ms ({})",
            self.duration_s,
            self.seed_nodes,
            self.peers,
            self.latency_min_ms,
            self.latency_max_ms,
            self.tick_ms,
            self.engine
        )
    }
}

fn check_summary(check: &crate::check::Check, results: &[RunResult]) -> CheckSummary {
    let fails = |result: &&RunResult| result.violations.iter().any(|it| it.check == check.name);
    CheckSummary {
        check: check.name,
        demand: check.demand,
        failed_seeds: results.iter().filter(fails).map(|result| result.seed).collect(),
    }
}

fn figures(limits: &Limits, results: &[RunResult]) -> Vec<Figure> {
    let each = |value: &dyn Fn(&RunResult) -> Option<f64>| -> Vec<f64> {
        results.iter().filter_map(value).collect()
    };
    let coverage = |percent| each(&move |run| median_coverage(run, percent).map(to_float));
    let at_most = |time: Option<Duration>| time.map(|it| format!("<= {} ms", millis(it)));
    let deaths = |death: Death, time: &dyn Fn(&DeathTimes) -> Option<u64>| -> Vec<f64> {
        death_times(death, results).iter().filter_map(time).map(to_float).collect()
    };
    let no_false_deaths = limits.false_deaths_max.unwrap_or_default();
    let mut figures = vec![
        figure("delivered", "%", each(&|run| Some(run.measures.totals.delivery_percent())))
            .limited(limits.delivery_percent_min.map(|least| format!(">= {least} %"))),
        figure("coverage 50 %", "ms", coverage(50)).limited(at_most(limits.coverage_50_max)),
        figure("coverage 90 %", "ms", coverage(90)),
        figure("coverage 99 %", "ms", coverage(99)),
        figure("coverage 100 %", "ms", coverage(100)).limited(at_most(limits.coverage_100_max)),
        figure("last delivery hop", "hops", each(&|run| last_hop(run).map(to_float))),
        figure("redundancy (RMR)", "copies", each(&|run| Some(run.measures.totals.redundancy())))
            .limited(limits.redundancy_max.map(|most| format!("<= {most}"))),
        figure("degree dispersion", "", each(&dispersion))
            .limited(limits.degree_dispersion_min.map(|least| format!(">= {least}"))),
        figure(
            "false deaths",
            "peers",
            each(&|run| Some(to_float(run.measures.totals.false_deaths))),
        )
        .limited(Some(format!("<= {no_false_deaths}"))),
    ];
    let reset = at_most(limits.reset_detection_max);
    let silent = at_most(limits.silent_detection_max);
    let dropped = [
        ("reset: first neighbor", "reset: all seed nodes", Death::Reset, reset),
        ("silent: first neighbor", "silent: all seed nodes", Death::Silent, silent),
    ];
    for (by_neighbor, by_seed_nodes, death, limit) in dropped {
        figures.push(figure(by_neighbor, "ms", deaths(death, &|times| times.first_neighbor)));
        let all = deaths(death, &|times| times.all_seed_nodes);
        figures.push(figure(by_seed_nodes, "ms", all).limited(limit));
    }
    figures
}

struct DeathTimes {
    first_neighbor: Option<u64>,
    all_seed_nodes: Option<u64>,
}

fn death_times(death: Death, results: &[RunResult]) -> Vec<DeathTimes> {
    let deaths = results.iter().flat_map(|result| &result.measures.deaths);
    deaths
        .filter(|it| it.death == death)
        .map(|it| DeathTimes {
            first_neighbor: it.first_neighbor.map(millis),
            all_seed_nodes: it.all_seed_nodes.filter(|_| !it.is_cut_short()).map(millis),
        })
        .collect()
}

fn last_hop(run: &RunResult) -> Option<u64> {
    run.measures.messages.iter().map(|message| message.last_hop.into()).max()
}

fn dispersion(run: &RunResult) -> Option<f64> {
    run.measures.overlay.last().and_then(OverlayPoint::dispersion)
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "far below 2^52")]
fn to_float(value: u64) -> f64 {
    value as f64
}

fn figure(name: &'static str, unit: &'static str, values: Vec<f64>) -> Figure {
    let values = sorted(values);
    // Four decimals are what the tables show; more would be noise in the file.
    let at =
        |percent| quantile(&values, percent).map(|value| (value * 10_000.0).round() / 10_000.0);
    Figure {
        name,
        unit,
        values: values.len(),
        p5: at(5),
        median: at(50),
        p95: at(95),
        max: at(100),
        limit: None,
    }
}

impl Figure {
    fn limited(self, limit: Option<String>) -> Self {
        Self { limit, ..self }
    }
}
