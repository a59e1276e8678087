//! Names of messages, gathered for a while so that many go in one message (§3.3: "IHAVE messages can
//! be aggregated").

use alloc::vec::Vec;
use core::mem;

use crate::context::Context;
use crate::id::MessageId;
use crate::room::make_room;
use crate::timers::Timer;
use crate::wire::MAX_IHAVES;

/// Messages to be named to neighbors that are not known to have them. Whom that concerns is seen when
/// the names are sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Announcements {
    /// To be announced by `IHave`: their payload is on its way along the tree.
    pub(super) named: Vec<MessageId>,
    /// To be told by a digest, which is answered by a pull at once: their payload is not.
    pub(super) offered: Vec<MessageId>,
}

impl Announcements {
    pub(super) fn name(&mut self, cx: &mut Context, id: MessageId) {
        make_room(&mut self.named);
        self.named.push(id);
        arm(cx, self.named.len());
    }

    pub(super) fn offer(&mut self, cx: &mut Context, id: MessageId) {
        make_room(&mut self.offered);
        self.offered.push(id);
        arm(cx, self.offered.len());
    }

    /// No more fit one message: they go now.
    pub(super) fn is_full(&self) -> bool {
        self.named.len().max(self.offered.len()) >= MAX_IHAVES
    }

    /// Takes all.
    pub(super) fn take(&mut self) -> Self {
        mem::take(self)
    }
}

fn arm(cx: &mut Context, gathered: usize) {
    if gathered == 1 && !cx.timers.is_armed(Timer::IHave) {
        cx.arm(Timer::IHave, cx.config.broadcast.plumtree.ihave_delay);
    }
}
