//! Dials under way to peers that shall become neighbors.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::id::{LinkId, NodeId};
use crate::room::{make_room, release_if_empty};

/// Dials under way, in the order they were begun; at most `active`, one to a lost neighbor, one to mix,
/// and one after a swap.
#[derive(Clone, Debug, Default)]
pub(super) struct Dials(Vec<Dial>);

#[derive(Clone, Debug)]
pub(super) struct Dial {
    pub(super) link: LinkId,
    pub(super) to: AddressRecord,
    pub(super) reason: DialReason,
}

/// What a dial is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DialReason {
    /// To join the overlay there.
    Join,
    /// To fill a free slot.
    Repair,
    /// A newcomer's walk ended here.
    Walk,
    /// To see whether a lost neighbor is back.
    Reconnect,
    /// To mix a small overlay.
    SplitHealing,
    /// A neighbor went to a nearer one, and another one lost its link by that.
    Replace,
}

impl DialReason {
    /// Whether a random neighbor goes if no slot is free when the dial is welcomed.
    pub(super) const fn displaces(self) -> bool {
        match self {
            Self::Join | Self::Repair | Self::Replace => false,
            Self::Walk | Self::Reconnect | Self::SplitHealing => true,
        }
    }
}

impl Dials {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn push(&mut self, dial: Dial) {
        make_room(&mut self.0);
        self.0.push(dial);
    }

    pub(super) fn by_link(&self, link: LinkId) -> Option<&Dial> {
        self.0.iter().find(|dial| dial.link == link)
    }

    pub(super) fn is_to(&self, subject: NodeId) -> bool {
        self.0.iter().any(|dial| dial.to.subject() == subject)
    }

    /// Whether one is for this.
    pub(super) fn holds(&self, reason: DialReason) -> bool {
        self.0.iter().any(|dial| dial.reason == reason)
    }

    pub(super) fn end(&mut self, link: LinkId) -> Option<Dial> {
        self.end_if(|dial| dial.link == link)
    }

    pub(super) fn end_to(&mut self, subject: NodeId) -> Option<Dial> {
        self.end_if(|dial| dial.to.subject() == subject)
    }

    /// Ends the youngest dial that was to fill a slot.
    pub(super) fn end_repair(&mut self) -> Option<Dial> {
        self.end_if(|dial| dial.reason == DialReason::Repair)
    }

    fn end_if(&mut self, is_it: impl Fn(&Dial) -> bool) -> Option<Dial> {
        let place = self.0.iter().rposition(is_it)?;
        let dial = self.0.remove(place);
        release_if_empty(&mut self.0);
        Some(dial)
    }
}
