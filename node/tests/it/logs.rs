//! Log files and the tool that clears them (R26, R27).

use std::fs;
use std::os::unix::fs::symlink;

use tidings_core::UnixTime;
use tidings_core::wire::{Bye, LinkMessage, Message, Ping, Purpose};

use crate::process::{Process, tidings_in};
use crate::support::{Raw, empty_folder, frame, gossip, wait_until};

#[test]
fn r26_each_node_logs_to_the_terminal_and_to_a_file_of_its_own() {
    let folder = empty_folder("logs_files");
    let seed_node = Process::start_logging(&folder, &["seed", "--port", "0"]);
    let args = ["peer", "--port", "0", "--gossip-every", "100ms", "--seed", &seed_node.addr];
    let mut peer = Process::start_logging(&folder, &args);
    let _other = Process::start(&folder, &args);
    peer.wait_for("gossip sent");
    let files = [
        folder.join(format!("logs/seeds/{}.log", seed_node.port())),
        folder.join(format!("logs/peers/{}.log", peer.port())),
    ];
    for (process, file) in [(seed_node, &files[0]), (peer, &files[1])] {
        process.signal("-TERM");
        let (_, terminal) = process.end();
        let text = fs::read_to_string(file).expect("a log file");
        assert!(text.starts_with("# tidings log, version 1\n"), "{text}");
        // Each is stamped by itself.
        let said = |line: &str| line.split_once(' ').map(|(_time, said)| said.to_owned());
        let lines: Vec<_> = text.lines().skip(1).map(said).collect();
        assert_eq!(lines, terminal.lines().map(said).collect::<Vec<_>>());
        assert!(!text.contains('\u{1b}'), "a file has no colors");
        assert!(text.contains("stopped"), "{text}");
    }
}

#[test]
fn r26_one_file_may_be_named_and_lines_may_be_json() {
    let folder = empty_folder("logs_json");
    let args = ["seed", "--port", "0", "--log-format", "json", "--log-file", "one.log"];
    let seed_node = Process::start_logging(&folder, &args);
    seed_node.signal("-TERM");
    seed_node.end();
    let text = fs::read_to_string(folder.join("one.log")).expect("a log file");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("{\"tidings_log\":1}"));
    let first: serde_json::Value =
        serde_json::from_str(lines.next().expect("a line")).expect("JSON");
    assert_eq!((&first["level"], &first["message"]), (&"INFO".into(), &"listening".into()));
    let time = first["timestamp"].as_str().expect("a time");
    assert!(time.len() == 24 && time.ends_with('Z'), "UTC with milliseconds: {time}");
    assert!(!folder.join("logs").exists());
}

/// What peers say is escaped wherever an operator may see it.
#[test]
fn r26_text_of_peers_never_reaches_the_terminal_raw() {
    let folder = empty_folder("logs_escape");
    let mut seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let args = ["peer", "--port", "0", "--gossip-count", "0", "--seed", &seed_node.addr];
    let mut sender = Process::start(&folder, &args);
    let mut receiver = Process::start(&folder, &args);
    receiver.wait_for("neighbor up");
    seed_node.wait_for("peer registered");
    sender.command("say \u{1b}[2Jgone\u{9b}1m\u{202e}");
    receiver.wait_for("gossip received");
    let mut seen = receiver.command("2 --json");
    seen += &tidings_in(&folder, &["messages", "--data-dir", ".", "--node", receiver.port()]);
    receiver.signal("-TERM");
    seen += &receiver.end().1;
    assert!(seen.contains("gone"), "{seen}");
    let raw = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!seen.contains(raw), "{seen:?}");
}

#[test]
fn r27_cleaning_touches_nothing_but_logs_of_nodes_that_do_not_run() {
    let folder = empty_folder("logs_clean");
    let running = Process::start_logging(&folder, &["seed", "--port", "0"]);
    let ended = Process::start_logging(&folder, &["seed", "--port", "0"]);
    let (running_log, ended_log) =
        (format!("logs/seeds/{}.log", running.port()), format!("logs/seeds/{}.log", ended.port()));
    ended.signal("-KILL");
    ended.end();
    let foreign = ["logs/seeds/7000.log", "logs/seeds/notes.txt", "logs/seeds/notes.log"];
    for name in foreign {
        fs::write(folder.join(name), "mine\n").expect("written");
    }
    // Put aside by a node that runs.
    let aside = format!("{running_log}.1");
    fs::write(folder.join(&aside), "# tidings log, version 1\n").expect("written");
    let target = folder.join("precious.log");
    fs::write(&target, "# tidings log, version 1\n").expect("written");
    symlink(&target, folder.join("logs/seeds/7001.log")).expect("linked");

    let dry = tidings_in(&folder, &["logs", "clean", "--dry-run"]);
    assert!(dry.contains("would be removed") && folder.join(&ended_log).exists(), "{dry}");
    let cleaned = tidings_in(&folder, &["logs", "clean", "--json"]);
    let cleaned: serde_json::Value = serde_json::from_str(&cleaned).expect("JSON");
    let outcome = |path: &str| {
        let files = cleaned["files"].as_array().expect("a list");
        let file = files.iter().find(|file| file["path"] == path).expect(path);
        file["outcome"].as_str().expect("a text").to_owned()
    };
    assert_eq!(outcome(&ended_log), "removed");
    assert_eq!(
        (outcome(&running_log), outcome(&aside)),
        ("in_use".to_owned(), "in_use".to_owned())
    );
    for name in foreign.iter().chain(&["logs/seeds/7001.log"]) {
        assert_eq!(outcome(name), "not_ours");
        assert!(folder.join(name).exists(), "{name}");
    }
    assert!(folder.join(&running_log).exists() && !folder.join(&ended_log).exists());
    assert!(target.exists());
}

/// T28: one neighbor that floods makes a line a second for each reason, at the level debug as well, and all
/// is counted.
#[tokio::test]
async fn one_neighbor_does_not_decide_how_much_is_logged() {
    let folder = empty_folder("logs_flood");
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let seed_node = silent.local_addr().expect("bound").to_string();
    let args = ["peer", "--port", "0", "--log", "debug", "--log-file", "node.log"];
    let peer = Process::start_logging(&folder, &[&args[..], &["--seed", &seed_node]].concat());
    let mut flooder = Raw::connect(peer.addr.parse().expect("an address")).await;
    let nowhere = silent.local_addr().expect("bound");
    flooder.hello(66, nowhere, Purpose::Neighbor { isolated: true }).await;
    flooder.preamble().await;
    let is_welcome = |message: &Message| matches!(message, Message::Link(LinkMessage::Welcome(_)));
    flooder.wait_for(is_welcome).await;
    let ping = Ping { nonce: 7, time: UnixTime::from_millis(0), addr: nowhere };
    let pong = frame(&Message::Link(LinkMessage::Pong(ping)));
    let bytes: Vec<u8> = [pong.repeat(90), gossips(2_000)].concat();
    flooder.write(&bytes).await;
    let log = folder.join("node.log");
    wait_until("what was left out is told", || {
        let text = fs::read_to_string(&log).expect("a log");
        text.contains("lines left out") && text.contains("gossip received")
    })
    .await;
    // Who breaks rules all the time is given up.
    flooder.write(&pong.repeat(100)).await;
    let bye = Message::Link(LinkMessage::Bye(Bye::Misbehaved));
    assert_eq!(flooder.last_message().await, Some(bye));
    peer.signal("-TERM");
    let (status, _) = peer.end();
    assert!(status.success());
    let text = fs::read_to_string(&log).expect("a log");
    let count = |words: &str| text.lines().filter(|line| line.contains(words)).count();
    assert!((1..=10).contains(&count("protocol violation")), "{text}");
    assert!((1..=40).contains(&count("gossip received")), "{text}");
    assert!(text.lines().count() < 100, "{text}");
    assert!(text.contains("left_out=") || text.contains(" count="), "{text}");
}

/// So many short messages.
fn gossips(count: u64) -> Vec<u8> {
    (1..=count).flat_map(|sequence| frame(&gossip(66, sequence, "x"))).collect()
}
