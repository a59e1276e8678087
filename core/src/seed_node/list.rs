//! The seed node's list: who is registered, until when, on which link (R4).
//!
//! One entry per identity, a bound on all of them, and a lease on each, so that the list cannot be
//! used as a store and forgets by itself.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;

use rand::seq::index::sample as sample_indexes;

use crate::address::AddressRecord;
use crate::config::OverlayKind;
use crate::context::Context;
use crate::id::{LinkId, NodeId};
use crate::rng::Stream;
use crate::seed_node::timer::SeedNodeTimer;
use crate::seed_node::weights::{SumTree, Weight};
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};

/// The list. Every change and every answer takes a time that grows with the logarithm of its length.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    /// In no order that means anything, and without gaps, so that samples are drawn by place.
    entries: Vec<Entry>,
    /// Where each subject's entry stands.
    places: BTreeMap<NodeId, usize>,
    /// The weights of the entries, where lists are drawn by them.
    weights: SumTree,
    /// (end of lease, subject) of every entry.
    leases: BTreeSet<(Instant, NodeId)>,
}

/// One registered peer.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) record: AddressRecord,
    /// The link it registered on; `None` once that is lost.
    pub(crate) link: Option<LinkId>,
    pub(crate) since: Instant,
    lease_end: Instant,
    /// Who reported it dead since it last gave a sign of life (R23).
    accusers: Vec<NodeId>,
}

/// The list has no room for one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl List {
    pub(crate) fn get(&self, subject: NodeId) -> Option<&Entry> {
        self.places.get(&subject).map(|place| &self.entries[*place])
    }

    fn get_mut(&mut self, subject: NodeId) -> Option<&mut Entry> {
        self.places.get(&subject).map(|place| &mut self.entries[*place])
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        holds(self.entries.len() == self.places.len(), "entries are not where they should be")?;
        holds(self.entries.len() == self.leases.len(), "an entry without a lease")?;
        for (place, entry) in self.entries.iter().enumerate() {
            let subject = entry.record.subject();
            holds(self.places.get(&subject) == Some(&place), "an entry is in another place")?;
            let has_lease = self.leases.contains(&(entry.lease_end, subject));
            holds(has_lease, "an entry whose lease has another end")?;
            let is_its = |link| cx.up(link).is_some_and(|up| up.remote.subject() == subject);
            holds(entry.link.is_none_or(is_its), "an entry on a link that is gone")?;
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All entries, by identity.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Entry> + '_ {
        self.places.values().map(|place| &self.entries[*place])
    }

    /// Enters or replaces `record`. Returns the link that the entry had before, and whether this
    /// life was not listed yet.
    pub(crate) fn insert(
        &mut self,
        cx: &mut Context,
        record: AddressRecord,
        link: LinkId,
    ) -> Result<(Option<LinkId>, bool), Full> {
        let subject = record.subject();
        let place = self.places.get(&subject).copied();
        let old = place.map(|place| &self.entries[place]);
        if old.is_none() && self.entries.len() >= cx.config.registration.registry_max {
            cx.stats.limits.registry += 1;
            return Err(Full);
        }
        if let Some(old) = old {
            self.leases.remove(&(old.lease_end, subject));
        }
        let is_new = old.is_none_or(|old| old.record.epoch() != record.epoch());
        let newer = old.filter(|old| old.record.replaces(&record)).map(|old| old.record.clone());
        let record = newer.unwrap_or(record);
        let since = old.filter(|_| !is_new).map_or(cx.now, |old| old.since);
        let old_link = old.and_then(|old| old.link).filter(|old| *old != link);
        let lease_end = cx.now + cx.config.registration.lease;
        let entry = Entry { record, link: Some(link), since, lease_end, accusers: Vec::new() };
        match place {
            Some(place) => self.entries[place] = entry,
            None => self.push(cx, entry),
        }
        self.leases.insert((lease_end, subject));
        self.arm(cx);
        Ok((old_link, is_new))
    }

    fn push(&mut self, cx: &mut Context, entry: Entry) {
        if cx.config.overlay.kind == OverlayKind::PowerLaw {
            let most = Weight::most(&cx.config.overlay);
            self.weights.push(Weight::draw(&mut cx.rng.draw(Stream::Weight), most));
        }
        self.places.insert(entry.record.subject(), self.entries.len());
        self.entries.push(entry);
    }

    /// Extends the lease of an entry that gave a sign of life. False when it is not listed.
    pub(crate) fn renew(&mut self, cx: &mut Context, subject: NodeId) -> bool {
        let lease = cx.config.registration.lease;
        self.extend(cx, subject, lease, |entry| entry.accusers.clear())
    }

    /// Gives an entry as long as a probe may take, so that its lease is not looked at meanwhile.
    pub(crate) fn defer(&mut self, cx: &mut Context, subject: NodeId, by: Duration) {
        self.extend(cx, subject, by, |_| {});
    }

    fn extend(
        &mut self,
        cx: &mut Context,
        subject: NodeId,
        by: Duration,
        change: impl FnOnce(&mut Entry),
    ) -> bool {
        let Some(&place) = self.places.get(&subject) else { return false };
        let entry = &mut self.entries[place];
        self.leases.remove(&(entry.lease_end, subject));
        entry.lease_end = cx.now + by;
        self.leases.insert((entry.lease_end, subject));
        change(entry);
        self.arm(cx);
        true
    }

    pub(crate) fn remove(&mut self, cx: &mut Context, subject: NodeId) -> Option<Entry> {
        let place = self.places.remove(&subject)?;
        let entry = self.entries.swap_remove(place);
        self.weights.swap_remove(place);
        if let Some(moved) = self.entries.get(place) {
            self.places.insert(moved.record.subject(), place);
        }
        self.leases.remove(&(entry.lease_end, subject));
        self.arm(cx);
        Some(entry)
    }

    /// Notes that `link` is gone. Returns whose entry it carried, if that entry has no newer link.
    pub(crate) fn unlink(&mut self, subject: NodeId, link: LinkId) -> bool {
        match self.get_mut(subject) {
            Some(entry) if entry.link == Some(link) => {
                entry.link = None;
                true
            }
            _ => false,
        }
    }

    /// Adds an accuser. Returns how many different ones there are now.
    pub(crate) fn accuse(&mut self, subject: NodeId, accuser: NodeId, most: usize) -> usize {
        let Some(entry) = self.get_mut(subject) else { return 0 };
        if !entry.accusers.contains(&accuser) && entry.accusers.len() < most {
            entry.accusers.push(accuser);
        }
        entry.accusers.len()
    }

    /// Takes the accusers of an entry that turned out to be alive.
    pub(crate) fn take_accusers(&mut self, subject: NodeId) -> Vec<NodeId> {
        self.get_mut(subject).map(|e| core::mem::take(&mut e.accusers)).unwrap_or_default()
    }

    /// Subjects whose lease has run out by now.
    pub(crate) fn expired(&self, now: Instant) -> Vec<NodeId> {
        self.leases.iter().take_while(|(end, _)| *end <= now).map(|(_, subject)| *subject).collect()
    }

    /// `count` distinct records, or all there are, without `requester`'s own: random ones, or by
    /// weight and in the order drawn. Takes a time that grows with `count`, and hardly with the
    /// length of the list.
    pub(crate) fn sample(
        &mut self,
        cx: &mut Context,
        count: usize,
        requester: NodeId,
    ) -> Vec<AddressRecord> {
        let own = self.places.get(&requester).copied();
        let others = self.entries.len() - usize::from(own.is_some());
        let mut rng = cx.rng.draw(Stream::Registry);
        let count = count.min(others);
        let drawn = match cx.config.overlay.kind {
            OverlayKind::Random | OverlayKind::HyParView => {
                // The requester's place is left out: those from it on stand for the next ones.
                let skip = |place| place + usize::from(own.is_some_and(|own| place >= own));
                sample_indexes(&mut rng, others, count).into_iter().map(skip).collect()
            }
            OverlayKind::PowerLaw => self.weights.draw_in_order(&mut rng, count, own),
        };
        let record = |place: usize| self.entries[place].record.clone();
        drawn.into_iter().map(record).collect()
    }

    fn arm(&self, cx: &mut Context) {
        match self.leases.first() {
            Some((end, _)) => cx.timers.arm(SeedNodeTimer::Lease, *end),
            None => cx.timers.cancel(SeedNodeTimer::Lease),
        }
    }
}

#[cfg(test)]
mod tests {

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;

    use crate::testing::{context, record_of_life as record};

    /// A list of the nodes 1 to 50.
    fn list(kind: OverlayKind) -> (List, Context) {
        let mut config = Config::classic();
        config.overlay.kind = kind;
        let (mut list, mut cx) = (List::default(), context(config));
        for n in 1..=50 {
            let link = LinkId::accepted(n.into());
            list.insert(&mut cx, record(n, 1), link).expect("room for 65,536");
        }
        (list, cx)
    }

    #[test]
    fn whoever_asks_is_not_in_the_answer() {
        for kind in [OverlayKind::Random, OverlayKind::PowerLaw] {
            let (mut list, mut cx) = list(kind);
            for n in 1..=50 {
                let requester = NodeId::new([n; 32]);
                let sample = list.sample(&mut cx, 64, requester);
                let named: BTreeSet<_> = sample.iter().map(AddressRecord::subject).collect();
                assert_eq!((sample.len(), named.len()), (49, 49), "{kind:?}");
                assert!(!named.contains(&requester), "{kind:?}");
            }
        }
    }

    proptest! {
        /// Entries come and go in any order; what is left can be found and drawn.
        #[test]
        fn a_list_samples_all_that_it_holds(steps in vec((1..60_u8, any::<bool>()), 0..200)) {
            for kind in [OverlayKind::Random, OverlayKind::PowerLaw] {
                let (mut list, mut cx) = list(kind);
                let mut left: BTreeSet<u8> = (1..=50).collect();
                for (n, comes) in &steps {
                    if *comes {
                        let link = LinkId::accepted(u64::from(*n) + 100);
                        list.insert(&mut cx, record(*n, 1), link).expect("room for 65,536");
                        left.insert(*n);
                    } else {
                        let is_listed = list.remove(&mut cx, NodeId::new([*n; 32])).is_some();
                        assert_eq!(is_listed, left.remove(n));
                    }
                }
                let ids = || left.iter().map(|n| NodeId::new([*n; 32]));
                assert!(list.iter().map(|entry| entry.record.subject()).eq(ids()));
                assert!(ids().all(|id| list.get(id).is_some_and(|it| it.record.subject() == id)));
                let sample = list.sample(&mut cx, 100, NodeId::new([0; 32]));
                let named: BTreeSet<_> = sample.iter().map(AddressRecord::subject).collect();
                assert!(sample.len() == left.len() && named.into_iter().eq(ids()), "{kind:?}");
            }
        }
    }

    #[test]
    fn a_weight_lasts_as_long_as_its_entry() {
        let (mut list, mut cx) = list(OverlayKind::PowerLaw);
        let weights = |list: &List| {
            let of = |place: &usize| list.weights.get(*place);
            list.places.values().map(of).collect::<Vec<_>>()
        };
        let before = weights(&list);
        for n in 1..=50 {
            list.renew(&mut cx, NodeId::new([n; 32]));
            list.insert(&mut cx, record(n, 2), LinkId::accepted(100)).expect("room for 65,536");
        }
        assert_eq!(weights(&list), before);
        for n in 1..=50 {
            list.remove(&mut cx, NodeId::new([n; 32]));
            list.insert(&mut cx, record(n, 2), LinkId::accepted(100)).expect("room for 65,536");
        }
        assert_ne!(weights(&list), before);
    }
}
