//! The Tidings node: the protocol of `tidings-core`, driven over a network.
//!
//! [`Driver`] is the one loop. It is generic over [`Net`], which is TCP of the operating system
//! ([`TokioNet`]) or a simulated network, and over nothing else.

mod addresses;
mod clock;
mod driver;
mod handle;
mod host_port;
mod identity;
mod link;
mod net;
mod outgoing;
pub mod seed_file;
pub mod settings;

pub use addresses::announced;
pub use clock::unix_now;
pub use driver::{Driver, DriverError};
pub use handle::{NodeHandle, NodeReport, Observer, RequestError};
pub use host_port::{HostPort, HostPortError};
pub use identity::{Identity, IdentityError, IdentityErrorKind};
pub use net::{Listener, Net, TokioNet};
