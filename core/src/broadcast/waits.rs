//! How long a broadcast waits for others: as long as round trips say, within the bounds of the config.
//! Until a round trip is known it waits for as long as the config allows.

use core::time::Duration;

use crate::context::Context;
use crate::id::LinkId;
use crate::util::smoothed::Smoothed;

/// Round trips after which a message that was announced would have come along the tree. A name travels
/// over few links and has been gathered before; the payload may take more links than it.
const TREE: u32 = 3;

/// Round trips after which a message that was asked for would have come: it may wait in a queue behind
/// others.
const ANSWER: u32 = 2;

/// How long names are gathered: as long as one round trip at most, for what they announce is missed
/// for at least that long.
pub(super) fn gather(cx: &Context) -> Duration {
    let most = cx.config.broadcast.plumtree.ihave_delay;
    let least = Duration::from_millis(1);
    cx.neighbors.slow_round_trip().map_or(most, |round_trip| round_trip.max(least).min(most))
}

/// How long an announced message is waited for (t1). `lag` is by how much payloads came later than
/// their names: under load they wait in queues, and names do not.
pub(super) fn before_graft(cx: &Context, lag: Smoothed) -> Duration {
    let most = cx.config.broadcast.plumtree.graft_after;
    let round_trips = cx.neighbors.slow_round_trip().map(|it| it * TREE);
    round_trips.map_or(most, |wait| within(cx, wait.max(lag.bound().unwrap_or_default()), most))
}

/// How long a neighbor that was asked for a message is waited for (t2).
pub(super) fn after_graft(cx: &Context, lag: Smoothed) -> Duration {
    let most = cx.config.broadcast.plumtree.graft_again;
    let round_trips = cx.neighbors.slow_round_trip().map(|it| it * ANSWER);
    round_trips.map_or(most, |wait| within(cx, wait.max(lag.bound().unwrap_or_default()), most))
}

/// How long somebody who was asked for messages is waited for. With a stranger no round trip is known.
pub(super) fn for_pull(cx: &Context, from: LinkId) -> Duration {
    let most = cx.config.broadcast.pull_timeout;
    let round_trip = cx.neighbors.by_link(from).and_then(|it| it.health.slow_round_trip());
    round_trip.map_or(most, |it| within(cx, it * PULL, most))
}

/// Round trips after which many messages that were asked for at once would have come.
const PULL: u32 = 10;

fn within(cx: &Context, wait: Duration, most: Duration) -> Duration {
    wait.max(cx.config.broadcast.wait_min).min(most)
}
