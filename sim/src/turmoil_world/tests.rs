//! The engine turns what goes wrong inside a node into a failure of the run.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use tidings_node::{Clocks, Listener, Net};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::select;

use super::net::{TurmoilListener, TurmoilNet, TurmoilStream};
use super::shared::SharedState;
use super::{PORT, run_on};
use crate::fault::FaultSchedule;
use crate::host::{HostId, run_seed};
use crate::recorder::Recorder;
use crate::scenario::{Blocks, Scenario, load};

/// A network on which the link tasks of one host panic when they first read.
#[derive(Clone)]
struct Mined(TurmoilNet);

struct MinedListener(TurmoilListener, Mined);

struct MinedStream(TurmoilStream, Mined);

impl Net for Mined {
    type Listener = MinedListener;
    type Stream = MinedStream;

    async fn listen(&self, addr: SocketAddr) -> io::Result<MinedListener> {
        Ok(MinedListener(self.0.listen(addr).await?, self.clone()))
    }

    async fn connect(&self, addr: SocketAddr) -> io::Result<MinedStream> {
        Ok(MinedStream(self.0.connect(addr).await?, self.clone()))
    }

    fn clocks(&self) -> Clocks {
        self.0.clocks()
    }
}

impl Listener for MinedListener {
    type Stream = MinedStream;

    async fn accept(&mut self) -> io::Result<(MinedStream, SocketAddr)> {
        let (stream, addr) = self.0.accept().await?;
        Ok((MinedStream(stream, self.1.clone()), addr))
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl AsyncRead for MinedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        assert!(self.1.0.host != HostId::peer(1), "planted");
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for MinedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

fn small() -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
    load(&path, &[]).expect("the small scenario")
}

/// turmoil alone would go on as if nothing had happened: the panic is in a spawned task.
#[test]
fn a_panic_in_a_spawned_task_fails_the_run() {
    let history = run_on(&small(), 1, Mined);
    assert_eq!(history.failure.as_deref(), Some("a task of the node panicked: planted"));
}

#[test]
fn without_the_mine_the_same_run_does_not_fail() {
    assert_eq!(super::run(&small(), 1).failure, None);
}

fn recorder() -> Recorder {
    Recorder::new(&small(), &FaultSchedule::default(), Arc::default())
}

/// What happened at two hosts of which one dials the other, and when in simulated time.
type Log = Arc<Mutex<Vec<(&'static str, Duration)>>>;

fn note(log: &Log, what: &'static str) {
    let now = turmoil::sim_elapsed().unwrap_or_default();
    log.lock().expect("no panic").push((what, now));
}

/// One host that accepts and one that dials it after a second, and dials again every second.
fn two_hosts(shared: &Arc<SharedState>, log: &Log) -> turmoil::Sim<'static> {
    let latency = Duration::from_millis(10);
    let mut builder = turmoil::Builder::new();
    builder.min_message_latency(latency).max_message_latency(latency);
    let mut sim = builder.build();
    let (accepting, dialing) = (HostId::peer(0), HostId::peer(1));
    let addr = SocketAddr::new(sim.lookup("accepting"), PORT);
    shared.add_host(accepting, addr.ip());
    shared.add_host(dialing, sim.lookup("dialing"));
    let (its_stage, its_log) = (Arc::clone(shared), Arc::clone(log));
    sim.host("accepting", move || {
        let (shared, log) = (Arc::clone(&its_stage), Arc::clone(&its_log));
        async move {
            let _life = shared.begin_life(accepting, Duration::ZERO);
            let (net, kernel) = TurmoilNet::new(accepting, shared);
            let everywhere = SocketAddr::from(([0, 0, 0, 0], PORT));
            let process = net.clone().task(async move {
                let mut listener = net.listen(everywhere).await?;
                let mut accepted = Vec::new();
                loop {
                    accepted.push(listener.accept().await?);
                    note(&log, "accepted");
                }
            });
            select! {
                biased;
                ended = process => ended,
                error = kernel.run() => Err(error.into()),
            }
        }
    });
    let (shared, log) = (Arc::clone(shared), Arc::clone(log));
    sim.client("dialing", async move {
        let _life = shared.begin_life(dialing, Duration::ZERO);
        let (net, _kernel) = TurmoilNet::new(dialing, shared);
        let mut streams = Vec::new();
        for _ in 0..2 {
            tokio::time::sleep(Duration::from_secs(1)).await;
            streams.push(net.connect(addr).await?);
            note(&log, "connected");
        }
        tokio::time::sleep(Duration::from_hours(1)).await;
        Ok(())
    });
    sim
}

fn run_until(sim: &mut turmoil::Sim<'_>, time: Duration) {
    while sim.elapsed() < time {
        sim.step().expect("no host fails");
    }
}

fn names(log: &Log) -> Vec<&'static str> {
    log.lock().expect("no panic").iter().map(|(what, _)| *what).collect()
}

/// A host whose process stands still and whose backlog holds two streams, after five seconds.
fn dialed_while_stopped() -> (Arc<SharedState>, Log, turmoil::Sim<'static>) {
    let (shared, log) =
        (Arc::new(SharedState::new(&small(), run_seed(1), recorder())), Log::default());
    let mut sim = two_hosts(&shared, &log);
    run_until(&mut sim, Duration::from_millis(500));
    shared.still(HostId::peer(0), Blocks::Process);
    run_until(&mut sim, Duration::from_secs(5));
    assert_eq!(names(&log), ["connected", "connected"]);
    (shared, log, sim)
}

#[test]
fn the_kernel_of_a_stopped_process_accepts() {
    let (shared, log, mut sim) = dialed_while_stopped();
    shared.resume(HostId::peer(0), Duration::ZERO);
    run_until(&mut sim, Duration::from_secs(6));
    assert_eq!(names(&log), ["connected", "connected", "accepted", "accepted"]);
    let when = log.lock().expect("no panic")[2].1;
    assert!(when >= Duration::from_secs(5), "accepted at {when:?}, before it went on");
}

/// Messages on their way right after a crash of a host in whose backlog two streams wait.
fn delayed_fins(takes_streams: bool) -> usize {
    let (shared, _, mut sim) = dialed_while_stopped();
    if takes_streams {
        shared.abandon(HostId::peer(0));
    }
    sim.crash("accepting");
    let mut messages = 0;
    sim.links(|links| messages = links.flatten().count());
    messages
}

#[test]
fn a_crash_takes_the_streams_in_the_backlog() {
    assert_eq!(delayed_fins(false), 2, "left to themselves they say goodbye");
    assert_eq!(delayed_fins(true), 0);
}

#[test]
fn a_crash_while_standing_still_repeats() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
    let changes = [
        "fault.5={kind='slow',for='9s',every='1s',stall='900ms',nodes=['peer-3'],at='6s'}",
        "fault.6={kind='crash',death='reset',nodes=['peer-3'],at='10500ms'}",
    ];
    let scenario = load(&path, &changes.map(str::to_owned)).expect("the small scenario");
    let first = super::run(&scenario, 1).digest();
    // Shifts what counts tasks of the whole process.
    let other = super::run(&scenario, 2).digest();
    assert_eq!(first, super::run(&scenario, 1).digest());
    assert_ne!(first, other);
}

/// When "dialing" was connected after it dialed at one second, for each of these runs.
fn times_to_connect(runs: std::ops::Range<u64>) -> Vec<Duration> {
    let time = |seed| {
        let shared = SharedState::new(&small(), run_seed(seed), recorder());
        let (shared, log) = (Arc::new(shared), Log::default());
        let mut sim = two_hosts(&shared, &log);
        run_until(&mut sim, Duration::from_millis(1_500));
        let log = log.lock().expect("no panic");
        let connected = log.iter().find(|(what, _)| *what == "connected").expect("it dialed");
        connected.1.checked_sub(Duration::from_secs(1)).expect("dialed after a second")
    };
    runs.map(time).collect()
}

/// turmoil delays the dial by 10 ms and its answer not at all; the scenario's latency is 20 ms or more.
#[test]
fn a_dial_takes_there_and_back() {
    let times = times_to_connect(1..9);
    assert!(times.iter().all(|it| *it >= Duration::from_millis(30)), "{times:?}");
    assert!(times.iter().min() < times.iter().max(), "drawn: {times:?}");
}
