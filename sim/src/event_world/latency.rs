//! How long a packet is on its way: drawn from the run's seed, the sender and the sender's own count,
//! so that no draw moves another. Logarithms are `libm`'s, which are the same on every machine.

use tidings_core::RngSeed;

use super::air::{Fate, micros};
use super::packet::Place;
use crate::mix::{finish, mix};
use crate::scenario::{Draw, Link, Scenario, Shape, Span};

/// First pause before a lost packet is sent again, in microseconds (Linux: 200 ms at least). It
/// doubles with each loss.
const RESEND_AFTER: u64 = 200_000;

/// Losses in a row after which a connection is reset: 51 s after the first.
const MOST_LOSSES: u32 = 8;

/// The latencies of a run.
#[derive(Debug)]
pub(super) struct Latencies {
    key: u64,
    link: Link,
    /// Least and most of all, in microseconds.
    bounds: (u64, u64),
    tick: u64,
}

/// What a draw is for.
#[derive(Clone, Copy)]
enum Purpose {
    Latency,
    /// The second number of a pair.
    Second,
    Loss(u32),
}

impl Latencies {
    pub(super) fn new(scenario: &Scenario, run: RngSeed) -> Self {
        let seed = run.derive("latency", 0);
        let first = seed.as_bytes().first_chunk().copied().unwrap_or_default();
        Self {
            key: u64::from_be_bytes(first),
            link: scenario.link.clone(),
            bounds: (micros(scenario.latency.from), micros(scenario.latency.to)),
            tick: micros(scenario.tick).max(1),
        }
    }

    /// The longest time, in whole ticks, in which nothing that is sent can arrive.
    pub(super) fn window(&self) -> u64 {
        (self.bounds.0 / self.tick).max(1) * self.tick
    }

    /// What becomes of a packet that leaves at `at`. It arrives at a tick, as in turmoil: the first
    /// one that is not before the last tick and its latency.
    pub(super) fn fate(&self, from: Place, to: Place, at: u64, count: u32) -> Fate {
        let losses = self.losses(from, to, count);
        let pauses = RESEND_AFTER * ((1 << losses) - 1);
        let begin = at / self.tick * self.tick + pauses;
        let arrival = (begin + self.latency(from, to, count)).next_multiple_of(self.tick);
        if losses == MOST_LOSSES { Fate::Reset(arrival) } else { Fate::Arrives(arrival) }
    }

    fn losses(&self, from: Place, to: Place, count: u32) -> u32 {
        if self.link.loss == 0.0 {
            return 0;
        }
        let is_lost = |attempt: &u32| {
            unit(self.draw(from, to, count, Purpose::Loss(*attempt))) < self.link.loss
        };
        (0..MOST_LOSSES).find(|attempt| !is_lost(attempt)).unwrap_or(MOST_LOSSES)
    }

    fn latency(&self, from: Place, to: Place, count: u32) -> u64 {
        let (least, most) = self.bounds;
        let drawn = |purpose| match self.link.draw {
            Draw::Packet => self.draw(from, to, count, purpose),
            Draw::Pair => self.draw(from.min(to), from.max(to), 0, purpose),
        };
        let share = |drawn: u64, (least, most): (u64, u64)| least + scaled(most - least, drawn);
        let latency = match &self.link.shape {
            Shape::Uniform => share(drawn(Purpose::Latency), self.bounds),
            Shape::Exponential => {
                // As turmoil has it: the mean a fifth into the span, in whole milliseconds.
                let part = -libm::log(1.0 - unit(drawn(Purpose::Latency))) / 5.0;
                least + whole(part * float((most - least) / 1000)) * 1000
            }
            Shape::Lognormal { median, sigma } => {
                let (u, v) = (unit(drawn(Purpose::Latency)), unit(drawn(Purpose::Second)));
                let radius = libm::sqrt(-2.0 * libm::log(1.0 - u));
                let normal = radius * libm::cos(core::f64::consts::TAU * v);
                whole(float(micros(*median)) * libm::exp(sigma * normal))
            }
            Shape::Regions(spans) => {
                let region = |place: Place| usize::try_from(place).unwrap_or(0) % spans.len();
                let Span { from, to } = spans[region(from)][region(to)];
                share(drawn(Purpose::Latency), (micros(from), micros(to)))
            }
        };
        latency.clamp(least, most)
    }

    fn draw(&self, from: Place, to: Place, count: u32, purpose: Purpose) -> u64 {
        let what = match purpose {
            Purpose::Latency => 0,
            Purpose::Second => 1,
            Purpose::Loss(attempt) => 2 + attempt,
        };
        let sent = mix(self.key, u64::from(from) << 32 | u64::from(count));
        finish(mix(sent, u64::from(to) << 32 | u64::from(what)))
    }
}

/// A number from 0 to below 1, from its first 53 bits.
fn unit(drawn: u64) -> f64 {
    float(drawn >> 11) / float(1 << 53)
}

/// A whole number from 0 to `most`, in integers alone.
fn scaled(most: u64, drawn: u64) -> u64 {
    let product = (u128::from(most) + 1) * u128::from(drawn);
    u64::try_from(product >> 64).unwrap_or(most)
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "at most 2^53")]
fn float(value: u64) -> f64 {
    value as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "saturates, which the bounds of the latency put right"
)]
fn whole(value: f64) -> u64 {
    value as u64
}
