//! An ordered table for few or many entries.
//!
//! A peer has a handful of links, and a short sorted vector holds them in the least room and time.
//! A seed node has one per registered peer, and must find each among 100,000s: that is a tree.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::fmt;

use crate::util::room::{make_room, release_if_empty};

/// Entries by key, in the order of their keys.
#[derive(Clone)]
pub(crate) enum Table<K, V> {
    /// Sorted; at most [`FEW`].
    Few(Vec<(K, V)>),
    Many(BTreeMap<K, V>),
}

/// Most entries of a sorted vector: 64 neighbors, and those that come and go.
const FEW: usize = 96;

impl<K: Ord + Copy, V> Table<K, V> {
    pub(crate) fn get(&self, key: K) -> Option<&V> {
        match self {
            Self::Few(few) => place(few, key).ok().map(|place| &few[place].1),
            Self::Many(many) => many.get(&key),
        }
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        match self {
            Self::Few(few) => place(few, key).ok().map(|place| &mut few[place].1),
            Self::Many(many) => many.get_mut(&key),
        }
    }

    /// Enters or replaces.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        match self {
            Self::Few(few) => match place(few, key) {
                Ok(place) => few[place].1 = value,
                Err(place) if few.len() < FEW => {
                    make_room(few);
                    few.insert(place, (key, value));
                }
                Err(_) => {
                    let mut many: BTreeMap<K, V> = few.drain(..).collect();
                    many.insert(key, value);
                    *self = Self::Many(many);
                }
            },
            Self::Many(many) => {
                many.insert(key, value);
            }
        }
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        match self {
            Self::Few(few) => {
                let (_, value) = few.remove(place(few, key).ok()?);
                release_if_empty(few);
                Some(value)
            }
            Self::Many(many) => many.remove(&key),
        }
    }

    /// All entries, in the order of their keys.
    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn iter(&self) -> alloc::boxed::Box<dyn Iterator<Item = (K, &V)> + '_> {
        match self {
            Self::Few(few) => alloc::boxed::Box::new(few.iter().map(|(key, value)| (*key, value))),
            Self::Many(many) => {
                alloc::boxed::Box::new(many.iter().map(|(key, value)| (*key, value)))
            }
        }
    }

    /// The entry of the smallest key.
    pub(crate) fn first(&self) -> Option<(K, &V)> {
        match self {
            Self::Few(few) => few.first().map(|(key, value)| (*key, value)),
            Self::Many(many) => many.first_key_value().map(|(key, value)| (*key, value)),
        }
    }

    /// The keys of entries that are `wanted`, in their order.
    pub(crate) fn keys_where(&self, wanted: impl Fn(&V) -> bool) -> Vec<K> {
        match self {
            Self::Few(few) => few.iter().filter(|it| wanted(&it.1)).map(|it| it.0).collect(),
            Self::Many(many) => many.iter().filter(|it| wanted(it.1)).map(|it| *it.0).collect(),
        }
    }
}

/// Where `key` stands, or would.
fn place<K: Ord + Copy, V>(few: &[(K, V)], key: K) -> Result<usize, usize> {
    few.binary_search_by_key(&key, |entry| entry.0)
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Table<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Few(few) => f.debug_map().entries(few.iter().map(|it| (&it.0, &it.1))).finish(),
            Self::Many(many) => many.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Up to 200 keys, so that some tables become many.
        #[test]
        fn a_table_is_a_map(steps in vec((0..3_u8, 0..200_u64), 0..600)) {
            let (mut table, mut map) = (Table::default(), BTreeMap::new());
            for (step, (what, key)) in steps.into_iter().enumerate() {
                if what < 2 {
                    table.insert(key, step);
                    map.insert(key, step);
                } else {
                    assert_eq!(table.remove(key), map.remove(&key));
                }
                assert_eq!(table.get(key), map.get(&key));
                assert_eq!(table.get_mut(key), map.get_mut(&key));
                assert_eq!(table.first(), map.iter().next().map(|(key, step)| (*key, step)));
            }
            let odd = map.iter().filter(|(_, step)| *step % 2 == 1).map(|(key, _)| *key);
            assert_eq!(table.keys_where(|step| step % 2 == 1), odd.collect::<Vec<_>>());
            assert_eq!(table.keys_where(|_| true), map.into_keys().collect::<Vec<_>>());
        }
    }
}
