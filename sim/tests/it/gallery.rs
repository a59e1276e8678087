//! The gallery: all scenarios run, all reports written, one page that shows what is saved.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use tidings_sim::report::gallery::page;
use tidings_sim::scenario::load;

use crate::support::{empty_folder, project, scenarios, sim, small_path, text};

/// When this fails: `sim gallery --readme-only`, and commit what it writes.
#[test]
fn the_committed_page_is_what_the_committed_reports_give() {
    let scenarios: Vec<_> = scenarios()
        .iter()
        .map(|path| {
            let file = path.file_name().and_then(|name| name.to_str()).expect("a name in UTF-8");
            (format!("scenarios/{file}"), load(path, &[]).expect("a scenario"))
        })
        .collect();
    let reports = project().join("reports");
    let committed = fs::read_to_string(reports.join("README.md")).expect("the page");
    let expected = page(&scenarios, &reports).expect("a report of every scenario");
    assert!(committed == expected, "reports/README.md is stale");
}

/// A project with one scenario of one run.
fn tiny(name: &str, changes: &[(&str, &str)]) -> PathBuf {
    let folder = empty_folder(name);
    fs::create_dir(folder.join("scenarios")).expect("made");
    fs::create_dir(folder.join("reports")).expect("made");
    let mut scenario = fs::read_to_string(small_path()).expect("the small scenario");
    for (find, replace) in [("runs = 3", "runs = 1")].iter().chain(changes) {
        assert!(scenario.contains(find), "{find}");
        scenario = scenario.replacen(find, replace, 1);
    }
    fs::write(folder.join("scenarios/tiny.toml"), scenario).expect("written");
    folder
}

#[test]
fn the_gallery_runs_all_and_writes_the_page() {
    let folder = tiny("gallery_pass", &[]);
    let output = sim(&folder, &["gallery", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let exhibits: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(exhibits[0]["scenario"], "tiny");
    assert_eq!(exhibits[0]["passed"], 1);
    let answer = exhibits[0]["answer"].as_str().expect("an answer");
    assert!(answer.starts_with("100 % delivered; half of the peers within "), "{answer}");
    let page = fs::read_to_string(folder.join("reports/README.md")).expect("the page");
    for words in [
        answer,
        "Do a few quick nodes get through one of each fault?",
        "tiny/graph.png",
        "tiny/tail.png",
        "| delay of a delivery | deliveries | p50 | p90 | p99 | p99.9 | max |",
        "`sim run scenarios/tiny.toml`",
    ] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
    fs::remove_file(folder.join("reports/README.md")).expect("removed");
    let output = sim(&folder, &["gallery", "--readme-only"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("1 of 1"), "{}", text(&output.stdout));
    assert_eq!(fs::read_to_string(folder.join("reports/README.md")).expect("the page"), page);
}

#[test]
fn the_gallery_runs_only_what_it_is_asked_for() {
    let folder = tiny("gallery_only", &[]);
    let tiny = folder.join("scenarios/tiny.toml");
    fs::copy(&tiny, folder.join("scenarios/other.toml")).expect("copied");
    let output = sim(&folder, &["gallery", "--only", "tiny,others"]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    assert!(error.contains("--only others: scenarios has no such scenario"), "{error}");
    let output = sim(&folder, &["gallery"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for name in ["tiny", "other"] {
        fs::remove_file(folder.join("reports").join(name).join("graph.png")).expect("removed");
    }
    let output = sim(&folder, &["gallery", "--only", "tiny"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(folder.join("reports/tiny/graph.png").exists());
    assert!(!folder.join("reports/other/graph.png").exists());
    fs::remove_file(folder.join("reports/tiny/graph.png")).expect("removed");
    fs::remove_file(folder.join("reports/other/summary.json")).expect("removed");
    let output = sim(&folder, &["gallery", "--only", "tiny"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("reports/other/summary.json"), "of what is shown only");
    assert!(!folder.join("reports/tiny/graph.png").exists(), "nothing was run");
}

#[test]
fn a_failed_check_is_on_the_page_and_in_the_exit_status() {
    let strict = "for = \"2s\"\nbetween = \"8s..12s\"\n\n[limits]\nredundancy_max = 0.1";
    let folder = tiny("gallery_fail", &[("for = \"2s\"\nbetween = \"8s..12s\"", strict)]);
    let output = sim(&folder, &["gallery"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("0 of 1"), "{}", text(&output.stdout));
    let page = fs::read_to_string(folder.join("reports/README.md")).expect("the page");
    assert!(page.contains("**FAILED in 1 of 1 runs (limits); 100 % delivered"), "{page}");
    let output = sim(&folder, &["gallery", "--readme-only"]);
    assert_eq!(output.status.code(), Some(1), "the saved report failed too");
}

/// They are for the scenario as it is written, with what it varies itself.
#[test]
fn limits_are_asked_of_what_the_file_itself_varies() {
    let own = "[limits]\nredundancy_max = 0.1\n\n[vary]\nmax_peers = [2, 3]\n\n[workload]";
    let folder = tiny("gallery_limits", &[("[workload]", own)]);
    let compare =
        |more: &[&str]| sim(&folder, &[&["compare", "scenarios/tiny.toml"], more].concat());
    let output = compare(&[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let words = "FAILED max_peers=2: a check failed in 1 of 1 runs";
    assert!(text(&output.stdout).contains(words), "{}", text(&output.stdout));
    let page = sim(&folder, &["gallery", "--readme-only"]);
    assert_eq!(page.status.code(), Some(1), "the saved comparison failed too");
    let output = compare(&["--vary", "max_peers=2,3"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
}

#[test]
fn what_is_missing_is_named() {
    let folder = tiny("gallery_missing", &[]);
    let error = |args: &[&str]| {
        let output = sim(&folder, args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        text(&output.stderr)
    };
    let no_report = error(&["gallery", "--readme-only"]);
    assert!(no_report.contains("read reports/tiny/summary.json"), "{no_report}");
    let empty = error(&["gallery", "--scenarios", "reports"]);
    assert!(empty.contains("reports: no scenario (*.toml) in this folder"), "{empty}");
}
