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
//! | several addresses | the next one is tried 250 ms after the last, or when that has failed; of failures the weakest counts |
//! | congestion | the node hears that 256 KiB wait for an uplink, for a cut to heal or for a process that stands still, and when no more than 64 KiB do |
//! | overrun | more than 1 MiB waits, or nothing of what waits has left for `stall_timeout` |

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tidings_core::{
    AddressRecord, Birth, CONGESTED, Config, NamedSeedNodes, Node, NodeId, READY, RngSeed, Role,
    UnixTime,
};
use tidings_node::chatter::Chatter;

use super::mutant::{Mutant, MutantFactory};
use crate::fault::FaultSchedule;
use crate::history::Life;
use crate::host::{CALENDAR, HostId};
use crate::latency::{HostIndex, Latencies, Passage, micros};
use crate::scenario::{CutMode, Direction, PeerAddress, Scenario};
use crate::seed_names;

/// Every simulated node listens here.
const PORT: u16 = 7000;

/// The hosts' addresses follow this one.
const FIRST_ADDRESS: u32 = 0x0a00_0001;

/// Most bytes that wait for one connection, as in the queue for payloads of a real node.
const MAX_WAITING: u64 = 2 * 1024 * 1024;

/// Time until the next address of a dial is tried although the last one may still answer, as in the
/// driver of a real node (RFC 8305), in microseconds.
const ATTEMPT_DELAY: u64 = 250_000;

/// What all hosts of a run have in common.
#[derive(Debug)]
pub(super) struct NetworkModel {
    pub(super) run: RngSeed,
    pub(super) config: Arc<Config>,
    pub(super) chatter: Chatter,
    seed_nodes: u32,
    hosts: u32,
    seed_addresses: Vec<SocketAddr>,
    names_found_at: Duration,
    latencies: Latencies,
    /// The addresses that peers announce.
    peer_addresses: Vec<PeerAddress>,
    /// Bytes per second; `None` for any number.
    bandwidth: Option<u64>,
    /// When the schedule lets processes stand still.
    stalls: BTreeMap<HostIndex, Vec<(u64, u64)>>,
    pub(super) ids: Arc<BTreeMap<NodeId, HostId>>,
    /// The bug planted in this run.
    pub(super) mutants: Option<&'static dyn MutantFactory>,
}

/// A cut in force.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) inside: BTreeSet<HostIndex>,
    pub(super) mode: CutMode,
    pub(super) direction: Direction,
}

/// The plan and what is in force now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Network<'a> {
    pub(super) model: &'a NetworkModel,
    pub(super) cut: Option<&'a Cut>,
}

/// Where a dial leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    /// The host; `None` if no address is one's.
    pub(super) to: Option<HostIndex>,
    /// Microseconds until its address is tried.
    pub(super) after: u64,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PacketFate {
    /// It arrives at this time, unless an earlier one of its connection arrives later.
    Arrives(u64),
    /// It waits for the cut to heal.
    Held,
    /// It never arrives.
    Lost,
    /// It was lost so often that the connection is reset at this time.
    Reset(u64),
}

impl PacketFate {
    /// What becomes of a packet that overtakes none that arrives at `last`.
    pub(super) fn no_sooner_than(self, last: u64) -> Self {
        if let Self::Arrives(at) = self { Self::Arrives(at.max(last)) } else { self }
    }
}

impl NetworkModel {
    pub(super) fn new(
        scenario: &Scenario,
        run: RngSeed,
        schedule: &FaultSchedule,
        ids: Arc<BTreeMap<NodeId, HostId>>,
    ) -> Self {
        let count = |hosts: usize| u32::try_from(hosts).expect("fewer hosts than addresses");
        let mut model = Self {
            run,
            config: Arc::new(scenario.config.clone()),
            chatter: scenario.chatter,
            seed_nodes: count(scenario.seed_nodes),
            hosts: count(scenario.seed_nodes + scenario.peers),
            seed_addresses: (0..count(scenario.seed_nodes)).map(address).collect(),
            names_found_at: scenario.names_found_at,
            latencies: Latencies::new(scenario, run),
            peer_addresses: scenario.peer_addresses.clone(),
            bandwidth: scenario.link.bandwidth,
            stalls: BTreeMap::new(),
            ids,
            mutants: None,
        };
        model.stalls = model.stalls_of(schedule, micros(scenario.duration));
        model
    }

    pub(super) fn hosts(&self) -> u32 {
        self.hosts
    }

    /// The seed nodes that a node finds which looks at `now`.
    pub(super) fn seed_nodes_at(&self, now: Duration) -> NamedSeedNodes {
        seed_names::found(&self.seed_addresses, self.names_found_at, now)
    }

    /// The least time between a packet's sending and its arrival, a whole number of ticks.
    pub(super) fn window(&self) -> u64 {
        self.latencies.window()
    }

    pub(super) fn place(&self, host: HostId) -> HostIndex {
        if host.is_peer() { self.seed_nodes + host.place() } else { host.place() }
    }

    fn stalls_of(
        &self,
        schedule: &FaultSchedule,
        end: u64,
    ) -> BTreeMap<HostIndex, Vec<(u64, u64)>> {
        let mut stalls: BTreeMap<HostIndex, Vec<(u64, u64)>> = BTreeMap::new();
        for scheduled in &schedule.faults {
            let at = micros(scheduled.at);
            if let Some(host) = scheduled.fault.stall_start() {
                stalls.entry(self.place(host)).or_default().push((at, end));
            } else if let Some(host) = scheduled.fault.stall_end() {
                let last = stalls.get_mut(&self.place(host)).and_then(|all| all.last_mut());
                if let Some((_, until)) = last {
                    *until = at;
                }
            }
        }
        stalls
    }
}

impl Network<'_> {
    pub(super) fn host_id(&self, place: HostIndex) -> HostId {
        match place.checked_sub(self.model.seed_nodes) {
            Some(peer) => HostId::peer(peer),
            None => HostId::seed_node(place),
        }
    }

    /// The host that has this address.
    pub(super) fn place_of(&self, addr: SocketAddr) -> Option<HostIndex> {
        let IpAddr::V4(ip) = addr.ip() else { return None };
        u32::from(ip).checked_sub(FIRST_ADDRESS).filter(|place| *place < self.model.hosts)
    }

    /// The node of a life, and the bug planted in it.
    pub(super) fn make_node(
        &self,
        life: Life,
        at: u64,
        place: HostIndex,
    ) -> anyhow::Result<(Node, Option<Box<dyn Mutant>>)> {
        let NetworkModel { run, mutants, .. } = self.model;
        let named = self.model.seed_nodes_at(Duration::from_micros(at));
        let mut config = Arc::clone(&self.model.config);
        let addresses = self.addresses(life.host.role(), place);
        let birth = Birth {
            record: AddressRecord::new(life.host.node_id(*run), life.epoch, &addresses)?,
            rng_seed: life.host.rng_seed(*run).derive("life", life.epoch.0),
            unix: UnixTime::from_millis(0) + CALENDAR + Duration::from_micros(at),
        };
        let role = life.host.role();
        let mutant = mutants.and_then(|mutants| {
            mutants.settings(role, Arc::make_mut(&mut config));
            mutants.mutant(role, &birth.record)
        });
        let node = match role {
            Role::SeedNode => Node::seed_node_among(config, birth, &named)?,
            Role::Peer => Node::peer_among(config, birth, &named)?,
        };
        Ok((node, mutant))
    }

    /// The addresses that a host announces.
    fn addresses(&self, role: Role, place: HostIndex) -> Vec<SocketAddr> {
        match role {
            Role::SeedNode => vec![address(place)],
            Role::Peer => {
                let kinds = self.model.peer_addresses.iter();
                kinds.map(|kind| kind.of(place, address(place))).collect()
            }
        }
    }

    /// Where a dial to these addresses leads, as the driver of a real node has it: the next one is
    /// tried when the last one has failed, or after [`ATTEMPT_DELAY`]. `count` is the dialer's own, of
    /// what it sent.
    pub(super) fn route(&self, from: HostIndex, addresses: &[SocketAddr], count: u32) -> Route {
        let mut after = 0;
        for addr in addresses {
            match PeerAddress::kind(*addr) {
                PeerAddress::Own => return Route { to: self.place_of(*addr), after },
                PeerAddress::Silent => after += ATTEMPT_DELAY,
                PeerAddress::Refusing => {
                    // The machine that has the address by now may be anywhere.
                    let there = self.model.latencies.latency(from, u32::MAX, count);
                    let back = self.model.latencies.latency(u32::MAX, from, count);
                    after += ATTEMPT_DELAY.min(there + back);
                }
            }
        }
        Route { to: None, after }
    }

    /// Whether a refusal by a host ends a dial to it. It does not while another of its addresses may
    /// still answer.
    pub(super) fn is_final_refusal(&self, by: HostIndex) -> bool {
        by < self.model.seed_nodes || !self.model.peer_addresses.contains(&PeerAddress::Silent)
    }

    /// What becomes of a packet that leaves `from` at `at`, the `count`-th that it sends.
    pub(super) fn fate(&self, from: HostIndex, to: HostIndex, at: u64, count: u32) -> PacketFate {
        match self.cut.filter(|cut| cut.stops(from, to)).map(|cut| cut.mode) {
            Some(CutMode::Held) => PacketFate::Held,
            Some(CutMode::Silent | CutMode::Reset) => PacketFate::Lost,
            None => match self.model.latencies.passage(from, to, at, count) {
                Passage { at, is_reset: false } => PacketFate::Arrives(at),
                Passage { at, is_reset: true } => PacketFate::Reset(at),
            },
        }
    }

    /// Whether a dial is not even heard of: a cut that holds nothing back lies between.
    pub(super) fn hangs(&self, from: HostIndex, to: HostIndex) -> bool {
        let cut = self.cut.filter(|cut| cut.mode != CutMode::Held);
        cut.is_some_and(|cut| cut.inside.contains(&from) != cut.inside.contains(&to))
    }

    /// How long an uplink is busy with this many bytes, in microseconds.
    pub(super) fn time_to_send(&self, bytes: u64) -> u64 {
        self.model.bandwidth.map_or(0, |per_second| (bytes * 1_000_000).div_ceil(per_second))
    }

    /// Whether so much waits for an uplink that is busy for `waits_for` microseconds and that so many
    /// connections share, or for a process that left `unread` bytes unread, that a connection is given up.
    pub(super) fn is_overrun(&self, waits_for: u64, sharing: u64, unread: u64) -> bool {
        let most = self.time_to_send(MAX_WAITING.saturating_mul(sharing));
        unread > MAX_WAITING || (most > 0 && waits_for > most)
    }

    /// Whether so much waits that the node hears of it.
    pub(super) fn is_congested(&self, waits_for: u64, unread: u64) -> bool {
        let much = self.time_to_send(bytes(CONGESTED));
        unread >= bytes(CONGESTED) || (much > 0 && waits_for >= much)
    }

    /// When little waits for an uplink that is free again at this moment.
    pub(super) fn ready_at(&self, uplink_free: u64) -> u64 {
        uplink_free.saturating_sub(self.time_to_send(bytes(READY)))
    }

    /// Whether what one host sends another now waits on its way: a cut holds it, or the other's
    /// process stands still.
    pub(super) fn is_waiting(&self, from: HostIndex, to: HostIndex, at: u64) -> bool {
        let is_held = |cut: &&Cut| cut.mode == CutMode::Held && cut.stops(from, to);
        let mut stalls = self.model.stalls.get(&to).into_iter().flatten();
        self.cut.as_ref().is_some_and(is_held)
            || stalls.any(|(from, until)| (*from..*until).contains(&at))
    }
}

pub(super) fn bytes(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

impl Cut {
    /// Whether nothing gets from one host to the other.
    fn stops(&self, from: HostIndex, to: HostIndex) -> bool {
        let (from_inside, to_inside) = (self.inside.contains(&from), self.inside.contains(&to));
        match self.direction {
            Direction::Both => from_inside != to_inside,
            Direction::Out => from_inside && !to_inside,
            Direction::In => !from_inside && to_inside,
        }
    }
}

/// Where a host listens.
pub(super) fn address(place: HostIndex) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::from(FIRST_ADDRESS + place), PORT))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::run_seed;
    use crate::scenario::load;

    #[test]
    fn every_address_of_a_dial_is_tried() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let scenario = load(&path, &[]).expect("the small scenario");
        let run = run_seed(1);
        let model = NetworkModel::new(&scenario, run, &FaultSchedule::default(), Arc::default());
        let network = Network { model: &model, cut: None };
        let own = address(5);
        let [silent, refusing] =
            [PeerAddress::Silent, PeerAddress::Refusing].map(|kind| kind.of(5, own));
        assert_eq!(network.route(4, &[own, silent], 0), Route { to: Some(5), after: 0 });
        assert_eq!(
            network.route(4, &[silent, silent, own], 0),
            Route { to: Some(5), after: 500_000 }
        );
        let Route { to, after } = network.route(4, &[refusing, own], 0);
        // There and back, 20 to 60 ms each.
        assert!(to == Some(5) && (40_000..=120_000).contains(&after), "{after}");
        assert_eq!(network.route(4, &[silent], 0).to, None);
    }
}
