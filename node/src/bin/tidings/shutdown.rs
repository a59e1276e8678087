//! Stopping: Ctrl-C and SIGTERM make the node leave (R33). A second one does not wait for it.

use std::io;

use tidings_core::Command;
use tidings_node::NodeHandle;
use tokio::select;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::info;

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

/// A second signal came before the node had left. The exit status is 130.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

/// Waits for a signal and asks the node to leave, whose end is not awaited here. Returns when a
/// second signal comes.
pub(crate) async fn leave_when_told(mut signals: Signals, node: &NodeHandle) -> Interrupted {
    signals.next().await;
    info!("shutting down; press Ctrl-C again to exit now");
    // A node that has stopped already needs no asking; for one that is too busy there is the second.
    let _not_asked = node.try_command(Command::Leave);
    signals.next().await;
    Interrupted
}
