//! Leaving on one's own will (R19, R33): tell neighbors and seed nodes, then go.

use crate::event::Event;
use crate::peer::Peer;
use crate::peer::timer::PeerTimer;
use crate::registration::notices::{announce, is_idle};
use crate::wire::{Bye, Leave, RegistrationMessage};

impl Peer {
    /// Tells everybody, closes all links, and waits only for notices to seed nodes that this peer
    /// had no link with.
    pub(super) fn leave(&mut self) {
        self.cx.leaving = true;
        self.broadcast.seal_gathered(&mut self.cx);
        // Whoever hears that this peer leaves ends the link: what it is owed goes before.
        let linked = self.cx.neighbors.links();
        for link in &linked {
            self.broadcast.send_last(&mut self.cx, *link);
        }
        if let Some(farewell) = self.detector.farewell(&self.cx) {
            self.say(&farewell);
        }
        let Self { cx, bootstrap, .. } = self;
        let leave = Leave { subject: cx.me(), epoch: cx.epoch(), signature: None };
        let leave = RegistrationMessage::Leave(leave);
        announce(cx, bootstrap, &leave);
        for link in linked {
            self.cx.send(link, leave.clone());
            self.drop_neighbor(link, Bye::Leaving);
        }
        self.cx.close_all_but_notices(Bye::Leaving);
        let patience = self.cx.config.leave_timeout;
        self.cx.arm(PeerTimer::LeaveTimeout, patience);
    }

    pub(super) fn finish_leaving_if_told(&mut self) {
        if is_idle(&self.cx) {
            self.finish_leaving();
        }
    }

    pub(super) fn finish_leaving(&mut self) {
        if !core::mem::replace(&mut self.left, true) {
            self.cx.close_all(Bye::Leaving);
            self.cx.timers.clear();
            self.cx.emit(Event::Left);
        }
    }
}
