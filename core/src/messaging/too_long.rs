//! Why something cannot be said.

/// Something to say is longer than the network carries. Nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{what} of {len} bytes, at most {max} are allowed")]
pub struct TooLong {
    /// Which part.
    pub what: &'static str,
    /// Its length in bytes.
    pub len: usize,
    /// The most bytes it may have.
    pub max: usize,
}

impl TooLong {
    pub(super) fn check(what: &'static str, len: usize, max: usize) -> Result<(), Self> {
        if len > max { Err(Self { what, len, max }) } else { Ok(()) }
    }
}
