//! Tables of members on their way to neighbors: what a newcomer gets, and what the halves of a healed
//! partition tell each other.
//!
//! ```text
//! peer                          new neighbor
//!   Members { part of the table }  ──▶          if it was not held alive here, from both sides
//!   Members { disputed }  ──▶  other neighbors  what is gone there and alive here
//!   Members { peer: suspect }  ◀──              as long as it is one there, with each ping
//!   Members { itself: alive }  ──▶              if it has refuted that
//! ```
//!
//! Differs from SWIM, which has no tables on the wire: memberlist exchanges them (push-pull), and like
//! there a table makes nobody dead, only suspected.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::detector::swim::Swim;
use crate::detector::swim::members::Member;
use crate::detector::swim::statements::is_plausible;
use crate::event::{MemberState, Misbehavior};
use crate::fact::Fact;
use crate::id::Incarnation;
use crate::links::neighbors::Neighbor;
use crate::wire::{Claim, Evidence, MAX_MEMBERS, Statement, SwimMessage};

impl Swim {
    /// A neighbor gives a part of its table. Nobody vouches for it, so it kills nobody: who is
    /// alive here and gone there is a suspect here, and hears of it from neighbor to neighbor.
    pub(crate) fn on_members(&mut self, cx: &mut Context, from: &Neighbor, members: &[Statement]) {
        let (mut is_forged, mut is_behind) = (false, false);
        let mut disputed: Vec<Statement> = Vec::new();
        for said in members {
            let is_of_subject = said.by == said.subject.subject();
            if !is_plausible(said) || !is_of_subject && said.by != from.id() {
                is_forged = true;
            } else if said.subject.subject() == cx.me() {
                is_behind |= self.has_refuted(cx, said);
                self.on_self_statement(cx, said);
            } else {
                disputed.extend(self.merge_hearsay(cx, from, said));
            }
        }
        if is_forged {
            cx.tolerate(from.link, Misbehavior::Forged("Members"));
        }
        if is_behind {
            let members = alloc::vec![self.of_itself(cx, Claim::Alive)];
            cx.send(from.link, SwimMessage::Members { members });
        }
        // Departure: this news is passed on, once per incarnation, because it must get to its
        // subjects: after a partition has healed, no other message tells them to refute.
        if !disputed.is_empty() {
            for link in cx.neighbors.links().into_iter().filter(|link| *link != from.link) {
                cx.send(link, SwimMessage::Members { members: disputed.clone() });
            }
        }
    }

    /// Whether a neighbor suspects this peer in an incarnation that it has refuted: a full table forgets
    /// members and what they refuted. (Without tables every suspicion is refuted anew.)
    fn has_refuted(&self, cx: &Context, said: &Statement) -> bool {
        let is_accusation = matches!(said.claim, Claim::Suspect(_) | Claim::Dead { .. });
        let is_old = said.subject.epoch() == cx.epoch() && said.incarnation < self.incarnation;
        is_accusation && is_old && cx.config.detector.swim.has_table()
    }

    /// Returns what this peer says of the subject now, if it held it alive before.
    fn merge_hearsay(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        said: &Statement,
    ) -> Option<Statement> {
        let held = self.members.get(said.subject.subject());
        let is_alive = held.is_some_and(|member| !member.is_gone());
        let is_bad = said.claim != Claim::Alive;
        if is_bad && is_alive && held.is_some_and(|it| !it.record.is_same_life(&said.subject)) {
            return None;
        }
        let mut said = said.clone();
        if is_bad && is_alive {
            (said.claim, said.by) = (Claim::Suspect(Evidence::Hearsay), from.id());
        }
        let is_near = cx.neighbors.by_id(said.subject.subject()).is_some();
        let is_news = self.merge(cx, &said, is_near);
        let is_disputed = is_news && is_bad && is_alive;
        is_disputed.then(|| self.members.life(&said.subject)).flatten().map(|it| view(cx, it))
    }

    /// A neighbor is here. Its hello is its own word that it lives. Who was not held alive gets the
    /// table: it is new, or it comes from the other side of a partition.
    pub(super) fn welcome(&mut self, cx: &mut Context, up: &Neighbor) {
        if !core::mem::replace(&mut self.is_announced, true) && cx.config.detector.swim.has_table()
        {
            cx.tell(Fact::Say(self.of_itself(cx, Claim::Alive)));
        }
        let held = self.members.life(&up.record).map(|member| member.state);
        if held == Some(MemberState::Alive) {
            return;
        }
        self.show_newer_life(cx, up);
        let by = up.id();
        let (subject, incarnation) = (up.record.clone(), Incarnation(0));
        let said = Statement { subject, incarnation, claim: Claim::Alive, by, signature: None };
        self.merge(cx, &said, true);
        self.give_table(cx, up);
    }

    /// Whoever comes in an older life than the one in the table would be held dead, or left, while it lives.
    pub(super) fn show_newer_life(&self, cx: &mut Context, neighbor: &Neighbor) {
        let held = self.members.get(neighbor.id()).map(|member| &member.record);
        if let Some(newer) = held.filter(|held| held.supersedes(&neighbor.record)) {
            cx.show_life(neighbor.link, &neighbor.record, newer, false);
        }
    }

    fn give_table(&self, cx: &mut Context, to: &Neighbor) {
        let has_table = cx.config.detector.swim.has_table();
        let is_told = |member: &&Member| {
            let is_itself = member.record.subject() == to.id();
            let is_accused = member.state != MemberState::Alive;
            if is_itself { is_accused } else { has_table }
        };
        let told: Vec<_> = self.members.iter().filter(is_told).map(|it| view(cx, it)).collect();
        for part in told.chunks(MAX_MEMBERS) {
            cx.send(to.link, SwimMessage::Members { members: part.to_vec() });
        }
    }

    /// What this peer says of somebody whom it does not hold alive.
    pub(super) fn suspicion_about(
        &self,
        cx: &Context,
        subject: &AddressRecord,
    ) -> Option<Vec<Statement>> {
        let member = self.members.life(subject)?;
        (member.state == MemberState::Suspect).then(|| alloc::vec![view(cx, member)])
    }
}

/// What this peer holds of a member, as its own word where that is allowed.
fn view(cx: &Context, member: &Member) -> Statement {
    let evidence = Evidence::Hearsay;
    let (claim, by) = match member.state {
        MemberState::Alive => (Claim::Alive, member.record.subject()),
        MemberState::Suspect => (Claim::Suspect(evidence), cx.me()),
        MemberState::Dead => (Claim::Dead { evidence, confirmers: Vec::new() }, cx.me()),
        MemberState::Left => (Claim::Left, member.record.subject()),
    };
    let (subject, incarnation) = (member.record.clone(), member.incarnation);
    Statement { subject, incarnation, claim, by, signature: None }
}
