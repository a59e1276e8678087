//! Collections that the parts share, and nothing of the protocol.

pub(crate) mod awaited;
pub(crate) mod bounded;
pub(crate) mod bounds;
pub(crate) mod id_hash;
pub(crate) mod id_index;
#[cfg(any(test, feature = "invariants"))]
pub(crate) mod invariant;
pub(crate) mod part_timer;
pub(crate) mod room;
pub(crate) mod smoothed;
pub(crate) mod table;
