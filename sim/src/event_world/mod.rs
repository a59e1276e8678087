//! The event engine: `core` alone, as a discrete-event simulation.
//!
//! ```text
//! schedule, workload ──▶ queue ──▶ window: host by host, all that awaits each ──▶ outputs
//!                          ▲                                                        │
//!                          └── arrivals, at the earliest in the next window ◀── air ┘
//! ```
//!
//! No connection is faster than the least latency, so what hosts do in a window of that length
//! reaches no other host within it. A window is therefore run host by host, which touches each
//! host's memory once, and by several threads, each of which has a share of the hosts: the order of
//! what one host sees, (time, origin, origin's own count), is the same in any case.
//!
//! Cuts and resets concern two hosts at once, so they happen between windows.

pub mod bench;
mod ends;
mod host;
mod mutant;
mod network;
mod order;
mod packet;
mod queue;
mod reader;
mod shard;
mod shard_state;
mod tracer;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefMutIterator as _, ParallelIterator as _,
};
use tidings_core::{Command, LinkLoss, Topic};

use crate::fault::{Fault, FaultSchedule, Scheduled};
use crate::history::{History, NodeView, Sample};
use crate::host::{HostId, run_seed};
use crate::latency::{HostIndex, micros};
use crate::recorder::Recorder;
use crate::scenario::{CutMode, Scenario};
use crate::traffic::Traffic;
use crate::workload;
use ends::Stage;
use host::Host;
pub use mutant::{Mutant, MutantFactory, Mutated};
use network::{Cut, Network, NetworkModel};
use packet::{HostFault, Packet, SCHEDULER};
use shard::Shard;
use shard_state::{HostCtx, ShardState};
use tracer::Tracer;
pub use tracer::{TraceFilter, TraceLine, seconds};

/// Most node states that all samples of a run hold together. Larger networks are sampled less often
/// than every second.
const MAX_VIEWS: usize = 200_000;

/// Fewest hosts of a run that is worth more than one thread.
const MANY_HOSTS: usize = 10_000;

/// Runs a scenario with one rng seed. A panic anywhere in it is a failure in the history. A large run
/// is in as many parts as the thread pool around it has threads: those that have no run of their own
/// help.
pub fn run(scenario: &Scenario, seed: u64) -> History {
    let is_large = scenario.seed_nodes + scenario.peers >= MANY_HOSTS;
    run_on(scenario, seed, if is_large { rayon::current_num_threads() } else { 1 })
}

/// The same in parts for so many threads; the history does not depend on their number.
pub fn run_on(scenario: &Scenario, seed: u64, threads: usize) -> History {
    finish(World::new(scenario, seed, threads), scenario)
}

/// The same on one thread, for a hunt: with a bug planted in its nodes, or none. The nodes are checked after
/// every input, and one that is not as it must be is a failure in the history.
pub fn run_with(
    scenario: &Scenario,
    seed: u64,
    mutants: Option<&'static dyn MutantFactory>,
) -> History {
    let mut world = World::new(scenario, seed, 1);
    world.model.mutants = mutants;
    world.shards.iter_mut().for_each(|shard| shard.state.checks_invariants = true);
    finish(world, scenario)
}

/// Lines that wait for their reader, at most.
const UNREAD: usize = 1_024;

/// Tells of one run, through a lens, in the order of time, and at last why it failed, if it did. The run
/// is as far ahead of its reader as some lines. It ends where the lens does, or if the reader goes away.
#[expect(clippy::disallowed_methods, reason = "the whole run is in it, and its reader outside")]
pub fn trace(
    scenario: Scenario,
    seed: u64,
    filter: TraceFilter,
) -> impl Iterator<Item = Result<TraceLine, String>> {
    let (reader, lines) = mpsc::sync_channel(UNREAD);
    std::thread::spawn(move || {
        let mut world = World::new(&scenario, seed, 1);
        let end = filter.until.map_or(scenario.duration, |until| until.min(scenario.duration));
        for shard in &mut world.shards {
            shard.state.tracer = Some(Tracer::new(filter.clone(), &world.schedule, reader.clone()));
        }
        let failure = world.attempt(&scenario, micros(end));
        let tracers = world.shards.iter_mut().filter_map(|shard| shard.state.tracer.as_mut());
        tracers.for_each(|tracer| tracer.tell_rest(failure.is_some()));
        if let Some(failure) = failure {
            // If nobody reads, nobody is to be told that.
            drop(reader.send(Err(failure)));
        }
    });
    lines.into_iter()
}

fn finish(mut world: World, scenario: &Scenario) -> History {
    let failure = world.attempt(scenario, micros(scenario.duration));
    world.into_history(failure)
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// A run in progress.
struct World {
    seed: u64,
    model: NetworkModel,
    schedule: FaultSchedule,
    shards: Vec<Shard>,
    /// Hosts of a shard.
    share: u32,
    cut: Option<Cut>,
    /// What was put into the queues by nobody.
    sent: u32,
    samples: Vec<Sample>,
    traffic: Vec<Traffic>,
}

impl World {
    fn new(scenario: &Scenario, seed: u64, threads: usize) -> Self {
        let run = run_seed(seed);
        let schedule = FaultSchedule::draw(scenario, run);
        let ids: BTreeMap<_, _> = scenario.hosts().map(|host| (host.node_id(run), host)).collect();
        let ids = Arc::new(ids);
        let model = NetworkModel::new(scenario, run, &schedule, Arc::clone(&ids));
        let threads = u32::try_from(threads.max(1)).unwrap_or(1);
        let share = model.hosts().div_ceil(threads).max(1);
        let shard = |first: HostIndex| {
            let recorder = Recorder::new(scenario, &schedule, Arc::clone(&ids));
            let places = first..(first + share).min(model.hosts());
            Shard::new(ShardState::new(places, share, model.window(), recorder))
        };
        let starts = (0..model.hosts()).step_by(usize::try_from(share).unwrap_or(1));
        let shards = starts.map(shard).collect();
        let (cut, samples, traffic) = (None, Vec::new(), Vec::new());
        Self { seed, schedule, shards, share, cut, sent: 0, samples, traffic, model }
    }

    /// Runs up to `end` and says why it failed, if it did.
    fn attempt(&mut self, scenario: &Scenario, end: u64) -> Option<String> {
        match catch_unwind(AssertUnwindSafe(|| self.run(scenario, end))) {
            Ok(()) => self.shards.iter_mut().find_map(|shard| shard.state.take_failure()),
            Err(panic) => Some(format!("panic: {}", panic_message(panic.as_ref()))),
        }
    }

    fn run(&mut self, scenario: &Scenario, end: u64) {
        self.announce(scenario);
        let mut faults = self.schedule.faults.clone().into_iter().filter(is_for_all).peekable();
        let every = sample_every(scenario);
        let mut next_sample = 0;
        while let Some(until) = [faults.peek().map(|fault| micros(fault.at)), Some(next_sample)]
            .into_iter()
            .flatten()
            .min()
            .filter(|until| *until < end)
        {
            self.run_until(until);
            while let Some(due) = faults.next_if(|fault| micros(fault.at) <= until) {
                self.perform(until, due.fault);
            }
            if next_sample <= until {
                self.sample(until);
                next_sample += every;
            }
        }
        self.run_until(end);
        self.sample(end);
    }

    /// Queues all that the schedule and the workload have for single hosts.
    fn announce(&mut self, scenario: &Scenario) {
        for Scheduled { at, fault } in std::mem::take(&mut self.schedule.faults) {
            let to = |host: &HostId, fault| Some((*host, Packet::HostFault(fault)));
            let host_fault = match &fault {
                Fault::Start(host) => to(host, HostFault::Start),
                Fault::Crash(host, death) => to(host, HostFault::Crash(*death)),
                Fault::Leave(host) => Some((*host, Packet::Say(Command::Leave))),
                Fault::Pause(host) => to(host, HostFault::Pause),
                Fault::Resume(host) => to(host, HostFault::Resume),
                Fault::Suspend(host) => to(host, HostFault::Suspend),
                Fault::Wake(host) => to(host, HostFault::Wake),
                Fault::Block(host) => to(host, HostFault::Block),
                Fault::Unblock(host) => to(host, HostFault::Unblock),
                Fault::StopReader(host) => to(host, HostFault::StopReader),
                Fault::ResumeReader(host) => to(host, HostFault::ResumeReader),
                Fault::Reset(_) | Fault::Cut(..) | Fault::Heal => None,
            };
            if let Some((host, packet)) = host_fault {
                self.post(host, at, packet);
            }
            self.schedule.faults.push(Scheduled { at, fault });
        }
        if !scenario.names_found_at.is_zero() {
            let named = self.model.seed_nodes_at(scenario.names_found_at);
            for host in scenario.hosts() {
                let command = Command::SeedNodes(named.clone());
                self.post(host, scenario.names_found_at, Packet::Say(command));
            }
        }
        for saying in workload::draw(scenario, &self.schedule, self.model.run) {
            let (topic, payload) = (Topic::default(), saying.payload);
            let command = Command::Broadcast { topic, payload };
            self.post(saying.host, saying.at, Packet::Say(command));
        }
    }

    fn post(&mut self, host: HostId, at: Duration, packet: Packet) {
        self.sent += 1;
        let (place, count) = (self.model.place(host), self.sent);
        self.shard_of(place).state.send((SCHEDULER, count), place, micros(at), packet);
    }

    /// What the nodes were told since the beginning: inputs and wakes.
    fn inputs(&self) -> u64 {
        self.shards.iter().map(|shard| shard.state.inputs).sum()
    }

    fn shard_of(&mut self, place: HostIndex) -> &mut Shard {
        let index = usize::try_from(place / self.share).expect("an index in memory");
        &mut self.shards[index]
    }

    /// Runs everything before `until`.
    fn run_until(&mut self, until: u64) {
        let window = self.model.window();
        loop {
            let next = self.shards.iter().filter_map(|shard| shard.state.next_bucket()).min();
            let Some(from) = next.filter(|from| *from < until) else { return };
            let network = Network { model: &self.model, cut: self.cut.as_ref() };
            let border = until.min(from + window);
            if let [shard] = &mut self.shards[..] {
                shard.run(from, border, network);
                if let Some(tracer) = &mut shard.state.tracer
                    && !tracer.tell(border)
                {
                    return;
                }
            } else {
                self.shards.par_iter_mut().for_each(|shard| shard.run(from, border, network));
                self.exchange();
            }
            // What is left of the bucket is not before `until`.
            if border == until {
                return;
            }
        }
    }

    /// Hands over what shards have for each other.
    fn exchange(&mut self) {
        let shards = &mut self.shards;
        let received: Vec<Vec<Vec<_>>> = (0..shards.len())
            .map(|to| shards.iter_mut().map(|from| from.state.take_outbox(to)).collect())
            .collect();
        shards.par_iter_mut().zip(received).for_each(|(shard, lists)| {
            for (arrival, packet) in lists.into_iter().flatten() {
                shard.state.deliver(arrival, packet);
            }
        });
    }

    /// What concerns more than one host.
    fn perform(&mut self, at: u64, fault: Fault) {
        match fault {
            Fault::Reset(host) => {
                let place = self.model.place(host);
                self.reset(at, place, |_| true);
            }
            Fault::Cut(hosts, mode, direction) => {
                let inside: std::collections::BTreeSet<HostIndex> =
                    hosts.iter().map(|host| self.model.place(*host)).collect();
                if mode == CutMode::Reset {
                    for place in &inside {
                        self.reset(at, *place, |far| !inside.contains(&far));
                    }
                }
                self.cut = Some(Cut { inside, mode, direction });
            }
            Fault::Heal => {
                self.cut = None;
                self.release_held(at);
            }
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
            | Fault::ResumeReader(_) => unreachable!("these are for one host, and queued"),
        }
        self.exchange();
    }

    /// Resets connections of a host, at both ends.
    fn reset(&mut self, at: u64, place: HostIndex, hits: impl Fn(HostIndex) -> bool) {
        let Some((host, _)) = self.host(place) else { return };
        for (own, far) in host.ends().connections(hits) {
            for (place, end) in [(place, own), (far.place, far.end)] {
                let Some((host, mut cx)) = self.host(place) else { continue };
                // That its dial was accepted is on its way and comes first: a broken link, no refusal.
                if host.ends().get_mut(end).is_some_and(|it| it.stage == Stage::Dialing) {
                    continue;
                }
                host.lose(at, end, LinkLoss::Reset, &mut cx);
                host.ask_for_wake(cx.state);
            }
        }
    }

    fn host(&mut self, place: HostIndex) -> Option<(&mut Host, HostCtx<'_>)> {
        let network = Network { model: &self.model, cut: self.cut.as_ref() };
        let index = usize::try_from(place / self.share).ok()?;
        self.shards.get_mut(index)?.host(place, network)
    }

    /// The cut is over: what it held back leaves now, in the order in which it was sent.
    fn release_held(&mut self, at: u64) {
        let network = Network { model: &self.model, cut: None };
        for shard in &mut self.shards {
            // When the last packet of each end arrives.
            let mut last = BTreeMap::new();
            for held in shard.state.take_held() {
                let last = last.entry((held.origin, held.own)).or_insert(Some(0));
                let Some((host, mut cx)) = shard.host(held.origin, network) else { continue };
                host.release(at, held, last, &mut cx);
            }
        }
    }

    fn sample(&mut self, at: u64) {
        let mut sample = Sample { at: Duration::from_micros(at), ..Sample::default() };
        let mut traffic = Traffic::at(sample.at);
        for shard in &self.shards {
            for host in &shard.hosts {
                let Some((life, node)) = host.answering() else { continue };
                let life = shard.state.recorder.life(life);
                let view = NodeView::of(&node.snapshot(), host.bytes_sent, &self.model.ids);
                sample.nodes.insert(life, view);
                traffic.add(node.stats(), host.bytes_sent);
            }
        }
        self.samples.push(sample);
        self.traffic.push(traffic);
    }

    fn into_history(self, failure: Option<String>) -> History {
        let recorders = self.shards.into_iter().map(|shard| shard.state.recorder);
        let recorder = recorders.reduce(Recorder::merge).expect("there is a host, so a shard");
        let history = recorder.finish(self.seed, self.schedule, self.samples, failure);
        History { traffic: self.traffic, ..history }
    }
}

fn is_for_all(scheduled: &Scheduled) -> bool {
    matches!(scheduled.fault, Fault::Reset(_) | Fault::Cut(..) | Fault::Heal)
}

/// Microseconds between two samples: a whole number of seconds.
fn sample_every(scenario: &Scenario) -> u64 {
    let seconds = usize::try_from(scenario.duration.as_secs()).unwrap_or(usize::MAX);
    let views = seconds.saturating_mul(scenario.seed_nodes + scenario.peers);
    let factor = views.div_ceil(MAX_VIEWS).max(1);
    u64::try_from(factor).unwrap_or(u64::MAX).saturating_mul(1_000_000)
}
