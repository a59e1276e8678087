//! One process of a local network.

use std::collections::VecDeque;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use tidings_core::Role;
use tidings_node::node_name;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::line::Line;
use super::{ChildEvent, ChildEventKind};
use crate::options::layers::variables_of_the_program;
use crate::told::Told;

/// How long a child may take until it listens.
const START: Duration = Duration::from_secs(10);

/// Lines of a child that are kept for the case that it ends.
const LAST_LINES: usize = 10;

/// Longest line that is read of a child.
const MAX_LINE: u64 = 256 * 1024;

/// A running node, or one that has ended.
#[derive(Debug)]
pub(crate) struct Child {
    /// `peer-5003`.
    pub(crate) name: String,
    pub(crate) addr: String,
    pub(crate) is_running: bool,
    pid: Option<Pid>,
    /// When this process is gone, the pipe closes and the child leaves.
    _alive: Option<ChildStdin>,
    /// Reads its log; killed with it when this is dropped.
    _reading: JoinSet<()>,
}

impl Child {
    /// Starts a node and waits until it listens. What it does then comes by `news`.
    pub(super) async fn start(
        place: usize,
        role: Role,
        port: u16,
        args: &[String],
        news: mpsc::Sender<ChildEvent>,
    ) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("the path of this program")?;
        let mut command = Command::new(program);
        // What is meant for a node of its own is not for these; the protocol's settings are.
        for variable in variables_of_the_program() {
            command.env_remove(variable);
        }
        // A group of its own: Ctrl-C is for this process, which then tells its children.
        let mut process = command
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let alive = process.stdin.take();
        let pid = process.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let (Some(stdout), Some(mut stderr)) = (process.stdout.take(), process.stderr.take())
        else {
            bail!("its output cannot be read");
        };
        let mut stdout = BufReader::new(stdout);
        let Some(addr) = timeout(START, address(&mut stdout)).await.ok().flatten() else {
            process.start_kill()?;
            let mut said = String::new();
            stderr.read_to_string(&mut said).await?;
            bail!("it does not listen: {}", said.trim().escape_debug());
        };
        let mut reading = JoinSet::new();
        reading.spawn(listen(place, stdout, news.clone()));
        reading.spawn(watch(place, process, stderr, news));
        let name = node_name(role, port);
        Ok(Self { name, addr, is_running: true, pid, _alive: alive, _reading: reading })
    }

    /// Sends it a signal, if it runs.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid.filter(|_| self.is_running) {
            // It may have ended a moment ago.
            let _ended = kill_process(pid, signal);
        }
    }

    /// A number of `/proc/PID/status`, where there is one.
    pub(crate) fn proc_status(&self, field: &str) -> Option<u64> {
        let pid = self.pid?.as_raw_pid();
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

/// The address at the end of the line that says where a node listens.
async fn address(stdout: &mut BufReader<ChildStdout>) -> Option<String> {
    let mut line = String::new();
    stdout.read_line(&mut line).await.ok()?;
    let (_, addresses) = line.split_once(" listening on ")?;
    addresses.split_whitespace().next().map(str::to_owned)
}

/// Passes on the events that a child tells, if it does.
async fn listen(child: usize, stdout: BufReader<ChildStdout>, news: mpsc::Sender<ChildEvent>) {
    let mut lines = stdout.lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(told) = Told::parse(&line) {
            // Nobody may be watching any more.
            let _unseen = news
                .send(ChildEvent { child, at: Instant::now(), what: ChildEventKind::Told(told) })
                .await;
        }
    }
}

/// Passes on what a child logs and how it ends.
async fn watch(
    child: usize,
    mut process: tokio::process::Child,
    stderr: ChildStderr,
    news: mpsc::Sender<ChildEvent>,
) {
    let mut last_lines = VecDeque::new();
    let mut log = BufReader::new(stderr);
    loop {
        let mut text = Vec::new();
        match (&mut log).take(MAX_LINE).read_until(b'\n', &mut text).await {
            Ok(0) | Err(_) => break,
            Ok(_) => {}
        }
        let text = String::from_utf8_lossy(&text).trim_end().to_owned();
        if last_lines.len() == LAST_LINES {
            last_lines.pop_front();
        }
        last_lines.push_back(text.clone());
        if let Some(line) = Line::parse(&text) {
            // Nobody may be watching any more.
            let _unseen = news
                .send(ChildEvent { child, at: Instant::now(), what: ChildEventKind::Line(line) })
                .await;
        }
    }
    let (how, success) = match process.wait().await {
        Ok(status) => (status.to_string(), ExitStatus::success(&status)),
        Err(error) => (error.to_string(), false),
    };
    let what = ChildEventKind::Ended { how, success, last_lines: last_lines.into() };
    let _unseen = news.send(ChildEvent { child, at: Instant::now(), what }).await;
}
