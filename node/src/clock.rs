//! Clocks: a node's time from its machine's, which a simulation can steer, and the calendar.

#[cfg(not(any(target_os = "linux", target_os = "android")))]
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

#[cfg(any(target_os = "linux", target_os = "android"))]
use rustix::time::{ClockId, clock_gettime};
use tidings_core::{Instant, UnixTime};
use tokio::time;

/// A calendar that gains less than this on the steady clock was set a little, and the machine did not sleep.
/// *Choice: half of the least silence for which a link is given up.*
const LEAST_SLEEP: Duration = Duration::from_millis(250);

/// What the clocks of a machine say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Time since some moment, by a clock that nobody sets. Where the operating system has one that counts
    /// while the machine sleeps, it is that.
    pub steady: Duration,
    /// Time since 1970, by the calendar, which can be set.
    pub calendar: Duration,
}

impl Clocks {
    /// Those of this machine. On Linux and Android `steady` is `CLOCK_BOOTTIME`.
    pub fn of_this_machine() -> Self {
        Self { steady: steady(), calendar: calendar() }
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn steady() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let (secs, nanos) = (u64::try_from(time.tv_sec), u32::try_from(time.tv_nsec));
    Duration::new(secs.unwrap_or_default(), nanos.unwrap_or_default())
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn steady() -> Duration {
    static FIRST: OnceLock<time::Instant> = OnceLock::new();
    FIRST.get_or_init(time::Instant::now).elapsed()
}

#[expect(clippy::disallowed_methods, reason = "the one place where the calendar is read")]
fn calendar() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO)
}

/// What the operating system's calendar says; 1970 if it claims to be before that.
pub fn unix_now() -> UnixTime {
    UnixTime::from_millis(0) + calendar()
}

/// A node's time: zero at its birth.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    birth: Duration,
    last: Clocks,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) const fn start(now: Clocks) -> Self {
        Self { birth: now.steady, last: now }
    }

    /// The node's time, and for how long the machine slept since this was asked last, if the steady clock
    /// did not count that: the calendar has gone so much further. One that was set forward looks the same.
    pub(crate) fn read(&mut self, now: Clocks) -> (Instant, Option<Duration>) {
        let steady = now.steady.saturating_sub(self.last.steady);
        let calendar = now.calendar.saturating_sub(self.last.calendar);
        let slept = calendar.saturating_sub(steady);
        // Steady clocks are said to go back on some machines.
        let steady = now.steady.max(self.last.steady);
        self.last = Clocks { steady, ..now };
        (self.at(steady), Some(slept).filter(|slept| *slept >= LEAST_SLEEP))
    }

    /// The node's time when it was read last.
    pub(crate) fn last(self) -> Instant {
        self.at(self.last.steady)
    }

    /// The moment `at`, for tokio to wait for.
    pub(crate) fn when(self, at: Instant, now: Clocks) -> time::Instant {
        let due = self.birth + at.since_birth();
        time::Instant::now() + due.saturating_sub(now.steady)
    }

    fn at(self, steady: Duration) -> Instant {
        Instant::BIRTH + steady.saturating_sub(self.birth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn clocks(steady: u64, calendar: u64) -> Clocks {
        Clocks { steady: Duration::from_millis(steady), calendar: Duration::from_millis(calendar) }
    }

    #[test]
    fn sleep_that_the_steady_clock_does_not_count_is_told_once() {
        let mut clock = Clock::start(clocks(5_000, 90_000));
        let mut read = |steady, calendar| {
            let (now, slept) = clock.read(clocks(steady, calendar));
            (now.as_micros() / 1000, slept.map(|slept| slept.as_millis()))
        };
        assert_eq!(read(6_000, 91_000), (1_000, None));
        assert_eq!(read(6_100, 391_100), (1_100, Some(300_000)), "a laptop was closed");
        assert_eq!(read(6_200, 391_200), (1_200, None));
        assert_eq!(read(306_200, 691_200), (301_200, None), "both clocks count");
        assert_eq!(read(306_300, 691_400), (301_300, None), "it was set by a little");
        assert_eq!(read(306_400, 1_000), (301_400, None), "it was set back");
        assert_eq!(read(306_000, 1_100), (301_400, None), "a steady clock goes back");
        assert_eq!(read(306_500, 1_200), (301_500, None));
    }

    #[tokio::test]
    async fn a_deadline_is_as_far_away_for_tokio_as_for_the_node() {
        let clock = Clock::start(clocks(5_000, 0));
        let due = clock.when(Instant::from_micros(3_000_000), clocks(6_000, 0));
        let left = due - time::Instant::now();
        assert!(left <= Duration::from_secs(2) && left > Duration::from_millis(1_900), "{left:?}");
        assert!(clock.when(Instant::BIRTH, clocks(6_000, 0)) <= time::Instant::now());
    }
}
