//! The book of known peers: records from seed nodes' lists and from hellos, to be dialed some day.

use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::NodeId;
use crate::snapshot::KnownSnapshot;
use crate::time::Instant;

/// Known peers, ordered by identity; at most `known_max`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Book {
    entries: Vec<Known>,
    /// How many lists were noted.
    lists: u64,
}

/// A known peer.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) record: AddressRecord,
    /// Which list named it last, and at which place there. The greatest is at the head of the
    /// newest list; `None` if it is known from a hello only.
    pub(crate) listed: Option<(u64, Reverse<usize>)>,
    heard: Instant,
    /// Not to be dialed before this.
    rested: Instant,
}

impl Book {
    /// Notes the records of a list, and their places in it.
    pub(crate) fn note_list(&mut self, cx: &mut Context, records: &[AddressRecord]) {
        self.lists += 1;
        for (place, record) in records.iter().enumerate() {
            self.note(cx, record);
            if let Ok(known) = self.place_of(record.subject()) {
                self.entries[known].listed = Some((self.lists, Reverse(place)));
            }
        }
    }

    /// Notes a record, or that it was heard of again. A newer life of a peer replaces the older
    /// one; when the book is full, whoever was not heard of for longest goes.
    pub(crate) fn note(&mut self, cx: &mut Context, record: &AddressRecord) {
        let subject = record.subject();
        if subject == cx.me() {
            return;
        }
        if let Ok(place) = self.place_of(subject) {
            let known = &mut self.entries[place];
            known.heard = cx.now;
            if record.supersedes(&known.record) {
                known.record = record.clone();
                known.rested = cx.now;
            }
        } else {
            self.make_room(cx);
            let place = self.place_of(subject).unwrap_or_else(|place| place);
            let record = record.clone();
            let known = Known { record, listed: None, heard: cx.now, rested: cx.now };
            self.entries.insert(place, known);
        }
    }

    pub(crate) fn forget(&mut self, subject: NodeId) {
        if let Ok(place) = self.place_of(subject) {
            self.entries.remove(place);
        }
    }

    /// Leaves a peer alone for a while.
    pub(crate) fn rest(&mut self, cx: &Context, subject: NodeId) {
        if let Ok(place) = self.place_of(subject) {
            self.entries[place].rested = cx.now + cx.config.overlay.cooldown;
        }
    }

    /// Leaves nobody alone any longer.
    pub(crate) fn wake_all(&mut self, now: Instant) {
        for known in &mut self.entries {
            known.rested = now;
        }
    }

    /// Peers that may be dialed now.
    pub(crate) fn rested(&self, now: Instant) -> impl Iterator<Item = &Known> + '_ {
        self.entries.iter().filter(move |known| known.rested <= now)
    }

    pub(crate) fn snapshot(&self, now: Instant) -> Vec<KnownSnapshot> {
        let view = |known: &Known| KnownSnapshot {
            record: known.record.clone(),
            heard: now.since(known.heard),
        };
        self.entries.iter().map(view).collect()
    }

    fn make_room(&mut self, cx: &mut Context) {
        if self.entries.len() < cx.config.overlay.known_max {
            return;
        }
        let oldest = (0..self.entries.len()).min_by_key(|&place| self.entries[place].heard);
        if let Some(place) = oldest {
            self.entries.remove(place);
            cx.stats.limits.known += 1;
        }
    }

    fn place_of(&self, subject: NodeId) -> Result<usize, usize> {
        self.entries.binary_search_by(|known| known.record.subject().cmp(&subject))
    }
}
