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

/// A figure over the runs: every run gives one value, or several for figures of single deaths.
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
    /// The largest value.
    pub max: Option<f64>,
    /// What the scenario asks for, in words.
    pub limit: Option<String>,
}
