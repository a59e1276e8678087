//! The program `sim` from outside: what it prints, writes and returns.

use std::fs;
use std::path::{Path, PathBuf};

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
fn r37_r38_a_plain_run_writes_the_report_of_the_scenario() {
    let folder = empty_folder("cli_plain");
    let output = sim(&folder, &["run", &small()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(folder.join("reports/small/runs.csv").exists());
    assert!(!folder.join("reports/runs").exists());
}

/// Where reports/runs/latest leads, below `folder`.
fn latest(folder: &Path) -> PathBuf {
    fs::read_link(folder.join("reports/runs/latest")).expect("a link")
}

#[test]
fn the_newest_report_below_runs_is_the_latest_whatever_wrote_it() {
    let folder = empty_folder("cli_latest");
    let small = fs::read_to_string(small_path()).expect("the small scenario");
    let varied = small.replace("version = 1", "version = 1\nengine = \"events\"");
    fs::write(folder.join("varied.toml"), format!("{varied}\n[vary]\nmax_peers = [2]\n"))
        .expect("written");
    let events = ["--set", "engine=events", "--seed", "1"];
    for (args, leads_to) in [
        (&["run", "varied.toml"][..], "varied"),
        (&["compare", "varied.toml", "--seeds", "1..1"], "varied-compare-max_peers_2-seeds-1-1"),
        (&["run", &self::small(), "--seed", "1", "--engine", "events"], "small-seed-1-events"),
        (&["compare", "varied.toml"], "small-seed-1-events"),
        (&[&["run", "varied.toml", "--out", "away"], &events[..]].concat(), "small-seed-1-events"),
        (&[&["run", "varied.toml", "--out", "./reports/runs/mine"], &events[..]].concat(), "mine"),
        (&["run", "varied.toml", "--shard", "1/1", "--out", "part"], "mine"),
        (&["merge", "part", "--out", "reports/runs/whole"], "whole"),
    ] {
        let output = sim(&folder, args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        assert_eq!(latest(&folder), Path::new(leads_to), "{args:?}");
    }
    assert!(folder.join("reports/varied/comparison.json").exists());
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
    assert!(out.contains(&replay) && !out.contains("sim trace"), "{out}");

    let events = ["run", &small(), "--seed", "2", "--engine", "events", "--set", strict];
    let out = text(&sim(&folder, &events).stdout);
    let trace = format!("trace: sim trace {} --set '{strict}' --seed 2", small());
    assert!(out.contains(&trace), "{out}");
}

#[test]
fn json_is_the_summary() {
    let folder = empty_folder("cli_json");
    let output = sim(&folder, &["run", &small(), "--seed", "1", "--out", "here", "--json"]);
    let summary = fs::read(folder.join("here/summary.json")).expect("a summary");
    assert_eq!(text(&output.stdout), text(&summary));
}

#[test]
fn a_trace_tells_of_a_run_in_order_through_a_filter() {
    let folder = empty_folder("cli_trace");
    let trace = |args: &[&str]| {
        let output = sim(&folder, &[&["trace", &small(), "--seed", "1"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let whole = trace(&[]);
    let second = |line: &String| line.split_whitespace().next().and_then(|it| it.parse().ok());
    let seconds: Vec<f64> = whole.iter().filter_map(second).collect();
    assert!(seconds.len() == whole.len() && seconds.is_sorted(), "each line begins with its time");
    for seen in [
        "-- start peer-1",
        "-- crash (silent) peer-",
        "peer-1 dials seed-",
        "peer-2 -> seed-1  Hello Register",
        "peer-2 *  Registered at seed-1",
        "peer-1 *  NeighborUp peer-",
        " -> peer-2  Gossip hop 1 age 0 ms ",
    ] {
        assert!(whole.iter().any(|line| line.contains(seen)), "{seen}");
    }

    let window = trace(&["--from", "10s", "--until", "12s"]);
    let is_within = |line: &&String| second(line).is_some_and(|it| (10.0..12.0).contains(&it));
    let within: Vec<_> = whole.iter().filter(is_within).cloned().collect();
    assert!(!within.is_empty());
    assert_eq!(window, within);

    let of_one = trace(&["--host", "peer-2"]);
    let is_of_it = |line: &&String| {
        let words: Vec<&str> = line.split_whitespace().map(|it| it.trim_end_matches(',')).collect();
        let is_named = |words: &[&str]| words.contains(&"peer-2");
        let to = words.iter().position(|it| *it == "->").and_then(|it| words.get(it + 1));
        words.get(1) == Some(&"peer-2")
            || to == Some(&"peer-2")
            || words[1] == "--" && is_named(&words)
    };
    assert!(whole.iter().filter(is_of_it).all(|line| of_one.contains(line)));
    let is_cut = |line: &str| line.contains("-- cut ") || line.ends_with("-- heal");
    assert!(of_one.iter().all(|line| line.contains("peer-2") || is_cut(line)));
    for all_hear in ["-- cut (reset) ", "-- heal"] {
        assert!(of_one.iter().any(|line| line.contains(all_hear)), "{all_hear}");
    }
    assert!(of_one.iter().any(|line| line.contains("seed-1 *  PeerRegistered peer-2")));

    let json = trace(&["--json", "--until", "5s"]);
    let first: serde_json::Value = serde_json::from_str(&json[0]).expect("JSON");
    assert_eq!((&first["at_us"], &first["host"]), (&0.into(), &serde_json::Value::Null));
    assert!(first["what"].as_str().is_some_and(|what| what.starts_with("start ")), "{first}");
}

#[test]
fn a_filter_that_would_show_nothing_is_refused() {
    let folder = empty_folder("cli_trace_refused");
    for (args, says) in [
        (["--host", "peer-99"], "there are seed-1 to seed-"),
        (["--host", "nobody"], "write a host's name, like peer-3 or seed-1"),
        (["--from", "9h"], "--from 9h is not before the end"),
        (["--until", "0s"], "--from 0s is not before the end"),
        (["--until", "soon"], "invalid value 'soon'"),
    ] {
        let output = sim(&folder, &[&["trace", &small()], &args[..]].concat());
        let error = text(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(says), "{args:?}: {error}");
        assert!(output.stdout.is_empty());
    }
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

#[test]
fn check_tells_of_links_what_is_not_as_usual() {
    let folder = empty_folder("cli_check_links");
    let small = small();
    let told = |changes: &[&str]| {
        let mut args = vec!["check", &small];
        args.extend(changes.iter().flat_map(|change| ["--set", change]));
        let output = sim(&folder, &args);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let plain = told(&[]);
    assert!(plain.contains("\n3 runs of 45s: 3 seed nodes and 9 peers, started"), "{plain}");
    let usual =
        "one-way latency 20ms..60ms, exponential with its mean a fifth into the span; tick 4ms";
    assert!(plain.lines().any(|line| line == usual), "{plain}");
    let regions =
        "link={tick='4ms',regions=[['20ms..30ms','50ms..60ms'],['40ms..50ms','20ms..30ms']]}";
    for (changes, words) in [
        (&["runs=1"][..], "\n1 run of 45s on the event engine: 3 seed nodes"),
        (&["distribution=uniform"], "latency 20ms..60ms, uniform; tick 4ms\n"),
        (&["distribution=constant", "latency=20ms..20ms"], "20ms..20ms, constant; tick 4ms\n"),
        (
            &["distribution=lognormal", "median=30ms", "sigma=0.5"],
            ", lognormal with the median 30ms and sigma 0.5; tick",
        ),
        (
            &[regions],
            "20ms..60ms, uniform in a span from the sender's region to the receiver's, 2 regions;",
        ),
        (&["draw=pair"], "; drawn once for each pair of hosts; tick 4ms\n"),
        (&["loss=0.01"], "; a share of 0.01 of the packets is lost and sent again\n"),
        (&["bandwidth=5000"], "; each host sends at most 5000 bytes per second\n"),
    ] {
        let told = told(&[&["engine=events"], changes].concat());
        assert!(told.contains(words), "{changes:?}: {told}");
    }
}

#[test]
fn a_new_scenario_passes_check_and_replaces_nothing() {
    let folder = empty_folder("cli_new");
    fs::create_dir(folder.join("scenarios")).expect("made");
    let output = sim(&folder, &["new", "my-own-2"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let written = fs::read_to_string(folder.join("scenarios/my-own-2.toml")).expect("the file");
    assert!(written.starts_with("question = \"What becomes of the network my-own-2"), "{written}");
    let output = sim(&folder, &["check", "scenarios/my-own-2.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for comment in [
        "# engine =",
        "# [protocol]",
        "# max_peers = 3",
        "# [vary]",
        "# peers = [",
        "# max_peers = [",
    ] {
        assert!(written.contains(comment), "{comment}: {written}");
    }
    let with_comments = ["engine =", "[protocol]", "max_peers =", "[vary]", "peers = ["]
        .iter()
        .fold(written, |text, it| text.replace(&format!("\n# {it}"), &format!("\n{it}")));
    fs::write(folder.join("all.toml"), with_comments).expect("written");
    let output = sim(&folder, &["check", "all.toml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told = text(&output.stdout);
    assert!(told.contains("on the event engine") && told.contains("peers = 8, 16"), "{told}");
    let output = sim(&folder, &["new", "my-own-2"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("scenarios/my-own-2.toml already exists"));
    let output = sim(&folder, &["new", "another", "--out", "here.toml", "--json"]);
    assert_eq!(text(&output.stdout), "{\n  \"file\": \"here.toml\"\n}\n");
    assert!(folder.join("here.toml").exists());
}

#[test]
fn bad_names_are_refused_with_what_is_allowed() {
    let folder = empty_folder("cli_new_bad");
    let long = "a".repeat(41);
    for name in ["", "../up", "Loud", "2nd", "a b", "a.toml", &long] {
        let output = sim(&folder, &["new", name]);
        assert_eq!(output.status.code(), Some(2), "{name}");
        let error = text(&output.stderr);
        assert!(error.contains("allowed are up to 40 lower-case letters"), "{name}: {error}");
    }
    let output = sim(&folder, &["new", "good"]);
    let error = text(&output.stderr);
    assert!(
        error.contains("the folder of scenarios/good.toml does not exist; use --out FILE"),
        "{error}"
    );
}

#[test]
fn check_and_list_speak_json() {
    let folder = empty_folder("cli_check_json");
    let json = |args: &[&str]| -> serde_json::Value {
        serde_json::from_slice(&sim(&folder, args).stdout).expect("JSON")
    };
    let check = json(&["check", &small(), "--json"]);
    assert_eq!(check["peers"], 9);
    assert_eq!(check["faults"].as_array().map(Vec::len), Some(8));
    assert_eq!((&check["engine"], &check["vary"]), (&"turmoil".into(), &serde_json::json!([])));
    let plain = serde_json::json!({
        "latency_min_ms": 20.0, "latency_max_ms": 60.0, "tick_ms": 4.0, "distribution": "exponential",
        "median_ms": null, "sigma": null, "regions": null, "draw": "packet", "loss": 0.0,
        "bandwidth": null,
    });
    assert_eq!(check["link"], plain);
    let regions = "link={tick='4ms',regions=[['20ms..30ms']],bandwidth=5000}";
    let vary = "vary={overlay=['random','power-law']}";
    let sets = ["--set", "engine=events", "--set", regions, "--set", vary, "--json"];
    let check = json(&[&["check", &small()], &sets[..]].concat());
    assert_eq!(check["engine"], "events");
    assert_eq!(check["link"]["distribution"], "regions");
    assert_eq!(check["link"]["regions"], serde_json::json!([["20ms..30ms"]]));
    assert_eq!(check["link"]["bandwidth"], 5000);
    assert_eq!(check["vary"][0]["key"], "overlay");
    assert_eq!(check["vary"][0]["values"].as_array().map(Vec::len), Some(2));
    let scenarios = small_path();
    let scenarios = scenarios.parent().and_then(|it| it.to_str()).expect("a folder");
    let list = json(&["list", scenarios, "--json"]);
    assert_eq!(list[0]["question"], "Do a few quick nodes get through one of each fault?");
}

#[test]
fn every_verb_has_a_help_text() {
    let folder = empty_folder("cli_help");
    for verb in
        ["run", "hunt", "compare", "check", "list", "new", "report", "merge", "gallery", "papers"]
    {
        let output = sim(&folder, &[verb, "--help"]);
        let help = text(&output.stdout);
        assert_eq!(output.status.code(), Some(0), "{verb}");
        assert!(help.contains("--json") && help.contains("Usage: sim "), "{verb}: {help}");
        let jobs = help.split("--jobs").nth(1).map(|it| it.contains("1 to 65535"));
        assert_ne!(jobs, Some(false), "{verb}: {help}");
    }
}
