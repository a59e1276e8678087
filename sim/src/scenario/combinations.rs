//! A scenario in several forms: every combination of its varied fields.

use std::path::Path;

use super::Scenario;
use super::page::ScenarioError;
use super::parse::{load, load_vary};
use super::vary::{Change, Vary, label};

/// Most combinations of one comparison.
pub const MAX_COMBINATIONS: usize = 64;

/// A scenario with one value of each varied field.
#[derive(Clone, Debug)]
pub struct Combination {
    /// What was changed, in the order of the varied fields.
    pub changes: Vec<Change>,
    /// What came of it.
    pub scenario: Scenario,
}

/// A comparison that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum VaryError {
    /// There is nothing to vary.
    #[error(
        "nothing is varied: say what with --engines or --vary, or with a [vary] table in the file"
    )]
    Nothing,
    /// There are too many combinations.
    #[error("{0} combinations are more than {MAX_COMBINATIONS}")]
    TooMany(usize),
    /// A combination is no scenario.
    #[error("with {changes}: {error}")]
    Wrong {
        /// What was changed.
        changes: String,
        /// What is wrong with it.
        error: ScenarioError,
    },
}

/// What a comparison of the scenario of `path` varies: `asked`, or else what the file says, with
/// `overrides` made to it. The file itself must be right; what `overrides` make of it is judged
/// with each combination, never with a value that is replaced.
pub fn varied(
    path: &Path,
    overrides: &[String],
    asked: &[Vary],
) -> Result<Vec<Vary>, ScenarioError> {
    if asked.is_empty() {
        return load_vary(path, overrides);
    }
    load(path, &[])?;
    Ok(asked.to_vec())
}

/// Loads every combination of the varied fields, the first of which changes slowest. `overrides` are
/// made in all of them.
pub fn load_combinations(
    path: &Path,
    overrides: &[String],
    varied: &[Vary],
) -> Result<Vec<Combination>, VaryError> {
    let count = varied.iter().fold(1_usize, |count, it| count.saturating_mul(it.values.len()));
    if varied.is_empty() || count == 0 {
        return Err(VaryError::Nothing);
    }
    if count > MAX_COMBINATIONS {
        return Err(VaryError::TooMany(count));
    }
    let mut all: Vec<Vec<Change>> = vec![Vec::new()];
    for Vary { key, values } in varied {
        let change = |value: &String| Change { key: key.clone(), value: value.clone() };
        let with = |before: &Vec<Change>, value| [&before[..], &[change(value)]].concat();
        all = all.iter().flat_map(|before| values.iter().map(|it| with(before, it))).collect();
    }
    all.into_iter().map(|changes| load_changed(path, overrides, changes)).collect()
}

fn load_changed(
    path: &Path,
    overrides: &[String],
    changes: Vec<Change>,
) -> Result<Combination, VaryError> {
    let sets = changes.iter().map(|Change { key, value }| format!("{key}={value}"));
    let overrides: Vec<String> = overrides.iter().cloned().chain(sets).collect();
    let wrong = |error| VaryError::Wrong { changes: label(&changes), error };
    let scenario = load(path, &overrides).map_err(wrong)?;
    Ok(Combination { changes, scenario })
}
