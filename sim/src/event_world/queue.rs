//! What is still to come, in buckets as long as a window.
//!
//! Nothing that a host does in a window reaches another host within it, so the order of hosts in a
//! window is free, and each is called once for all that awaits it. A bucket is sorted by host when
//! its time comes: hosts are then visited in the order of memory. Near buckets are a ring, far ones
//! a map.

use std::collections::{BTreeMap, VecDeque};

use super::order;
use super::packet::Arrival;
use crate::chunked_vec::ChunkedVec;
use crate::latency::HostIndex;

/// Buckets of the ring.
const NEAR: usize = 512;

/// The queue of one shard.
#[derive(Debug)]
pub(super) struct Queue {
    /// Microseconds of a bucket.
    width: u64,
    /// The first of the hosts that arrivals are for.
    first_host: HostIndex,
    /// Number of the first bucket of the ring.
    first: u64,
    near: VecDeque<ChunkedVec<Arrival>>,
    far: BTreeMap<u64, ChunkedVec<Arrival>>,
    /// Room for a whole bucket, and for sorting it.
    rooms: [Vec<Arrival>; 2],
}

impl Queue {
    /// An empty queue with buckets of this many microseconds, for this host and later ones.
    pub(super) fn new(width: u64, first_host: HostIndex) -> Self {
        let near = std::iter::repeat_with(ChunkedVec::default).take(NEAR).collect();
        let (far, rooms) = (BTreeMap::new(), Default::default());
        Self { width, first_host, first: 0, near, far, rooms }
    }

    /// Adds what comes at its time, which must not be before what was taken.
    pub(super) fn push(&mut self, arrival: Arrival) {
        let number = (arrival.at / self.width).max(self.first);
        let distance = usize::try_from(number - self.first).unwrap_or(usize::MAX);
        match self.near.get_mut(distance) {
            Some(bucket) => bucket.push(arrival),
            None => self.far.entry(number).or_default().push(arrival),
        }
    }

    /// When the bucket of the next arrival begins; `None` when nothing is to come.
    pub(super) fn next_bucket(&self) -> Option<u64> {
        let near = self.near.iter().position(|bucket| !bucket.is_empty());
        let near = near.map(|place| self.first + u64::try_from(place).unwrap_or(u64::MAX));
        near.or_else(|| self.far.keys().next().copied()).map(|number| number * self.width)
    }

    /// Takes everything before `until`, which is in the bucket that begins at `from` or at its end.
    /// Sorted by host, then by time.
    pub(super) fn take(&mut self, from: u64, until: u64) -> Vec<Arrival> {
        self.turn_to(from / self.width);
        let [taken, room] = &mut self.rooms;
        let mut taken = std::mem::take(taken);
        self.near[0].move_into(&mut taken);
        if until < from + self.width {
            self.near[0].extend(taken.extract_if(.., |arrival| arrival.at >= until));
        }
        order::sort(&mut taken, self.first_host, room);
        taken
    }

    /// Gives the room of what was taken back.
    pub(super) fn give_back(&mut self, mut taken: Vec<Arrival>) {
        taken.clear();
        self.rooms[0] = taken;
    }

    /// Lets the ring begin with this bucket. All before it are empty.
    fn turn_to(&mut self, bucket: u64) {
        let steps = usize::try_from(bucket - self.first).unwrap_or(usize::MAX).min(NEAR);
        self.near.rotate_left(steps % NEAR);
        self.first = bucket;
        while let Some(entry) = self.far.first_entry() {
            let distance = usize::try_from(entry.key() - bucket).unwrap_or(usize::MAX);
            let Some(near) = self.near.get_mut(distance) else { break };
            *near = entry.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Reverse;
    use std::collections::BinaryHeap;

    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::super::packet::Parcel;
    use super::*;

    fn arrival(at: u64, target: u32, count: u32) -> Arrival {
        Arrival { at, target, origin: target / 3, count, parcel: Parcel::WAKE }
    }

    /// The oracle is a heap.
    #[test]
    fn windows_hold_what_a_heap_would_give() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for width in [1, 7, 20_000] {
            let (mut queue, mut heap) = (Queue::new(width, 0), BinaryHeap::new());
            let (mut now, mut count) = (0, 0);
            for _ in 0..3000 {
                for _ in 0..rng.random_range(0..4) {
                    let spread = if rng.random_bool(0.1) { 5000 } else { 40 };
                    let at = now + rng.random_range(0..spread * width);
                    count += 1;
                    let next = arrival(at, rng.random_range(0..9), count);
                    queue.push(next);
                    heap.push(Reverse((next.at, next.target, next.count)));
                }
                let Some(from) = queue.next_bucket() else {
                    assert!(heap.is_empty());
                    continue;
                };
                let until =
                    if rng.random_bool(0.2) { from + width.div_ceil(2) } else { from + width };
                let mut expected = Vec::new();
                while let Some(Reverse(next)) = heap.peek().filter(|next| next.0.0 < until) {
                    expected.push(*next);
                    heap.pop();
                }
                let taken = queue.take(from, until);
                assert!(taken.is_sorted_by_key(|it| (it.target, it.at)));
                let mut found: Vec<_> =
                    taken.iter().map(|it| (it.at, it.target, it.count)).collect();
                found.sort_unstable();
                assert_eq!(found, expected);
                queue.give_back(taken);
                now = now.max(until);
            }
        }
    }
}
