//! `sim papers` from outside: what it prints, writes and returns.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{empty_folder, project, sim, text};

#[test]
fn a_quick_row_is_measured_printed_and_drawn() {
    let folder = empty_folder("papers_quick");
    let args = ["papers", "--quick", "--only", "demers-law,demers-anti-entropy", "--out", "here"];
    let output = sim(&folder, &args);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{out}{}", text(&output.stderr));
    assert!(out.contains("8 benchmarks: 0 missed, 0 beaten\nreport in here\n"), "{out}");
    for words in ["demers-law", "k=4", "residue", "limit 1", "holds", "± 5 %"] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let table = fs::read_to_string(folder.join("here/papers.csv")).expect("a table");
    assert_eq!(table.lines().count(), 9, "{table}");
    assert!(table.starts_with("schema,id,case,metric,published,"), "{table}");
    assert!(folder.join("here/papers.png").exists());
    let again = sim(&folder, &[&args[..], &["--json"]].concat());
    let json = fs::read(folder.join("here/papers.json")).expect("the bars");
    assert_eq!(text(&again.stdout), text(&json), "the same seeds give the same numbers");
}

/// What `sim report` reads, with one number changed.
fn change(folder: &Path, ours: f64) {
    let path = folder.join("here/papers.json");
    let text = fs::read_to_string(&path).expect("the bars");
    let mut papers: Value = serde_json::from_str(&text).expect("JSON");
    papers["benchmarks"][0]["ours"] = ours.into();
    fs::write(&path, papers.to_string()).expect("written");
}

#[test]
fn the_verdict_is_computed_from_the_numbers() {
    let folder = empty_folder("papers_verdict");
    let output = sim(&folder, &["papers", "--quick", "--only", "demers-law", "--out", "here"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let picture = fs::read(folder.join("here/papers.png")).expect("a picture");
    change(&folder, 0.3);
    let output = sim(&folder, &["report", "here"]);
    let out = text(&output.stdout);
    assert!(out.contains("MISSES demers-law k=1, residue (Demers 1987, §1.4; "), "{out}");
    assert!(out.contains("4 benchmarks: 1 missed, 0 beaten"), "{out}");
    assert_ne!(fs::read(folder.join("here/papers.png")).expect("a picture"), picture);
}

/// A network with half of the links is not that of the bar.
#[test]
fn a_missed_benchmark_returns_1_and_an_unknown_one_2() {
    let folder = empty_folder("papers_missed");
    let scenario = project().join("scenarios/papers/baseline.toml");
    let scenario = fs::read_to_string(scenario).expect("the scenario");
    assert!(scenario.contains("max_peers = 4"));
    fs::create_dir(folder.join("planted")).expect("made");
    let planted = scenario.replace("max_peers = 4", "max_peers = 2");
    fs::write(folder.join("planted/baseline.toml"), planted).expect("written");
    let args = ["papers", "--quick", "--only", "baseline", "--scenarios", "planted"];
    let output = sim(&folder, &args);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{out}{}", text(&output.stderr));
    assert!(out.contains("MISSES baseline N=100, links per peer"), "{out}");
    assert!(out.contains("report in reports/runs/papers-quick-baseline"), "{out}");
    let output = sim(&folder, &["papers", "--only", "B99"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--only B99: there is no such bar"));
}
