//! Which parts a peer runs: those that must be the same, because they say what others do not understand.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::config::{BroadcastKind, Config, DetectorKind, OverlayKind};
use crate::id::Role;

/// The parts of a peer. Two peers whose parts do not [fit](Self::fits) refuse each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// Who its neighbors are.
    pub overlay: OverlayKind,
    /// How its messages spread.
    pub broadcast: BroadcastKind,
    /// How it tells the dead from the living.
    pub detector: DetectorKind,
    /// It keeps a table of members.
    pub has_table: bool,
}

/// Role and parts in one byte, which is what the role alone took before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Standing(u8);

/// A byte that is no role with parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:#010b} is no role with parts")]
pub(super) struct NoStanding(u8);

const PEER: u8 = 1;
const HAS_PARTS: u8 = 1 << 1;
const TABLE: u8 = 1 << 7;

impl Parts {
    /// Those of a peer with this config.
    pub const fn of(config: &Config) -> Self {
        Self {
            overlay: config.overlay.kind,
            broadcast: config.broadcast.kind,
            detector: config.detector.kind,
            has_table: matches!(config.detector.kind, DetectorKind::Swim)
                && config.detector.swim.has_table(),
        }
    }

    /// Whether each understands all that the other says. `random` and `power-law` say the same, and so do
    /// `strikes` and `connect`.
    pub const fn fits(self, other: Self) -> bool {
        self.is_hyparview() == other.is_hyparview()
            && self.is_plumtree() == other.is_plumtree()
            && self.is_swim() == other.is_swim()
            && self.has_table == other.has_table
    }

    const fn is_hyparview(self) -> bool {
        matches!(self.overlay, OverlayKind::HyParView)
    }

    const fn is_plumtree(self) -> bool {
        matches!(self.broadcast, BroadcastKind::Plumtree)
    }

    const fn is_swim(self) -> bool {
        matches!(self.detector, DetectorKind::Swim)
    }

    /// In the bits between the first and the last.
    const fn bits(self) -> u8 {
        let overlay = match self.overlay {
            OverlayKind::Random => 0,
            OverlayKind::PowerLaw => 1,
            OverlayKind::HyParView => 2,
        };
        let broadcast = match self.broadcast {
            BroadcastKind::Flood => 0,
            BroadcastKind::Plumtree => 1,
        };
        let detector = match self.detector {
            DetectorKind::Strikes => 0,
            DetectorKind::Connect => 1,
            DetectorKind::Swim => 2,
        };
        let table = if self.has_table { TABLE } else { 0 };
        HAS_PARTS | overlay << 2 | broadcast << 4 | detector << 5 | table
    }

    const fn of_bits(bits: u8) -> Option<Self> {
        let overlay = match bits >> 2 & 3 {
            0 => OverlayKind::Random,
            1 => OverlayKind::PowerLaw,
            2 => OverlayKind::HyParView,
            _ => return None,
        };
        let broadcast = match bits >> 4 & 1 {
            0 => BroadcastKind::Flood,
            _ => BroadcastKind::Plumtree,
        };
        let detector = match bits >> 5 & 3 {
            0 => DetectorKind::Strikes,
            1 => DetectorKind::Connect,
            2 => DetectorKind::Swim,
            _ => return None,
        };
        Some(Self { overlay, broadcast, detector, has_table: bits & TABLE != 0 })
    }
}

/// In the words of the settings.
impl fmt::Display for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overlay = match self.overlay {
            OverlayKind::Random => "random",
            OverlayKind::PowerLaw => "power-law",
            OverlayKind::HyParView => "hyparview",
        };
        let broadcast = if self.is_plumtree() { "plumtree" } else { "flood" };
        let detector = match self.detector {
            DetectorKind::Strikes => "strikes",
            DetectorKind::Connect => "connect",
            DetectorKind::Swim if self.has_table => "swim",
            DetectorKind::Swim => "swim, members_max = 0",
        };
        write!(f, "overlay = {overlay}, broadcast = {broadcast}, detector = {detector}")
    }
}

impl Serialize for Parts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.bits())
    }
}

impl<'de> Deserialize<'de> for Parts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bits = u8::deserialize(deserializer)?;
        let is_plain = bits & HAS_PARTS != 0 && bits & PEER == 0;
        let parts = Self::of_bits(bits).filter(|_| is_plain);
        parts.ok_or_else(|| serde::de::Error::custom(NoStanding(bits)))
    }
}

impl Standing {
    pub(super) fn new(role: Role, parts: Option<Parts>) -> Self {
        let role = match role {
            Role::SeedNode => 0,
            Role::Peer => PEER,
        };
        Self(role | parts.map_or(0, Parts::bits))
    }

    pub(super) fn read(self) -> Result<(Role, Option<Parts>), NoStanding> {
        let Self(byte) = self;
        let role = if byte & PEER == 0 { Role::SeedNode } else { Role::Peer };
        if byte & HAS_PARTS == 0 {
            return if byte & !PEER == 0 { Ok((role, None)) } else { Err(NoStanding(byte)) };
        }
        let parts = Parts::of_bits(byte).ok_or(NoStanding(byte))?;
        Ok((role, Some(parts)))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn every_byte_is_one_standing_or_none() {
        let mut read = 0;
        for byte in 0..=u8::MAX {
            if let Ok((role, parts)) = Standing(byte).read() {
                assert_eq!(Standing::new(role, parts), Standing(byte), "{byte:#b}");
                read += 1;
            }
        }
        assert_eq!(read, 2 + 2 * 3 * 2 * 3 * 2, "roles, and roles with parts");
    }

    #[test]
    fn parts_fit_that_say_the_same() {
        let mut connect = Config::classic();
        connect.detector.kind = DetectorKind::Connect;
        connect.overlay.kind = OverlayKind::PowerLaw;
        let mut without_tables = Config::modern();
        without_tables.detector.swim.members_max = 0;
        let all = [Config::classic(), connect, Config::modern(), without_tables];
        let all: Vec<Parts> = all.iter().map(Parts::of).collect();
        for (a, b, fit) in [(0, 1, true), (0, 2, false), (2, 3, false), (1, 3, false), (2, 2, true)]
        {
            assert_eq!((all[a].fits(all[b]), all[b].fits(all[a])), (fit, fit), "{a} {b}");
        }
        let words = "overlay = hyparview, broadcast = plumtree, detector = swim, members_max = 0";
        assert_eq!(format!("{}", all[3]), words);
    }
}
