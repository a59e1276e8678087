//! Published results beside ours: `sim papers`.
//!
//! ```text
//! models ──▶ self-checks ─────────────┐
//!                                     ├──▶ Bar: published, tolerance, ours ──▶ verdict
//! scenarios/papers ──▶ Stage ─────────┘
//!                      (event engine, histories)
//! ```
//!
//! A self-check asks whether our measures mean what the papers' measures mean. It runs a
//! [model](models) of a published protocol, outside of `core`, and compares it with what the paper
//! prints. The other experiments run `core` itself, in scenarios of their own, by a [`PreparedScenario`].
//!
//! An experiment is a file here and an entry in [`EXPERIMENTS`].

mod baseline;
pub mod benchmark;
mod demers;
mod detector;
mod fan_out;
mod hyparview;
mod kermarrec;
mod lifeguard;
pub mod models;
mod plumtree;
mod prepared;
mod rivals;
mod swim;

use std::path::Path;

use anyhow::{Context as _, bail};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde::{Deserialize, Serialize};

use benchmark::Benchmark;
pub use prepared::PreparedScenario;

/// How much is done for the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Smaller networks and fewer runs, where the law allows it.
    Quick,
    /// As published.
    Full,
}

impl Effort {
    /// What belongs to it.
    pub fn pick<T>(self, quick: T, full: T) -> T {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// What experiments are run with.
#[derive(Clone, Copy, Debug)]
pub struct Setup<'a> {
    /// How much is done.
    pub effort: Effort,
    /// The folder of their scenarios.
    pub scenarios: &'a Path,
}

/// Published numbers that are measured together.
#[derive(Debug)]
pub struct Experiment {
    /// The ids of its benchmarks.
    pub ids: &'static [&'static str],
    /// Measures them.
    pub measure: Measure,
}

/// How benchmarks are measured.
#[derive(Debug)]
pub enum Measure {
    /// By models outside of `core`.
    Models(fn(Effort) -> Vec<Benchmark>),
    /// By `core` itself, in scenarios.
    Core(fn(&Setup<'_>) -> anyhow::Result<Vec<Benchmark>>),
}

impl Experiment {
    fn run(&self, setup: &Setup<'_>) -> anyhow::Result<Vec<Benchmark>> {
        match self.measure {
            Measure::Models(measure) => Ok(measure(setup.effort)),
            Measure::Core(measure) => measure(setup).with_context(|| self.ids.join(", ")),
        }
    }
}

/// All experiments, in the order of the table.
pub const EXPERIMENTS: &[Experiment] = &[
    Experiment { ids: &["demers-t1"], measure: Measure::Models(demers::push_with_counter) },
    Experiment { ids: &["demers-t2"], measure: Measure::Models(demers::push_with_coin) },
    Experiment { ids: &["demers-t3"], measure: Measure::Models(demers::pull_with_counter) },
    Experiment { ids: &["demers-law"], measure: Measure::Models(demers::law) },
    Experiment { ids: &["demers-anti-entropy"], measure: Measure::Models(demers::anti_entropy) },
    Experiment { ids: &["kermarrec"], measure: Measure::Models(kermarrec::success) },
    Experiment { ids: &["fan-out-4", "cyclon"], measure: Measure::Models(fan_out::reliability) },
    Experiment { ids: &["swim-detection"], measure: Measure::Models(swim::detection) },
    Experiment { ids: &["swim-infection"], measure: Measure::Models(swim::infection) },
    Experiment { ids: &["B15"], measure: Measure::Models(swim::false_positives) },
    Experiment { ids: &["baseline"], measure: Measure::Core(baseline::flood) },
    Experiment { ids: &["B1", "B2"], measure: Measure::Core(hyparview::overlay) },
    Experiment { ids: &["B3", "B4"], measure: Measure::Core(hyparview::massive_failure) },
    Experiment { ids: &["B5"], measure: Measure::Core(hyparview::healing) },
    Experiment { ids: &["B6", "B7"], measure: Measure::Core(plumtree::stable) },
    Experiment { ids: &["B8"], measure: Measure::Core(plumtree::hops) },
    Experiment { ids: &["B9"], measure: Measure::Core(plumtree::churn) },
    Experiment { ids: &["B11", "B12", "B13"], measure: Measure::Core(detector::detection) },
    Experiment { ids: &["B16", "B18"], measure: Measure::Core(lifeguard::false_positives) },
    Experiment { ids: &["B17"], measure: Measure::Core(lifeguard::latency) },
    Experiment { ids: &["B19"], measure: Measure::Core(rivals::gossipsub) },
    Experiment { ids: &["B21"], measure: Measure::Core(rivals::iroh) },
];

/// Runs the experiments that have one of the benchmarks `only`, or all if that is empty, several at a time,
/// and gives these benchmarks in the order of the table. `begun` is told the ids of each experiment before
/// it is run.
///
/// # Errors
///
/// If a benchmark is not known, or an experiment could not be run. That a benchmark is missed is no error.
pub fn run(
    setup: &Setup<'_>,
    only: &[String],
    begun: impl Fn(&[&'static str]) + Sync,
) -> anyhow::Result<Vec<Benchmark>> {
    if let Some(unknown) = only.iter().find(|id| !all_ids().any(|known| is_same(known, id))) {
        let known: Vec<&str> = all_ids().collect();
        bail!("--only {unknown}: there is no such bar; known are {}", known.join(", "));
    }
    let is_wanted = |id: &str| only.is_empty() || only.iter().any(|wanted| is_same(wanted, id));
    let wanted: Vec<&Experiment> =
        EXPERIMENTS.iter().filter(|it| it.ids.iter().any(|id| is_wanted(id))).collect();
    let measure = |experiment: &&Experiment| {
        begun(experiment.ids);
        experiment.run(setup)
    };
    let measured = wanted.par_iter().map(measure).collect::<anyhow::Result<Vec<_>>>()?;
    Ok(measured.into_iter().flatten().filter(|benchmark| is_wanted(&benchmark.id)).collect())
}

fn all_ids() -> impl Iterator<Item = &'static str> {
    EXPERIMENTS.iter().flat_map(|experiment| experiment.ids.iter().copied())
}

fn is_same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests;
