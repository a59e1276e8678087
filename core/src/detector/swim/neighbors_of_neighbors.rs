//! Whom neighbors named as their other neighbors: those can probe them for us.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::LinkId;
use crate::links::neighbors::Neighbor;
use crate::rng::Stream;
use crate::util::room::make_room;
use crate::wire::{MAX_NEIGHBORS, SwimMessage};
use rand::seq::SliceRandom as _;

/// What neighbors named, at most [`MAX_NEIGHBORS`] records each.
#[derive(Clone, Debug, Default)]
pub(crate) struct NeighborsOfNeighbors {
    lists: Vec<(LinkId, Vec<AddressRecord>)>,
    /// The neighbors of this peer are others than those it named last.
    is_stale: bool,
}

impl NeighborsOfNeighbors {
    pub(crate) const fn on_neighbors_changed(&mut self) {
        self.is_stale = true;
    }

    /// The newest list of a neighbor replaces the one before. Nobody and no address is in it twice, nor
    /// the neighbor itself: all of them may be dialed at once.
    pub(crate) fn note(&mut self, from: &Neighbor, records: Vec<AddressRecord>) {
        self.take(from.link);
        let mut list: Vec<AddressRecord> = Vec::new();
        for record in records {
            let is_same = |it: &AddressRecord| {
                let is_one_address = it.addresses().first() == record.addresses().first();
                it.subject() == record.subject() || is_one_address
            };
            let is_known = is_same(&from.record) || list.iter().any(is_same);
            if !is_known && list.len() < MAX_NEIGHBORS {
                make_room(&mut list);
                list.push(record);
            }
        }
        make_room(&mut self.lists);
        self.lists.push((from.link, list));
    }

    pub(crate) fn of(&self, link: LinkId) -> &[AddressRecord] {
        self.lists.iter().find(|(of, _)| *of == link).map_or(&[], |(_, records)| records)
    }

    /// Takes the list of a neighbor that is gone.
    pub(crate) fn take(&mut self, link: LinkId) -> Vec<AddressRecord> {
        let place = self.lists.iter().position(|(of, _)| *of == link);
        place.map(|place| self.lists.swap_remove(place).1).unwrap_or_default()
    }

    /// Tells each neighbor of the others, if they have changed. Called once per round, so that a
    /// peer whose neighbors come and go does not repeat itself.
    pub(crate) fn tell(&mut self, cx: &mut Context) {
        if !core::mem::take(&mut self.is_stale) {
            return;
        }
        let mut drawn: Vec<Neighbor> = cx.neighbors.iter().cloned().collect();
        drawn.shuffle(&mut cx.rng.draw(Stream::Probe));
        for link in cx.neighbors.links() {
            let others = drawn.iter().filter(|other| other.link != link);
            let records = others.take(MAX_NEIGHBORS).map(|other| other.record.clone()).collect();
            cx.send(link, SwimMessage::Neighbors { records });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::id::{BootEpoch, NodeId};
    use crate::links::neighbors::Neighbors;
    use crate::testing::context;
    use crate::time::Instant;

    #[test]
    fn a_neighbor_is_kept_with_its_newest_eight_names_and_forgotten_with_its_link() {
        let (mut named, from) = (NeighborsOfNeighbors::default(), neighbor(record(3, 3)));
        let link = from.link;
        named.note(&from, (10..110).map(|n| record(n, n)).collect());
        assert_eq!(named.of(link).len(), MAX_NEIGHBORS);
        named.note(&from, alloc::vec![record(4, 4)]);
        assert_eq!((named.of(link).len(), named.lists.len()), (1, 1));
        assert_eq!(named.take(link).len(), 1);
        assert!(named.of(link).is_empty() && named.lists.is_empty());
    }

    #[test]
    fn nobody_and_no_address_is_named_twice() {
        let (mut named, from) = (NeighborsOfNeighbors::default(), neighbor(record(3, 3)));
        let listed = [(4, 4), (4, 5), (5, 4), (3, 9), (9, 3), (6, 6)];
        named.note(&from, listed.map(|(id, host)| record(id, host)).into());
        assert_eq!(named.of(from.link), [record(4, 4), record(6, 6)]);
    }

    fn record(id: u8, host: u8) -> AddressRecord {
        let addr = core::net::SocketAddr::from(([10, 0, 0, host], 7000));
        AddressRecord::new(NodeId::new([id; 32]), BootEpoch(1), &[addr]).expect("valid")
    }

    fn neighbor(record: AddressRecord) -> Neighbor {
        let (mut neighbors, link) = (Neighbors::default(), LinkId::dialed(3));
        neighbors.insert(link, record, Instant::BIRTH);
        neighbors.by_link(link).expect("it was inserted just now").clone()
    }

    #[test]
    fn neighbors_are_named_once_per_change() {
        let mut cx = context(Config::modern());
        let mut named = NeighborsOfNeighbors::default();
        cx.neighbors.insert(LinkId::dialed(1), cx.record.clone(), cx.now);
        named.tell(&mut cx);
        assert!(cx.is_drained(), "nothing has changed");
        named.on_neighbors_changed();
        named.tell(&mut cx);
        assert!(cx.poll_output().is_some());
        named.tell(&mut cx);
        assert!(cx.is_drained());
    }
}
