//! Values of settings as text.

use alloc::format;
use alloc::string::{String, ToString as _};
use core::time::Duration;

use super::Profile;
use super::duration::{format_duration, parse_duration};
use crate::config::{
    BroadcastKind, DecisionMode, DetectorKind, IHaveDirection, Monitor, OverlayKind,
};
use crate::wire::NetworkName;

/// A value that can be written as text and read back.
pub(super) trait Text: Sized {
    fn read(text: &str) -> Result<Self, String>;
    fn write(&self) -> String;
}

impl Text for Duration {
    fn read(text: &str) -> Result<Self, String> {
        parse_duration(text)
    }

    fn write(&self) -> String {
        format_duration(*self)
    }
}

impl Text for NetworkName {
    fn read(text: &str) -> Result<Self, String> {
        Self::new(text).ok_or_else(|| format!("a name has 1 to {} bytes", Self::MAX))
    }

    fn write(&self) -> String {
        self.as_str().to_string()
    }
}

macro_rules! whole_number {
    ($($type:ty),*) => {$(
        impl Text for $type {
            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_not| format!("a whole number from 0 to {}", Self::MAX))
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole_number!(u8, u16, u32, usize);

macro_rules! words {
    ($type:ty: $($word:literal = $value:path),*) => {
        impl Text for $type {
            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok($value),)*
                    _ => Err(format!("one of {}", [$($word),*].join(", "))),
                }
            }

            fn write(&self) -> String {
                match self {
                    $($value => $word.to_string(),)*
                }
            }
        }
    };
}

words!(
    DetectorKind: "strikes" = DetectorKind::Strikes,
    "connect" = DetectorKind::Connect,
    "swim" = DetectorKind::Swim
);
words!(
    OverlayKind: "random" = OverlayKind::Random,
    "power-law" = OverlayKind::PowerLaw,
    "hyparview" = OverlayKind::HyParView
);
words!(BroadcastKind: "flood" = BroadcastKind::Flood, "plumtree" = BroadcastKind::Plumtree);
words!(Monitor: "neighbors" = Monitor::Neighbors, "members" = Monitor::Members);
words!(DecisionMode: "local" = DecisionMode::Local, "quorum" = DecisionMode::Quorum);
words!(IHaveDirection: "one" = IHaveDirection::OneWay, "both" = IHaveDirection::BothWays);
words!(Profile: "classic" = Profile::Classic, "modern" = Profile::Modern);
