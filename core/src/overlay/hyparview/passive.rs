//! The passive view: peers to replace neighbors with.

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::NodeId;
use crate::rng::Stream;
use crate::snapshot::KnownSnapshot;
use crate::time::Instant;
use crate::util::room::{make_room, release_if_empty};

/// Known peers that are no neighbors, by the beginning of their identities; at most `passive`.
#[derive(Clone, Debug, Default)]
pub(super) struct PassiveView {
    entries: Vec<Entry>,
    /// Whom not to ask for a while. Each of them is an entry.
    resting: Vec<Rest>,
}

/// A known peer, in 16 bytes: a peer has up to `passive` of them.
#[derive(Clone, Debug)]
struct Entry {
    record: AddressRecord,
    /// The beginning of its identity, by which it is found without a look at others' records.
    prefix: u32,
    /// When it was heard of last, in seconds since birth: enough for people.
    heard: u32,
}

/// Two entries with one prefix would rest together, which harms nobody.
#[derive(Clone, Copy, Debug)]
struct Rest {
    prefix: u32,
    until: Instant,
}

impl PassiveView {
    /// Takes in what others told of. Neighbors and this node itself are no part of the view
    /// (HyParView §4.1). When it is full, peers of `first` go first, which were sent away just now,
    /// and then random ones (§4.4).
    pub(super) fn integrate(
        &mut self,
        cx: &mut Context,
        records: &[AddressRecord],
        first: &mut Vec<u32>,
    ) {
        for record in records {
            let is_neighbor = cx.neighbors.by_id(record.subject()).is_some();
            if !is_neighbor && record.subject() != cx.me() {
                self.note(cx, record, first);
            }
        }
    }

    fn note(&mut self, cx: &mut Context, record: &AddressRecord, first: &mut Vec<u32>) {
        let (subject, heard) = (record.subject(), seconds(cx.now));
        if let Ok(place) = self.place_of(subject) {
            let entry = &mut self.entries[place];
            entry.heard = heard;
            if record.replaces(&entry.record) {
                entry.record = record.clone();
            }
            return;
        }
        if self.entries.len() >= cx.config.overlay.hyparview.passive {
            cx.stats.limits.known += 1;
            self.evict(cx, first);
        }
        let place = self.place_of(subject).unwrap_or_else(|place| place);
        make_room(&mut self.entries);
        self.entries
            .insert(place, Entry { record: record.clone(), prefix: subject.prefix(), heard });
    }

    fn evict(&mut self, cx: &mut Context, first: &mut Vec<u32>) {
        let mut sent = None;
        while let (None, Some(prefix)) = (sent, first.pop()) {
            sent = self.entries.iter().position(|entry| entry.prefix == prefix);
        }
        let place = sent.or_else(|| cx.rng.index(Stream::Walk, self.entries.len()));
        if let Some(place) = place {
            self.remove_at(place);
        }
    }

    pub(super) fn remove(&mut self, subject: NodeId) {
        if let Ok(place) = self.place_of(subject) {
            self.remove_at(place);
        }
    }

    fn remove_at(&mut self, place: usize) {
        let entry = self.entries.remove(place);
        self.wake(entry.prefix);
    }

    /// Asks an entry for nothing until `pause` is over.
    pub(super) fn rest(&mut self, now: Instant, subject: NodeId, pause: Duration) {
        if self.place_of(subject).is_ok() {
            let prefix = subject.prefix();
            self.resting.retain(|rest| rest.until > now && rest.prefix != prefix);
            make_room(&mut self.resting);
            self.resting.push(Rest { prefix, until: now + pause });
        }
    }

    pub(super) fn wake(&mut self, prefix: u32) {
        self.resting.retain(|rest| rest.prefix != prefix);
        release_if_empty(&mut self.resting);
    }

    pub(super) fn wake_all(&mut self) {
        self.resting = Vec::new();
    }

    /// A random entry that `is_free` finds free. One that rests only `if_resting`.
    pub(super) fn candidate(
        &self,
        cx: &mut Context,
        if_resting: bool,
        is_free: impl Fn(&Context, &AddressRecord) -> bool,
    ) -> Option<&AddressRecord> {
        let is_rested = |entry: &&Entry| {
            if_resting
                || !self
                    .resting
                    .iter()
                    .any(|rest| rest.prefix == entry.prefix && rest.until > cx.now)
        };
        let free: Vec<&AddressRecord> = self
            .entries
            .iter()
            .filter(is_rested)
            .map(|entry| &entry.record)
            .filter(|record| is_free(cx, record))
            .collect();
        cx.rng.index(Stream::Overlay, free.len()).map(|drawn| free[drawn])
    }

    /// Up to `count` different random entries but `not`.
    pub(super) fn sample(
        &self,
        cx: &mut Context,
        count: usize,
        not: Option<NodeId>,
    ) -> Vec<AddressRecord> {
        let all = self.entries.iter().map(|entry| &entry.record);
        draw(cx, count, all.filter(|record| Some(record.subject()) != not).cloned().collect())
    }

    /// Any entry.
    pub(super) fn any(&self, cx: &mut Context) -> Option<AddressRecord> {
        cx.rng.index(Stream::Walk, self.entries.len()).map(|it| self.entries[it].record.clone())
    }

    pub(super) fn snapshot(&self, now: Instant) -> Vec<KnownSnapshot> {
        let view = |entry: &Entry| KnownSnapshot {
            record: entry.record.clone(),
            heard: Duration::from_secs(seconds(now).saturating_sub(entry.heard).into()),
        };
        self.entries.iter().map(view).collect()
    }

    /// Where the entry is, or would be.
    fn place_of(&self, subject: NodeId) -> Result<usize, usize> {
        let prefix = subject.prefix();
        self.entries.binary_search_by(|entry| {
            entry.prefix.cmp(&prefix).then_with(|| entry.record.subject().cmp(&subject))
        })
    }
}

/// Up to `count` random ones of `items`.
pub(super) fn draw<T>(cx: &mut Context, count: usize, mut items: Vec<T>) -> Vec<T> {
    let mut drawn = Vec::with_capacity(count.min(items.len()));
    while let Some(place) = cx.rng.index(Stream::Walk, items.len()).filter(|_| drawn.len() < count)
    {
        drawn.push(items.swap_remove(place));
    }
    drawn
}

fn seconds(now: Instant) -> u32 {
    u32::try_from(now.since_birth().as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::id::BootEpoch;
    use crate::testing::{context, record_of_life as record};

    fn small() -> Context {
        let mut config = Config::modern();
        config.overlay.hyparview.passive = 3;
        context(config)
    }

    fn subjects(view: &PassiveView) -> Vec<u8> {
        view.entries.iter().map(|entry| entry.record.subject().as_bytes()[0]).collect()
    }

    #[test]
    fn it_holds_no_neighbor_not_itself_and_nobody_twice() {
        let (mut cx, mut view) = (small(), PassiveView::default());
        cx.neighbors.insert(crate::id::LinkId::dialed(1), record(2, 1), cx.now);
        let told = [record(1, 1), record(2, 1), record(4, 1), record(3, 1), record(4, 2)];
        view.integrate(&mut cx, &told, &mut Vec::new());
        assert_eq!(subjects(&view), [3, 4]);
        assert_eq!(view.entries[1].record.epoch(), BootEpoch(2), "the newer life");
    }

    #[test]
    fn who_was_sent_away_goes_first_and_the_bound_holds() {
        let (mut cx, mut view) = (small(), PassiveView::default());
        view.integrate(&mut cx, &[2, 3, 4].map(|n| record(n, 1)), &mut Vec::new());
        let mut sent = [9, 3].map(|n| record(n, 1).subject().prefix()).into();
        view.integrate(&mut cx, &[record(5, 1)], &mut sent);
        assert_eq!(subjects(&view), [2, 4, 5]);
        view.integrate(&mut cx, &[record(6, 1)], &mut sent);
        assert_eq!((view.entries.len(), cx.stats.limits.known), (3, 2));
    }

    #[test]
    fn who_rests_is_no_candidate_until_it_is_over() {
        let (mut cx, mut view) = (small(), PassiveView::default());
        view.integrate(&mut cx, &[record(2, 1)], &mut Vec::new());
        view.rest(cx.now, record(2, 1).subject(), Duration::from_secs(10));
        view.rest(cx.now, record(3, 1).subject(), Duration::from_secs(10));
        assert_eq!(view.resting.len(), 1, "only entries rest");
        assert!(view.candidate(&mut cx, false, |_, _| true).is_none());
        assert!(view.candidate(&mut cx, true, |_, _| true).is_some());
        cx.now = Instant::from_micros(10_000_000);
        assert!(view.candidate(&mut cx, false, |_, _| true).is_some());
        assert!(view.candidate(&mut cx, false, |_, _| false).is_none());
    }

    #[test]
    fn an_entry_takes_16_bytes() {
        assert_eq!(size_of::<Entry>(), 16);
    }
}
