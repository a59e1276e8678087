//! Outputs that block, fail or go away. None of them stops signals, ends a node, or is left with half a line.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::fs::{self, File};
use std::io::{PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::time::Instant;

use crate::process::{Process, program, signal, tidings, tidings_in};
use crate::support::empty_folder;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// Far shorter than a node takes that waits for an output, and longer than it takes to leave.
const SOON: Duration = Duration::from_secs(6);

/// A node whose outputs are what the test says.
struct Node {
    child: Child,
    folder: PathBuf,
    name: String,
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = program();
    command.args(args).args(["--listen", "127.0.0.1", "--port", "0", "--data-dir", "."]);
    command.current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The same through a shell that runs `before` first.
fn through_shell(before: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\"")]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(command.get_current_dir().unwrap());
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell
}

impl Node {
    fn start(folder: &Path, command: &mut Command) -> Self {
        let child = command.spawn().unwrap();
        let mut node = Self { child, folder: folder.to_owned(), name: String::new() };
        let socket = || {
            let entries = fs::read_dir(folder).unwrap();
            let mut names = entries.filter_map(|it| it.unwrap().file_name().into_string().ok());
            names.find_map(|name| name.strip_suffix(".sock").map(str::to_owned))
        };
        wait_until("it has a control socket", || socket().is_some());
        node.name = socket().unwrap();
        node
    }

    fn ask(&self, command: &str) -> String {
        tidings_in(&self.folder, &[command, "--json", "--data-dir", ".", "--node", &self.name])
    }

    fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for its end, which must come soon.
    fn end(mut self) -> ExitStatus {
        let since = Instant::now();
        let mut status = None;
        wait_until("it has ended", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(since.elapsed() < SOON, "it took {:?}", since.elapsed());
        status.unwrap()
    }

    /// No file of it may grow beyond this many bytes.
    fn limit_files(&self, bytes: Option<u64>) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let limit = Rlimit { current: bytes, maximum: None };
        prlimit(pid, Resource::Fsize, limit).unwrap();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "waits for processes, in real time")]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "waited in vain until {what}");
        sleep(Duration::from_millis(20));
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// A pipe that is full, and whose reader sleeps.
fn stuck_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().unwrap();
    writer.write_all(&vec![b'x'; 65_536]).unwrap();
    (reader, writer)
}

/// Waits for a line of the log with these words, and returns it.
fn wait_for(log: &Path, words: &[&str]) -> String {
    let line = || {
        let text = text(log);
        text.lines().find(|line| words.iter().all(|it| line.contains(it))).map(str::to_owned)
    };
    wait_until(&format!("{words:?} in {}", log.display()), || line().is_some());
    line().unwrap()
}

/// Every line was written to its end.
fn assert_whole_lines(text: &str) {
    assert!(text.ends_with('\n'), "the last line is half: {text}");
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let is_whole =
            line.len() > 25 && line.as_bytes()[10] == b'T' && line.as_bytes()[23] == b'Z';
        assert!(is_whole && line.matches("Z ").count() == 1, "{line:?} is no line");
    }
}

const LOGGED: [&str; 3] = ["seed", "--log-file", "node.log"];

/// R33: nobody reads standard output, or standard error, and the node answers and leaves all the same.
#[test]
fn a_node_whose_output_nobody_reads_is_not_deaf() {
    for which in ["standard output", "standard error"] {
        let folder = empty_folder(&format!("outputs_stuck_{}", which.len()));
        let (_reader, writer) = stuck_pipe();
        let mut stuck = command(&folder, &LOGGED);
        match which {
            "standard output" => stuck.stdout(writer),
            _ => stuck.stderr(writer),
        };
        let node = Node::start(&folder, stuck.stdin(Stdio::piped()));
        let log = folder.join("node.log");
        // Far more than a pipe and a queue hold.
        let mut stdin = node.child.stdin.as_ref().unwrap();
        for _ in 0..if which == "standard output" { 12_000 } else { 1 } {
            stdin.write_all(b"help\n").unwrap();
        }
        assert!(node.ask("status").contains("\"uptime_ms\""));
        let output = format!("output=\"{which}\"");
        wait_for(&log, &["WARN", &output, "takes nothing"]);
        node.signal("-TERM");
        assert!(node.end().success());
        assert!(text(&log).contains("stopped"), "{}", text(&log));
    }
}

/// R33: the second signal ends it as well.
#[test]
fn r33_a_second_signal_is_heard_where_nobody_reads_the_output() {
    let folder = empty_folder("outputs_stuck_twice");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = silent.local_addr().expect("bound").to_string();
    let (_reader, writer) = stuck_pipe();
    let args = ["peer", "--leave-timeout", "1m", "--seed", &addr, "--log-file", "node.log"];
    let mut stuck = command(&folder, &args);
    let also_stuck = writer.try_clone().expect("cloned");
    let node = Node::start(&folder, stuck.stdout(writer).stderr(also_stuck));
    node.signal("-TERM");
    wait_for(&folder.join("node.log"), &["press Ctrl-C again"]);
    node.signal("-TERM");
    assert_eq!(node.end().code(), Some(130));
    assert!(!folder.read_dir().expect("read").any(|it| {
        it.expect("an entry").path().extension().is_some_and(|extension| extension == "sock")
    }));
}

/// What cannot be written is told where it can be, and ends nobody.
#[test]
fn a_node_goes_on_where_its_outputs_are_full() {
    let full = || File::options().write(true).open("/dev/full").expect("a full device");
    let folder = empty_folder("outputs_full");
    let mut command_ = command(&folder, &LOGGED);
    let node = Node::start(&folder, command_.stdout(full()).stderr(full()));
    let log = folder.join("node.log");
    for output in ["output=\"standard output\"", "output=\"standard error\""] {
        wait_for(&log, &["WARN", output, "cannot be written", "No space left on device"]);
    }
    let status: serde_json::Value = serde_json::from_str(&node.ask("status")).expect("JSON");
    assert!(status["lost_lines"].as_u64().expect("a number") >= 2, "{status}");
    node.signal("-TERM");
    assert!(node.end().success());

    let folder = empty_folder("outputs_full_log");
    let seed_node =
        Process::start_logging(&folder, &["seed", "--port", "0", "--log-file", "/dev/full"]);
    let mut seed_node = seed_node;
    seed_node.wait_for("No space left on device");
    seed_node.signal("-TERM");
    let (status, log) = seed_node.end();
    assert!(status.success() && log.contains("output=\"log file /dev/full\""), "{log}");
}

/// Log files that cannot be opened at the start are told of, and a node that was restarted runs.
#[test]
fn a_node_starts_where_its_log_file_cannot_be_opened() {
    let folder = empty_folder("outputs_log_refused");
    fs::write(folder.join("file"), "mine").expect("written");
    let first = Process::start_logging(&folder, &["seed", "--port", "0", "--log-file", "a.log"]);
    for (path, reason) in [
        ("file/node.log", "its folder cannot be made"),
        (".", "Is a directory"),
        ("a.log", "another process writes it; give another --log-file"),
    ] {
        let args = ["seed", "--port", "0", "--log-file", path];
        let mut node = Process::start_logging(&folder, &args);
        node.wait_for(reason);
        node.signal("-TERM");
        let (status, log) = node.end();
        assert!(status.success() && log.contains(&format!("log file {path}")), "{log}");
    }
    drop(first);
}

/// A pipe in the place of the log file, which nobody opens for reading, holds up nobody.
#[test]
fn a_log_file_that_cannot_be_opened_for_ever_holds_up_nobody() {
    let folder = empty_folder("outputs_fifo");
    let made = Command::new("mkfifo").arg(folder.join("node.log")).status().expect("it runs");
    assert!(made.success());
    let args = ["seed", "--port", "0", "--log-file", "node.log"];
    let mut node = Process::start_logging(&folder, &args);
    node.wait_for("nobody reads it");
    node.signal("-TERM");
    assert!(node.end().0.success());
}

/// SIGXFSZ kills nobody, and what did not fit leaves no half line.
#[test]
fn a_file_that_may_not_grow_gets_whole_lines_or_none() {
    let folder = empty_folder("outputs_limit");
    let (reader, writer) = pipe().expect("a pipe");
    let node = Node::start(&folder, command(&folder, &LOGGED).stderr(writer));
    let log = folder.join("node.log");
    wait_for(&log, &["listening"]);
    let size = fs::metadata(&log).expect("a file").len();
    // Room for a part of the next line.
    node.limit_files(Some(size + 30));
    node.signal("-HUP");
    wait_until("a line is lost", || !node.ask("status").contains("\"lost_lines\":0"));
    assert_eq!(fs::metadata(&log).expect("a file").len(), size, "half a line was taken back");
    node.limit_files(None);
    node.signal("-HUP");
    wait_for(&log, &["output is written again"]);
    node.signal("-TERM");
    assert!(node.end().success());
    assert_whole_lines(&text(&log));
    let mut terminal = String::new();
    (&reader).read_to_string(&mut terminal).expect("read");
    let warning =
        terminal.lines().find(|line| line.contains("cannot be written")).expect("a warning");
    assert!(
        warning.contains("log file node.log") && warning.contains("File too large"),
        "{warning}"
    );
}

/// A reader that has gone is told of once.
#[test]
fn a_reader_that_has_gone_is_told_of_once() {
    let folder = empty_folder("outputs_gone");
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    let also = writer.try_clone().expect("cloned");
    let node = Node::start(&folder, command(&folder, &LOGGED).stdout(writer).stderr(also));
    let log = folder.join("node.log");
    for output in ["output=\"standard output\"", "output=\"standard error\""] {
        wait_for(&log, &["WARN", output, "Broken pipe", "output has gone"]);
    }
    node.signal("-TERM");
    assert!(node.end().success());
    assert_eq!(text(&log).matches("output has gone").count(), 2, "{}", text(&log));
}

/// SIGHUP opens log files anew, on nodes of both roles.
#[test]
fn a_log_file_that_was_moved_is_opened_anew() {
    let folder = empty_folder("outputs_rotate");
    let mut seed_node =
        Process::start_logging(&folder, &["seed", "--port", "0", "--log-file", "seed.log"]);
    let args = ["peer", "--port", "0", "--log-file", "peer.log", "--seed", &seed_node.addr];
    let mut peer = Process::start_logging(&folder, &args);
    for (node, name) in [(&mut seed_node, "seed.log"), (&mut peer, "peer.log")] {
        let (log, old) = (folder.join(name), folder.join(format!("{name}.old")));
        wait_for(&log, &["listening"]);
        fs::rename(&log, &old).expect("moved");
        node.signal("-HUP");
        node.wait_for("opened anew");
        wait_for(&log, &["# tidings log, version 1"]);
        let len = fs::metadata(&old).expect("the old one").len();
        node.signal("-HUP");
        wait_for(&log, &["told to open log files anew"]);
        assert_eq!(fs::metadata(&old).expect("the old one").len(), len, "it is let go");
    }
    for node in [seed_node, peer] {
        node.signal("-TERM");
        assert!(node.end().0.success());
    }
}

/// Whoever was started by nohup hears nothing of a terminal.
#[test]
fn a_hang_up_that_is_ignored_stays_ignored() {
    let folder = empty_folder("outputs_nohup");
    let nohup = &mut through_shell("trap '' HUP", &command(&folder, &LOGGED));
    let node = Node::start(&folder, nohup);
    node.signal("-HUP");
    assert!(node.ask("status").contains("\"uptime_ms\""));
    node.signal("-TERM");
    assert!(node.end().success());
    let log = text(&folder.join("node.log"));
    assert!(!log.contains("SIGHUP") && log.contains("stopped"), "{log}");
}

/// A terminal that is closed is Ctrl-C: the node says goodbye.
#[test]
fn a_node_leaves_when_its_terminal_is_closed() {
    let folder = empty_folder("outputs_terminal");
    let node = command(&folder, &[&LOGGED[..], &["--shell", "false"]].concat());
    // Beside a shell that leads the session: when that ends, so does the terminal.
    let mut shell = Command::new("sh");
    shell.args(["-c", "\"$0\" \"$@\" & read line; exit 0"]).arg(node.get_program());
    shell.args(node.get_args()).current_dir(&folder);
    let mut session = rexpect::session::spawn_command(shell, Some(20_000)).expect("a terminal");
    session.exp_string(" listening on ").expect("it listens");
    session.send_line("").expect("typed");
    session.exp_eof().expect("the end of the terminal");
    let log = folder.join("node.log");
    wait_for(&log, &["the terminal was closed"]);
    wait_for(&log, &["stopped"]);
}

/// The last word of a program waits for nobody.
#[test]
fn an_error_that_nobody_reads_is_no_obstacle() {
    let (_reader, writer) = stuck_pipe();
    let mut program = program();
    let started = program.args(["status", "--data-dir", "/nowhere"]).stderr(writer).spawn();
    let mut child = started.expect("it runs");
    wait_until("it has ended", || child.try_wait().expect("asked").is_some());
    let output = tidings(&["status", "--data-dir", "/nowhere"]);
    assert_eq!(output.status.code(), Some(2));
}

/// A full disk at the start: a node that was here before runs, a new one says what is missing, and no half
/// file is left.
#[test]
fn a_start_on_a_full_disk_leaves_no_half_file() {
    let folder = empty_folder("outputs_start_full");
    let limited = |bytes: u32| {
        // In blocks of 512 bytes, so that less than one is nothing at all.
        let node = command(&folder, &["seed", "--log-file", "none"]);
        through_shell(&format!("ulimit -f {}", bytes / 512), &node)
    };
    let output = limited(0).stderr(Stdio::piped()).output().expect("it runs");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(".identity: File too large"), "{error}");
    assert_eq!(fs::read_dir(&folder).expect("read").count(), 0, "no half file is left");

    // The same port, so that it is the same node.
    let mut before = Node::start(&folder, &mut command(&folder, &["seed", "--log-file", "none"]));
    let port = before.name.rsplit('-').next().expect("a port").to_owned();
    before.child.kill().expect("killed");
    before.child.wait().expect("ended");
    fs::remove_file(folder.join(format!("seed-{port}.sock"))).expect("removed");
    let (mut reader, writer) = pipe().expect("a pipe");
    let args =
        ["seed", "--log-file", "none", "--listen", "127.0.0.1", "--data-dir", ".", "--port", &port];
    let mut again = program();
    let mut again = through_shell("ulimit -f 0", again.args(args).current_dir(&folder));
    let node = Node::start(&folder, again.stderr(writer));
    drop(again);
    assert!(node.ask("status").contains("\"uptime_ms\""));
    node.signal("-TERM");
    assert!(node.end().success());
    let mut log = String::new();
    reader.read_to_string(&mut log).expect("read");
    let words = format!(
        "boot epoch not stored: the next start relies on the clock reason=./seed-{port}.epoch"
    );
    assert!(log.contains(&words) && log.contains("File too large"), "{log}");
    assert!(!folder.join(format!("seed-{port}.epoch.next")).exists());
}

/// A shared file that somebody keeps locked, or that takes nothing now, is named, and written later; no half
/// entry is left in it. One that never can be written fails the start.
#[test]
fn a_shared_file_that_cannot_be_written_is_named_and_written_later() {
    let folder = empty_folder("outputs_shared");
    let shared = folder.join("seeds.csv");
    fs::write(&shared, format!("# {}\n192.0.2.7:5000\n", "x".repeat(490))).expect("written");
    let before = text(&shared);
    let args = ["seed", "--port", "0", "--announce-in", "seeds.csv"];
    let locked = File::open(&shared).expect("a file");
    locked.lock().expect("locked");
    let mut waits = Process::start_logging(&folder, &args);
    waits.wait_for("seeds.csv: another process has it locked for 10 s");
    drop(locked);
    wait_until("the entry is written", || text(&shared).contains(&waits.addr));
    waits.signal("-TERM");
    assert!(waits.end().0.success());
    assert_eq!(text(&shared), before, "it has left");

    let node = command(&folder, &["seed", "--log-file", "none", "--announce-in", "seeds.csv"]);
    let (mut reader, writer) = pipe().expect("a pipe");
    let full = Node::start(&folder, through_shell("ulimit -f 1", &node).stderr(writer));
    full.signal("-TERM");
    assert!(full.end().success());
    let mut log = String::new();
    reader.read_to_string(&mut log).expect("read");
    assert!(log.contains("seeds.csv: File too large") && log.contains("tried again"), "{log}");
    assert_eq!(text(&shared), before, "half an entry was taken back");

    fs::create_dir(folder.join("folder")).expect("made");
    let args = ["seed", "--log-file", "none", "--announce-in", "folder"];
    let output = command(&folder, &args).stderr(Stdio::piped()).output().expect("it ends");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("folder: Is a directory"), "{error}");
}

/// All of the above in one life. The journal tells an operator each trouble and each end of one, once.
#[test]
#[expect(clippy::disallowed_methods, reason = "somebody must read while the test waits")]
fn the_journal_of_a_hard_life_has_all_and_nothing_twice() {
    let folder = empty_folder("outputs_journal");
    let (mut stuck, stdout) = stuck_pipe();
    let (mut journal, stderr) = pipe().expect("a pipe");
    let mut command_ = command(&folder, &LOGGED);
    let mut node =
        Node::start(&folder, command_.stdout(stdout).stderr(stderr).stdin(Stdio::piped()));
    drop(command_);
    let copy = folder.join("journal");
    let mut file = File::create(&copy).expect("made");
    let keeping = std::thread::spawn(move || std::io::copy(&mut journal, &mut file));
    let told = |words: &[&str]| wait_for(&copy, words);
    let log = folder.join("node.log");
    told(&["listening"]);

    // Nobody reads the answers, and then somebody does.
    node.child.stdin.as_ref().expect("a pipe").write_all(b"help\n").expect("written");
    told(&["nobody reads it"]);
    let reading = std::thread::spawn(move || std::io::copy(&mut stuck, &mut std::io::sink()));
    told(&["written again", "standard output"]);

    // The disk is full, and then it is not.
    node.limit_files(Some(fs::metadata(&log).expect("a file").len() + 30));
    node.signal("-HUP");
    told(&["cannot be written", "log file node.log"]);
    node.limit_files(None);
    node.signal("-HUP");
    told(&["written again", "log file node.log"]);

    // The control socket is gone, and the log was moved: a line is written, and that is noticed.
    wait_until("the last look at the file is a second ago", {
        let since = Instant::now();
        move || since.elapsed() > Duration::from_millis(1_200)
    });
    fs::rename(&log, folder.join("node.log.old")).expect("moved");
    fs::remove_file(folder.join(format!("{}.sock", node.name))).expect("removed");
    told(&["control socket made anew"]);
    told(&["it was moved or removed"]);

    // The log is cut short.
    File::create(&log).expect("cut short");
    node.signal("-HUP");
    wait_for(&log, &["# tidings log, version 1"]);
    node.signal("-TERM");
    told(&["stopped"]);
    node.child.wait().expect("ended");
    keeping.join().expect("no panic").expect("read");
    reading.join().expect("no panic").expect("read");
    assert_journal(&text(&copy));
}

fn assert_journal(journal: &str) {
    let hung_up = "INFO told to open log files anew (SIGHUP)";
    let anew = "INFO opened anew output=\"log file node.log\"";
    let wanted = [
        "INFO listening role=",
        "WARN output takes nothing: nobody reads it output=\"standard output\" lost=0",
        "INFO output is written again output=\"standard output\" lost_in_all=0",
        hung_up,
        "WARN output cannot be written output=\"log file node.log\" reason=File too large",
        hung_up,
        "INFO output is written again output=\"log file node.log\"",
        "INFO opened anew output=\"log file node.log\" reason=\"it was moved or removed\"",
        "INFO control socket made anew",
        "INFO shutting down; press Ctrl-C again to exit now",
        "INFO left",
        "INFO stopped",
    ];
    let lines: Vec<&str> = journal.lines().filter_map(|line| line.get(26..)).collect();
    for words in wanted {
        assert!(lines.iter().any(|line| line.starts_with(words)), "no {words:?}: {journal}");
    }
    for line in &lines {
        let is_wanted = wanted.iter().any(|words| line.starts_with(words));
        assert!(is_wanted || line.starts_with(anew), "{line:?} is too much: {journal}");
    }
    let mut warnings: Vec<_> = lines.iter().filter(|line| line.starts_with("WARN")).collect();
    warnings.sort_unstable();
    warnings.dedup();
    assert_eq!(warnings.len(), 2, "one of each: {journal}");
    assert_eq!(journal.matches("WARN").count(), 2, "{journal}");
}
