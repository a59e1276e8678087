//! Nodes in this process, and raw connections that say what no honest node would.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use tidings_core::wire::{
    self, BroadcastMessage, Gossip, Hello, LinkMessage, Message, NetworkName, PREAMBLE_LEN,
    Preamble, Purpose, Route,
};
use tidings_core::{
    AddressRecord, Birth, BootEpoch, Config, Envelope, Event, Hop, Instant, Node, NodeId, Payload,
    RngSeed, Role, Sequence, Topic, UnixTime,
};
use tidings_node::{Driver, DriverError, Net, NodeHandle, NodeReport, Observer, TokioNet};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A port that nobody listens on, for a moment.
#[cfg(feature = "cli")]
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The documented network, quicker.
pub(crate) fn quick() -> Config {
    let millis = Duration::from_millis;
    let mut config = Config::classic();
    config.links.hello_timeout = millis(400);
    config.links.accept_timeout = millis(400);
    config.detector.liveness_every = millis(300);
    config.detector.answer_timeout = millis(200);
    config.detector.redial_after = millis(50);
    config.registration.lease = Duration::from_secs(1);
    config.registration.retry_min = millis(50);
    config.registration.retry_max = millis(500);
    config.overlay.refresh = Duration::from_secs(1);
    config.overlay.isolated_retry = millis(100);
    config.overlay.cooldown = millis(200);
    config.broadcast.digest_every = millis(200);
    config
}

/// Everything that one node said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Events(Arc<Mutex<Vec<Event>>>);

impl Observer for Events {
    fn on_event(&self, _at: Instant, event: &Event) {
        self.0.lock().unwrap().push(event.clone());
    }
}

impl Events {
    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.0.lock().unwrap().iter().filter(|event| wanted(event)).count()
    }

    /// Waits until such an event has happened.
    pub(crate) async fn wait_for(&self, what: &str, wanted: impl Fn(&Event) -> bool) {
        wait_until(what, || self.count(&wanted) > 0).await;
    }
}

/// Waits until something is so.
pub(crate) async fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// TCP whose tasks can be stopped, as SIGSTOP stops a process: the kernel still accepts.
#[derive(Clone, Debug, Default)]
pub(crate) struct FreezableNet {
    frozen: Arc<AtomicBool>,
}

impl Net for FreezableNet {
    type Listener = TcpListener;
    type Stream = TcpStream;

    async fn listen(&self, addr: SocketAddr) -> io::Result<TcpListener> {
        TokioNet.listen(addr).await
    }

    async fn connect(&self, addr: SocketAddr) -> io::Result<TcpStream> {
        TokioNet.connect(addr).await
    }

    fn task<F>(&self, task: F) -> impl Future<Output = F::Output> + Send + 'static
    where
        F: Future + Send + 'static,
    {
        Freezable { frozen: Arc::clone(&self.frozen), task: Box::pin(task) }
    }
}

struct Freezable<F> {
    frozen: Arc<AtomicBool>,
    task: Pin<Box<F>>,
}

impl<F: Future> Future for Freezable<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        if self.frozen.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        self.task.as_mut().poll(cx)
    }
}

/// A running node.
pub(crate) struct TestNode {
    pub(crate) id: NodeId,
    pub(crate) addr: SocketAddr,
    pub(crate) handle: NodeHandle,
    pub(crate) events: Events,
    net: FreezableNet,
    running: JoinSet<Result<NodeReport, DriverError>>,
}

/// Listens, if need be a little later: between two lives of a node its port may be that of another
/// test's outgoing connection for a moment.
async fn listen(net: &FreezableNet, addr: SocketAddr) -> <FreezableNet as Net>::Listener {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match net.listen(addr).await {
            Err(_) if tokio::time::Instant::now() < deadline => {
                sleep(Duration::from_millis(50)).await;
            }
            listener => return listener.unwrap(),
        }
    }
}

impl TestNode {
    pub(crate) async fn seed_node(n: u8, config: Config) -> Self {
        Self::start(n, 0, 1, |birth| Node::seed_node(config, birth, &[]).unwrap()).await
    }

    pub(crate) async fn peer(n: u8, seed_nodes: &[SocketAddr], config: Config) -> Self {
        Self::start(n, 0, 1, |birth| Node::peer(config, birth, seed_nodes).unwrap()).await
    }

    /// Starts the `n`-th node in its `life`-th life.
    pub(crate) async fn start(
        n: u8,
        port: u16,
        life: u64,
        make: impl FnOnce(Birth) -> Node,
    ) -> Self {
        let net = FreezableNet::default();
        let listener = listen(&net, SocketAddr::from(([127, 0, 0, 1], port))).await;
        let addr = listener.local_addr().unwrap();
        let record = AddressRecord::new(NodeId::new([n; 32]), BootEpoch(life), &[addr]).unwrap();
        let birth = Birth {
            record,
            rng_seed: RngSeed::new([n; 32]),
            unix: UnixTime::from_millis(1_700_000_000_000),
        };
        let events = Events::default();
        let observer = Arc::new(events.clone());
        let (driver, handle) = Driver::new(net.clone(), vec![listener], make(birth), observer);
        let mut running = JoinSet::new();
        running.spawn(net.task(driver.run()));
        Self { id: NodeId::new([n; 32]), addr, handle, events, net, running }
    }

    pub(crate) async fn say(&self, text: &str) {
        let payload = Payload::new(text.as_bytes().to_vec()).unwrap();
        self.handle.broadcast(Topic::default(), payload).await.unwrap();
    }

    pub(crate) async fn report(&self) -> NodeReport {
        self.handle.report().await.unwrap()
    }

    /// Texts delivered so far, each as often as it was delivered.
    pub(crate) fn delivered(&self) -> Vec<String> {
        let events = self.events.0.lock().unwrap();
        let text = |event: &Event| {
            let Event::Delivered { envelope, .. } = event else { return None };
            Some(String::from_utf8_lossy(envelope.payload().as_bytes()).into_owned())
        };
        events.iter().filter_map(text).collect()
    }

    /// Ends it without a goodbye.
    pub(crate) async fn kill(mut self) {
        self.running.shutdown().await;
    }

    /// Stops it where it stands.
    pub(crate) fn freeze(&self) {
        self.net.frozen.store(true, Ordering::Relaxed);
    }

    /// Tells it to leave and waits for its end.
    pub(crate) async fn leave(mut self) -> NodeReport {
        self.handle.leave().await.unwrap();
        let ended = timeout(PATIENCE, self.running.join_next()).await.expect("it leaves");
        ended.unwrap().unwrap().unwrap()
    }
}

/// A connection by hand.
pub(crate) struct Raw {
    pub(crate) stream: TcpStream,
    received: BytesMut,
}

impl Raw {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(addr).await.unwrap(), received: BytesMut::new() }
    }

    /// The same with little room in the kernel for what is not read.
    pub(crate) async fn connect_with_little_room(addr: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        Self { stream: socket.connect(addr).await.unwrap(), received: BytesMut::new() }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    /// Says preamble and hello as the `n`-th node, which listens on `addr`.
    pub(crate) async fn hello(&mut self, n: u8, addr: SocketAddr, purpose: Purpose) {
        let bytes = [&Preamble::OPENING.encode()[..], &frame(&hello(n, addr, purpose))].concat();
        self.write(&bytes).await;
    }

    /// The preamble that the other side sends first.
    pub(crate) async fn preamble(&mut self) -> [u8; PREAMBLE_LEN] {
        let mut bytes = [0; PREAMBLE_LEN];
        timeout(PATIENCE, self.stream.read_exact(&mut bytes)).await.unwrap().unwrap();
        bytes
    }

    /// The next message; `None` when the other side has closed.
    pub(crate) async fn message(&mut self) -> Option<Message> {
        loop {
            if let Some((message, len)) = wire::decode_frame(&self.received).unwrap() {
                let _taken = self.received.split_to(len);
                return Some(message);
            }
            let reading = self.stream.read_buf(&mut self.received);
            match timeout(PATIENCE, reading).await.expect("an answer or an end") {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// Reads until a message is like this.
    pub(crate) async fn wait_for(&mut self, wanted: impl Fn(&Message) -> bool) -> Message {
        loop {
            let message = self.message().await.expect("the link stays until then");
            if wanted(&message) {
                return message;
            }
        }
    }

    /// Reads whatever comes, until the other side has closed.
    pub(crate) async fn read_to_end(&mut self) -> bool {
        let mut rest = Vec::new();
        // A reset is an end too.
        timeout(PATIENCE, self.stream.read_to_end(&mut rest)).await.is_ok()
    }

    /// Answers pings and nothing else, until the other side has closed.
    pub(crate) async fn answer_pings(mut self) {
        while let Some(message) = self.message().await {
            if let Message::Link(LinkMessage::Ping(ping)) = message {
                self.write(&frame(&Message::Link(LinkMessage::Pong(ping)))).await;
            }
        }
    }

    /// Reads until the other side has closed; returns how it took leave.
    pub(crate) async fn last_message(&mut self) -> Option<Message> {
        let mut last = None;
        while let Some(message) = self.message().await {
            last = Some(message);
        }
        last
    }
}

pub(crate) fn frame(message: &Message) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    wire::encode(message, &mut bytes);
    bytes.to_vec()
}

pub(crate) fn hello(n: u8, addr: SocketAddr, purpose: Purpose) -> Message {
    let from = AddressRecord::new(NodeId::new([n; 32]), BootEpoch(1), &[addr]).unwrap();
    let network = NetworkName::default();
    Message::Link(LinkMessage::Hello(Box::new(Hello {
        network,
        to: None,
        from,
        role: Role::Peer,
        parts: None,
        purpose,
    })))
}

/// The `sequence`-th message of the `n`-th node.
pub(crate) fn gossip(n: u8, sequence: u64, text: &str) -> Message {
    gossip_on(Topic::default(), n, sequence, text)
}

/// The same under `topic`.
pub(crate) fn gossip_on(topic: Topic, n: u8, sequence: u64, text: &str) -> Message {
    let envelope = Envelope::new(
        (NodeId::new([n; 32]), BootEpoch(1)),
        Sequence(sequence),
        UnixTime::from_millis(0),
        topic,
        Payload::new(text.as_bytes().to_vec()).unwrap(),
    );
    let (hop, route, age) = (Hop(1), Route::default(), wire::Age::default());
    Message::Broadcast(BroadcastMessage::Gossip(Gossip {
        hop,
        route,
        age,
        envelope: Arc::new(envelope),
    }))
}

/// A folder of its own for the test called `name`, empty.
pub(crate) fn empty_folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
