//! What is said of members: by this peer, of this peer, and by all others (SWIM §4).

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::detector::swim::Swim;
use crate::detector::swim::members::MergeResult;
use crate::detector::swim::prober::{self, Cause};
use crate::detector::swim::suspicion::{Limits, Span};
use crate::detector::swim::waits;
use crate::event::{Event, MemberState};
use crate::fact::Fact;
use crate::id::{Incarnation, NodeId};
use crate::links::neighbors::Neighbor;
use crate::links::{Delivery, Target};
use crate::wire::{Claim, Evidence, Message, Purpose, Statement, SwimMessage};

/// A member that lives refutes at most once per timeout, so honest ones stay far below it. Accusers
/// must stay below it, and the subject may say it: nobody can accuse where nobody can refute. *Guess.*
const MAX_INCARNATION: Incarnation = Incarnation(1 << 30);

impl Swim {
    /// A statement came. False when only a liar can have made it.
    pub(crate) fn on_statement(
        &mut self,
        cx: &mut Context,
        origin: NodeId,
        said: &Statement,
    ) -> bool {
        if said.by != origin || !is_plausible(said) {
            return false;
        }
        let subject = said.subject.subject();
        if subject == cx.me() {
            return self.on_self_statement(cx, said);
        }
        let neighbor = cx.neighbors.by_id(subject).cloned();
        self.note_accusation(cx, said, neighbor.is_some());
        self.merge(cx, said, neighbor.is_some());
        if let (Claim::Suspect(_), Some(neighbor)) = (&said.claim, neighbor) {
            self.see_after_suspect(cx, &neighbor);
        }
        true
    }

    /// Somebody says this to this peer alone, which is done where there are no tables: a suspicion to one
    /// that may confirm it, or its own refutation to a neighbor. Nothing else is believed: the subject
    /// would not hear of it, and could not refute.
    pub(crate) fn on_direct_statement(
        &mut self,
        cx: &mut Context,
        from: NodeId,
        said: &Statement,
    ) -> bool {
        match said.claim {
            Claim::Dead { .. } | Claim::Left => false,
            Claim::Alive | Claim::Suspect(_) if self.is_relevant(cx, &said.subject) => {
                self.on_statement(cx, from, said)
            }
            // An honest peer may say so to a former neighbor of the subject.
            Claim::Alive | Claim::Suspect(_) => said.by == from && is_plausible(said),
        }
    }

    /// Whether this is itself, a neighbor, or one that it probes or accuses.
    fn is_relevant(&mut self, cx: &Context, subject: &AddressRecord) -> bool {
        let id = subject.subject();
        id == cx.me()
            || cx.neighbors.by_id(id).is_some()
            || self.prober.of(id).is_some()
            || self.suspicions.accuses(id)
    }

    /// Lifeguard §IV-B wants independent confirmations: who hears of a suspicion of its own neighbor
    /// probes that at once, instead of when it is its turn.
    fn see_after_suspect(&mut self, cx: &mut Context, neighbor: &Neighbor) {
        let Some(member) = self.members.life(&neighbor.record) else { return };
        let is_told = self.suspicions.is_told(&member.record, member.incarnation);
        if member.state == MemberState::Suspect && !is_told {
            self.probe(cx, neighbor.record.clone(), Cause::Suspected);
        }
    }

    /// Keeps who accuses whom, also where the table knows it already: confirmations bring the end of
    /// a suspicion nearer. What the table has overruled counts no more.
    fn note_accusation(&mut self, cx: &mut Context, said: &Statement, is_near: bool) {
        if !matches!(said.claim, Claim::Suspect(_) | Claim::Dead { .. }) {
            return;
        }
        let held = self.members.get(said.subject.subject());
        let is_known = held.is_some() || is_near || cx.config.detector.swim.has_table();
        let is_overruled = held.is_some_and(|member| {
            member.is_gone()
                || member.record.supersedes(&said.subject)
                || member.record.is_same_life(&said.subject)
                    && member.incarnation > said.incarnation
        });
        if is_known && !is_overruled {
            self.log.accuse(cx, said);
            self.suspicions.confirm(cx, &said.subject, said.incarnation, said.by);
        }
    }

    /// Takes a statement into the table. Returns whether that changed the state of its subject.
    pub(super) fn merge(&mut self, cx: &mut Context, said: &Statement, is_near: bool) -> bool {
        if said.by == said.subject.subject() {
            cx.neighbors.note_moved(core::slice::from_ref(&said.subject));
        }
        let merged = self.members.merge(cx, said, is_near);
        let (subject, state) = (said.subject.clone(), MemberState::of(&said.claim));
        if matches!(merged, MergeResult::Old) {
            return false;
        }
        if state != MemberState::Suspect {
            self.suspicions.end(cx, subject.subject());
            self.log.close(subject.subject(), state);
        }
        let evidence = match &said.claim {
            Claim::Suspect(evidence) | Claim::Dead { evidence, .. } => Some(*evidence),
            Claim::Alive | Claim::Left => None,
        };
        let is_own = said.by == cx.me() && evidence != Some(Evidence::Hearsay);
        match state {
            MemberState::Dead => {
                cx.tell(Fact::Dead { subject: subject.clone(), is_own });
            }
            MemberState::Left => cx.tell(Fact::Left(subject.clone())),
            MemberState::Alive if merged == MergeResult::News => self.prober.insert(cx, &subject),
            MemberState::Alive | MemberState::Suspect => {}
        }
        if merged == MergeResult::News && matches!(state, MemberState::Dead | MemberState::Left) {
            // Of a neighbor in an older life: it does not know of the newer one.
            if let Some(neighbor) = cx.neighbors.by_id(subject.subject()).cloned() {
                self.show_newer_life(cx, &neighbor);
            }
        }
        if merged == MergeResult::News {
            cx.emit(Event::Member { subject, state, by: said.by, evidence });
        }
        merged == MergeResult::News
    }

    /// Says that somebody does not answer, once per incarnation. `named` are its neighbors, as far as is
    /// known.
    pub(super) fn accuse(
        &mut self,
        cx: &mut Context,
        subject: &AddressRecord,
        evidence: Evidence,
        named: &[AddressRecord],
    ) {
        let held = self.members.get(subject.subject());
        let is_over = held.is_some_and(|it| it.is_gone() || it.record.supersedes(subject));
        let incarnation = self.members.life(subject).map_or(Incarnation(0), |it| it.incarnation);
        let is_safe = incarnation >= MAX_INCARNATION;
        if is_over || is_safe || self.suspicions.is_told(subject, incarnation) {
            return;
        }
        let claim = Claim::Suspect(evidence);
        let (by, signature) = (cx.me(), None);
        let said = Statement { subject: subject.clone(), incarnation, claim, by, signature };
        self.log.accuse(cx, &said);
        self.merge(cx, &said, true);
        let members = self.members.living();
        // With too few who could confirm, nobody is waited for (memberlist does the same). Only
        // neighbors probe neighbors, so those are who could.
        let others =
            if prober::probes_members(cx) { members.saturating_sub(2) } else { named.len() };
        let enough = cx.config.detector.swim.confirmations.min(others);
        let confirmers = self.log.accusers(subject, incarnation, cx.me());
        let limits = Limits { span: Span::of(cx, members), enough };
        if self.suspicions.begin(cx, &said, evidence, confirmers, limits) {
            Self::tell(cx, said, named);
        }
    }

    /// Tells a suspicion to everybody, or without a table to those whom the suspect named.
    fn tell(cx: &mut Context, said: Statement, named: &[AddressRecord]) {
        if cx.config.detector.swim.has_table() {
            cx.tell(Fact::Say(said));
            return;
        }
        cx.stats.statements += 1;
        let me = cx.me();
        for other in named.iter().filter(|other| other.subject() != me) {
            let is_suspicion = |what| what == Delivery::Suspicion;
            if cx.links.deliveries(is_suspicion) >= cx.config.overlay.max_links {
                cx.stats.limits.lost += 1;
                continue;
            }
            let message = Message::Swim(SwimMessage::Statement(Box::new(said.clone())));
            cx.deliver(Target::Node(other), Purpose::PingRequest, Delivery::Suspicion, message);
        }
    }

    /// A suspicion was not refuted in time.
    pub(super) fn on_suspicion_timer(&mut self, cx: &mut Context, number: u32) {
        let patience = self.awareness.patience(waits::longest(cx));
        if self.suspicions.is_late(cx, number, patience) {
            self.awareness.worsen(cx, 1);
            return;
        }
        let Some(open) = self.suspicions.get(number) else { return };
        if cx.neighbors.has_heard_since(&open.subject, open.probed_epoch) {
            // Departure: who is heard lives, and its refutation waits behind other messages.
            self.suspicions.prolong(cx, number);
            return;
        }
        let Some(over) = self.suspicions.take(number) else { return };
        let (subject, incarnation) = (over.subject, over.incarnation);
        let claim = Claim::Dead { evidence: over.evidence, confirmers: over.confirmers };
        let (by, signature) = (cx.me(), None);
        let said = Statement { subject, incarnation, claim, by, signature };
        if self.merge(cx, &said, true) && cx.config.detector.swim.has_table() {
            cx.tell(Fact::Say(said));
        }
    }

    /// Suspects whose accusers never came back to them, perhaps because they died too, are dead.
    /// Everybody finds out alone, so nobody says it.
    pub(super) fn sweep(&mut self, cx: &mut Context) {
        for (subject, incarnation) in self.members.sweep(cx).suspects {
            let (by, signature) = (cx.me(), None);
            let claim = Claim::Dead { evidence: Evidence::Hearsay, confirmers: Vec::new() };
            let said = Statement { subject, incarnation, claim, by, signature };
            self.merge(cx, &said, true);
        }
    }

    /// Somebody speaks of this peer. False for what only it itself may say, and never said.
    pub(super) fn on_self_statement(&mut self, cx: &mut Context, said: &Statement) -> bool {
        if said.subject.epoch() != cx.epoch() {
            return true;
        }
        match said.claim {
            Claim::Alive => self.incarnation = self.incarnation.max(said.incarnation),
            Claim::Left => return cx.leaving,
            // SWIM §4.2: the subject alone raises its incarnation, above what it is accused with.
            Claim::Suspect(_) | Claim::Dead { .. } if said.incarnation >= self.incarnation => {
                self.incarnation = said.incarnation.next();
                self.request_refutation(cx);
            }
            // It was refuted, but where that is not broadcast the accuser need not have been a neighbor.
            Claim::Suspect(_) | Claim::Dead { .. } if !cx.config.detector.swim.has_table() => {
                self.request_refutation(cx);
            }
            Claim::Suspect(_) | Claim::Dead { .. } => {}
        }
        true
    }

    fn request_refutation(&mut self, cx: &mut Context) {
        self.refutation_pending = true;
        let pause = cx.config.detector.swim.probe_timeout;
        if self.refuted.is_none_or(|refuted| cx.now.since(refuted) >= pause) {
            self.send_refutation(cx);
        }
    }

    /// Refutes, at most once per timeout: accusations are cheap, and a refutation goes to many.
    pub(super) fn send_refutation(&mut self, cx: &mut Context) {
        if core::mem::take(&mut self.refutation_pending) && !cx.leaving {
            self.refuted = Some(cx.now);
            // Lifeguard §IV-A: who is suspected may be slow itself.
            self.awareness.worsen(cx, 1);
            cx.stats.refutations += 1;
            cx.tell(Fact::Say(self.of_itself(cx, Claim::Alive)));
        }
    }

    /// This node has other addresses, and says so as it would refute.
    pub(crate) fn on_moved(&mut self, cx: &mut Context) {
        if self.incarnation < MAX_INCARNATION && !cx.leaving {
            self.incarnation = Incarnation(self.incarnation.0 + 1);
            cx.tell(Fact::Say(self.of_itself(cx, Claim::Alive)));
        }
    }

    /// A neighbor said on its link that it leaves.
    pub(super) fn on_left(&mut self, cx: &mut Context, record: &AddressRecord) {
        let incarnation = self.members.life(record).map_or(Incarnation(0), |it| it.incarnation);
        let (subject, by) = (record.clone(), record.subject());
        let said = Statement { subject, incarnation, claim: Claim::Left, by, signature: None };
        self.merge(cx, &said, true);
    }

    /// What this peer says of itself.
    pub(super) fn of_itself(&self, cx: &Context, claim: Claim) -> Statement {
        let (subject, incarnation) = (cx.record.clone(), self.incarnation);
        Statement { subject, incarnation, claim, by: cx.me(), signature: None }
    }
}

/// Whether the speaker may say that: only the subject says that it lives or left, and only others
/// accuse it.
pub(super) fn is_plausible(said: &Statement) -> bool {
    let is_of_itself = said.by == said.subject.subject();
    match said.claim {
        Claim::Alive | Claim::Left => is_of_itself && said.incarnation <= MAX_INCARNATION,
        Claim::Suspect(_) | Claim::Dead { .. } => {
            !is_of_itself && said.incarnation < MAX_INCARNATION
        }
    }
}
