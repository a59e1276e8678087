//! Where a message's id stands in a list of messages, in constant time and few bytes.

use alloc::boxed::Box;
use core::fmt;

use hashbrown::HashTable;

use crate::id::MessageId;
use crate::util::id_hash::hash;

/// Up to so many items are searched one by one: most peers hold no more, and a table is another
/// place in memory to wait for.
const FEW: usize = 8;

/// The positions of a list's items.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// That of its first item; they wrap.
    pub(crate) first: u32,
    pub(crate) len: usize,
}

impl Span {
    /// All positions, the first item's first.
    fn places(self) -> impl DoubleEndedIterator<Item = u32> {
        let len = u32::try_from(self.len).unwrap_or(u32::MAX);
        (0..len).map(move |place| self.first.wrapping_add(place))
    }
}

/// Positions by id. The list itself holds the ids and is asked for them.
///
/// Positions count from the first item that the list ever had, and wrap, so that they stay the same
/// when the list loses its oldest items.
#[derive(Clone, Default)]
pub(crate) struct IdIndex {
    /// All of them; `None` while they are few.
    places: Option<Box<HashTable<u32>>>,
    salt: u64,
}

impl IdIndex {
    pub(crate) fn new(salt: u64) -> Self {
        Self { places: None, salt }
    }

    /// The position of `id`, where `is_it` tells whether the item at a position has it.
    pub(crate) fn find(
        &self,
        id: &MessageId,
        span: Span,
        is_it: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        match &self.places {
            // What comes again was new just now.
            None => span.places().rev().find(|place| is_it(*place)),
            Some(places) => places.find(hash(self.salt, id), |place| is_it(*place)).copied(),
        }
    }

    /// Enters the last item of the list, which is not there yet.
    pub(crate) fn insert_last(&mut self, span: Span, id_at: impl Fn(u32) -> MessageId) {
        let salt = self.salt;
        let hash_at = |place: &u32| hash(salt, &id_at(*place));
        let known = match &self.places {
            None if span.len <= FEW => return,
            None => 0,
            Some(_) => span.len - 1,
        };
        let places = self.places.get_or_insert_default();
        for place in span.places().skip(known) {
            places.insert_unique(hash_at(&place), place, hash_at);
        }
    }

    pub(crate) fn remove(&mut self, id: &MessageId, place: u32) {
        let Some(places) = &mut self.places else { return };
        if let Ok(entry) = places.find_entry(hash(self.salt, id), |it| *it == place) {
            entry.remove();
        }
    }

    /// Forgets all, and gives the room back.
    pub(crate) fn clear(&mut self) {
        self.places = None;
    }
}

/// Its contents are those of the list.
impl fmt::Debug for IdIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdIndex({})", self.places.as_ref().map_or(0, |places| places.len()))
    }
}
