//! Names of things: newtypes, so that two kinds of number cannot be mixed up.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Who a node is: 32 bytes. On a real node the Ed25519 public key of its identity file, in a
/// simulation a stand-in derived from the run's seed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId([u8; 32]);

/// What a message is: SHA-256 over origin, boot epoch, sequence, topic and payload, so that the
/// same text sent twice is two messages.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 32]);

macro_rules! hex_id {
    ($type:ident, $what:literal) => {
        impl $type {
            #[doc = concat!("The ", $what, " with these 32 bytes.")]
            pub const fn new(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The 32 bytes.
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        /// The first four bytes in hexadecimal, enough to tell nodes apart in a log; all 32 with
        /// the alternate flag (`{:#}`).
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let shown = if f.alternate() { self.0.len() } else { 4 };
                self.0.iter().take(shown).try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $type {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse_hex(text).map(Self).ok_or(ParseIdError)
            }
        }

        /// 64 hexadecimal digits where people read it, 32 bytes on the wire.
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if serializer.is_human_readable() {
                    return serializer.collect_str(&format_args!("{self:#}"));
                }
                self.0.serialize(serializer)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if deserializer.is_human_readable() {
                    let text = String::deserialize(deserializer)?;
                    return text.parse().map_err(D::Error::custom);
                }
                <[u8; 32]>::deserialize(deserializer).map(Self)
            }
        }
    };
}

impl NodeId {
    /// The first four bytes. They order identities as the whole does, up to ties.
    pub(crate) const fn prefix(&self) -> u32 {
        let [a, b, c, d, ..] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }
}

hex_id!(NodeId, "node");
hex_id!(MessageId, "message");

/// A text is not 64 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 64 hexadecimal digits")]
pub struct ParseIdError;

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 2 * bytes.len() {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |c: u8| char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        *byte = digit(*pair.first()?)? << 4 | digit(*pair.last()?)?;
    }
    Some(bytes)
}

/// Which life of a node: max(stored + 1, wall time in milliseconds) at each start, so it only
/// grows. A record, a registration or a report of an older life loses against a newer one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BootEpoch(pub u64);

impl fmt::Display for BootEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Number of a message among those its origin sent in one boot epoch, from 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(pub u64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How often a member has refuted a suspicion in this life, from 0 (SWIM §4.2).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Incarnation(pub u32);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Incarnation {
    /// The one after.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// Links a message travelled to get here; the origin's own transmission is hop 1 (Plumtree §2).
/// Saturates.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Hop(pub u16);

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Hop {
    /// The hop of a copy sent on from here.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

/// One connection to another node. Links that this node dials are numbered by the protocol, links
/// that it accepts by the driver, so neither has to ask the other for a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(u64);

impl LinkId {
    /// The `n`-th link that this node dialed. Only the protocol makes these.
    pub const fn dialed(n: u64) -> Self {
        Self(n << 1)
    }

    /// The `n`-th link that this node accepted. Only the driver makes these.
    pub const fn accepted(n: u64) -> Self {
        Self((n << 1) | 1)
    }

    /// The number it was made with.
    pub const fn number(self) -> u64 {
        self.0 >> 1
    }

    /// The number and the direction in one word.
    pub(crate) const fn to_bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// Who opened the link.
    pub const fn origin(self) -> LinkOrigin {
        if self.0 & 1 == 0 { LinkOrigin::Dialed } else { LinkOrigin::Accepted }
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = match self.origin() {
            LinkOrigin::Dialed => "out",
            LinkOrigin::Accepted => "in",
        };
        write!(f, "{direction}-{}", self.0 >> 1)
    }
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who opened a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(Serialize, Deserialize), serde(rename_all = "snake_case"))]
pub enum LinkOrigin {
    /// This node dialed the other.
    Dialed,
    /// The other node dialed this one.
    Accepted,
}

/// Which of the two programs a node runs (R1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// The registry: introduces peers, never carries gossip.
    SeedNode,
    /// A node that gossips.
    Peer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SeedNode => "seed node",
            Self::Peer => "peer",
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn an_id_reads_back_from_its_full_text() {
        let id = NodeId::new([0xa5; 32]);
        assert_eq!(format!("{id:#}").parse(), Ok(id));
        assert_eq!(format!("{id}"), "a5a5a5a5");
        assert_eq!("a5".parse::<NodeId>(), Err(ParseIdError));
        assert_eq!("+5".repeat(32).parse::<NodeId>(), Err(ParseIdError));
    }

    #[test]
    fn dialed_and_accepted_links_never_share_a_number() {
        assert_ne!(LinkId::dialed(3), LinkId::accepted(3));
        assert_eq!(LinkId::dialed(3).origin(), LinkOrigin::Dialed);
        assert_eq!(LinkId::accepted(3).origin(), LinkOrigin::Accepted);
    }

    #[test]
    fn hops_saturate() {
        assert_eq!(Hop(u16::MAX).next(), Hop(u16::MAX));
    }
}
