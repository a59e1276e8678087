//! Gossip with a fan-out of four on uniform views: what a message reaches that does not die out at
//! once, and what messages reach in the mean, which is the curve of Cyclon in the `HyParView` paper
//! (Leitão, Pereira and Rodrigues, DSN 2007, Fig. 2).

use super::Effort;
use super::benchmark::{Benchmark, Claim, Tolerance};
use super::models::infect_and_die::{FanOut, Network, fixed_point};
use super::models::{mean, number, repeat};

/// A message that reached less than this part of what the law gives died out at once: what messages
/// reach has two humps, and this lies between them.
const DIED_OUT: f64 = 1.0 / 3.0;

const FAN_OUT: usize = 4;

/// Percent of the nodes that crashed, and the reliability of Cyclon in percent, read off the figure
/// to about 1 point. It has none without a failure.
const CYCLON: [(usize, Option<f64>); 8] = [
    (0, None),
    (10, Some(97.3)),
    (20, Some(96.5)),
    (30, Some(92.6)),
    (40, Some(85.9)),
    (50, Some(73.3)),
    (60, Some(50.1)),
    (70, Some(11.7)),
];

pub(super) fn reliability(effort: Effort) -> Vec<Benchmark> {
    let (nodes, messages) = effort.pick((5_000, 2_000), (10_000, 5_000));
    let claim = |id, source| Claim {
        id,
        experiment: format!(
            "fan-out {FAN_OUT}, uniform targets, {nodes} nodes, {messages} messages"
        ),
        source,
    };
    let law = claim("fan-out-4", "r = 1 - e^(-4(1-f)r)");
    let cyclon = claim("cyclon", "HyParView, DSN 2007, Fig. 2");
    let mut benchmarks = Vec::new();
    for (percent, published) in CYCLON {
        let case = format!("{percent} % crashed");
        let shares = shares(nodes, percent, messages);
        let expected = 100.0 * fixed_point(forwards(percent));
        let names = (case.as_str(), "reliability of what spreads, %");
        let ours = 100.0 * of_what_spreads(&shares, percent);
        benchmarks.push(law.benchmark(names, expected, Tolerance::Within(1.0), ours));
        benchmarks.extend(published.map(|published| {
            let all = mean(shares.iter().copied());
            let names = (case.as_str(), "reliability, %");
            cyclon.benchmark(names, published, Tolerance::Within(2.0), 100.0 * all)
        }));
    }
    benchmarks
}

/// Live targets of a node, in the mean.
fn forwards(percent: usize) -> f64 {
    number(FAN_OUT) * (1.0 - number(percent) / 100.0)
}

/// The mean share of the messages that did not die out at once.
fn of_what_spreads(shares: &[f64], percent: usize) -> f64 {
    let least = DIED_OUT * fixed_point(forwards(percent));
    mean(shares.iter().copied().filter(|share| *share > least))
}

/// What share of the live nodes each message reached.
fn shares(nodes: usize, percent: usize, messages: u32) -> Vec<f64> {
    let crashed = nodes * percent / 100;
    let network = Network { live: nodes - crashed, crashed, fan_out: FanOut::Fixed(FAN_OUT) };
    let live = number(network.live);
    repeat(&format!("fan-out, {percent}"), messages, |rng| number(network.reached(rng)) / live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_spares_the_crashed_gives_another_law() {
        let reached = of_what_spreads(&shares(1_000, 40, 500), 40);
        assert!((reached - fixed_point(forwards(40))).abs() < 0.01, "{reached}");
        assert!((reached - fixed_point(forwards(0))).abs() > 0.05, "{reached}");
    }

    #[test]
    fn the_fixed_point_solves_its_equation() {
        for percent in (0..=70).step_by(10) {
            let (forwards, share) = (forwards(percent), fixed_point(forwards(percent)));
            assert!((share - 1.0 + libm::exp(-forwards * share)).abs() < 1e-9, "{percent} %");
            assert!(share > 0.3, "{percent} %: {share}");
        }
    }
}
