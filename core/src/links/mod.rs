//! Connections and their first exchange, the same for both roles.
//!
//! ```text
//! dialer                              acceptor
//!   Hello { to, from, purpose }  ──▶
//!                                ◀──  Welcome { from }          the link is up
//!                                ◀──  Refuse { reason }, close  or it is not
//! ```
//!
//! This part knows which links exist and how far each has come. What a link is for, and whether a
//! hello is granted, the role decides: it gets an [`Outcome`] for every input about a link.

pub(crate) mod config;
pub(crate) mod flow;
mod handshake;
pub(crate) mod health;
#[cfg(any(test, feature = "invariants"))]
mod invariants;
pub(crate) mod message;
pub(crate) mod neighbors;
pub(crate) mod parts;
mod pings;
mod silence;
pub(crate) mod state;
pub(crate) mod timer;
mod tolerance;

pub(crate) use state::{
    Delivery, DialReason, Ending, Failed, Failure, Links, Outcome, Owner, Target, Up,
};
