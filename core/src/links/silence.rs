//! How long a link may be silent before what comes on it is believed no more.
//!
//! A copy of a message tells how old it is, but not how long it lay in buffers: of a process that stood
//! still, of a machine that slept, of a network that held it up. Ids are remembered for twice the age at
//! which messages are refused. So a copy that waited for long may come when nobody here remembers that it
//! was delivered before, and looks young. Whatever slept, the link was silent meanwhile: one of longer
//! silence than half of `store_age` is given up, with all that its buffers hold, and dialed anew.

use core::time::Duration;

use crate::context::Context;
use crate::failure::LinkLoss;
use crate::id::LinkId;
use crate::io::Output;
use crate::links::{Ending, Failure, Outcome};

/// What this share of `store_age` passes in silence is too much. *Choice: what lies in the buffers of two
/// links, one after the other, is still remembered.*
const SHARE: u32 = 2;

impl Context {
    /// What comes on a link after a longer silence may have been delivered here and forgotten.
    pub(crate) fn longest_silence(&self) -> Duration {
        self.config.broadcast.store_age / SHARE
    }

    /// Whether nothing came from this neighbor for too long.
    pub(crate) fn was_silent(&self, link: LinkId) -> bool {
        let neighbor = self.neighbors.by_link(link);
        neighbor.is_some_and(|it| self.now.since(it.health.heard) > self.longest_silence())
    }

    /// Gives a link up with all that waits on it, in both directions.
    pub(crate) fn give_up_silent(&mut self, link: LinkId) -> Outcome {
        self.stats.limits.silent += 1;
        let (lost, failure) = (Ending::Lost(LinkLoss::Silent), Failure::Lost(LinkLoss::Silent));
        let outcome = self.on_end(link, lost, failure);
        self.output(Output::Reset { link });
        outcome
    }
}
