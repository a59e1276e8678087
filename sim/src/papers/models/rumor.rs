//! Rumor mongering in synchronous rounds (Demers et al. 1987, §1.4, Tables 1 to 3).
//!
//! A site that hears the rumor is infective from the next round on, until it loses interest. What a
//! round begins with decides whether a contact was useful: two sites that push to the same
//! susceptible one in the same round were both useful. This, and a counter that a useful contact
//! sets back, give the paper's Table 1; §1.4's differential equation describes the other rule,
//! [`News::AtOnce`] and a counter that is never set back.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

use super::{number, other};

/// A site that has not heard the rumor.
const NEVER: u32 = u32::MAX;

/// When an infective site has lost interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Feedback and counter: after so many contacts that knew the rumor.
    Counter {
        /// How many; at least 1.
        limit: u32,
        /// Whether a useful contact sets the count back to 0.
        resets: bool,
    },
    /// Blind and coin: after each contact with the probability of one in so many; at least 1.
    Coin(u32),
}

/// What a contact's knowledge is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// What it knew when the round began.
    AtStart,
    /// What it knows at the moment of the contact, earlier ones of the same round included.
    AtOnce,
}

/// What became of a rumor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Share of the sites that never heard it, 0 to 1.
    pub residue: f64,
    /// Updates sent, per site.
    pub traffic: f64,
    /// Rounds until the last site heard it that did.
    pub last: f64,
}

/// One rumor under way.
struct Rumor {
    /// The round in which each site heard it.
    heard: Vec<u32>,
    /// Useless contacts of each site, as its counter has them.
    useless: Vec<u32>,
    /// Sites that spread it in this round.
    infective: Vec<usize>,
    sent: usize,
    round: u32,
}

impl Rumor {
    /// Known to the first of `sites` sites.
    fn new(sites: usize) -> Self {
        let mut heard = vec![NEVER; sites];
        heard[0] = 0;
        Self { heard, useless: vec![0; sites], infective: vec![0], sent: 0, round: 0 }
    }

    /// Whether the site knew it when the round began.
    fn knew(&self, site: usize) -> bool {
        self.heard[site] < self.round
    }

    /// Counts a round in which a site's contacts were useful, or not; whether it stays infective.
    fn stays(&mut self, site: usize, was_useful: bool, (limit, resets): (u32, bool)) -> bool {
        let count = &mut self.useless[site];
        match was_useful {
            true if resets => *count = 0,
            true => {}
            false => *count += 1,
        }
        *count < limit
    }

    fn spread(&self) -> Spread {
        let sites = number(self.heard.len());
        let heard = self.heard.iter().filter(|round| **round != NEVER);
        Spread {
            residue: 1.0 - number(heard.clone().count()) / sites,
            traffic: number(self.sent) / sites,
            last: f64::from(heard.max().copied().unwrap_or_default()),
        }
    }
}

/// Every infective site pushes to one other site per round, until no site is infective.
pub fn push(sites: usize, interest: Interest, news: News, rng: &mut ChaCha8Rng) -> Spread {
    let mut rumor = Rumor::new(sites);
    while !rumor.infective.is_empty() {
        rumor.round += 1;
        let mut next = Vec::new();
        for site in std::mem::take(&mut rumor.infective) {
            let to = other(sites, site, rng);
            rumor.sent += 1;
            let is_first = rumor.heard[to] == NEVER;
            let was_useful = match news {
                News::AtStart => !rumor.knew(to),
                News::AtOnce => is_first,
            };
            if is_first {
                rumor.heard[to] = rumor.round;
                next.push(to);
            }
            let stays = match interest {
                Interest::Counter { limit, resets } => {
                    rumor.stays(site, was_useful, (limit, resets))
                }
                Interest::Coin(one_in) => rng.random_range(0..one_in) != 0,
            };
            if stays {
                next.push(site);
            }
        }
        rumor.infective = next;
    }
    rumor.spread()
}

/// Every site asks one other site per round, until no site is infective. An infective site sends the
/// rumor to whoever asks it. Its counter grows by one in a round in which it was asked, and only by
/// those who knew; one who did not sets it back to 0 if `resets` (the footnote of Table 3).
pub fn pull(sites: usize, (limit, resets): (u32, bool), rng: &mut ChaCha8Rng) -> Spread {
    let mut rumor = Rumor::new(sites);
    let mut is_infective = vec![false; sites];
    while !rumor.infective.is_empty() {
        rumor.round += 1;
        is_infective.fill(false);
        rumor.infective.iter().for_each(|site| is_infective[*site] = true);
        let (mut was_asked, mut was_useful) = (vec![false; sites], vec![false; sites]);
        let mut next = Vec::new();
        for site in 0..sites {
            let asked = other(sites, site, rng);
            if !is_infective[asked] {
                continue;
            }
            rumor.sent += 1;
            was_asked[asked] = true;
            if rumor.heard[site] == NEVER {
                rumor.heard[site] = rumor.round;
                was_useful[asked] = true;
                next.push(site);
            }
        }
        for site in std::mem::take(&mut rumor.infective) {
            if !was_asked[site] || rumor.stays(site, was_useful[site], (limit, resets)) {
                next.push(site);
            }
        }
        rumor.infective = next;
    }
    rumor.spread()
}
