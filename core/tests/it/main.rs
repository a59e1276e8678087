//! Tests of the protocol through its public contract: several nodes on a toy network in virtual
//! time, bytes of every message, arbitrary inputs.

mod arbitrary;
mod golden;
mod hyparview;
mod network;
mod no_std;
mod plumtree;
mod power_law;
mod properties;
mod quorum;
mod samples;
mod settings;
mod show;
mod swim;
mod transcripts;
