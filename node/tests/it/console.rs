//! Commands for a running node: from a pipe, over the control socket, in the shell.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

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

/// The right of nobody else, from the first moment on, even where files are for all.
#[test]
fn the_control_socket_is_made_with_its_rights() {
    let folder = empty_folder("console_rights");
    let watched = folder.clone();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "umask 0; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_tidings")]);
    shell.args(["seed", "--port", "0", "--listen", "127.0.0.1", "--log-file", "none"]);
    shell.args(["--data-dir", "."]).current_dir(&folder).stderr(std::process::Stdio::null());
    let mut node = shell.spawn().expect("it runs");
    let mode = loop {
        let entries = fs::read_dir(&watched).expect("read");
        let mut paths = entries.map(|entry| entry.expect("an entry").path());
        let socket = paths.find(|path| path.extension().is_some_and(|it| it == "sock"));
        if let Some(Ok(socket)) = socket.map(fs::metadata) {
            break socket.permissions().mode() & 0o777;
        }
    };
    node.kill().expect("killed");
    node.wait().expect("ended");
    assert_eq!(mode, 0o600);
}

/// However many say nothing: whoever asks is answered.
#[test]
fn silent_programs_lock_nobody_out() {
    let folder = empty_folder("console_silent");
    let seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let socket = folder.join(format!("seed-{}.sock", seed_node.port()));
    let connect = || std::os::unix::net::UnixStream::connect(&socket).expect("connected");
    let _silent: Vec<_> = (0..40).map(|_| connect()).collect();
    let of_node = ["status", "--data-dir", ".", "--node", seed_node.port()];
    assert!(tidings_in(&folder, &of_node).contains("seed node "));
}

/// A path that is too long for a socket's address, and a file that somebody has removed.
#[test]
#[expect(clippy::disallowed_methods, reason = "waits for a process, in real time")]
fn a_node_can_be_asked_wherever_its_folder_is() {
    let folder = empty_folder("console_deep");
    let deep = ["a_folder_with_a_long_name"; 6].join("/");
    let start = ["seed", "--port", "0", "--listen", "127.0.0.1", "--log-file", "none"];
    let mut command = program();
    command.args(start).args(["--data-dir", &deep]).current_dir(&folder);
    let mut node = command.stderr(std::process::Stdio::null()).spawn().expect("it runs");
    let ask = || tidings(&["status", "--data-dir", folder.join(&deep).to_str().expect("UTF-8")]);
    let is_answered = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        ask().status.success()
    });
    let sockets = || {
        fs::read_dir(folder.join(&deep)).expect("read").filter_map(|entry| {
            Some(entry.ok()?.path()).filter(|path| path.extension().is_some_and(|it| it == "sock"))
        })
    };
    sockets().for_each(|socket| fs::remove_file(socket).expect("removed"));
    let error = String::from_utf8_lossy(&ask().stderr).into_owned();
    let is_back = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        ask().status.success()
    });
    node.kill().expect("killed");
    node.wait().expect("ended");
    assert!(is_answered, "a long path is no obstacle");
    assert!(error.contains("runs, but has no control socket"), "{error}");
    assert!(is_back, "it is made anew");
}

/// A process that is stopped runs.
#[test]
fn a_stopped_node_is_not_said_to_be_gone() {
    let folder = empty_folder("console_stopped");
    let seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    seed_node.signal("-STOP");
    let output = tidings(&["status", "--data-dir", folder.to_str().expect("UTF-8")]);
    seed_node.signal("-CONT");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("nothing came for 10 s; it is stopped or too busy"), "{error}");
    assert!(!error.contains("os error"), "{error}");
}
