//! At most one line a second per peer and reason, with a count of what was left out: no neighbor decides how
//! much a node writes (docs/threats.md, T28). What is said of everybody has a bound as well, because who names
//! names can make them up.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Pairs of peer and reason that are remembered; beyond that the oldest are forgotten. Choice.
const MAX_PAIRS: usize = 4_096;

/// Time that one line of a peer and reason costs.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// How much is written at once of messages that a neighbor passes on: what many say comes together. Choice.
const MESSAGES_AT_ONCE: u32 = 30;

/// Lines at once, and each second, for one reason and all peers together: room for a network of hundreds that
/// starts at once. Choice.
const LINES_AT_ONCE: u32 = 500;
const LINES_PER_SECOND: u32 = 5;

/// What a line is about, beside the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reason {
    pub(super) words: &'static str,
    pub(super) is_message: bool,
}

/// Lets lines through.
#[derive(Debug, Default)]
pub(super) struct Limit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    pairs: BTreeMap<(Reason, String), Bucket>,
    reasons: BTreeMap<Reason, Bucket>,
}

/// Lines that may be written now, as the time since when they may.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// When it is full again.
    full_at: Duration,
    left_out: u64,
}

impl Bucket {
    /// Takes a line of `cost` if there is one, of `at_once` at most.
    fn take(&mut self, now: Duration, cost: Duration, at_once: u32) -> bool {
        let full_at = self.full_at.max(now) + cost;
        let has_room = full_at <= now + cost * at_once;
        if has_room {
            self.full_at = full_at;
        }
        has_room
    }
}

/// Of what was left out nothing follows by itself: it is told after a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) reason: &'static str,
    /// None where it is about many.
    pub(super) peer: Option<String>,
    pub(super) count: u64,
}

impl Limit {
    /// Whether a line about this peer, for this reason, may be written; and how many of the same were not.
    pub(super) fn allow(&self, now: Duration, reason: Reason, peer: String) -> Option<u64> {
        let at_once = if reason.is_message { MESSAGES_AT_ONCE } else { 1 };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { pairs, reasons } = &mut *state;
        let key = (reason, peer);
        let of_reason = reasons.entry(reason).or_default();
        if !pairs.contains_key(&key) && pairs.len() >= MAX_PAIRS {
            // Of whom something is to be told stays until it was.
            pairs.retain(|_, bucket| bucket.full_at > now || bucket.left_out > 0);
            if pairs.len() >= MAX_PAIRS {
                of_reason.left_out += 1;
                return None;
            }
        }
        let of_pair = pairs.entry(key).or_default();
        if !of_pair.take(now, LINE_EVERY, at_once) {
            of_pair.left_out += 1;
            return None;
        }
        if !of_reason.take(now, LINE_EVERY / LINES_PER_SECOND, LINES_AT_ONCE) {
            of_reason.left_out += 1;
            return None;
        }
        Some(std::mem::take(&mut of_pair.left_out))
    }

    /// What was left out since, of whom no line has come for a while; each counts once.
    pub(super) fn left_out(&self, now: Duration) -> Vec<LeftOut> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { pairs, reasons } = &mut *state;
        let mut all = Vec::new();
        for ((reason, peer), bucket) in &mut *pairs {
            if bucket.left_out > 0 && bucket.take(now, LINE_EVERY, 1) {
                let (reason, peer) = (reason.words, Some(peer.clone()));
                all.push(LeftOut { reason, peer, count: std::mem::take(&mut bucket.left_out) });
            }
        }
        for (reason, bucket) in &mut *reasons {
            if bucket.left_out > 0 {
                let count = std::mem::take(&mut bucket.left_out);
                all.push(LeftOut { reason: reason.words, peer: None, count });
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REASON: Reason = Reason { words: "protocol violation", is_message: false };

    #[test]
    fn a_flood_is_a_line_a_second_and_all_is_counted() {
        let limit = Limit::default();
        let (mut lines, mut counted) = (0, 0);
        for millis in 0..60_000 {
            let now = Duration::from_millis(millis);
            if let Some(left_out) = limit.allow(now, REASON, "a".to_owned()) {
                lines += 1;
                counted += left_out + 1;
            }
        }
        assert!((59..=61).contains(&lines), "{lines}");
        let rest = limit.left_out(Duration::from_secs(61));
        assert_eq!(rest.len(), 1);
        assert_eq!(counted + rest[0].count, 60_000);
        assert_eq!(limit.left_out(Duration::from_secs(70)), []);
    }

    #[test]
    fn names_that_are_made_up_do_not_make_more_lines_or_more_memory() {
        let limit = Limit::default();
        let mut lines: u32 = 0;
        for peer in 0..100_000 {
            let now = Duration::from_micros(peer * 600);
            lines += u32::from(limit.allow(now, REASON, peer.to_string()).is_some());
        }
        assert!(lines <= LINES_AT_ONCE + 60 * LINES_PER_SECOND + 1, "{lines}");
        let state = limit.0.lock().expect("not poisoned");
        assert!(state.pairs.len() <= MAX_PAIRS && state.reasons.len() == 1);
    }

    #[test]
    fn peers_and_reasons_have_their_own() {
        let limit = Limit::default();
        let other = Reason { words: "strike", ..REASON };
        for (reason, peer) in [(REASON, "a"), (REASON, "b"), (other, "a")] {
            assert_eq!(limit.allow(Duration::ZERO, reason, peer.to_owned()), Some(0));
            assert_eq!(limit.allow(Duration::ZERO, reason, peer.to_owned()), None);
        }
    }
}
