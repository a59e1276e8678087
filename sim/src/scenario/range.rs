//! Spans of time: `20ms..80ms`, or one moment.

use std::fmt;
use std::time::Duration;

use humantime::format_duration;
use serde::{Deserialize, Deserializer};
use tidings_node::settings::parse_duration;

/// From one time to another, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The earlier end.
    pub from: Duration,
    /// The later end.
    pub to: Duration,
}

impl Span {
    /// One moment.
    pub const fn at(moment: Duration) -> Self {
        Self { from: moment, to: moment }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", format_duration(self.from), format_duration(self.to))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        read_span(&text).map_err(serde::de::Error::custom)
    }
}

fn read_span(text: &str) -> Result<Span, String> {
    let Some((from, to)) = text.split_once("..") else {
        return Err(format!("{text:?} is no span; a span is two durations, like 20ms..80ms"));
    };
    let span = Span { from: parse_duration(from)?, to: parse_duration(to)? };
    if span.from > span.to {
        return Err(format!("{text:?} ends before it begins"));
    }
    Ok(span)
}

/// A duration in a scenario file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Time(pub(super) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_duration(&text).map(Self).map_err(serde::de::Error::custom)
    }
}
