//! Puts the arrivals of a window in the order in which they are handled.
//!
//! Comparing costs a big window some twenty looks at each arrival. So many are first dealt out by
//! their targets, digit by digit, the last first (Knuth, The Art of Computer Programming 3, §5.2.5);
//! the few that are for one host are then compared.

use super::packet::Arrival;
use crate::latency::HostIndex;

/// Fewer are sorted by comparing.
const MANY: usize = 512;

/// Bits of a digit: as many piles as the first cache has lines for.
const DIGIT: u32 = 9;

/// Sorts by target, and for each target by time and sender. The targets are `first` or above.
/// `room` is for use meanwhile; what is in it before is of no interest, nor what is afterwards.
pub(super) fn sort(arrivals: &mut Vec<Arrival>, first: HostIndex, room: &mut Vec<Arrival>) {
    if arrivals.len() < MANY {
        arrivals.sort_unstable();
        return;
    }
    let last = arrivals.iter().map(|it| it.target).max().unwrap_or(first);
    let bits = u32::BITS - (last - first).leading_zeros();
    for digit in 0..bits.div_ceil(DIGIT) {
        deal(arrivals, room, |it| (it.target - first) >> (digit * DIGIT));
        std::mem::swap(arrivals, room);
    }
    for of_one in arrivals.chunk_by_mut(|a, b| a.target == b.target) {
        of_one.sort_unstable();
    }
}

/// Copies the arrivals into `room` in the order of a digit, and where that is the same in their own.
fn deal(arrivals: &[Arrival], room: &mut Vec<Arrival>, key: impl Fn(&Arrival) -> u32) {
    let pile = |it: &Arrival| usize::try_from(key(it) % (1 << DIGIT)).expect("an index in memory");
    let mut places = [0_usize; 1 << DIGIT];
    for arrival in arrivals {
        places[pile(arrival)] += 1;
    }
    let mut place = 0;
    for count in &mut places {
        place += std::mem::replace(count, place);
    }
    room.clear();
    room.resize(arrivals.len(), arrivals[0]);
    for arrival in arrivals {
        let place = &mut places[pile(arrival)];
        room[*place] = *arrival;
        *place += 1;
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::super::packet::Parcel;
    use super::*;

    #[test]
    fn dealing_sorts_as_comparing_does() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let mut room = Vec::new();
        for (count, hosts) in [(0, 1), (1, 1), (511, 9), (512, 1), (700, 1 << 9), (5000, 100_000)] {
            let mut arrivals: Vec<_> = (0..count)
                .map(|count| Arrival {
                    at: rng.random_range(0..5),
                    target: 1000 + rng.random_range(0..hosts),
                    origin: rng.random_range(0..5),
                    count,
                    parcel: Parcel::WAKE,
                })
                .collect();
            let mut expected = arrivals.clone();
            expected.sort();
            sort(&mut arrivals, 1000, &mut room);
            assert_eq!(arrivals, expected, "{count} for {hosts} hosts");
        }
    }
}
