//! Commands for a running node: from a pipe, over the control socket, in the shell.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::Value;

use crate::process::{Process, program, tidings, tidings_in};
use crate::support::empty_folder;

/// A seed node and a peer of it, which says nothing by itself.
fn pair(folder: &Path) -> (Process, Process) {
    let seed_node = Process::start(folder, &["seed", "--port", "0"]);
    let mut peer = start_peer(folder, &seed_node);
    peer.wait_for("registered");
    (seed_node, peer)
}

fn start_peer(folder: &Path, seed_node: &Process) -> Process {
    let args = ["peer", "--port", "0", "--gossip-count", "0", "--seed", &seed_node.addr];
    Process::start(folder, &args)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// R32: without a terminal there is no shell, but commands are read from a pipe; its end is not the
/// node's.
#[test]
fn r32_commands_come_from_a_pipe() {
    let folder = empty_folder("console_pipe");
    let (seed_node, mut first) = pair(&folder);
    let mut second = start_peer(&folder, &seed_node);
    second.wait_for("neighbor up");
    assert!(first.command("SAY hello").starts_with("sent as "));
    second.wait_for("gossip received");
    let messages = json(&second.command("2 --json"));
    assert_eq!(messages["messages"][0]["text"], "\"hello\"");
    let peers = json(&first.command("1 --json"));
    assert_eq!(peers["connected"][0]["addr"], second.addr.as_str());
    assert_eq!(peers["received"][0]["addr"], second.addr.as_str());
    let seeds = json(&first.command("Seeds --json"));
    assert_eq!(seeds["seeds"][0]["addr"], seed_node.addr.as_str());
    assert_eq!(first.command("3"), "there is no command \"3\"; help lists them");
    assert_eq!(json(&first.command("status --json"))["neighbors"], 1);
    second.close_stdin();
    assert!(
        tidings_in(&folder, &["status", "--data-dir", ".", "--node", second.port()])
            .contains("peer ")
    );
    assert_eq!(first.command("exit"), "leaving");
    let (status, log) = first.end();
    assert!(status.success() && log.contains("left"), "{log}");
}

/// R31: the seed node's documented commands.
#[test]
fn r31_a_seed_node_lists_its_peers_and_exits() {
    let folder = empty_folder("console_seed");
    let (mut seed_node, peer) = pair(&folder);
    let list = json(&seed_node.command("PEERS --json"));
    assert_eq!(list["registered"][0]["addr"], peer.addr.as_str());
    assert_eq!(seed_node.command("msg"), "a seed node has no messages; help lists its commands");
    assert_eq!(seed_node.command("Exit"), "leaving");
    assert!(seed_node.end().0.success());
}

#[test]
fn scripts_ask_over_the_control_socket() {
    let folder = empty_folder("console_socket");
    let (seed_node, mut peer) = pair(&folder);
    let data = ["--data-dir", "."];
    let name = format!("peer-{}", peer.port());
    let of_peer = [&data[..], &["--node", &name]].concat();
    let send = tidings_in(&folder, &[&["send"], &of_peer[..], &["two", "words"]].concat());
    assert!(send.contains("there is no neighbor to send it to yet"), "{send}");
    let messages = json(&tidings_in(&folder, &[&["messages", "--json"], &of_peer[..]].concat()));
    assert_eq!(messages["messages"][0]["text"], "\"two words\"");
    let list = tidings_in(&folder, &["peers", "--data-dir", ".", "--node", seed_node.port()]);
    assert!(list.contains(&peer.addr), "{list}");
    let socket = fs::metadata(folder.join(format!("{name}.sock"))).expect("a socket");
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    tidings_in(&folder, &[&["leave"], &of_peer[..]].concat());
    peer.wait_for("left");
    assert!(peer.end().0.success());
    assert!(!folder.join(format!("{name}.sock")).exists());
}

/// Exit status 2: nobody could be asked, or it is not clear who.
#[test]
fn a_node_that_cannot_be_asked_is_named() {
    let folder = empty_folder("console_nobody");
    let path = folder.to_str().expect("UTF-8");
    let output = tidings(&["status", "--data-dir", path]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("no node runs with the data folder"), "{error}");

    let (seed_node, peer) = pair(&folder);
    let output = tidings(&["status", "--data-dir", path]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    let names = format!("--node one of peer-{}, seed-{}", peer.port(), seed_node.port());
    assert!(error.contains(&names), "{error}");

    // What a killed node leaves behind answers nobody, and is no obstacle.
    let port = peer.port().to_owned();
    peer.signal("-KILL");
    peer.end();
    let output = tidings(&["status", "--data-dir", path, "--node", &format!("peer-{port}")]);
    assert_eq!(output.status.code(), Some(2));
    let args = ["peer", "--port", &port, "--seed", &seed_node.addr];
    let again = Process::start(&folder, &args);
    assert!(tidings_in(&folder, &["status", "--data-dir", ".", "--node", &port]).contains("peer "));
    drop(again);
}

#[test]
fn too_long_a_command_is_refused_and_the_next_one_is_answered() {
    let folder = empty_folder("console_long");
    let mut seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let long = "x".repeat(200_000);
    assert_eq!(seed_node.command(&long), "a command has at most 81920 bytes");
    assert_eq!(json(&seed_node.command("status --json"))["registered_peers"], 0);
}

/// R31, R32 as a person has them: prompt, completion, history, and log lines above the line typed.
#[test]
fn r32_the_shell_completes_remembers_and_is_not_torn() {
    let folder = empty_folder("console_shell");
    let (seed_node, _other) = pair(&folder);
    let mut command = program();
    command.current_dir(&folder).env("TERM", "xterm").env("NO_COLOR", "1");
    command.args(["peer", "--port", "0", "--listen", "127.0.0.1", "--log-file", "none"]);
    command.args(["--gossip-every", "100ms", "--data-dir", ".", "--seed", &seed_node.addr]);
    let mut shell = rexpect::session::spawn_command(command, Some(20_000)).expect("a terminal");
    let (_, port) = shell.exp_regex("peer-[0-9]+> ").expect("a prompt");
    // A word and a tab: the command is completed while log lines come in above.
    shell.send("st").expect("typed");
    shell.flush().expect("typed");
    shell.exp_string("gossip sent").expect("a log line while typing");
    shell.send("\t\r").expect("typed");
    shell.flush().expect("typed");
    shell.exp_string("known peers").expect("the answer to status");
    // The last command once more.
    shell.send("\x1b[A\r").expect("typed");
    shell.flush().expect("typed");
    shell.exp_string("known peers").expect("the answer again");
    shell.send_line("HELP").expect("typed");
    shell.exp_string("say goodbye").expect("help");
    shell.send_line("exit").expect("typed");
    shell.exp_string("leaving").expect("an answer");
    shell.exp_eof().expect("its end");
    let history = folder.join(format!("{}.history", port.trim_end_matches("> ")));
    let history = fs::read_to_string(history).expect("a history");
    assert!(history.contains("status") && history.contains("HELP"), "{history}");
}
