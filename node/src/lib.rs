//! The Tidings node: the protocol of `tidings-core`, driven over a network.
//!
//! A program that wants to be a node builds one with [`NodeBuilder`]. The profile `modern` finds the dead
//! soon, and knows who belongs to the network; `classic`, the default, is the documented network. All nodes
//! of a network should have the same. No node of a library says anything by itself.
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use std::time::Duration;
//!
//! use tidings_node::{HostPort, MemberEvent, NodeBuilder, NodeEvent};
//! use tokio::time::timeout;
//!
//! let peer = NodeBuilder::peer()
//!     .modern()
//!     .seed("seeds.example.org:5000".parse::<HostPort>()?)
//!     .data_dir("/var/lib/my-program")
//!     .start()
//!     .await?;
//! let (mut events, mut members) = (peer.events(), peer.members()?);
//! timeout(Duration::from_secs(30), peer.joined()).await??;
//! peer.send_about("greeting", "I am here").await?;
//! loop {
//!     tokio::select! {
//!         biased;
//!         Some(event) = events.next() => match event {
//!             NodeEvent::Delivered(message) => println!("{}: {:?}", message.topic, message.payload),
//!             NodeEvent::NoSeedNode { reason, .. } => eprintln!("no seed node answers: {reason}"),
//!             NodeEvent::Lagged { missed } => eprintln!("{missed} events were missed"),
//!             _ => {}
//!         },
//!         Some(change) = members.next() => match change {
//!             MemberEvent::All { members, .. } => println!("{} members", members.len()),
//!             MemberEvent::Joined { member } => println!("{member} is here"),
//!             MemberEvent::Dead { member, .. } => println!("{member} is dead"),
//!             _ => {}
//!         },
//!         else => break,
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`settings::SETTINGS`] is the table of all settings; [`settings::set`] and [`NodeBuilder::set`] take them
//! by name, [`NodeBuilder::configure`] by field.
//!
//! Below that, [`Driver`] is the one loop of a node. It is generic over [`Net`], which is TCP of the
//! operating system ([`TokioNet`]) or a simulated network, and over nothing else.
//!
//! # Errors
//!
//! Each kind of error says who is at fault: [`StartError`] mostly the operator, [`SendError`] and
//! [`RequestError`] the caller, [`DriverError::Panicked`] this library. Remote nodes and the network cause
//! events and counters, never errors. An error that has a [source](std::error::Error::source) does not print
//! it: print the whole chain.
//!
//! # Features
//!
//! `cli`, on by default, is the program `tidings`; a library does without: `default-features = false`.
//! `toml` reads files of seed nodes in TOML. `serde` writes down and reads back reports and snapshots; ids
//! are hexadecimal there.
//!
//! # What may change
//!
//! Enums and structs that are `non_exhaustive` will grow. [`Event`], [`Input`] and [`Output`] grow too and are
//! not: whoever drives the protocol must meet every kind of them, and is told by the compiler. [`Driver`], [`Net`] and [`Observer`] with
//! `tidings-core`'s types behind them follow the protocol and may change with every release before
//! 1.0; [`NodeBuilder`], [`RunningNode`] and [`NodeEvent`] are meant to stay.

mod addresses;
mod announcement;
mod builder;
pub mod chatter;
mod clock;
mod deliveries;
mod driver;
#[cfg(test)]
mod errors;
mod events;
mod feed;
mod flag;
mod handle;
mod host_port;
mod identity;
mod link;
mod lives;
mod members;
mod net;
mod outgoing;
mod own_trouble;
mod publisher;
mod queue;
mod resolver;
mod running;
pub mod seed_file;
mod seed_lookup;
pub mod settings;
mod troubles;
mod watch;

pub use addresses::{PublicAddr, PublicAddrError};
pub use builder::{BoundNode, NodeBuilder, StartError, node_name};
pub use clock::{Clocks, unix_now};
pub use deliveries::{Deliveries, DeliveryEvent, Missed, Reach};
pub use driver::{Driver, DriverError};
pub use events::{Delivery, Events, NodeEvent};
pub use handle::{BroadcastError, NodeHandle, NodeReport, Observer, RequestError, SendError, Sent};
pub use host_port::{HostPort, HostPortError};
pub use identity::{Identity, IdentityError, IdentityErrorKind};
pub use members::{MemberEvent, Members, NoMembers};
pub use net::{Listener, Net, TokioNet};
pub use publisher::{MessageKey, Publisher};
pub use resolver::{Resolver, Resolving, SystemResolver};
pub use running::RunningNode;
pub use seed_lookup::{LookUpFailure, SeedLookupError};
pub use watch::Warning;

pub use bytes::Bytes;

// All that signatures speak of, so that a program that is a node names one crate.
#[doc(no_inline)]
pub use tidings_core::{
    AccusationSnapshot, AddressRecord, Birth, BootEpoch, BroadcastConfig, BroadcastKind, CONGESTED,
    Command, Config, ConfigError, DecisionMode, DetectorConfig, DetectorKind, DialFailure,
    Envelope, Event, GossipMessage, Hop, HyParViewConfig, IHaveDirection, Incarnation, Input,
    Instant, KnownSnapshot, LifeNews, Limits, LinkConfig, LinkId, LinkLoss, LinkOrigin,
    MAX_ADDRESSES, MAX_SEED_NODES, MemberSnapshot, MemberState, MessageId, Misbehavior, Monitor,
    NamedSeedNodes, NeighborLoss, NeighborSnapshot, Node, NodeId, NodeSnapshot, Output,
    OverlayConfig, OverlayKind, ParseIdError, Payload, PlumtreeConfig, ProbeReason, READY,
    RecordError, RegisteredSnapshot, RegistrationConfig, RegistrationLoss, Rejection, Removal,
    ReportOutcome, RngSeed, Role, Said, SeedNodeSnapshot, Sequence, Signature, Spread, Stats,
    StrikeKind, SuspicionSnapshot, SwimConfig, TooLong, Topic, UnixTime, VoteOutcome, wire,
};
