//! Messages that were announced and have not come (§3.5): who has them, and when to ask.
//!
//! ```text
//! announced ──t1──▶ Graft to the first announcer ──t2──▶ to the next ... ──t2──▶ forgotten
//! ```
//!
//! There is one timer, for whatever is due first.

use alloc::vec::Vec;
use core::iter;
use core::time::Duration;

use super::announcements::speaks_first;
use crate::broadcast::timer::BroadcastTimer;
use crate::broadcast::waits;
use crate::config::IHaveDirection;
use crate::context::Context;
use crate::id::{Hop, LinkId, MessageId, NodeId};
use crate::links::neighbors::{Neighbor, Neighbors};
use crate::time::Instant;
use crate::util::awaited::{Awaited, Entry};
use crate::util::room::make_room;
use crate::util::smoothed::Smoothed;
use crate::wire::IHave;

/// Least time between two looks at what is due: many made-up names, each due at a time of its own,
/// must not cost a look each. *The least that `wait_min` can be.*
const PAUSE: Duration = Duration::from_millis(1);

/// Announced messages that have not come.
#[derive(Clone, Debug)]
pub(super) struct Missing {
    /// Each is awaited from its first announcer until the next one is to be asked.
    awaited: Awaited<Announced>,
    /// By how much payloads come later than the first of their names.
    lag: Smoothed,
    /// When the timer fires; `None` while it is not armed.
    wake: Option<Instant>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Announced {
    source: NodeId,
    /// When it was announced first.
    since: Instant,
    /// In the order in which they announced it; links may be gone since. At most one per neighbor that
    /// a peer can have.
    pub(super) by: Vec<Announcer>,
    /// How many of them were asked, or are gone.
    asked: usize,
}

/// Who has it, and over how many links it would have come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Announcer {
    pub(super) link: LinkId,
    pub(super) hop: Hop,
}

/// Whom to ask for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) link: LinkId,
    pub(super) id: MessageId,
    pub(super) source: NodeId,
}

impl Missing {
    /// The salt should be the node's secret.
    pub(super) fn new(salt: u64) -> Self {
        Self { awaited: Awaited::new(salt), lag: Smoothed::none(), wake: None }
    }

    /// How many more messages a neighbor may be the first to announce. Each has its share of the whole,
    /// so that one that makes names up leaves room for what the others announce.
    pub(super) fn share(&self, cx: &Context, link: LinkId) -> usize {
        let share = (cx.config.broadcast.store_count / cx.neighbors.len().max(1)).max(1);
        share.saturating_sub(self.awaited.count(link))
    }

    /// Notes an announcement. Takes from `share` if it is the first of this message.
    pub(super) fn note(
        &mut self,
        cx: &mut Context,
        by: &Neighbor,
        have: &IHave,
        share: &mut usize,
    ) {
        let announcer = Announcer { link: by.link, hop: have.hop };
        if let Some(known) = self.awaited.get_mut(have.id) {
            if known.by.len() < Neighbors::MAX && known.by.iter().all(|it| it.link != by.link) {
                make_room(&mut known.by);
                known.by.push(announcer);
            }
            return;
        }
        if *share == 0 || self.awaited.len() >= cx.config.broadcast.store_count {
            cx.stats.limits.missing += 1;
            return;
        }
        *share -= 1;
        let ways = cx.config.broadcast.plumtree.ihave_ways;
        // Who speaks second has waited for t1 before. What was grafted then may be on its way.
        let is_late = ways == IHaveDirection::OneWay && !speaks_first(by.id(), cx.me(), have.id);
        let due = cx.now + if is_late { self.after_graft(cx) } else { self.before_graft(cx) };
        let by_whom = alloc::vec![announcer];
        let value = Announced { source: have.source, since: cx.now, by: by_whom, asked: 0 };
        self.awaited.insert(Entry { id: have.id, link: by.link, until: due, value });
        self.arm(cx, due);
    }

    /// How long an announced message is waited for (t1).
    pub(super) fn before_graft(&self, cx: &Context) -> Duration {
        waits::before_graft(cx, self.lag)
    }

    /// How long others may take to ask for what they miss. *Guess: they wait about as long as this peer
    /// does, and ask somebody else first.*
    pub(super) fn promise(&self, cx: &Context) -> Duration {
        self.before_graft(cx) + self.after_graft(cx)
    }

    /// How long the next announcer is waited for (t2).
    fn after_graft(&self, cx: &Context) -> Duration {
        waits::after_graft(cx, self.lag)
    }

    /// The message came. Returns who else had announced it.
    pub(super) fn on_arrival(
        &mut self,
        cx: &mut Context,
        id: MessageId,
        link: LinkId,
    ) -> Vec<Announcer> {
        let came = self.awaited.remove(id);
        if self.awaited.len() == 0 && self.wake.take().is_some() {
            cx.timers.cancel(BroadcastTimer::Graft);
        }
        came.map_or_else(Vec::new, |it| {
            let Announced { since, by, asked, .. } = it.value;
            // When it would have come along the tree is not known of what came because it was asked for.
            if by[..asked].iter().all(|asked| asked.link != link) {
                self.lag.add(cx.now.since(since));
            }
            by
        })
    }

    /// What is overdue is asked of the next announcer that is still a neighbor; what all of them failed
    /// to send is forgotten.
    pub(super) fn on_timer(&mut self, cx: &mut Context) -> Vec<Request> {
        self.wake = None;
        let now = cx.now;
        let mut due: Vec<_> = iter::from_fn(|| self.awaited.pop_due(now)).collect();
        // What fell due together is asked for in one order, whichever was due first.
        due.sort_unstable_by_key(|it| it.id);
        let next = now + self.after_graft(cx);
        let mut requests = Vec::new();
        for mut it in due {
            // While this peer takes no payloads, it asks nobody to send.
            if cx.flow.is_behind() {
                it.until = next;
                self.awaited.insert(it);
            } else if let Some(link) = it.value.next(&cx.neighbors) {
                requests.push(Request { link, id: it.id, source: it.value.source });
                it.until = next;
                self.awaited.insert(it);
            }
        }
        if let Some(first) = self.awaited.first_due() {
            self.arm(cx, first.max(now + PAUSE));
        }
        requests
    }

    fn arm(&mut self, cx: &mut Context, at: Instant) {
        if self.wake.is_none_or(|wake| at < wake) {
            self.wake = Some(at);
            cx.timers.arm(BroadcastTimer::Graft, at);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.awaited.len()
    }
}

impl Announced {
    /// The next one to ask.
    fn next(&mut self, neighbors: &Neighbors) -> Option<LinkId> {
        let waiting = &self.by[self.asked..];
        let place = waiting.iter().position(|it| neighbors.by_link(it.link).is_some());
        self.asked += place.map_or(waiting.len(), |place| place + 1);
        place.and_then(|_| self.by.get(self.asked - 1)).map(|it| it.link)
    }
}
