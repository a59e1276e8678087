//! A process that stands still, or a machine that sleeps, for longer than messages are kept: nothing is
//! delivered twice, and the node is back soon.

use std::path::Path;
use std::time::Duration;

use crate::process::Process;
use crate::support::empty_folder;

/// Messages are kept for 1 s, and their ids for 2 s.
const SLEEP: Duration = Duration::from_millis(3_500);

fn peer(folder: &Path, seed_node: &Process, profile: &str) -> Process {
    let args = ["peer", "--port", "0", "--seed", &seed_node.addr, "--profile", profile];
    let settings = ["--store-age", "1s", "--gossip-count", "0", "--pull-timeout", "1s"];
    let mut peer = Process::start(folder, &[&args[..], &settings[..]].concat());
    peer.wait_for("list received");
    peer
}

#[expect(clippy::disallowed_methods, reason = "waits for processes, in real time")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}

/// Of four peers, all neighbors of each other, the first stands still while others speak.
fn nothing_is_delivered_twice(profile: &str) {
    let folder = empty_folder(&format!("sleep_{profile}"));
    let seed_node = Process::start(&folder, &["seed", "--port", "0", "--profile", profile]);
    let mut peers: Vec<_> = (0..4).map(|_| peer(&folder, &seed_node, profile)).collect();
    peers[1].command("say before");
    for place in [0, 2, 3] {
        peers[place].wait_for("text=\"before\"");
    }
    peers[0].signal("-STOP");
    for number in 0..10 {
        peers[1 + number % 3].command(&format!("say during-{number}"));
        wait(SLEEP / 10);
    }
    peers[0].signal("-CONT");
    peers[0].wait_for("this node stood still");
    peers[0].wait_for("neighbor up");
    // What was in buffers has come by then.
    wait(Duration::from_secs(2));
    peers[1].command("say after");
    for place in [0, 2, 3] {
        peers[place].wait_for("text=\"after\"");
    }
    for peer in peers {
        peer.signal("-KILL");
        let (_, log) = peer.end();
        let received: Vec<_> =
            log.lines().filter(|line| line.contains("gossip received")).collect();
        for text in ["before", "after"]
            .map(str::to_owned)
            .into_iter()
            .chain((0..10).map(|n| format!("during-{n}")))
        {
            let count =
                received.iter().filter(|line| line.contains(&format!("text=\"{text}\""))).count();
            assert!(count <= 1, "{text} came {count} times:\n{log}");
        }
    }
}

#[test]
fn r13_a_peer_that_stood_still_makes_nobody_deliver_twice() {
    nothing_is_delivered_twice("classic");
}

#[test]
fn r13_nor_does_one_of_the_modern_profile() {
    nothing_is_delivered_twice("modern");
}
