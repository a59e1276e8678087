//! The turmoil engine: the node's own driver, frames, handshakes and reconnects included, over a
//! simulated network in simulated time.
//!
//! turmoil moves time in ticks. Between two ticks this world does what the schedule says, lets peers
//! say what the workload says, and once per simulated second asks every node for its state.
//!
//! turmoil delays what connections carry. It does not delay that a dial is answered, nor refuse one, nor
//! close the connections of a process that died; these take latencies that this world draws, by the
//! same law.
//!
//! What turmoil means by its own words is not always what a network does, so the words of scenarios
//! are translated. A death takes the streams from their tasks, or they would say goodbye with a FIN:
//! after a *reset* death the other ends learn of it one latency later, after a *silent* one never. A
//! *held* cut is turmoil's hold, a *silent* one its partition, after which its TCP never recovers a
//! stream. *Reset* and *pause* it has not, so the streams and tasks of [`net`] do them.

mod net;
mod shared;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::future::{pending, poll_fn};
use std::net::{IpAddr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use tidings_core::{
    AddressRecord, Birth, Command, Config, NamedSeedNodes, Node, Payload, RngSeed, Role, Topic,
    UnixTime,
};
use tidings_node::chatter::{Chatter, FirstNeighbor};
use tidings_node::{Driver, Net, NodeHandle, NodeReport, RequestError};
use tokio::select;
use tokio::sync::oneshot;
use tokio::time::sleep;
use turmoil::Sim;

use crate::fault::{Fault, FaultSchedule};
use crate::history::{End, History, Life, NodeView, Sample};
use crate::host::{CALENDAR, HostId, run_seed};
use crate::recorder::Recorder;
use crate::scenario::{Blocks, CutMode, Death, Direction, Scenario};
use crate::seed_names;
use crate::traffic::Traffic;
use crate::workload::{self, Saying};
use net::TurmoilNet;
use shared::{FarEnd, RecordingObserver, SharedState};

/// Every simulated node listens here.
const PORT: u16 = 7000;

/// Connections and segments that wait at one socket. turmoil panics beyond it.
const TCP_CAPACITY: usize = 1024;

/// Time between two samples.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Runs a scenario with one rng seed. A panic anywhere in it is a failure in the history.
pub fn run(scenario: &Scenario, seed: u64) -> History {
    run_on(scenario, seed, |net| net)
}

/// The same on whatever network `wrap` makes of the simulated one.
fn run_on<N: Net>(
    scenario: &Scenario,
    seed: u64,
    wrap: impl Fn(TurmoilNet) -> N + Copy + 'static,
) -> History {
    let mut world = World::new(scenario, seed, wrap);
    let failure = match catch_unwind(AssertUnwindSafe(|| world.run())) {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(panic) => Some(format!("panic: {}", panic_message(panic.as_ref()))),
    };
    world.into_history(failure)
}

fn panic_message(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// A run in progress.
struct World {
    seed: u64,
    duration: Duration,
    sim: Sim<'static>,
    shared: Arc<SharedState>,
    hosts: BTreeMap<HostId, IpAddr>,
    schedule: FaultSchedule,
    next_fault: usize,
    sayings: Vec<Saying>,
    next_saying: usize,
    /// What peers were given to say when too much waited at their nodes already: their programs wait.
    unsaid: BTreeMap<HostId, VecDeque<Payload>>,
    /// The cut in force.
    cut: Option<(BTreeSet<HostId>, CutMode, Direction)>,
    /// When ends of connections learn that the host at the other end died; those of one moment in the
    /// order in which that was sent.
    delayed_fins: BTreeMap<(Duration, u64), FarEnd>,
    /// The dead, and ends that do not learn it before a cut heals.
    held_farewells: Vec<(HostId, FarEnd)>,
    /// Farewells sent so far.
    farewells_sent: u64,
    samples: Vec<(Duration, BTreeMap<Life, NodeReport>)>,
    asked: Vec<(Life, oneshot::Receiver<NodeReport>)>,
}

/// What a host needs to make its node.
struct Plan {
    host: HostId,
    run: RngSeed,
    /// Where it listens, as others are told.
    addresses: Vec<SocketAddr>,
    seed_nodes: Vec<SocketAddr>,
    names_found_at: Duration,
    config: Config,
    chatter: Chatter,
    /// Its program reads the node's messages. Where the schedule stops no reader, nobody would see a difference.
    has_reader: bool,
    shared: Arc<SharedState>,
}

impl World {
    fn new<N: Net>(
        scenario: &Scenario,
        seed: u64,
        wrap: impl Fn(TurmoilNet) -> N + Copy + 'static,
    ) -> Self {
        let run = run_seed(seed);
        let mut sim = builder(scenario, run).build();
        let schedule = FaultSchedule::draw(scenario, run);
        let ids = scenario.hosts().map(|host| (host.node_id(run), host)).collect();
        let recorder = Recorder::new(scenario, &schedule, Arc::new(ids));
        let shared = Arc::new(SharedState::new(scenario, run, recorder));
        let hosts: BTreeMap<HostId, IpAddr> =
            scenario.hosts().map(|host| (host, sim.lookup(host.to_string()))).collect();
        let socket = |ip: &IpAddr| SocketAddr::new(*ip, PORT);
        let stopped_readers = schedule.stopped_readers();
        let seed_nodes: Vec<SocketAddr> =
            hosts.iter().filter(|(host, _)| !host.is_peer()).map(|(_, ip)| socket(ip)).collect();
        for ((&host, ip), place) in hosts.iter().zip(0..) {
            shared.add_host(host, *ip);
            let own = socket(ip);
            let kinds = scenario.peer_addresses.iter().filter(|_| host.is_peer());
            let announced: Vec<SocketAddr> = kinds.map(|kind| kind.of(place, own)).collect();
            let plan = Arc::new(Plan {
                host,
                run,
                addresses: if announced.is_empty() { vec![own] } else { announced },
                seed_nodes: seed_nodes.clone(),
                names_found_at: scenario.names_found_at,
                config: scenario.config.clone(),
                chatter: scenario.chatter,
                has_reader: stopped_readers.contains(&host),
                shared: Arc::clone(&shared),
            });
            sim.host(host.to_string(), move || live(Arc::clone(&plan), wrap));
            sim.crash(host.to_string());
        }
        Self {
            seed,
            duration: scenario.duration,
            shared,
            hosts,
            sayings: workload::draw(scenario, &schedule, run),
            schedule,
            next_fault: 0,
            next_saying: 0,
            unsaid: BTreeMap::new(),
            cut: None,
            delayed_fins: BTreeMap::new(),
            held_farewells: Vec::new(),
            farewells_sent: 0,
            samples: Vec::new(),
            asked: Vec::new(),
            sim,
        }
    }

    fn run(&mut self) -> turmoil::Result {
        while self.sim.elapsed() < self.duration {
            self.perform_due();
            if self.sim.elapsed() >= SAMPLE_EVERY * u32::try_from(self.samples.len())? {
                self.ask();
            }
            self.step()?;
        }
        self.ask();
        for _ in 0..2 {
            self.step()?;
        }
        Ok(())
    }

    fn step(&mut self) -> turmoil::Result {
        self.sim.step()?;
        self.collect();
        Ok(())
    }

    /// Does what the schedule and the workload say for now.
    fn perform_due(&mut self) {
        let now = self.sim.elapsed();
        while let Some(next) = self.delayed_fins.first_entry().filter(|it| it.key().0 <= now) {
            next.remove().close();
        }
        while let Some(due) = self.schedule.faults.get(self.next_fault).filter(|it| it.at <= now) {
            let fault = due.fault.clone();
            self.next_fault += 1;
            self.perform(fault, now);
        }
        while let Some(saying) = self.sayings.get(self.next_saying).filter(|it| it.at <= now) {
            self.unsaid.entry(saying.host).or_default().push_back(saying.payload.clone());
            self.next_saying += 1;
        }
        let shared = &self.shared;
        self.unsaid.retain(|host, unsaid| {
            shared.handle(*host).is_some_and(|handle| say_what_there_is_room_for(&handle, unsaid))
        });
    }

    fn perform(&mut self, fault: Fault, now: Duration) {
        match fault {
            Fault::Start(host) => self.sim.bounce(host.to_string()),
            Fault::Crash(host, death) => self.crash(host, death, now),
            Fault::Leave(host) => {
                if let Some(handle) = self.shared.handle(host) {
                    let _stopping = handle.try_command(Command::Leave);
                }
            }
            Fault::Pause(host) => self.shared.still(host, Blocks::Process),
            Fault::Block(host) => self.shared.still(host, Blocks::Network),
            Fault::Suspend(host) => self.shared.suspend(host, now),
            Fault::Resume(host) | Fault::Unblock(host) | Fault::Wake(host) => {
                self.shared.resume(host, now);
            }
            Fault::StopReader(host) => self.shared.stop_reader(host),
            Fault::ResumeReader(host) => self.shared.resume_reader(host),
            Fault::Reset(host) => self.shared.reset(|near, far| near == host || far == host),
            Fault::Cut(cut_off, mode, direction) => {
                if mode == CutMode::Reset {
                    self.shared
                        .reset(|near, far| cut_off.contains(&near) != cut_off.contains(&far));
                }
                if mode == CutMode::Held {
                    self.shared.set_held(Some(cut_off.clone()));
                } else {
                    self.shared.set_cut(Some(cut_off.clone()));
                }
                self.cut = Some((cut_off, mode, direction));
                self.across_the_cut(Self::sever);
            }
            Fault::Heal => {
                self.across_the_cut(Self::mend);
                self.cut = None;
                self.shared.set_cut(None);
                self.shared.set_held(None);
                for (dead, end) in std::mem::take(&mut self.held_farewells) {
                    self.say_farewell(now, dead, end);
                }
            }
        }
    }

    fn crash(&mut self, host: HostId, death: Death, now: Duration) {
        let far_ends = self.shared.abandon(host);
        self.sim.crash(host.to_string());
        self.shared.end_life(host, now, End::Crashed(death), death == Death::Silent);
        if death == Death::Silent {
            return;
        }
        for (end, is_held) in far_ends {
            if is_held {
                self.held_farewells.push((host, end));
            } else {
                self.say_farewell(now, host, end);
            }
        }
    }

    /// The machine of a dead process closes a connection: the other end learns it a latency later.
    fn say_farewell(&mut self, now: Duration, dead: HostId, end: FarEnd) {
        let arrives = now + self.shared.latency(dead, end.of);
        self.delayed_fins.insert((arrives, self.farewells_sent), end);
        self.farewells_sent += 1;
    }

    /// Calls `act` for every pair of hosts on the two sides of the cut in force.
    fn across_the_cut(&self, act: impl Fn(&Self, IpAddr, IpAddr, CutMode, Direction)) {
        let Some((cut_off, mode, direction)) = &self.cut else { return };
        for (host, inside) in &self.hosts {
            for (other, outside) in &self.hosts {
                if cut_off.contains(host) && !cut_off.contains(other) {
                    act(self, *inside, *outside, *mode, *direction);
                }
            }
        }
    }

    fn sever(&self, inside: IpAddr, outside: IpAddr, mode: CutMode, direction: Direction) {
        match (mode, direction) {
            (CutMode::Held, _) => self.sim.hold(inside, outside),
            (_, Direction::Both) => self.sim.partition(inside, outside),
            (_, Direction::Out) => self.sim.partition_oneway(inside, outside),
            (_, Direction::In) => self.sim.partition_oneway(outside, inside),
        }
    }

    fn mend(&self, inside: IpAddr, outside: IpAddr, mode: CutMode, _: Direction) {
        if mode == CutMode::Held {
            self.sim.release(inside, outside);
        } else {
            self.sim.repair(inside, outside);
        }
    }

    /// Asks every running node for its state.
    fn ask(&mut self) {
        self.samples.push((self.sim.elapsed(), BTreeMap::new()));
        self.asked = self
            .shared
            .handles()
            .into_iter()
            .filter_map(|(life, handle)| Some((life, handle.try_report().ok()?)))
            .collect();
    }

    /// Takes the answers that have come.
    fn collect(&mut self) {
        let Some((_, reports)) = self.samples.last_mut() else { return };
        self.asked.retain_mut(|(life, answer)| match answer.try_recv() {
            Ok(report) => {
                reports.insert(*life, report);
                false
            }
            Err(oneshot::error::TryRecvError::Empty) => true,
            Err(oneshot::error::TryRecvError::Closed) => false,
        });
    }

    fn into_history(self, failure: Option<String>) -> History {
        let recorder = self.shared.take_recorder().expect("it is taken here alone");
        let ids = Arc::clone(recorder.ids());
        let views = |(at, reports): (Duration, BTreeMap<Life, NodeReport>)| {
            let view = |report: &NodeReport| NodeView::of(&report.node, report.bytes_sent, &ids);
            Sample { at, nodes: reports.iter().map(|(life, it)| (*life, view(it))).collect() }
        };
        let sums = |(at, reports): &(Duration, BTreeMap<Life, NodeReport>)| {
            let mut traffic = Traffic::at(*at);
            for report in reports.values() {
                traffic.add(&report.node.stats, report.bytes_sent);
            }
            traffic
        };
        let traffic = self.samples.iter().map(sums).collect();
        let samples = self.samples.into_iter().map(views).collect();
        let history = recorder.finish(self.seed, self.schedule, samples, failure);
        History { traffic, ..history }
    }
}

/// Whether something is left to be said later. A node that is just stopping says nothing, as in life.
fn say_what_there_is_room_for(handle: &NodeHandle, unsaid: &mut VecDeque<Payload>) -> bool {
    while let Some(payload) = unsaid.front().cloned() {
        let command = Command::Broadcast { topic: Topic::default(), payload };
        if handle.try_command(command) == Err(RequestError::Busy) {
            return true;
        }
        unsaid.pop_front();
    }
    false
}

/// turmoil's settings for a scenario. Everything random in it comes from the run's seed.
fn builder(scenario: &Scenario, run: RngSeed) -> turmoil::Builder {
    let seed = run.derive("turmoil", 0);
    let first = seed.as_bytes().first_chunk().copied().unwrap_or_default();
    let mut builder = turmoil::Builder::new();
    builder
        .rng_seed(u64::from_be_bytes(first))
        .tick_duration(scenario.tick)
        .min_message_latency(scenario.latency.from)
        .max_message_latency(scenario.latency.to)
        .epoch(SystemTime::UNIX_EPOCH + CALENDAR)
        .tcp_capacity(TCP_CAPACITY)
        .simulation_duration(Duration::MAX);
    builder
}

/// One life of one host.
async fn live<N: Net>(plan: Arc<Plan>, wrap: impl Fn(TurmoilNet) -> N) -> turmoil::Result {
    let (net, kernel) = TurmoilNet::new(plan.host, Arc::clone(&plan.shared));
    let process = net.task(act(plan, wrap(net.clone())));
    select! {
        biased;
        ended = process => ended.map_err(|error| -> Box<dyn Error> { error }),
        error = kernel.run() => Err(error.into()),
    }
}

/// What the calendar says in the simulation.
fn calendar() -> UnixTime {
    UnixTime::from_millis(0) + CALENDAR + turmoil::sim_elapsed().unwrap_or_default()
}

/// The program of a host: it reads what its node delivers, unless it is stopped.
async fn read_messages(plan: &Plan, handle: &NodeHandle) {
    if plan.has_reader {
        let mut deliveries = handle.deliveries();
        loop {
            let mut next = pin!(deliveries.next());
            let read = poll_fn(|cx| {
                if plan.shared.is_reader_stopped(plan.host, cx.waker()) {
                    Poll::Pending
                } else {
                    next.as_mut().poll(cx)
                }
            });
            if read.await.is_none() {
                break;
            }
        }
    }
    pending::<()>().await;
}

async fn act<N: Net>(plan: Arc<Plan>, net: N) -> Result<(), Box<dyn Error + Send + Sync>> {
    let born = turmoil::sim_elapsed().unwrap_or_default();
    let (number, life) = plan.shared.begin_life(plan.host, born);
    let listener = net.listen(SocketAddr::from(([0, 0, 0, 0], PORT))).await?;
    let record = AddressRecord::new(plan.host.node_id(plan.run), life.epoch, &plan.addresses)?;
    let birth = Birth {
        record,
        rng_seed: plan.host.rng_seed(plan.run).derive("life", life.epoch.0),
        unix: calendar(),
    };
    let named = seed_names::found(&plan.seed_nodes, plan.names_found_at, born);
    let node = match plan.host.role() {
        Role::SeedNode => Node::seed_node_among(plan.config.clone(), birth, &named)?,
        Role::Peer => Node::peer_among(plan.config.clone(), birth, &named)?,
    };
    let joined = Arc::new(FirstNeighbor::default());
    let recording =
        RecordingObserver { shared: Arc::clone(&plan.shared), host: plan.host, life: number, born };
    let observer = Arc::new((recording, Arc::clone(&joined)));
    let (driver, handle) = Driver::new(net, vec![listener], node, observer);
    plan.shared.set_handle(plan.host, handle.clone());
    let chatter = async {
        if plan.host.is_peer() {
            plan.chatter.run(&joined, &handle, plan.addresses[0].ip(), calendar).await;
        }
        pending::<()>().await;
    };
    // As the look-up of a real node does, once the names are found.
    let late_names = async {
        if let Some(left) = plan.names_found_at.checked_sub(born).filter(|left| !left.is_zero()) {
            sleep(left).await;
            let all = NamedSeedNodes::from(&plan.seed_nodes[..]);
            let _ended = handle.set_named_seed_nodes(all).await;
        }
        pending::<()>().await;
    };
    select! {
        biased;
        ended = driver.run() => drop(ended?),
        () = chatter => {}
        () = late_names => {}
        () = read_messages(&plan, &handle) => {}
    }
    let now = turmoil::sim_elapsed().unwrap_or_default();
    plan.shared.end_life(plan.host, now, End::Left, false);
    Ok(())
}
