//! Local networks of processes: `tidings up` (R28) and `tidings demo` (R29).

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::process::{program, signal, tidings_in};
use crate::support::empty_folder;

/// The documented network, quicker.
const QUICK: [(&str, &str); 6] = [
    ("TIDINGS_GOSSIP_EVERY", "300ms"),
    ("TIDINGS_LIVENESS_EVERY", "1s"),
    ("TIDINGS_REDIAL_AFTER", "100ms"),
    ("TIDINGS_HELLO_TIMEOUT", "1s"),
    ("TIDINGS_LEASE", "2s"),
    ("TIDINGS_DIGEST_EVERY", "300ms"),
];

/// A port from which some are free, below those that the operating system hands out, and another
/// one for each test of a process.
fn free_port() -> u16 {
    static TESTS: AtomicU16 = AtomicU16::new(0);
    let test = TESTS.fetch_add(1, Ordering::Relaxed);
    let process = u16::try_from(std::process::id() % 100).expect("below 100");
    10_000 + process * 200 + test * 40
}

/// `tidings up` and what it prints. A test that fails leaves no process behind.
struct Up {
    child: Child,
    lines: Box<dyn Iterator<Item = String>>,
}

impl Up {
    fn start(folder: &Path, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = program()
            .args([&["up", "--data-dir", "."][..], args].concat())
            .envs(QUICK)
            .envs(env.iter().copied())
            .current_dir(folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        let stdout = child.stdout.take().expect("piped");
        Self { child, lines: Box::new(BufReader::new(stdout).lines().map_while(Result::ok)) }
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Reads lines of JSON until one is like this.
fn wait_for(
    lines: &mut impl Iterator<Item = String>,
    what: &str,
    is_it: impl Fn(&Value) -> bool,
) -> Value {
    let line = lines.map(|line| serde_json::from_str(&line).expect("JSON")).find(is_it);
    line.unwrap_or_else(|| panic!("the output ended before {what}"))
}

#[test]
fn r28_up_runs_a_network_shows_who_dies_and_ends_with_it() {
    let folder = empty_folder("fleet_up");
    let first = free_port();
    // The first port is taken: the next free one is used.
    let _busy = TcpListener::bind(("127.0.0.1", first)).ok();
    let args = ["--seeds", "1", "--peers", "2", "--json", "--first-port", &first.to_string()];
    // Meant for a node of its own, not for these.
    let env = [("TIDINGS_ANNOUNCE_IN", "seeds.csv"), ("TIDINGS_SEED_FILE", "none.csv")];
    let mut up = Up::start(&folder, &args, &env);
    let received = wait_for(&mut up.lines, "gossip", |line| line["message"] == "gossip received");
    let node = received["node"].as_str().expect("a name").to_owned();
    let port: u16 = node.trim_start_matches("peer-").parse().expect("a port");
    assert!(port > first);
    // Its nodes answer like all others.
    let status = tidings_in(&folder, &["status", "--json", "--data-dir", ".", "--node", &node]);
    let status: Value = serde_json::from_str(&status).expect("JSON");
    assert_eq!(status["role"], "peer");
    tidings_in(&folder, &["leave", "--data-dir", ".", "--node", &node]);
    let ended = wait_for(&mut up.lines, "the end of a node", |line| line["message"] == "ended");
    assert_eq!((&ended["node"], &ended["success"]), (&Value::from(node), &Value::from(true)));
    signal(up.child.id(), "-INT");
    let ends = up.lines.by_ref().filter(|line| line.contains("\"ended\"")).count();
    assert_eq!(ends, 2, "the other two leave");
    assert!(up.child.wait().expect("its end").success());
    assert!(folder.join("logs/peers").is_dir() && !folder.join("seeds.csv").exists());
}

/// Seed nodes of `up --quorum` know each other: one that lists a peer alone would never say "vote".
#[test]
fn r21_r28_seed_nodes_of_a_local_network_vote_when_told_to() {
    let folder = empty_folder("fleet_quorum");
    let port = free_port().to_string();
    let args = ["--quorum", "--seeds", "3", "--peers", "1", "--json", "--first-port", &port];
    let mut up = Up::start(&folder, &args, &[]);
    let is_vote = |line: &Value| line["message"] == "vote" && line["outcome"] == "passed";
    let vote = wait_for(&mut up.lines, "a vote", is_vote);
    assert_eq!(vote["kind"], "list");
    signal(up.child.id(), "-INT");
    up.lines.by_ref().for_each(drop);
    assert!(up.child.wait().expect("its end").success());
}

/// A child that dies is shown with its last lines; when `up` itself is killed, no child stays.
#[test]
#[expect(clippy::disallowed_methods, reason = "waits for processes, in real time")]
fn r28_a_dead_child_is_shown_and_none_is_left_behind() {
    let folder = empty_folder("fleet_dead");
    let port = free_port().to_string();
    let args = ["--seeds", "1", "--peers", "2", "--log-dir", "logs", "--first-port", &port];
    let mut up = Up::start(&folder, &args, &[]);
    let line = up.lines.find(|line| line.contains("gossip received")).expect("gossip");
    let node = line.split_whitespace().nth(1).expect("a name").to_owned();
    let status = tidings_in(&folder, &["status", "--json", "--data-dir", ".", "--node", &node]);
    let status: Value = serde_json::from_str(&status).expect("JSON");
    let pid = status["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    signal(pid.expect("a process"), "-KILL");
    let died = up.lines.find(|line| line.contains("has died")).expect("its death");
    assert!(died.contains(&node) && died.contains("signal: 9"), "{died}");
    assert!(up.lines.next().is_some_and(|line| line.starts_with("    ")), "its last lines");
    signal(up.child.id(), "-KILL");
    up.child.wait().expect("its end");
    // A node that leaves takes its socket with it; the one that was killed could not.
    let sockets = || -> Vec<String> {
        let files = std::fs::read_dir(&folder).expect("the folder");
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(".sock").map(str::to_owned)).collect()
    };
    for _ in 0..1000 {
        if sockets().len() == 1 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(sockets(), [node], "the others have left");
}

/// R29: the demonstration, quicker than by default.
#[test]
fn r29_the_demo_shows_what_is_promised() {
    let folder = empty_folder("fleet_demo");
    let output = program()
        .args(["demo", "--seeds", "3", "--peers", "6", "--gossip-for", "3s", "--json"])
        .args(["--first-port", &free_port().to_string()])
        .envs(QUICK)
        .current_dir(&folder)
        .output()
        .expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{error}");
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(shown["delivered"], shown["expected"]);
    assert!(shown["expected"].as_u64().is_some_and(|count| count > 100), "{shown}");
    assert_eq!(shown["broken_promises"].as_array().map(Vec::len), Some(0));
    for lost in ["killed", "stopped"] {
        let time = shown[lost]["all_seed_nodes_s"].as_f64();
        assert!(time.is_some_and(|time| time > 0.0 && time < 14.0), "{shown}");
    }
    assert_eq!(shown["stale_entries"], 0);
}

/// R29: a promise that is not kept fails the demo: nothing is delivered where nothing is said.
#[test]
fn r29_a_broken_promise_is_a_failure() {
    let folder = empty_folder("fleet_broken");
    let output = program()
        .args(["demo", "--seeds", "1", "--peers", "4", "--gossip-for", "1s"])
        .args(["--first-port", &free_port().to_string()])
        .envs(QUICK)
        .env("TIDINGS_GOSSIP_COUNT", "0")
        .current_dir(&folder)
        .output()
        .expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("not as promised: 0 of 0 deliveries"), "{error}");
}
