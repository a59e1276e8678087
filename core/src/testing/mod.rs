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

/// A context of a peer that was just born.
pub(crate) fn context(config: Config) -> Context {
    let addr = SocketAddr::from(([10, 0, 0, 1], 7000));
    let record = AddressRecord::new(NodeId::new([1; 32]), BootEpoch(1), &[addr]);
    let birth = Birth {
        record: record.expect("a valid record"),
        rng_seed: RngSeed::new([1; 32]),
        unix: UnixTime::from_millis(1_700_000_000_000),
    };
    Context::new(Role::Peer, config.into(), birth)
}
