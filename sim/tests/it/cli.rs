//! The program `sim` from outside: what it prints, writes and returns.

use std::fs;

use crate::support::{empty_folder, sim, small_path, text};

fn small() -> String {
    small_path().to_str().expect("a path in UTF-8").to_owned()
}

#[test]
fn a_passing_run_returns_0_and_writes_where_it_is_told() {
    let folder = empty_folder("cli_pass");
    let output = sim(&folder, &["run", &small(), "--seed", "1"]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
    assert!(out.contains("1 of 1 runs passed all"), "{out}");
    assert!(out.contains("report in reports/runs/small-seed-1"), "{out}");
    let latest = folder.join("reports/runs/latest");
    for file in ["runs.csv", "summary.json", "spread.png", "detection.png", "overlay.png"] {
        assert!(latest.join(file).exists(), "{file}");
    }
}

#[test]
fn a_plain_run_writes_the_report_of_the_scenario() {
    let folder = empty_folder("cli_plain");
    let output = sim(&folder, &["run", &small()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(folder.join("reports/small/runs.csv").exists());
    assert!(!folder.join("reports/runs").exists());
}

#[test]
fn a_failing_run_returns_1_and_prints_the_command_that_replays_it() {
    let folder = empty_folder("cli_fail");
    let strict = "limits.redundancy_max=0.1";
    let output = sim(&folder, &["run", &small(), "--seeds", "2..3", "--set", strict]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{out}");
    assert!(out.contains("FAILED limits (seeds 2 3)"), "{out}");
    let replay = format!("sim run {} --set '{strict}' --seed 2", small());
    assert!(out.contains(&replay), "{out}");
}

#[test]
fn json_is_the_summary() {
    let folder = empty_folder("cli_json");
    let output = sim(&folder, &["run", &small(), "--seed", "1", "--out", "here", "--json"]);
    let summary = fs::read(folder.join("here/summary.json")).expect("a summary");
    assert_eq!(text(&output.stdout), text(&summary));
}

#[test]
fn what_cannot_be_told_returns_2() {
    let folder = empty_folder("cli_wrong");
    for args in [
        &["run", "missing.toml"][..],
        &["run", &small(), "--set", "network.peers=0"],
        &["run", &small(), "--seeds", "9..1"],
        &["list", "nowhere"],
    ] {
        let output = sim(&folder, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn check_explains_and_list_lists() {
    let folder = empty_folder("cli_check");
    let output = sim(&folder, &["check", &small()]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0));
    assert!(out.contains("a random peer: gone with its machine"), "{out}");
    let scenarios = small_path();
    let scenarios = scenarios.parent().and_then(|it| it.to_str()).expect("a folder");
    let output = sim(&folder, &["list", scenarios]);
    assert!(text(&output.stdout).contains("Do a few quick nodes"), "{}", text(&output.stdout));
}
