//! A saved report can be drawn again from its files, and says what is wrong with them if it cannot.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{empty_folder, sim, small_path, text};

/// A report of two runs in a folder of its own.
fn report(name: &str) -> (PathBuf, PathBuf) {
    let folder = empty_folder(name);
    let scenario = small_path();
    let scenario = scenario.to_str().expect("a path in UTF-8");
    let output = sim(&folder, &["run", scenario, "--seeds", "1..2", "--out", "here"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let report = folder.join("here");
    (folder, report)
}

fn pictures(report: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(report).expect("a report").map(|file| file.expect("a file").path());
    let mut pictures: Vec<PathBuf> =
        files.filter(|path| path.extension().is_some_and(|it| it == "png")).collect();
    pictures.sort();
    pictures.into_iter().map(|path| (path.clone(), fs::read(&path).expect("a file"))).collect()
}

#[test]
fn r38_pictures_drawn_again_are_equal_to_the_byte() {
    let (folder, report) = report("report_again");
    let drawn = pictures(&report);
    assert_eq!(drawn.len(), 6, "spread, tail, detection, overlay, graph, degrees");
    for (path, _) in &drawn {
        fs::remove_file(path).expect("removed");
    }
    let output = sim(&folder, &["report", "here"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("2 of 2 runs passed"), "{}", text(&output.stdout));
    assert!(pictures(&report) == drawn, "a picture differs");
}

/// What they show is what is in the tables.
#[test]
fn a_changed_table_changes_its_picture() {
    let (folder, report) = report("report_changed");
    let drawn = pictures(&report);
    change(&report, "degrees.csv", |table| table.replacen("\n1,5,", "\n1,4,", 1));
    let output = sim(&folder, &["report", "here"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let changed: Vec<_> = pictures(&report)
        .into_iter()
        .zip(drawn)
        .filter(|(now, before)| now != before)
        .map(|((path, _), _)| path.file_stem().expect("a name").to_owned())
        .collect();
    assert_eq!(changed, ["degrees", "overlay"]);
}

#[test]
fn json_is_the_summary() {
    let (folder, report) = report("report_json");
    let output = sim(&folder, &["report", "here", "--json"]);
    let summary = fs::read_to_string(report.join("summary.json")).expect("a summary");
    assert_eq!(text(&output.stdout), summary);
}

fn change(report: &Path, file: &str, by: impl Fn(&str) -> String) {
    let path = report.join(file);
    let before = fs::read_to_string(&path).expect("a file");
    let after = by(&before);
    assert_ne!(before, after, "nothing to change in {file}");
    fs::write(&path, after).expect("written");
}

/// Spoils one file and expects these words on standard error.
#[test]
fn what_is_wrong_with_a_file_is_told() {
    type Spoil = fn(&str) -> String;
    let (folder, report) = report("report_wrong");
    let cases: &[(&str, Spoil, &str)] = &[
        (
            "summary.json",
            |it| it.replacen("\"schema\": 4", "\"schema\": 3", 1),
            "here/summary.json: unsupported schema version 3; this program reads 4",
        ),
        (
            "summary.json",
            |it| it.replacen("\"runs\": 2", "\"runs\": \"two\"", 1),
            "here/summary.json: invalid type: string \"two\", expected usize at line",
        ),
        (
            "summary.json",
            |it| it.replacen("\"links.csv\"", "\"lines.csv\"", 1),
            "here/summary.json: tables: links.csv is missing",
        ),
        (
            "overlay.csv",
            |it| it.replacen("largest", "biggest", 1),
            "here/overlay.csv:1: column 5: biggest, expected largest",
        ),
        (
            "degrees.csv",
            |it| it.replacen("\n1,", "\n1,-", 1),
            "here/degrees.csv:2: column 2 (degree): \"-",
        ),
        (
            "detection.csv",
            |it| it.replacen(",reset,", ",loud,", 1),
            "column 3 (death): \"loud\": unknown variant `loud`, expected `reset` or `silent`",
        ),
        (
            "links.csv",
            |it| it.replacen("peer-", "pear-", 1),
            "here/links.csv:2: column 3 (a): \"pear-",
        ),
        ("delays.csv", |it| it.replacen(",HIST", ",MIST", 1), "here/delays.csv:2: no histogram: "),
        (
            "spread.csv",
            |it| it.split_inclusive('\n').take(5).collect(),
            "here/spread.csv: 4 rows, summary.json says 242",
        ),
    ];
    for (file, spoil, words) in cases {
        let good = fs::read(report.join(file)).expect("a file");
        change(&report, file, spoil);
        let output = sim(&folder, &["report", "here"]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(words), "{words}: {error}");
        fs::write(report.join(file), good).expect("mended");
    }
    for file in ["faults.csv", "summary.json"] {
        fs::remove_file(report.join(file)).expect("removed");
        let output = sim(&folder, &["report", "here"]);
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        assert!(error.contains(&format!("read here/{file}: No such file")), "{error}");
    }
}
