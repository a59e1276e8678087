//! What happened in a run, whatever engine ran it. Checks, measurements and reports read this and
//! nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Write as _};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tidings_core::{AddressRecord, BootEpoch, Event, NodeId};
use tidings_node::NodeReport;

use crate::fault::{Fault, FaultSchedule, Scheduled};
use crate::host::HostId;
use crate::scenario::Death;

/// One life of a host: from a start of its process to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Life {
    /// Whose.
    pub host: HostId,
    /// Which.
    pub epoch: BootEpoch,
}

/// When a life began and ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LifeSpan {
    /// Its beginning, in simulated time.
    pub born: Duration,
    /// Its end and how it came; `None` if it lasted to the end of the run.
    pub ended: Option<(Duration, End)>,
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

/// Something that one node said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Simulated time since the run's beginning.
    pub at: Duration,
    /// Which node.
    pub life: Life,
    /// What.
    pub event: Event,
}

/// What the nodes looked like at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// Simulated time since the run's beginning.
    pub at: Duration,
    /// The nodes that answered: not those that are dead or stand still.
    pub nodes: BTreeMap<Life, NodeReport>,
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
    pub ids: BTreeMap<NodeId, HostId>,
    /// What the nodes said, in the order in which it happened.
    pub entries: Vec<Entry>,
    /// Samples, one per simulated second.
    pub samples: Vec<Sample>,
    /// The last sample.
    pub last: Sample,
    /// Why the engine could not go on, if so.
    pub failure: Option<String>,
}

impl History {
    /// SHA-256 over the schedule, the lives, all events and the last state: equal digests mean that
    /// the same happened.
    ///
    /// # Panics
    ///
    /// Never: writing to a hash cannot fail.
    pub fn digest(&self) -> String {
        let mut hash = HashWriter(Sha256::new());
        let Self { seed, schedule, lives, entries, last, failure, .. } = self;
        let written =
            write!(hash, "{seed} {schedule:?} {lives:?} {entries:?} {last:?} {failure:?}");
        written.expect("hashing never fails");
        hex(&hash.0.finalize())
    }

    /// The host that goes by `id`.
    pub fn host_of(&self, id: NodeId) -> Option<HostId> {
        self.ids.get(&id).copied()
    }

    /// The life that a record speaks of.
    pub fn life_of(&self, record: &AddressRecord) -> Option<Life> {
        Some(Life { host: self.host_of(record.subject())?, epoch: record.epoch() })
    }

    /// Whether a record speaks of a later life of the same host.
    pub fn is_later_life(&self, record: &AddressRecord, life: Life) -> bool {
        self.life_of(record).is_some_and(|it| it.host == life.host && it.epoch > life.epoch)
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

    /// When each peer life got its first neighbor: from then on it belongs to the network.
    pub fn joined(&self) -> BTreeMap<Life, Duration> {
        let mut joined = BTreeMap::new();
        for entry in &self.entries {
            if matches!(entry.event, Event::NeighborUp { .. }) {
                joined.entry(entry.life).or_insert(entry.at);
            }
        }
        joined
    }

    /// Whether at any time between these moments a fault kept the two hosts from each other: a cut
    /// with one of them inside, or one of them standing still.
    pub fn kept_apart(&self, a: HostId, b: HostId, from: Duration, to: Duration) -> bool {
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
            match fault {
                Fault::Cut(hosts, ..) => cut_off.clone_from(hosts),
                Fault::Heal => cut_off.clear(),
                Fault::Pause(host) => {
                    paused.insert(*host);
                }
                Fault::Resume(host) => {
                    paused.remove(host);
                }
                Fault::Start(_) | Fault::Crash(..) | Fault::Leave(_) | Fault::Reset(_) => {}
            }
        }
        false
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string takes it all");
        text
    })
}

/// Hashes what is written to it.
struct HashWriter(Sha256);

impl fmt::Write for HashWriter {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}
