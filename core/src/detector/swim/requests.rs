//! What comes back on links that were dialed for a probe, and requests of others.

use crate::address::AddressRecord;
use crate::context::Context;
use crate::detector::swim::Swim;
use crate::failure::DialFailure;
use crate::id::{LinkId, NodeId};
use crate::links::{Failure, Target};
use crate::wire::{Bye, Message, Purpose};

impl Swim {
    /// A dial to probe somebody, to have somebody probed or to tell a suspicion was welcomed.
    pub(crate) fn on_welcomed(&mut self, cx: &mut Context, link: LinkId) {
        if let Some(number) = self.prober.by_link(link).map(|probe| probe.number) {
            self.on_ack(cx, number);
        } else if let Some(probe) = self.prober.by_helper(link) {
            cx.send(link, Message::PingRequest(alloc::boxed::Box::new(probe.subject.clone())));
        } else if !self.direct_suspicions.on_welcomed(cx, link) {
            self.requests.on_heard(cx, link);
            cx.close(link, Bye::Done);
        }
    }

    /// Such a dial failed. A refusal by the subject itself is a sign of life.
    pub(crate) fn on_failed(&mut self, cx: &mut Context, link: LinkId, failure: &Failure) {
        if let Some(probe) = self.prober.by_link(link) {
            let (number, subject, is_vote_requested) =
                (probe.number, probe.subject.subject(), probe.asked > 0);
            match failure {
                Failure::Refused(refuse) if refuse.from == subject => {
                    self.on_ack(cx, number);
                }
                Failure::Dial(DialFailure::Refused) => self.on_refused(cx, number),
                Failure::Dial(_) | Failure::Lost(_) | Failure::Refused(_) | Failure::Garbled => {
                    if !is_vote_requested {
                        self.ask_helpers(cx, number);
                    }
                }
            }
        } else if let Some(probe) = self.prober.by_helper(link) {
            // A helper that cannot be reached says nothing about this peer.
            probe.silent.retain(|silent| *silent != link);
        } else if matches!(failure, Failure::Refused(refuse) if self.requests.is_of(link, refuse.from))
        {
            self.requests.on_heard(cx, link);
        } else if self.direct_suspicions.take(link).is_none() {
            self.requests.on_failed(cx, link);
        }
    }

    /// Such a link ended after it was welcomed, or one on which somebody asked for a probe.
    pub(crate) fn on_ended(&mut self, cx: &mut Context, link: LinkId) {
        self.requests.on_ended(cx, link);
        if let Some(probe) = self.prober.by_helper(link) {
            probe.silent.retain(|silent| *silent != link);
        }
    }

    /// Somebody asks for a probe, on a link of its own. Who asks too much is sent away, without a
    /// nack: nothing was tried.
    pub(crate) fn on_ping_request(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        subject: &AddressRecord,
    ) {
        cx.stats.ping_requests += 1;
        let id = subject.subject();
        if id == cx.me() {
            cx.send(link, Message::PingRequestAnswer { subject: id, is_heard: true });
        } else if self.requests.has_room(cx, link) {
            let via = if let Some(neighbor) = cx.neighbors.by_id(id).map(|it| it.link) {
                self.pings.ping(cx, neighbor);
                neighbor
            } else {
                cx.dial(Target::Node(subject), Purpose::Probe)
            };
            self.requests.note(cx, link, id, via);
        } else {
            self.requests.on_ended(cx, link);
            cx.close(link, Bye::Done);
        }
    }

    /// A request of somebody must be answered.
    pub(crate) fn on_request_timer(&mut self, cx: &mut Context, number: u32) {
        self.requests.on_timer(cx, number);
    }

    /// A helper answers.
    pub(crate) fn on_ping_request_answer(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        subject: NodeId,
        is_heard: bool,
    ) {
        let probe = self.prober.by_helper(link).filter(|probe| probe.subject.subject() == subject);
        let Some(probe) = probe else {
            cx.close(link, Bye::Done);
            return;
        };
        if is_heard {
            let number = probe.number;
            self.on_heard_by_helper(cx, number);
        } else if let Some(place) = probe.silent.iter().position(|silent| *silent == link) {
            probe.nacked.push(probe.silent.swap_remove(place));
        }
    }
}
