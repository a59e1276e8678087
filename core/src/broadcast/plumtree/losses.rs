//! Neighbors lost in a row: a sign that many died at once, and the trees with them.

use core::time::Duration;

use crate::context::Context;
use crate::time::Instant;

/// Two losses within this time are no coincidence. *docs/papers.md: 1 s.*
const ROW: Duration = Duration::from_secs(1);

/// What was lost lately.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Losses {
    last: Option<Instant>,
    /// Messages that still go to all neighbors.
    alarm: u8,
}

impl Losses {
    /// A neighbor was lost without a word.
    pub(super) fn on_loss(&mut self, cx: &Context) {
        if self.last.is_some_and(|last| cx.now.since(last) <= ROW) {
            self.alarm = cx.config.broadcast.plumtree.eager_after_loss;
        }
        self.last = Some(cx.now);
    }

    /// A message is about to be spread. Returns whether to all neighbors.
    pub(super) const fn on_message(&mut self) -> bool {
        let is_alarmed = self.alarm > 0;
        self.alarm = self.alarm.saturating_sub(1);
        is_alarmed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::testing::context;

    #[test]
    fn two_losses_within_a_second_alarm_for_a_few_messages() {
        let mut cx = context(Config::modern());
        let mut losses = Losses::default();
        losses.on_loss(&cx);
        assert!(!losses.on_message(), "one loss is none too many");
        cx.now = cx.now + Duration::from_millis(1001);
        losses.on_loss(&cx);
        assert!(!losses.on_message(), "they were too far apart");
        cx.now = cx.now + Duration::from_secs(1);
        losses.on_loss(&cx);
        assert_eq!([(); 4].map(|()| losses.on_message()), [true, true, true, false]);
    }
}
