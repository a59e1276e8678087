//! Gossip in which every node forwards a message once, to uniform targets, when it first gets it.
//!
//! - Kermarrec, Massoulié and Ganesh 2003 (TPDS 14(3), §3): with a mean fan-out of ln n + c all n live
//!   nodes are reached with a probability that tends to e^(-e^-c); crashed targets are made up for by
//!   a fan-out that is 1/(1 - their share) as large.
//! - A fixed fan-out F reaches, if it does not die out at once, a share r of the live nodes with
//!   r = 1 - e^(-F (1-f) r), where f is the share of crashed nodes. Uniform targets are what the
//!   views of Cyclon come to, whose reliability is in Fig. 2 of the `HyParView` paper (DSN 2007, §5.2).

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::other;

/// To how many targets a node forwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FanOut {
    /// Always so many, fewer than there are nodes.
    Fixed(usize),
    /// Poisson with this mean, at most some tens.
    Poisson(f64),
}

/// Nodes that gossip.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Network {
    /// Nodes that live. The first of them has the message.
    pub live: usize,
    /// Nodes that crashed and are chosen as targets all the same.
    pub crashed: usize,
    /// Targets of a live node; different ones, never itself.
    pub fan_out: FanOut,
}

impl Network {
    /// One message: how many live nodes have it in the end, its first one included.
    pub fn reached(&self, rng: &mut ChaCha8Rng) -> usize {
        let all = self.live + self.crashed;
        let mut has = vec![false; self.live];
        has[0] = true;
        let (mut waiting, mut reached, mut targets) = (vec![0], 1, Vec::new());
        while let Some(node) = waiting.pop() {
            let wanted = self.fan_out.draw(rng).min(all - 1);
            targets.clear();
            while targets.len() < wanted {
                let target = other(all, node, rng);
                if targets.contains(&target) {
                    continue;
                }
                targets.push(target);
                if let Some(has @ false) = has.get_mut(target) {
                    *has = true;
                    reached += 1;
                    waiting.push(target);
                }
            }
        }
        reached
    }
}

impl FanOut {
    fn draw(self, rng: &mut ChaCha8Rng) -> usize {
        match self {
            Self::Fixed(count) => count,
            Self::Poisson(mean) => poisson(mean, rng),
        }
    }
}

/// A Poisson number: as many as exponential times of mean 1 fit into `mean` (Knuth's product form).
fn poisson(mean: f64, rng: &mut ChaCha8Rng) -> usize {
    let end = libm::exp(-mean);
    let (mut product, mut count) = (rng.random::<f64>(), 0);
    while product > end {
        product *= rng.random::<f64>();
        count += 1;
    }
    count
}

/// The share r with r = 1 - e^(-`forwards` r) that a message reaches which does not die out, where
/// `forwards` is the mean number of live targets, above 1.
pub fn fixed_point(forwards: f64) -> f64 {
    // The iteration is a contraction from 1 downwards; just above 1 it is slow, and 10,000 are enough
    // for every fan-out that a benchmark has.
    (0..10_000).fold(1.0, |share, _| 1.0 - libm::exp(-forwards * share))
}
