//! The loop that gives a node its time and its network: take what waits, feed, drain.
//!
//! It decides nothing. What a message means, when to dial, whom to drop: the node says so, and the
//! driver does it. It never waits for a link: what a link cannot take at once waits in that link's
//! bounded queues, and a full queue is told to the node.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidings_core::wire::Message;
use tidings_core::{
    BroadcastConfig, Command, Event, Input, LifeNews, LinkId, Node, Output, Rejection, Said, Spread,
};
use tokio::select;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::coop::consume_budget;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::clock::Clock;
use crate::deliveries::Reach;
use crate::feed::Feed;
use crate::handle::{NodeHandle, NodeReport, Observer, Request, Sent};
use crate::link::{self, LINGER, LinkContext, LinkEvent, LinkEventKind, Traffic};
use crate::net::{Listener, Net};
use crate::outgoing::{Outgoing, Overrun, Room};
use crate::own_trouble::is_of_kept;
use crate::publisher::{self, Item, MessageKey, Taking};
use crate::troubles::Troubles;
use crate::watch::Watch;

/// Connections that have not said their preamble (docs/threats.md: 256).
const MAX_HANDSHAKES: usize = 256;

/// Batches of messages and accepted connections that wait for the driver; senders wait then.
const MAX_WAITING: usize = 16;

/// Most messages of the program that are taken in one turn.
const MAX_BROADCASTS: usize = 64;

/// Pause after a failed accept, which is mostly for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Runs one node on one network.
#[expect(missing_debug_implementations, reason = "a network's listeners and streams have none")]
pub struct Driver<N: Net> {
    net: N,
    node: Node,
    clock: Clock,
    observer: Arc<dyn Observer>,
    feed: Arc<Feed>,
    links: BTreeMap<LinkId, Arc<Outgoing>>,
    /// What queues of links have become while outputs were performed, for the node to hear.
    pressed: Vec<Input>,
    /// Events of the input that is being handled, while its messages are queued.
    untold: Vec<Event>,
    accepted: u64,
    handshake_permits: Arc<Semaphore>,
    rejected_connections: u64,
    traffic: Arc<Traffic>,
    watch: Watch,
    /// Every task of this node. One that panics ends the node.
    tasks: JoinSet<()>,
    connections: mpsc::Receiver<(N::Stream, SocketAddr)>,
    events: (mpsc::Sender<LinkEvent>, mpsc::Receiver<LinkEvent>),
    requests: mpsc::Receiver<Request>,
    /// Taken while the node has room for more.
    broadcasts: Taking,
    /// While the node has been told that a reader is behind: when to look whether it still is.
    reader_look: Option<Instant>,
    /// Why the last command was not carried out.
    rejection: Option<Rejection>,
    has_left: bool,
    /// Where another process runs as this node.
    in_use_at: Option<SocketAddr>,
}

/// Why there is no last report of a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DriverError {
    /// A task of the node panicked with this message. Always our bug. The node has ended as by a crash.
    #[error("a task of the node panicked: {0}")]
    Panicked(String),
    /// Another process runs as this node, at this address: its data folder was copied. The operator's fault.
    #[error("identity in use at {0}")]
    IdentityInUse(SocketAddr),
    /// The node has ended before, and its last report was given out then. The caller's fault.
    #[error("the node has ended before, and its last report was given out then")]
    AlreadyEnded,
}

impl<N: Net> Driver<N> {
    /// A driver for `node`, which is born now. Must be called within a tokio runtime.
    pub fn new(
        net: N,
        listeners: Vec<N::Listener>,
        node: Node,
        observer: Arc<dyn Observer>,
    ) -> (Self, NodeHandle) {
        let seed_nodes: Vec<SocketAddr> =
            node.snapshot().seed_nodes.iter().map(|seed_node| seed_node.addr).collect();
        let BroadcastConfig { store_bytes, store_age, .. } = node.config().broadcast;
        let reach = Reach::of_store(store_bytes, store_age);
        let feed = Arc::new(Feed::new(node.role(), &seed_nodes, reach));
        let clock = Clock::start(net.clocks());
        let (waiting, broadcasts) = publisher::channel(node.id(), node.epoch());
        let (handle, requests) = NodeHandle::new(&feed, waiting);
        let (accepted_tx, connections) = mpsc::channel(MAX_WAITING);
        let (traffic, watch) = (Arc::<Traffic>::default(), Watch::new(node.stats()));
        let mut tasks = JoinSet::new();
        for listener in listeners {
            let accepting = accept_all(listener, accepted_tx.clone(), Arc::clone(&traffic));
            tasks.spawn(net.task(accepting));
        }
        let max_handshakes = max_handshakes(net.connection_limit());
        let driver = Self {
            net,
            node,
            clock,
            observer,
            feed,
            links: BTreeMap::new(),
            pressed: Vec::new(),
            untold: Vec::new(),
            accepted: 0,
            handshake_permits: Arc::new(Semaphore::new(max_handshakes)),
            rejected_connections: 0,
            traffic,
            watch,
            tasks,
            connections,
            events: mpsc::channel(MAX_WAITING),
            requests,
            broadcasts,
            reader_look: None,
            rejection: None,
            has_left: false,
            in_use_at: None,
        };
        (driver, handle)
    }

    /// Where tasks beside the driver note what went wrong.
    pub(crate) fn troubles(&self) -> Arc<Troubles> {
        Arc::clone(&self.traffic.troubles)
    }

    /// The node has no table of members to tell of.
    pub(crate) fn without_members(&self) {
        self.feed.without_members();
    }

    /// Runs the node until it has left. Returns its last state.
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the node as a crash would.
    pub async fn run(mut self) -> Result<NodeReport, DriverError> {
        self.perform(tidings_core::Instant::BIRTH);
        while !self.has_left {
            self.warn();
            if !self.take_what_waits()? {
                self.wait().await?;
            }
            // Where there is always something to take, other tasks have their turn here.
            consume_budget().await;
        }
        self.finish().await
    }

    /// Takes one of each kind that waits, so that no kind keeps another one waiting: links that never
    /// run dry, a caller that asks all the time, or a crowd that connects. False when nothing waits.
    fn take_what_waits(&mut self) -> Result<bool, DriverError> {
        let ended = self.tasks.try_join_next();
        let request = self.requests.try_recv().ok();
        // What is to be said waits where neighbors are owed much.
        let broadcasts = self.take_broadcasts();
        let connection = self.connections.try_recv().ok();
        let event = self.events.1.try_recv().ok();
        let is_due = self.deadline().is_some_and(|deadline| deadline <= Instant::now());
        let wants_members = self.feed.wish().take();
        let is_lag_news = self.feed.lag().take();
        let is_any = ended.is_some()
            || wants_members
            || is_lag_news
            || request.is_some()
            || broadcasts > 0
            || connection.is_some()
            || event.is_some()
            || is_due;
        ended.transpose().map_err(panicked)?;
        if wants_members {
            self.feed.tell_all_members(&self.node.snapshot().members);
        }
        if is_lag_news {
            self.look_at_readers();
        }
        if let Some(request) = request {
            self.on_request(request);
        }
        if let Some((stream, addr)) = connection {
            self.accept(stream, addr);
        }
        if let Some(event) = event {
            self.on_link_event(event);
        }
        if is_due {
            self.on_deadline();
        }
        Ok(is_any)
    }

    /// Waits for something to happen, and takes it.
    async fn wait(&mut self) -> Result<(), DriverError> {
        let deadline = self.deadline();
        // A simulated network has no operator to warn, and its order of inputs is to stay as it is.
        let is_real = self.net.connection_limit().is_some();
        let watch =
            self.watch.next_due(self.node.stats(), &self.traffic.troubles).filter(|_| is_real);
        select! {
            biased;
            Some(ended) = self.tasks.join_next() => ended.map_err(panicked)?,
            // What is wished for is given in the next turn.
            () = self.feed.wish().raised() => {}
            () = self.feed.lag().raised() => {}
            Some(request) = self.requests.recv() => self.on_request(request),
            Some(item) = self.broadcasts.take(), if self.node.takes_broadcasts() => {
                self.on_broadcast(item);
            }
            Some((stream, addr)) = self.connections.recv() => self.accept(stream, addr),
            Some(event) = self.events.1.recv() => self.on_link_event(event),
            () = wait_until(deadline) => self.on_deadline(),
            // The next turn begins with what is to be told; the node hears nothing of it.
            () = wait_until(watch) => {}
            () = self.traffic.troubles.news(), if is_real => {}
        }
        Ok(())
    }

    fn deadline(&self) -> Option<Instant> {
        let deadline =
            self.node.poll_timeout().map(|due| self.clock.when(due.at, self.net.clocks()));
        deadline.into_iter().chain(self.reader_look).min()
    }

    /// Tells what went wrong, each reason once a minute.
    fn warn(&mut self) {
        for warning in self.watch.look(Instant::now(), &self.node, &self.traffic.troubles) {
            self.observer.on_warning(self.clock.last(), &warning);
        }
    }

    fn on_deadline(&mut self) {
        self.handle(Input::Wake);
        // A reader that stands still is waited for until what waits for it is too old.
        if self.reader_look.is_some_and(|look| look <= Instant::now()) {
            self.look_at_readers();
        }
    }

    /// Tells the node whether a reader is behind, if that is news.
    fn look_at_readers(&mut self) {
        let now = Instant::now();
        let (was_behind, is_behind) = (self.reader_look.is_some(), self.feed.is_behind(now));
        self.reader_look = is_behind.then(|| now + Reach::LOOK_EVERY);
        if is_behind && !was_behind {
            let what = "no payloads are taken: a program that reads messages is behind";
            self.watch.note("reader_behind", format!("{what} (store_bytes, store_age)"));
        }
        if is_behind != was_behind {
            self.handle(Input::Reader { is_behind });
        }
    }

    fn on_request(&mut self, request: Request) {
        match request {
            Request::Command(command) => self.on_command(command),
            Request::Report(answer) => {
                // Whoever asked may have gone since.
                let _unwanted = answer.send(self.report());
            }
        }
    }

    /// Takes what is to be said, at most [`MAX_BROADCASTS`] messages. It waits where neighbors are owed much.
    /// Returns how many were taken.
    fn take_broadcasts(&mut self) -> usize {
        let mut taken = 0;
        while taken < MAX_BROADCASTS
            && self.node.takes_broadcasts()
            && let Ok(item) = self.broadcasts.try_take()
        {
            self.on_broadcast(item);
            taken += 1;
        }
        taken
    }

    fn on_broadcast(&mut self, item: Item) {
        // Whoever wants an answer may have gone since.
        match item {
            Item::Flush(answer) => {
                let _unwanted = answer.send(());
            }
            Item::Message { topic, payload, answer } => {
                self.rejection = None;
                self.handle(Input::Command(Command::Broadcast { topic, payload }));
                if let Some(answer) = answer {
                    let _unwanted = answer.send(self.verdict());
                }
            }
        }
    }

    /// What became of the last command to broadcast.
    fn verdict(&mut self) -> Result<Sent, Rejection> {
        if let Some(rejection) = self.rejection.take() {
            return Err(rejection);
        }
        let (origin, life) = (self.node.id(), self.node.epoch());
        let Said { sequence, id, spread } = self.node.last_said();
        let key = MessageKey { origin, life, sequence };
        let Spread { pushed: neighbors, owed, named, gathered } = spread;
        Ok(Sent { key, id, neighbors, owed, named, gathered })
    }

    fn on_command(&mut self, command: Command) {
        let are_seed_nodes = matches!(command, Command::SeedNodes(_));
        if command == Command::Leave {
            // What was said before goes before, however much neighbors are owed.
            for _ in 0..self.broadcasts.len() {
                let Ok(item) = self.broadcasts.try_take() else { break };
                self.on_broadcast(item);
            }
            // Who hears that this node leaves closes the link, so that must not overtake what it said.
            self.links.values().for_each(|outgoing| outgoing.keep_order());
        }
        self.handle(Input::Command(command));
        if are_seed_nodes {
            let known = self.node.snapshot().seed_nodes;
            let known: Vec<SocketAddr> = known.iter().map(|seed_node| seed_node.addr).collect();
            self.feed.set_seed_nodes(&known);
        }
    }

    fn on_link_event(&mut self, LinkEvent { link, news }: LinkEvent) {
        match news {
            LinkEventKind::Up(addr) => self.handle(Input::LinkUp { link, addr }),
            LinkEventKind::Failed(failure) => {
                self.links.remove(&link);
                self.handle(Input::DialFailed { link, failure });
            }
            LinkEventKind::Received(messages) => {
                for message in messages {
                    self.handle(Input::Received { link, message });
                }
            }
            LinkEventKind::Ready => self.handle(Input::LinkReady { link }),
            LinkEventKind::Idle => self.handle(Input::LinkIdle { link }),
            LinkEventKind::Garbled(error) => self.handle(Input::Garbled { link, error }),
            LinkEventKind::Down(loss) => {
                self.links.remove(&link);
                self.watch.on_loss(loss);
                self.handle(Input::LinkDown { link, loss });
            }
        }
    }

    /// One input, then everything it led to, and then what queues became by that.
    fn handle(&mut self, input: Input) {
        self.tell(input);
        while let Some(pressed) = self.pressed.pop() {
            self.tell(pressed);
        }
    }

    /// Tells the node how late it is, and first of all if the machine has slept: what comes next may have
    /// waited for so long.
    fn tell(&mut self, input: Input) {
        let (now, slept) = self.clock.read(self.net.clocks());
        for input in slept.map(|time| Input::Slept { time }).into_iter().chain([input]) {
            self.node.handle(now, input);
            self.perform(now);
        }
    }

    /// Does what the node says, in its order; but observers hear of events when all messages are queued, so
    /// that other threads can send these meanwhile.
    fn perform(&mut self, now: tidings_core::Instant) {
        while let Some(output) = self.node.poll_output() {
            match output {
                Output::Dial { link, addresses } => self.dial(link, addresses),
                Output::Send { link, message } => self.send(link, &message),
                Output::AwaitReady { link } => {
                    let is_ready = self.links.get(&link).is_some_and(|it| !it.await_ready());
                    if is_ready {
                        self.pressed.push(Input::LinkReady { link });
                    }
                }
                Output::AwaitIdle { link } => {
                    let is_idle = self.links.get(&link).is_some_and(|it| !it.await_idle());
                    if is_idle {
                        self.pressed.push(Input::LinkIdle { link });
                    }
                }
                Output::Close { link } => {
                    if let Some(outgoing) = self.links.remove(&link) {
                        outgoing.close();
                    }
                }
                Output::Reset { link } => {
                    if let Some(outgoing) = self.links.remove(&link) {
                        outgoing.reset();
                    }
                }
                Output::Event(event) => {
                    self.note(&event);
                    self.untold.push(event);
                }
            }
        }
        for event in self.untold.drain(..) {
            self.observer.on_event(now, &event);
            self.feed.on_event(&event);
        }
    }

    /// What the driver itself makes of an event.
    fn note(&mut self, event: &Event) {
        if let Event::Rejected(rejection) = event {
            self.rejection = Some(*rejection);
        }
        self.has_left |= *event == Event::Left;
        if let Event::OtherLife { known, news } = event {
            match news {
                LifeNews::Begun(epoch) => self.broadcasts.begin_life(*epoch),
                LifeNews::InUse => self.in_use_at = Some(known.primary()),
                LifeNews::Shown(_) | LifeNews::Kept => {}
            }
        }
        self.watch.on_event(event);
    }

    fn send(&mut self, link: LinkId, message: &Message) {
        let Some(outgoing) = self.links.get(&link) else { return };
        match outgoing.push(message) {
            Ok(Room::Usual) => {}
            Ok(Room::Congested) => self.pressed.push(Input::LinkCongested { link }),
            Err(Overrun) => {
                let overrun = Input::Overrun { link };
                if !self.pressed.contains(&overrun) {
                    self.pressed.push(overrun);
                }
            }
        }
    }

    fn dial(&mut self, link: LinkId, addresses: Arc<[SocketAddr]>) {
        let cx = self.add_link(link);
        let task = link::dial(self.net.clone(), addresses, cx);
        self.tasks.spawn(self.net.task(task));
    }

    fn accept(&mut self, stream: N::Stream, addr: SocketAddr) {
        let Ok(place) = Arc::clone(&self.handshake_permits).try_acquire_owned() else {
            self.rejected_connections += 1;
            let text = "connections were closed: as many have not said who they are".to_owned();
            self.watch.note("rejected_connections", text);
            return;
        };
        let link = LinkId::accepted(self.accepted);
        self.accepted += 1;
        let cx = self.add_link(link);
        self.tasks.spawn(self.net.task(link::accept(stream, addr, place, cx)));
    }

    fn add_link(&mut self, link: LinkId) -> LinkContext {
        let outgoing = Arc::<Outgoing>::default();
        self.links.insert(link, Arc::clone(&outgoing));
        let (events, traffic) = (self.events.0.clone(), Arc::clone(&self.traffic));
        let stall_timeout = self.node.config().links.stall_timeout;
        LinkContext { link, outgoing, events, traffic, stall_timeout }
    }

    fn report(&self) -> NodeReport {
        let (bytes_sent, bytes_received) = self.traffic.totals();
        let rejected_connections = self.rejected_connections;
        let (node, warnings) = (self.node.snapshot(), self.watch.totals());
        NodeReport { node, bytes_sent, bytes_received, rejected_connections, warnings }
    }

    /// Closes the doors and lets the links get their last words out.
    async fn finish(mut self) -> Result<NodeReport, DriverError> {
        self.feed.close();
        self.connections.close();
        self.events.1.close();
        for outgoing in self.links.values() {
            outgoing.close();
        }
        let last_words = async {
            while let Some(ended) = self.tasks.join_next().await {
                ended.map_err(panicked)?;
            }
            Ok(())
        };
        let ended = timeout(LINGER, last_words).await;
        if ended.is_err() {
            let text = "the node ended before all of its links had what was said last".to_owned();
            self.watch.note("last_words_lost", text);
        }
        for warning in self.watch.last_look(&self.node, &self.traffic.troubles) {
            self.observer.on_warning(self.clock.last(), &warning);
        }
        match ended {
            Ok(Err(panicked)) => Err(panicked),
            Ok(Ok(())) | Err(_) => match self.in_use_at {
                Some(addr) => Err(DriverError::IdentityInUse(addr)),
                None => Ok(self.report()),
            },
        }
    }
}

/// Strangers may take a quarter of the connections that there can be.
fn max_handshakes(connections: Option<u64>) -> usize {
    let quarter = connections.and_then(|connections| usize::try_from(connections / 4).ok());
    quarter.map_or(MAX_HANDSHAKES, |quarter| quarter.clamp(1, MAX_HANDSHAKES))
}

/// Passes connections on to the driver until it closes the door. An accept that fails is tried
/// again after a pause, so that a machine out of file handles does not spin.
async fn accept_all<L: Listener>(
    mut listener: L,
    accepted_tx: mpsc::Sender<(L::Stream, SocketAddr)>,
    traffic: Arc<Traffic>,
) {
    loop {
        let accepted = select! {
            biased;
            () = accepted_tx.closed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok(connection) => {
                let _closed = accepted_tx.send(connection).await;
            }
            // It was closed, so the next one may be taken.
            Err(error) if is_of_kept(&error) => traffic.troubles.kept_free(&error),
            Err(error) => {
                traffic.troubles.not_accepted(&error);
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

fn panicked(error: JoinError) -> DriverError {
    let message = match error.try_into_panic() {
        Ok(panic) => panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned()),
        Err(cancelled) => Some(cancelled.to_string()),
    };
    DriverError::Panicked(message.unwrap_or_else(|| "no message".to_owned()))
}
