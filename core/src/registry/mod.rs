//! Who introduces me: the seed node's list, and the peer's registrations on such lists.

pub(crate) mod ballots;
pub(crate) mod bootstrap;
pub(crate) mod colleagues;
pub(crate) mod council;
pub(crate) mod list;
pub(crate) mod motions;
pub(crate) mod notices;
pub(crate) mod probes;
pub(crate) mod weights;
