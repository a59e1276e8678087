//! Hunts: runs with drawn options, one after the other, until a check fails; then the failing run is
//! made as small as it can be and still fail.
//!
//! ```text
//! seed ──▶ draw ──▶ event_world ──▶ checks ──▶ nothing: next seed
//!                                     └──▶ a violation ──▶ shrink ──▶ story, a scenario file
//! ```

pub mod coverage;
mod draw;
pub mod planted_bug;
mod shrink;
mod story;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use tidings_node::settings::Profile;

use crate::check::{Evidence, Violation, check_all};
use crate::event_world;
use crate::event_world::MutantFactory;
use crate::fault::decide;
use crate::history::History;
use crate::host::run_seed;
use crate::measure::Measures;
use crate::scenario::{Engine, Scenario};
use coverage::Coverage;
use planted_bug::PlantedBug;

pub use draw::draw;
pub use shrink::{MAX_ATTEMPTS, Shrunk, shrink};
pub use story::Story;

/// Runs of one round. A round is finished before anything found in it is looked at, so that the
/// first failing seed is found whatever the number of threads is.
const ROUND: u64 = 32;

/// What is hunted in.
#[derive(Clone, Debug)]
pub enum Source {
    /// Scenarios drawn from the seeds, of this profile.
    Drawn(Profile),
    /// This scenario, on the event engine; what it leaves open is drawn from the seeds.
    Given(Box<Scenario>),
}

/// How far a hunt goes.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The first rng seed.
    pub seed_from: u64,
    /// Most runs.
    pub runs: u64,
}

/// Whoever looks on while a hunt runs. The hunt itself reads no clock.
pub trait Spectator: Sync {
    /// A run was made.
    fn on_run(&self);

    /// Whether another round may begin.
    fn may_go_on(&self) -> bool;
}

/// What came of a hunt.
#[derive(Debug)]
pub struct Hunt {
    /// Runs made, up to and with the first failing one.
    pub runs: u64,
    /// What the faults of these runs did.
    pub coverage: Coverage,
    /// The first failing run, if there is one.
    pub found: Option<Case>,
}

/// A run that fails.
#[derive(Clone, Debug)]
pub struct Case {
    /// What was run.
    pub scenario: Scenario,
    /// Its rng seed.
    pub seed: u64,
    /// The first check that failed.
    pub violation: Violation,
}

impl Source {
    /// What is run with this seed.
    pub fn scenario(&self, seed: u64) -> Scenario {
        match self {
            Self::Drawn(profile) => draw(seed, *profile),
            Self::Given(scenario) => {
                Scenario { engine: Engine::Events, ..Scenario::clone(scenario) }
            }
        }
    }
}

/// Runs seed after seed until one fails, or the bounds are reached.
pub fn hunt(
    source: &Source,
    bounds: Bounds,
    bug: Option<&'static PlantedBug>,
    spectator: &dyn Spectator,
) -> Hunt {
    let mut hunt = Hunt { runs: 0, coverage: Coverage::default(), found: None };
    let end = bounds.seed_from.saturating_add(bounds.runs);
    let mut next = bounds.seed_from;
    while next < end && spectator.may_go_on() {
        let until = end.min(next.saturating_add(ROUND));
        let look = |seed| {
            let looked = Look::at(&source.scenario(seed), seed, bug);
            spectator.on_run();
            looked
        };
        let round: Vec<Look> = (next..until).into_par_iter().map(look).collect();
        for looked in round {
            hunt.runs += 1;
            hunt.coverage.add(&looked.coverage);
            if looked.found.is_some() {
                hunt.found = looked.found;
                return hunt;
            }
        }
        next = until;
    }
    hunt
}

/// What is kept of one run of a hunt.
struct Look {
    coverage: Coverage,
    found: Option<Case>,
}

impl Look {
    fn at(scenario: &Scenario, seed: u64, bug: Option<&'static PlantedBug>) -> Self {
        let (history, violations) = run_checked(scenario, seed, bug);
        let coverage = Coverage::of(scenario, &history);
        let first = violations.into_iter().next();
        let found = first.map(|violation| Case { scenario: scenario.clone(), seed, violation });
        Self { coverage, found }
    }
}

/// Runs a scenario on the event engine, with a bug planted or none, and checks it.
pub fn run_checked(
    scenario: &Scenario,
    seed: u64,
    bug: Option<&'static PlantedBug>,
) -> (History, Vec<Violation>) {
    let mutants = bug.map(|bug| -> &'static dyn MutantFactory { bug });
    let history = event_world::run_with(scenario, seed, mutants);
    let measures = Measures::of(scenario, &history);
    let violations = check_all(&Evidence { scenario, history: &history, measures: &measures });
    (history, violations)
}

impl Case {
    /// The same run with nothing left open: every fault says whom it hits and when.
    #[must_use]
    pub fn decided(self) -> Self {
        let faults = decide(&self.scenario, run_seed(self.seed));
        let scenario = Scenario { faults, engine: Engine::Events, runs: 1, ..self.scenario };
        Self { scenario, ..self }
    }

    /// Seed nodes and peers.
    pub fn nodes(&self) -> usize {
        self.scenario.seed_nodes + self.scenario.peers
    }
}
