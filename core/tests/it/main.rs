//! Tests of the protocol through its public contract: several nodes on a network in memory, bytes of
//! every message, arbitrary inputs.

mod arbitrary;
mod golden;
mod hyparview;
#[expect(dead_code, reason = "unit tests use all the rest of it")]
#[path = "../../src/testing/in_memory.rs"]
mod in_memory;
mod network;
mod no_std;
mod own_trouble;
mod plumtree;
mod power_law;
mod properties;
mod quorum;
mod samples;
mod settings;
mod show;
mod swim;
mod transcripts;
