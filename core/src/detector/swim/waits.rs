//! How long a probe waits for others: some round trips, within the bounds of the config, times the
//! local health multiplier (Lifeguard §IV-A). Before a round trip is known it waits for as long as the
//! config allows.
//!
//! Departure: the papers and memberlist wait for a time that is set, which has to be long enough for the
//! slowest network. What is too short here costs a few messages: the suspicion that follows lasts as long
//! as ever, and is refuted.

use core::time::Duration;

use crate::context::Context;
use crate::id::LinkId;

/// Round trips in which a ping is answered. *Guess: one, and one in a queue.*
const PING: u32 = 2;

/// Round trips in which a helper answers. *Guess: it is dialed and greeted, and so may the subject be;
/// half as many again.*
const HELPER: u32 = 6;

/// How long a ping on this link is waited for.
pub(super) fn for_ping(cx: &Context, link: LinkId) -> Duration {
    let neighbor = cx.neighbors.by_link(link);
    within(cx, neighbor.and_then(|neighbor| neighbor.health.slow_round_trip()), PING, 1)
}

/// How long helpers are waited for. They may be strangers, so the slowest neighbor stands for them.
///
/// Departure: twice the timeout, at most, instead of the rest of the period, because a helper is dialed
/// first, and perhaps dials itself.
pub(super) fn for_helpers(cx: &Context) -> Duration {
    within(cx, cx.neighbors.slow_round_trip(), HELPER, 2)
}

/// The longest wait for one peer, whatever its round trips. It is that for a dial, since a lost SYN is sent
/// again after a second, and that for an answer on which a link depends.
pub(super) fn longest(cx: &Context) -> Duration {
    cx.config.detector.swim.probe_timeout
}

/// So many round trips, within so many times the bounds.
fn within(cx: &Context, round_trip: Option<Duration>, round_trips: u32, times: u32) -> Duration {
    let swim = &cx.config.detector.swim;
    let max = swim.probe_timeout * times;
    let min = swim.probe_timeout_min * times;
    round_trip.map_or(max, |round_trip| (round_trip * round_trips).max(min).min(max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::testing::{context, record};

    const MILLI: Duration = Duration::from_millis(1);

    /// Waits for a ping, for helpers, and the longest, with a neighbor that answered many pings after this
    /// time.
    fn waits(config: Config, round_trip: Option<Duration>) -> [Duration; 3] {
        let mut cx = context(config);
        let link = LinkId::dialed(1);
        cx.neighbors.insert(link, record(2), cx.now);
        for took in round_trip.into_iter().cycle().take(64) {
            cx.neighbors.on_answer(link, took);
        }
        [for_ping(&cx, link), for_helpers(&cx), longest(&cx)]
    }

    #[test]
    fn waits_are_round_trips_within_their_bounds() {
        let longest = [500, 1000, 500].map(|it| it * MILLI);
        assert_eq!(waits(Config::modern(), None), longest, "no round trip is known");
        assert_eq!(waits(Config::modern(), Some(Duration::from_secs(9))), longest);
        let shortest = [100, 200, 500].map(|it| it * MILLI);
        assert_eq!(waits(Config::modern(), Some(MILLI / 10)), shortest);
        let between = [160, 480, 500].map(|it| it * MILLI);
        assert_eq!(waits(Config::modern(), Some(80 * MILLI)), between);
    }

    #[test]
    fn a_least_timeout_above_the_longest_makes_it_fixed() {
        let mut config = Config::modern();
        config.detector.swim.probe_timeout_min = Duration::from_mins(1);
        assert_eq!(waits(config, Some(MILLI)), [500, 1000, 500].map(|it| it * MILLI));
    }
}
