//! A neighbor that would be a better parent, if it goes on like this. Queues and schedulers make now
//! this neighbor quicker and now that one; a tree that follows each of them is never at rest.

use core::time::Duration;

use crate::links::neighbors::Slot;
use crate::time::Instant;

/// Messages in a row that a rival must have earlier. *Guess: of two that are equally quick one has to
/// win so many tosses.*
pub(super) const WINS: u8 = 8;

/// For how long. *Guess: longer than a burst of messages waits in a queue.*
const LASTING: Duration = Duration::from_secs(1);

/// Who was quicker than the parent lately.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rival {
    pub(super) slot: Slot,
    /// Since when, without a loss.
    since: Instant,
    wins: u8,
    /// It was asked to send messages itself. It becomes the parent with the next message, if it is
    /// quicker with that one, too; until then the parent sends as well.
    pub(super) is_grafted: bool,
}

impl Rival {
    pub(super) const fn new(slot: Slot, now: Instant) -> Self {
        Self { slot, since: now, wins: 0, is_grafted: false }
    }

    /// It had a message earlier than the parent. Returns whether that has lasted.
    pub(super) fn win(&mut self, now: Instant) -> bool {
        self.wins = self.wins.saturating_add(1);
        self.wins >= WINS && now.since(self.since) >= LASTING
    }

    /// It had a message later.
    pub(super) const fn lose(&mut self, now: Instant) {
        (self.wins, self.since) = (0, now);
    }
}
