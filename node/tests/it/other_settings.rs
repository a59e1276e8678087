//! Peers that say what others do not understand are refused at the hello, by processes.

use crate::process::Process;
use crate::support::empty_folder;

#[test]
fn a_peer_of_other_settings_is_refused_with_both_sides_named() {
    let folder = empty_folder("other_settings");
    let seed_node = Process::start(&folder, &["seed", "--port", "0", "--profile", "modern"]);
    let start = |more: &[&str]| {
        let args = ["peer", "--seed", &seed_node.addr, "--gossip-count", "0", "--profile"];
        Process::start(&folder, &[&args[..], more].concat())
    };
    let mut modern = [start(&["modern"]), start(&["modern"])];
    modern[1].wait_for("neighbor up");
    for (strange, its) in [
        (&["classic"][..], "overlay = random, broadcast = flood, detector = strikes"),
        (&["modern", "--broadcast", "flood"], "broadcast = flood, detector = swim"),
        (&["modern", "--detector", "strikes"], "broadcast = plumtree, detector = strikes"),
        (&["modern", "--members-max", "0"], "detector = swim, members_max = 0"),
    ] {
        let mut strange = start(strange);
        strange.wait_for("reason=\"other_settings\"");
        strange.signal("-TERM");
        let (_, log) = strange.end();
        let line = log.lines().find(|line| line.contains("other_settings")).unwrap_or_default();
        let theirs = "it has overlay = hyparview, broadcast = plumtree, detector = swim;";
        assert!(line.contains(theirs) && line.contains(its), "{line}");
        assert!(!log.contains("neighbor up") && !log.contains("protocol violation"), "{log}");
    }
    for peer in modern {
        peer.signal("-TERM");
        let (_, log) = peer.end();
        assert!(log.matches("reason=\"other_settings\"").count() <= 1, "once a minute: {log}");
        assert!(!log.contains("protocol violation"), "{log}");
        assert_eq!(log.matches("neighbor up").count(), 1, "{log}");
    }
}

/// What says the same on links may be mixed.
#[test]
fn peers_whose_parts_say_the_same_are_neighbors() {
    let folder = empty_folder("same_words");
    let seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let args = ["peer", "--seed", &seed_node.addr, "--gossip-count", "0"];
    let _first = Process::start(&folder, &args);
    let others = ["--detector", "connect", "--overlay", "power-law"];
    let mut second = Process::start(&folder, &[&args[..], &others].concat());
    second.wait_for("neighbor up");
}
