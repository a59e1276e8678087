//! What can be wrong with bytes.

use super::limits::MAX_FRAME;

/// Bytes that are no message. The link they came on is of no further use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not a message of this wire version: unknown tag, a field out of its bounds, or cut short.
    #[error("malformed message")]
    Malformed,
    /// A message, and then more.
    #[error("{0} bytes after the message")]
    Trailing(usize),
    /// The announced frame is larger than [`MAX_FRAME`]; nothing was read or allocated for it.
    #[error("frame of {0} bytes, at most {max} are allowed", max = MAX_FRAME)]
    TooLong(usize),
}
