//! Clocks: the protocol's time from tokio's, which a simulation can steer, and the calendar, which
//! is read once.

use std::time::{Duration, SystemTime};

use tidings_core::{Instant, UnixTime};
use tokio::time;

/// A node's time: zero at its birth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    birth: time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self { birth: time::Instant::now() }
    }

    pub(crate) fn now(self) -> Instant {
        Instant::BIRTH + self.birth.elapsed()
    }

    /// The moment `at`, for tokio to wait for.
    pub(crate) fn when(self, at: Instant) -> time::Instant {
        self.birth + at.since_birth()
    }
}

/// What the operating system's calendar says; 1970 if it claims to be before that.
#[expect(clippy::disallowed_methods, reason = "the one place where the calendar is read")]
pub fn unix_now() -> UnixTime {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_millis(0) + since_1970.unwrap_or(Duration::ZERO)
}
