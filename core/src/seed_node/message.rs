//! Messages between seed nodes that decide together.

use alloc::boxed::Box;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::address::AddressRecord;

/// Messages between seed nodes that decide together.
///
/// The order of the variants is that of their tags in `wire/tags.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoteMessage {
    /// Seed node to seed node: do you agree (R21, R22)?
    Proposal(Box<Proposal>),
    /// Seed node to seed node: I do, or I do not.
    Vote(Vote),
}

impl VoteMessage {
    /// The message's name in `PROTOCOL.md`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Proposal(_) => "Proposal",
            Self::Vote(_) => "Vote",
        }
    }
}

/// What a seed node asks the others before it changes its list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// What the vote on it will be called.
    pub number: u64,
    /// What to do.
    pub kind: ProposalKind,
    /// With whom: a vote is on this life only.
    pub subject: AddressRecord,
}

/// What a proposal is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProposalKind {
    /// To list a peer that asks for it (R21).
    List,
    /// To remove an entry that did not answer the requester's probes (R22).
    Remove,
}

impl fmt::Display for ProposalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::List => "list",
            Self::Remove => "remove",
        })
    }
}

/// A seed node's answer to a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// The proposal's number.
    pub number: u64,
    /// For it, or against it.
    pub agrees: bool,
}
