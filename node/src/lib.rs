//! The Tidings node: the protocol of `tidings-core`, driven over a network.
//!
//! A program that wants to be a node builds one with [`NodeBuilder`]:
//!
//! ```no_run
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use tidings_node::{HostPort, NodeBuilder, NodeEvent};
//!
//! let peer = NodeBuilder::peer()
//!     .seed("seeds.example.org:5000".parse::<HostPort>()?)
//!     .data_dir("/var/lib/my-program")
//!     .start()
//!     .await?;
//! let mut events = peer.events();
//! peer.send("I am here").await?;
//! while let Some(event) = events.next().await {
//!     if let NodeEvent::Delivered(message) = event {
//!         println!("{}: {:?}", message.origin, message.payload);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Below that, [`Driver`] is the one loop of a node. It is generic over [`Net`], which is TCP of the
//! operating system ([`TokioNet`]) or a simulated network, and over nothing else.
//!
//! # Errors
//!
//! Each kind of error says who is at fault: [`StartError`] mostly the operator, [`SendError`] and
//! [`RequestError`] the caller, [`DriverError`] this library. Remote nodes and the network cause
//! events and counters, never errors.
//!
//! # What may change
//!
//! Enums and structs that are `non_exhaustive` will grow. [`Driver`], [`Net`] and [`Observer`] with
//! `tidings-core`'s types behind them follow the protocol and may change with every release before
//! 1.0; [`NodeBuilder`], [`RunningNode`] and [`NodeEvent`] are meant to stay.

mod addresses;
mod builder;
pub mod chatter;
mod clock;
mod driver;
mod events;
mod handle;
mod host_port;
mod identity;
mod link;
mod net;
mod outgoing;
mod running;
pub mod seed_file;
mod seed_lookup;
pub mod settings;

pub use builder::{BoundNode, NodeBuilder, StartError, node_name};
pub use clock::unix_now;
pub use driver::{Driver, DriverError};
pub use events::{Delivery, Events, NodeEvent};
pub use handle::{BroadcastError, NodeHandle, NodeReport, Observer, RequestError, Sent};
pub use host_port::{HostPort, HostPortError};
pub use identity::{Identity, IdentityError, IdentityErrorKind};
pub use net::{Listener, Net, TokioNet};
pub use running::{RunningNode, SendError};
pub use seed_lookup::SeedLookupError;
