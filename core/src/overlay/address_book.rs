//! The book of known peers: records from seed nodes' lists and from hellos, to be dialed some day.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::config::OverlayKind;
use crate::context::Context;
use crate::id::NodeId;
use crate::snapshot::KnownSnapshot;
use crate::time::Instant;
use crate::util::room::{make_room, release_if_empty};

/// Known peers, ordered by identity; at most `known_max`.
#[derive(Clone, Debug, Default)]
pub(crate) struct AddressBook {
    entries: Vec<Known>,
    /// When the entries were heard of. Those that a list named share a moment.
    last_seen: LastSeen,
    /// Peers that are not to be dialed for a while.
    resting: Vec<Rest>,
    /// The rank of every entry, where the overlay goes by it.
    ranks: Vec<Rank>,
    /// How many lists were noted.
    lists: u64,
}

/// A known peer, in 16 bytes: a peer has up to `known_max` of them.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) record: AddressRecord,
    /// The beginning of its identity, by which it is found without a look at others' records.
    pub(crate) prefix: u32,
    /// When it was heard of last: a number in [`LastSeen`].
    heard: u32,
}

/// A peer that is left alone.
#[derive(Clone, Debug)]
struct Rest {
    subject: NodeId,
    until: Instant,
}

/// Which list named a peer last, and at which place there: the greatest is at the head of the
/// newest list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank(u64);

impl AddressBook {
    /// Notes the records of a list, and their places in it.
    pub(crate) fn note_list(&mut self, cx: &mut Context, records: &[AddressRecord]) {
        self.lists += 1;
        for (record, place) in records.iter().zip(0..) {
            let known = self.note(cx, record);
            if let Some(rank) = known.and_then(|known| self.ranks.get_mut(known)) {
                *rank = Rank::new(self.lists, place);
            }
        }
    }

    /// Notes a record, or that it was heard of again. A newer life of a peer replaces the older
    /// one; when the book is full, whoever was not heard of for longest goes. Returns the entry's
    /// place.
    pub(crate) fn note(&mut self, cx: &mut Context, record: &AddressRecord) -> Option<usize> {
        let subject = record.subject();
        if subject == cx.me() {
            return None;
        }
        self.renumber_if_spent();
        if let Ok(place) = self.place_of(subject) {
            let known = &mut self.entries[place];
            let is_newer = record.replaces(&known.record);
            if is_newer {
                known.record = record.clone();
            }
            let before = core::mem::replace(&mut known.heard, self.last_seen.enter(cx.now));
            self.last_seen.leave(before);
            if is_newer {
                self.wake(subject);
            }
            return Some(place);
        }
        self.make_room(cx);
        let place = self.place_of(subject).unwrap_or_else(|place| place);
        let heard = self.last_seen.enter(cx.now);
        let known = Known { record: record.clone(), prefix: subject.prefix(), heard };
        make_room(&mut self.entries);
        self.entries.insert(place, known);
        if cx.config.overlay.kind == OverlayKind::PowerLaw {
            self.ranks.insert(place, Rank::NONE);
        }
        Some(place)
    }

    pub(crate) fn forget(&mut self, subject: NodeId) {
        if let Ok(place) = self.place_of(subject) {
            self.remove(place);
        }
    }

    /// Leaves a peer alone for a while.
    pub(crate) fn rest(&mut self, cx: &Context, subject: NodeId) {
        if self.place_of(subject).is_ok() {
            self.resting.retain(|rest| rest.until > cx.now && rest.subject != subject);
            let until = cx.now + cx.config.overlay.cooldown;
            make_room(&mut self.resting);
            self.resting.push(Rest { subject, until });
        }
    }

    /// Leaves nobody alone any longer.
    pub(crate) fn wake_all(&mut self) {
        self.resting = Vec::new();
    }

    /// Peers that may be dialed now, with their places.
    pub(crate) fn dialable(&self, now: Instant) -> impl Iterator<Item = (usize, &Known)> + '_ {
        let is_resting = move |known: &Known| {
            let is_it = |rest: &Rest| rest.until > now && rest.subject == known.record.subject();
            self.resting.iter().any(is_it)
        };
        self.entries.iter().enumerate().filter(move |(_, known)| !is_resting(known))
    }

    pub(crate) fn record(&self, place: usize) -> &AddressRecord {
        &self.entries[place].record
    }

    /// The rank of the peer at `place`; `None` if it is known from a hello only, or where ranks
    /// decide nothing.
    pub(crate) fn rank(&self, place: usize) -> Option<Rank> {
        self.ranks.get(place).copied().filter(|rank| *rank != Rank::NONE)
    }

    pub(crate) fn snapshot(&self, now: Instant) -> Vec<KnownSnapshot> {
        let view = |known: &Known| KnownSnapshot {
            record: known.record.clone(),
            heard: now.since(self.last_seen.at(known.heard)),
        };
        self.entries.iter().map(view).collect()
    }

    fn make_room(&mut self, cx: &mut Context) {
        if self.entries.len() < cx.config.overlay.known_max {
            return;
        }
        let oldest = self.last_seen.oldest();
        let place = self.entries.iter().position(|known| Some(known.heard) == oldest);
        if let Some(place) = place {
            self.remove(place);
            cx.stats.limits.known += 1;
        }
    }

    fn remove(&mut self, place: usize) {
        let known = self.entries.remove(place);
        if !self.ranks.is_empty() {
            self.ranks.remove(place);
        }
        self.last_seen.leave(known.heard);
        self.wake(known.record.subject());
    }

    fn wake(&mut self, subject: NodeId) {
        if !self.resting.is_empty() {
            self.resting.retain(|rest| rest.subject != subject);
            release_if_empty(&mut self.resting);
        }
    }

    fn renumber_if_spent(&mut self) {
        if self.last_seen.is_spent() {
            for known in &mut self.entries {
                known.heard = self.last_seen.place_of(known.heard);
            }
            self.last_seen.renumber();
        }
    }

    fn place_of(&self, subject: NodeId) -> Result<usize, usize> {
        let prefix = subject.prefix();
        self.entries.binary_search_by(|known| {
            known.prefix.cmp(&prefix).then_with(|| known.record.subject().cmp(&subject))
        })
    }
}

impl Rank {
    /// No list named it.
    const NONE: Self = Self(0);

    /// Lists are numbered from 1, places from 0.
    fn new(list: u64, place: u16) -> Self {
        Self(list << 16 | u64::from(u16::MAX - place))
    }
}

/// Moments at which entries were heard of, and of how many each. Entries name them by numbers that
/// grow with time, so the oldest entry is found without comparing times.
#[derive(Clone, Debug, Default)]
struct LastSeen {
    /// In the order of numbers and of time; none without entries.
    last_seen: Vec<SeenAt>,
    /// The greatest number given.
    last: u32,
}

#[derive(Clone, Copy, Debug)]
struct SeenAt {
    number: u32,
    entries: u32,
    at: Instant,
}

impl LastSeen {
    /// One more entry was heard of now. Returns the number of the moment.
    fn enter(&mut self, now: Instant) -> u32 {
        match self.last_seen.last_mut() {
            Some(last) if last.at == now => last.entries += 1,
            _ => {
                self.last += 1;
                make_room(&mut self.last_seen);
                self.last_seen.push(SeenAt { number: self.last, entries: 1, at: now });
            }
        }
        self.last
    }

    /// An entry is gone, or was heard of again.
    fn leave(&mut self, number: u32) {
        if let Ok(place) = self.find(number) {
            self.last_seen[place].entries -= 1;
            if self.last_seen[place].entries == 0 {
                self.last_seen.remove(place);
            }
        }
    }

    fn oldest(&self) -> Option<u32> {
        self.last_seen.first().map(|moment| moment.number)
    }

    fn at(&self, number: u32) -> Instant {
        self.find(number).map_or(Instant::BIRTH, |place| self.last_seen[place].at)
    }

    /// All numbers have been given once.
    const fn is_spent(&self) -> bool {
        self.last == u32::MAX
    }

    /// The number that [`LastSeen::renumber`] will give instead of this one.
    fn place_of(&self, number: u32) -> u32 {
        self.find(number).map_or(0, |place| u32::try_from(place).unwrap_or(0))
    }

    /// Gives every moment the number of its place.
    fn renumber(&mut self) {
        self.last = 0;
        for (moment, number) in self.last_seen.iter_mut().zip(0..) {
            (moment.number, self.last) = (number, number);
        }
    }

    fn find(&self, number: u32) -> Result<usize, usize> {
        self.last_seen.binary_search_by_key(&number, |moment| moment.number)
    }
}

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;
    use std::collections::BTreeMap;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;
    use crate::id::BootEpoch;
    use crate::testing::context;

    fn record(n: u8, epoch: u64) -> AddressRecord {
        let addr = SocketAddr::from(([10, 0, 0, n], 7000));
        // Every other identity begins like the one before it.
        let mut id = [n / 2; 32];
        id[31] = n;
        AddressRecord::new(NodeId::new(id), BootEpoch(epoch), &[addr]).expect("valid")
    }

    /// What a known peer is, as simply as can be.
    #[derive(Clone, Copy)]
    struct Model {
        epoch: u64,
        heard: Instant,
        dialable: Instant,
        listed: Option<(u64, core::cmp::Reverse<usize>)>,
    }

    const KNOWN_MAX: usize = 8;

    fn note(model: &mut BTreeMap<NodeId, Model>, now: Instant, record: &AddressRecord) {
        let (id, epoch) = (record.subject(), record.epoch().0);
        if !model.contains_key(&id) && model.len() == KNOWN_MAX {
            let oldest = *model.iter().min_by_key(|(_, it)| it.heard).expect("it is full").0;
            model.remove(&oldest);
        }
        let new = Model { epoch, heard: now, dialable: now, listed: None };
        let known = model.entry(id).or_insert(new);
        known.heard = now;
        if epoch > known.epoch {
            (known.epoch, known.dialable) = (epoch, now);
        }
    }

    fn check(book: &AddressBook, model: &BTreeMap<NodeId, Model>, now: Instant) {
        let ids: Vec<_> = book.entries.iter().map(|it| it.record.subject()).collect();
        assert!(ids.iter().eq(model.keys()));
        for (view, known) in book.snapshot(now).iter().zip(model.values()) {
            assert_eq!(view.heard, now.since(known.heard));
            assert_eq!(view.record.epoch().0, known.epoch);
        }
        let dialable = book.dialable(now).map(|(_, known)| known.record.subject());
        let awake = model.iter().filter(|(_, it)| it.dialable <= now).map(|(id, _)| *id);
        assert!(dialable.eq(awake));
        let best = (0..ids.len()).filter_map(|at| Some((book.rank(at)?, ids[at]))).max();
        let first = model.iter().filter_map(|(id, it)| Some((it.listed?, *id))).max();
        assert_eq!(best.map(|(_, id)| id), first.map(|(_, id)| id));
    }

    proptest! {
        #[test]
        fn a_book_is_what_its_model_is(steps in vec((0..6_u8, 2..30_u8, 0..3_u64), 0..120)) {
            let mut config = Config::classic();
            config.overlay.known_max = KNOWN_MAX;
            config.overlay.kind = OverlayKind::PowerLaw;
            let mut cx = context(config);
            let (mut book, mut model, mut lists) = (AddressBook::default(), BTreeMap::new(), 0);
            book.last_seen.last = u32::MAX - 20;
            for (what, n, life) in steps {
                let id = record(n, 0).subject();
                match what {
                    0 => cx.now = cx.now + core::time::Duration::from_secs(life * 4),
                    1 => {
                        let list = [n, n + 1, n + 7].map(|n| record(n, life));
                        book.note_list(&mut cx, &list);
                        lists += 1;
                        for (place, record) in list.iter().enumerate() {
                            note(&mut model, cx.now, record);
                            let known = model.get_mut(&record.subject()).expect("just noted");
                            known.listed = Some((lists, core::cmp::Reverse(place)));
                        }
                    }
                    2 => {
                        book.note(&mut cx, &record(n, life));
                        note(&mut model, cx.now, &record(n, life));
                    }
                    3 => {
                        book.forget(id);
                        model.remove(&id);
                    }
                    4 => {
                        book.rest(&cx, id);
                        let until = cx.now + cx.config.overlay.cooldown;
                        model.entry(id).and_modify(|it| it.dialable = until);
                    }
                    _ if n < 5 => {
                        book.wake_all();
                        for known in model.values_mut() {
                            known.dialable = cx.now;
                        }
                    }
                    _ => {}
                }
                check(&book, &model, cx.now);
            }
        }
    }

    #[test]
    fn a_known_peer_takes_16_bytes() {
        assert_eq!(size_of::<Known>(), 16);
    }
}
