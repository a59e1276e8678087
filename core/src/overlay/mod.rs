//! Who are my neighbors: the overlays `random` and `power-law`, and the book of peers they dial from.

pub(crate) mod book;
pub(crate) mod random;
