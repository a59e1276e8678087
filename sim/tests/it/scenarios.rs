//! The shipped scenarios run, hold, and are what the committed reports show.

use std::fs;

use tidings_sim::scenario::load;
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
