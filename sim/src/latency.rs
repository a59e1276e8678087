//! How long a packet is on its way: drawn from the run's seed, the sender and the sender's own count,
//! so that no draw moves another. Logarithms are `libm`'s, which are the same on every machine.

use std::time::Duration;

use tidings_core::RngSeed;

use crate::hash::{hash_finish, hash_step};
use crate::scenario::{Draw, Link, Scenario, Shape, Span};

/// First pause before a lost packet is sent again, in microseconds (Linux: 200 ms at least). It
/// doubles with each loss.
const RESEND_AFTER: u64 = 200_000;

/// Losses in a row after which a connection is reset: 51 s after the first.
const MAX_LOSSES: u32 = 8;

/// A host, by its place among all: seed nodes first, then peers.
pub(crate) type HostIndex = u32;

/// When a packet arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    /// Simulated microseconds since the run's beginning.
    pub(crate) at: u64,
    /// It was lost so often that it does not arrive: both ends learn then that the connection is reset.
    pub(crate) is_reset: bool,
}

/// The latencies of a run.
#[derive(Debug)]
pub(crate) struct Latencies {
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
    pub(crate) fn new(scenario: &Scenario, run: RngSeed) -> Self {
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
    pub(crate) fn window(&self) -> u64 {
        (self.bounds.0 / self.tick).max(1) * self.tick
    }

    /// When a packet arrives that leaves at `at`, the `count`-th that its sender sends. It arrives at a
    /// tick, as in turmoil: the first one that is not before the last tick and its latency.
    pub(crate) fn passage(&self, from: HostIndex, to: HostIndex, at: u64, count: u32) -> Passage {
        let losses = self.losses(from, to, count);
        let pauses = RESEND_AFTER * ((1 << losses) - 1);
        let begin = at / self.tick * self.tick + pauses;
        let at = (begin + self.latency(from, to, count)).next_multiple_of(self.tick);
        Passage { at, is_reset: losses == MAX_LOSSES }
    }

    fn losses(&self, from: HostIndex, to: HostIndex, count: u32) -> u32 {
        if self.link.loss == 0.0 {
            return 0;
        }
        let is_lost = |attempt: &u32| {
            unit(self.draw(from, to, count, Purpose::Loss(*attempt))) < self.link.loss
        };
        (0..MAX_LOSSES).find(|attempt| !is_lost(attempt)).unwrap_or(MAX_LOSSES)
    }

    /// The latency of a packet in microseconds, losses not counted.
    pub(crate) fn latency(&self, from: HostIndex, to: HostIndex, count: u32) -> u64 {
        let (least, most) = self.bounds;
        let drawn = |purpose| match self.link.draw {
            Draw::Packet => self.draw(from, to, count, purpose),
            Draw::Pair => self.draw(from.min(to), from.max(to), 0, purpose),
        };
        let share = |drawn: u64, (least, most): (u64, u64)| least + scaled(most - least, drawn);
        let latency = match &self.link.shape {
            Shape::Uniform => share(drawn(Purpose::Latency), self.bounds),
            Shape::Exponential => {
                // As turmoil has it: the mean a fifth into the span, in whole milliseconds. Turmoil has
                // no shorter ticks, with which milliseconds would be too coarse.
                let unit_of_time = if self.tick < 1000 { 1 } else { 1000 };
                let part = -libm::log(1.0 - unit(drawn(Purpose::Latency))) / 5.0;
                least + whole(part * float((most - least) / unit_of_time)) * unit_of_time
            }
            Shape::Lognormal { median, sigma } => {
                let (u, v) = (unit(drawn(Purpose::Latency)), unit(drawn(Purpose::Second)));
                let radius = libm::sqrt(-2.0 * libm::log(1.0 - u));
                let normal = radius * libm::cos(core::f64::consts::TAU * v);
                whole(float(micros(*median)) * libm::exp(sigma * normal))
            }
            Shape::Regions(spans) => {
                let region = |place: HostIndex| usize::try_from(place).unwrap_or(0) % spans.len();
                let Span { from, to } = spans[region(from)][region(to)];
                share(drawn(Purpose::Latency), (micros(from), micros(to)))
            }
        };
        latency.clamp(least, most)
    }

    fn draw(&self, from: HostIndex, to: HostIndex, count: u32, purpose: Purpose) -> u64 {
        let what = match purpose {
            Purpose::Latency => 0,
            Purpose::Second => 1,
            Purpose::Loss(attempt) => 2 + attempt,
        };
        let sent = hash_step(self.key, u64::from(from) << 32 | u64::from(count));
        hash_finish(hash_step(sent, u64::from(to) << 32 | u64::from(what)))
    }
}

/// Whole microseconds.
pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::run_seed;
    use crate::scenario::load;

    fn latencies(changes: &[&str]) -> Latencies {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let changes = ["engine='events'", "tick='1ms'"].iter().chain(changes);
        let changes: Vec<String> = changes.map(|&change| change.to_owned()).collect();
        Latencies::new(&load(&path, &changes).expect("a scenario"), run_seed(1))
    }

    /// Latencies of 20,000 packets from host 1 to host 2, sorted, in microseconds.
    fn drawn(latencies: &Latencies) -> Vec<u64> {
        let mut drawn: Vec<u64> = (0..20_000).map(|count| latencies.latency(1, 2, count)).collect();
        drawn.sort_unstable();
        drawn
    }

    #[test]
    fn latencies_have_the_distribution_asked_for() {
        // Name, changes, and the quartiles by theory.
        for (name, changes, quartiles) in [
            ("exponential", vec!["latency='20ms..80ms'"], [23_452, 28_318, 36_636]),
            (
                "uniform",
                vec!["latency='20ms..80ms'", "distribution='uniform'"],
                [35_000, 50_000, 65_000],
            ),
            ("constant", vec!["latency='30ms..30ms'", "distribution='constant'"], [30_000; 3]),
            (
                "lognormal",
                vec![
                    "latency='5ms..900ms'",
                    "distribution='lognormal'",
                    "median='40ms'",
                    "sigma=0.5",
                ],
                [28_549, 40_000, 56_044],
            ),
        ] {
            let drawn = drawn(&latencies(&changes));
            for (part, expected) in (1..).zip(quartiles) {
                let found = drawn[drawn.len() * part / 4];
                // Whole milliseconds in one of them, and chance in all.
                assert!(found.abs_diff(expected) < 1_500, "{name}: {found}, expected {expected}");
            }
        }
    }

    /// Quartiles of an exponential of 80 us behind 100 us, not of whole milliseconds.
    #[test]
    fn latencies_below_a_millisecond_are_not_rounded_to_milliseconds() {
        let latencies = latencies(&["latency='100us..500us'", "tick='10us'"]);
        let drawn = drawn(&latencies);
        for (part, expected) in (1..).zip([123, 155, 211]) {
            let found = drawn[drawn.len() * part / 4];
            assert!(found.abs_diff(expected) < 5, "{found}, expected {expected}");
        }
        let passage = latencies.passage(1, 2, 1_234_567, 7).at;
        let least = 1_234_560 + latencies.latency(1, 2, 7);
        assert_eq!(passage, least.next_multiple_of(10));
        assert_eq!(latencies.window(), 100);
    }

    #[test]
    fn latencies_keep_their_bounds() {
        let wild =
            ["latency='20ms..60ms'", "distribution='lognormal'", "median='30ms'", "sigma=4.0"];
        let drawn = drawn(&latencies(&wild));
        assert_eq!((drawn[0], drawn[drawn.len() - 1]), (20_000, 60_000));
    }

    #[test]
    fn regions_have_their_own_latencies() {
        let rows = "[['5ms..6ms','50ms..60ms'],['90ms..95ms','7ms..8ms']]";
        let latencies = latencies(&[&format!("link={{tick='1ms',regions={rows}}}")]);
        for (from, to, span) in [(0, 2, 5..=6), (0, 1, 50..=60), (1, 0, 90..=95), (3, 1, 7..=8)] {
            for count in 0..1000 {
                let latency = latencies.latency(from, to, count) / 1000;
                assert!(span.contains(&latency), "{from} to {to}: {latency} ms");
            }
        }
    }

    #[test]
    fn a_pair_may_have_one_latency_for_all_its_packets() {
        let latencies = latencies(&["draw='pair'"]);
        let drawn = drawn(&latencies);
        assert_eq!(drawn[0], drawn[drawn.len() - 1]);
        assert_eq!(latencies.latency(2, 1, 7), drawn[0], "both ways");
        assert!((3..100).any(|other| latencies.latency(1, other, 0) != drawn[0]));
    }

    #[test]
    fn a_lost_packet_is_sent_again_later_and_in_the_end_given_up() {
        let lossy = latencies(&["latency='30ms..30ms'", "loss=0.5"]);
        let mut sent_again = [0_u32; 9];
        for count in 0..20_000 {
            let Passage { at, is_reset } = lossy.passage(1, 2, 0, count);
            let pauses = (at - 30_000) / RESEND_AFTER;
            let losses = (pauses + 1).ilog2();
            assert_eq!(pauses + 1, 1 << losses, "a sum of doubling pauses");
            assert_eq!(is_reset, losses == MAX_LOSSES);
            sent_again[usize::try_from(losses).expect("small")] += 1;
        }
        // Half of the packets are never lost, a quarter once, and so on.
        assert!((9_700..10_300).contains(&sent_again[0]), "{sent_again:?}");
        assert!((4_700..5_300).contains(&sent_again[1]), "{sent_again:?}");
        assert!(sent_again[8] > 40, "{sent_again:?}");
    }

    #[test]
    fn nothing_arrives_within_a_window() {
        for changes in [vec![], vec!["latency='7ms..60ms'", "tick='1ms'"], vec!["draw='pair'"]] {
            let latencies = latencies(&changes);
            let window = latencies.window();
            for count in 0..2000_u32 {
                let at = u64::from(count) * 37;
                let arrival = latencies.passage(1, 2, at, count).at;
                assert!(arrival >= (at / window + 1) * window, "sent {at}, arrives {arrival}");
            }
        }
    }
}
