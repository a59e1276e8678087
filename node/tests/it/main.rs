//! Tests of the node over real sockets on loopback. They wait for what must come, not for a time.

mod identity;
mod network;
mod program;
mod strangers;
mod support;
