//! Messages that are awaited, each from a link and until a time.
//!
//! One is entered, found by its id and counted by its link in constant time, and found by its time in
//! little more: no message that comes or is named costs a look at all that are awaited.

use alloc::boxed::Box;
use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

use hashbrown::HashTable;

use crate::id::{LinkId, MessageId};
use crate::time::Instant;
use crate::util::id_hash::hash;
use crate::util::table::Table;

/// Awaited messages. Takes no room while there are none, which is most of a peer's time.
#[derive(Clone, Debug)]
pub(crate) struct Awaited<V> {
    tables: Option<Box<Tables<V>>>,
    salt: u64,
}

#[derive(Clone, Debug)]
struct Tables<V> {
    by_id: HashTable<Entered<V>>,
    /// Soonest first. Entries that were removed stay here until they are first or more than the others,
    /// which costs each of them a constant time; the first one is never one of them.
    by_time: BinaryHeap<Reverse<Due>>,
    /// How many each link has; none is 0.
    counts: Table<LinkId, usize>,
    /// How many were entered.
    entered: u64,
}

/// When an entry is due, and how many were entered before it, which tells it from all others.
type Due = (Instant, u64, MessageId);

#[derive(Clone, Debug)]
struct Entered<V> {
    entry: Entry<V>,
    order: u64,
}

/// One of them, and what else is to be known of it.
#[derive(Clone, Debug)]
pub(crate) struct Entry<V> {
    pub(crate) id: MessageId,
    pub(crate) link: LinkId,
    pub(crate) until: Instant,
    pub(crate) value: V,
}

impl<V> Awaited<V> {
    /// The salt should be the node's secret.
    pub(crate) fn new(salt: u64) -> Self {
        Self { tables: None, salt }
    }

    pub(crate) fn len(&self) -> usize {
        self.tables.as_ref().map_or(0, |tables| tables.by_id.len())
    }

    pub(crate) fn get(&self, id: MessageId) -> Option<&Entry<V>> {
        let tables = self.tables.as_ref()?;
        let found = tables.by_id.find(hash(self.salt, &id), |it| it.entry.id == id);
        found.map(|it| &it.entry)
    }

    pub(crate) fn get_mut(&mut self, id: MessageId) -> Option<&mut V> {
        let tables = self.tables.as_mut()?;
        let found = tables.by_id.find_mut(hash(self.salt, &id), |it| it.entry.id == id);
        found.map(|it| &mut it.entry.value)
    }

    /// How many are awaited from this link.
    pub(crate) fn count(&self, link: LinkId) -> usize {
        let counts = self.tables.as_ref().map(|tables| &tables.counts);
        counts.and_then(|counts| counts.get(link)).copied().unwrap_or(0)
    }

    /// When the first is due.
    pub(crate) fn first_due(&self) -> Option<Instant> {
        self.tables.as_ref().and_then(|tables| tables.by_time.peek()).map(|Reverse(due)| due.0)
    }

    /// Enters or replaces.
    pub(crate) fn insert(&mut self, entry: Entry<V>) {
        self.remove(entry.id);
        let salt = self.salt;
        let tables = self.tables.get_or_insert_with(|| Box::new(Tables::new()));
        let order = tables.entered;
        tables.entered += 1;
        tables.by_time.push(Reverse((entry.until, order, entry.id)));
        tables.counts.insert(entry.link, tables.counts.get(entry.link).map_or(1, |it| it + 1));
        let hash_of = |it: &Entered<V>| hash(salt, &it.entry.id);
        tables.by_id.insert_unique(hash(salt, &entry.id), Entered { entry, order }, hash_of);
    }

    pub(crate) fn remove(&mut self, id: MessageId) -> Option<Entry<V>> {
        let salt = self.salt;
        let tables = self.tables.as_mut()?;
        let found = tables.by_id.find_entry(hash(salt, &id), |it| it.entry.id == id).ok()?;
        let (Entered { entry, .. }, _) = found.remove();
        match tables.counts.get_mut(entry.link) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(tables.counts.remove(entry.link)),
        }
        self.forget_removed();
        Some(entry)
    }

    /// Takes the first that is due.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Entry<V>> {
        let Reverse((at, _, id)) = *self.tables.as_ref()?.by_time.peek()?;
        if at <= now { self.remove(id) } else { None }
    }

    /// Nothing more is awaited from this link. Looks at all if something was.
    pub(crate) fn remove_link(&mut self, link: LinkId) {
        if self.count(link) == 0 {
            return;
        }
        let Some(tables) = &mut self.tables else { return };
        tables.by_id.retain(|it| it.entry.link != link);
        tables.counts.remove(link);
        self.forget_removed();
    }

    /// Entries were removed: gives room back.
    fn forget_removed(&mut self) {
        let salt = self.salt;
        let Some(Tables { by_id, by_time, .. }) = self.tables.as_deref_mut() else { return };
        if by_id.is_empty() {
            self.tables = None;
            return;
        }
        let is_there =
            |(_, order, id): &Due| by_id.find(hash(salt, id), |it| it.order == *order).is_some();
        while by_time.peek().is_some_and(|Reverse(due)| !is_there(due)) {
            by_time.pop();
        }
        if by_time.len() > 2 * by_id.len() {
            by_time.retain(|Reverse(due)| is_there(due));
            by_time.shrink_to(2 * by_id.len());
        }
    }
}

impl<V> Tables<V> {
    fn new() -> Self {
        let (by_id, by_time) = (HashTable::new(), BinaryHeap::new());
        Self { by_id, by_time, counts: Table::default(), entered: 0 }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn id(n: u8) -> MessageId {
        MessageId::new([n; 32])
    }

    fn at(n: u64) -> Instant {
        Instant::from_micros(n)
    }

    proptest! {
        /// Up to 200 ids of four links, so that some tables become many.
        #[test]
        fn what_is_awaited_is_a_map(
            steps in vec((0..6_u8, 0..200_u8, 0..4_u64, 0..50_u64), 0..900),
        ) {
            let mut awaited = Awaited::new(7);
            let mut map = BTreeMap::<MessageId, (LinkId, Instant, usize)>::new();
            for (step, (what, n, link, until)) in steps.into_iter().enumerate() {
                let link = LinkId::dialed(link);
                match what {
                    0 => {
                        let removed = awaited.remove(id(n)).map(|it| it.value);
                        assert_eq!(removed, map.remove(&id(n)).map(|(.., value)| value));
                    }
                    1 if n % 16 == 0 => {
                        awaited.remove_link(link);
                        map.retain(|_, (from, ..)| *from != link);
                    }
                    2 if n % 8 == 0 => {
                        let mut due = BTreeMap::new();
                        while let Some(it) = awaited.pop_due(at(until)) {
                            due.insert(it.id, (it.link, it.until, it.value));
                        }
                        assert_eq!(due, map.extract_if(.., |_, it| it.1 <= at(until)).collect());
                    }
                    _ => {
                        awaited.insert(Entry { id: id(n), link, until: at(until), value: step });
                        map.insert(id(n), (link, at(until), step));
                    }
                }
                assert_eq!(awaited.len(), map.len());
                assert_eq!(awaited.count(link), map.values().filter(|it| it.0 == link).count());
                assert_eq!(awaited.first_due(), map.values().map(|it| it.1).min());
                let mut value = map.get(&id(n)).map(|it| it.2);
                assert_eq!(awaited.get(id(n)).map(|it| it.value), value);
                assert_eq!(awaited.get_mut(id(n)), value.as_mut());
                assert_eq!(awaited.tables.is_none(), map.is_empty(), "nothing takes no room");
                let noted = awaited.tables.as_ref().map_or(0, |tables| tables.by_time.len());
                assert!(noted <= 2 * map.len());
            }
        }
    }
}
