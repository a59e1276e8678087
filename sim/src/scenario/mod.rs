//! What is simulated: one network, one question, the faults it has to live with, and what it must
//! still do. `scenarios/README.md` documents the file format; [`load`] reads it.

pub mod combinations;
mod link;
mod override_keys;
mod page;
mod parse;
mod peer_address;
mod range;
mod raw;
pub mod vary;
mod write;

use std::fmt;
use std::time::Duration;

use humantime::format_duration;
use serde::{Deserialize, Serialize};
use tidings_core::{
    BroadcastKind, Config, DecisionMode, DetectorConfig, DetectorKind, Monitor, OverlayKind,
    RegistrationConfig,
};
use tidings_node::chatter::Chatter;

pub use link::{Draw, Engine, Link, Shape};
pub use override_keys::OverrideError;
pub use page::{Complaint, ScenarioError};
pub use parse::{load, load_for_events};
pub(crate) use parse::{named_peers, parse, parse_changed};
pub use peer_address::PeerAddress;
pub use range::Span;
use vary::Vary;

/// Most hosts that the turmoil engine takes. Its cost per step grows with the square of the hosts:
/// each of them walks every pair of hosts on every tick.
pub const MAX_HOSTS: usize = 64;

/// Most hosts that the event engine takes: its hosts have addresses in 10.0.0.0/8.
pub const MAX_HOSTS_OF_EVENTS: usize = 16_000_000;

/// One network under faults, to be run with many rng seeds.
#[derive(Clone, Debug, PartialEq)]
pub struct Scenario {
    /// The file's name without `.toml`.
    pub name: String,
    /// What runs it.
    pub engine: Engine,
    /// What it asks.
    pub question: String,
    /// How many runs it is made of, with the rng seeds 1 to this.
    pub runs: u64,
    /// Simulated time of one run.
    pub duration: Duration,
    /// The last part of it, without faults.
    pub calm: Duration,
    /// Seed nodes.
    pub seed_nodes: usize,
    /// Peers, those that join later included.
    pub peers: usize,
    /// The addresses that each peer announces, in this order: its own, and others that are of no use.
    pub peer_addresses: Vec<PeerAddress>,
    /// When the names of all seed nodes but the first are found. Before, they count and have no address.
    pub names_found_at: Duration,
    /// Within this time from the beginning the nodes are started.
    pub start: Duration,
    /// One-way latency of a message.
    pub latency: Span,
    /// The engine's step.
    pub tick: Duration,
    /// What else is to be said of links.
    pub link: Link,
    /// The protocol's settings.
    pub config: Config,
    /// What every peer says of itself, from its first neighbor on.
    pub chatter: Chatter,
    /// What peers say beside their chatter.
    pub workload: Option<Workload>,
    /// What happens to them.
    pub faults: Vec<FaultSpec>,
    /// What must hold.
    pub limits: Limits,
    /// What a comparison varies; a run varies nothing.
    pub vary: Vec<Vary>,
}

impl Scenario {
    /// Longest time from the last fault until everything must be in order again: a silent neighbor
    /// strikes out, somebody dials, a refresh mends the graph, or a small one's parts are noticed, two
    /// digests carry what was missed.
    pub fn convergence_bound(&self) -> Duration {
        let config = &self.config;
        let late = |every: Duration| every + every / 10;
        let silent = match config.detector.kind {
            DetectorKind::Strikes | DetectorKind::Connect => {
                let DetectorConfig { liveness_every, misses, answer_timeout, .. } = config.detector;
                liveness_every * u32::from(misses) + answer_timeout
            }
            DetectorKind::Swim => self.longest_suspicion(),
        };
        let refresh = match config.overlay.kind {
            OverlayKind::Random | OverlayKind::PowerLaw => late(config.overlay.refresh),
            // Not every lost neighbor that is tried is on the other side.
            OverlayKind::HyParView => 2 * late(config.overlay.refresh) + self.longest_parting(),
        };
        let missed = match config.broadcast.kind {
            BroadcastKind::Flood => late(config.broadcast.digest_every),
            BroadcastKind::Plumtree => late(config.broadcast.plumtree.exchange_every),
        };
        silent + config.links.hello_timeout + refresh + 2 * missed + self.agreement_bound()
    }

    /// How much later a dead peer goes where seed nodes decide together. After a cut one rests before
    /// it dials another again, and the first proposal may be lost on a connection that died unnoticed.
    fn agreement_bound(&self) -> Duration {
        let RegistrationConfig { listing, removal, lease, retry_max, vote_timeout, .. } =
            self.config.registration;
        if [listing, removal] == [DecisionMode::Local; 2] {
            return Duration::ZERO;
        }
        let probe = 2 * self.config.links.hello_timeout;
        retry_max + retry_max / 10 + 2 * (lease + probe + vote_timeout + probe)
    }

    /// How long a dead node may be held alive with `swim`: until its turn to be probed has come, it
    /// has not answered, its helpers have not either, and its suspicion is over that nobody confirmed.
    fn longest_suspicion(&self) -> Duration {
        let swim = &self.config.detector.swim;
        let in_turn = match swim.monitor {
            Monitor::Neighbors => self.max_neighbors(),
            Monitor::Members => 2 * self.peers,
        };
        let in_turn = u32::try_from(in_turn).unwrap_or(u32::MAX);
        let digits = self.peers.max(10).ilog10() + 1;
        let suspicion = swim.suspicion_min * swim.suspicion_max * digits;
        swim.probe_every.saturating_mul(in_turn.saturating_add(suspicion)) + 3 * swim.probe_timeout
    }

    /// Until a peer of a small overlay takes others for ones of another component.
    fn longest_parting(&self) -> Duration {
        let others = self.peers.saturating_sub(1);
        let least = 2 * self.config.overlay.hyparview.active;
        let is_small = (least..self.config.registration.sample).contains(&others);
        if is_small { self.config.overlay.hyparview.told_within(others) } else { Duration::ZERO }
    }

    /// How many neighbors a peer may have.
    pub fn max_neighbors(&self) -> usize {
        match self.config.overlay.kind {
            OverlayKind::Random | OverlayKind::PowerLaw => self.config.overlay.max_links,
            OverlayKind::HyParView => self.config.overlay.hyparview.active,
        }
    }

    /// How many other peers a peer may know by record.
    pub fn max_known(&self) -> usize {
        match self.config.overlay.kind {
            OverlayKind::Random | OverlayKind::PowerLaw => self.config.overlay.known_max,
            OverlayKind::HyParView => self.config.overlay.hyparview.passive,
        }
    }

    /// When the calm begins.
    pub fn calm_from(&self) -> Duration {
        self.duration.saturating_sub(self.calm)
    }
}

impl Engine {
    /// Its name, as on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Turmoil => "turmoil",
            Self::Events => "events",
        }
    }

    /// Least tick that it takes. Turmoil does its work for every pair of hosts at every tick, and tokio's
    /// timers, which its nodes run on, are whole milliseconds. For the event engine a tick is only what
    /// arrivals are rounded to.
    pub const fn least_tick(self) -> Duration {
        match self {
            Self::Turmoil => Duration::from_millis(1),
            Self::Events => Duration::from_micros(10),
        }
    }

    /// Most hosts that it takes.
    pub const fn max_hosts(self) -> usize {
        match self {
            Self::Turmoil => MAX_HOSTS,
            Self::Events => MAX_HOSTS_OF_EVENTS,
        }
    }
}

/// Messages from random peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Workload {
    /// Time between two messages, whoever says them.
    pub every: Duration,
    /// From when until when.
    pub between: Span,
    /// Bytes of each payload.
    pub size: usize,
    /// How many different peers say them, in turn; anybody if `None`.
    pub sources: Option<usize>,
}

/// A fault as a scenario asks for it: what, how often, about when. Who and when exactly is drawn
/// per run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultSpec {
    /// What happens.
    pub kind: FaultKind,
    /// To whom.
    pub targets: Targets,
    /// When; a span of no length is a moment.
    pub when: Span,
}

/// Whom a fault hits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Targets {
    /// This many peers that no other fault of the scenario hits.
    RandomPeers(usize),
    /// These nodes, by name: `peer-7`, `seed-1`.
    Named(Vec<String>),
    /// This many percent of the peers and of the seed nodes, rounded down, whatever else hits them.
    Share(u8),
}

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The process ends without a word, and may be started again.
    Crash {
        /// What others see of it.
        death: Death,
        /// Started again after a time from this span; never if absent.
        restart: Option<Span>,
    },
    /// The node leaves on its own will.
    Leave,
    /// The node is started only now.
    Join,
    /// The process stops and goes on later, as with SIGSTOP and SIGCONT.
    Pause {
        /// How long it stands still.
        length: Duration,
        /// What of it.
        blocks: Blocks,
    },
    /// The machine sleeps and wakes later: process, network and the node's clock stand still.
    Suspend {
        /// How long it sleeps.
        length: Duration,
    },
    /// The process runs only a part of the time: at the beginning of every period it stands still.
    Slow {
        /// How long this goes on. Only whole periods count.
        length: Duration,
        /// The period.
        every: Duration,
        /// How long it stands still in each period. Less than the period.
        stall: Duration,
        /// What stands still.
        blocks: Blocks,
    },
    /// The node's program reads no messages for a while. The node itself goes on.
    StopReader {
        /// How long it reads none.
        length: Duration,
    },
    /// All connections of the node are reset.
    Reset {
        /// How often, each time in its own part of the span.
        times: u32,
    },
    /// The targets are cut off from everybody else.
    Partition {
        /// What becomes of what crosses the cut.
        mode: CutMode,
        /// Which way it cuts, seen from the targets.
        direction: Direction,
        /// How long.
        length: Duration,
    },
}

/// What happens, in words.
impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Crash { death, restart } => {
                f.write_str(match death {
                    Death::Reset => "killed; the machine closes its connections",
                    Death::Silent => "gone with its machine; its connections stay silent",
                })?;
                restart.map_or(Ok(()), |after| write!(f, "; started again after {after}"))
            }
            Self::Leave => f.write_str("told to leave"),
            Self::Join => f.write_str("started only now"),
            Self::Pause { length, blocks: Blocks::Process } => {
                write!(f, "stopped for {}", format_duration(*length))
            }
            Self::Pause { length, blocks: Blocks::Network } => {
                write!(f, "its network is blocked for {}", format_duration(*length))
            }
            Self::Suspend { length } => {
                write!(f, "its machine sleeps for {}", format_duration(*length))
            }
            Self::Slow { length, every, stall, blocks } => write!(
                f,
                "{}standing still for {} of every {}, for {}",
                if *blocks == Blocks::Network { "its network " } else { "" },
                format_duration(*stall),
                format_duration(*every),
                format_duration(*length)
            ),
            Self::StopReader { length } => {
                write!(f, "its program reads no messages for {}", format_duration(*length))
            }
            Self::Reset { times: 1 } => f.write_str("all connections reset"),
            Self::Reset { times } => write!(f, "all connections reset, {times} times"),
            Self::Partition { mode, direction, length } => {
                let way = match direction {
                    Direction::Both => "both ways",
                    Direction::Out => "outwards",
                    Direction::In => "inwards",
                };
                let mode = match mode {
                    CutMode::Held => "what crosses the cut waits for its end",
                    CutMode::Silent => "what crosses the cut is lost",
                    CutMode::Reset => "connections across the cut are reset",
                };
                write!(f, "cut off {way} for {}: {mode}", format_duration(*length))
            }
        }
    }
}

/// What others see of a death.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Death {
    /// The machine lives on: connections are closed and dials refused (`kill -9`).
    Reset,
    /// The machine is gone: connections stay open and silent, dials hang (power loss).
    Silent,
}

/// What stands still when a node is slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blocks {
    /// The process, as with SIGSTOP.
    #[default]
    Process,
    /// What it sends and receives: the process runs, and hears nobody (Lifeguard §V).
    Network,
}

/// What becomes of bytes that would cross a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutMode {
    /// They wait until the cut is healed, as TCP's own retransmission makes them.
    Held,
    /// They are lost, and the connections that carried them stay silent for ever.
    Silent,
    /// Connections across the cut are reset when it begins; dials hang while it lasts.
    Reset,
}

/// Which way a cut cuts, seen from the nodes that are cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Nothing gets out or in.
    Both,
    /// Nothing gets out.
    Out,
    /// Nothing gets in.
    In,
}

/// What a run must reach, beside what always holds. An absent limit is not checked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Limits {
    /// Least share, in percent, of (message, peer) pairs delivered, among peers that had joined
    /// when the message was sent and lived on.
    pub delivery_percent_min: Option<f64>,
    /// Longest time in which half of these peers have a message, in the median over the messages.
    pub coverage_50_max: Option<Duration>,
    /// Longest time in which all of these peers have a message, in the median over the messages.
    pub coverage_100_max: Option<Duration>,
    /// Longest delay of 99 % of all deliveries of a run, that is of a message to one of these peers.
    pub delay_p99_max: Option<Duration>,
    /// Longest delay of any of them.
    pub delay_max: Option<Duration>,
    /// Least dispersion of the degrees at the end of the run: their variance over their mean.
    pub degree_dispersion_min: Option<f64>,
    /// Most payload copies per useful delivery, less one (RMR), over the whole run.
    pub redundancy_max: Option<f64>,
    /// Longest time from a death by reset until no seed node lists the dead peer.
    pub reset_detection_max: Option<Duration>,
    /// Longest time from a silent death until no seed node lists the dead peer.
    pub silent_detection_max: Option<Duration>,
    /// Longest time in which all of these peers that never stand still have a message that one of
    /// them said; each message.
    pub others_coverage_100_max: Option<Duration>,
    /// Longest time from the end of the last fault until all live peers are in one component.
    pub one_component_max: Option<Duration>,
    /// Longest time from the end of the last fault until every live peer is on a quorum of lists.
    pub quorum_max: Option<Duration>,
    /// Most live peers that a seed node removed although it could reach them.
    pub false_deaths_max: Option<u64>,
}
