//! Delta debugging: a failing run is made smaller, step by step, as long as the same check fails.

mod passes;

use passes::Pass;

use super::planted_bug::PlantedBug;
use super::{Case, run_checked};
use crate::check::Violation;
use crate::scenario::{Scenario, parse};

/// Runs of smaller scenarios that are tried. Enough for what hunts have found so far, by a wide margin.
/// No clock decides: a slow machine finds what a quick one finds.
pub const MAX_ATTEMPTS: u32 = 5_000;

/// Other rng seeds that are tried where a smaller scenario has other draws.
const OTHER_SEEDS: std::ops::RangeInclusive<u64> = 1..=4;

/// Rng seeds that the shrunk case may have, if one of them fails: a scenario runs its first ones.
const LOW_SEEDS: std::ops::RangeInclusive<u64> = 1..=20;

/// A case made small.
#[derive(Clone, Debug)]
pub struct Shrunk {
    /// The small one.
    pub case: Case,
    /// Runs that it took.
    pub attempts: u32,
    /// The attempts were enough: nothing smaller of the kinds that are tried fails.
    pub is_minimal: bool,
}

/// Shrinks a case. `bug` is the one that was planted when it was found, if any: a smaller run then
/// only counts if it holds without the bug.
pub fn shrink(case: Case, bug: Option<&'static PlantedBug>, max_attempts: u32) -> Shrunk {
    let mut shrinker = Shrinker { case: case.decided(), bug, max_attempts, attempts: 0 };
    let mut is_shrinking = true;
    while is_shrinking {
        is_shrinking = false;
        for pass in passes::PASSES {
            while shrinker.improves(pass) {
                is_shrinking = true;
            }
        }
    }
    shrinker.lower_seed();
    let is_minimal = !shrinker.is_budget_exhausted();
    Shrunk { case: shrinker.case, attempts: shrinker.attempts, is_minimal }
}

struct Shrinker {
    case: Case,
    bug: Option<&'static PlantedBug>,
    max_attempts: u32,
    attempts: u32,
}

impl Shrinker {
    fn is_budget_exhausted(&self) -> bool {
        self.attempts >= self.max_attempts
    }

    /// Takes the first simpler scenario that fails.
    fn improves(&mut self, pass: &Pass) -> bool {
        let simpler: Vec<Scenario> = (pass.simpler)(&self.case.scenario);
        let simpler: Vec<Scenario> = simpler.into_iter().filter(is_valid).collect();
        let seeds = OTHER_SEEDS.filter(|_| pass.tries_other_seeds);
        for seed in std::iter::once(self.case.seed).chain(seeds) {
            for scenario in &simpler {
                if self.accepts(scenario, seed) {
                    return true;
                }
            }
        }
        false
    }

    fn accepts(&mut self, scenario: &Scenario, seed: u64) -> bool {
        let Some(violation) = self.attempt(scenario, seed) else { return false };
        self.case = Case { scenario: scenario.clone(), seed, violation };
        true
    }

    /// Whether the same check fails, and how.
    fn attempt(&mut self, scenario: &Scenario, seed: u64) -> Option<Violation> {
        if self.is_budget_exhausted() {
            return None;
        }
        self.attempts += 1;
        let (_, violations) = run_checked(scenario, seed, self.bug);
        let check = self.case.violation.check;
        let violation = violations.into_iter().find(|violation| violation.check == check)?;
        let is_the_bug = self.bug.is_none() || run_checked(scenario, seed, None).1.is_empty();
        is_the_bug.then_some(violation)
    }

    /// Finds a seed that the scenario runs by itself.
    fn lower_seed(&mut self) {
        let scenario = self.case.scenario.clone();
        let found = self.case.seed;
        for seed in LOW_SEEDS.take_while(|seed| *seed < found) {
            if self.accepts(&scenario, seed) {
                break;
            }
        }
        if LOW_SEEDS.contains(&self.case.seed) {
            self.case.scenario.runs = self.case.seed;
        }
    }
}

/// Whether it could stand in a file.
fn is_valid(scenario: &Scenario) -> bool {
    parse(&scenario.name, "shrunk", &scenario.to_toml(&[])).is_ok()
}
