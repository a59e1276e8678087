//! `tidings bench`: what it prints, and what it refuses.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::process::{program, signal, tidings};

/// One round of a tiny network; the object that it prints.
fn measured(args: &[&str]) -> Value {
    let tiny =
        ["bench", "--peers", "4", "--seconds", "1", "--settle", "0", "--rounds", "1", "--json"];
    let output = tidings(&[&tiny[..], args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).expect("one object")
}

fn number(of: &Value, path: &str) -> f64 {
    of.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {of}"))
}

#[test]
fn a_tiny_run_prints_one_object_with_figures_of_nodes_and_floor() {
    let report = measured(&[
        "--workload",
        "latency,window,open,burst",
        "--profile",
        "modern",
        "--burst",
        "500",
    ]);
    assert_eq!(report["version"], 1);
    assert_eq!((&report["peers"], &report["profile"]), (&4.into(), &"modern".into()));
    assert_eq!(report["crash"], Value::Null);
    assert!(number(&report, "/joined_s") > 0.0);
    for workload in ["latency", "window", "open", "burst"] {
        let figures = &report["workloads"][workload];
        for of in ["/nodes", "/floor"] {
            let figures = figures.pointer(of).expect("both are measured");
            let quantiles =
                ["/p50_ms", "/p99_ms", "/p999_ms", "/max_ms"].map(|at| number(figures, at));
            assert!(quantiles[0] > 0.0 && quantiles.is_sorted(), "{figures}");
            assert!(number(figures, "/deliveries_per_s") >= number(figures, "/sent_per_s"));
            assert!(number(figures, "/cpu_s_per_million") > 0.0);
            assert!(number(figures, "/copies_per_delivery") >= 1.0);
            assert!((0.0..1.0).contains(&number(figures, "/lost_share")));
        }
        assert!(number(figures, "/ratios/p99_over_p50") >= 1.0);
        for ratio in ["max_over_floor", "deliveries_over_floor", "cpu_over_floor"] {
            assert!(number(figures, &format!("/ratios/{ratio}")) > 0.0);
        }
    }
    let latency = &report["workloads"]["latency"];
    assert!(number(latency, "/nodes/sent_per_s") < 25.0, "20 a second: {latency}");
    assert!(number(latency, "/floor/copies_per_delivery") <= 1.0, "the floor sends no copy twice");
}

#[test]
fn a_peer_that_is_killed_and_one_that_stands_still_are_known_to_all() {
    let quick = ["--set", "probe_every=200ms", "--set", "probe_timeout=100ms"];
    let crash = ["--workload", "crash", "--profile", "modern"];
    let report = measured(&[&crash[..], &quick].concat());
    assert_eq!(report["workloads"], serde_json::json!({}));
    for lost in ["killed", "frozen"] {
        for known in ["first_neighbor_s", "all_peers_s", "all_seed_nodes_s"] {
            assert!(number(&report, &format!("/crash/{lost}/{known}")) > 0.0);
        }
    }
    let first = |lost: &str| number(&report, &format!("/crash/{lost}/first_neighbor_s"));
    assert!(first("killed") < first("frozen"), "the kernel tells of a killed one: {report}");
}

#[test]
fn what_cannot_be_measured_is_refused() {
    let refused = [
        (&["--peers", "1"][..], "--peers 1: allowed are 2 to 512"),
        (&["--peers", "3", "--workload", "crash"], "--peers 3: allowed are 4 to 512"),
        (
            &["--workload", "speed"],
            "allowed are latency, window, open, burst, stopped-reader and crash",
        ),
        (&["--workload", "open,open"], "--workload names one of them twice"),
        (&["--size", "15"], "--size 15: allowed are 16 to 61440"),
        (&["--burst", "0"], "--burst 0: allowed are 1 to 1000000"),
        (&["--rate", "0"], "--rate 0: allowed are 1 to 10000"),
        (&["--set", "max_pears=4"], "did you mean `max_peers`?"),
        (&["--set", "max_peers"], "--set max_peers: it is NAME=VALUE"),
        (&["--set", "max_peers=0"], "allowed is 1 to 64"),
    ];
    for (args, why) in refused {
        let output = tidings(&[&["bench"], args].concat());
        let error = String::from_utf8(output.stderr).expect("text");
        assert_eq!(
            (output.status.code(), error.contains(why)),
            (Some(2), true),
            "{args:?}: {error}"
        );
    }
}

#[test]
fn a_machine_that_gives_too_few_files_is_told_of() {
    let tidings = env!("CARGO_BIN_EXE_tidings");
    let command = format!("ulimit -n 300 && exec {tidings} bench --peers 16");
    let output = Command::new("sh").args(["-c", &command]).output().expect("a shell");
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success() && error.contains("16 peers need 640 open files"), "{error}");
}

#[test]
fn ctrl_c_ends_it() {
    let mut child = program()
        .args(["bench", "--peers", "4", "--seconds", "3600"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("piped")));
    assert_eq!(lines.next().expect("a line").expect("text"), "round 1 of 3");
    signal(child.id(), "-INT");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}
