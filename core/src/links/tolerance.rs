//! Small faults. An honest node makes one now and then: a pong comes after nobody waits for it any more. Who makes
//! them all the time costs the other side work, and is given up.

use core::time::Duration;

use crate::context::Context;
use crate::event::Misbehavior;
use crate::fact::Fact;
use crate::id::LinkId;
use crate::time::Instant;

/// Small faults of one link that are tolerated within [`WITHIN`]. An honest node makes at most one for each ping
/// and each statement of its own. Choice.
const MAX_FAULTS: u32 = 100;
const WITHIN: Duration = Duration::from_secs(10);

/// Small faults of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Faults {
    since: Instant,
    count: u32,
}

impl Context {
    /// Counts and tells a small fault. With too many of them the link ends.
    pub(crate) fn tolerate(&mut self, link: LinkId, kind: Misbehavior) {
        if self.links.table.get(link).is_none() {
            return;
        }
        let now = self.now;
        let first = Faults { since: now, count: 0 };
        let faults = self.links.faults.entry(link).or_insert(first);
        if now.since(faults.since) >= WITHIN {
            *faults = first;
        }
        faults.count += 1;
        if faults.count > MAX_FAULTS {
            self.tell(Fact::RuleBroken(link, kind));
        } else {
            self.accuse(link, kind);
        }
    }
}
