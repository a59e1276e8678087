//! Messages on links that are up: which may come on which, and to which part they go.

use alloc::sync::Arc;
use core::time::Duration;

use crate::event::{Event, Misbehavior, NeighborLoss};
use crate::id::{LinkId, LinkOrigin};
use crate::messaging::Envelope;
use crate::peer::Peer;
use crate::wire::{Bye, Message, Ping, Purpose, Statement};

impl Peer {
    pub(super) fn on_message(&mut self, link: LinkId, purpose: Purpose, message: Message) {
        match purpose {
            Purpose::Register => self.on_seed_node_message(link, message),
            Purpose::Neighbor { .. } | Purpose::Join => self.on_neighbor_message(link, message),
            Purpose::Shuffle => self.on_shuffle_reply(link, message),
            Purpose::PingRequest => self.on_request_message(link, message),
            Purpose::Exchange => self.on_exchange_message(link, message),
            Purpose::Optimize => self.on_optimize_message(link, message),
            Purpose::Probe | Purpose::Notice | Purpose::Vote => self.on_unexpected(link, &message),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are unexpected here")]
    fn on_seed_node_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, detector, .. } = self;
        let Some(up) = cx.up(link) else { return };
        match message {
            Message::Registered { lease_ms } => {
                self.bootstrap.on_registered(cx, link, &up, lease_ms);
            }
            Message::Unknown => self.bootstrap.on_unknown(cx, link),
            Message::PeerList { peers } => {
                let is_lost = |record: &_| detector.is_lost(record);
                self.overlay.on_list(cx, &peers, is_lost);
                cx.emit(Event::ListReceived { from: up.remote.subject(), peers });
            }
            message => self.on_unexpected(link, &message),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are unexpected here")]
    fn on_neighbor_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, broadcast, detector, .. } = self;
        let Some(from) = cx.neighbors.by_link(link).cloned() else { return };
        if let Some(swim) = detector.as_swim() {
            swim.on_heard(link, cx.now);
        }
        match message {
            Message::Ping(ping) => cx.send(link, Message::Pong(ping)),
            Message::Pong(pong) => self.on_pong(link, &pong),
            Message::Gossip(gossip) => {
                let news = broadcast.on_gossip(cx, &from, gossip);
                self.on_network_news(link, news);
            }
            Message::Digest(digest) => broadcast.on_digest(cx, &from, &digest),
            Message::Pull { ids } => broadcast.on_pull(cx, &from, &ids),
            Message::Leave(leave) if leave.subject == from.id() => {
                self.cx.close(link, Bye::Done);
                self.lose_neighbor(link, NeighborLoss::Left);
            }
            Message::Leave(_) => self.expel(link, Misbehavior::Forged("Leave")),
            message => self.on_modern_message(link, message),
        }
    }

    /// Messages that only the parts of the modern profile say. Who runs other parts takes them as the
    /// broken rule that they are.
    fn on_modern_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, overlay, broadcast, detector, .. } = self;
        let Some(from) = cx.neighbors.by_link(link).cloned() else { return };
        let has_table = cx.config.detector.swim.has_table();
        match (message, overlay.as_hyparview(), broadcast.as_plumtree(), detector.as_swim()) {
            (Message::ForwardJoin(join), Some(hyparview), _, _) => {
                hyparview.on_forward_join(cx, &from, *join);
                self.is_settled = false;
            }
            (Message::Shuffle(shuffle), Some(hyparview), _, _) => {
                hyparview.on_shuffle(cx, &from, *shuffle);
                self.is_settled = false;
            }
            (Message::Replace { with }, Some(hyparview), _, _) => {
                let is_lost = |record: &_| detector.is_lost(record);
                hyparview.on_replace(cx, (&from, &with), is_lost);
                self.is_settled = false;
            }
            (Message::IHave { have }, _, Some(tree), _) => {
                tree.on_ihave(cx, &from, &have);
            }
            (Message::Graft(graft), _, Some(tree), _) => tree.on_graft(cx, &from, &graft),
            (Message::Prune(prune), _, Some(tree), _) => tree.on_prune(cx, &from, &prune),
            (Message::Neighbors { records }, _, _, Some(swim)) => swim.on_neighbors(&from, records),
            (Message::Members { members }, _, _, Some(swim)) => {
                swim.on_members(cx, &from, &members);
            }
            (Message::Statement(said), _, _, Some(_)) if !has_table => {
                self.on_statement(link, &said);
            }
            (message, ..) => self.on_unexpected(link, &message),
        }
    }

    fn on_pong(&mut self, link: LinkId, pong: &Ping) {
        let Self { cx, detector, .. } = self;
        if !detector.on_pong(cx, link, pong) {
            cx.accuse(link, Misbehavior::WrongEcho);
        }
    }

    fn on_shuffle_reply(&mut self, link: LinkId, message: Message) {
        let Self { cx, overlay, .. } = self;
        match (message, overlay.as_hyparview()) {
            (Message::ShuffleReply { sample }, Some(hyparview)) => {
                hyparview.on_shuffle_reply(cx, &sample);
                cx.close(link, Bye::Done);
            }
            (message, _) => self.on_unexpected(link, &message),
        }
    }

    /// On the way to becoming neighbors, or not.
    fn on_optimize_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, overlay, .. } = self;
        let is_dialer = link.origin() == LinkOrigin::Dialed;
        match (message, overlay.as_hyparview()) {
            (Message::Ping(ping), _) if !is_dialer => cx.send(link, Message::Pong(ping)),
            (Message::Pong(pong), Some(hyparview)) if is_dialer => {
                if !hyparview.on_candidate_pong(cx, (link, &pong)) {
                    cx.accuse(link, Misbehavior::WrongEcho);
                }
            }
            (Message::Optimization { old, round_trip_us }, Some(_)) if !is_dialer => {
                let round_trip = Duration::from_micros(round_trip_us.into());
                self.on_optimization(link, old, round_trip);
            }
            (Message::OptimizationReply { replaced }, Some(_)) if is_dialer => {
                self.on_optimization_reply(link, replaced);
            }
            (message, _) => self.on_unexpected(link, &message),
        }
    }

    fn on_request_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, detector, .. } = self;
        let has_table = cx.config.detector.swim.has_table();
        match (message, detector.as_swim()) {
            (Message::PingRequest(subject), Some(swim)) => {
                swim.on_ping_request(cx, link, &subject);
            }
            (Message::PingRequestAnswer { subject, is_heard }, Some(swim)) => {
                swim.on_ping_request_answer(cx, link, subject, is_heard);
            }
            (Message::Statement(said), Some(_)) if !has_table => self.on_statement(link, &said),
            (message, _) => self.on_unexpected(link, &message),
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are unexpected here")]
    fn on_exchange_message(&mut self, link: LinkId, message: Message) {
        let Self { cx, broadcast, .. } = self;
        match message {
            Message::Digest(_) | Message::Pull { .. } | Message::Gossip(_) => {
                let news = broadcast.on_exchange_message(cx, link, message);
                self.on_network_news(link, news);
            }
            message => self.on_unexpected(link, &message),
        }
    }

    /// Somebody says this to this peer alone.
    fn on_statement(&mut self, link: LinkId, said: &Statement) {
        let Self { cx, detector, .. } = self;
        let (Some(up), Some(swim)) = (cx.up(link), detector.as_swim()) else { return };
        cx.stats.statements_received += 1;
        if !swim.on_direct_statement(cx, up.remote.subject(), said) {
            cx.accuse(link, Misbehavior::Forged("Statement"));
        }
    }

    /// A new message under a reserved topic: a statement about a member, or nonsense. Only its origin is
    /// accused of that: who passes it on need not read it. Without tables nobody honest says such things to
    /// everybody, and its subject could not refute to everybody: it is not read.
    fn on_network_news(&mut self, link: LinkId, news: Option<Arc<Envelope>>) {
        let Some(envelope) = news else { return };
        let Self { cx, detector, .. } = self;
        if !cx.config.detector.swim.has_table() {
            return;
        }
        let Some(swim) = detector.as_swim() else { return };
        let origin = envelope.origin();
        let fault = match Statement::from_payload(envelope.payload()) {
            Ok(statement) if swim.on_statement(cx, origin, &statement) => return,
            Ok(_) => Misbehavior::Forged("Statement"),
            Err(error) => Misbehavior::Garbled(error),
        };
        if cx.up(link).is_some_and(|up| up.remote.subject() == origin) {
            cx.accuse(link, fault);
        }
    }

    pub(super) fn on_unexpected(&mut self, link: LinkId, message: &Message) {
        self.expel(link, Misbehavior::Unexpected(message.name()));
    }

    fn expel(&mut self, link: LinkId, kind: Misbehavior) {
        let outcome = self.cx.expel(link, kind);
        self.on_outcome(link, outcome);
    }
}
