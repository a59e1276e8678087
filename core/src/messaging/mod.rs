//! What do users say: envelopes, and the chatter of the documented network.

pub(crate) mod chatter;
pub(crate) mod envelope;

pub use envelope::{Envelope, Payload, TooLong, Topic};
