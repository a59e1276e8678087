//! Sweeps in parts, stopped and started again: their reports are those of a sweep in one piece.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::support::{empty_folder, sim, small_path, text};

pub(crate) fn small() -> String {
    small_path().to_str().expect("a path in UTF-8").to_owned()
}

/// Runs a part or, without `shard`, all of the seeds, and expects it to pass.
pub(crate) fn run(folder: &Path, seeds: &str, shard: Option<&str>, out: &str) -> Output {
    let small = small();
    let mut args = vec!["run", &small, "--seeds", seeds, "--out", out];
    args.extend(shard.iter().flat_map(|shard| ["--shard", shard]));
    let output = sim(folder, &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    output
}

/// All files of a report by name; folders inside of it are left out.
fn files(report: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(report).expect("a report").map(|file| file.expect("a file"));
    let files = files.filter(|file| file.path().is_file());
    let named = files.map(|file| {
        let name = file.file_name().into_string().expect("a name in UTF-8");
        (name, fs::read(file.path()).expect("a file"))
    });
    named.collect()
}

pub(crate) fn assert_same_report(folder: &Path, a: &str, b: &str) {
    let (a, b) = (files(&folder.join(a)), files(&folder.join(b)));
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    for (name, bytes) in &a {
        assert!(*bytes == b[name], "{name} differs");
    }
    assert!(a.contains_key("runs.csv") && a.contains_key("summary.json"), "{:?}", a.keys());
}

/// Runs `sim merge` and returns its exit status and what it complains of.
pub(crate) fn merge(folder: &Path, parts: &[&str], out: &str) -> (Option<i32>, String) {
    let output = sim(folder, &[&["merge"], parts, &["--out", out]].concat());
    (output.status.code(), text(&output.stderr))
}

#[test]
fn merged_parts_are_a_sweep_in_one_piece_to_the_last_byte() {
    let folder = empty_folder("sweep_merge");
    run(&folder, "0..4", None, "whole");
    // With 7 parts of 5 seeds two are empty.
    let parts = ["p1", "p2", "p3", "p4", "p5", "p6", "p7"];
    for (number, out) in (1..).zip(parts) {
        run(&folder, "0..4", Some(&format!("{number}/7")), out);
    }
    let again = run(&folder, "0..4", Some("2/7"), "p2");
    assert!(text(&again.stdout).contains("\n0 runs in 0.0 s, 1 there before\n"), "it was finished");
    let shuffled = ["p3", "p7", "p1", "p6", "p2", "p5", "p4"];
    assert_eq!(merge(&folder, &shuffled, "merged"), (Some(0), String::new()));
    assert_same_report(&folder, "whole", "merged");
    let output = sim(&folder, &[&["merge"], &parts[..], &["--out", "merged", "--json"]].concat());
    let summary = fs::read(folder.join("whole/summary.json")).expect("a summary");
    assert_eq!(text(&output.stdout), text(&summary), "a report is replaced, and told as JSON");
}

#[test]
fn a_failed_check_comes_through_the_merge() {
    let folder = empty_folder("sweep_failed");
    let small = small();
    let strict = ["run", &small, "--seeds", "1..3", "--set", "limits.redundancy_max=3.5"];
    let whole = sim(&folder, &[&strict[..], &["--out", "whole"]].concat());
    assert_eq!(whole.status.code(), Some(1), "some runs pass, some do not");
    for shard in ["1", "2"] {
        let shard_of = format!("{shard}/2");
        sim(&folder, &[&strict[..], &["--shard", &shard_of, "--out", shard]].concat());
    }
    let output = sim(&folder, &["merge", "1", "2", "--out", "merged"]);
    assert_eq!(output.status.code(), Some(1));
    let out = text(&output.stdout);
    assert!(out.contains("--set 'limits.redundancy_max=3.5' --seed"), "the replay: {out}");
    assert_same_report(&folder, "whole", "merged");
    let table = fs::read_to_string(folder.join("merged/violations.csv")).expect("violations");
    assert!(table.starts_with("seed,violation\n"), "{table}");
    assert!(table.contains(",\"limits: redundancy "), "{table}");
}

/// Changes a part's `sweep.json`.
fn spoil(part: &Path, by: impl FnOnce(&mut Value)) {
    let path = part.join("sweep.json");
    let mut json = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
    by(&mut json);
    fs::write(path, json.to_string()).expect("written");
}

type Spoil = fn(&mut Value);

#[test]
fn what_is_no_sweep_is_not_merged() {
    let folder = empty_folder("sweep_wrong");
    for (number, out) in (1..).zip(["a", "b", "c"]) {
        run(&folder, "1..3", Some(&format!("{number}/3")), out);
    }
    let refused = |parts: &[&str], words: &[&str]| {
        let (status, error) = merge(&folder, parts, "merged");
        assert_eq!(status, Some(2), "{parts:?}");
        for words in words {
            assert!(error.contains(words), "{words}: {error}");
        }
        assert!(!folder.join("merged/runs.csv").exists(), "{words:?}");
    };
    refused(&["b"], &["missing: 1/3 3/3"]);
    refused(&["a", "b", "c", "b"], &["b: part 2 is in b too"]);
    refused(&["a", "b", "c", "nowhere"], &["nowhere: no part of a sweep, there is no sweep.json"]);
    let planted: [(Spoil, &str); 5] = [
        (
            |it| it["identity"]["program"] = "0.0.9".into(),
            "program version: 0.0.9 there, 0.1.0 here",
        ),
        (|it| it["identity"]["scenario_sha256"] = "ab".into(), "(SHA-256): ab there, "),
        (|it| it["identity"]["seeds"]["last"] = 4.into(), "seeds: 1..4 there, 1..3 here"),
        (|it| it["identity"]["shard"]["of"] = 4.into(), "shard: 2/4 there, 2/3 here"),
        (|it| it["done"] = 0.into(), "b: unfinished, 0 of 1 runs; `sim run` with"),
    ];
    let good = fs::read(folder.join("b/sweep.json")).expect("a file");
    for (by, words) in planted {
        spoil(&folder.join("b"), by);
        refused(&["a", "b", "c"], &[words]);
        fs::write(folder.join("b/sweep.json"), &good).expect("mended");
    }
    for part in ["a", "b", "c"] {
        spoil(&folder.join(part), |it| it["identity"]["program"] = "0.0.9".into());
    }
    refused(&["a", "b", "c"], &["a: of program version 0.0.9, this one is 0.1.0"]);
    for part in ["a", "b", "c"] {
        spoil(&folder.join(part), |it| it["identity"]["program"] = "0.1.0".into());
    }
    spoil(&folder.join("b"), |it| it["identity"]["shard"]["part"] = 9.into());
    refused(&["a", "b", "c"], &["b/sweep.json: shard: 1/N to N/N is allowed"]);
    fs::write(folder.join("b/sweep.json"), &good).expect("mended");
    let append = |file: &str, words: &str| {
        let file = OpenOptions::new().append(true).open(folder.join(file));
        file.expect("a file").write_all(words.as_bytes()).expect("written");
    };
    append("b/faults.csv", "2,1,none,\n");
    refused(&["a", "b", "c"], &["b/faults.csv: ", "bytes, sweep.json says"]);
    // Tables in the wrong part: each is whole, and its size is right.
    fs::copy(folder.join("a/runs.csv"), folder.join("c/runs.csv")).expect("copied");
    let bytes = fs::metadata(folder.join("a/runs.csv")).expect("a file").len();
    spoil(&folder.join("c"), |it| it["tables"]["runs.csv"]["bytes"] = bytes.into());
    let bytes = fs::metadata(folder.join("b/faults.csv")).expect("a file").len();
    spoil(&folder.join("b"), |it| it["tables"]["faults.csv"]["bytes"] = bytes.into());
    refused(&["a", "b", "c"], &["runs.csv: row 3 should be of the run with rng seed 3"]);
    let (status, error) = merge(&folder, &["a", "b", "c"], "a");
    assert_eq!(status, Some(2));
    assert!(error.contains("a: holds a part of a sweep"), "{error}");
}

/// Starts a sweep and kills it, as with kill -9, once it has made some runs.
fn run_and_kill(folder: &Path, seeds: &str, out: &str, meanwhile: impl FnOnce()) -> PathBuf {
    let args = ["run", &small(), "--seeds", seeds, "--jobs", "1", "--out", out];
    let mut child = Command::new(env!("CARGO_BIN_EXE_sim"))
        .args(args)
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("started");
    let unfinished = folder.join(out).join("sweep.unfinished");
    let done = || {
        let text = fs::read(unfinished.join("sweep.json")).ok()?;
        serde_json::from_slice::<Value>(&text).ok()?["done"].as_u64()
    };
    while done().is_none_or(|done| done < 3) {
        assert!(child.try_wait().expect("a child").is_none(), "it ended too soon");
        pause();
    }
    meanwhile();
    child.kill().expect("killed");
    child.wait().expect("waited for");
    unfinished
}

#[expect(clippy::disallowed_methods, reason = "waits for another process")]
fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}

#[test]
fn a_killed_sweep_goes_on_where_it_was() {
    let folder = empty_folder("sweep_killed");
    run(&folder, "1..10", None, "whole");
    let unfinished = run_and_kill(&folder, "1..10", "killed", || {});
    let (status, error) = merge(&folder, &["killed"], "merged");
    assert_eq!(status, Some(2));
    assert!(error.contains("killed: no part of a sweep, but a whole one, unfinished"), "{error}");
    // Another sweep leaves it alone.
    let small = small();
    for (changes, words) in [
        (&["--seeds", "1..11"][..], "seeds: 1..10 there, 1..11 here"),
        (&["--seeds", "1..10", "--shard", "1/2"], "shard: none there, 1/2 here"),
        (&["--seeds", "1..10", "--set", "network.peers=8"], "contents (SHA-256): "),
    ] {
        let output = sim(&folder, &[&["run", &small, "--out", "killed"], changes].concat());
        assert_eq!(output.status.code(), Some(2), "{changes:?}");
        let error = text(&output.stderr);
        assert!(error.contains(words), "{words}: {error}");
        assert!(error.contains("holds an unfinished sweep of other runs"), "{error}");
    }
    // A run may be cut off in the middle of a row, and in a table that had none before.
    let runs = OpenOptions::new().append(true).open(unfinished.join("runs.csv"));
    runs.expect("a table").write_all(b"4,ok,17").expect("written");
    fs::write(unfinished.join("violations.csv"), "seed,vio").expect("written");
    let json = fs::read(unfinished.join("sweep.json")).expect("a file");
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let done = json["done"].as_u64().expect("a count");
    assert!((3..10).contains(&done), "{done}");
    let output = run(&folder, "1..10", None, "killed");
    let (out, error) = (text(&output.stdout), text(&output.stderr));
    assert!(error.contains(&format!("small: resuming: {done} of 10 runs done\n")), "{error}");
    assert!(out.contains(&format!("\n{} run", 10 - done)), "none is made twice: {out}");
    assert!(out.contains(&format!(" s, {done} there before\n")), "{out}");
    assert_same_report(&folder, "whole", "killed");
    assert!(!unfinished.exists());
}

#[test]
fn two_processes_do_not_write_to_one_folder_and_what_a_machine_lost_is_told() {
    let folder = empty_folder("sweep_lost");
    let small = small();
    let again = || {
        let output = sim(&folder, &["run", &small, "--seeds", "1..900", "--out", "here"]);
        assert_eq!(output.status.code(), Some(2));
        text(&output.stderr)
    };
    let unfinished = run_and_kill(&folder, "1..900", "here", || {
        let error = again();
        assert!(error.contains("sweep.unfinished: another process is at work here"), "{error}");
    });
    fs::write(unfinished.join("spread.csv"), "seed").expect("written");
    let error = again();
    assert!(error.contains("spread.csv: 4 bytes, sweep.json says "), "{error}");
}

#[test]
fn a_stopped_run_leaves_the_report_that_was_there() {
    let folder = empty_folder("sweep_replaced");
    run(&folder, "5..6", None, "here");
    let before = files(&folder.join("here"));
    run_and_kill(&folder, "1..8", "here", || {});
    assert!(files(&folder.join("here")) == before, "the report of before is whole");
    run(&folder, "1..8", None, "here");
    run(&folder, "1..8", None, "whole");
    assert_same_report(&folder, "whole", "here");
    let output = sim(&folder, &["run", &small(), "--shard", "1/2", "--out", "here"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("here: holds a finished report; choose another folder"));
}

/// Killed while the files of a finished report move up: whoever opens the folder next completes it.
#[test]
fn a_report_moves_up_completely() {
    let folder = empty_folder("sweep_move");
    run(&folder, "1..2", None, "new");
    let strict = "limits.redundancy_max=0.1";
    sim(&folder, &["run", &small(), "--seeds", "1..1", "--set", strict, "--out", "old"]);
    assert!(folder.join("old/violations.csv").exists(), "a table that the new report has not");
    let on_its_way = folder.join("old/sweep.finished");
    fs::create_dir(&on_its_way).expect("made");
    for name in files(&folder.join("new")).keys() {
        let moved = ["runs.csv", "spread.png"].contains(&name.as_str());
        let to = if moved { folder.join("old") } else { on_its_way.clone() };
        fs::copy(folder.join("new").join(name), to.join(name)).expect("copied");
    }
    let output = sim(&folder, &["report", "old"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert_same_report(&folder, "new", "old");
    assert!(!on_its_way.exists());
}

#[test]
fn a_part_is_not_replaced_by_another_one() {
    let folder = empty_folder("sweep_part");
    run(&folder, "1..2", Some("1/2"), "part");
    let small = small();
    for args in [&["--shard", "2/2"][..], &[]] {
        let output =
            sim(&folder, &[&["run", &small, "--seeds", "1..2", "--out", "part"], args].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let error = text(&output.stderr);
        assert!(
            error.contains("part: holds a part of a sweep of other runs (shard: 1/2"),
            "{error}"
        );
    }
}

#[test]
fn wrong_shards_are_refused_with_what_is_allowed() {
    let folder = empty_folder("sweep_shards");
    for shard in ["0/16", "17/16", "1/0", "3", "a/b", "1/16/2", "-1/2", "1/1000001", ""] {
        let flag = format!("--shard={shard}");
        let output = sim(&folder, &["run", &small(), &flag, "--out", "here"]);
        assert_eq!(output.status.code(), Some(2), "{shard}");
        let error = text(&output.stderr);
        assert!(error.contains("like 3/16; 1/N to N/N, and N at most 1000000"), "{shard}: {error}");
    }
    let output = sim(&folder, &["run", &small(), "--shard", "1/2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--out <DIR>"), "{}", text(&output.stderr));
}
