//! Hunts: every planted bug is found and made small; what is found is a file that fails again; real
//! bugs that were found stay mended.

use std::fs;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde_json::Value;
use tidings_node::settings::Profile;
use tidings_sim::hunt::coverage::Kind;
use tidings_sim::hunt::planted_bug::{PLANTED_BUGS, PlantedBug};
use tidings_sim::hunt::{
    Bounds, MAX_ATTEMPTS, Source, Spectator, Story, hunt, run_checked, shrink,
};
use tidings_sim::scenario::load;
use tidings_sim::sweep::run_one;

use crate::support::{empty_folder, scenarios_in, sim, small_path, text};

/// Most runs until a planted bug is found. `sim hunt --planted NAME` tells how many it takes.
const MAX_RUNS: u64 = 64;

/// Runs of a hunt without a bug: among so many is every kind of fault, a cut in one direction the most seldom.
const RUNS_OF_ALL_KINDS: u64 = 128;

/// Most nodes and faults that are left of it.
const MAX_NODES: usize = 6;
const MAX_FAULTS: usize = 4;

/// Nobody looks on, and no clock ends the hunt.
struct Unseen;

impl Spectator for Unseen {
    fn on_run(&self) {}

    fn may_go_on(&self) -> bool {
        true
    }
}

fn bounds(runs: u64) -> Bounds {
    Bounds { seed_from: 1, runs }
}

#[test]
fn every_planted_bug_is_found_and_made_small() {
    every_planted_bug_is_found(Profile::Classic);
}

#[test]
fn every_planted_bug_is_found_in_the_modern_profile_too() {
    every_planted_bug_is_found(Profile::Modern);
}

fn every_planted_bug_is_found(profile: Profile) {
    let failures: Vec<String> =
        PLANTED_BUGS.par_iter().filter_map(|bug| complain(profile, bug)).collect();
    assert!(failures.is_empty(), "{failures:#?}");
    assert!(PLANTED_BUGS.len() >= 8);
}

/// What is wrong with the hunt for a planted bug.
fn complain(profile: Profile, bug: &'static PlantedBug) -> Option<String> {
    let name = bug.name;
    let source = Source::Drawn(profile);
    let hunted = hunt(&source, bounds(MAX_RUNS), Some(bug), &Unseen);
    let Some(found) = hunted.found else { return Some(format!("{name}: not found")) };
    let shrunk = shrink(found, Some(bug), MAX_ATTEMPTS);
    let (nodes, faults) = (shrunk.case.nodes(), shrunk.case.scenario.faults.len());
    let check = shrunk.case.violation.check;
    if !bug.checks.contains(&check) {
        return Some(format!("{name}: found by {check}: {}", shrunk.case.violation));
    }
    if nodes > MAX_NODES || faults > MAX_FAULTS || !shrunk.is_minimal {
        return Some(format!("{name}: {nodes} nodes and {faults} faults are left"));
    }
    let (scenario, seed) = (&shrunk.case.scenario, shrunk.case.seed);
    let (_, violations) = run_checked(scenario, seed, None);
    (!violations.is_empty()).then(|| format!("{name}: it fails without the bug: {violations:?}"))
}

#[test]
fn without_a_bug_nothing_is_found_and_every_kind_of_fault_matters() {
    nothing_is_found(Profile::Classic);
}

#[test]
fn nothing_is_found_in_the_modern_profile_either() {
    nothing_is_found(Profile::Modern);
}

fn nothing_is_found(profile: Profile) {
    let hunted = hunt(&Source::Drawn(profile), bounds(RUNS_OF_ALL_KINDS), None, &Unseen);
    assert!(hunted.found.is_none(), "{:?}", hunted.found);
    assert_eq!(hunted.runs, RUNS_OF_ALL_KINDS);
    assert_eq!(hunted.coverage.without_trace(), []);
    for kind in Kind::ALL {
        let count = hunted.coverage.count(kind);
        assert!(count.runs < RUNS_OF_ALL_KINDS, "{} is in every run", kind.name());
        assert!(count.mattered <= count.happened && count.runs <= count.happened);
    }
}

#[test]
fn what_is_found_does_not_depend_on_the_number_of_threads() {
    let folder = empty_folder("hunt_threads");
    let hunted = |jobs: &str| {
        let args = ["hunt", "--planted", "panic-at-death", "--jobs", jobs, "--out", "found.toml"];
        let output = sim(&folder, &args);
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        fs::read_to_string(folder.join("found.toml")).expect("what was found")
    };
    assert_eq!(hunted("1"), hunted("3"));
}

#[test]
fn what_is_found_is_a_file_that_fails_again() {
    let folder = empty_folder("hunt_file");
    let args = ["hunt", "--planted", "wrong-echo", "--out", "found.toml", "--json"];
    let output = sim(&folder, &args);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["found"]["check"], "nobody-misbehaves");
    let file = fs::read_to_string(folder.join("found.toml")).expect("what was found");
    assert!(file.starts_with("question = \"Does nobody-misbehaves hold"), "{file}");
    assert!(file.contains("# Planted: peers answer pings with another number"), "{file}");
    let replay = told["found"]["replay"].as_str().expect("a command");
    assert!(file.contains(&format!("# Replay: {replay}")), "{file}");
    let replay: Vec<&str> = replay.split(' ').skip(1).collect();
    let again = sim(&folder, &replay);
    assert_eq!(again.status.code(), Some(1), "{}", text(&again.stdout));
    let sound = sim(&folder, &["run", "found.toml"]);
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound.stdout));
}

#[test]
fn a_given_scenario_is_hunted_in_and_its_failure_shrunk() {
    let scenario = load(&small_path(), &["limits.redundancy_max=0.1".to_owned()]);
    let source = Source::Given(Box::new(scenario.expect("the small scenario")));
    let hunted = hunt(&source, bounds(3), None, &Unseen);
    let found = hunted.found.expect("so few copies are not possible");
    assert_eq!((found.seed, found.violation.check, found.nodes()), (1, "limits", 12));
    let shrunk = shrink(found.clone(), None, MAX_ATTEMPTS);
    assert!(shrunk.case.nodes() <= 4 && shrunk.case.scenario.faults.is_empty(), "{shrunk:?}");
    let story = Story::new(found, shrunk, None).lines("x.toml");
    assert!(story[0].starts_with("Failed: limits: redundancy"), "{story:?}");
    assert_eq!(story.last().map(String::as_str), Some("Replay: sim run x.toml --seed 1"));
}

/// One peer alone would break the limits of coverage, too. Two are broken, and the first is told of.
#[test]
fn a_limit_that_is_broken_is_shrunk_and_not_another_one() {
    let folder = empty_folder("hunt_limits");
    let limits = [
        "coverage_50_max=\"5s\"",
        "coverage_100_max=\"5s\"",
        "delay_p99_max=\"5s\"",
        "delay_max=\"5s\"",
        "one_component_max=\"1ms\"",
        "quorum_max=\"1ms\"",
    ];
    let changes = limits.map(|it| format!("--set=limits.{it}"));
    let small = small_path();
    let args = ["hunt", small.to_str().expect("UTF-8"), "--runs", "1", "--out", "found.toml"];
    let args: Vec<&str> = args.into_iter().chain(changes.iter().map(String::as_str)).collect();
    let output = sim(&folder, &args);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{out}{}", text(&output.stderr));
    assert!(out.contains("all peers are in one component"), "{out}");
    let found = fs::read_to_string(folder.join("found.toml")).expect("written");
    assert!(found.contains("one_component_max"), "{found}");
    for other in ["coverage", "delay", "quorum_max"] {
        assert!(!found.contains(other), "{other} stays in {found}");
    }
}

#[test]
fn a_hunt_says_what_it_cannot_do() {
    let folder = empty_folder("hunt_errors");
    for (args, words) in [
        (&["hunt", "missing.toml"][..], "missing.toml: No such file"),
        (&["hunt", "--runs", "0"], "0 is not in 1..=1000000000"),
        (&["hunt", "--minutes", "0"], "0 is not in 1..=10080"),
        (&["hunt", "--planted", "mice"], "possible values: lost-forward"),
        (&["hunt", "--set", "peers=3"], "<FILE>"),
    ] {
        let output = sim(&folder, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let complaint = text(&output.stderr);
        assert!(complaint.contains(words), "{args:?}: {complaint}");
    }
}

/// Failures of the past, as small as they could be made. Each holds now, with its own seeds and with
/// the one that its story names.
#[test]
fn what_was_found_and_mended_stays_mended() {
    let files = scenarios_in("scenarios/regressions");
    assert!(!files.is_empty());
    for file in files {
        let story = fs::read_to_string(&file).expect("a scenario");
        assert!(story.starts_with("question = "), "{}", file.display());
        assert!(story.lines().nth(1).is_some_and(|line| line.starts_with("# ")));
        let scenario = load(&file, &[]).expect("a scenario");
        let named = story.split("--seed ").nth(1).and_then(|rest| rest.lines().next());
        let named = named.map(|seed| seed.trim().parse().expect("a seed"));
        for seed in (1..=scenario.runs).chain(named) {
            let result = run_one(&scenario, seed);
            assert_eq!(result.violations, [], "{} with seed {seed}", file.display());
        }
    }
}
