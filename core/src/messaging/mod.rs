//! What do users say: messages, one or more of them in an envelope.

pub(crate) mod envelope;
mod message;
mod payload;
mod too_long;
mod topic;

pub use envelope::Envelope;
pub use message::GossipMessage;
pub use payload::Payload;
pub use too_long::TooLong;
pub use topic::Topic;
