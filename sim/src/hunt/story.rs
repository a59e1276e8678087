//! What a shrunk case tells: as a scenario file that fails again, and in words.

use humantime::format_duration;

use super::planted_bug::PlantedBug;
use super::{Case, Shrunk};
use crate::check::CHECKS;
use crate::plural::counted;

/// A case, before and after.
#[derive(Clone, Debug)]
pub struct Story {
    found: Case,
    shrunk: Shrunk,
    bug: Option<&'static PlantedBug>,
}

impl Story {
    /// The story of a case that was found, with this bug planted or none.
    pub fn new(found: Case, shrunk: Shrunk, bug: Option<&'static PlantedBug>) -> Self {
        Self { found, shrunk, bug }
    }

    /// The case as it was found.
    pub fn found(&self) -> &Case {
        &self.found
    }

    /// The case as it was shrunk.
    pub fn shrunk(&self) -> &Shrunk {
        &self.shrunk
    }

    /// The command that replays the case from this file.
    pub fn replay(&self, file: &str) -> String {
        let seed = self.shrunk.case.seed;
        match self.bug {
            Some(bug) => {
                format!("sim hunt {file} --planted {} --seed-from {seed} --runs 1", bug.name)
            }
            None => format!("sim run {file} --seed {seed}"),
        }
    }

    /// The story, line by line. `file` is where the scenario will be.
    pub fn lines(&self, file: &str) -> Vec<String> {
        let Self { found, shrunk, bug } = self;
        let violation = &shrunk.case.violation;
        let demand = CHECKS.iter().find(|check| check.name == violation.check);
        let mut lines = vec![
            format!("Failed: {violation}."),
            format!("Demanded: {}.", demand.map_or("", |check| check.demand)),
        ];
        if let Some(bug) = bug {
            lines.push(format!("Planted: {} ({}).", bug.story, bug.name));
        }
        let source = found.scenario.name.as_str();
        let seed = found.seed;
        lines.push(format!("Found in {source} with seed {seed}: {}.", size(found)));
        let attempts = counted(shrunk.attempts, "run");
        let least = if shrunk.is_minimal { "" } else { ", given up before nothing smaller failed" };
        lines.push(format!("Shrunk in {attempts} to {}{least}.", size(&shrunk.case)));
        lines.push(format!("Replay: {}", self.replay(file)));
        lines
    }

    /// The scenario as a file. Its question is asked in the first line.
    pub fn to_toml(&self, file: &str) -> String {
        let mut scenario = self.shrunk.case.scenario.clone();
        scenario.question = format!("Does {} hold?", self.shrunk.case.violation.check);
        scenario.to_toml(&self.lines(file))
    }
}

/// How large a case is.
fn size(case: &Case) -> String {
    let scenario = &case.scenario;
    format!(
        "{}, {}, {}, {}",
        counted(scenario.seed_nodes, "seed node"),
        counted(scenario.peers, "peer"),
        counted(scenario.faults.len(), "fault"),
        format_duration(scenario.duration)
    )
}
