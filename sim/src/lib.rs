//! The Tidings rehearsal stage: the node's own code under simulated time and faults, over many rng
//! seeds, checked, measured and drawn.
//!
//! ```text
//! scenario file ──▶ Scenario ──▶ per seed: FaultSchedule, workload
//!                                     │
//!                                turmoil_world ──▶ History ──▶ Measures ──▶ checks
//!                                                                  │           │
//!                                                                  └── sweep ──┴──▶ report
//! ```
//!
//! A [`History`](history::History) is all that checks, measurements and reports read, so another
//! engine can take turmoil's place by writing one.

pub mod check;
mod cli;
pub mod compare;
pub mod event_world;
pub mod fault;
pub mod history;
pub mod host;
pub mod hunt;
pub mod measure;
mod mix;
pub mod recorder;
pub mod report;
mod run;
pub mod scenario;
pub mod sweep;
pub mod turmoil_world;
pub mod workload;

pub use cli::Cli;
pub use run::run;
