//! What the world and its hosts share: which processes run or stand still, which pairs are cut, the
//! open connections, and what the nodes said. One lock, held for moments, never across an await.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::mem;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tidings_core::{Event, Instant, RngSeed};
use tidings_node::{NodeHandle, Observer};
use turmoil::net::TcpStream;

use crate::history::{End, Life};
use crate::host::HostId;
use crate::latency::{HostIndex, Latencies};
use crate::recorder::{LifeNumber, Recorder};
use crate::scenario::{Blocks, Scenario};

/// The shared state of one run.
#[derive(Debug)]
pub(super) struct SharedState {
    /// Of what turmoil itself does not delay: answers to dials, refusals, goodbyes of machines.
    latencies: Latencies,
    seed_nodes: HostIndex,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    hosts: BTreeMap<HostId, HostState>,
    by_ip: BTreeMap<IpAddr, HostId>,
    /// Who is cut off from all others now.
    cut: Option<BTreeSet<HostId>>,
    /// Who is cut off by a cut that holds back what crosses it.
    held: Option<BTreeSet<HostId>>,
    connections: Vec<(HostId, HostId, Weak<Connection>)>,
    /// Latencies drawn, of each sender.
    drawn: BTreeMap<HostIndex, u32>,
    recorder: Option<Recorder>,
}

/// The machine of nobody in this scenario.
const STRANGER: HostIndex = HostIndex::MAX;

#[derive(Debug, Default)]
struct HostState {
    /// Its newest life.
    life: Option<LifeNumber>,
    /// The process runs.
    running: bool,
    /// The machine is gone, not only the process.
    silent: bool,
    /// What of it stands still.
    still: Option<Still>,
    /// Simulated time that its clock has not counted in this life.
    slept: Duration,
    /// Tasks to be polled again when it goes on.
    waiting: Vec<Waker>,
    /// Its program reads none of the node's messages.
    is_reader_stopped: bool,
    /// That program.
    reader: Option<Waker>,
    handle: Option<NodeHandle>,
}

/// What of a host stands still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Still {
    Process,
    Network,
    /// Both, and the clock, since this moment of simulated time.
    Machine(Duration),
}

impl Still {
    const fn includes(self, what: Blocks) -> bool {
        match (self, what) {
            (Self::Process | Self::Machine(_), Blocks::Process)
            | (Self::Network | Self::Machine(_), Blocks::Network) => true,
            (Self::Process, Blocks::Network) | (Self::Network, Blocks::Process) => false,
        }
    }
}

/// One end of a connection, in the hands of the world.
///
/// The stream itself lives here, because a crash must take it from its task. If the task dropped
/// it, turmoil would say goodbye with a FIN; and since tokio drops the tasks of a runtime in an
/// order that depends on how many tasks the program ever had, these FINs would draw their latencies
/// in a different order in every run.
#[derive(Debug)]
pub(super) struct Connection {
    state: Mutex<ConnectionState>,
}

#[derive(Debug)]
struct ConnectionState {
    stream: Option<TcpStream>,
    broken: Option<Broken>,
    waiting: Vec<Waker>,
}

/// How a connection was broken from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The other end's machine closed it.
    Closed,
    /// It was reset.
    Reset,
}

/// The end of a connection whose other end is gone.
#[derive(Clone, Debug)]
pub(super) struct FarEnd {
    /// Whose it is.
    pub(super) of: HostId,
    connection: Weak<Connection>,
}

impl FarEnd {
    /// Tells it that the machine at the other end closed the connection.
    pub(super) fn close(&self) {
        if let Some(connection) = self.connection.upgrade() {
            connection.break_with(Broken::Closed);
        }
    }
}

impl Connection {
    fn new(stream: TcpStream) -> Self {
        let state = ConnectionState { stream: Some(stream), broken: None, waiting: Vec::new() };
        Self { state: Mutex::new(state) }
    }

    /// Polls the stream, or says how it was broken. Without a stream the task waits for its end.
    pub(super) fn poll<T>(
        &self,
        cx: &mut Context<'_>,
        poll: impl FnOnce(Pin<&mut TcpStream>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<Result<io::Result<T>, Broken>> {
        let mut state = lock(&self.state);
        if let Some(broken) = state.broken {
            return Poll::Ready(Err(broken));
        }
        if !state.waiting.iter().any(|waiting| waiting.will_wake(cx.waker())) {
            state.waiting.push(cx.waker().clone());
        }
        match &mut state.stream {
            Some(stream) => poll(Pin::new(stream), cx).map(Ok),
            None => Poll::Pending,
        }
    }

    fn break_with(&self, broken: Broken) {
        let waiting = {
            let mut state = lock(&self.state);
            state.broken = Some(broken);
            mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl SharedState {
    pub(super) fn new(scenario: &Scenario, run: RngSeed, recorder: Recorder) -> Self {
        let state = State { recorder: Some(recorder), ..State::default() };
        Self {
            latencies: Latencies::new(scenario, run),
            seed_nodes: HostIndex::try_from(scenario.seed_nodes).unwrap_or(HostIndex::MAX),
            state: Mutex::new(state),
        }
    }

    pub(super) fn add_host(&self, host: HostId, ip: IpAddr) {
        let mut state = lock(&self.state);
        state.hosts.insert(host, HostState::default());
        state.by_ip.insert(ip, host);
    }

    /// How long the next packet from one host to another takes that turmoil does not send itself.
    pub(super) fn latency(&self, from: HostId, to: HostId) -> Duration {
        self.latency_between(self.place(from), self.place(to))
    }

    /// How long it takes from a host to a machine that is no host of the scenario, and back.
    pub(super) fn round_trip_to_stranger(&self, host: HostId) -> Duration {
        let own = self.place(host);
        self.latency_between(own, STRANGER) + self.latency_between(STRANGER, own)
    }

    fn latency_between(&self, from: HostIndex, to: HostIndex) -> Duration {
        let mut state = lock(&self.state);
        let drawn = state.drawn.entry(from).or_default();
        *drawn = drawn.wrapping_add(1);
        Duration::from_micros(self.latencies.latency(from, to, *drawn))
    }

    fn place(&self, host: HostId) -> HostIndex {
        if host.is_peer() { self.seed_nodes + host.place() } else { host.place() }
    }

    /// The host at this address.
    pub(super) fn host_at(&self, ip: IpAddr) -> Option<HostId> {
        lock(&self.state).by_ip.get(&ip).copied()
    }

    /// Begins a life: the process runs from here on.
    pub(super) fn begin_life(&self, host: HostId, now: Duration) -> (LifeNumber, Life) {
        let mut state = lock(&self.state);
        let recorder = state.recorder();
        let number = recorder.begin_life(host, now);
        let life = recorder.life(number);
        let entry = state.hosts.entry(host).or_default();
        entry.life = Some(number);
        (entry.running, entry.silent, entry.still) = (true, false, None);
        entry.slept = Duration::ZERO;
        (entry.is_reader_stopped, entry.reader) = (false, None);
        (number, life)
    }

    /// Ends the life of a host, if it lives.
    pub(super) fn end_life(&self, host: HostId, now: Duration, end: End, silent: bool) {
        let mut state = lock(&self.state);
        let entry = state.hosts.entry(host).or_default();
        let life = entry.life;
        (entry.running, entry.silent, entry.still) = (false, silent, None);
        entry.handle = None;
        entry.waiting.clear();
        if let Some(life) = life {
            state.recorder().end_life(life, now, end);
        }
    }

    pub(super) fn set_handle(&self, host: HostId, handle: NodeHandle) {
        lock(&self.state).hosts.entry(host).or_default().handle = Some(handle);
    }

    /// The running node of a host.
    pub(super) fn handle(&self, host: HostId) -> Option<NodeHandle> {
        lock(&self.state).hosts.get(&host)?.handle.clone()
    }

    /// Running nodes, by life.
    pub(super) fn handles(&self) -> Vec<(Life, NodeHandle)> {
        let mut state = lock(&self.state);
        let running: Vec<(LifeNumber, NodeHandle)> =
            state.hosts.values().filter_map(|it| Some((it.life?, it.handle.clone()?))).collect();
        let recorder = state.recorder();
        running.into_iter().map(|(life, handle)| (recorder.life(life), handle)).collect()
    }

    /// Whether a dial to this host is refused: the machine lives, the process does not.
    pub(super) fn is_refusing(&self, host: HostId) -> bool {
        let state = lock(&self.state);
        state.hosts.get(&host).is_some_and(|host| !host.running && !host.silent)
    }

    /// Whether a cut lies between two hosts, in either direction.
    pub(super) fn is_cut(&self, a: HostId, b: HostId) -> bool {
        let state = lock(&self.state);
        state.cut.as_ref().is_some_and(|cut| cut.contains(&a) != cut.contains(&b))
    }

    pub(super) fn set_cut(&self, cut_off: Option<BTreeSet<HostId>>) {
        lock(&self.state).cut = cut_off;
    }

    /// Whether what two hosts send each other now waits for the end of a cut.
    pub(super) fn is_held_between(&self, a: HostId, b: HostId) -> bool {
        let state = lock(&self.state);
        state.held.as_ref().is_some_and(|held| held.contains(&a) != held.contains(&b))
    }

    pub(super) fn set_held(&self, cut_off: Option<BTreeSet<HostId>>) {
        lock(&self.state).held = cut_off;
    }

    /// Whether the host's process stands still; if so, `waker` is called when it goes on.
    pub(super) fn waits_while_paused(&self, host: HostId, waker: &Waker) -> bool {
        self.waits_while(Blocks::Process, host, waker)
    }

    /// Whether the host's network stands still; if so, `waker` is called when it goes on.
    pub(super) fn waits_while_blocked(&self, host: HostId, waker: &Waker) -> bool {
        self.waits_while(Blocks::Network, host, waker)
    }

    fn waits_while(&self, what: Blocks, host: HostId, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        let entry = state.hosts.entry(host).or_default();
        let waits = entry.still.is_some_and(|still| still.includes(what));
        if waits && !entry.waiting.iter().any(|waiting| waiting.will_wake(waker)) {
            entry.waiting.push(waker.clone());
        }
        waits
    }

    /// This of a running host stands still until it is told to go on.
    pub(super) fn still(&self, host: HostId, what: Blocks) {
        self.stop(
            host,
            match what {
                Blocks::Process => Still::Process,
                Blocks::Network => Still::Network,
            },
        );
    }

    /// The machine of a running host sleeps from now on until it is told to go on.
    pub(super) fn suspend(&self, host: HostId, now: Duration) {
        self.stop(host, Still::Machine(now));
    }

    fn stop(&self, host: HostId, still: Still) {
        let mut state = lock(&self.state);
        let entry = state.hosts.entry(host).or_default();
        entry.still = entry.running.then_some(still);
    }

    /// Time that the host's clock has not counted in this life.
    pub(super) fn slept(&self, host: HostId) -> Duration {
        lock(&self.state).hosts.get(&host).map_or(Duration::ZERO, |host| host.slept)
    }

    pub(super) fn resume(&self, host: HostId, now: Duration) {
        let waiting = {
            let mut state = lock(&self.state);
            let entry = state.hosts.entry(host).or_default();
            if let Some(Still::Machine(since)) = entry.still.take() {
                entry.slept += now.saturating_sub(since);
            }
            mem::take(&mut entry.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// The program of a running host reads no messages until it is told to.
    pub(super) fn stop_reader(&self, host: HostId) {
        let mut state = lock(&self.state);
        let entry = state.hosts.entry(host).or_default();
        entry.is_reader_stopped = entry.running;
    }

    pub(super) fn resume_reader(&self, host: HostId) {
        let reader = {
            let mut state = lock(&self.state);
            let entry = state.hosts.entry(host).or_default();
            entry.is_reader_stopped = false;
            entry.reader.take()
        };
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// Whether the host's program reads no messages now; if so, `waker` is called when it reads again.
    pub(super) fn is_reader_stopped(&self, host: HostId, waker: &Waker) -> bool {
        let mut state = lock(&self.state);
        let entry = state.hosts.entry(host).or_default();
        entry.reader = entry.is_reader_stopped.then(|| waker.clone());
        entry.is_reader_stopped
    }

    pub(super) fn open_connection(
        &self,
        near: HostId,
        far: IpAddr,
        stream: TcpStream,
    ) -> Arc<Connection> {
        let connection = Arc::new(Connection::new(stream));
        let mut state = lock(&self.state);
        state.connections.retain(|(.., connection)| connection.strong_count() > 0);
        if let Some(far) = state.by_ip.get(&far).copied() {
            state.connections.push((near, far, Arc::downgrade(&connection)));
        }
        connection
    }

    /// Resets the connections between these pairs of hosts, at both ends.
    pub(super) fn reset(&self, hits: impl Fn(HostId, HostId) -> bool) {
        for (.., connection) in self.connections(hits) {
            connection.break_with(Broken::Reset);
        }
    }

    /// Takes all streams from a host's tasks, without a sign to the other ends. Returns those ends, and
    /// whether a cut keeps a sign from them.
    pub(super) fn abandon(&self, host: HostId) -> Vec<(FarEnd, bool)> {
        for (.., connection) in self.connections(|near, _| near == host) {
            // Dropped outside of any simulated host, a stream says nothing.
            drop(lock(&connection.state).stream.take());
        }
        let far_ends = self.connections(|_, far| far == host);
        let far_end = |(near, _, connection): (HostId, HostId, Arc<Connection>)| {
            let is_held = self.is_held_between(near, host);
            (FarEnd { of: near, connection: Arc::downgrade(&connection) }, is_held)
        };
        far_ends.into_iter().map(far_end).collect()
    }

    fn connections(
        &self,
        hits: impl Fn(HostId, HostId) -> bool,
    ) -> Vec<(HostId, HostId, Arc<Connection>)> {
        let state = lock(&self.state);
        let open = state.connections.iter().filter(|(near, far, _)| hits(*near, *far));
        open.filter_map(|(near, far, connection)| Some((*near, *far, connection.upgrade()?)))
            .collect()
    }

    /// The record of the run, taken out at its end.
    pub(super) fn take_recorder(&self) -> Option<Recorder> {
        lock(&self.state).recorder.take()
    }
}

impl State {
    fn recorder(&mut self) -> &mut Recorder {
        self.recorder.as_mut().expect("it is taken only when the run is over")
    }
}

/// Writes down what one life says.
#[derive(Debug)]
pub(super) struct RecordingObserver {
    pub(super) shared: Arc<SharedState>,
    pub(super) host: HostId,
    pub(super) life: LifeNumber,
    /// When the life began, in simulated time.
    pub(super) born: Duration,
}

impl Observer for RecordingObserver {
    fn on_event(&self, at: Instant, event: &Event) {
        let at = self.born + at.since_birth() + self.shared.slept(self.host);
        // Tasks that are dropped after the end of the run have nothing more to say.
        if let Some(recorder) = &mut lock(&self.shared.state).recorder {
            recorder.note(self.life, at, event);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
