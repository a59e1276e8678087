//! How many protocol periods pass until a crashed member is probed for the first time (SWIM, DSN
//! 2002, §3.1 and §4.3), in synchronous periods: each live member probes one other member in each
//! period, and the victim crashes between two periods. With free-running phases the mean would be
//! 1 period instead of e/(e-1).

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::other;

/// How members choose whom to probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Any other member (§3.1).
    Uniform,
    /// The next one on a list of all other members, shuffled again after each pass (§4.3).
    RoundRobin,
}

/// Periods, at least 1, until one of `live` live members probes a victim, in a group of `members`
/// members of whom the others have crashed before; live ones at least 1 and at most all but the
/// victim.
pub fn first_probe(members: usize, live: usize, choice: Choice, rng: &mut ChaCha8Rng) -> u32 {
    match choice {
        Choice::Uniform => uniform(members, live, rng),
        Choice::RoundRobin => (0..live).map(|_| turn(members, rng)).min().unwrap_or(u32::MAX),
    }
}

fn uniform(members: usize, live: usize, rng: &mut ChaCha8Rng) -> u32 {
    let victim = members - 1;
    // All live members choose before anybody counts: they probe at the same time.
    let mut periods = 1;
    while (0..live).filter(|prober| other(members, *prober, rng) == victim).count() == 0 {
        periods += 1;
    }
    periods
}

/// The period in which a member comes to the victim, if the crash finds it anywhere in a pass.
fn turn(members: usize, rng: &mut ChaCha8Rng) -> u32 {
    let others = members - 1;
    let (done, place) = (rng.random_range(0..others), rng.random_range(0..others));
    let left = match place.checked_sub(done) {
        Some(before) => before,
        // It was probed in this pass already: its place in the next one counts.
        None => others - done + rng.random_range(0..others),
    };
    u32::try_from(left + 1).unwrap_or(u32::MAX)
}
