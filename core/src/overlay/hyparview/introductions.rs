//! Two that were refused meet.
//!
//! Departure: the paper says nothing of how the last free slots find each other. Where nearly
//! all peers are full, a peer with a free slot asks in vain: of 10,000 it would have to ask nearly
//! all to meet the one other. But two of them that ask 60 peers each have asked one and the same with
//! probability 60 · 60 / 10,000. So who refuses somebody remembers the last one that it refused, and
//! hands it the record of the new one, as if in reply to a shuffle. Then it forgets both.

use alloc::vec;

use super::HyParView;
use super::shuffles::send_sample;
use crate::address::AddressRecord;
use crate::context::Context;
use crate::fact::Fact;
use crate::id::NodeId;
use crate::time::Instant;

/// Somebody who found no free slot here.
#[derive(Clone, Debug)]
pub(super) struct RefusedPeer {
    record: AddressRecord,
    asked: Instant,
}

impl RefusedPeer {
    pub(super) fn subject(&self) -> NodeId {
        self.record.subject()
    }
}

impl HyParView {
    /// No slot is free here for somebody who asked with low priority. Perhaps it is time to see if all
    /// who take the slots still live (docs/papers.md, variant c): at most once per `cooldown`, because
    /// a peer that searches asks many.
    pub(crate) fn on_busy(&mut self, cx: &mut Context, refused: &AddressRecord) {
        let last = self.refused.take().filter(|last| {
            let is_fresh = cx.now.since(last.asked) < cx.config.overlay.cooldown;
            is_fresh && last.subject() != refused.subject()
        });
        match last {
            Some(last) => send_sample(cx, &last.record, vec![refused.clone()]),
            None => self.refused = Some(RefusedPeer { record: refused.clone(), asked: cx.now }),
        }
        if cx.now >= self.tests_again {
            self.tests_again = cx.now + cx.config.overlay.cooldown;
            cx.tell(Fact::NeighborsUnverified);
        }
    }
}
