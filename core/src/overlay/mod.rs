//! Who are my neighbors: the overlay `random` and the book of peers it dials from.

pub(crate) mod book;
pub(crate) mod random;
