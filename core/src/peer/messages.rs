//! Messages on links that are up: which may come on which, and to which part they go.

use core::time::Duration;

use crate::event::{Event, Misbehavior, NeighborLoss};
use crate::fact::Fact;
use crate::id::{LinkId, LinkOrigin};
use crate::peer::Peer;
use crate::wire::{Bye, LinkMessage, Message, OverlayMessage, Purpose, RegistrationMessage};

impl Peer {
    pub(super) fn on_message(&mut self, link: LinkId, purpose: Purpose, message: Message) {
        let Self { cx, overlay, broadcast, detector, .. } = self;
        match (purpose, message) {
            (Purpose::Neighbor { .. } | Purpose::Join, message) => {
                self.on_neighbor_message(link, message);
            }
            (Purpose::Register, Message::Registration(message)) => {
                self.on_seed_node_message(link, message);
            }
            (Purpose::Shuffle, Message::Overlay(message)) => {
                overlay.on_shuffle_message(cx, link, message);
            }
            (Purpose::PingRequest, Message::Swim(message)) => {
                detector.on_request_message(cx, link, message);
            }
            (Purpose::Exchange, Message::Broadcast(message)) => {
                broadcast.on_exchange_message(cx, link, message);
            }
            (Purpose::Optimize, message) => self.on_optimize_message(link, message),
            (_, message) => cx.tell_unexpected(link, message.name()),
        }
    }

    fn on_seed_node_message(&mut self, link: LinkId, message: RegistrationMessage) {
        let Self { cx, bootstrap, overlay, detector, .. } = self;
        let Some(up) = cx.up(link) else { return };
        match message {
            RegistrationMessage::Registered { lease_ms } => {
                bootstrap.on_registered(cx, link, &up, lease_ms);
            }
            RegistrationMessage::Unknown => bootstrap.on_unknown(cx, link),
            RegistrationMessage::PeerList { peers } => {
                overlay.on_list(cx, &peers, |record| detector.is_lost(record));
                // The link with a former life may stand for as long as nothing is sent on it.
                cx.neighbors.note_moved(&peers);
                for link in cx.neighbors.outlived(&peers) {
                    detector.challenge(cx, link);
                }
                cx.emit(Event::ListReceived { from: up.remote.subject(), peers });
            }
            RegistrationMessage::Register
            | RegistrationMessage::Renew
            | RegistrationMessage::ListRequest { .. }
            | RegistrationMessage::DeathReport(_)
            | RegistrationMessage::Leave(_) => cx.tell_unexpected(link, message.name()),
        }
    }

    fn on_neighbor_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, overlay, broadcast, detector, .. } = self;
        let Some(from) = cx.neighbors.on_heard(link, cx.now) else { return };
        match message {
            Message::Link(LinkMessage::Ping(ping)) => cx.send(link, LinkMessage::Pong(ping)),
            Message::Link(LinkMessage::Pong(pong)) => detector.on_pong(cx, link, &pong),
            Message::Broadcast(message) => broadcast.on_message(cx, &from, message),
            Message::Overlay(message) => {
                overlay.on_message(cx, &from, message, |record| detector.is_lost(record));
            }
            Message::Swim(message) => detector.on_neighbor_message(cx, &from, message),
            Message::Registration(RegistrationMessage::Leave(leave)) => {
                self.on_leave(link, leave.subject == from.id());
            }
            Message::Link(LinkMessage::KnownLife(known)) => cx.tell(Fact::KnownLife(known)),
            Message::Link(_) | Message::Registration(_) | Message::Vote(_) => {
                cx.tell_unexpected(link, message.name());
            }
        }
    }

    /// A neighbor leaves, if it says so of itself.
    fn on_leave(&mut self, link: LinkId, is_of_itself: bool) {
        if is_of_itself {
            self.cx.close(link, Bye::Done);
            self.lose_neighbor(link, NeighborLoss::Left);
        } else {
            self.cx.tell(Fact::RuleBroken(link, Misbehavior::Forged("Leave")));
        }
    }

    /// On the way to becoming neighbors, or not.
    fn on_optimize_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, overlay, .. } = self;
        match (link.origin(), message) {
            (LinkOrigin::Accepted, Message::Link(LinkMessage::Ping(ping))) => {
                cx.send(link, LinkMessage::Pong(ping));
            }
            (LinkOrigin::Dialed, Message::Link(LinkMessage::Pong(pong))) => {
                overlay.on_candidate_pong(cx, link, &pong);
            }
            (
                LinkOrigin::Accepted,
                Message::Overlay(OverlayMessage::Optimization { old, round_trip_us }),
            ) => {
                let round_trip = Duration::from_micros(round_trip_us.into());
                self.on_optimization(link, old, round_trip);
            }
            (
                LinkOrigin::Dialed,
                Message::Overlay(OverlayMessage::OptimizationReply { replaced }),
            ) => self.on_optimization_reply(link, replaced),
            (_, message) => cx.tell_unexpected(link, message.name()),
        }
    }
}
