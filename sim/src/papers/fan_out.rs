//! Gossip with a fan-out of four on uniform views: what a message reaches that does not die out at
//! once, and what messages reach in the mean, which is the curve of Cyclon in the `HyParView` paper
//! (Leitão, Pereira and Rodrigues, DSN 2007, Fig. 2).

use super::Effort;
use super::bar::{Bar, Claim, Tolerance};
use super::models::infect_and_die::{FanOut, Network, fixed_point};
use super::models::{mean, number, repeat};

/// Messages of each share of crashed nodes.
const RUNS: u32 = 1000;

/// A message that reached less died out at once: the least share that the law gives here is 31 %.
const DIED_OUT: f64 = 0.05;

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

pub(super) fn reliability(effort: Effort) -> Vec<Bar> {
    let nodes = effort.pick(2_000, 10_000);
    let claim = |id, source| Claim {
        id,
        experiment: format!("fan-out {FAN_OUT}, uniform targets, {nodes} nodes, {RUNS} messages"),
        source,
    };
    let law = claim("fan-out-4", "r = 1 - e^(-4(1-f)r)");
    let cyclon = claim("cyclon", "HyParView, DSN 2007, Fig. 2");
    let mut bars = Vec::new();
    for (percent, published) in CYCLON {
        let case = format!("{percent} % crashed");
        let shares = shares(nodes, percent);
        let spread = mean(shares.iter().copied().filter(|share| *share > DIED_OUT));
        let expected = 100.0 * fixed_point(forwards(percent));
        let names = (case.as_str(), "reliability of what spreads, %");
        bars.push(law.bar(names, expected, Tolerance::Within(1.0), 100.0 * spread));
        bars.extend(published.map(|published| {
            let all = mean(shares.iter().copied());
            let names = (case.as_str(), "reliability, %");
            cyclon.bar(names, published, Tolerance::Within(2.0), 100.0 * all)
        }));
    }
    bars
}

/// Live targets of a node, in the mean.
fn forwards(percent: usize) -> f64 {
    number(FAN_OUT) * (1.0 - number(percent) / 100.0)
}

/// What share of the live nodes each message reached.
fn shares(nodes: usize, percent: usize) -> Vec<f64> {
    let crashed = nodes * percent / 100;
    let network = Network { live: nodes - crashed, crashed, fan_out: FanOut::Fixed(FAN_OUT) };
    let live = number(network.live);
    repeat(&format!("fan-out, {percent}"), RUNS, |rng| number(network.reached(rng)) / live)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_spares_the_crashed_gives_another_law() {
        let reached = mean(shares(1_000, 40).into_iter().filter(|share| *share > DIED_OUT));
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
