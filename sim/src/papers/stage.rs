//! Where experiments run `core` itself: a scenario of `scenarios/papers` on the event engine.

use std::path::PathBuf;

use anyhow::bail;

use super::Setup;
use crate::event_world;
use crate::history::History;
use crate::measure::Measures;
use crate::scenario::{self, Scenario, ScenarioError};
use crate::sweep::{self, Seeds, Shard};

/// A scenario that an experiment runs.
#[derive(Clone, Debug)]
pub struct Stage {
    /// As it was changed.
    pub scenario: Scenario,
}

impl Setup<'_> {
    /// Loads `NAME.toml` from the folder of the papers' scenarios, for the event engine, with these
    /// changes made to its text first; they are those of `--set`.
    ///
    /// # Errors
    ///
    /// If there is no such file, or it is no scenario with these changes.
    pub fn stage(&self, name: &str, changes: &[String]) -> Result<Stage, ScenarioError> {
        let path: PathBuf = self.scenarios.join(name).with_extension("toml");
        let engine = "engine=events".to_owned();
        let changes: Vec<String> = [engine].into_iter().chain(changes.iter().cloned()).collect();
        scenario::load(&path, &changes).map(|scenario| Stage { scenario })
    }
}

impl Stage {
    /// Runs these rng seeds in parallel and keeps of each what `see` makes of it; in the order of the
    /// seeds. What happened takes much room, so it is forgotten after that. Checks are not asked: after
    /// a massive failure some of them cannot hold, and that is what is measured.
    ///
    /// # Errors
    ///
    /// If a run panicked or a node told of an error: its numbers would mean nothing.
    pub fn run<T: Send>(
        &self,
        seeds: Seeds,
        see: impl Fn(&Measures, &History) -> T + Sync,
    ) -> anyhow::Result<Vec<T>> {
        let work = |seed| {
            let history = event_world::run(&self.scenario, seed);
            let measures = Measures::of(&self.scenario, &history);
            (see(&measures, &history), history.failure)
        };
        let (mut seen, mut seed) = (Vec::new(), seeds.first);
        sweep::in_order(seeds.block(Shard::WHOLE), None, work, |(value, failure)| {
            if let Some(failure) = failure {
                bail!("{}, seed {seed}: {failure:?}", self.scenario.name);
            }
            seen.push(value);
            seed += 1;
            Ok(())
        })?;
        Ok(seen)
    }
}
