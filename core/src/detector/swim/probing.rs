//! Probes of this peer: their turns, their answers, their failures (SWIM §3.1, Lifeguard §IV-A).

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::detector::swim::Swim;
use crate::detector::swim::members::Member;
use crate::detector::swim::prober::{Cause, Probe, helpers};
use crate::detector::swim::timer::SwimTimer;
use crate::detector::swim::waits;
use crate::fact::Fact;
use crate::id::LinkId;
use crate::links::neighbors::Neighbor;
use crate::links::{Owner, Target};
use crate::rng::Stream;
use crate::wire::{Evidence, Purpose, SwimMessage};

impl Swim {
    /// The first neighbor is here: rounds begin, at a moment of this peer's own, so that peers that
    /// started together do not probe in step.
    pub(super) fn start(cx: &mut Context) {
        let every = usize::try_from(cx.config.detector.swim.probe_every.as_millis());
        let phase = cx.rng.index(Stream::Probe, every.unwrap_or(1)).unwrap_or(0);
        let phase = core::time::Duration::from_millis(u64::try_from(phase).unwrap_or(0));
        cx.arm(SwimTimer::Round, phase);
    }

    /// Time to probe the next one.
    pub(super) fn on_round_timer(&mut self, cx: &mut Context) {
        self.round = cx.now;
        let has_table = cx.config.detector.swim.has_table();
        cx.peers = has_table.then(|| u32::try_from(self.members.living()).unwrap_or(u32::MAX));
        cx.arm(SwimTimer::Round, self.awareness.probe_every(cx));
        self.send_refutation(cx);
        self.sweep(cx);
        self.named.tell(cx);
        if let Some(next) = self.prober.next(cx, &self.members) {
            self.probe(cx, next, Cause::Turn);
        }
    }

    /// Probes somebody, unless that is being done: by a ping on its link, or by a dial.
    pub(super) fn probe(&mut self, cx: &mut Context, subject: AddressRecord, cause: Cause) {
        if self.prober.of(subject.subject()).is_some() || !self.prober.has_room(cx) {
            return;
        }
        match cx.neighbors.by_id(subject.subject()).map(|neighbor| neighbor.link) {
            Some(link) => self.ping(cx, link, subject, cause),
            None => {
                self.dial(cx, subject, cause);
            }
        }
    }

    /// Lifeguard §IV-C (buddy system): who is suspected hears of it before the ping, so that it can
    /// refute at once.
    pub(super) fn ping(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        subject: AddressRecord,
        cause: Cause,
    ) {
        if let Some(members) = self.suspicion_about(cx, &subject) {
            cx.send(link, SwimMessage::Members { members });
        }
        Self::send_ping(cx, link);
        let health = cx.neighbors.by_link(link).map(|neighbor| neighbor.health);
        let round_trip_us = health.map_or(0, |health| health.round_trip_us());
        // Whose link is in doubt loses it with one miss.
        let timeout = match cause {
            Cause::Challenge => waits::longest(cx),
            Cause::Turn | Cause::Lost | Cause::Suspected => waits::for_ping(cx, link),
        };
        let patience = self.awareness.patience(timeout);
        let probe = self.prober.begin(cx, subject, link, false, cause);
        probe.round_trip_us = round_trip_us;
        probe.wait(cx, patience);
    }

    fn dial(&mut self, cx: &mut Context, subject: AddressRecord, cause: Cause) -> &mut Probe {
        let owner = Owner::Probe(self.prober.next_number());
        let link = cx.dial(Target::Node(&subject), Purpose::Probe, owner);
        cx.stats.pings += 1;
        let patience = self.awareness.patience(waits::longest(cx));
        let probe = self.prober.begin(cx, subject, link, true, cause);
        probe.wait(cx, patience);
        probe
    }

    /// A link was lost without a word: its other end is dialed at once. Who is known to be gone is
    /// left in peace.
    pub(super) fn look_after(
        &mut self,
        cx: &mut Context,
        down: &Neighbor,
        named: Vec<AddressRecord>,
    ) {
        let is_gone = self.members.life(&down.record).is_some_and(Member::is_gone);
        let is_probed = self.prober.of(down.id()).is_some();
        if !is_gone && !is_probed && self.prober.has_room(cx) {
            let probe = self.dial(cx, down.record.clone(), Cause::Lost);
            probe.round_trip_us = down.health.round_trip_us();
            probe.named = named;
        }
    }

    /// Who was probed lives.
    pub(super) fn on_ack(&mut self, cx: &mut Context, number: u32) {
        self.awareness.improve();
        self.prober.end(cx, number);
    }

    /// A probe is overdue, or its helpers are.
    pub(super) fn on_overdue_timer(&mut self, cx: &mut Context, number: u32) {
        let is_heard = self.is_heard(cx, number);
        let Some(probe) = self.prober.by_number(number) else { return };
        if probe.is_late(cx) {
            // Departure: a timer that fires late proves that this peer was stopped, which local
            // health would only guess. The answer may lie unread.
            probe.wait(cx, probe.patience);
            self.awareness.worsen(cx, 1);
        } else if is_heard {
            self.prober.end(cx, number);
        } else if probe.is_untried {
            self.dial_again(cx, number);
        } else if probe.asked > 0 && probe.untried == probe.asked {
            self.on_nobody_asked(cx, number);
        } else if probe.asked == 0 {
            cx.stats.pings_missed += 1;
            self.ask_helpers(cx, number);
        } else {
            self.give_up(cx, number);
        }
    }

    /// This machine could not dial before.
    fn dial_again(&mut self, cx: &mut Context, number: u32) {
        let Some(probe) = self.prober.by_number(number) else { return };
        let link = cx.dial(Target::Node(&probe.subject), Purpose::Probe, Owner::Probe(number));
        cx.stats.pings += 1;
        (probe.link, probe.sent, probe.is_untried) = (link, cx.now, false);
        probe.wait(cx, probe.patience);
    }

    /// This machine could dial none of the helpers, so nobody is accused. A neighbor has its next turn;
    /// whose link is lost has none.
    fn on_nobody_asked(&mut self, cx: &mut Context, number: u32) {
        self.awareness.worsen(cx, 1);
        let Some(probe) = self.prober.by_number(number) else { return };
        if probe.is_dialed {
            probe.try_again_later(cx);
        } else {
            self.prober.end(cx, number);
        }
    }

    /// Whether a neighbor that was pinged has said anything since. Departure: SWIM takes acks alone,
    /// which are packets of their own; on a link they wait behind all that was sent before.
    fn is_heard(&mut self, cx: &Context, number: u32) -> bool {
        let Some(probe) = self.prober.by_number(number) else { return false };
        // Whose link is in doubt must answer on it: the rest may be what was on its way.
        let counts = !probe.is_dialed && probe.cause != Cause::Challenge;
        counts && cx.neighbors.has_heard_since(&probe.subject, probe.sent)
    }

    /// Nothing was heard directly: K others are asked (SWIM §3.1).
    pub(super) fn ask_helpers(&mut self, cx: &mut Context, number: u32) {
        let patience = self.awareness.patience(waits::for_helpers(cx));
        let Some(probe) = self.prober.by_number(number) else { return };
        if probe.cause == Cause::Challenge {
            cx.tell(Fact::Stalled(probe.link));
            self.prober.end(cx, number);
            return;
        }
        let subject = probe.subject.subject();
        let held = self.members.life(&probe.subject);
        if held.is_some_and(|it| self.suspicions.is_told(&it.record, it.incarnation)) {
            // This peer has said so already: the ping was to let the suspect refute.
            self.prober.end(cx, number);
            return;
        }
        let named = if probe.is_dialed { &probe.named } else { self.named.of(probe.link) };
        let helpers = helpers(cx, subject, named, &self.members);
        if helpers.is_empty() {
            self.give_up(cx, number);
            return;
        }
        let owner = Owner::Helper(number);
        let mut dial = |helper| cx.dial(Target::Node(helper), Purpose::PingRequest, owner);
        probe.silent = helpers.iter().map(&mut dial).collect();
        probe.asked = u8::try_from(helpers.len()).unwrap_or(u8::MAX);
        probe.wait(cx, patience);
    }

    /// Nobody heard it: it is suspected. If it is held dead already, it came back as a neighbor and
    /// went before it could refute: only its link is left to end.
    fn give_up(&mut self, cx: &mut Context, number: u32) {
        let Some(probe) = self.prober.end(cx, number) else { return };
        if !probe.is_dialed && self.members.life(&probe.subject).is_some_and(Member::is_gone) {
            cx.tell(Fact::Stalled(probe.link));
            return;
        }
        // Lifeguard §IV-A: a failed probe and each missing nack speak against this peer itself.
        let missing = u32::try_from(probe.silent.len()).unwrap_or(u32::MAX);
        self.awareness.worsen(cx, missing.saturating_add(1));
        let nacks = u8::try_from(probe.nacked.len()).unwrap_or(u8::MAX);
        let evidence = match probe.cause {
            Cause::Lost => Evidence::LinkLost,
            Cause::Turn | Cause::Challenge | Cause::Suspected => {
                let (round_trip_us, asked) = (probe.round_trip_us, probe.asked);
                Evidence::Silent { round_trip_us, asked, nacks }
            }
        };
        let named = if probe.is_dialed { probe.named } else { self.named.of(probe.link).to_vec() };
        self.accuse(cx, &probe.subject, evidence, &named);
    }

    /// Its machine refuses connections: no helper would hear more.
    pub(super) fn on_refused(&mut self, cx: &mut Context, number: u32) {
        if let Some(probe) = self.prober.end(cx, number) {
            self.accuse(cx, &probe.subject, Evidence::Refused, &probe.named);
        }
    }

    /// A helper heard the subject. Three times in a row while its link is silent: nothing comes
    /// through on the link.
    pub(super) fn on_heard_by_helper(&mut self, cx: &mut Context, number: u32) {
        let Some(probe) = self.prober.by_number(number) else { return };
        let link = probe.link;
        let neighbor = cx.neighbors.by_link_mut(link).filter(|_| !probe.is_dialed);
        let misses = neighbor.map_or(0, |neighbor| neighbor.health.miss());
        if misses >= cx.config.detector.misses {
            cx.tell(Fact::Stalled(link));
        }
        self.on_ack(cx, number);
    }
}
