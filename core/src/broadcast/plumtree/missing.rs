//! Messages that were announced and have not come (§3.5): who has them, and when to ask.
//!
//! ```text
//! announced ──t1──▶ Graft to the first announcer ──t2──▶ to the next ... ──t2──▶ forgotten
//! ```
//!
//! There is one timer, for whatever is due first.

use alloc::vec::Vec;
use core::time::Duration;

use super::announcements::speaks_first;
use crate::broadcast::timer::BroadcastTimer;
use crate::broadcast::waits;
use crate::config::IHaveDirection;
use crate::context::Context;
use crate::id::{Hop, LinkId, MessageId, NodeId};
use crate::links::neighbors::{Neighbor, Neighbors};
use crate::time::Instant;
use crate::util::room::make_room;
use crate::util::smoothed::Smoothed;
use crate::util::table::Table;
use crate::wire::IHave;

/// Least time between two looks at what is due: many made-up names, each due at a time of its own,
/// must not cost a look each. *The least that `wait_min` can be.*
const PAUSE: Duration = Duration::from_millis(1);

/// Announced messages that have not come.
#[derive(Clone, Debug, Default)]
pub(super) struct Missing {
    table: Table<MessageId, Announced>,
    /// By how much payloads come later than the first of their names.
    lag: Smoothed,
    /// When the timer fires; `None` while it is not armed.
    wake: Option<Instant>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Announced {
    source: NodeId,
    since: Instant,
    due: Instant,
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
    /// How many more messages a neighbor may be the first to announce. Each has its share of the whole,
    /// so that one that makes names up leaves room for what the others announce.
    pub(super) fn share(&self, cx: &Context, link: LinkId) -> usize {
        let share = (cx.config.broadcast.store_count / cx.neighbors.len().max(1)).max(1);
        let is_first = |it: &Announced| it.by.first().is_some_and(|first| first.link == link);
        share.saturating_sub(self.table.keys_where(is_first).len())
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
        if let Some(known) = self.table.get_mut(have.id) {
            if known.by.len() < Neighbors::MAX && known.by.iter().all(|it| it.link != by.link) {
                make_room(&mut known.by);
                known.by.push(announcer);
            }
            return;
        }
        if *share == 0 || self.table.len() >= cx.config.broadcast.store_count {
            cx.stats.limits.missing += 1;
            return;
        }
        *share -= 1;
        let ways = cx.config.broadcast.plumtree.ihave_ways;
        // Who speaks second has waited for t1 before. What was grafted then may be on its way.
        let is_late = ways == IHaveDirection::OneWay && !speaks_first(by.id(), cx.me(), have.id);
        let due = cx.now + if is_late { self.after_graft(cx) } else { self.before_graft(cx) };
        let by = alloc::vec![announcer];
        self.table
            .insert(have.id, Announced { source: have.source, since: cx.now, due, by, asked: 0 });
        self.arm(cx, due);
    }

    /// How long an announced message is waited for (t1).
    pub(super) fn before_graft(&self, cx: &Context) -> Duration {
        waits::before_graft(cx, self.lag)
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
        let came = self.table.remove(id);
        if self.table.len() == 0 && self.wake.take().is_some() {
            cx.timers.cancel(BroadcastTimer::Graft);
        }
        came.map_or_else(Vec::new, |announced| {
            // What was asked for would have come along the tree nobody knows when.
            let was_asked = announced.by[..announced.asked].iter().any(|it| it.link == link);
            if !was_asked {
                self.lag.add(cx.now.since(announced.since));
            }
            announced.by
        })
    }

    /// What is overdue is asked of the next announcer that is still a neighbor; what all of them failed
    /// to send is forgotten.
    pub(super) fn on_timer(&mut self, cx: &mut Context) -> Vec<Request> {
        self.wake = None;
        let now = cx.now;
        let due = self.table.keys_where(|it| it.due <= now);
        let next = now + self.after_graft(cx);
        let mut requests = Vec::new();
        for id in due {
            let Some(announced) = self.table.get_mut(id) else { continue };
            match announced.next(&cx.neighbors) {
                Some(link) => {
                    announced.due = next;
                    requests.push(Request { link, id, source: announced.source });
                }
                None => drop(self.table.remove(id)),
            }
        }
        if let Some(least) = self.table.least(|it| it.due) {
            self.arm(cx, least.max(now + PAUSE));
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
        self.table.len()
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
