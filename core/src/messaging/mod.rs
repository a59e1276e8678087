//! What do users say: payloads in envelopes.

pub(crate) mod envelope;

pub use envelope::{Envelope, Payload, TooLong, Topic};
