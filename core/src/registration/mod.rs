//! The peer's side of registration: on which lists am I, and what the seed nodes are told.

pub(crate) mod bootstrap;
pub(crate) mod config;
pub(crate) mod message;
pub(crate) mod named;
pub(crate) mod notices;
pub(crate) mod timer;
