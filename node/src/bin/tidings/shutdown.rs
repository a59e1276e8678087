//! Stopping: Ctrl-C and SIGTERM make the node leave (R33). A second one does not wait for it.

use std::convert::Infallible;
use std::io;

use tidings_node::NodeHandle;
use tokio::select;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;

/// The exit status of a program that a signal ended.
const INTERRUPTED: i32 = 130;

/// Waits for a signal and asks the node to leave; a second signal ends the process. The node's own
/// end is not awaited here.
pub(crate) async fn leave_when_told(handle: &NodeHandle) -> io::Result<Infallible> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut told = false;
    loop {
        select! {
            biased;
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        if told {
            std::process::exit(INTERRUPTED);
        }
        told = true;
        info!("leaving; once more to stop at once");
        // A node that has stopped already needs no asking.
        let _stopped = handle.leave().await;
    }
}
