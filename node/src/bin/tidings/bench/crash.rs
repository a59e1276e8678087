//! The workload `crash`: how long until the others know of a peer that was killed, and of one that stands
//! still. Each of the two has a runtime of its own, and the network is another one than that of the loads.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tidings_core::{Config, DetectorKind, NodeId};
use tidings_node::RunningNode;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, sleep};

use super::args::{BenchArgs, Reader};
use super::network::{Loss, Network};

/// The longest wait until the others know. With `classic`, one that stands still is found after 42 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// How often it is looked who knows. When they knew is noted where they say so.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long the others took; a time is missing where it was waited for in vain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[expect(clippy::struct_field_names, reason = "they end with their unit")]
pub(super) struct Known {
    /// Until the first neighbor dropped it.
    pub(super) first_neighbor_s: Option<f64>,
    /// Until all other peers held it dead. Peers without a table of members never do.
    pub(super) all_peers_s: Option<f64>,
    /// Until no seed node listed it.
    pub(super) all_seed_nodes_s: Option<f64>,
}

/// What came of both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Crashes {
    pub(super) killed: Known,
    pub(super) frozen: Known,
}

/// Starts a network, lets one peer go after the other, and waits until that is known.
pub(super) async fn measure(args: &BenchArgs, config: &Config) -> anyhow::Result<Crashes> {
    let network = Network::start(args.seed_nodes, args.peers - 2, config, Reader::Observer).await?;
    let (to_kill, to_freeze) = (network.peer_count(), network.peer_count() + 1);
    let killed = Apart::start(&network, to_kill).await?;
    let frozen = Apart::start(&network, to_freeze).await?;
    killed.peer.joined().await?;
    frozen.peer.joined().await?;
    network.join().await?;
    sleep(Duration::from_secs(args.settle)).await;

    let mut others: Vec<usize> = (0..network.peer_count()).collect();
    others.push(to_freeze);
    let watch = Watch::begin(&network, killed.id(), others, config).await?;
    killed.kill();
    let killed = watch.wait().await;

    let others = (0..network.peer_count()).collect();
    let watch = Watch::begin(&network, frozen.id(), others, config).await?;
    let _frozen = frozen.freeze();
    Ok(Crashes { killed, frozen: watch.wait().await })
}

/// A peer with a thread of its own.
struct Apart {
    peer: RunningNode,
    runtime: Background,
}

/// A runtime whose end is not awaited.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A peer whose thread waits until this is dropped.
struct Frozen {
    _apart: Apart,
    _released: mpsc::Sender<()>,
}

impl Apart {
    async fn start(network: &Network, place: usize) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let starting = runtime.spawn(network.peer(place).start());
        let runtime = Background(Some(runtime));
        let peer = starting.await?.context("starting a peer")?;
        Ok(Self { peer, runtime })
    }

    fn id(&self) -> NodeId {
        self.peer.id()
    }

    /// Ends it without a goodbye. Its sockets are closed, as those of a killed process are.
    fn kill(self) {
        drop(self);
    }

    /// Stops it where it stands. Its sockets stay open, as those of a stopped process do.
    fn freeze(self) -> Frozen {
        let (released, wait) = mpsc::channel::<()>();
        if let Some(runtime) = &self.runtime.0 {
            runtime.spawn(async move {
                let _released = wait.recv();
            });
        }
        Frozen { _apart: self, _released: released }
    }
}

/// Those who must come to know of one loss.
struct Watch<'a> {
    network: &'a Network,
    lost: NodeId,
    peers: Vec<usize>,
    seed_nodes: Vec<usize>,
    since: Instant,
}

impl<'a> Watch<'a> {
    async fn begin(
        network: &'a Network,
        lost: NodeId,
        others: Vec<usize>,
        config: &Config,
    ) -> anyhow::Result<Self> {
        let detector = &config.detector;
        let has_table = detector.kind == DetectorKind::Swim && detector.swim.members_max > 0;
        let peers = if has_table { others } else { Vec::new() };
        let seed_nodes = network.seed_nodes_with(lost).await?;
        network.losses().forget();
        Ok(Self { network, lost, peers, seed_nodes, since: Instant::now() })
    }

    async fn wait(self) -> Known {
        loop {
            let known = self.known();
            let is_known = known.first_neighbor_s.is_some()
                && known.all_seed_nodes_s.is_some()
                && (self.peers.is_empty() || known.all_peers_s.is_some());
            if is_known || self.since.elapsed() > PATIENCE {
                return known;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn known(&self) -> Known {
        let said = |loss| self.network.losses().said(self.lost, loss);
        let first = said(Loss::Neighbor).into_values().min();
        let seconds = |at: Instant| (at - self.since).as_secs_f64();
        Known {
            first_neighbor_s: first.map(seconds),
            all_peers_s: last_of(&self.peers, &said(Loss::Member)).map(seconds),
            all_seed_nodes_s: last_of(&self.seed_nodes, &said(Loss::Listed)).map(seconds),
        }
    }
}

/// When the last of these said so; nothing if one has not, or if there are none.
fn last_of(places: &[usize], said: &BTreeMap<usize, Instant>) -> Option<Instant> {
    places
        .iter()
        .map(|place| said.get(place).copied())
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .max()
}
