//! What receivers got, and how long it took: counted where it arrives, read when all is over.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Bytes at the beginning of each message: which load it belongs to, and when it was sent.
pub(super) const HEADER: usize = 16;

/// Digits of a latency that are kept.
const DIGITS: u8 = 3;

/// Deliveries of one load after the other. A message of an earlier load is not counted.
#[derive(Debug)]
pub(super) struct Tally {
    begun: Instant,
    load: AtomicU64,
    /// One for each receiver, so that none waits for another one.
    latencies: Vec<Mutex<Histogram<u64>>>,
    delivered: AtomicU64,
    copies: AtomicU64,
    links_lost: AtomicU64,
    suspicions: AtomicU64,
    last: AtomicU64,
    wanted: AtomicU64,
    reached: Notify,
}

impl Tally {
    pub(super) fn new(receivers: usize) -> Self {
        let histogram = || Mutex::new(Histogram::new(DIGITS).expect("so many digits are allowed"));
        Self {
            begun: Instant::now(),
            load: AtomicU64::new(0),
            latencies: (0..receivers).map(|_| histogram()).collect(),
            delivered: AtomicU64::new(0),
            copies: AtomicU64::new(0),
            links_lost: AtomicU64::new(0),
            suspicions: AtomicU64::new(0),
            last: AtomicU64::new(0),
            wanted: AtomicU64::new(u64::MAX),
            reached: Notify::new(),
        }
    }

    /// Begins another load: nothing was delivered of it yet.
    pub(super) fn begin(&self) {
        self.load.fetch_add(1, Ordering::SeqCst);
        for histogram in &self.latencies {
            // To clear it would keep the greatest value.
            histogram.lock().unwrap_or_else(PoisonError::into_inner).reset();
        }
        let Self { delivered, copies, links_lost, suspicions, last, .. } = self;
        for counter in [delivered, copies, links_lost, suspicions, last] {
            counter.store(0, Ordering::SeqCst);
        }
    }

    /// A message of this load and length, sent now.
    pub(super) fn message(&self, len: usize) -> Vec<u8> {
        let load = self.load.load(Ordering::Relaxed);
        let mut message = Vec::with_capacity(len.max(HEADER));
        message.extend_from_slice(&load.to_be_bytes());
        message.extend_from_slice(&self.now().to_be_bytes());
        message.resize(len.max(HEADER), 0);
        message
    }

    /// A receiver got a message, the first copy of it.
    pub(super) fn deliver(&self, receiver: usize, message: &[u8]) {
        let Some((load, rest)) = message.split_first_chunk() else { return };
        let Some((sent, _)) = rest.split_first_chunk() else { return };
        let Some(latencies) = self.latencies.get(receiver) else { return };
        if u64::from_be_bytes(*load) != self.load.load(Ordering::Relaxed) {
            return;
        }
        let now = self.now();
        let latency = now.saturating_sub(u64::from_be_bytes(*sent));
        let mut latencies = latencies.lock().unwrap_or_else(PoisonError::into_inner);
        latencies.record(latency).expect("it grows as it must");
        drop(latencies);
        self.last.fetch_max(now, Ordering::Relaxed);
        let delivered = self.delivered.fetch_add(1, Ordering::SeqCst) + 1;
        if delivered == self.wanted.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }

    /// A receiver got a copy of some message, the first one or one too many.
    pub(super) fn copy(&self) {
        self.copies.fetch_add(1, Ordering::Relaxed);
    }

    /// A node lost a link without a word.
    pub(super) fn link_lost(&self) {
        self.links_lost.fetch_add(1, Ordering::Relaxed);
    }

    /// A node holds another one suspect or dead.
    pub(super) fn suspicion(&self) {
        self.suspicions.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn suspicions(&self) -> u64 {
        self.suspicions.load(Ordering::Relaxed)
    }

    pub(super) fn links_lost(&self) -> u64 {
        self.links_lost.load(Ordering::Relaxed)
    }

    pub(super) fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::SeqCst)
    }

    pub(super) fn copies(&self) -> u64 {
        self.copies.load(Ordering::Relaxed)
    }

    /// Waits until so much was delivered; for ever where it never is.
    pub(super) async fn reached(&self, wanted: u64) {
        self.wanted.store(wanted, Ordering::SeqCst);
        while self.delivered() < wanted {
            self.reached.notified().await;
        }
    }

    /// When the last delivery was, since the tally was made.
    pub(super) fn last(&self) -> Duration {
        Duration::from_nanos(self.last.load(Ordering::Relaxed))
    }

    /// How long the tally has been there.
    pub(super) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// All latencies of this load, in nanoseconds.
    pub(super) fn latencies(&self) -> Histogram<u64> {
        let mut all = Histogram::new(DIGITS).expect("so many digits are allowed");
        for histogram in &self.latencies {
            let histogram = histogram.lock().unwrap_or_else(PoisonError::into_inner);
            all.add(&*histogram).expect("it grows as it must");
        }
        all
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_load_counts_its_own_messages() {
        let tally = Tally::new(3);
        tally.begin();
        let early = tally.message(HEADER);
        tally.begin();
        let message = tally.message(100);
        assert_eq!(message.len(), 100);
        tokio::time::sleep(Duration::from_millis(2)).await;
        for receiver in 1..3 {
            tally.deliver(receiver, &early);
            tally.deliver(receiver, &message);
        }
        tally.deliver(1, &message[..HEADER - 1]);
        tally.reached(2).await;
        assert_eq!((tally.delivered(), tally.latencies().len()), (2, 2));
        assert!(tally.latencies().min() >= 1_990_000, "{}", tally.latencies().min());
        assert!(tally.last() > Duration::from_millis(2) && tally.last() <= tally.age());
        tally.begin();
        tally.deliver(1, &tally.message(HEADER));
        assert!(tally.latencies().max() < 1_990_000, "that of the load before");
    }
}
