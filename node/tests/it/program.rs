//! The program `tidings` from outside: one node's life, its output, its end.

use std::net::TcpListener;

use crate::process::{Process, tidings};
use crate::support::empty_folder;

/// R24, R25, R33: what the logs say of a peer's short life.
#[test]
fn r24_r25_r33_a_terminated_peer_leaves_and_both_logs_tell() {
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

/// R33: whoever cannot wait signals again; the node ends through its clean-up all the same.
#[test]
fn r33_a_second_signal_does_not_wait() {
    let folder = empty_folder("program_twice");
    // A seed node that accepts and never answers: the notice to it keeps the leaving peer waiting.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = silent.local_addr().expect("bound").to_string();
    let mut peer = Process::start(&folder, &["peer", "--leave-timeout", "1m", "--seed", &addr]);
    let socket = folder.join(format!("peer-{}.sock", peer.port()));
    assert!(socket.exists());
    peer.signal("-TERM");
    peer.wait_for("shutting down; press Ctrl-C again to exit now");
    peer.signal("-TERM");
    let (status, log) = peer.end();
    assert_eq!(status.code(), Some(130), "{log}");
    assert!(!log.contains("stopped") && !socket.exists(), "{log}");
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
    seed_node.wait_for("reason=dead");
    seed_node.signal("-KILL");
    seed_node.end();
}

#[test]
fn bad_arguments_are_explained() {
    for (args, words) in [
        (
            &["peer", "--port", "0"][..],
            "a peer needs seed nodes: --seed HOST:PORT, --seed-file FILE",
        ),
        (
            &["peer", "--port", "0", "--seed", "nonsense"],
            "--seed: seed = \"nonsense\": expected HOST:PORT",
        ),
        (
            &["peer", "--port", "70000", "--seed", "127.0.0.1:1"],
            "--port: port = \"70000\": a port is a number from 0 to 65535",
        ),
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
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("max_links = 5: allowed is 9 to 64"), "{error}");
}

#[test]
fn r30_a_taken_port_is_named() {
    let folder = empty_folder("program_port");
    let first = Process::start(&folder, &["seed", "--port", "0"]);
    let port = first.port();
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
    assert!(error.contains(&format!("listening on 127.0.0.1:{port}")), "{error}");
    first.signal("-KILL");
    first.end();
}
