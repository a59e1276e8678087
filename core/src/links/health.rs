//! How links are: their round trips, and the pings that are not answered yet.

use alloc::vec::Vec;
use core::time::Duration;

use crate::id::LinkId;
use crate::time::Instant;
use crate::util::room::release_if_empty;
use crate::util::smoothed::Smoothed;

/// Pings without an answer, of all links, in the order in which they were sent. Few at a time, so they
/// are no part of a link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pings(pub(super) Vec<SentPing>);

/// A ping on its way. Its other fields are this node's: its address, and its calendar then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentPing {
    pub(super) link: LinkId,
    pub(crate) nonce: u64,
    pub(super) sent: Instant,
}

/// What a link is known to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health {
    /// The last time to an answer, in microseconds; 0 before the first.
    round_trip_us: u32,
    round_trips: Smoothed,
    /// Pings in a row that were not answered on the link.
    pub(crate) misses: u8,
    /// When anything came on it.
    pub(crate) heard: Instant,
}

impl Pings {
    /// How many wait for an answer on this link.
    pub(crate) fn count(&self, link: LinkId) -> usize {
        self.0.iter().filter(|ping| ping.link == link).count()
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.0.iter().map(|ping| ping.link)
    }

    /// No answer on this link is waited for any more.
    pub(crate) fn forget(&mut self, link: LinkId) {
        if !self.0.is_empty() {
            self.0.retain(|ping| ping.link != link);
            release_if_empty(&mut self.0);
        }
    }

    /// This one is answered, and so are those that were sent before it: a link keeps the order.
    pub(crate) fn forget_up_to(&mut self, answered: SentPing) {
        let mut is_before = true;
        self.0.retain(|ping| {
            let was_before = is_before;
            is_before &= !(ping.link == answered.link && ping.nonce == answered.nonce);
            !was_before || ping.link != answered.link
        });
        release_if_empty(&mut self.0);
    }
}

impl Health {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { round_trip_us: 0, round_trips: Smoothed::none(), misses: 0, heard: now }
    }

    /// It answered after this time.
    pub(crate) fn on_answer(&mut self, took: Duration) {
        self.round_trip_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        self.round_trips.add(took);
        self.misses = 0;
    }

    /// It did not answer. Returns how often in a row.
    pub(crate) fn miss(&mut self) -> u8 {
        self.misses = self.misses.saturating_add(1);
        self.misses
    }

    /// The last round-trip time in microseconds; 0 when there is none.
    pub(crate) const fn round_trip_us(&self) -> u32 {
        self.round_trip_us
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        (self.round_trip_us > 0).then(|| Duration::from_micros(self.round_trip_us.into()))
    }

    /// What nearly no round trip exceeds; `None` before the first answer.
    pub(crate) fn slow_round_trip(&self) -> Option<Duration> {
        self.round_trips.bound()
    }
}

impl SentPing {
    /// How long ago it was sent.
    pub(crate) fn took(&self, now: Instant) -> Duration {
        now.since(self.sent)
    }
}
