//! Messages of the overlay `hyparview` (DSN 2007, §4).

use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use super::MAX_SHUFFLE;
use crate::address::AddressRecord;
use crate::util::bounded::bounded;

const HALF: usize = MAX_SHUFFLE / 2;

/// A newcomer on its random walk (§4.2, Algorithm 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardJoin {
    /// Who joins.
    pub joiner: AddressRecord,
    /// Links left to travel.
    pub ttl: u8,
}

/// A part of somebody's views on its random walk, to be exchanged for a part of another's (§4.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shuffle {
    /// Whose views. Gets the reply.
    pub origin: AddressRecord,
    /// Links left to travel.
    pub ttl: u8,
    /// Neighbors of the origin, at most half of [`MAX_SHUFFLE`].
    #[serde(deserialize_with = "bounded::<_, _, HALF>")]
    pub active: Vec<AddressRecord>,
    /// Peers from its passive view, at most half of [`MAX_SHUFFLE`].
    #[serde(deserialize_with = "bounded::<_, _, HALF>")]
    pub passive: Vec<AddressRecord>,
}
