//! The self-checks at reduced size, and what is asked for by name.

use std::path::Path;
use std::sync::Mutex;

use super::benchmark::Verdict;
use super::*;

/// As the program finds them.
fn setup(folder: &Path) -> Setup<'_> {
    Setup { effort: Effort::Quick, scenarios: folder }
}

fn scenarios() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/papers")
}

/// What needs seconds: all models, and the flood. The rest is for `sim papers --quick`.
fn self_checks() -> Vec<String> {
    let is_quick =
        |it: &&Experiment| matches!(it.measure, Measure::Models(_)) || it.ids.contains(&"baseline");
    EXPERIMENTS.iter().filter(is_quick).flat_map(|it| it.ids).map(|id| (*id).to_owned()).collect()
}

#[test]
fn our_models_and_measures_give_what_the_papers_print() {
    let benchmarks =
        run(&setup(&scenarios()), &self_checks(), |_| ()).expect("all self-checks run");
    let missed = benchmarks.iter().filter(|benchmark| benchmark.verdict() == Verdict::Misses);
    let missed: Vec<String> =
        missed.map(|benchmark| format!("{} {benchmark:?}", benchmark.name())).collect();
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    for id in self_checks() {
        assert!(benchmarks.iter().any(|benchmark| benchmark.id == id), "{id} has no bar");
    }
    let known: Vec<&str> = all_ids().collect();
    assert!(benchmarks.iter().all(|benchmark| known.contains(&benchmark.id.as_str())), "{known:?}");
}

#[test]
fn only_what_is_asked_for_is_run_and_shown() {
    let begun = Mutex::new(Vec::new());
    let only = ["CYCLON".to_owned()];
    let benchmarks = run(&setup(Path::new("nowhere")), &only, |ids| {
        begun.lock().expect("no panic").extend_from_slice(ids);
    });
    let benchmarks = benchmarks.expect("it needs no scenario");
    assert_eq!(begun.into_inner().expect("no panic"), ["fan-out-4", "cyclon"]);
    assert!(!benchmarks.is_empty() && benchmarks.iter().all(|benchmark| benchmark.id == "cyclon"));
}

#[test]
fn what_is_not_there_is_told() {
    let error = |only: &str| {
        let benchmarks = run(&setup(Path::new("nowhere")), &[only.to_owned()], |_| ());
        format!("{:#}", benchmarks.expect_err("an error"))
    };
    let unknown = error("B99");
    assert!(unknown.contains("--only B99") && unknown.contains("demers-t1, "), "{unknown}");
    let missing = error("baseline");
    assert!(missing.contains("nowhere/baseline.toml"), "{missing}");
}

#[test]
fn a_stage_runs_the_changed_scenario_once_per_seed() {
    let folder = scenarios();
    let changes = ["network.peers=7".to_owned(), "duration=50s".to_owned()];
    let prepared = setup(&folder).prepare("baseline", &changes).expect("a scenario");
    let seeds = crate::sweep::Seeds { first: 3, last: 5 };
    let seen = prepared.run(seeds, |measures, history| (history.seed, measures.totals.receipts));
    let seen = seen.expect("all runs finish");
    assert_eq!(seen.iter().map(|(seed, _)| *seed).collect::<Vec<_>>(), [3, 4, 5]);
    // 20 messages to six peers each.
    assert!(seen.iter().all(|(_, receipts)| *receipts == 120), "{seen:?}");
}
