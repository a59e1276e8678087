//! Catch-up (R34): neighbors tell each other what they hold, and pull what they miss.
//!
//! ```text
//! peer                          neighbor
//!   Digest { ids, reply }  ──▶               when the link comes up; every 10 s to one neighbor
//!                          ◀──  Pull { ids }            what it has not seen
//!   Gossip ...             ──▶
//!                          ◀──  Digest { ids }          if a reply was asked for
//! ```
//!
//! A digest leaves out what the neighbor is known to have, so between two that miss nothing it is
//! empty. A message is pulled from one neighbor at a time; if it does not come in time, or the link
//! is lost, the next digest that names it is followed.

use alloc::vec::Vec;

use crate::broadcast::waits;
use crate::context::Context;
use crate::id::{LinkId, MessageId};
use crate::util::awaited::{Awaited, Entry};
use crate::wire::{BroadcastMessage, Digest, MAX_IDS};

/// Pulls under way. Each is awaited until another neighbor may be asked.
#[derive(Clone, Debug)]
pub(crate) struct CatchUp {
    pulls: Awaited<()>,
}

impl CatchUp {
    /// The salt should be the node's secret.
    pub(crate) fn new(salt: u64) -> Self {
        Self { pulls: Awaited::new(salt) }
    }

    /// Pulls what is not being pulled already.
    pub(crate) fn pull(
        &mut self,
        cx: &mut Context,
        from: LinkId,
        missing: impl Iterator<Item = MessageId>,
    ) {
        while self.pulls.pop_due(cx.now).is_some() {}
        let until = cx.now + waits::for_pull(cx, from);
        let mut ids = Vec::new();
        for id in missing {
            if self.pulls.get(id).is_some() {
                continue;
            }
            if self.pulls.len() >= cx.config.broadcast.store_count {
                cx.stats.limits.pulls += 1;
                break;
            }
            self.pulls.insert(Entry { id, link: from, until, value: () });
            ids.push(id);
        }
        if !ids.is_empty() {
            cx.send(from, BroadcastMessage::Pull { ids });
        }
    }

    /// A message arrived. Returns whether it was pulled on this link. If it came on another one, the
    /// answer is still on its way.
    pub(crate) fn on_arrival(&mut self, id: MessageId, link: LinkId) -> bool {
        let was_pulled = self.pulls.get(id).is_some_and(|pull| pull.link == link);
        was_pulled && self.pulls.remove(id).is_some()
    }

    /// Whether something that was pulled on this link has not come yet.
    pub(crate) fn awaits(&self, link: LinkId) -> bool {
        self.pulls.count(link) > 0
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.pulls.remove_link(link);
    }
}

/// Names these messages, in as many digests as it takes. The last one has room left, by which the
/// other side knows that it is the last; asking for a reply, or not, is said with it.
pub(crate) fn send_digest(cx: &mut Context, to: LinkId, ids: &[MessageId], reply: bool) {
    let mut rest = ids;
    while let Some((page, more)) = rest.split_at_checked(MAX_IDS) {
        cx.send(to, BroadcastMessage::Digest(Digest { ids: page.to_vec(), reply: false }));
        rest = more;
    }
    cx.send(to, BroadcastMessage::Digest(Digest { ids: rest.to_vec(), reply }));
}
