//! Many runs of one scenario: each rng seed is a world of its own, on whatever core is free.

use indicatif::ProgressBar;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use crate::check::{Evidence, Violation, check_all};
use crate::fault::FaultSchedule;
use crate::measure::Measures;
use crate::scenario::{Engine, Scenario};
use crate::{event_world, turmoil_world};

/// What is kept of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// Its rng seed.
    pub seed: u64,
    /// SHA-256 of what happened.
    pub digest: String,
    /// What was to happen to the nodes.
    pub schedule: FaultSchedule,
    /// What was measured.
    pub measures: Measures,
    /// What did not hold.
    pub violations: Vec<Violation>,
}

/// Runs one seed and looks at what happened.
pub fn run_one(scenario: &Scenario, seed: u64) -> RunResult {
    let history = match scenario.engine {
        Engine::Turmoil => turmoil_world::run(scenario, seed),
        Engine::Events => event_world::run(scenario, seed),
    };
    let measures = Measures::of(scenario, &history);
    let evidence = Evidence { scenario, history: &history, measures: &measures };
    let violations = check_all(&evidence);
    let digest = history.digest();
    RunResult { seed, digest, schedule: history.schedule, measures, violations }
}

/// Runs these seeds on `jobs` threads, or on one per core. The results are in the order of the
/// seeds, whatever `jobs` is.
pub fn run_all(
    scenario: &Scenario,
    seeds: &[u64],
    jobs: Option<usize>,
    progress: &ProgressBar,
) -> Result<Vec<RunResult>, rayon::ThreadPoolBuildError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(jobs.unwrap_or(0)).build()?;
    let results = pool.install(|| {
        seeds
            .to_vec()
            .into_par_iter()
            .map(|seed| {
                let result = run_one(scenario, seed);
                progress.inc(1);
                result
            })
            .collect()
    });
    Ok(results)
}
