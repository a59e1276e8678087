//! The seen cache: ids already handled, so that nothing is delivered twice in one life (R13).
//!
//! It is bounded by time and by number, and forgetting must not bring a message back. So a message
//! is accepted only if it is younger than half of what is remembered: every id is kept for twice
//! the age at which messages are refused, and when ids must go early, messages sent before the
//! middle of the remembered span are refused from then on. The other half is room for the time a
//! copy spends on wires, which its age does not count.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::context::Context;
use crate::id::MessageId;
use crate::time::Instant;
use crate::util::id_index::{IdIndex, Span};
use crate::util::room::make_room_behind;

/// Ids of messages handled in this life: some 50 bytes each.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// With the time of their first receipt, oldest first.
    order: VecDeque<(Instant, MessageId)>,
    index: IdIndex,
    /// How many were forgotten; wraps.
    forgotten: u32,
    /// Messages sent before this are refused: an id of their age was forgotten early.
    refused_before: Option<Instant>,
}

impl Seen {
    pub(crate) fn new(salt: u64) -> Self {
        let index = IdIndex::new(salt);
        Self { order: VecDeque::new(), index, forgotten: 0, refused_before: None }
    }

    pub(crate) fn contains(&self, id: MessageId) -> bool {
        let id_at = id_at(&self.order, self.forgotten);
        self.index.find(&id, self.span(), |place| id_at(place) == id).is_some()
    }

    fn span(&self) -> Span {
        Span { first: self.forgotten, len: self.order.len() }
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether a message of this age, if it is not in the cache, was surely never handled.
    pub(crate) fn can_rule_out_duplicate(&self, cx: &Context, age: Duration) -> bool {
        let is_young = age <= cx.config.broadcast.store_age;
        is_young && self.refused_before.is_none_or(|before| age <= cx.now.since(before))
    }

    pub(crate) fn insert(&mut self, cx: &mut Context, id: MessageId) {
        let remembered = cx.config.seen_age();
        while self.order.front().is_some_and(|(at, _)| cx.now.since(*at) > remembered) {
            self.forget_oldest();
        }
        if self.order.len() >= cx.config.broadcast.seen_max
            && let Some(oldest) = self.forget_oldest()
        {
            let middle = oldest + cx.now.since(oldest) / 2;
            self.refused_before = self.refused_before.max(Some(middle));
            cx.stats.limits.seen += 1;
        }
        if !self.contains(id) {
            make_room_behind(&mut self.order);
            self.order.push_back((cx.now, id));
            self.index.insert_last(self.span(), id_at(&self.order, self.forgotten));
        }
    }

    fn forget_oldest(&mut self) -> Option<Instant> {
        let (at, id) = self.order.pop_front()?;
        self.index.remove(&id, self.forgotten);
        self.forgotten = self.forgotten.wrapping_add(1);
        Some(at)
    }
}

/// The id at a position, counted from the first that was ever seen.
fn id_at(order: &VecDeque<(Instant, MessageId)>, forgotten: u32) -> impl Fn(u32) -> MessageId {
    move |place| {
        let place = usize::try_from(place.wrapping_sub(forgotten)).unwrap_or(usize::MAX);
        order[place].1
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;
    use crate::testing::context;

    fn id(n: u64) -> MessageId {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&n.to_be_bytes());
        MessageId::new(bytes)
    }

    fn seconds(n: u64) -> Instant {
        Instant::from_micros(n * 1_000_000)
    }

    proptest! {
        /// Ids come from few, so that some come again; time passes, so that some are forgotten.
        #[test]
        fn a_cache_holds_what_was_seen_lately(steps in vec((0..1500_u64, 0..3_u64), 0..2500)) {
            let mut config = Config::classic();
            config.broadcast.seen_max = 1000;
            let mut cx = context(config);
            let mut seen = Seen::new(7);
            seen.forgotten = u32::MAX - 100;
            let mut model: VecDeque<(Instant, u64)> = VecDeque::new();
            for (n, pause) in steps {
                cx.now = cx.now + Duration::from_secs(pause) / 4;
                seen.insert(&mut cx, id(n));
                while model.front().is_some_and(|it| cx.now.since(it.0) > cx.config.seen_age()) {
                    model.pop_front();
                }
                if model.len() == 1000 {
                    model.pop_front();
                }
                if model.iter().all(|it| it.1 != n) {
                    model.push_back((cx.now, n));
                }
                assert_eq!(seen.len(), model.len());
                let other = (n * 7) % 1500;
                assert_eq!(seen.contains(id(other)), model.iter().any(|it| it.1 == other));
            }
        }
    }

    #[test]
    fn a_full_cache_forgets_the_oldest_and_refuses_its_age() {
        let mut config = Config::classic();
        config.broadcast.seen_max = 1000;
        let mut cx = context(config);
        let mut seen = Seen::new(7);
        for n in 0..1000 {
            seen.insert(&mut cx, id(n));
        }
        assert!(
            seen.can_rule_out_duplicate(&cx, Duration::from_secs(100)),
            "nothing was forgotten yet"
        );
        cx.now = seconds(60);
        seen.insert(&mut cx, id(1000));
        assert!(!seen.contains(id(0)) && seen.len() == 1000);
        assert_eq!(cx.stats.limits.seen, 1);
        assert!(seen.can_rule_out_duplicate(&cx, Duration::from_secs(30)), "sent after the middle");
        assert!(
            !seen.can_rule_out_duplicate(&cx, Duration::from_secs(31)),
            "might be the forgotten one"
        );
    }

    #[test]
    fn ids_outlive_the_age_at_which_messages_are_refused() {
        let mut cx = context(Config::classic());
        let mut seen = Seen::new(7);
        seen.insert(&mut cx, id(1));
        cx.now = seconds(240);
        seen.insert(&mut cx, id(2));
        assert!(seen.contains(id(1)));
        cx.now = seconds(241);
        seen.insert(&mut cx, id(3));
        assert!(!seen.contains(id(1)));
        assert!(!seen.can_rule_out_duplicate(&cx, Duration::from_secs(121)));
        assert!(seen.can_rule_out_duplicate(&cx, Duration::from_mins(2)));
    }
}
