//! Whom a seed node names first: the weights behind the lists of the overlay `power-law` (R8).
//!
//! Every entry gets a weight w when it is made, which it keeps as long as it is listed, with
//! P(w > x) = (1 + x)^-2; a list is drawn in proportion to the weights. Every peer opens the same
//! few links, m, to those that its lists name first, so it is given about m w more: it has
//! k = m (1 + w) in all, with P(k > x) = (x / m)^-2. That is a power law from k = m on, with the
//! exponent 3 of Barabási and Albert's graphs, and nobody has to count links. It is a fitness model
//! (Goh, Kahng, Kim, PRL 87, 278701, 2001; Caldarelli, Capocci, De Los Rios, Muñoz, PRL 89, 258702,
//! 2002).
//!
//! A weight is drawn from the seed node's own randomness and never told. It does not depend on the
//! identity, so nobody can search for an identity that attracts links, and a new life of a listed
//! node does not draw again.
//!
//! Differs from the papers: there both ends of a link are drawn by weight, here one of them opens it
//! whatever its weight. Each seed node has weights of its own; a peer's degree follows their mean
//! over the q seed nodes it is registered with. The exponent of its tail is the same, but with a
//! 1/q of the peers in it: two heavy weights seldom meet.

use alloc::vec;
use alloc::vec::Vec;

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use crate::config::OverlayConfig;

/// How much an entry is preferred, in 65,536ths of the mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Weight(u64);

impl Weight {
    /// Everybody's weight where nobody is preferred.
    pub(crate) const ONE: Self = Self(1 << 16);

    /// Everybody can be drawn.
    const LEAST: Self = Self(1);

    /// Draws a weight of at most `most`: u^(-1/2) - 1 for a uniform u in (0, 1].
    pub(crate) fn draw(rng: &mut ChaCha8Rng, most: Self) -> Self {
        // With u in 2^-32ths: 2^16 * (u / 2^32)^(-1/2) = (2^64 / u)^(1/2).
        let u = rng.random_range(1..=1_u64 << 32);
        let root = (u64::MAX / u).isqrt();
        Self(root.saturating_sub(Self::ONE.0)).clamp(Self::LEAST, most)
    }

    /// The weight of a peer that can expect `max_links` links. Weights cut off at c have the mean
    /// c / (c + 1), so the heaviest is given m (c + 1) links by others and has m (c + 2) in all.
    pub(crate) fn most(config: &OverlayConfig) -> Self {
        let unit = usize::try_from(Self::ONE.0).unwrap_or(usize::MAX);
        let most = (unit * config.max_links / config.max_peers).saturating_sub(2 * unit);
        Self(u64::try_from(most).unwrap_or(u64::MAX)).max(Self::LEAST)
    }
}

/// Weights in a binary tree of their sums, so that a draw, like every change, costs a walk between
/// its root and a leaf.
#[derive(Clone, Debug, Default)]
pub(crate) struct SumTree {
    /// The root is at 1, the children of i at 2 i and 2 i + 1, the leaves are the second half.
    sums: Vec<u64>,
    /// Leaves in use, from the first on.
    len: usize,
}

impl SumTree {
    /// Adds a weight at the next place. The leaves double when they are all in use.
    pub(crate) fn push(&mut self, weight: Weight) {
        let leaves = self.sums.len() / 2;
        if self.len == leaves {
            self.grow((2 * leaves).max(1));
        }
        self.len += 1;
        self.set(self.len - 1, weight.0);
    }

    /// Takes out the weight at `place`; the last one takes its place. Nothing happens where there
    /// is none.
    pub(crate) fn swap_remove(&mut self, place: usize) {
        if place < self.len {
            let last = self.weight(self.len - 1);
            self.set(place, last);
            self.set(self.len - 1, 0);
            self.len -= 1;
        }
    }

    /// Draws `count` different places but `without`, at most all, each in proportion to the
    /// weights of those that are left. The order in which they were drawn carries the preference.
    pub(crate) fn draw_in_order(
        &mut self,
        rng: &mut ChaCha8Rng,
        count: usize,
        without: Option<usize>,
    ) -> Vec<usize> {
        let mut taken: Vec<(usize, u64)> = Vec::new();
        let without = without.filter(|place| *place < self.len);
        taken.extend(without.map(|place| (place, self.take(place))));
        let count = count.min(self.len - taken.len());
        let first = taken.len();
        for _ in 0..count {
            let place = self.covering(rng.random_range(0..self.sum()));
            taken.push((place, self.take(place)));
        }
        for &(place, weight) in &taken {
            self.set(place, weight);
        }
        taken.split_off(first).into_iter().map(|(place, _)| place).collect()
    }

    fn sum(&self) -> u64 {
        self.sums[1]
    }

    fn weight(&self, place: usize) -> u64 {
        self.sums[self.sums.len() / 2 + place]
    }

    /// The place whose weight covers `point` when all are laid end to end.
    fn covering(&self, mut point: u64) -> usize {
        let leaves = self.sums.len() / 2;
        let mut node = 1;
        while node < leaves {
            node *= 2;
            if point >= self.sums[node] {
                point -= self.sums[node];
                node += 1;
            }
        }
        node - leaves
    }

    /// Makes the weight at `place` nothing; returns what it was.
    fn take(&mut self, place: usize) -> u64 {
        let weight = self.weight(place);
        self.set(place, 0);
        weight
    }

    fn set(&mut self, place: usize, weight: u64) {
        let mut node = self.sums.len() / 2 + place;
        let old = core::mem::replace(&mut self.sums[node], weight);
        while node > 1 {
            node /= 2;
            self.sums[node] = self.sums[node] - old + weight;
        }
    }

    fn grow(&mut self, leaves: usize) {
        let mut sums = vec![0; 2 * leaves];
        let old = &self.sums[self.sums.len() / 2..];
        sums[leaves..leaves + old.len()].copy_from_slice(old);
        for node in (1..leaves).rev() {
            sums[node] = sums[2 * node] + sums[2 * node + 1];
        }
        self.sums = sums;
    }
}

#[cfg(test)]
impl SumTree {
    pub(crate) fn get(&self, place: usize) -> Weight {
        Weight(self.weight(place))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::SeedableRng as _;

    use super::*;
    use crate::config::Config;

    const DRAWS: u32 = 20_000;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::from_seed([3; 32])
    }

    fn weights(of: &[u64]) -> Vec<Weight> {
        of.iter().map(|times| Weight(Weight::ONE.0 * times)).collect()
    }

    fn tree(weights: &[Weight]) -> SumTree {
        let mut tree = SumTree::default();
        for weight in weights {
            tree.push(*weight);
        }
        tree
    }

    /// Pearson's statistic of counts against the probabilities they should have.
    fn chi_square(counts: &[u32], probabilities: &[f64]) -> f64 {
        let term = |(count, probability): (&u32, &f64)| {
            let expected = f64::from(DRAWS) * probability;
            (f64::from(*count) - expected).powi(2) / expected
        };
        counts.iter().zip(probabilities).map(term).sum()
    }

    #[test]
    fn weights_have_a_tail_of_exponent_2_and_an_end() {
        let mut rng = rng();
        let most = weights(&[14])[0];
        let drawn: Vec<Weight> = (0..DRAWS).map(|_| Weight::draw(&mut rng, most)).collect();
        assert!(drawn.iter().all(|weight| (Weight::LEAST..=most).contains(weight)));
        for (beyond, share) in [(1, 0.25), (3, 0.0625), (7, 0.015_625)] {
            let beyond = drawn.iter().filter(|it| **it > weights(&[beyond])[0]).count();
            let beyond = f64::from(u32::try_from(beyond).expect("few"));
            let expected = f64::from(DRAWS) * share;
            let spread = (expected * (1.0 - share)).sqrt();
            assert!((beyond - expected).abs() < 4.0 * spread, "{beyond}, not {expected}");
        }
    }

    #[test]
    fn nobody_can_expect_more_links_than_are_allowed() {
        let mut config = Config::classic().overlay;
        assert_eq!(Weight::most(&config), weights(&[64 / 4 - 2])[0]);
        config.max_links = config.max_peers;
        assert_eq!(Weight::most(&config), Weight::LEAST);
    }

    /// The first place goes by weight, and so does the second among those that the first left. A
    /// uniform sample, or a weighted one in another order, is far outside: the bound is passed by
    /// one of a thousand right samplers.
    #[test]
    fn places_are_drawn_by_weight_one_after_the_other() {
        let mut rng = rng();
        let mut tree = tree(&weights(&[1, 1, 2, 4, 8]));
        let shares = [1.0, 1.0, 2.0, 4.0, 8.0].map(|weight| weight / 16.0);
        let (mut first, mut second) = ([0; 5], [0; 5]);
        for _ in 0..DRAWS {
            let drawn = tree.draw_in_order(&mut rng, 2, None);
            first[drawn[0]] += 1;
            second[drawn[1]] += 1;
        }
        assert!(chi_square(&first, &shares) < 18.47, "{first:?}");
        let after = |place: usize| {
            let others = (0..5).filter(|first| *first != place);
            others.map(|first| shares[first] * shares[place] / (1.0 - shares[first])).sum()
        };
        let expected: [f64; 5] = core::array::from_fn(after);
        assert!(chi_square(&second, &expected) < 18.47, "{second:?}, not {expected:?}");
        assert!(chi_square(&first, &expected) > 1000.0, "the order would not matter");
    }

    #[test]
    fn a_weight_taken_out_leaves_its_place_to_the_last() {
        let mut tree = tree(&weights(&[1, 2, 3, 4, 5]));
        tree.swap_remove(1);
        tree.swap_remove(9);
        let left: Vec<_> = (0..tree.len).map(|place| tree.get(place)).collect();
        assert_eq!(left, weights(&[1, 5, 3, 4]));
        assert_eq!(tree.sum(), 13 * Weight::ONE.0);
        tree.push(Weight::ONE);
        assert_eq!(tree.get(4), Weight::ONE);
    }

    #[test]
    fn no_place_is_drawn_twice() {
        let mut rng = rng();
        for entries in [0, 1, 2, 3, 64, 100] {
            let weights: Vec<_> =
                (0..entries).map(|_| Weight::draw(&mut rng, Weight(1 << 20))).collect();
            let mut tree = tree(&weights);
            let before = tree.sums.clone();
            for count in [0, 1, entries / 2, entries, entries + 7] {
                for without in [None, Some(0), Some(2)] {
                    let drawn = tree.draw_in_order(&mut rng, count, without);
                    let is_less = without.is_some_and(|place| place < entries);
                    assert_eq!(drawn.len(), count.min(entries - usize::from(is_less)));
                    assert!(drawn.iter().all(|place| *place < entries && Some(*place) != without));
                    assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len());
                    assert_eq!(tree.sums, before, "a draw leaves the weights as they were");
                }
            }
        }
    }
}
