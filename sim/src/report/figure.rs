//! A figure of a sweep, and what the figures are called.

use serde::{Deserialize, Serialize};

/// Names of the figures that others look up.
pub mod name {
    /// Delivered pairs of expected ones.
    pub const DELIVERED: &str = "delivered";
    /// Median over a run's messages of the time until half of the peers had one.
    pub const COVERAGE_50: &str = "coverage 50 %";
    /// The same for 90 % of them.
    pub const COVERAGE_90: &str = "coverage 90 %";
    /// The same for 99 % of them.
    pub const COVERAGE_99: &str = "coverage 99 %";
    /// The same for all peers.
    pub const COVERAGE_100: &str = "coverage 100 %";
    /// Delay of a delivery, over all deliveries of all messages: one value each, not one per run.
    pub const DELAY: &str = "delay of a delivery";
    /// Most links that a first copy travelled.
    pub const LAST_HOP: &str = "last delivery hop";
    /// Copies per first receipt, less one.
    pub const REDUNDANCY: &str = "redundancy (RMR)";
    /// Variance over mean of the peers' links at the end of a run.
    pub const DISPERSION: &str = "degree dispersion";
    /// Bytes that all nodes alive at the end had written, per peer.
    pub const BYTES: &str = "bytes per peer";
    /// Live peers removed as dead.
    pub const FALSE_DEATHS: &str = "false removals";
    /// A run's slowest message among the peers that are never paused, of those that all of them got.
    pub const OTHERS: &str = "slowest message, unpaused peers";
    /// Time from the last fault until all peers were in one component.
    pub const ONE_COMPONENT: &str = "one component again";
    /// Time from the last fault until all peers were registered with a quorum of the seed nodes.
    pub const QUORUM: &str = "registered with a quorum";
    /// Time from a crash whose connections were reset until the first neighbor noticed.
    pub const RESET_NEIGHBOR: &str = "crash (reset): first neighbor";
    /// The same for silent crashes.
    pub const SILENT_NEIGHBOR: &str = "crash (silent): first neighbor";
    /// Time from a crash whose connections were reset until no seed node listed the peer.
    pub const RESET_DEATHS: &str = "crash (reset): removed by all seed nodes";
    /// The same for silent crashes.
    pub const SILENT_DEATHS: &str = "crash (silent): removed by all seed nodes";
    /// Time from a crash whose connections were reset until all live peers held it dead (detector `swim`).
    pub const RESET_PEERS: &str = "crash (reset): known to all live peers";
    /// The same for silent crashes.
    pub const SILENT_PEERS: &str = "crash (silent): known to all live peers";
    /// How often a peer held a live one dead, in a run, with nothing that kept the two apart.
    pub const FALSE_DEAD_VERDICTS: &str = "false dead verdicts";
}

/// Milliseconds as people write them: three figures, from a second on in seconds, below a millisecond to
/// the microsecond.
pub fn time(ms: f64) -> String {
    // What is rounded up to a second is one.
    let (value, unit) = if ms < 999.5 { (ms, "ms") } else { (ms / 1_000.0, "s") };
    let text = match value {
        ..0.9995 => format!("{value:.3}"),
        ..9.995 => format!("{value:.2}"),
        ..99.95 => format!("{value:.1}"),
        _ => return format!("{value:.0} {unit}"),
    };
    format!("{} {unit}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A figure over the runs: every run gives one value, or several for figures of single deaths and of
/// single deliveries.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Figure {
    /// Its name.
    pub name: String,
    /// Its unit.
    pub unit: String,
    /// How many values there are.
    pub values: u64,
    /// The smallest value.
    pub min: Option<f64>,
    /// The value below which 5 % lie.
    pub p5: Option<f64>,
    /// The middle value.
    pub median: Option<f64>,
    /// The value below which 90 % lie.
    pub p90: Option<f64>,
    /// The value below which 95 % lie.
    pub p95: Option<f64>,
    /// The value below which 99 % lie.
    pub p99: Option<f64>,
    /// The value below which 99.9 % lie; only of deliveries, which are enough for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p999: Option<f64>,
    /// The largest value.
    pub max: Option<f64>,
    /// What the scenario asks for, in words.
    pub limit: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_have_the_unit_and_the_figures_that_they_need() {
        let words = [0.0, 0.01, 0.25, 0.9996, 1.0, 4.567, 9.996, 12.44, 100.0, 749.568].map(time);
        let expected = [
            "0 ms", "0.01 ms", "0.25 ms", "1 ms", "1 ms", "4.57 ms", "10 ms", "12.4 ms", "100 ms",
            "750 ms",
        ];
        assert_eq!(words, expected);
        let words = [999.6, 1_200.0, 1_234.0, 29_000.0, 412_345.0].map(time);
        assert_eq!(words, ["1 s", "1.2 s", "1.23 s", "29 s", "412 s"]);
    }
}
