//! The probability that gossip reaches everybody (Kermarrec, Massoulié and Ganesh, "Probabilistic
//! Reliable Dissemination in Large-Scale Systems", TPDS 14(3), 2003, §3).

use super::Effort;
use super::benchmark::{Benchmark, Claim, Tolerance};
use super::models::infect_and_die::{FanOut, Network};
use super::models::{number, repeat};

/// Runs of each probability: its standard error is at most 0.008. With 1,000 nodes the law is kept to
/// 0.01, and both together must be well below the tolerance.
const RUNS: u32 = 4000;

/// What is added to the logarithm of the nodes.
const CONSTANTS: [i32; 6] = [-1, 0, 1, 2, 3, 5];

/// e^(-e^-c), with all nodes alive and with a fifth of them crashed.
pub(super) fn success(effort: Effort) -> Vec<Benchmark> {
    let nodes = effort.pick(1_000, 10_000);
    let claim = Claim {
        id: "kermarrec",
        experiment: format!("fan-out ln n + c, Poisson, {nodes} nodes, {RUNS} runs"),
        source: "Kermarrec 2003, §3",
    };
    let mut benchmarks = Vec::new();
    let few = effort.pick(&CONSTANTS[1..=3], &CONSTANTS);
    for (crashed, words, constants) in [(0, "", &CONSTANTS[..]), (nodes / 5, ", 20 % crashed", few)]
    {
        for c in constants.iter().copied().map(f64::from) {
            let case = format!("c={c}{words}");
            let law = libm::exp(-libm::exp(-c));
            let network = network(nodes, crashed, c);
            let ours = probability(&format!("kermarrec, {case}"), &network);
            let names = (case.as_str(), "all live nodes reached");
            benchmarks.push(claim.benchmark(names, law, Tolerance::Within(0.03), ours));
        }
    }
    benchmarks
}

/// Nodes with the fan-out that the law asks for: ln of the live ones plus c, made larger for targets
/// that crashed.
fn network(nodes: usize, crashed: usize, c: f64) -> Network {
    let live = nodes - crashed;
    let mean = (libm::log(number(live)) + c) * number(nodes) / number(live);
    Network { live, crashed, fan_out: FanOut::Poisson(mean) }
}

fn probability(label: &str, network: &Network) -> f64 {
    let runs = repeat(label, RUNS, |rng| network.reached(rng) == network.live);
    number(runs.iter().filter(|all| **all).count()) / f64::from(RUNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fan_out_that_does_not_make_up_for_the_crashed_gives_another_law() {
        let right = network(1_000, 200, 1.0);
        let FanOut::Poisson(mean) = right.fan_out else { panic!("a mean") };
        let planted = Network { fan_out: FanOut::Poisson(mean * 0.8), ..right };
        let law = libm::exp(-libm::exp(-1.0));
        assert!((probability("right", &right) - law).abs() < 0.04);
        assert!((probability("planted", &planted) - law).abs() > 0.3);
    }
}
