//! Collections that the parts share, and nothing of the protocol.

pub(crate) mod bounded;
pub(crate) mod id_index;
pub(crate) mod room;
pub(crate) mod table;
