//! What travels between hosts, and when it arrives.

use std::cmp::Ordering;

use tidings_core::Command;
use tidings_core::wire::Message;

use crate::latency::HostIndex;
use crate::scenario::Death;

/// The origin of what no host sends: the schedule and the workload. At one time it comes first.
pub(super) const SCHEDULER: HostIndex = HostIndex::MAX;

/// One end of a connection: a slot of a host, and which of the connections that used it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EndRef {
    pub(super) slot: u32,
    pub(super) turn: u32,
}

/// What reaches a host.
#[derive(Debug)]
pub(super) enum Packet {
    /// Somebody dials.
    Syn { from: EndRef },
    /// The dialed machine accepts.
    SynAck { to: EndRef, from: EndRef },
    /// The dialed machine has no process that listens.
    Refused { to: EndRef },
    /// The dialer's preamble.
    Opening { to: EndRef },
    /// A message.
    Data { to: EndRef, message: Message },
    /// The other end closed the connection.
    Fin { to: EndRef },
    /// The connection was reset.
    Rst { to: EndRef },
    /// There is no such end here, or no longer: whoever holds the other one may give it up.
    Unknown { end: EndRef },
    /// Somebody at the keyboard.
    Say(Command),
    /// Something happens to the host itself.
    HostFault(HostFault),
}

/// What the schedule does to one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HostFault {
    /// Its process is started.
    Start,
    /// Its process ends without a word.
    Crash(Death),
    /// Its process stops.
    Pause,
    /// It goes on.
    Resume,
    /// Its machine falls asleep.
    Suspend,
    /// It wakes.
    Wake,
    /// What it sends and receives waits.
    Block,
    /// It waits no more.
    Unblock,
    /// Its program reads no messages.
    StopReader,
    /// It reads again.
    ResumeReader,
}

/// The arrival of a packet, or a moment at which a node wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    /// Simulated microseconds since the run's beginning.
    pub(super) at: u64,
    pub(super) target: HostIndex,
    pub(super) origin: HostIndex,
    /// The origin's own count of what it sent: with `at` and `origin` it makes the order total, and
    /// no host's count depends on another host.
    pub(super) count: u32,
    pub(super) parcel: Parcel,
}

/// Where the packet is; a wake has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parcel(u32);

impl Parcel {
    /// No packet: the target wants to be woken.
    pub(super) const WAKE: Self = Self(u32::MAX);

    pub(super) fn new(key: usize) -> Self {
        let key = u32::try_from(key).ok().filter(|key| *key != u32::MAX);
        Self(key.expect("fewer than 2^32 packets are on their way"))
    }

    pub(super) fn key(self) -> Option<usize> {
        (self != Self::WAKE).then(|| usize::try_from(self.0).expect("an index in memory"))
    }
}

impl PartialOrd for Arrival {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Host by host, and for each by time; at one time by who sent it, in the order of sending.
impl Ord for Arrival {
    fn cmp(&self, other: &Self) -> Ordering {
        // One comparison of two words decides nearly always.
        let whom_when = |it: &Self| u128::from(it.target) << 64 | u128::from(it.at);
        let sender = |it: &Self| (it.origin.wrapping_add(1), it.count);
        let by_moment = whom_when(self).cmp(&whom_when(other));
        by_moment.then_with(|| sender(self).cmp(&sender(other)))
    }
}
