//! What comes back on links that were dialed for a probe, and requests of others.

use alloc::boxed::Box;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::detector::swim::Swim;
use crate::failure::DialFailure;
use crate::id::{LinkId, NodeId};
use crate::links::{Failure, Owner, Target};
use crate::time::saturating_millis;
use crate::wire::{Bye, Purpose, SwimMessage};

impl Swim {
    /// A dial of this part was welcomed.
    pub(crate) fn on_welcomed(&mut self, cx: &mut Context, owner: Owner, link: LinkId) {
        if let Owner::Probe(number) = owner {
            self.on_ack(cx, number);
        } else if let Owner::Helper(number) = owner {
            self.ask_helper(cx, number, link);
        } else {
            self.requests.on_heard(cx, link);
            cx.close(link, Bye::Done);
        }
    }

    /// A dial of this part failed.
    pub(crate) fn on_failed(
        &mut self,
        cx: &mut Context,
        owner: Owner,
        link: LinkId,
        failure: &Failure,
    ) {
        if let Owner::Probe(number) = owner {
            self.on_probe_failed(cx, number, failure);
        } else if let Owner::Helper(number) = owner {
            self.on_helper_lost(number, link, failure.is_own());
        } else {
            self.on_served_failed(cx, link, failure);
        }
    }

    /// A link that was dialed by this part, or on which somebody asked for a probe, has ended.
    pub(crate) fn on_ended(&mut self, cx: &mut Context, owner: Option<Owner>, link: LinkId) {
        if let Some(Owner::Helper(number)) = owner {
            self.on_helper_lost(number, link, false);
        } else {
            self.requests.on_ended(cx, link);
        }
    }

    /// The dial to a helper was welcomed: it is asked.
    fn ask_helper(&mut self, cx: &mut Context, number: u32, link: LinkId) {
        if let Some(probe) = self.prober.by_number(number) {
            let subject = Box::new(probe.subject.clone());
            let wait_ms = saturating_millis(probe.rest(cx));
            cx.send(link, SwimMessage::PingRequest { subject, wait_ms });
        }
    }

    /// The dial of a probe failed. A refusal by the subject itself is a sign of life.
    fn on_probe_failed(&mut self, cx: &mut Context, number: u32, failure: &Failure) {
        let Some(probe) = self.prober.by_number(number) else { return };
        let (subject, has_helpers) = (probe.subject.subject(), probe.asked > 0);
        match failure {
            Failure::Refused(refuse) if refuse.from == subject => self.on_ack(cx, number),
            Failure::Dial(DialFailure::Refused) => self.on_refused(cx, number),
            Failure::Dial(DialFailure::NotTried) if !has_helpers => {
                probe.try_again_later(cx);
                self.awareness.worsen(cx, 1);
            }
            Failure::Dial(_) | Failure::Lost(_) | Failure::Refused(_) | Failure::Garbled => {
                if !has_helpers {
                    self.ask_helpers(cx, number);
                }
            }
        }
    }

    /// A helper cannot be reached, or is gone, which says nothing about this peer.
    /// Unless this machine could not dial it.
    fn on_helper_lost(&mut self, number: u32, link: LinkId, is_own: bool) {
        if let Some(probe) = self.prober.by_number(number) {
            probe.silent.retain(|silent| *silent != link);
            probe.untried += u8::from(is_own);
        }
    }

    /// The dial of a probe that somebody asked for failed.
    fn on_served_failed(&mut self, cx: &mut Context, link: LinkId, failure: &Failure) {
        let is_of = |it: NodeId| self.requests.is_of(link, it);
        if matches!(failure, Failure::Refused(refuse) if is_of(refuse.from)) {
            self.requests.on_heard(cx, link);
        } else if failure.is_own() {
            self.requests.on_not_tried(cx, link);
        } else {
            self.requests.on_failed(cx, link);
        }
    }

    /// Somebody asks for a probe, on a link of its own, and waits so long. Who asks too much is sent away, without a
    /// nack: nothing was tried.
    pub(super) fn on_ping_request(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        subject: &AddressRecord,
        wait: Duration,
    ) {
        cx.stats.ping_requests += 1;
        let id = subject.subject();
        if id == cx.me() {
            cx.send(link, SwimMessage::PingRequestAnswer { subject: id, is_heard: true });
        } else if self.requests.has_room(cx, link) {
            let via = if let Some(neighbor) = cx.neighbors.by_id(id).map(|it| it.link) {
                Self::send_ping(cx, neighbor);
                neighbor
            } else {
                cx.dial(Target::Node(subject), Purpose::Probe, Owner::Served)
            };
            self.requests.note(cx, link, id, via, wait);
        } else {
            self.requests.on_ended(cx, link);
            cx.close(link, Bye::Done);
        }
    }

    /// A helper answers.
    pub(super) fn on_ping_request_answer(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        subject: NodeId,
        is_heard: bool,
    ) {
        let asked = cx.links.owner(link).and_then(Owner::helper_of);
        let probe = asked.and_then(|number| self.prober.by_number(number));
        let Some(probe) = probe.filter(|probe| probe.subject.subject() == subject) else {
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
