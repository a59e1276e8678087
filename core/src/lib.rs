//! The Tidings gossip protocol as a state machine: no clock, no socket, no thread, no randomness of
//! the operating system. A [`Node`] of either role takes one input at a time and says what to do.
//!
//! # The contract
//!
//! 1. `now` never goes back.
//! 2. One [`handle`](Node::handle), then [`poll_output`](Node::poll_output) until `None`, then
//!    [`poll_timeout`](Node::poll_timeout).
//! 3. At the deadline or later, `handle(now, Input::Wake)`. Early wakes are harmless.
//! 4. Every `handle` first fires the timers due at `now`, in the order of (deadline, arming), then
//!    applies the input.
//! 5. The same [`Birth`], [`Config`] and sequence of (`now`, [`Input`]) give the same outputs.
//!
//! Points 1 and 2 are asserted. Point 5 is a test.
//!
//! ```
//! use core::time::Duration;
//! use tidings_core::{AddressRecord, Birth, BootEpoch, Config, Input, Instant, Node, NodeId};
//! use tidings_core::{Output, RngSeed, UnixTime};
//!
//! let here = "192.0.2.7:5000".parse()?;
//! let birth = Birth {
//!     record: AddressRecord::new(NodeId::new([7; 32]), BootEpoch(1), &[here])?,
//!     rng_seed: RngSeed::new([1; 32]),
//!     unix: UnixTime::from_millis(1_700_000_000_000),
//! };
//! let mut peer = Node::peer(Config::classic(), birth, &["192.0.2.1:5000".parse()?])?;
//!
//! // A new peer dials the seed node it was given.
//! let Some(Output::Dial { link, .. }) = peer.poll_output() else { panic!("no dial") };
//! peer.handle(Instant::from_micros(900), Input::LinkUp { link, addr: "192.0.2.1:5000".parse()? });
//! assert!(matches!(peer.poll_output(), Some(Output::Send { .. })), "its hello");
//! assert!(peer.poll_output().is_none());
//! assert!(peer.poll_timeout().is_some(), "the hello must be answered in time");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The map
//!
//! | module | question |
//! |---|---|
//! | `node`, `peer` | what is routed where |
//! | `seed_node` | whom does the registry list |
//! | `links` | who is at the other end |
//! | `registration` | on which lists am I |
//! | `overlay` | who are my neighbors |
//! | `broadcast` | how does a message spread |
//! | `detector` | who is alive |
//! | `messaging` | what do users say |
//! | [`wire`] | what are the bytes |
//! | [`trace`] | what does a reader see of it |
//!
//! `PROTOCOL.md` beside this crate tells every exchange, timer and constant.

#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
// `testing::in_memory` names this crate as integration tests do.
#[cfg(test)]
extern crate self as tidings_core;
#[cfg(test)]
extern crate std;

mod address;
mod broadcast;
mod config;
mod context;
mod detector;
mod event;
mod fact;
mod failure;
mod id;
#[cfg(any(test, feature = "invariants"))]
mod invariants;
mod io;
mod links;
mod messaging;
mod node;
mod overlay;
mod peer;
mod registration;
mod rng;
mod seed_node;
pub mod settings;
mod snapshot;
mod stats;
#[cfg(test)]
mod testing;
mod time;
mod timers;
pub mod trace;
mod util;
pub mod wire;

pub use address::{AddressRecord, MAX_ADDRESSES, RecordError, Signature};
pub use broadcast::timer::BroadcastTimer;
pub use config::{
    BroadcastConfig, BroadcastKind, Config, ConfigError, DecisionMode, DetectorConfig,
    DetectorKind, HyParViewConfig, IHaveDirection, LinkConfig, MAX_SEED_NODES, Monitor,
    OverlayConfig, OverlayKind, PlumtreeConfig, RegistrationConfig, SwimConfig,
};
pub use detector::strikes::timer::StrikesTimer;
pub use detector::swim::timer::SwimTimer;
pub use event::{
    ContactFailure, Event, LifeNews, MemberState, Misbehavior, NeighborLoss, ProbeReason,
    RegistrationLoss, Rejection, Removal, ReportOutcome, SkipReason, StrikeKind, VoteOutcome,
};
pub use failure::{DialFailure, LinkLoss};
pub use id::{
    BootEpoch, Hop, Incarnation, LinkId, LinkOrigin, MessageId, NodeId, ParseIdError, Role,
    Sequence,
};
#[cfg(feature = "many-nodes")]
pub use io::Room;
pub use io::{Birth, Command, Input, Output};
pub use links::flow::{CONGESTED, READY};
pub use links::timer::LinkTimer;
pub use messaging::{Envelope, GossipMessage, Payload, TooLong, Topic};
pub use node::Node;
pub use overlay::timer::OverlayTimer;
pub use peer::timer::PeerTimer;
pub use registration::named::NamedSeedNodes;
pub use registration::timer::RegistrationTimer;
pub use rng::RngSeed;
pub use seed_node::timer::SeedNodeTimer;
pub use snapshot::{
    AccusationSnapshot, KnownSnapshot, MemberSnapshot, NeighborSnapshot, NodeSnapshot,
    RegisteredSnapshot, Said, SeedNodeSnapshot, Spread, SuspicionSnapshot,
};
pub use stats::{Limits, Stats};
pub use time::{Instant, UnixTime};
pub use timers::{Deadline, Timer};
