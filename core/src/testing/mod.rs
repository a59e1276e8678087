//! Shared by unit tests.

#[expect(dead_code, reason = "integration tests use all the rest of it")]
pub(crate) mod in_memory;

use core::net::SocketAddr;

use crate::address::AddressRecord;
use crate::config::Config;
use crate::context::Context;
use crate::id::{BootEpoch, NodeId, Role};
use crate::io::Birth;
use crate::rng::RngSeed;
use crate::time::UnixTime;

/// The first life of the node of this number.
pub(crate) fn record(n: u8) -> AddressRecord {
    record_of_life(n, 1)
}

/// A life of the node of this number.
pub(crate) fn record_of_life(n: u8, life: u64) -> AddressRecord {
    let addr = SocketAddr::from(([10, 0, 0, n], 7000));
    AddressRecord::new(NodeId::new([n; 32]), BootEpoch(life), &[addr]).expect("valid")
}

/// A context of a peer that was just born.
pub(crate) fn context(config: Config) -> Context {
    let birth = Birth {
        record: record(1),
        rng_seed: RngSeed::new([1; 32]),
        unix: UnixTime::from_millis(1_700_000_000_000),
    };
    Context::new(Role::Peer, config.into(), birth)
}
