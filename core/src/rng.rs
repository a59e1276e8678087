//! Randomness from one seed, split by purpose.
//!
//! A node keeps one key and a counter per [`Stream`]. Each draw opens a fresh `ChaCha8` keystream
//! whose nonce is (stream, counter), so that a node stores bytes and not generator objects, and a
//! new draw in one part of the protocol never moves the numbers of another.

use core::fmt;
use core::time::Duration;

use rand::RngExt as _;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;
use sha2::{Digest as _, Sha256};

/// Start of a node's randomness. Two nodes with one seed and the same inputs do the same things.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RngSeed([u8; 32]);

impl RngSeed {
    /// A seed of these 32 bytes: from the operating system on a real node, derived in a simulation.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A seed of its own for the `index`-th thing called `label`. Different labels or indexes
    /// give unrelated seeds, so adding a thing does not change what the others draw.
    #[must_use]
    pub fn derive(&self, label: &str, index: u64) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(index.to_be_bytes());
        hash.update(label.as_bytes());
        Self(hash.finalize().into())
    }

    /// The seed's bytes, for identities that are derived instead of drawn.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Shows nothing: whoever knows the seed knows every later draw.
impl fmt::Debug for RngSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RngSeed(..)")
    }
}

/// What a draw is for. Each purpose has numbers of its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    Bootstrap,
    Overlay,
    CatchUp,
    Nonce,
    Jitter,
    Registry,
    Weight,
    Walk,
    Probe,
}

const STREAMS: usize = 9;

/// A node's randomness: one key, one counter per purpose.
#[derive(Clone, Debug)]
pub(crate) struct Rng {
    key: RngSeed,
    draws: [u64; STREAMS],
}

impl Rng {
    pub(crate) fn new(key: RngSeed) -> Self {
        Self { key, draws: [0; STREAMS] }
    }

    /// A generator for one decision. Use it and drop it: the next draw gets another one.
    #[inline]
    pub(crate) fn draw(&mut self, stream: Stream) -> ChaCha8Rng {
        let slot = stream.index();
        let nonce = (u64::from(slot) << 56) | self.draws[usize::from(slot)];
        self.draws[usize::from(slot)] += 1;
        let mut rng = ChaCha8Rng::from_seed(self.key.0);
        rng.set_stream(nonce);
        rng
    }

    /// A secret of this node for hashing what others choose. Nothing of it is ever seen outside.
    pub(crate) fn salt(&self) -> u64 {
        self.key.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    /// A uniform index below `len`; `None` when there is nothing to choose from.
    pub(crate) fn index(&mut self, stream: Stream, len: usize) -> Option<usize> {
        (len > 0).then(|| self.draw(stream).random_range(0..len))
    }

    /// `duration`, moved by up to a tenth either way, so that nodes that started together drift
    /// apart instead of acting in step.
    pub(crate) fn jitter(&mut self, duration: Duration) -> Duration {
        let tenth = duration / 10;
        let span = u64::try_from(tenth.as_micros()).unwrap_or(u64::MAX / 2).saturating_mul(2);
        let shift = Duration::from_micros(self.draw(Stream::Jitter).random_range(0..=span));
        duration.saturating_sub(tenth).saturating_add(shift)
    }
}

impl Stream {
    const fn index(self) -> u8 {
        match self {
            Self::Bootstrap => 0,
            Self::Overlay => 1,
            Self::CatchUp => 2,
            Self::Nonce => 3,
            Self::Jitter => 4,
            Self::Registry => 5,
            Self::Weight => 6,
            Self::Walk => 7,
            Self::Probe => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rng() -> Rng {
        Rng::new(RngSeed::new([7; 32]))
    }

    #[test]
    fn one_stream_does_not_move_another() {
        let (mut a, mut b) = (rng(), rng());
        for _ in 0..10 {
            a.index(Stream::Overlay, 1000);
        }
        let draws = |rng: &mut Rng| [(); 5].map(|()| rng.index(Stream::CatchUp, 1 << 30));
        assert_eq!(draws(&mut a), draws(&mut b));
    }

    #[test]
    fn labels_and_indexes_give_different_seeds() {
        let root = RngSeed::new([0; 32]);
        let seeds = [root.derive("a", 0), root.derive("a", 1), root.derive("b", 0)];
        assert!(seeds[0] != seeds[1] && seeds[0] != seeds[2] && seeds[1] != seeds[2]);
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        let mut rng = rng();
        for _ in 0..1000 {
            let jittered = rng.jitter(Duration::from_secs(10));
            assert!((9_000..=11_000).contains(&jittered.as_millis()), "{jittered:?}");
        }
        assert_eq!(rng.jitter(Duration::ZERO), Duration::ZERO);
    }
}
