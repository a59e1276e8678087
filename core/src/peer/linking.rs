//! Links of a peer: who is let in, what becomes of dials, what an ended link means to the parts.

use alloc::boxed::Box;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::event::{Event, NeighborLoss};
use crate::failure::LinkLoss;
use crate::id::{LinkId, NodeId, Role};
use crate::links::{Delivery, DialReason, Ending, Failed, Failure, Owner, Up};
use crate::overlay::admission::{Admission, Requester, admit};
use crate::overlay::timer::OverlayTimer;
use crate::peer::Peer;
use crate::peer::isolation::Isolation;
use crate::wire::{Bye, Hello, OverlayMessage, Purpose, Refusal};

impl Peer {
    pub(super) fn on_hello(&mut self, link: LinkId, hello: &Hello) {
        let is_peer = hello.role == Role::Peer;
        let joins = self.overlay.takes_joins();
        match hello.purpose {
            Purpose::Neighbor { isolated } if is_peer => {
                if self.on_neighbor_hello(link, hello, isolated) {
                    self.add_neighbor(link, hello.from.clone());
                }
            }
            Purpose::Join if is_peer && joins => {
                if self.on_neighbor_hello(link, hello, true) {
                    self.add_neighbor(link, hello.from.clone());
                    self.overlay.on_join(&mut self.cx, link);
                }
            }
            Purpose::Probe => self.cx.welcome(link, hello),
            Purpose::Optimize if is_peer && joins => self.on_optimize_hello(link, hello),
            Purpose::Shuffle | Purpose::PingRequest | Purpose::Exchange if is_peer => {
                self.cx.welcome(link, hello);
            }
            Purpose::Neighbor { .. }
            | Purpose::Register
            | Purpose::Notice
            | Purpose::Join
            | Purpose::Shuffle
            | Purpose::PingRequest
            | Purpose::Exchange
            | Purpose::Optimize
            | Purpose::Vote => {
                self.cx.refuse(link, hello.from.clone(), Refusal::WrongRole);
            }
        }
    }

    /// Who takes no part in swaps has no use for attempts.
    fn on_optimize_hello(&mut self, link: LinkId, hello: &Hello) {
        if self.cx.config.overlay.hyparview.near_links > 0 {
            self.cx.welcome(link, hello);
        } else {
            self.cx.refuse(link, hello.from.clone(), Refusal::Busy);
        }
    }

    /// Whether the requester is let in.
    fn on_neighbor_hello(&mut self, link: LinkId, hello: &Hello, must: bool) -> bool {
        let from = &hello.from;
        let id = from.subject();
        let is_dialing = self.cx.links.is_dialing(id);
        let max_neighbors = self.overlay.max_neighbors(&self.cx);
        let requester = Requester { from, must, is_dialing };
        match admit(&mut self.cx, max_neighbors, requester) {
            Admission::Admit => {}
            Admission::Instead(old, bye) => self.drop_neighbor(old, bye),
            Admission::Refuse(reason) => {
                let held = self.cx.neighbors.by_id(id).map(|held| held.record.clone());
                if let Some(held) = held.filter(|_| reason == Refusal::StaleEpoch) {
                    self.cx.show_life(link, from, &held, true);
                }
                self.cx.refuse(link, from.clone(), reason);
                if reason == Refusal::Busy {
                    self.overlay.on_busy(&mut self.cx, from);
                }
                return false;
            }
            Admission::Challenge(held) => {
                self.detector.challenge(&mut self.cx, held);
                self.cx.refuse(link, from.clone(), Refusal::Duplicate);
                return false;
            }
        }
        self.cx.welcome(link, hello);
        self.cx.keep(link);
        true
    }

    /// Somebody near asks to be a neighbor, and gives up `old` for it. Who is at the other end of a
    /// dial already is not let in twice.
    pub(super) fn on_optimization(&mut self, link: LinkId, old: NodeId, round_trip: Duration) {
        let Some(up) = self.cx.up(link) else { return };
        let id = up.remote.subject();
        let is_dialing = self.cx.links.is_dialing(id);
        let Self { cx, overlay, .. } = self;
        let is_double = cx.neighbors.by_id(id).is_some();
        let admission = if is_double || is_dialing {
            Admission::Refuse(Refusal::Busy)
        } else {
            overlay.admit_near(cx, old, round_trip)
        };
        let replaced = match admission {
            Admission::Admit => None,
            Admission::Instead(far, bye) => {
                let record = cx.neighbors.by_link(far).map(|it| it.record.clone());
                self.drop_neighbor(far, bye);
                record
            }
            Admission::Refuse(_) | Admission::Challenge(_) => {
                return cx.close(link, Bye::Done);
            }
        };
        self.cx.send(link, OverlayMessage::OptimizationReply { replaced });
        self.add_near(link, up.remote, None);
    }

    /// A near peer agrees to be a neighbor. The one that goes for it gets whom that one gave up.
    pub(super) fn on_optimization_reply(&mut self, link: LinkId, replaced: Option<AddressRecord>) {
        let Self { cx, overlay, .. } = self;
        let Some(up) = cx.up(link) else { return };
        let Some((old, round_trip)) = overlay.on_optimization_reply(cx, link) else {
            return cx.tell_unexpected(link, "OptimizationReply");
        };
        let has_old = cx.neighbors.by_link(old).is_some();
        let is_double = cx.neighbors.by_id(up.remote.subject()).is_some();
        if is_double || !has_old && cx.neighbors.len() >= overlay.max_neighbors(cx) {
            let bye = if is_double { Bye::Replaced } else { Bye::Surplus };
            return cx.close(link, bye);
        }
        if has_old {
            if let Some(with) = replaced {
                cx.send(old, OverlayMessage::Replace { with });
            }
            self.drop_neighbor(old, Bye::Surplus);
        }
        self.add_near(link, up.remote, Some(round_trip));
    }

    fn add_near(&mut self, link: LinkId, record: AddressRecord, round_trip: Option<Duration>) {
        self.cx.make_neighbors(link);
        self.add_neighbor(link, record);
        self.overlay.choose(&self.cx, link, round_trip);
    }

    pub(super) fn on_welcomed(&mut self, link: LinkId, owner: Owner, up: &Up) {
        let Self { cx, overlay, broadcast, detector, .. } = self;
        match owner {
            Owner::Registration(number) => {
                self.bootstrap.on_welcomed(cx, number, link, up.remote.subject());
            }
            Owner::Delivery(_) => cx.hand_over(link),
            Owner::Overlay(reason) => self.on_neighbor_welcome(link, Some(reason), up),
            Owner::Redial(_) => self.on_neighbor_welcome(link, None, up),
            Owner::Exchange => broadcast.on_exchange_welcomed(cx, link),
            Owner::Candidate => overlay.on_candidate_welcomed(cx, link),
            Owner::Probe(_) | Owner::Helper(_) | Owner::Served => {
                detector.on_welcomed(cx, owner, link);
            }
            Owner::Connect | Owner::EntryProbe(_) | Owner::SeedNode(_) => {
                unreachable!("no dial of a peer that is welcomed: {owner:?}")
            }
        }
    }

    fn on_neighbor_welcome(&mut self, link: LinkId, reason: Option<DialReason>, up: &Up) {
        let is_double = self.cx.neighbors.by_id(up.remote.subject()).is_some();
        let is_full = self.cx.neighbors.len() >= self.overlay.max_neighbors(&self.cx);
        if !is_double && (!is_full || self.make_room(reason)) {
            self.add_neighbor(link, up.remote.clone());
            return;
        }
        let bye = if is_double { Bye::Replaced } else { Bye::Surplus };
        self.cx.close(link, bye);
        let subject = up.remote.subject();
        if let Some(reason) = reason {
            let gone = Failure::Lost(LinkLoss::Closed);
            self.overlay.on_failed(&self.cx, reason, subject, &gone);
        }
        self.detector.clear_strikes(&mut self.cx, subject);
    }

    /// Drops a neighbor for a new one, if the overlay has one to spare.
    fn make_room(&mut self, reason: Option<DialReason>) -> bool {
        let Self { cx, overlay, .. } = self;
        let surplus = reason.and_then(|reason| overlay.on_crowded(cx, reason));
        if let Some(surplus) = surplus {
            self.drop_neighbor(surplus, Bye::Surplus);
        }
        surplus.is_some()
    }

    pub(super) fn on_failed(&mut self, link: LinkId, failed: &Failed) {
        let Failed { owner, addr, failure, .. } = failed;
        let Self { cx, overlay, broadcast, detector, .. } = self;
        match *owner {
            Owner::Registration(number) => self.bootstrap.on_failed(cx, number, *failure),
            Owner::Delivery(Delivery::Notice(_)) => cx.emit(Event::NoticeLost { addr: *addr }),
            Owner::Delivery(Delivery::Reply | Delivery::Suspicion) => {}
            Owner::Overlay(_) | Owner::Redial(_) => self.on_neighbor_failed(link, failed),
            Owner::Exchange => broadcast.on_exchange_ended(link),
            Owner::Candidate => overlay.on_candidate_failed(cx, link, failure),
            Owner::Probe(_) | Owner::Helper(_) | Owner::Served => {
                detector.on_failed(cx, *owner, link, failure);
            }
            Owner::Connect | Owner::EntryProbe(_) | Owner::SeedNode(_) => {
                unreachable!("no dial of a peer that fails so: {owner:?}")
            }
        }
    }

    fn on_neighbor_failed(&mut self, link: LinkId, failed: &Failed) {
        let Failed { owner, to, failure, .. } = failed;
        if let Failure::Refused(refuse) = failure {
            let (by, reason) = (refuse.from, refuse.reason);
            self.cx.emit(Event::NeighborRefused { by, reason });
        }
        if self.cx.neighbors.is_empty() {
            let now = self.cx.now;
            let isolation = self.isolation.get_or_insert_with(|| Box::new(Isolation::new(now)));
            isolation.on_failed(&mut self.cx, failed);
        }
        let Self { cx, overlay, detector, .. } = self;
        if let (Owner::Overlay(reason), Some(to)) = (*owner, to) {
            overlay.on_failed(cx, reason, to.subject(), failure);
        } else {
            detector.on_failed(cx, *owner, link, failure);
        }
    }

    pub(super) fn on_ended(&mut self, link: LinkId, up: &Up, ending: Ending) {
        match up.purpose {
            Purpose::Register => {
                if let Some(Owner::Registration(number)) = up.owner {
                    self.bootstrap.on_ended(&mut self.cx, number, ending);
                }
            }
            Purpose::Neighbor { .. } | Purpose::Join => {
                let reason = match ending {
                    Ending::Lost(loss) => NeighborLoss::LinkLost(loss),
                    Ending::Bye(bye) => NeighborLoss::Bye(bye),
                    Ending::Garbled => NeighborLoss::Garbled,
                };
                self.lose_neighbor(link, reason);
            }
            Purpose::Exchange => self.broadcast.on_exchange_ended(link),
            Purpose::Optimize => self.overlay.on_candidate_ended(link),
            Purpose::Probe | Purpose::PingRequest => {
                self.detector.on_ended(&mut self.cx, up.owner, link);
            }
            Purpose::Notice | Purpose::Shuffle | Purpose::Vote => {}
        }
    }

    fn add_neighbor(&mut self, link: LinkId, record: AddressRecord) {
        let Self { cx, .. } = self;
        cx.has_changed = true;
        cx.neighbors.insert(link, record.clone(), cx.now);
        let up = cx.neighbors.by_link(link).expect("it was inserted just now").clone();
        cx.emit(Event::NeighborUp { peer: record, origin: link.origin() });
        cx.timers.cancel(OverlayTimer::Isolated);
        self.isolation = None;
        self.detector.on_neighbor_up(cx, &up);
        self.broadcast.on_neighbor_up(cx, &up);
        self.overlay.on_neighbor_up(cx, &up);
    }

    /// Ends a neighbor's link on purpose.
    pub(super) fn drop_neighbor(&mut self, link: LinkId, bye: Bye) {
        self.cx.close(link, bye);
        self.lose_neighbor(link, NeighborLoss::Dropped(bye));
    }

    /// A neighbor's link is gone: tell the parts, each of which forgets what it kept of it.
    pub(super) fn lose_neighbor(&mut self, link: LinkId, reason: NeighborLoss) {
        let Self { cx, .. } = self;
        cx.has_changed = true;
        let Some(down) = cx.neighbors.remove(link) else { return };
        let is_lost = matches!(reason, NeighborLoss::LinkLost(_));
        self.detector.on_neighbor_down(cx, &down, reason);
        self.broadcast.on_neighbor_down(cx, &down, is_lost);
        cx.emit(Event::NeighborDown { peer: down.record.clone(), reason });
        self.overlay.on_neighbor_down(cx, &down, reason);
    }
}
