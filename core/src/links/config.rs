//! Settings of links.

use core::time::Duration;

use crate::util::bounds::{ConfigError, HOUR, MINUTE, SECOND, within};

/// Settings of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkConfig {
    /// A dial without an answered hello within this time has failed. 100 ms to 1 min.
    /// *Choice: 3 s.*
    pub hello_timeout: Duration,
    /// An accepted connection without a hello within this time is closed. 100 ms to 1 min.
    /// *docs/threats.md: 5 s.*
    pub accept_timeout: Duration,
    /// Accepted connections that have not yet said who they are. 1 to 65,536. *docs/threats.md.*
    pub max_pending: usize,
    /// A connection that takes nothing of what waits for it within this time is lost. 1 s to 1 h. *Guess:
    /// longer than a lost packet is sent again after, shorter than a person waits.*
    pub stall_timeout: Duration,
}

impl LinkConfig {
    /// As documented.
    pub(crate) fn classic() -> Self {
        Self {
            hello_timeout: 3 * SECOND,
            accept_timeout: 5 * SECOND,
            max_pending: 256,
            stall_timeout: 10 * SECOND,
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let handshake = Duration::from_millis(100)..=MINUTE;
        within("hello_timeout", self.hello_timeout, handshake.clone())?;
        within("accept_timeout", self.accept_timeout, handshake)?;
        within("stall_timeout", self.stall_timeout, SECOND..=HOUR)?;
        within("max_pending", self.max_pending, 1..=65_536)
    }
}
