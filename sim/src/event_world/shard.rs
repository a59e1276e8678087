//! A part of the hosts, and all that one thread needs to run them through a window.

use std::hint::black_box;
use std::mem::discriminant;
use std::time::Duration;

use slab::Slab;
use tidings_core::{Event, Room};

use super::ends::Far;
use super::host::Host;
use super::network::Network;
use super::packet::{Arrival, EndRef, Packet, Parcel, SCHEDULER};
use super::queue::Queue;
use super::tracer::Tracer;
use crate::history::Life;
use crate::host::HostId;
use crate::latency::HostIndex;
use crate::recorder::{LifeNumber, Recorder};

/// Hosts whose memory is read ahead together. 16 gain no more than 8: a processor has some tens of
/// reads under way at most.
const TOGETHER: usize = 8;

/// Hosts with consecutive places, and what is on its way to them.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) hosts: Vec<Host>,
    pub(super) state: ShardState,
}

/// All of a shard but its hosts: where a host sends, and who listens.
#[derive(Debug)]
pub(super) struct ShardState {
    /// The places of the hosts.
    places: std::ops::Range<HostIndex>,
    queue: Queue,
    parcels: Slab<Packet>,
    pub(super) recorder: Recorder,
    /// Packets for hosts of other shards, by shard.
    outboxes: Vec<Vec<(Arrival, Packet)>>,
    /// Hosts of a shard.
    share: u32,
    /// Room for the outputs of the node that acts.
    pub(super) room: Room,
    /// Packets that wait for a cut to heal.
    held: Vec<Held>,
    /// What the nodes were told since the beginning: inputs and wakes.
    pub(super) inputs: u64,
    failure: Option<String>,
    /// Who tells a reader of it.
    pub(super) tracer: Option<Tracer>,
    /// Somebody listens to what the nodes say.
    is_heard: bool,
    /// The nodes are checked after every input.
    pub(super) checks_invariants: bool,
}

/// What a host needs beside itself to act.
#[derive(Debug)]
pub(super) struct HostCtx<'a> {
    pub(super) state: &'a mut ShardState,
    pub(super) network: Network<'a>,
}

/// A packet that waits for a cut to heal.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) origin: HostIndex,
    /// The end that sends it.
    pub(super) own: EndRef,
    pub(super) far: Far,
    pub(super) count: u32,
    pub(super) packet: Packet,
}

impl Shard {
    /// A shard of hosts at these places, of `share` in each, with windows of this `width`.
    pub(super) fn new(
        places: std::ops::Range<HostIndex>,
        share: u32,
        width: u64,
        recorder: Recorder,
    ) -> Self {
        let hosts = places.clone().map(Host::new).collect();
        let state = ShardState {
            queue: Queue::new(width, places.start),
            places,
            parcels: Slab::new(),
            recorder,
            outboxes: Vec::new(),
            share,
            room: Room::default(),
            held: Vec::new(),
            inputs: 0,
            failure: None,
            tracer: None,
            is_heard: true,
            checks_invariants: false,
        };
        Self { hosts, state }
    }

    /// A host and what it needs to act.
    pub(super) fn host<'a>(
        &'a mut self,
        place: HostIndex,
        network: Network<'a>,
    ) -> Option<(&'a mut Host, HostCtx<'a>)> {
        let index = place.checked_sub(self.state.places.start)?;
        let host = self.hosts.get_mut(usize::try_from(index).ok()?)?;
        Some((host, HostCtx { state: &mut self.state, network }))
    }

    /// Runs the hosts through everything before `until`, in the bucket that begins at `from`.
    pub(super) fn run(&mut self, from: u64, until: u64, network: Network<'_>) {
        let arrivals = self.state.queue.take(from, until);
        let visits: Vec<_> = arrivals.chunk_by(|a, b| a.target == b.target).collect();
        for together in visits.chunks(TOGETHER) {
            self.read_ahead(together);
            for of_one in together {
                self.visit(of_one, until, network);
            }
        }
        self.state.queue.give_back(arrivals);
    }

    /// Reads some of what the next hosts need. One visit after the other would wait for the memory
    /// of each host; here the processor waits for all of them at once.
    fn read_ahead(&self, visits: &[&[Arrival]]) {
        let Self { hosts, state } = self;
        let index =
            |of_one: &[Arrival]| usize::try_from(of_one[0].target - state.places.start).ok();
        let next = || visits.iter().filter_map(|of_one| hosts.get(index(of_one)?));
        next().for_each(Host::touch);
        let keys = visits.iter().flat_map(|of_one| of_one.iter()).filter_map(|it| it.parcel.key());
        for packet in keys.filter_map(|key| state.parcels.get(key)) {
            black_box(discriminant(packet));
        }
        next().for_each(|host| host.touch_rooms(&state.recorder));
    }

    /// Runs one host through all that is for it before `until`.
    fn visit(&mut self, of_one: &[Arrival], until: u64, network: Network<'_>) {
        let Some((host, mut cx)) = self.host(of_one[0].target, network) else { return };
        for arrival in of_one {
            let Some(key) = arrival.parcel.key() else {
                host.wake_has_come(arrival.at);
                continue;
            };
            // A timer that is due at the same moment fires with the arrival itself.
            host.wake_before(arrival.at, &mut cx);
            let packet = cx.state.parcels.remove(key);
            host.take(arrival.at, arrival.origin, packet, &mut cx);
        }
        host.wake_before(until, &mut cx);
        host.ask_for_wake(cx.state);
    }
}

impl ShardState {
    /// When the bucket of the next arrival begins.
    pub(super) fn next_bucket(&self) -> Option<u64> {
        self.queue.next_bucket()
    }

    pub(super) fn begin_life(&mut self, host: HostId, at: u64) -> (LifeNumber, Life) {
        let number = self.recorder.begin_life(host, Duration::from_micros(at));
        (number, self.recorder.life(number))
    }

    pub(super) fn note(&mut self, life: LifeNumber, at: u64, event: &Event) {
        if self.is_heard {
            self.recorder.note(life, Duration::from_micros(at), event);
        }
    }

    pub(super) fn fail(&mut self, what: String) {
        self.failure.get_or_insert(what);
    }

    pub(super) fn take_failure(&mut self) -> Option<String> {
        self.failure.take()
    }

    pub(super) fn wake(&mut self, target: HostIndex, at: u64) {
        self.queue.push(Arrival { at, target, origin: SCHEDULER, count: 0, parcel: Parcel::WAKE });
    }

    pub(super) fn send(
        &mut self,
        (origin, count): (HostIndex, u32),
        target: HostIndex,
        at: u64,
        packet: Packet,
    ) {
        let arrival = Arrival { at, target, origin, count, parcel: Parcel::WAKE };
        if self.places.contains(&target) {
            self.deliver(arrival, packet);
        } else {
            let shard = usize::try_from(target / self.share).expect("an index in memory");
            if self.outboxes.len() <= shard {
                self.outboxes.resize_with(shard + 1, Vec::new);
            }
            self.outboxes[shard].push((arrival, packet));
        }
    }

    /// Queues what is for a host of this shard.
    pub(super) fn deliver(&mut self, arrival: Arrival, packet: Packet) {
        let parcel = Parcel::new(self.parcels.insert(packet));
        self.queue.push(Arrival { parcel, ..arrival });
    }

    pub(super) fn hold(&mut self, held: Held) {
        self.held.push(held);
    }

    /// What is for this other shard.
    pub(super) fn take_outbox(&mut self, shard: usize) -> Vec<(Arrival, Packet)> {
        self.outboxes.get_mut(shard).map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn take_held(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.held)
    }
}
