//! What the probes of an entry show.

use crate::event::ProbeReason;
use crate::id::NodeId;

/// Why an entry is probed, one or more of these. Without any its link was lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reasons {
    pub(crate) is_reported: bool,
    pub(crate) is_lease_expired: bool,
    pub(super) is_vote_requested: bool,
}

/// What a probe showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It answered.
    Alive(NodeId, Reasons),
    /// It did not.
    Dead(NodeId),
    /// A newer life of it answered, or another node.
    Superseded(NodeId),
}

impl Reasons {
    pub(super) fn add(&mut self, reason: ProbeReason) {
        match reason {
            ProbeReason::LinkLost => {}
            ProbeReason::LeaseExpired => self.is_lease_expired = true,
            ProbeReason::Reported => self.is_reported = true,
            ProbeReason::VoteRequested => self.is_vote_requested = true,
        }
    }

    /// Nothing but the loss of a link: that is no strike yet.
    pub(super) const fn is_weak(self) -> bool {
        !(self.is_reported || self.is_lease_expired || self.is_vote_requested)
    }
}
