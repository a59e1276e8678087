//! What the command line may ask of `tidings bench`, and its bounds.

use std::fmt::Display;
use std::str::FromStr;

use clap::Args;
use tidings_core::{Config, Payload};
use tidings_node::settings::{self, Profile};

use super::tally::HEADER;
use super::workload::Load;
use crate::fleet::up::profile;
use crate::options::UsageError;

/// Measure a network on loopback in this process, beside raw TCP frames over a static tree.
///
/// Every peer, the seed nodes and the floor share one runtime with a thread per core, so latencies of many
/// peers contain the waiting for a core. The floor is what the machine can do at best: as many tasks, each
/// of which passes length-prefixed frames on to four others, one write for each, without any protocol. It is
/// measured before the nodes in each round. What is printed are medians over the rounds.
///
/// Workloads: `latency` sends --rate messages a second; `window` sends as fast as it can with --window
/// messages on their way; `open` sends as fast as the node takes them; `burst` does so with --burst messages;
/// `crash` kills a peer, and then stops another one where it stands, and waits until the others know.
/// `stopped-reader` is `latency` while the program at the last peer does not read what comes.
///
/// "fairness" is Jain's index over the messages that each of --publishers could send: 1 where all could send
/// as many, and one over their number where one alone could. "wire bytes" are bytes written to links for each byte delivered, "ping ms" the longest smoothed round trip
/// between neighbors at the end of the load, "MB / node" what memory of the process has grown by since its
/// start, the floor's included, for each node.
#[derive(Clone, Debug, Args)]
pub(crate) struct BenchArgs {
    /// How many peers: 2 to 512, with `crash` 4 at least.
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub(super) peers: usize,
    /// How many seed nodes: 1 to 9.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) seed_nodes: usize,
    /// What the protocol's settings start from: classic or modern.
    #[arg(long, value_name = "NAME", default_value_t, value_parser = profile)]
    pub(super) profile: Profile,
    /// A setting of the protocol for all nodes, any number of times; `tidings peer --help` has them.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) set: Vec<String>,
    /// What to measure, in this order: latency, window, open, burst, stopped-reader, crash.
    #[arg(long, value_name = "NAME", value_delimiter = ',', default_value = "latency,window")]
    pub(super) workload: Vec<Workload>,
    /// Bytes of a message: 16 to 61440.
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    pub(super) size: usize,
    /// Messages per second of `latency`: 1 to 10000.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(super) rate: u32,
    /// How long each workload sends, but `burst`: 1 to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    pub(super) seconds: u64,
    /// Messages that `window` has on their way: 1 to 65536.
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub(super) window: u64,
    /// Peers that send at once with `open`: 1 to 64, and no more than there are.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(super) publishers: usize,
    /// Messages of `burst`: 1 to 1000000.
    #[arg(long, value_name = "N", default_value_t = 30_000)]
    pub(super) burst: u64,
    /// How long the network rests between its join and the first workload: 0 to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = 3)]
    pub(super) settle: u64,
    /// How programs get what comes: observer, which counts on the node's own loop, or deliveries, the stream
    /// that misses nothing.
    #[arg(long, value_name = "NAME", default_value = "observer")]
    pub(super) reader: Reader,
    /// How often all of it is measured: 1 to 99.
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(super) rounds: usize,
    /// Print JSON, one object at the end.
    #[arg(long)]
    pub(super) json: bool,
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Workload {
    Latency,
    Window,
    Open,
    Burst,
    StoppedReader,
    Crash,
}

/// How programs get what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    Observer,
    Deliveries,
}

impl Reader {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Observer => "observer",
            Self::Deliveries => "deliveries",
        }
    }
}

impl FromStr for Reader {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let both = [Self::Observer, Self::Deliveries];
        let named = both.into_iter().find(|reader| reader.name() == text);
        named.ok_or("allowed are observer and deliveries")
    }
}

impl Workload {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Window => "window",
            Self::Open => "open",
            Self::Burst => "burst",
            Self::StoppedReader => "stopped-reader",
            Self::Crash => "crash",
        }
    }
}

impl FromStr for Workload {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Latency, Self::Window, Self::Open, Self::Burst, Self::StoppedReader, Self::Crash]
            .into_iter()
            .find(|workload| workload.name() == text)
            .ok_or("allowed are latency, window, open, burst, stopped-reader and crash")
    }
}

impl BenchArgs {
    /// The workloads that carry messages.
    pub(super) fn loads(&self) -> Vec<(Load, &'static str)> {
        let load = |workload: &Workload| match workload {
            Workload::Latency => Some(Load::Rate(self.rate)),
            Workload::Window => Some(Load::Window(self.window)),
            Workload::Open => Some(Load::Open(self.publishers)),
            Workload::Burst => Some(Load::Burst(self.burst)),
            Workload::StoppedReader => Some(Load::StoppedReader(self.rate)),
            Workload::Crash => None,
        };
        self.workload.iter().filter_map(|it| Some((load(it)?, it.name()))).collect()
    }

    pub(super) fn check(&self) -> Result<(), UsageError> {
        let crashes = self.workload.contains(&Workload::Crash);
        within("--peers", self.peers, if crashes { 4 } else { 2 }, 512)?;
        within("--seed-nodes", self.seed_nodes, 1, 9)?;
        within("--size", self.size, HEADER, Payload::MAX)?;
        within("--rate", self.rate, 1, 10_000)?;
        within("--seconds", self.seconds, 1, 3600)?;
        within("--window", self.window, 1, 65_536)?;
        within("--publishers", self.publishers, 1, self.peers.min(64))?;
        within("--burst", self.burst, 1, 1_000_000)?;
        within("--settle", self.settle, 0, 3600)?;
        within("--rounds", self.rounds, 1, 99)?;
        let mut sorted = self.workload.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() < self.workload.len() {
            return Err(UsageError("--workload names one of them twice".to_owned()));
        }
        Ok(())
    }

    pub(super) fn config(&self) -> Result<Config, UsageError> {
        let mut config = self.profile.config();
        for pair in &self.set {
            let Some((name, value)) = pair.split_once('=') else {
                return Err(UsageError(format!("--set {pair}: it is NAME=VALUE")));
            };
            settings::set(&mut config, name, value)
                .map_err(|error| UsageError(format!("--set {pair}: {error}")))?;
        }
        config.check().map_err(|error| UsageError(format!("--set {error}")))?;
        Ok(config)
    }
}

fn within<T: PartialOrd + Display + Copy>(
    name: &str,
    value: T,
    min: T,
    max: T,
) -> Result<(), UsageError> {
    if min <= value && value <= max {
        return Ok(());
    }
    Err(UsageError(format!("{name} {value}: allowed are {min} to {max}")))
}
