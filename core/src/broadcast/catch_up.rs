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

use crate::broadcast::store::Store;
use crate::context::Context;
use crate::id::{LinkId, MessageId};
use crate::neighbors::{Neighbor, Neighbors};
use crate::rng::Stream;
use crate::table::Table;
use crate::time::Instant;
use crate::timers::Timer;
use crate::wire::{Digest, MAX_IDS, Message};

/// Pulls under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct CatchUp {
    pulls: Table<MessageId, Pull>,
}

#[derive(Clone, Copy, Debug)]
struct Pull {
    from: LinkId,
    /// Another neighbor may be asked after this.
    until: Instant,
}

impl CatchUp {
    /// Pulls what is not being pulled already.
    pub(crate) fn pull(
        &mut self,
        cx: &mut Context,
        from: LinkId,
        missing: impl Iterator<Item = MessageId>,
    ) {
        self.pulls.retain(|pull| pull.until > cx.now);
        let until = cx.now + cx.config.broadcast.pull_timeout;
        let mut ids = Vec::new();
        for id in missing {
            if self.pulls.get(id).is_some() {
                continue;
            }
            if self.pulls.len() >= cx.config.broadcast.store_count {
                cx.stats.limits.pulls += 1;
                break;
            }
            self.pulls.insert(id, Pull { from, until });
            ids.push(id);
        }
        if !ids.is_empty() {
            cx.send(from, Message::Pull { ids });
        }
    }

    /// A message arrived. Returns whether it was pulled on this link.
    pub(crate) fn on_arrival(&mut self, id: MessageId, link: LinkId) -> bool {
        self.pulls.remove(id).is_some_and(|pull| pull.from == link)
    }

    pub(crate) fn on_link_down(&mut self, link: LinkId) {
        self.pulls.retain(|pull| pull.from != link);
    }
}

/// Exchanges digests with one random neighbor, and arms the timer for the next time.
pub(crate) fn exchange_digests(cx: &mut Context, store: &Store, neighbors: &Neighbors) {
    let pause = cx.rng.jitter(cx.config.broadcast.digest_every);
    cx.arm(Timer::Digest, pause);
    let drawn = cx.rng.index(Stream::CatchUp, neighbors.len());
    if let Some(neighbor) = drawn.and_then(|drawn| neighbors.iter().nth(drawn)) {
        send_digest(cx, store, neighbor, true);
    }
}

/// Tells a neighbor what we hold and it is not known to have, in as many messages as it takes.
/// Asking for a reply, or not, is said with the last one.
pub(crate) fn send_digest(cx: &mut Context, store: &Store, to: &Neighbor, reply: bool) {
    let lacking: Vec<MessageId> = store.lacking(to.slot).collect();
    let mut rest = lacking.as_slice();
    while rest.len() > MAX_IDS {
        let (page, more) = rest.split_at(MAX_IDS);
        cx.send(to.link, Message::Digest(Digest { ids: page.to_vec(), reply: false }));
        rest = more;
    }
    if !rest.is_empty() || reply {
        cx.send(to.link, Message::Digest(Digest { ids: rest.to_vec(), reply }));
    }
}
