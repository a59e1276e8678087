//! How does a message spread: the broadcast `flood`, and catch-up for whoever missed something.

pub(crate) mod catch_up;
pub(crate) mod flood;
pub(crate) mod index;
pub(crate) mod seen;
pub(crate) mod store;
