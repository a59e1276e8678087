//! What a peer does that meets a newer life of itself: the epoch file was lost while the clock was once ahead, or
//! the data folder was copied.
//!
//! ```text
//! peer, life 5                  seed node or peer that knows life 9
//!   Hello { from: life 5 } ──▶
//!                          ◀──  KnownLife { life 9, linked or not }
//!                          ◀──  Refuse { StaleEpoch }, or the link stays
//!   Hello { from: life 10 } ──▶                    not linked elsewhere: a life above it begins
//! ```
//!
//! Without this it would be linked and heard, and held dead or left by all that remember the newer life.

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::event::{Event, LifeNews};
use crate::failure::DialFailure;
use crate::id::{BootEpoch, LinkId};
use crate::io::{Input, Output};
use crate::peer::Peer;
use crate::wire::{Bye, KnownLife};

/// How far above the calendar a life may be that is begun because of what others say: a liar could
/// otherwise spend all epochs that there are. *Choice: a clock that is wrong by a time zone passes.*
const MAX_AHEAD: Duration = Duration::from_hours(24);

/// What this peer has made of other lives of itself since its start.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Lives {
    /// It has begun a life above one that was known.
    has_begun: bool,
    /// It has said that it stays in an older one.
    has_kept: bool,
    /// Its operator allows any epoch.
    is_forced: bool,
}

impl Peer {
    /// A life that others know may be taken over, however far ahead.
    pub(crate) fn force_epoch(&mut self) {
        self.lives.is_forced = true;
    }

    /// Somebody knows another life of this peer.
    pub(super) fn on_known_life(&mut self, known: &KnownLife) {
        let KnownLife { record: known, is_linked } = known;
        let own = &self.cx.record;
        let is_elsewhere = !own.shares_address(known);
        let is_newer = known.supersedes(own) || is_elsewhere && known.is_same_life(own);
        if known.subject() != own.subject() || !is_newer || self.cx.leaving {
            return;
        }
        if *is_linked && is_elsewhere {
            self.end_in_use(known);
        } else if self.may_begin_above(known.epoch()) {
            self.begin_life_above(known);
        } else if !core::mem::replace(&mut self.lives.has_kept, true) {
            self.cx.emit(Event::OtherLife { known: known.clone(), news: LifeNews::Kept });
        }
    }

    fn may_begin_above(&self, epoch: BootEpoch) -> bool {
        let latest = (self.cx.unix() + MAX_AHEAD).as_millis();
        let is_near = epoch.0 < latest || self.lives.is_forced && epoch.0 < u64::MAX;
        !self.lives.has_begun && is_near
    }

    /// What was said in the former life stays said. Its links end, and all is asked anew in the new one.
    fn begin_life_above(&mut self, known: &AddressRecord) {
        let epoch = BootEpoch(known.epoch().0.saturating_add(1));
        let own = self.cx.record.clone();
        let Ok(record) = AddressRecord::new(own.subject(), epoch, own.addresses()) else { return };
        self.lives.has_begun = true;
        for link in self.cx.neighbors.links() {
            self.drop_neighbor(link, Bye::Replaced);
        }
        // A hello of the former life may be on its way.
        let dials: Vec<LinkId> = self.cx.links.neighbor_dials().map(|(link, ..)| link).collect();
        for link in dials {
            let failure = DialFailure::NotTried;
            let outcome = self.cx.on_link_input(Input::DialFailed { link, failure });
            self.cx.output(Output::Close { link });
            self.on_outcome(link, outcome);
        }
        self.cx.record = record;
        self.bootstrap.restart(&mut self.cx);
        self.detector.on_life_begun();
        self.cx.has_changed = true;
        self.cx.emit(Event::OtherLife { known: known.clone(), news: LifeNews::Begun(epoch) });
    }

    /// Two cannot be one node, and the newer one is linked.
    fn end_in_use(&mut self, known: &AddressRecord) {
        self.cx.leaving = true;
        self.cx.emit(Event::OtherLife { known: known.clone(), news: LifeNews::InUse });
        self.finish_leaving();
    }
}
