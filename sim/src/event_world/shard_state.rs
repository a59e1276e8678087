//! What the hosts of a shard share: what is on its way to them, and who listens.

use std::time::Duration;

use slab::Slab;
use tidings_core::{Event, Room};

use super::ends::Far;
use super::network::Network;
use super::packet::{Arrival, EndRef, Packet, Parcel, SCHEDULER};
use super::queue::Queue;
use super::tracer::Tracer;
use crate::history::Life;
use crate::host::HostId;
use crate::latency::HostIndex;
use crate::recorder::{LifeNumber, Recorder};

/// All of a shard but its hosts: where a host sends, and who listens.
#[derive(Debug)]
pub(super) struct ShardState {
    /// The places of the hosts.
    pub(super) places: std::ops::Range<HostIndex>,
    pub(super) queue: Queue,
    pub(super) parcels: Slab<Packet>,
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

impl ShardState {
    /// For hosts at these places, of `share` in each shard, with windows of this `width` in microseconds.
    /// Nothing is on its way.
    pub(super) fn new(
        places: std::ops::Range<HostIndex>,
        share: u32,
        width: u64,
        recorder: Recorder,
    ) -> Self {
        Self {
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
        }
    }

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
