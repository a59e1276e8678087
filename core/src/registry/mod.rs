//! Who introduces me: the seed node's list, and the peer's registrations on such lists.

pub(crate) mod bootstrap;
pub(crate) mod list;
pub(crate) mod notices;
pub(crate) mod other_seed_nodes;
pub(crate) mod pending_votes;
pub(crate) mod probes;
pub(crate) mod proposals;
pub(crate) mod quorum;
pub(crate) mod weights;
