//! How fast the engine is, and how much memory a peer takes: a network joins, and one message floods
//! it. Beside it, in the same run, the roof: the same queue and the same walk through memory with no
//! protocol at all, so that a ratio survives a noisy machine.

#![expect(clippy::disallowed_types, reason = "this is about wall-clock time")]

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidings_core::{Command, Payload, Topic};

use super::packet::{Arrival, Packet, Parcel, SCHEDULER};
use super::queue::Queue;
use super::{NetworkModel, World, run_seed};
use crate::fault::FaultSchedule;
use crate::host::HostId;
use crate::latency::micros;
use crate::scenario::{self, Scenario, ScenarioError};

/// What is run: the documented network without chatter. Bounds that a join of a million peers within
/// seconds would hit are far away, and what repeats itself rests while the flood is measured.
const SCENARIO: &str = include_str!("bench.toml");

/// When the message is said: all have joined, and nothing else goes on.
const FLOOD_AT: Duration = Duration::from_secs(30);

/// Simulated time that the flood gets.
const FLOOD_TIME: Duration = Duration::from_secs(3);

/// Events that the roof is measured with, for each peer.
const ROOF_ROUNDS: u64 = 10;

/// Bytes of a peer's state that the roof touches.
const ROOF_STATE: usize = 128;

/// What was measured.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Peers.
    pub peers: usize,
    /// Threads that ran them.
    pub threads: usize,
    /// Protocol events, each one call of a node: a message, a timer, a connection.
    pub join_events: u64,
    /// Wall-clock seconds until all had joined.
    pub join_s: f64,
    /// Protocol events per second of the join.
    pub join_events_per_s: f64,
    /// Protocol events of the flood.
    pub flood_events: u64,
    /// Wall-clock seconds of the flood.
    pub flood_s: f64,
    /// Protocol events per second of the flood.
    pub flood_events_per_s: f64,
    /// Protocol events per second of the whole run.
    pub events_per_s: f64,
    /// Peers that got the message, its origin not counted.
    pub reached: usize,
    /// Largest memory of the process so far, by peer, in bytes; `None` where the system does not tell.
    pub peak_bytes_per_peer: Option<u64>,
    /// Events per second of the queue alone, with a state of 128 bytes by peer.
    pub roof_events_per_s: f64,
    /// Events per second of the flood over those of the roof.
    pub ratio: f64,
    /// Hash over what happened, the same for any number of threads.
    pub digest: String,
}

/// The scenario that is measured, with this many peers and these changes, which are those of `--set`.
///
/// # Errors
///
/// If it is no scenario with the changes.
pub fn scenario(peers: usize, changes: &[String]) -> Result<Scenario, ScenarioError> {
    scenario::parse_changed("bench", &SCENARIO.replace("PEERS", &peers.to_string()), changes)
}

/// Measures the engine with this many peers on this many threads.
///
/// # Panics
///
/// When a node does, which is a bug.
pub fn measure(scenario: &Scenario, seed: u64, threads: usize) -> Figures {
    let mut world = World::new(scenario, seed, threads);
    world.announce(scenario);
    let begin = Instant::now();
    world.run_until(micros(FLOOD_AT));
    let (join_s, join_events) = (begin.elapsed().as_secs_f64(), world.inputs());
    let payload = Payload::new(vec![b'.'; 64]).expect("64 bytes are a payload");
    let command = Command::Broadcast { topic: Topic::default(), payload };
    world.post(HostId::peer(0), FLOOD_AT, Packet::Say(command));
    let begin = Instant::now();
    flood(&mut world);
    let (flood_s, flood_events) = (begin.elapsed().as_secs_f64(), world.inputs() - join_events);
    let peak_bytes_per_peer = peak_bytes().map(|bytes| bytes / count(scenario.peers));
    let failure = world.shards.iter_mut().find_map(|shard| shard.state.take_failure());
    let history = world.into_history(failure);
    let roof_events_per_s = roof(scenario, seed);
    let flood_events_per_s = float(flood_events) / flood_s;
    Figures {
        peers: scenario.peers,
        threads,
        join_events,
        join_s,
        join_events_per_s: float(join_events) / join_s,
        flood_events,
        flood_s,
        flood_events_per_s,
        events_per_s: float(join_events + flood_events) / (join_s + flood_s),
        reached: history
            .message_traces
            .iter()
            .map(|message_trace| message_trace.receipts.len())
            .sum(),
        peak_bytes_per_peer,
        roof_events_per_s,
        ratio: flood_events_per_s / roof_events_per_s,
        digest: history.digest(),
    }
}

/// Lets the message spread. A function of its own, so that a profiler can look at it alone.
#[inline(never)]
fn flood(world: &mut World) {
    world.run_until(micros(FLOOD_AT + FLOOD_TIME));
}

/// Events per second without a protocol: each touches its peer's state and sends one event on, to a
/// peer at random. As many are under way as in a flood.
fn roof(scenario: &Scenario, seed: u64) -> f64 {
    let run = run_seed(seed);
    let peers = count(scenario.peers);
    let model = NetworkModel::new(scenario, run, &FaultSchedule::default(), Arc::default());
    let mut queue = Queue::new(model.window(), 0);
    let mut states = vec![[0_u8; ROOF_STATE]; scenario.peers];
    let mut random = u64::from_le_bytes(*run.as_bytes().first_chunk().expect("32 bytes"));
    let mut send = |queue: &mut Queue, at: u64, number: u64| {
        // Marsaglia's xorshift: the roof is to cost nothing but the queue and the memory.
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let target = u32::try_from(random % peers).unwrap_or_default();
        let at = at + model.window() + random % 60_000;
        let parcel = Parcel::new(usize::try_from(number % 1000).unwrap_or_default());
        queue.push(Arrival { at, target, origin: SCHEDULER, count: 0, parcel });
    };
    for number in 0..peers {
        send(&mut queue, 0, number);
    }
    let (begin, mut done) = (Instant::now(), 0);
    while let Some(from) = queue.next_bucket().filter(|_| done < peers * ROOF_ROUNDS) {
        let arrivals = queue.take(from, from + model.window());
        for arrival in &arrivals {
            let state = &mut states[usize::try_from(arrival.target).unwrap_or_default()];
            state[0] = state[0].wrapping_add(1);
            state[ROOF_STATE / 2] ^= state[0];
            done += 1;
            send(&mut queue, arrival.at, done);
        }
        queue.give_back(arrivals);
    }
    std::hint::black_box(&states);
    float(done) / begin.elapsed().as_secs_f64()
}

/// The most memory that this process had so far, as Linux tells.
fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "far below 2^53")]
fn float(number: u64) -> f64 {
    number as f64
}
