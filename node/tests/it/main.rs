//! Tests of the node over real sockets on loopback. They wait for what must come, not for a time. Those of
//! the program need its feature.

#[cfg(feature = "cli")]
mod addresses;
#[cfg(feature = "cli")]
mod bench;
mod busy;
#[cfg(feature = "cli")]
mod console;
#[cfg(feature = "cli")]
mod fleet;
mod flow;
#[cfg(feature = "cli")]
mod forward;
mod identity;
mod library;
#[cfg(feature = "cli")]
mod lives;
mod loaded_link;
#[cfg(feature = "cli")]
mod logs;
mod network;
#[cfg(feature = "cli")]
mod options;
#[cfg(feature = "cli")]
mod other_settings;
#[cfg(feature = "cli")]
mod outputs;
#[cfg(feature = "cli")]
mod own_trouble;
mod packaging;
#[cfg(feature = "cli")]
mod process;
#[cfg(feature = "cli")]
mod program;
#[cfg(feature = "cli")]
mod ready_files;
mod requirements;
#[cfg(feature = "cli")]
mod seeds;
#[cfg(feature = "cli")]
mod sizes;
#[cfg(feature = "cli")]
mod sleep;
mod strangers;
mod support;
