//! What lies between hosts: cuts, latency, loss, uplinks. What becomes of a packet is decided when it
//! is sent, from the plan of the run and the cut in force, both of which no host changes.
//!
//! | what | rule |
//! |---|---|
//! | latency | drawn from the run's seed, the sender, the receiver and the sender's own count, or once for all packets of a pair; never below the least |
//! | order | packets of one end arrive in their order |
//! | loss | a lost packet is sent again after 200 ms, twice that, and so on; after eight losses in a row the connection is reset at both ends |
//! | uplink | packets of a host leave one after the other, at its bandwidth |
//! | held cut | packets wait, and leave when it heals, in their order |
//! | silent cut, and what a reset cut did not reset | packets are lost, and with them all later ones of the same end; dials hang, in either direction |
//! | overrun | more than 1 MiB waits for an uplink, for a cut to heal, or for a process that stands still |

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tidings_core::{AddressRecord, Birth, Config, Node, NodeId, RngSeed, Role, UnixTime};

use super::mischief::{Imp, Mischief};
use crate::fault::FaultSchedule;
use crate::history::Life;
use crate::host::{CALENDAR, HostId};
use crate::latency::{Latencies, Passage, Place, micros};
use crate::scenario::{CutMode, Direction, Scenario};

/// Every simulated node listens here.
const PORT: u16 = 7000;

/// The hosts' addresses follow this one.
const FIRST_ADDRESS: u32 = 0x0a00_0001;

/// Most bytes that wait for one connection, as in the queues of a real node.
const MOST_WAITING: u64 = 1024 * 1024;

/// What all hosts of a run have in common.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) run: RngSeed,
    pub(super) config: Arc<Config>,
    seed_nodes: u32,
    hosts: u32,
    seed_addresses: Vec<SocketAddr>,
    latencies: Latencies,
    /// Bytes per second; `None` for any number.
    bandwidth: Option<u64>,
    /// When the schedule lets processes stand still.
    stills: BTreeMap<Place, Vec<(u64, u64)>>,
    pub(super) ids: Arc<BTreeMap<NodeId, HostId>>,
    /// The bug planted in this run.
    pub(super) mischief: Option<&'static dyn Mischief>,
}

/// A cut in force.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) inside: BTreeSet<Place>,
    pub(super) mode: CutMode,
    pub(super) direction: Direction,
}

/// The plan and what is in force now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Air<'a> {
    pub(super) plan: &'a Plan,
    pub(super) cut: Option<&'a Cut>,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It arrives at this time, unless an earlier one of its connection arrives later.
    Arrives(u64),
    /// It waits for the cut to heal.
    Held,
    /// It never arrives.
    Lost,
    /// It was lost so often that the connection is reset at this time.
    Reset(u64),
}

impl Fate {
    /// What becomes of a packet that overtakes none that arrives at `last`.
    pub(super) fn no_sooner_than(self, last: u64) -> Self {
        if let Self::Arrives(at) = self { Self::Arrives(at.max(last)) } else { self }
    }
}

impl Plan {
    pub(super) fn new(
        scenario: &Scenario,
        run: RngSeed,
        schedule: &FaultSchedule,
        ids: Arc<BTreeMap<NodeId, HostId>>,
    ) -> Self {
        let count = |hosts: usize| u32::try_from(hosts).expect("fewer hosts than addresses");
        let mut plan = Self {
            run,
            config: Arc::new(scenario.config.clone()),
            seed_nodes: count(scenario.seed_nodes),
            hosts: count(scenario.seed_nodes + scenario.peers),
            seed_addresses: (0..count(scenario.seed_nodes)).map(address).collect(),
            latencies: Latencies::new(scenario, run),
            bandwidth: scenario.link.bandwidth,
            stills: BTreeMap::new(),
            ids,
            mischief: None,
        };
        plan.stills = plan.stills_of(schedule, micros(scenario.duration));
        plan
    }

    pub(super) fn hosts(&self) -> u32 {
        self.hosts
    }

    /// The least time between a packet's sending and its arrival, a whole number of ticks.
    pub(super) fn window(&self) -> u64 {
        self.latencies.window()
    }

    pub(super) fn place(&self, host: HostId) -> Place {
        if host.is_peer() { self.seed_nodes + host.place() } else { host.place() }
    }

    fn stills_of(&self, schedule: &FaultSchedule, end: u64) -> BTreeMap<Place, Vec<(u64, u64)>> {
        let mut stills: BTreeMap<Place, Vec<(u64, u64)>> = BTreeMap::new();
        for scheduled in &schedule.faults {
            let at = micros(scheduled.at);
            if let Some(host) = scheduled.fault.stills() {
                stills.entry(self.place(host)).or_default().push((at, end));
            } else if let Some(host) = scheduled.fault.stirs() {
                let last = stills.get_mut(&self.place(host)).and_then(|all| all.last_mut());
                if let Some((_, until)) = last {
                    *until = at;
                }
            }
        }
        stills
    }
}

impl Air<'_> {
    pub(super) fn host_id(&self, place: Place) -> HostId {
        match place.checked_sub(self.plan.seed_nodes) {
            Some(peer) => HostId::peer(peer),
            None => HostId::seed_node(place),
        }
    }

    /// The host that has this address.
    pub(super) fn place_of(&self, addr: SocketAddr) -> Option<Place> {
        let IpAddr::V4(ip) = addr.ip() else { return None };
        u32::from(ip).checked_sub(FIRST_ADDRESS).filter(|place| *place < self.plan.hosts)
    }

    /// The node of a life, and the bug planted in it.
    pub(super) fn make_node(
        &self,
        life: Life,
        at: u64,
        place: Place,
    ) -> anyhow::Result<(Node, Option<Box<dyn Imp>>)> {
        let Plan { run, seed_addresses, mischief, .. } = self.plan;
        let mut config = Arc::clone(&self.plan.config);
        let addresses = [address(place)];
        let birth = Birth {
            record: AddressRecord::new(life.host.node_id(*run), life.epoch, &addresses)?,
            rng_seed: life.host.rng_seed(*run).derive("life", life.epoch.0),
            unix: UnixTime::from_millis(0) + CALENDAR + Duration::from_micros(at),
        };
        let role = life.host.role();
        let imp = mischief.and_then(|mischief| {
            mischief.settings(role, Arc::make_mut(&mut config));
            mischief.imp(role, &birth.record)
        });
        let node = match role {
            Role::SeedNode => Node::seed_node(config, birth, seed_addresses)?,
            Role::Peer => Node::peer(config, birth, seed_addresses)?,
        };
        Ok((node, imp))
    }

    /// What becomes of a packet that leaves `from` at `at`, the `count`-th that it sends.
    pub(super) fn fate(&self, from: Place, to: Place, at: u64, count: u32) -> Fate {
        match self.cut.filter(|cut| cut.stops(from, to)).map(|cut| cut.mode) {
            Some(CutMode::Held) => Fate::Held,
            Some(CutMode::Silent | CutMode::Reset) => Fate::Lost,
            None => match self.plan.latencies.passage(from, to, at, count) {
                Passage { at, is_reset: false } => Fate::Arrives(at),
                Passage { at, is_reset: true } => Fate::Reset(at),
            },
        }
    }

    /// Whether a dial is not even heard of: a cut that holds nothing back lies between.
    pub(super) fn hangs(&self, from: Place, to: Place) -> bool {
        let cut = self.cut.filter(|cut| cut.mode != CutMode::Held);
        cut.is_some_and(|cut| cut.inside.contains(&from) != cut.inside.contains(&to))
    }

    /// How long an uplink is busy with this many bytes, in microseconds.
    pub(super) fn time_to_send(&self, bytes: u64) -> u64 {
        self.plan.bandwidth.map_or(0, |per_second| (bytes * 1_000_000).div_ceil(per_second))
    }

    /// Whether so much waits for an uplink that is busy for `waits_for` microseconds, or for a
    /// process that left `unread` bytes unread, that a connection is given up.
    pub(super) fn is_overrun(&self, waits_for: u64, unread: u64) -> bool {
        let most = self.time_to_send(MOST_WAITING);
        unread > MOST_WAITING || (most > 0 && waits_for > most)
    }

    /// Whether what one host sends another now waits on its way: a cut holds it, or the other's
    /// process stands still.
    pub(super) fn is_waiting(&self, from: Place, to: Place, at: u64) -> bool {
        let is_held = |cut: &&Cut| cut.mode == CutMode::Held && cut.stops(from, to);
        let mut stills = self.plan.stills.get(&to).into_iter().flatten();
        self.cut.as_ref().is_some_and(is_held)
            || stills.any(|(from, until)| (*from..*until).contains(&at))
    }
}

impl Cut {
    /// Whether nothing gets from one host to the other.
    fn stops(&self, from: Place, to: Place) -> bool {
        let (from_inside, to_inside) = (self.inside.contains(&from), self.inside.contains(&to));
        match self.direction {
            Direction::Both => from_inside != to_inside,
            Direction::Out => from_inside && !to_inside,
            Direction::In => !from_inside && to_inside,
        }
    }
}

/// Where a host listens.
pub(super) fn address(place: Place) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(FIRST_ADDRESS + place), PORT))
}
