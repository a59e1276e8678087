//! The program of a host while it reads none of the messages that its node delivers. Here is the law of
//! [`tidings_node::Deliveries`], without the queue: nobody looks at what waits.

use std::collections::VecDeque;
use std::time::Duration;

use tidings_core::{BroadcastConfig, Event, Input};
use tidings_node::Reach;

use crate::latency::micros;

/// The program of a host, and what it leaves unread while it is stopped.
#[derive(Debug, Default)]
pub(super) struct Reader(Option<Box<StoppedReader>>);

impl Reader {
    /// It reads nothing from now on.
    pub(super) fn stop(&mut self, broadcast: &BroadcastConfig) {
        self.0.get_or_insert_with(|| Box::new(StoppedReader::of_store(broadcast)));
    }

    /// It reads at once all that waits. Returns what its node has to hear of that.
    pub(super) fn resume(&mut self) -> Option<Input> {
        let stopped = self.0.take()?;
        stopped.is_behind.then_some(Input::Reader { is_behind: false })
    }

    /// Whether this is a message that it leaves unread.
    pub(super) fn leave_unread(&mut self, at: u64, event: &Event) -> bool {
        let (Some(stopped), Event::Delivered { envelope, .. }) = (&mut self.0, event) else {
            return false;
        };
        stopped.leave_unread(at, envelope.payload().len());
        true
    }

    /// When it is to be looked at; the last moment there is if it is not.
    pub(super) fn due(&self) -> u64 {
        self.0.as_ref().and_then(|stopped| stopped.look).unwrap_or(u64::MAX)
    }

    /// What its node has to hear of it, if it is behind now or no longer.
    pub(super) fn look(&mut self, at: u64) -> Option<Input> {
        let is_behind = self.0.as_mut()?.look(at)?;
        Some(Input::Reader { is_behind })
    }
}

/// A program that does not read.
#[derive(Debug)]
struct StoppedReader {
    reach: Reach,
    /// When each waiting message was delivered, and the bytes that it counts.
    waiting: VecDeque<(u64, usize)>,
    bytes: usize,
    /// The node was told that the program is behind.
    is_behind: bool,
    /// It has missed something. Nobody waits for it until it has read again.
    is_beyond: bool,
    /// While it is behind: when to look whether it still is.
    look: Option<u64>,
}

impl StoppedReader {
    /// Of a node with such a store.
    fn of_store(broadcast: &BroadcastConfig) -> Self {
        Self {
            reach: Reach::of_store(broadcast.store_bytes, broadcast.store_age),
            waiting: VecDeque::new(),
            bytes: 0,
            is_behind: false,
            is_beyond: false,
            look: None,
        }
    }

    /// A message with so long a payload is delivered.
    fn leave_unread(&mut self, at: u64, payload: usize) {
        let cost = Reach::cost(payload);
        self.waiting.push_back((at, cost));
        self.bytes += cost;
        self.drop_what_is_beyond(at);
    }

    /// Whether it is behind now, if the node does not know that yet.
    fn look(&mut self, at: u64) -> Option<bool> {
        self.drop_what_is_beyond(at);
        let is_behind = !self.is_beyond && self.reach.is_behind(self.bytes, self.is_behind);
        self.look = is_behind.then(|| at + micros(Reach::LOOK_EVERY));
        let is_news = is_behind != self.is_behind;
        self.is_behind = is_behind;
        is_news.then_some(is_behind)
    }

    fn drop_what_is_beyond(&mut self, at: u64) {
        let age = |since: u64| Duration::from_micros(at.saturating_sub(since));
        while let Some((since, cost)) = self.waiting.front().copied()
            && (self.reach.is_too_much(self.bytes) || self.reach.is_too_old(age(since)))
        {
            self.waiting.pop_front();
            self.bytes -= cost;
            self.is_beyond = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    /// With room for 16 messages of 1,000 bytes, which are kept for ten seconds.
    fn reader() -> StoppedReader {
        let mut broadcast = tidings_core::Config::classic().broadcast;
        broadcast.store_bytes = 16 * Reach::cost(1_000);
        broadcast.store_age = Duration::from_secs(10);
        StoppedReader::of_store(&broadcast)
    }

    #[test]
    fn it_is_behind_with_a_quarter_of_the_store_until_that_is_too_old() {
        let mut reader = reader();
        for _ in 0..4 {
            reader.leave_unread(SECOND, 1_000);
            assert_eq!(reader.look(SECOND), None);
        }
        reader.leave_unread(2 * SECOND, 1_000);
        assert_eq!(reader.look(2 * SECOND), Some(true));
        assert_eq!(reader.look, Some(3 * SECOND));
        assert_eq!(reader.look(3 * SECOND), None, "that is no news");
        assert_eq!(reader.look(11 * SECOND), None, "just young enough");
        assert_eq!(reader.look(11 * SECOND + 1), Some(false));
        assert_eq!(reader.look, None);
        (0..10).for_each(|_| reader.leave_unread(12 * SECOND, 1_000));
        assert_eq!(reader.look(12 * SECOND), None, "it has missed something");
    }

    #[test]
    fn it_is_not_waited_for_when_more_comes_than_it_may_miss() {
        let mut reader = reader();
        (0..2_000).for_each(|_| reader.leave_unread(SECOND, 1_000));
        assert_eq!(reader.look(SECOND), None);
        assert!(!reader.is_behind);
    }
}
