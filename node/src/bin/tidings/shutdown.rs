//! Signals: Ctrl-C and SIGTERM make the node leave (R33), and a second one does not wait for it. SIGHUP is
//! Ctrl-C where it says that the terminal was closed; elsewhere it opens log files anew, as those who rotate
//! them expect. A SIGHUP that is ignored (`nohup`) stays ignored.
//!
//! Nothing here writes anything, so that no output keeps a signal waiting.

use std::fs::{self, File};
use std::future::pending;
use std::io;

use rustix::termios::tcgetattr;
use tidings_node::NodeHandle;
use tokio::select;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

use crate::lines::Outputs;

/// SIGXFSZ, which comes with a write beyond `ulimit -f`, and kills whom it finds unprepared.
const FILE_TOO_LARGE: i32 = 25;

/// What a signal wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Ctrl-C or SIGTERM.
    Leave,
    /// The terminal was closed. It may say so more than once.
    HungUp,
    /// Log files are to be opened anew.
    Reopen,
}

/// The signals that mean something, from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Option<Signal>,
    terminal: Terminal,
    /// With somebody who listens, the write fails instead, and that is told.
    _too_large: Signal,
}

impl Signals {
    /// Catches them.
    pub(crate) fn catch() -> io::Result<Self> {
        let hang_up = if is_hang_up_ignored() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up,
            terminal: Terminal::now(),
            _too_large: signal(SignalKind::from_raw(FILE_TOO_LARGE))?,
        })
    }

    /// Waits for one.
    pub(crate) async fn next(&mut self) -> Wish {
        select! {
            biased;
            _ = self.interrupt.recv() => Wish::Leave,
            _ = self.terminate.recv() => Wish::Leave,
            () = received(self.hang_up.as_mut()) => {
                if self.terminal.is_closed() { Wish::HungUp } else { Wish::Reopen }
            }
        }
    }

    /// Waits for one that wants an end.
    pub(crate) async fn end(&mut self) {
        while self.next().await == Wish::Reopen {}
    }
}

async fn received(signal: Option<&mut Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => pending().await,
    }
}

/// Whether whoever started this process has had SIGHUP ignored. Only Linux says so in a file.
fn is_hang_up_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is signal 1.
    ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & 1 == 1))
}

/// What this process had of a terminal when it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Terminal {
    controls: bool,
    /// Standard input, standard output, standard error.
    streams: [bool; 3],
}

impl Terminal {
    fn now() -> Self {
        let streams = [
            tcgetattr(io::stdin()).is_ok(),
            tcgetattr(io::stdout()).is_ok(),
            tcgetattr(io::stderr()).is_ok(),
        ];
        Self { controls: File::open("/dev/tty").is_ok(), streams }
    }

    /// Something of it is gone.
    fn is_closed(self) -> bool {
        let now = Self::now();
        let lost = |(then, now): (&bool, &bool)| *then && !*now;
        lost((&self.controls, &now.controls)) || self.streams.iter().zip(&now.streams).any(lost)
    }
}

/// A second signal came before the node had left. The exit status is 130.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// Waits for a signal and asks the node to leave, whose end is not awaited here. Returns when a
/// second signal comes.
pub(crate) async fn leave_when_told(
    mut signals: Signals,
    node: &NodeHandle,
    outputs: &Outputs,
) -> Interrupted {
    loop {
        match signals.next().await {
            Wish::Leave => break info!("shutting down; press Ctrl-C again to exit now"),
            Wish::HungUp => break info!("the terminal was closed: shutting down"),
            Wish::Reopen => reopen(outputs),
        }
    }
    let asking = async {
        // A node that has stopped already needs no asking.
        let _stopped = node.leave().await;
        pending().await
    };
    let second = async {
        loop {
            match signals.next().await {
                Wish::Leave => return Interrupted,
                Wish::HungUp => {}
                Wish::Reopen => reopen(outputs),
            }
        }
    };
    select! {
        biased;
        interrupted = second => interrupted,
        interrupted = asking => interrupted,
    }
}

fn reopen(outputs: &Outputs) {
    info!("told to open log files anew (SIGHUP)");
    outputs.reopen();
}
