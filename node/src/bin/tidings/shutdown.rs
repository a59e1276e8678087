//! Stopping: Ctrl-C and SIGTERM make the node leave (R33). A second one does not wait for it.

use std::convert::Infallible;
use std::io;

use tidings_node::NodeHandle;
use tokio::select;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

/// The exit status of a program that a signal ended.
const INTERRUPTED: i32 = 130;

/// The signals that make a node leave, from now on.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Catches them.
    pub(crate) fn catch() -> io::Result<Self> {
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one.
    pub(crate) async fn next(&mut self) {
        select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Waits for a signal and asks the node to leave; a second signal ends the process. The node's own
/// end is not awaited here.
pub(crate) async fn leave_when_told(mut signals: Signals, handle: &NodeHandle) -> Infallible {
    let mut told = false;
    loop {
        signals.next().await;
        if told {
            std::process::exit(INTERRUPTED);
        }
        told = true;
        info!("leaving; once more to stop at once");
        // A node that has stopped already needs no asking.
        let _stopped = handle.leave().await;
    }
}
