//! The program `tidings` from outside: processes, their output, signals.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};

use crate::support::empty_folder;

/// A running process, where it listens, and its log so far.
struct Process {
    child: Child,
    addr: String,
    stderr: BufReader<ChildStderr>,
    log: String,
}

impl Process {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(args)
            .args(["--listen", "127.0.0.1", "--data-dir"])
            .arg(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("listening on 127.0.0.1:"), "{line:?}");
        let addr = line.rsplit(' ').next().unwrap().trim().to_owned();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Self { child, addr, stderr, log: String::new() }
    }

    /// Reads the log until a line has these words.
    fn wait_for(&mut self, words: &str) {
        while !self.log.lines().any(|line| line.contains(words)) {
            let read = self.stderr.read_line(&mut self.log).unwrap();
            assert!(read > 0, "the log ended without {words:?}: {}", self.log);
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Waits for its end; returns its status and its whole log.
    fn end(mut self) -> (ExitStatus, String) {
        self.stderr.read_to_string(&mut self.log).unwrap();
        (self.child.wait().unwrap(), self.log)
    }
}

fn tidings(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidings")).args(args).output().unwrap()
}

/// R24, R25, R33: what the logs say of a peer's short life.
#[test]
fn a_terminated_peer_leaves_and_both_logs_tell() {
    let folder = empty_folder("program_leave");
    let seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let mut peer = Process::start(&folder, &["peer", "--port", "0", "--seed", &seed_node.addr]);
    let addr = peer.addr.clone();
    peer.wait_for("list received");
    peer.signal("-TERM");
    let (status, log) = peer.end();
    assert!(status.success(), "{log}");
    assert!(log.contains("left") && log.contains("stopped"), "{log}");
    seed_node.signal("-INT");
    let (status, log) = seed_node.end();
    assert!(status.success(), "{log}");
    for words in ["connection request", "peer registered", "peer removed"] {
        let line = log.lines().find(|line| line.contains(words) && line.contains(&addr));
        assert!(line.is_some(), "no {words:?} in {log}");
    }
}

/// A peer that is killed says nothing; its log ends in the middle, and its seed node finds out.
#[test]
fn a_killed_peer_is_found_dead() {
    let folder = empty_folder("program_kill");
    let mut seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let mut peer = Process::start(&folder, &["peer", "--port", "0", "--seed", &seed_node.addr]);
    peer.wait_for("list received");
    peer.signal("-KILL");
    let (status, log) = peer.end();
    assert!(!status.success() && !log.contains("left"), "{log}");
    seed_node.wait_for("why=dead");
    seed_node.signal("-KILL");
    seed_node.end();
}

#[test]
fn bad_arguments_are_explained() {
    for (args, words) in [
        (&["peer", "--port", "0"][..], "--seed <ADDR>"),
        (&["peer", "--port", "0", "--seed", "nonsense"], "invalid socket address"),
        (&["peer", "--port", "70000", "--seed", "127.0.0.1:1"], "70000 is not in 0..=65535"),
        (
            &["peer", "--port", "0", "--seed", "127.0.0.1:1", "--liveness-every", "13"],
            "a duration is a number with its unit",
        ),
    ] {
        let output = tidings(args);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(words), "{args:?}: {error}");
    }
}

#[test]
fn settings_that_do_not_fit_are_named() {
    let folder = empty_folder("program_settings");
    let folder = folder.to_str().unwrap();
    let output = tidings(&[
        "peer",
        "--port",
        "0",
        "--seed",
        "127.0.0.1:1",
        "--max-peers",
        "9",
        "--max-links",
        "5",
        "--listen",
        "127.0.0.1",
        "--data-dir",
        folder,
    ]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("max_links = 5: allowed is 9 to 64"), "{error}");
}

#[test]
fn a_taken_port_is_named() {
    let folder = empty_folder("program_port");
    let first = Process::start(&folder, &["seed", "--port", "0"]);
    let port = first.addr.rsplit(':').next().unwrap();
    let second = tidings(&[
        "seed",
        "--port",
        port,
        "--listen",
        "127.0.0.1",
        "--data-dir",
        folder.to_str().unwrap(),
    ]);
    let error = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{error}");
    assert!(error.contains(&format!("listen on 127.0.0.1:{port}")), "{error}");
    first.signal("-KILL");
    first.end();
}
