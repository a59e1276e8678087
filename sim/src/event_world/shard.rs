//! A part of the hosts, and all that one thread needs to run them through a window.

use std::hint::black_box;
use std::mem::discriminant;

use super::host::Host;
use super::network::Network;
use super::packet::Arrival;
use super::shard_state::{HostCtx, ShardState};
use crate::latency::HostIndex;

/// Hosts whose memory is read ahead together. 16 gain no more than 8: a processor has some tens of
/// reads under way at most.
const TOGETHER: usize = 8;

/// Hosts with consecutive places, and what is on its way to them.
#[derive(Debug)]
pub(super) struct Shard {
    pub(super) hosts: Vec<Host>,
    pub(super) state: ShardState,
}

impl Shard {
    /// A shard of new hosts that share this.
    pub(super) fn new(state: ShardState) -> Self {
        Self { hosts: state.places.clone().map(Host::new).collect(), state }
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
