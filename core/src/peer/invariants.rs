//! What is true of a peer between two inputs.

use crate::peer::Peer;
use crate::util::invariant::{Broken, holds};

impl Peer {
    pub(crate) fn invariants(&self) -> Broken {
        let Self { cx, bootstrap, overlay, broadcast, detector, isolation, left, lives: _ } = self;
        cx.invariants()?;
        broadcast.invariants(cx)?;
        if cx.leaving {
            // All links are closed at once, and no part waits for anything.
            return holds(!left || cx.neighbors.is_empty(), "it has left and has neighbors");
        }
        let is_sought = isolation.is_none() || cx.neighbors.is_empty();
        holds(is_sought, "it has neighbors and looks for the first")?;
        overlay.invariants(cx)?;
        bootstrap.invariants(cx)?;
        detector.invariants(cx)
    }
}
