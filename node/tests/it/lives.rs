//! A node whose boot epoch was lost or whose data folder was copied, as processes.

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tidings_node::unix_now;

use crate::process::{Process, program, tidings_in};
use crate::support::empty_folder;

const HOUR: Duration = Duration::from_hours(1);

/// A seed node and two peers, in a folder of their own, of this profile.
struct Others {
    seed_node: Process,
    peers: Vec<Process>,
    profile: &'static str,
}

impl Others {
    fn start(folder: &Path, profile: &'static str) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let seed_node = Process::start(folder, &["seed", "--port", "0", "--profile", profile]);
        let args = ["peer", "--seed", &seed_node.addr, "--profile", profile, "--gossip-count", "0"];
        let mut peers: Vec<_> = (0..2).map(|_| Process::start(folder, &args)).collect();
        peers[1].wait_for("neighbor up");
        Self { seed_node, peers, profile }
    }

    /// A peer beside them, with its files in `folder`.
    fn join(&self, folder: &Path, (ip, port): (&str, &str), more: &[&str]) -> Process {
        let args = ["peer", "--seed", &self.seed_node.addr, "--profile", self.profile];
        let own = ["--gossip-count", "0", "--log-file", "none", "--port", port, "--listen", ip];
        let args = [&args[..], &own, more].concat();
        Process::start_command(program(), folder, &args)
    }
}

fn epoch_file(folder: &Path, port: &str) -> std::path::PathBuf {
    folder.join(format!("peer-{port}.epoch"))
}

fn stored_epoch(folder: &Path, port: &str) -> u64 {
    let text = fs::read_to_string(epoch_file(folder, port)).unwrap_or_default();
    text.rsplit(' ').next().and_then(|epoch| epoch.trim().parse().ok()).unwrap_or(0)
}

/// What a peer holds of the one at this port.
fn member(folder: &Path, of: &Process, addr: &str) -> Option<String> {
    let args = ["members", "--json", "--node", of.port(), "--data-dir", "."];
    let view: Value = serde_json::from_str(&tidings_in(folder, &args)).expect("JSON");
    let found = view["members"].as_array()?.iter().find(|member| member["addr"] == addr)?;
    found["state"].as_str().map(ToOwned::to_owned)
}

#[expect(clippy::disallowed_methods, reason = "waits for a process, in real time")]
fn pause() {
    std::thread::sleep(Duration::from_millis(100));
}

/// Lives once so far ahead of the clock, ends by this signal, and loses the epoch file. Returns that life.
fn live_ahead(others: &Others, folder: &Path, ahead: Duration, end: &str) -> (String, u64) {
    fs::create_dir_all(folder).expect("a folder");
    let first = others.join(folder, ("127.0.0.1", "0"), &[]);
    let (addr, port) = (first.addr.clone(), first.port().to_owned());
    first.signal("-TERM");
    first.end();
    let epoch = (unix_now() + ahead).as_millis();
    fs::write(epoch_file(folder, &port), format!("version = 1\nboot_epoch = {epoch}\n"))
        .expect("written");
    let mut second = others.join(folder, ("127.0.0.1", &port), &[]);
    second.wait_for("neighbor up");
    second.signal(end);
    second.end();
    fs::remove_file(epoch_file(folder, &port)).expect("it was there");
    (addr, epoch + 1)
}

#[test]
fn a_lost_epoch_is_found_again_by_those_who_remember_it() {
    let root = empty_folder("lives_lost");
    for (end, name) in [("-TERM", "left"), ("-KILL", "killed")] {
        let (ours, theirs) = (root.join(name), root.join(format!("others-{name}")));
        let others = Others::start(&theirs, "modern");
        let (addr, ahead) = live_ahead(&others, &ours, HOUR, end);
        let port = addr.rsplit(':').next().expect("a port").to_owned();
        let mut third = others.join(&ours, ("127.0.0.1", &port), &[]);
        third.wait_for("others know a newer life of this node");
        while others
            .peers
            .iter()
            .any(|peer| member(&theirs, peer, &addr).as_deref() != Some("alive"))
        {
            pause();
        }
        while stored_epoch(&ours, &port) <= ahead {
            pause();
        }
        third.signal("-TERM");
        let (status, log) = third.end();
        assert!(status.success() && log.matches("a life above it begins").count() == 1, "{log}");
        let mut told = 0;
        for other in others.peers.into_iter().chain([others.seed_node]) {
            other.signal("-TERM");
            told += other.end().1.matches("in an older life than is known here").count();
        }
        assert!(told > 0, "nobody warned");
    }
}

#[test]
fn a_life_more_than_a_day_ahead_is_begun_by_force_alone() {
    let root = empty_folder("lives_far");
    let (ours, theirs) = (root.join("ours"), root.join("theirs"));
    let others = Others::start(&theirs, "modern");
    let (addr, ahead) = live_ahead(&others, &ours, 48 * HOUR, "-TERM");
    let port = addr.rsplit(':').next().expect("a port").to_owned();
    let mut third = others.join(&ours, ("127.0.0.1", &port), &[]);
    third.wait_for("--force-epoch");
    assert!(stored_epoch(&ours, &port) < ahead);
    third.signal("-KILL");
    third.end();
    let mut forced = others.join(&ours, ("127.0.0.1", &port), &["--force-epoch"]);
    forced.wait_for("a life above it begins");
    while stored_epoch(&ours, &port) <= ahead {
        pause();
    }
}

#[test]
fn a_copied_data_folder_runs_once() {
    let root = empty_folder("lives_copied");
    for profile in ["classic", "modern"] {
        let (ours, copy) =
            (root.join(format!("{profile}-ours")), root.join(format!("{profile}-copy")));
        let others = Others::start(&root.join(profile), profile);
        fs::create_dir_all(&ours).expect("a folder");
        fs::create_dir_all(&copy).expect("a folder");
        let mut original = others.join(&ours, ("127.0.0.1", "0"), &[]);
        original.wait_for("neighbor up");
        for name in ["identity", "epoch"] {
            let file = format!("peer-{}.{name}", original.port());
            fs::copy(ours.join(&file), copy.join(&file)).expect("copied");
        }
        let mut second = others.join(&copy, ("127.0.0.2", original.port()), &[]);
        second.wait_for("neighbor up");
        let (status, log) = original.end();
        assert_eq!(status.code(), Some(1), "{log}");
        let last = format!("tidings: identity in use at {}", second.addr);
        assert!(log.contains(&last), "{profile}: {log}");
        second.signal("-TERM");
        assert!(second.end().0.success());
    }
}
