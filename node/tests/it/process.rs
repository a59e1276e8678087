//! The program `tidings` as a process: what it prints, logs and answers.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::signal::unix::SignalKind;

static HEED_HANGUPS: Once = Once::new();

/// Where the tests run below `nohup`, programs would ignore SIGHUP as well, and so they should. A signal that
/// this process handles is what it is by default to those that it starts.
fn heed_hangups() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let _context = runtime.enter();
    drop(tokio::signal::unix::signal(SignalKind::hangup()).unwrap());
}

/// The program, without what the environment of the tests may say.
pub(crate) fn program() -> Command {
    // On a thread of its own: a test may be in a runtime, where no other one ends.
    HEED_HANGUPS.call_once(|| std::thread::scope(|it| it.spawn(heed_hangups).join().unwrap()));
    let mut program = Command::new(env!("CARGO_BIN_EXE_tidings"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TIDINGS_") {
            program.env_remove(name);
        }
    }
    program
}

/// The same, which may open so many files at a time and can have no more.
pub(crate) fn program_with_files(most: u32) -> Command {
    let mut limited = program();
    let program = limited.get_program().to_owned();
    let removed: Vec<_> = limited.get_envs().map(|(name, _)| name.to_owned()).collect();
    limited = Command::new("sh");
    for name in &removed {
        limited.env_remove(name);
    }
    limited.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]).arg(program);
    limited
}

/// Changes how many files a running process may open, and could.
pub(crate) fn limit_files(pid: u32, current: u64, maximum: u64) {
    let pid = Pid::from_raw(i32::try_from(pid).unwrap());
    let limit = Rlimit { current: Some(current), maximum: Some(maximum) };
    prlimit(pid, Resource::Nofile, limit).unwrap();
}

/// What the program says to these arguments.
pub(crate) fn tidings(args: &[&str]) -> Output {
    program().args(args).stdin(Stdio::null()).output().unwrap()
}

/// The same in a folder, as text; it must succeed.
pub(crate) fn tidings_in(folder: &Path, args: &[&str]) -> String {
    let output = program().args(args).current_dir(folder).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Sends a process a signal by its name on the command line of `kill`, which not every machine has.
pub(crate) fn signal(pid: u32, name: &str) {
    let signal = match name {
        "-INT" => Signal::INT,
        "-TERM" => Signal::TERM,
        "-HUP" => Signal::HUP,
        "-STOP" => Signal::STOP,
        "-CONT" => Signal::CONT,
        "-KILL" => Signal::KILL,
        _ => panic!("no test sends {name}"),
    };
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    kill_process(pid, signal).unwrap();
}

/// A running node, where it listens, and its log so far.
pub(crate) struct Process {
    child: Child,
    pub(crate) addr: String,
    stdout: BufReader<ChildStdout>,
    stderr: BufReader<ChildStderr>,
    log: String,
    is_over: Arc<AtomicBool>,
}

/// Far longer than a node lives in any test.
const PATIENCE: Duration = Duration::from_mins(1);

impl Process {
    /// Starts a node with its files in `folder`, where it also stands. It writes no log file.
    pub(crate) fn start(folder: &Path, args: &[&str]) -> Self {
        Self::start_logging(folder, &[args, &["--log-file", "none"]].concat())
    }

    /// The same with a log file where the arguments or the defaults say.
    pub(crate) fn start_logging(folder: &Path, args: &[&str]) -> Self {
        let args = [args, &["--listen", "127.0.0.1"]].concat();
        Self::start_command(program(), folder, &args)
    }

    /// The same with this program before the arguments, and no address to listen on among them.
    pub(crate) fn start_command(mut program: Command, folder: &Path, args: &[&str]) -> Self {
        let mut child = program
            .args(args)
            .arg("--data-dir")
            .arg(folder)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let is_over = watch(&child);
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        if !line.contains("listening on 127.0.0.") {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            panic!("{line:?}: {log}");
        }
        let addr = line.rsplit(' ').next().unwrap().trim().to_owned();
        Self { child, addr, stdout, stderr, log: String::new(), is_over }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn port(&self) -> &str {
        self.addr.rsplit(':').next().unwrap()
    }

    /// Types a command into its standard input and reads a line of its answer.
    pub(crate) fn command(&mut self, line: &str) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
        let mut answer = String::new();
        self.stdout.read_line(&mut answer).unwrap();
        answer.trim_end().to_owned()
    }

    /// Ends its standard input.
    pub(crate) fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// Reads the log until a line has these words.
    pub(crate) fn wait_for(&mut self, words: &str) {
        while !self.log.lines().any(|line| line.contains(words)) {
            let read = self.stderr.read_line(&mut self.log).unwrap();
            assert!(read > 0, "the log ended without {words:?}: {}", self.log);
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for its end; returns its status and its whole log.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        self.stderr.read_to_string(&mut self.log).unwrap();
        (self.child.wait().unwrap(), std::mem::take(&mut self.log))
    }
}

/// A test that fails leaves no process behind.
impl Drop for Process {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Kills a process after [`PATIENCE`], so that a test that waits for it fails instead of hanging.
#[expect(clippy::disallowed_methods, reason = "waits for a process, in real time")]
fn watch(child: &Child) -> Arc<AtomicBool> {
    let is_over = Arc::new(AtomicBool::new(false));
    let (watched, pid) = (Arc::clone(&is_over), child.id());
    std::thread::spawn(move || {
        std::thread::sleep(PATIENCE);
        if !watched.load(Ordering::Relaxed) {
            signal(pid, "-KILL");
        }
    });
    is_over
}
