//! What seed nodes decide, and what came of it.

use core::time::Duration;

use crate::address::AddressRecord;
use crate::config::Config;
use crate::event::{Removal, VoteOutcome};
use crate::id::LinkId;
use crate::seed_node::message::ProposalKind;

/// What will be done when a proposal passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProposedChange {
    /// List whoever asked for it on this link.
    List(LinkId),
    /// Remove an entry, for this reason.
    Remove(Removal),
}

/// A proposal of this seed node has ended.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) record: AddressRecord,
    pub(crate) change: ProposedChange,
    pub(crate) outcome: VoteOutcome,
}

impl ProposedChange {
    pub(crate) const fn kind(self) -> ProposalKind {
        match self {
            Self::List(_) => ProposalKind::List,
            Self::Remove(_) => ProposalKind::Remove,
        }
    }

    /// How long votes are waited for. Whoever is asked about a death probes first, and a probe whose
    /// connection breaks is made twice.
    pub(super) fn patience(self, config: &Config) -> Duration {
        match self {
            Self::List(_) => config.registration.vote_timeout,
            Self::Remove(_) => config.registration.vote_timeout + config.links.hello_timeout * 2,
        }
    }
}
