//! A scenario file as it is written, before anything in it is believed.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::link::{Engine, RawLink};
use super::range::{Span, Time};
use super::{Blocks, PeerAddress};

/// Settings of the protocol by name.
pub(super) type RawProtocol = BTreeMap<Spanned<String>, Spanned<toml::Value>>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) question: String,
    pub(super) version: Spanned<u32>,
    pub(super) engine: Option<Engine>,
    pub(super) runs: Spanned<u64>,
    pub(super) duration: Spanned<Time>,
    pub(super) calm: Spanned<Time>,
    pub(super) network: RawNetwork,
    pub(super) link: RawLink,
    #[serde(default)]
    pub(super) protocol: RawProtocol,
    pub(super) workload: Option<Spanned<RawWorkload>>,
    #[serde(default, rename = "fault")]
    pub(super) faults: Vec<Spanned<RawFault>>,
    #[serde(default)]
    pub(super) limits: RawLimits,
    #[serde(default)]
    pub(super) vary: BTreeMap<Spanned<String>, Spanned<toml::Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNetwork {
    pub(super) seed_nodes: Spanned<usize>,
    pub(super) peers: Spanned<usize>,
    pub(super) start: Spanned<Time>,
    pub(super) peer_addresses: Option<Spanned<Vec<PeerAddress>>>,
    pub(super) names_found_at: Option<Spanned<Time>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWorkload {
    pub(super) every: Option<Spanned<Time>>,
    pub(super) between: Option<Spanned<Span>>,
    pub(super) size: Option<Spanned<usize>>,
    pub(super) sources: Option<Spanned<usize>>,
    pub(super) gossip_every: Option<Spanned<toml::Value>>,
    pub(super) gossip_count: Option<Spanned<toml::Value>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFault {
    pub(super) kind: Kind,
    pub(super) count: Option<Spanned<usize>>,
    pub(super) nodes: Option<Spanned<Vec<String>>>,
    pub(super) share: Option<Spanned<u8>>,
    pub(super) at: Option<Spanned<Time>>,
    pub(super) between: Option<Spanned<Span>>,
    pub(super) death: Option<Spanned<DeathWord>>,
    pub(super) restart: Option<Spanned<Span>>,
    #[serde(rename = "for")]
    pub(super) length: Option<Spanned<Time>>,
    pub(super) every: Option<Spanned<Time>>,
    pub(super) stall: Option<Spanned<Time>>,
    pub(super) blocks: Option<Spanned<Blocks>>,
    pub(super) times: Option<Spanned<u32>>,
    pub(super) mode: Option<Spanned<ModeWord>>,
    pub(super) direction: Option<Spanned<DirectionWord>>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Crash,
    Leave,
    Join,
    Pause,
    Suspend,
    Slow,
    StopReader,
    Reset,
    Partition,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DeathWord {
    Reset,
    Silent,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum ModeWord {
    Held,
    Silent,
    Reset,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(super) enum DirectionWord {
    Both,
    Out,
    In,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLimits {
    pub(super) delivery_percent_min: Option<Spanned<f64>>,
    pub(super) coverage_50_max: Option<Time>,
    pub(super) coverage_100_max: Option<Time>,
    pub(super) delay_p99_max: Option<Spanned<Time>>,
    pub(super) delay_max: Option<Spanned<Time>>,
    pub(super) redundancy_max: Option<f64>,
    pub(super) degree_dispersion_min: Option<f64>,
    pub(super) reset_detection_max: Option<Time>,
    pub(super) silent_detection_max: Option<Time>,
    pub(super) others_coverage_100_max: Option<Time>,
    pub(super) one_component_max: Option<Time>,
    pub(super) quorum_max: Option<Time>,
    pub(super) false_deaths_max: Option<u64>,
}
