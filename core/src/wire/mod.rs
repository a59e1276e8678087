//! What are the bytes: preamble, frames, messages.
//!
//! ```text
//! connection = preamble frame*            both directions, each side sends its preamble at once
//! preamble   = "TDNG" version:u16 kind:u8 status:u8
//! frame      = length:u32 body            big endian; length of the body, at most MAX_FRAME
//! body       = message                    postcard; the first byte is the message's tag
//! ```
//!
//! Everything a stranger can send passes through [`decode_frame`] or [`Preamble::decode`]. Neither
//! panics, and neither allocates more than the bytes it was given allow for.

pub(crate) mod error;
pub(crate) mod limits;
mod message;
mod preamble;
mod tags;

pub use crate::broadcast::message::{Age, BroadcastMessage, Digest, Gossip};
pub use crate::broadcast::plumtree::message::{Foreign, Graft, IHave, Prune, Route};
pub use crate::detector::swim::message::{Claim, Evidence, Statement, SwimMessage};
pub use crate::links::message::{
    Bye, Hello, KnownLife, LinkMessage, NetworkName, Ping, Purpose, Refusal, Refuse, Welcome,
};
pub use crate::links::parts::Parts;
pub use crate::overlay::message::{ForwardJoin, OverlayMessage, Shuffle};
pub use crate::registration::message::{DeathReport, Leave, RegistrationMessage};
pub use crate::seed_node::message::{Proposal, ProposalKind, Vote, VoteMessage};
pub use error::DecodeError;
pub use limits::{
    MAX_CONFIRMERS, MAX_FRAME, MAX_IDS, MAX_IHAVES, MAX_MEMBERS, MAX_NEIGHBORS, MAX_PAYLOADS,
    MAX_SAMPLE, MAX_SHUFFLE,
};
pub use message::Message;
pub use preamble::{ChannelKind, PREAMBLE_LEN, Preamble, PreambleError, PreambleStatus};

/// Version of everything after the preamble. Before 1.0 every change of the wire bumps it.
pub const WIRE_VERSION: u16 = 9;

/// Bytes of the length that precedes each frame's body.
pub const FRAME_HEADER_LEN: usize = 4;

/// Reads the body of one frame.
pub fn decode(body: &[u8]) -> Result<Message, DecodeError> {
    if body.len() > MAX_FRAME {
        return Err(DecodeError::TooLong(body.len()));
    }
    match tags::deserialize(body) {
        Ok((message, [])) => Ok(message),
        Ok((_, rest)) => Err(DecodeError::Trailing(rest.len())),
        Err(_) => Err(DecodeError::Malformed),
    }
}

/// Reads the first frame of `bytes`, if it is whole: its message, and how many bytes it took. The
/// announced length is checked before anything else, so a caller never makes room for a frame that
/// is too long.
pub fn decode_frame(bytes: &[u8]) -> Result<Option<(Message, usize)>, DecodeError> {
    let Some((header, rest)) = bytes.split_first_chunk::<FRAME_HEADER_LEN>() else {
        return Ok(None);
    };
    let len = usize::try_from(u32::from_be_bytes(*header)).unwrap_or(usize::MAX);
    if len > MAX_FRAME {
        return Err(DecodeError::TooLong(len));
    }
    match rest.get(..len) {
        Some(body) => Ok(Some((decode(body)?, FRAME_HEADER_LEN + len))),
        None => Ok(None),
    }
}

/// Appends the frame of `message`, length first, to `out`.
///
/// # Panics
///
/// When the frame would be larger than [`MAX_FRAME`], which no message made of its bounded parts is.
pub fn encode(message: &Message, out: &mut bytes::BytesMut) {
    let len = frame_len(message);
    let body = len - FRAME_HEADER_LEN;
    assert!(body <= MAX_FRAME, "a {} message of {body} bytes was built", message.name());
    let start = out.len();
    out.resize(start + len, 0);
    let (header, body) = out[start..].split_at_mut(FRAME_HEADER_LEN);
    let length = u32::try_from(body.len()).expect("MAX_FRAME fits u32");
    header.copy_from_slice(&length.to_be_bytes());
    let slice = postcard::ser_flavors::Slice::new(body);
    tags::serialize(message, slice).expect("a frame is as long as its message");
    body[0] = tags::tag(message, body[0]);
}

/// How many bytes the frame of `message` has, length included, without making it.
///
/// # Panics
///
/// Never: see [`encode`].
pub fn frame_len(message: &Message) -> usize {
    let body = tags::serialize(message, postcard::ser_flavors::Size::default());
    FRAME_HEADER_LEN + body.expect("messages are made of bounded parts, so they serialize")
}
