//! The shipped scenarios run, hold, and are what the committed reports show.

use std::fs;
use std::path::Path;

use tidings_sim::report::comparison::Comparison;
use tidings_sim::scenario::combinations::load_combinations;
use tidings_sim::scenario::{Scenario, load};
use tidings_sim::sweep::run_one;

use crate::support::{project, scenarios};

#[test]
fn the_question_is_the_first_line() {
    for path in scenarios() {
        let text = fs::read_to_string(&path).expect("a scenario");
        assert!(text.starts_with("question = "), "{}", path.display());
    }
}

/// The first run of each report is repeated. When this fails, the program or the scenario changed
/// and the report did not: `sim gallery` and commit what it writes.
#[test]
fn r37_r38_reports_show_what_the_program_does() {
    for path in scenarios() {
        let scenario = load(&path, &[]).expect("a scenario");
        if !scenario.vary.is_empty() {
            show_what_the_program_does(&path, &scenario);
            continue;
        }
        let result = run_one(&scenario, 1);
        assert_eq!(result.violations, [], "{}", path.display());
        let runs = project().join("reports").join(&scenario.name).join("runs.csv");
        let runs = fs::read_to_string(&runs).expect("a report of every scenario");
        let first = runs.lines().nth(1).expect("a run");
        assert!(first.starts_with("1,ok,"), "{first}");
        assert!(first.ends_with(&result.digest), "{}: stale report", scenario.name);
        let rows = runs.lines().count() - 1;
        assert_eq!(u64::try_from(rows), Ok(scenario.runs), "{}: stale report", scenario.name);
    }
}

/// Of a comparison the first run of the first combination is repeated.
fn show_what_the_program_does(path: &Path, scenario: &Scenario) {
    let folder = project().join("reports").join(&scenario.name);
    let comparison = Comparison::read(&folder).expect("a comparison");
    let combinations = load_combinations(path, &[], &scenario.vary).expect("combinations");
    assert_eq!(comparison.columns.len(), combinations.len(), "{}: stale", scenario.name);
    let result = run_one(&combinations[0].scenario, 1);
    assert_eq!(result.violations, [], "{}", path.display());
    assert_eq!(comparison.columns[0].digests[0], result.digest, "{}: stale", scenario.name);
    assert_eq!(comparison.columns[0].runs, scenario.runs, "{}: stale", scenario.name);
}
