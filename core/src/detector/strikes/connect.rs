//! The detector `connect` (R16): instead of a ping on the link, a TCP connection beside it.
//!
//! ```text
//! peer                          neighbor, linked
//!   SYN                         ──▶                     every 13 s
//!                               ◀──  SYN ACK            within 3 s, or it is a strike
//!   close, before any hello     ──▶
//! ```
//!
//! The assignment has the system's ping utility do it. That sends ICMP, which needs privileges for
//! raw sockets, is dropped by many firewalls, and tells about the machine and not about the process.
//! A connection needs none of that, and is refused when no process listens.
//!
//! It sees less than `strikes`: the kernel of a stopped process accepts connections all the same, so
//! its neighbors keep it. Seed nodes do not rely on connections: they drop it when its lease has run
//! out and their hello is not answered.

use alloc::vec::Vec;

use crate::context::Context;
use crate::id::LinkId;
use crate::links::neighbors::Neighbor;
use crate::time::Instant;
use crate::wire::Bye;

/// Connections being tried, at most one per neighbor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connects {
    attempts: Vec<Attempt>,
}

/// A connection being tried.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    link: LinkId,
    /// The link with the neighbor that it is to tell about.
    pub(crate) neighbor: LinkId,
    pub(crate) begun: Instant,
}

impl Connects {
    /// Tries to connect to a neighbor, unless that is being tried.
    pub(crate) fn begin(&mut self, cx: &mut Context, neighbor: &Neighbor) {
        if self.attempts.iter().any(|attempt| attempt.neighbor == neighbor.link) {
            return;
        }
        cx.stats.pings += 1;
        let patience = cx.config.detector.answer_timeout;
        let link = cx.try_connect(&neighbor.record, patience);
        self.attempts.push(Attempt { link, neighbor: neighbor.link, begun: cx.now });
    }

    /// An attempt has ended.
    pub(crate) fn end(&mut self, link: LinkId) -> Option<Attempt> {
        let place = self.attempts.iter().position(|attempt| attempt.link == link)?;
        Some(self.attempts.swap_remove(place))
    }

    /// The neighbor's link is gone: nobody waits for an answer any more.
    pub(crate) fn give_up(&mut self, cx: &mut Context, neighbor: LinkId) {
        let attempt = self.attempts.iter().find(|attempt| attempt.neighbor == neighbor);
        if let Some(ended) = attempt.map(|attempt| attempt.link).and_then(|link| self.end(link)) {
            cx.close(ended.link, Bye::Done);
        }
    }
}
