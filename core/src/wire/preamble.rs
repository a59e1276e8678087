//! The first eight bytes of a connection, fixed for ever, so that two programs of different ages
//! can at least tell each other so.

use super::WIRE_VERSION;

/// Bytes of a preamble.
pub const PREAMBLE_LEN: usize = 8;

const MAGIC: [u8; 4] = *b"TDNG";

/// How the bytes after the preamble are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// Frames in the clear.
    Clear,
}

/// What an acceptor says about the preamble it was sent. A dialer always says `Proceed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PreambleStatus {
    /// Frames may follow.
    Proceed,
    /// The other's wire version is not spoken here; the version in this preamble is.
    VersionRefused,
    /// The other's channel kind is not offered here.
    KindRefused,
}

/// A preamble: `"TDNG"`, wire version (big endian), channel kind, status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preamble {
    /// The sender's wire version.
    pub version: u16,
    /// The channel the sender wants.
    pub kind: ChannelKind,
    /// The sender's verdict on the other's preamble.
    pub status: PreambleStatus,
}

/// Why a connection ends at its preamble.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreambleError {
    /// The other side is no Tidings node.
    #[error("not a tidings node: the connection does not start with \"TDNG\"")]
    Magic,
    /// The other side speaks another wire version.
    #[error("the other node speaks wire version {0}, this one {own}", own = WIRE_VERSION)]
    Version(u16),
    /// The other side wants a channel kind that is not offered here.
    #[error("unknown channel kind {0}")]
    Kind(u8),
    /// The other side refused our preamble.
    #[error("the other node, of wire version {version}, refused this one of version {own}", own = WIRE_VERSION)]
    Refused {
        /// The refuser's wire version.
        version: u16,
    },
}

impl Preamble {
    /// What this node sends first on a connection it dialed.
    pub const OPENING: Self = Self::answer(PreambleStatus::Proceed);

    /// What this node answers on a connection it accepted.
    pub const fn answer(status: PreambleStatus) -> Self {
        Self { version: WIRE_VERSION, kind: ChannelKind::Clear, status }
    }

    /// The answer that tells a dialer why its preamble was not accepted; `None` when the dialer
    /// would not understand any.
    pub const fn refusal(error: PreambleError) -> Option<Self> {
        match error {
            PreambleError::Version(_) => Some(Self::answer(PreambleStatus::VersionRefused)),
            PreambleError::Kind(_) => Some(Self::answer(PreambleStatus::KindRefused)),
            PreambleError::Magic | PreambleError::Refused { .. } => None,
        }
    }

    /// The bytes.
    pub const fn encode(self) -> [u8; PREAMBLE_LEN] {
        let [m0, m1, m2, m3] = MAGIC;
        let [v0, v1] = self.version.to_be_bytes();
        let kind = match self.kind {
            ChannelKind::Clear => 0,
        };
        let status = match self.status {
            PreambleStatus::Proceed => 0,
            PreambleStatus::VersionRefused => 1,
            PreambleStatus::KindRefused => 2,
        };
        [m0, m1, m2, m3, v0, v1, kind, status]
    }

    /// Reads what the other side sent: the kind of the channel that follows, if one does.
    pub fn decode(bytes: [u8; PREAMBLE_LEN]) -> Result<ChannelKind, PreambleError> {
        let [m0, m1, m2, m3, v0, v1, kind, status] = bytes;
        let version = u16::from_be_bytes([v0, v1]);
        if [m0, m1, m2, m3] != MAGIC {
            return Err(PreambleError::Magic);
        }
        if status != 0 {
            return Err(PreambleError::Refused { version });
        }
        if version != WIRE_VERSION {
            return Err(PreambleError::Version(version));
        }
        match kind {
            0 => Ok(ChannelKind::Clear),
            _ => Err(PreambleError::Kind(kind)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opening_is_these_eight_bytes() {
        assert_eq!(Preamble::OPENING.encode(), *b"TDNG\x00\x09\x00\x00");
        assert_eq!(Preamble::decode(Preamble::OPENING.encode()), Ok(ChannelKind::Clear));
    }

    #[test]
    fn another_version_is_told_ours() {
        let error = Preamble::decode(*b"TDNG\x00\x63\x00\x00").expect_err("version 99");
        assert_eq!(error, PreambleError::Version(99));
        let refusal = Preamble::refusal(error).expect("an answer").encode();
        assert_eq!(refusal, *b"TDNG\x00\x09\x00\x01");
        assert_eq!(Preamble::decode(refusal), Err(PreambleError::Refused { version: 9 }));
    }

    #[test]
    fn strangers_and_unknown_channels_are_told_apart() {
        assert_eq!(Preamble::decode(*b"GET / HT"), Err(PreambleError::Magic));
        assert_eq!(Preamble::decode(*b"TDNG\x00\x09\x07\x00"), Err(PreambleError::Kind(7)));
        assert_eq!(Preamble::refusal(PreambleError::Magic), None);
    }
}
