//! The network that is measured: seed nodes and peers in this process, each as a library user would start it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use tidings_core::{Config, Event, Instant as NodeTime, MemberState, NeighborLoss, NodeId};
use tidings_node::{Deliveries, DeliveryEvent, NodeBuilder, Observer, Publisher, RunningNode};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::args::Reader;
use super::tally::{HEADER, Tally};
use super::workload::{Carrier, Load, State};

/// The longest wait until all have joined and a message reaches them all.
const JOINING: Duration = Duration::from_mins(2);

/// How long the first message may be on its way before another one is sent.
const MESSAGE_WAIT: Duration = Duration::from_secs(1);

/// Nodes that run in this process. They end as by a crash when it is dropped.
#[derive(Debug)]
pub(super) struct Network {
    config: Config,
    tally: Arc<Tally>,
    losses: Arc<LossLog>,
    seed_nodes: Vec<RunningNode>,
    peers: Vec<RunningNode>,
    publishers: Vec<Publisher>,
    /// How programs get what is delivered, and those that read streams.
    reader: Reader,
    reading: JoinSet<()>,
    /// The stream of the last peer, while its program does not read it.
    stopped: Mutex<Option<Deliveries>>,
    started: Instant,
}

impl Network {
    /// Starts so many nodes.
    pub(super) async fn start(
        seed_nodes: usize,
        peers: usize,
        config: &Config,
        reader: Reader,
    ) -> anyhow::Result<Self> {
        let mut network = Self {
            config: config.clone(),
            tally: Arc::new(Tally::new(peers)),
            losses: Arc::default(),
            seed_nodes: Vec::new(),
            peers: Vec::new(),
            publishers: Vec::new(),
            reader,
            reading: JoinSet::new(),
            stopped: Mutex::default(),
            started: Instant::now(),
        };
        for place in 0..seed_nodes {
            let builder = network.complete(NodeBuilder::seed_node(), place);
            network.seed_nodes.push(builder.start().await.context("starting a seed node")?);
        }
        for place in 0..peers {
            let peer = network.peer(place).start().await.context("starting a peer")?;
            if reader == Reader::Deliveries {
                network.reading.spawn(read(peer.deliveries(), place, Arc::clone(&network.tally)));
            }
            network.peers.push(peer);
        }
        network.publishers = network.peers.iter().map(RunningNode::publisher).collect();
        Ok(network)
    }

    /// A peer of this network, which others can start elsewhere.
    pub(super) fn peer(&self, place: usize) -> NodeBuilder {
        let seeds = self.seed_nodes.iter().map(RunningNode::addr);
        seeds.fold(self.complete(NodeBuilder::peer(), place), |builder, addr: SocketAddr| {
            builder.seed(addr)
        })
    }

    fn complete(&self, builder: NodeBuilder, place: usize) -> NodeBuilder {
        let (tally, losses) = (Arc::clone(&self.tally), Arc::clone(&self.losses));
        let watch = Arc::new(Watch { place, reader: self.reader, tally, losses });
        builder.config(self.config.clone()).listen(Ipv4Addr::LOCALHOST).observer(watch)
    }

    /// Waits until all have joined and a message reaches them all; returns how long that took from the start.
    pub(super) async fn join(&self) -> anyhow::Result<Duration> {
        let joining = async {
            for peer in &self.peers {
                peer.joined().await?;
            }
            loop {
                self.tally.begin();
                self.publish(0, self.tally.message(HEADER)).await?;
                if timeout(MESSAGE_WAIT, self.tally.reached(self.receivers())).await.is_ok() {
                    return anyhow::Ok(self.started.elapsed());
                }
            }
        };
        let joined = timeout(JOINING, joining).await;
        joined.map_err(|_late| {
            let seconds = JOINING.as_secs();
            anyhow!("no message reaches all {} peers after {seconds} s", self.peers.len())
        })?
    }

    pub(super) fn losses(&self) -> &LossLog {
        &self.losses
    }

    pub(super) fn peer_count(&self) -> usize {
        self.peers.len()
    }

    /// The seed nodes that list this peer.
    pub(super) async fn seed_nodes_with(&self, peer: NodeId) -> anyhow::Result<Vec<usize>> {
        let mut places = Vec::new();
        for (place, seed_node) in self.seed_nodes.iter().enumerate() {
            let list = seed_node.snapshot().await?.registered;
            if list.iter().any(|entry| entry.record.subject() == peer) {
                places.push(place);
            }
        }
        Ok(places)
    }
}

impl Carrier for Network {
    fn name(&self) -> &'static str {
        "nodes"
    }

    fn tally(&self) -> &Tally {
        &self.tally
    }

    fn receivers(&self) -> u64 {
        u64::try_from(self.peers.len()).unwrap_or(u64::MAX) - 1
    }

    async fn prepare(&self, load: Load) {
        let stands_still = matches!(load, Load::StoppedReader(_));
        let stream = self.peers.last().filter(|_| stands_still).map(RunningNode::deliveries);
        *self.stopped.lock().unwrap_or_else(PoisonError::into_inner) = stream;
    }

    async fn state(&self) -> anyhow::Result<State> {
        let mut state =
            State { nodes: self.seed_nodes.len() + self.peers.len(), ..State::default() };
        for peer in &self.peers {
            let report = peer.handle().report().await?;
            state.wire_bytes += report.bytes_sent;
            let round_trips = report.node.neighbors.iter().filter_map(|it| it.round_trip);
            state.round_trip = state.round_trip.max(round_trips.max());
        }
        Ok(state)
    }

    async fn publish(&self, from: usize, message: Vec<u8>) -> anyhow::Result<()> {
        let publisher = self.publishers.get(from).context("a network has peers")?;
        publisher.send(message).await?;
        Ok(())
    }
}

/// Counts what a program reads from the stream of a node.
async fn read(mut deliveries: Deliveries, place: usize, tally: Arc<Tally>) {
    while let Some(event) = deliveries.next().await {
        if let DeliveryEvent::Delivered(it) = event {
            tally.deliver(place, &it.payload);
        }
    }
}

/// What somebody said of a node that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Loss {
    /// A peer dropped its neighbor.
    Neighbor,
    /// A peer holds a member dead.
    Member,
    /// A seed node took a peer off its list.
    Listed,
}

/// Who said first when that a node is gone.
#[derive(Debug, Default)]
pub(super) struct LossLog(Mutex<BTreeMap<(NodeId, Loss), BTreeMap<usize, Instant>>>);

impl LossLog {
    fn note(&self, place: usize, of: NodeId, loss: Loss) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.entry((of, loss)).or_default().entry(place).or_insert_with(Instant::now);
    }

    /// Forgets what was said until now.
    pub(super) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// When each said so.
    pub(super) fn said(&self, of: NodeId, loss: Loss) -> BTreeMap<usize, Instant> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.get(&(of, loss)).cloned().unwrap_or_default()
    }
}

/// Counts what one node delivers, and notes whom it misses.
struct Watch {
    place: usize,
    reader: Reader,
    tally: Arc<Tally>,
    losses: Arc<LossLog>,
}

impl Observer for Watch {
    fn on_event(&self, _at: NodeTime, event: &Event) {
        if let Event::Delivered { envelope, .. } = event {
            self.tally.copy();
            if self.reader == Reader::Observer {
                self.tally.deliver(self.place, &envelope.payload());
            }
        } else if let Event::Duplicate { .. } = event {
            self.tally.copy();
        } else if let Event::NeighborDown { peer, reason } = event {
            if let NeighborLoss::LinkLost(_) = reason {
                self.tally.link_lost();
            }
            self.losses.note(self.place, peer.subject(), Loss::Neighbor);
        } else if let Event::Member { subject, state, .. } = event {
            if matches!(state, MemberState::Suspect | MemberState::Dead) {
                self.tally.suspicion();
            }
            if *state == MemberState::Dead {
                self.losses.note(self.place, subject.subject(), Loss::Member);
            }
        } else if let Event::PeerRemoved { peer, .. } = event {
            self.losses.note(self.place, peer.subject(), Loss::Listed);
        }
    }
}
