//! Names of messages, gathered for a while so that many go in one message (§3.3: "IHAVE messages can
//! be aggregated").
//!
//! ```text
//! name ──ihave_delay──▶ to those that we speak to first ──graft_after──▶ to the others
//! ```
//!
//! Departure: with one way a link carries a name in one direction, which the ids of its ends and of
//! the message decide ([`speaks_first`]). The second side keeps quiet if the first has spoken, for then
//! both have the message. If the first has not, it may lack the message: it is told after the time in
//! which the message would have come along the tree (t1), and asks for it after a round trip (t2).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use crate::broadcast::timer::BroadcastTimer;
use crate::broadcast::waits;
use crate::context::Context;
use crate::id::{MessageId, NodeId};
use crate::time::Instant;
use crate::util::room::{make_room, make_room_behind};
use crate::wire::MAX_IHAVES;

/// The name of a message, and the source in whose tree it travels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name {
    pub(super) id: MessageId,
    pub(super) tree: NodeId,
}

/// Messages to be named to neighbors that are not known to have them. Whom that concerns is seen when
/// the names are sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Announcements {
    /// To be announced by `IHave`: their payload is on its way along the tree.
    named: Vec<Name>,
    /// To be told by a digest, which is answered by a pull at once: their payload is not.
    offered: Vec<MessageId>,
    /// When `named` and `offered` are due, unless they are empty.
    due: Instant,
    /// Announced where this side speaks first; when the other neighbors are due. Rising.
    later: VecDeque<(Instant, Name)>,
}

/// What is due.
#[derive(Clone, Debug, Default)]
pub(super) struct Due {
    /// To be announced where this side speaks first.
    pub(super) named: Vec<Name>,
    /// To be announced where it speaks second.
    pub(super) later: Vec<Name>,
    /// To be told by a digest.
    pub(super) offered: Vec<MessageId>,
}

impl Announcements {
    pub(super) fn name(&mut self, cx: &mut Context, name: Name) {
        make_room(&mut self.named);
        self.named.push(name);
        self.gather(cx);
    }

    pub(super) fn offer(&mut self, cx: &mut Context, id: MessageId) {
        make_room(&mut self.offered);
        self.offered.push(id);
        self.gather(cx);
    }

    /// The first that is gathered sets the time.
    fn gather(&mut self, cx: &mut Context) {
        if self.named.len() + self.offered.len() == 1 {
            self.due = cx.now + waits::gather(cx);
            self.arm(cx);
        }
    }

    /// No more fit one message: they go now.
    pub(super) fn is_full(&self) -> bool {
        self.named.len().max(self.offered.len()) >= MAX_IHAVES
    }

    /// Takes what was gathered, and what is due at the second neighbors by the time at which as much
    /// would be gathered again. More than a message of the latter do not wait.
    pub(super) fn take(&mut self, cx: &mut Context) -> Due {
        let soon = cx.now + waits::gather(cx);
        let is_due = |(at, _): &mut (Instant, Name)| *at <= soon;
        let mut later = Vec::new();
        while let Some((_, name)) = self.later.pop_front_if(is_due) {
            later.push(name);
        }
        while self.later.len() > MAX_IHAVES {
            later.extend(self.later.pop_front().map(|(_, name)| name));
        }
        let is_gathered = self.due <= cx.now || self.is_full();
        let (named, offered) = if is_gathered {
            (mem::take(&mut self.named), mem::take(&mut self.offered))
        } else {
            Default::default()
        };
        self.arm(cx);
        Due { named, later, offered }
    }

    /// These are announced to the other neighbors, too, unless those speak first.
    pub(super) fn wait_for_others(&mut self, cx: &mut Context, named: Vec<Name>, wait: Duration) {
        // Waits change with round trips; names keep their order.
        let last = self.later.back().map(|(at, _)| *at);
        let at = last.max(Some(cx.now + wait)).unwrap_or(cx.now);
        for name in named {
            make_room_behind(&mut self.later);
            self.later.push_back((at, name));
        }
        self.arm(cx);
    }

    fn arm(&self, cx: &mut Context) {
        let gathered = !(self.named.is_empty() && self.offered.is_empty());
        let later = self.later.front().map(|(at, _)| *at);
        match gathered.then_some(self.due).into_iter().chain(later).min() {
            Some(at) => cx.timers.arm(BroadcastTimer::IHave, at),
            None => cx.timers.cancel(BroadcastTimer::IHave),
        }
    }
}

/// Whether `me` names this message first on its link with `other`. The message decides with them, so
/// that each side is heard early of some messages: what is named early finds shorter trees (§3.8).
pub(super) fn speaks_first(me: NodeId, other: NodeId, id: MessageId) -> bool {
    let is_even = id.as_bytes()[0].is_multiple_of(2);
    (me < other) == is_even
}
