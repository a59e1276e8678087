//! Where a message's id stands in a list of messages, in constant time and few bytes.
//!
//! The hash is keyed by the node's own randomness: ids are made by others, and somebody who knew
//! the hash could search for ids that share one.

use core::fmt;

use hashbrown::HashTable;

use crate::id::MessageId;

/// Positions by id. The list itself holds the ids and is asked for them.
///
/// Positions count from the first item that the list ever had, and wrap, so that they stay the same
/// when the list loses its oldest items.
#[derive(Clone, Default)]
pub(crate) struct IdIndex {
    places: HashTable<u32>,
    salt: u64,
}

impl IdIndex {
    pub(crate) fn new(salt: u64) -> Self {
        Self { places: HashTable::new(), salt }
    }

    /// The position of `id`, where `id_at` tells the id at a position.
    pub(crate) fn find(&self, id: &MessageId, id_at: impl Fn(u32) -> MessageId) -> Option<u32> {
        self.places.find(hash(self.salt, id), |place| id_at(*place) == *id).copied()
    }

    /// Enters an id that is not there yet.
    pub(crate) fn insert(&mut self, id: &MessageId, place: u32, id_at: impl Fn(u32) -> MessageId) {
        let salt = self.salt;
        self.places.insert_unique(hash(salt, id), place, |place| hash(salt, &id_at(*place)));
    }

    pub(crate) fn remove(&mut self, id: &MessageId, place: u32) {
        if let Ok(entry) = self.places.find_entry(hash(self.salt, id), |it| *it == place) {
            entry.remove();
        }
    }

    /// Forgets all, and gives the room back.
    pub(crate) fn clear(&mut self) {
        self.places = HashTable::new();
    }
}

/// The product of the id's beginning and the salt, folded: every bit of the id moves many.
fn hash(salt: u64, id: &MessageId) -> u64 {
    let head = id.as_bytes().first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes));
    let head = head ^ salt.rotate_left(32);
    let product = u128::from(head) * u128::from(salt | 1);
    let [low, high] = [product, product >> 64].map(|half| half & u128::from(u64::MAX));
    u64::try_from(low ^ high).unwrap_or(0)
}

/// Its contents are those of the list.
impl fmt::Debug for IdIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdIndex({})", self.places.len())
    }
}
