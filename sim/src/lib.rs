//! The Tidings simulator: the node's own code under simulated time and faults, over many rng
//! seeds, checked, measured and drawn.
//!
//! ```text
//! scenario file ──▶ Scenario ──▶ per seed: FaultSchedule, workload
//!                                     │
//!                     turmoil_world or event_world ──▶ Recorder ──▶ History
//!                                                                      │
//!                report ◀── sweep, compare, hunt ◀── checks ◀── Measures
//! ```
//!
//! [`turmoil_world`] runs the node's own driver over simulated TCP, for up to 64 hosts;
//! [`event_world`] runs the protocol alone as discrete events, for up to 16,000,000. Both tell a
//! [`Recorder`](recorder::Recorder) what nodes say. The [`History`](history::History) that it makes
//! is all that checks, measurements and reports read, so another engine only has to tell one.
//!
//! [`sweep`] runs one scenario with many seeds, [`compare`] judges whether two engines come to the
//! same, [`hunt`] looks for a run in which a check fails and makes it small.

pub mod check;
mod chunked_vec;
mod cli;
pub mod compare;
pub mod digest;
pub mod event_world;
pub mod fact;
pub mod fault;
mod hash;
pub mod history;
pub mod host;
pub mod hunt;
mod latency;
pub mod measure;
pub mod papers;
mod plural;
pub mod recorder;
pub mod report;
mod run;
pub mod scenario;
mod seed_names;
pub mod sweep;
pub mod traffic;
pub mod turmoil_world;
pub mod workload;

pub use cli::Cli;
pub use run::run;
