//! The summary of a sweep: verdict, checks, figures over the seeds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::check::CHECKS;
use crate::history::hex;
use crate::measure::millis;
use crate::measure::overlay::OverlayPoint;
use crate::measure::quantile::{quantile, sorted};
use crate::measure::recovery::Recovery;
use crate::report::tables::{Tables, median_coverage};
use crate::scenario::{Death, Limits, Scenario};
use crate::sweep::RunResult;

/// Version of `summary.json`.
pub(super) const SCHEMA: u32 = 2;

/// Names of the figures that others look up.
pub mod name {
    /// Delivered pairs of expected ones.
    pub const DELIVERED: &str = "delivered";
    /// Median over a run's messages of the time until half of the peers had one.
    pub const COVERAGE_50: &str = "coverage 50 %";
    /// The same for all peers.
    pub const COVERAGE_100: &str = "coverage 100 %";
    /// Copies per first receipt, less one.
    pub const REDUNDANCY: &str = "redundancy (RMR)";
    /// Variance over mean of the peers' links at the end of a run.
    pub const DISPERSION: &str = "degree dispersion";
    /// Live peers removed as dead.
    pub const FALSE_DEATHS: &str = "false deaths";
    /// A run's slowest message among the peers that never stand still.
    pub const OTHERS: &str = "slowest at steady peers";
    /// Time from the last fault until all peers were in one component.
    pub const ONE_COMPONENT: &str = "one component again";
    /// Time from the last fault until all peers were on a quorum of lists.
    pub const QUORUM: &str = "on a quorum of lists";
    /// Time from a death by reset until no seed node listed the peer.
    pub const RESET_DEATHS: &str = "reset: all seed nodes";
    /// The same for silent deaths.
    pub const SILENT_DEATHS: &str = "silent: all seed nodes";
}

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
    pub tables: BTreeMap<String, usize>,
    /// Each check and the rng seeds of the runs in which it failed.
    pub checks: Vec<CheckSummary>,
    /// Figures over the runs.
    pub figures: Vec<Figure>,
    /// What was found where a check failed.
    pub violations: Vec<ViolationSummary>,
}

/// What was run, in words of the scenario.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
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
    pub latency_min_ms: u64,
    /// Most.
    pub latency_max_ms: u64,
    /// The engine's step.
    pub tick_ms: u64,
}

/// A check over the runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct CheckSummary {
    /// Its name.
    pub check: String,
    /// What it demands.
    pub demand: String,
    /// Runs in which it failed.
    pub failed_seeds: Vec<u64>,
}

/// A figure over the runs: every run gives one value, or several for figures of single deaths.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// How many values there are.
    pub values: usize,
    /// The smallest value.
    pub min: Option<f64>,
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ViolationSummary {
    /// In which run.
    pub seed: u64,
    /// What.
    pub violation: String,
}

impl Summary {
    /// Sums up these runs.
    pub fn of(scenario: &Scenario, results: &[RunResult], tables: &Tables) -> Self {
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
            program: env!("CARGO_PKG_VERSION").to_owned(),
            scenario: scenario.name.clone(),
            question: scenario.question.clone(),
            setting: Setting::of(scenario),
            runs: results.len(),
            passed: results.iter().filter(|result| result.violations.is_empty()).count(),
            digest: hex(&hash.finalize()),
            tables: tables.sizes(),
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
            engine: "turmoil".to_owned(),
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
        check: check.name.to_owned(),
        demand: check.demand.to_owned(),
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
    let recovery = |time: &dyn Fn(&Recovery) -> Option<Duration>| {
        each(&|run| time(&run.measures.recovery).map(millis).map(to_float))
    };
    let no_false_deaths = limits.false_deaths_max.unwrap_or_default();
    let mut figures = vec![
        figure(name::DELIVERED, "%", each(&|run| Some(run.measures.totals.delivery_percent())))
            .limited(limits.delivery_percent_min.map(|least| format!(">= {least} %"))),
        figure(name::COVERAGE_50, "ms", coverage(50)).limited(at_most(limits.coverage_50_max)),
        figure("coverage 90 %", "ms", coverage(90)),
        figure("coverage 99 %", "ms", coverage(99)),
        figure(name::COVERAGE_100, "ms", coverage(100)).limited(at_most(limits.coverage_100_max)),
        figure("last delivery hop", "hops", each(&|run| last_hop(run).map(to_float))),
        figure(name::REDUNDANCY, "copies", each(&|run| Some(run.measures.totals.redundancy())))
            .limited(limits.redundancy_max.map(|most| format!("<= {most}"))),
        figure(name::DISPERSION, "", each(&dispersion))
            .limited(limits.degree_dispersion_min.map(|least| format!(">= {least}"))),
        figure(
            name::FALSE_DEATHS,
            "peers",
            each(&|run| Some(to_float(run.measures.totals.false_deaths))),
        )
        .limited(Some(format!("<= {no_false_deaths}"))),
        figure(name::OTHERS, "ms", each(&|run| slowest_other(run).map(to_float)))
            .limited(at_most(limits.others_coverage_100_max)),
        figure(name::ONE_COMPONENT, "ms", recovery(&|it| it.one_component))
            .limited(at_most(limits.one_component_max)),
        figure(name::QUORUM, "ms", recovery(&|it| it.quorum)).limited(at_most(limits.quorum_max)),
    ];
    let reset = at_most(limits.reset_detection_max);
    let silent = at_most(limits.silent_detection_max);
    let dropped = [
        ("reset: first neighbor", name::RESET_DEATHS, Death::Reset, reset),
        ("silent: first neighbor", name::SILENT_DEATHS, Death::Silent, silent),
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

/// The longest time that a message took to all peers that never stand still.
fn slowest_other(run: &RunResult) -> Option<u64> {
    let spreading = run.measures.messages.iter().filter(|it| !it.died_with_origin);
    spreading.filter_map(|it| it.others).max().map(millis)
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

fn figure(name: &str, unit: &str, values: Vec<f64>) -> Figure {
    let values = sorted(values);
    // Four decimals are what the tables show; more would be noise in the file.
    let at =
        |percent| quantile(&values, percent).map(|value| (value * 10_000.0).round() / 10_000.0);
    Figure {
        name: name.to_owned(),
        unit: unit.to_owned(),
        values: values.len(),
        min: at(0),
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
