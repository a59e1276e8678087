//! A sweep, carried out: its runs, its report, and what is told of it meanwhile.

use std::path::Path;
use std::time::Duration;

use super::progress::Progress;
use crate::report::part::Identity;
use crate::report::summary::{Head, Summary};
use crate::report::sweep_store::{Opened, open};
use crate::report::tables::RunTables;
use crate::scenario::Scenario;
use crate::sweep::{self, Seeds, Shard};

/// What is to be done.
pub(super) struct Sweep<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) seeds: Seeds,
    pub(super) shard: Option<Shard>,
    pub(super) jobs: Option<u16>,
    /// The report's folder.
    pub(super) folder: &'a Path,
    /// The command that repeats a run, without its seed.
    pub(super) replay: String,
}

/// What was done.
pub(super) struct SweepOutcome {
    pub(super) summary: Summary,
    /// Runs made.
    pub(super) made: u64,
    /// Runs that were there before.
    pub(super) found: u64,
    /// Wall-clock time of the runs made.
    pub(super) took: Duration,
}

pub(super) fn run_sweep(sweep: Sweep<'_>) -> anyhow::Result<SweepOutcome> {
    let Sweep { scenario, seeds, shard, jobs, folder, replay } = sweep;
    let identity = Identity::of(scenario, seeds, shard);
    let block = identity.block();
    let mut sweep_store = match open(folder, identity, replay)? {
        Opened::SweepStore(sweep_store) => sweep_store,
        Opened::Finished(summary) => {
            let (made, found, took) = (0, block.count, Duration::ZERO);
            return Ok(SweepOutcome { summary: *summary, made, found, took });
        }
    };
    let found = sweep_store.done();
    let mut progress = Progress::new(scenario, block.count, found, sweep_store.violations());
    let work = |seed| RunTables::of(&sweep::run_one(scenario, seed), seed == seeds.first);
    sweep::in_order(block.after(found), jobs.map(usize::from), work, |run| {
        let run = run?;
        sweep_store.add(&run)?;
        progress.note(run.violations);
        Ok(())
    })?;
    let took = progress.finish();
    let summary = sweep_store.finish(Head::of(scenario))?;
    Ok(SweepOutcome { summary, made: block.count - found, found, took })
}
