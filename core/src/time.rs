//! Time as the protocol sees it: integers that can be written down, compared and replayed.
//!
//! A node never reads a clock. Its driver tells it how long it has lived ([`Instant`]), and what
//! the calendar said when it was born ([`UnixTime`]); everything later is computed from the two.

use core::fmt;
use core::ops::Add;
use core::time::Duration;

use serde::{Deserialize, Serialize};

/// Microseconds since the node's birth. Arithmetic saturates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The moment the node was made.
    pub const BIRTH: Self = Self(0);

    /// The moment `micros` microseconds after birth.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since birth.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long the node has lived at this moment.
    pub const fn since_birth(self) -> Duration {
        Duration::from_micros(self.0)
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Milliseconds since 1970-01-01 00:00 UTC, as some node's calendar had it. Shown to people and
/// echoed to whoever sent it; no protocol decision depends on two nodes agreeing about it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The moment `millis` milliseconds after the start of 1970.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the start of 1970.
    pub const fn as_millis(self) -> u64 {
        self.0
    }
}

impl Add<Duration> for UnixTime {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(millis))
    }
}

/// Whole milliseconds of `duration`, at most `u32::MAX` (49 days).
pub(crate) fn saturating_millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_counts_beyond_49_days() {
        let sixty_years = Duration::from_hours(60 * 365 * 24);
        assert_eq!((UnixTime::from_millis(7) + sixty_years).as_millis(), 1_892_160_000_007);
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        assert_eq!(Instant::from_micros(u64::MAX) + Duration::MAX, Instant::from_micros(u64::MAX));
        assert_eq!(Instant::BIRTH.since(Instant::from_micros(5)), Duration::ZERO);
        let last = UnixTime::from_millis(u64::MAX);
        assert_eq!(last + Duration::MAX, last);
    }
}
