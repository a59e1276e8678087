//! What happened in a run, whatever engine ran it. Checks, measurements and reports read this and
//! nothing else. A [`Recorder`](crate::recorder::Recorder) writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use tidings_core::{AddressRecord, BootEpoch, Hop, MessageId, NodeId, NodeSnapshot, Sequence};

use crate::fact::Fact;
use crate::fault::{Fault, FaultSchedule, Scheduled};
use crate::host::HostId;
use crate::scenario::Death;
use crate::traffic::Traffic;

/// One life of a host: from a start of its process to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Life {
    /// Whose.
    pub host: HostId,
    /// Which.
    pub epoch: BootEpoch,
}

/// When a life began and ended, and what can be said of it as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifeSpan {
    /// Its beginning, in simulated time.
    pub born: Duration,
    /// When it got its first neighbor: from then on it belongs to the network.
    pub joined: Option<Duration>,
    /// Its end and how it came; `None` if it lasted to the end of the run.
    pub ended: Option<(Duration, End)>,
    /// Hash of all that it said, in its order, with the times.
    pub log: u64,
}

impl LifeSpan {
    /// Whether it lasted throughout these moments.
    pub fn covers(&self, from: Duration, to: Duration) -> bool {
        self.born <= from && self.ended.is_none_or(|(end, _)| end > to)
    }
}

/// How a life ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By a fault.
    Crashed(Death),
    /// By leaving.
    Left,
}

/// Something that one node said of itself, gossip aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Simulated time since the run's beginning.
    pub at: Duration,
    /// Which node.
    pub life: Life,
    /// What.
    pub fact: Fact,
}

/// One message: who said it, and everybody who got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageTrace {
    /// Which message: its envelope,
    pub id: MessageId,
    /// and its number.
    pub sequence: Sequence,
    /// Who said it, and when; `None` if nobody did.
    pub said: Option<(Life, Duration)>,
    /// Whose message it was held to be, by those who got it: one life, if all is well. A `None` is
    /// no node of this network.
    pub claimed: Vec<Option<Life>>,
    /// Deliveries. In a good run each life has one at most.
    pub receipts: Vec<Receipt>,
    /// Copies that arrived where it was before.
    pub duplicates: u64,
}

/// A message delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// To whom.
    pub life: Life,
    /// When, in simulated time.
    pub at: Duration,
    /// Links it travelled.
    pub hop: Hop,
}

/// A message that came across a cut while it lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crossing {
    /// When, in simulated time.
    pub at: Duration,
    /// From whom.
    pub from: HostId,
    /// To whom.
    pub to: HostId,
}

/// A word from a process that stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ActivityWhilePaused {
    /// When, in simulated time.
    pub at: Duration,
    /// Whose.
    pub host: HostId,
}

/// What the nodes looked like at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// Simulated time since the run's beginning.
    pub at: Duration,
    /// The nodes that answered: not those that are dead or stand still.
    pub nodes: BTreeMap<Life, NodeView>,
}

/// What of a node's state checks and measurements look at. Lives that are `None` are no nodes of
/// this network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeView {
    /// Peer: its neighbors.
    pub neighbors: Vec<Option<Life>>,
    /// Seed node: whom it lists.
    pub listed: Vec<Option<Life>>,
    /// Peer: peers that it knows by record.
    pub known: usize,
    /// Peer: messages that it can still give to others.
    pub stored: usize,
    /// Peer: ids that it remembers.
    pub seen: usize,
    /// Seed node: reporters whose mistakes it remembers.
    pub reporters: usize,
    /// Bytes written to all links in this life.
    pub bytes_sent: u64,
}

/// A whole run.
#[derive(Clone, Debug)]
pub struct History {
    /// The run's rng seed, as on the command line.
    pub seed: u64,
    /// What was to happen.
    pub schedule: FaultSchedule,
    /// The lives that were lived.
    pub lives: BTreeMap<Life, LifeSpan>,
    /// Hosts by the ids they go by in events.
    pub ids: Arc<BTreeMap<NodeId, HostId>>,
    /// Messages, in the order in which they were said; those that nobody said come last.
    pub message_traces: Vec<MessageTrace>,
    /// What else the nodes said that somebody reads, by time and then by life.
    pub entries: Vec<Entry>,
    /// What came across cuts.
    pub crossings: Vec<Crossing>,
    /// What processes said while they stood still.
    pub activity_while_paused: Vec<ActivityWhilePaused>,
    /// Lives that peers came to hold dead: who, and when; by time, and then by life.
    pub dead_verdicts: BTreeMap<Life, Vec<(Life, Duration)>>,
    /// Samples, one per simulated second or fewer.
    pub samples: Vec<Sample>,
    /// The last sample.
    pub last: Sample,
    /// What the nodes had sent, at every sample.
    pub traffic: Vec<Traffic>,
    /// When anybody first held a life suspect.
    pub first_suspected: BTreeMap<Life, Duration>,
    /// Why the engine could not go on, if so.
    pub failure: Option<String>,
}

impl History {
    /// The host that goes by `id`.
    pub fn host_of(&self, id: NodeId) -> Option<HostId> {
        self.ids.get(&id).copied()
    }

    /// The life that a record speaks of.
    pub fn life_of(&self, record: &AddressRecord) -> Option<Life> {
        Some(Life { host: self.host_of(record.subject())?, epoch: record.epoch() })
    }

    /// The life of the same host that came after.
    pub fn next_life(&self, life: Life) -> Option<LifeSpan> {
        let next = Life { epoch: BootEpoch(life.epoch.0 + 1), ..life };
        self.lives.get(&next).copied()
    }

    /// Lives that lasted to the end of the run.
    pub fn survivors(&self) -> impl Iterator<Item = Life> + '_ {
        self.lives.iter().filter(|(_, span)| span.ended.is_none()).map(|(life, _)| *life)
    }

    /// Whether a host is cut off from all others at a moment. It may have no connection then.
    pub fn is_cut_off(&self, host: HostId, at: Duration) -> bool {
        let before = self.schedule.faults.iter().take_while(|it| it.at <= at);
        let is_inside = |fault: &Fault| match fault {
            Fault::Cut(hosts, ..) => Some(hosts.contains(&host)),
            Fault::Heal => Some(false),
            Fault::Start(_)
            | Fault::Crash(..)
            | Fault::Leave(_)
            | Fault::Pause(_)
            | Fault::Resume(_)
            | Fault::Suspend(_)
            | Fault::Wake(_)
            | Fault::Block(_)
            | Fault::Unblock(_)
            | Fault::StopReader(_)
            | Fault::ResumeReader(_)
            | Fault::Reset(_) => None,
        };
        before.filter_map(|it| is_inside(&it.fault)).last().unwrap_or(false)
    }

    /// Whether at any time between these moments a fault kept a host from anybody: a cut, which has
    /// hosts on both sides, or that it stood still.
    pub fn was_isolated(&self, host: HostId, from: Duration, to: Duration) -> bool {
        let (mut is_cut, mut is_paused, mut since) = (false, false, Duration::ZERO);
        for Scheduled { at, fault } in &self.schedule.faults {
            if (is_cut || is_paused) && since <= to && from <= *at {
                return true;
            }
            since = *at;
            if matches!(fault, Fault::Cut(..)) {
                is_cut = true;
            } else if *fault == Fault::Heal {
                is_cut = false;
            } else if fault.stall_start() == Some(host) {
                is_paused = true;
            } else if fault.stall_end() == Some(host) {
                is_paused = false;
            }
        }
        (is_cut || is_paused) && since <= to
    }

    /// Whether at any time between these moments a fault kept the two hosts from each other: a cut
    /// with one of them inside, or one of them standing still.
    pub fn were_separated(&self, a: HostId, b: HostId, from: Duration, to: Duration) -> bool {
        let mut cut_off: BTreeSet<HostId> = BTreeSet::new();
        let mut paused: BTreeSet<HostId> = BTreeSet::new();
        let mut since = Duration::ZERO;
        for Scheduled { at, fault } in &self.schedule.faults {
            let apart = cut_off.contains(&a) != cut_off.contains(&b)
                || paused.contains(&a)
                || paused.contains(&b);
            if apart && since <= to && from <= *at {
                return true;
            }
            since = *at;
            if let Fault::Cut(hosts, ..) = fault {
                cut_off.clone_from(hosts);
            } else if *fault == Fault::Heal {
                cut_off.clear();
            } else if let Some(host) = fault.stall_end() {
                paused.remove(&host);
            } else {
                paused.extend(fault.stall_start());
            }
        }
        false
    }
}

impl MessageTrace {
    /// Copies that arrived anywhere, the first ones included.
    pub fn copies(&self) -> u64 {
        self.first_copies() + self.duplicates
    }

    /// First copies that arrived anywhere.
    pub fn first_copies(&self) -> u64 {
        u64::try_from(self.receipts.len()).unwrap_or(u64::MAX)
    }

    /// Everybody who has the message: those who got it, and who said it. In order; who got it twice
    /// is there twice.
    pub fn holders(&self) -> Vec<Life> {
        let mut holders: Vec<Life> = self.receipts.iter().map(|receipt| receipt.life).collect();
        holders.extend(self.said.map(|(life, _)| life));
        holders.sort_unstable();
        holders
    }
}

impl NodeView {
    /// What is looked at of a node's state; `ids` are the hosts of its network.
    pub fn of(node: &NodeSnapshot, bytes_sent: u64, ids: &BTreeMap<NodeId, HostId>) -> Self {
        let life = |record: &AddressRecord| {
            let host = *ids.get(&record.subject())?;
            Some(Life { host, epoch: record.epoch() })
        };
        Self {
            neighbors: node.neighbors.iter().map(|it| life(&it.record)).collect(),
            listed: node.registered.iter().map(|it| life(&it.record)).collect(),
            known: node.known.len(),
            stored: node.stored,
            seen: node.seen,
            reporters: node.false_reports.len(),
            bytes_sent,
        }
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it all");
        text
    })
}
