//! What is true of a seed node between two inputs.

use crate::seed_node::SeedNode;
use crate::util::invariant::{Broken, holds};

impl SeedNode {
    pub(crate) fn invariants(&self) -> Broken {
        let Self { cx, list, probes, quorum, .. } = self;
        cx.invariants()?;
        holds(cx.neighbors.is_empty(), "a seed node has neighbors")?;
        if cx.leaving {
            return Ok(());
        }
        list.invariants(cx)?;
        probes.invariants(cx)?;
        quorum.invariants(cx)
    }
}
