//! Why a connection is no more, or never was, as a driver sees it.

use core::fmt;

use crate::wire::PreambleError;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkLoss {
    /// The other side closed it.
    Closed,
    /// It was reset.
    Reset,
    /// A frame was begun and not finished in time.
    Stalled,
    /// Nothing came on it for so long that what comes may be older than it looks.
    Silent,
    /// The other end's preamble is not that of a Tidings node, or of one of another version.
    Preamble(PreambleError),
}

/// Why a dial came to nothing. Of several addresses the weakest evidence counts: all must be refused for
/// [`Refused`](Self::Refused), and one without a way for [`Unreachable`](Self::Unreachable). An address to
/// which this machine has no way does not count beside one that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialFailure {
    /// Nobody listens there.
    Refused,
    /// No way there.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// This machine could not try: it has no file handle or port left, or no network. That is no evidence
    /// against anybody.
    NotTried,
}

impl fmt::Display for LinkLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by the other side"),
            Self::Reset => f.write_str("connection reset"),
            Self::Stalled => f.write_str("frame not finished in time"),
            Self::Silent => f.write_str("silent for too long"),
            Self::Preamble(error) => error.fmt(f),
        }
    }
}

impl fmt::Display for DialFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable => f.write_str("unreachable"),
            Self::TimedOut => f.write_str("no answer in time"),
            Self::NotTried => {
                f.write_str("not tried: this machine has no handle left, or no network")
            }
        }
    }
}
