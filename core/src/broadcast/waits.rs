//! How long a broadcast waits for others: some round trips, within the bounds of the config. Before the
//! first round trip is known it waits for as long as the config allows.

use core::time::Duration;

use crate::context::Context;
use crate::id::LinkId;
use crate::util::smoothed::Smoothed;

/// Round trips in which a message that was announced comes along the tree. *Guess: its name has been
/// gathered for a round trip before, and the payload may take a few links more.*
const TREE: u32 = 3;

/// Round trips in which a message that was asked for comes. *Guess: one, and one in a queue.*
const ANSWER: u32 = 2;

/// Round trips in which many messages that were asked for at once come. *Guess.*
const PULL: u32 = 10;

/// The shortest time for which names are gathered.
const MIN_GATHERING: Duration = Duration::from_millis(1);

/// How long names are gathered: a round trip, for who misses what they announce waits longer than that.
pub(super) fn gather(cx: &Context) -> Duration {
    let max = cx.config.broadcast.plumtree.ihave_delay;
    let round_trip = cx.neighbors.slow_round_trip();
    round_trip.map_or(max, |round_trip| round_trip.max(MIN_GATHERING).min(max))
}

/// How long an announced message is waited for (t1). `lag` is by how much payloads came later than
/// their names: under load they wait in queues, and names do not.
pub(super) fn before_graft(cx: &Context, lag: Smoothed) -> Duration {
    lagging(cx, TREE, lag, cx.config.broadcast.plumtree.graft_after)
}

/// How long a neighbor that was asked for a message is waited for (t2).
pub(super) fn after_graft(cx: &Context, lag: Smoothed) -> Duration {
    lagging(cx, ANSWER, lag, cx.config.broadcast.plumtree.graft_again)
}

/// How long somebody who was asked for messages is waited for. With a stranger no round trip is known.
pub(super) fn for_pull(cx: &Context, from: LinkId) -> Duration {
    let neighbor = cx.neighbors.by_link(from);
    let round_trip = neighbor.and_then(|neighbor| neighbor.health.slow_round_trip());
    within(cx, round_trip.map(|it| it * PULL), cx.config.broadcast.pull_timeout)
}

/// So many of the slowest round trips, and no less than payloads lag behind their names.
fn lagging(cx: &Context, round_trips: u32, lag: Smoothed, max: Duration) -> Duration {
    let wait = cx.neighbors.slow_round_trip().map(|it| it * round_trips);
    within(cx, wait.max(lag.bound().filter(|_| wait.is_some())), max)
}

/// A wait within its bounds; the longest if none is known.
fn within(cx: &Context, wait: Option<Duration>, max: Duration) -> Duration {
    wait.map_or(max, |wait| wait.max(cx.config.broadcast.wait_min).min(max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::testing::{context, record};

    const MILLI: Duration = Duration::from_millis(1);

    /// A peer whose neighbor answered many pings after this time, and waits of it: gathering, t1, t2
    /// and a pull from that neighbor.
    fn waits(round_trip: Option<Duration>, lag: Smoothed) -> [Duration; 4] {
        let mut cx = context(Config::modern());
        let link = LinkId::dialed(1);
        cx.neighbors.insert(link, record(2), cx.now);
        for took in round_trip.into_iter().cycle().take(64) {
            cx.neighbors.on_answer(link, took);
        }
        [gather(&cx), before_graft(&cx, lag), after_graft(&cx, lag), for_pull(&cx, link)]
    }

    #[test]
    fn waits_are_round_trips_within_their_bounds() {
        let none = Smoothed::none();
        let longest = [10, 300, 100, 3000].map(|it| it * MILLI);
        assert_eq!(waits(None, none), longest, "no round trip is known");
        assert_eq!(waits(Some(Duration::from_secs(9)), none), longest);
        assert_eq!(waits(Some(MILLI / 10), none), [1, 5, 5, 5].map(|it| it * MILLI));
        assert_eq!(waits(Some(8 * MILLI), none), [8, 24, 16, 80].map(|it| it * MILLI));
    }

    #[test]
    fn payloads_that_lag_behind_their_names_are_waited_for() {
        let mut lag = Smoothed::none();
        (0..64).for_each(|_| lag.add(50 * MILLI));
        assert_eq!(waits(Some(MILLI), lag), [1, 50, 50, 10].map(|it| it * MILLI));
        assert_eq!(waits(None, lag)[1], 300 * MILLI);
    }
}
