//! Tests of the node over real sockets on loopback. They wait for what must come, not for a time.

mod busy;
mod console;
mod fleet;
mod identity;
mod library;
mod logs;
mod network;
mod options;
mod process;
mod program;
mod requirements;
mod seeds;
mod strangers;
mod support;
