//! Where experiments run `core` itself: a scenario of `scenarios/papers` on the event engine.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use super::Setup;
use crate::event_world;
use crate::history::History;
use crate::measure::Measures;
use crate::scenario::{self, Scenario, ScenarioError};
use crate::sweep::{self, Seeds, Shard};

/// One run, where its figures are means over thousands of peers or sums over a grid of settings.
pub(super) const ONE_RUN: Seeds = Seeds { first: 1, last: 1 };

/// A scenario that an experiment runs.
#[derive(Clone, Debug)]
pub struct PreparedScenario {
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
    pub fn prepare(
        &self,
        name: &str,
        changes: &[impl AsRef<str>],
    ) -> Result<PreparedScenario, ScenarioError> {
        let path: PathBuf = self.scenarios.join(name).with_extension("toml");
        let changes: Vec<String> = changes.iter().map(|it| it.as_ref().to_owned()).collect();
        scenario::load_for_events(&path, &changes).map(|scenario| PreparedScenario { scenario })
    }

    /// Peers of an experiment that was published with 10,000.
    pub fn peers(&self) -> usize {
        self.effort.pick(1_000, 10_000)
    }

    /// [`Setup::prepare`] with [`Setup::peers`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn sized(
        &self,
        name: &str,
        changes: &[impl AsRef<str>],
    ) -> Result<PreparedScenario, ScenarioError> {
        let size = format!("network.peers={}", self.peers());
        let changes = changes.iter().map(AsRef::as_ref);
        self.prepare(name, &[&*size].into_iter().chain(changes).collect::<Vec<_>>())
    }
}

impl PreparedScenario {
    /// The same, but it ends at a moment after which nothing is measured. The calm that a scenario ends
    /// with is for its checks, which are not asked here.
    #[must_use]
    pub fn until(self, end: Duration) -> Self {
        let Scenario { duration, calm, .. } = self.scenario;
        let end = end.min(duration);
        let calm = calm.saturating_sub(duration.saturating_sub(end));
        Self { scenario: Scenario { duration: end, calm, ..self.scenario } }
    }

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
