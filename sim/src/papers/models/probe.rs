//! One probe of a healthy member over links that lose packets (SWIM, DSN 2002, §3.1): a ping and its
//! ack, and if they do not come through, K helpers that each ping the member on request. The probe
//! fails if none of these comes back.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;

/// Packets of a direct probe: ping, ack.
const DIRECT: u32 = 2;

/// Packets of an indirect one: ping-req, ping, ack, ack passed on.
const INDIRECT: u32 = 4;

/// How members probe.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Probe {
    /// Probability that a packet arrives (the paper's `q_ml`), 0 to 1.
    pub arrives: f64,
    /// Helpers (the paper's K), all of them healthy.
    pub helpers: u32,
}

impl Probe {
    /// Whether a probe of a healthy member fails.
    pub fn fails(&self, rng: &mut ChaCha8Rng) -> bool {
        !self.comes_back(DIRECT, rng) && !(0..self.helpers).any(|_| self.comes_back(INDIRECT, rng))
    }

    fn comes_back(&self, packets: u32, rng: &mut ChaCha8Rng) -> bool {
        (0..packets).all(|_| rng.random::<f64>() < self.arrives)
    }

    /// The paper's PM(T) with no crashed members: how often a healthy member is taken for crashed
    /// within the e/(e-1) periods that a first detection takes in the mean (§3.1, last equation).
    pub fn false_positives(&self) -> f64 {
        let direct = 1.0 - self.arrives.powi(2);
        let helper = 1.0 - self.arrives.powi(4);
        let helpers: f64 = (0..self.helpers).map(|_| helper).product();
        direct * helpers / (1.0 - libm::exp(-1.0))
    }
}
