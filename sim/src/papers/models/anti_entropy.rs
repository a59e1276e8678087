//! Anti-entropy by push and pull in synchronous rounds, every site with uniform partners (Demers et
//! al. 1987, §1.3; the rows "uniform" of Tables 4 and 5).
//!
//! Each round, each site begins a conversation with one other site. If one of the two knew the update
//! when the round began, both know it when it ends. With a connection limit of one a site takes part
//! in the first conversation that others begin with it in a round, and in no later one; a refused
//! site does not look for another partner (hunt limit 0).

use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::{mean, number, other};

/// How long an update took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delays {
    /// Rounds until a site had it, in the mean over all but the first.
    pub average: f64,
    /// Rounds until all sites had it.
    pub last: f64,
}

/// An update that the first of `sites` sites knows, until all know it. `limit` is the most
/// conversations per round that a site takes part in when others begin them; none is no limit.
pub fn anti_entropy(sites: usize, limit: Option<usize>, rng: &mut ChaCha8Rng) -> Delays {
    let mut knows = vec![false; sites];
    knows[0] = true;
    let mut order: Vec<usize> = (0..sites).collect();
    let (mut delays, mut round) = (Vec::new(), 0);
    while delays.len() + 1 < sites {
        round += 1;
        let knew = knows.clone();
        let mut taken = vec![0; sites];
        // Who comes first decides only whom a limit refuses.
        order.shuffle(rng);
        for &site in &order {
            let partner = other(sites, site, rng);
            taken[partner] += 1;
            if limit.is_some_and(|limit| taken[partner] > limit) || knew[site] == knew[partner] {
                continue;
            }
            let learns = if knew[site] { partner } else { site };
            if !knows[learns] {
                knows[learns] = true;
                delays.push(number(round));
            }
        }
    }
    Delays { average: mean(delays.into_iter()), last: number(round) }
}
