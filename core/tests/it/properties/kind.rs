//! What nodes are put to the test: roles, parts and small bounds.

use std::net::SocketAddr;

use proptest::prelude::*;
use tidings_core::{
    Birth, BroadcastKind, Config, DecisionMode, DetectorKind, Node, OverlayKind, RngSeed, Role,
    UnixTime,
};

use crate::samples;

/// The seed nodes a peer under test is born with.
pub(super) const SEED_NODES: [u8; 2] = [200, 201];

/// Whose messages are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    Classic,
    /// Those of all parts.
    Modern,
}

impl Profile {
    /// What both profiles say, and for each of it about one third of what only the modern one does.
    pub(super) fn pick<T: std::fmt::Debug + 'static>(
        self,
        both: impl Strategy<Value = T> + 'static,
        modern: impl Strategy<Value = T> + 'static,
    ) -> BoxedStrategy<T> {
        match self {
            Self::Classic => both.boxed(),
            Self::Modern => prop_oneof![3 => both, 1 => modern].boxed(),
        }
    }
}

/// What a node under test is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) role: Role,
    pub(super) overlay: OverlayKind,
    pub(super) broadcast: BroadcastKind,
    pub(super) detector: DetectorKind,
    /// The detector `swim` keeps a table of members.
    pub(super) has_tables: bool,
    pub(super) agreement: DecisionMode,
}

/// The documented network's.
pub(super) const fn classic(role: Role) -> Kind {
    Kind {
        role,
        overlay: OverlayKind::Random,
        broadcast: BroadcastKind::Flood,
        detector: DetectorKind::Strikes,
        has_tables: true,
        agreement: DecisionMode::Local,
    }
}

pub(super) fn kind(role: Role) -> impl Strategy<Value = Kind> {
    let overlay = prop::sample::select(vec![
        OverlayKind::Random,
        OverlayKind::PowerLaw,
        OverlayKind::HyParView,
        OverlayKind::HyParView,
    ]);
    let broadcast = prop::sample::select(vec![BroadcastKind::Flood, BroadcastKind::Plumtree]);
    let detector = prop::sample::select(vec![
        DetectorKind::Strikes,
        DetectorKind::Connect,
        DetectorKind::Swim,
        DetectorKind::Swim,
    ]);
    let agreement = prop::sample::select(vec![DecisionMode::Local, DecisionMode::Quorum]);
    (overlay, broadcast, detector, any::<bool>(), agreement).prop_map(
        move |(overlay, broadcast, detector, has_tables, agreement)| Kind {
            role,
            overlay,
            broadcast,
            detector,
            has_tables,
            agreement,
        },
    )
}

/// Tight bounds, so that arbitrary inputs hit them.
pub(super) fn config(kind: Kind) -> Config {
    let mut config = Config::classic();
    config.overlay.kind = kind.overlay;
    config.broadcast.kind = kind.broadcast;
    config.detector.kind = kind.detector;
    config.detector.swim.members_max = if kind.has_tables { 4 } else { 0 };
    config.overlay.hyparview.active = 4;
    config.overlay.hyparview.near_links = 1;
    config.overlay.hyparview.passive = 3;
    config.broadcast.plumtree.trees = 1;
    config.links.max_pending = 3;
    config.overlay.max_peers = 2;
    config.overlay.max_links = 4;
    config.overlay.known_max = 3;
    config.registration.registry_max = 2;
    config.registration.probes_max = 1;
    config.registration.listing = kind.agreement;
    config.registration.removal = kind.agreement;
    config.registration.votes_max = 1;
    config.broadcast.store_count = 6;
    config
}

pub(super) fn node(kind: Kind) -> Node {
    let birth = Birth {
        record: samples::record(1),
        rng_seed: RngSeed::new([5; 32]),
        unix: UnixTime::from_millis(1_700_000_000_000),
    };
    match kind.role {
        Role::SeedNode => Node::seed_node(config(kind), birth, &SEED_NODES.map(addr)),
        Role::Peer => Node::peer(config(kind), birth, &SEED_NODES.map(addr)),
    }
    .expect("a valid config")
}

/// Where the node of this number listens.
pub(super) fn addr(n: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n], 5000))
}
