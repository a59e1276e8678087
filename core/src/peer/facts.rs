//! What the parts found, carried out: links end, seed nodes are told, statements are spread.

use alloc::boxed::Box;

use crate::address::AddressRecord;
use crate::event::{Event, NeighborLoss};
use crate::fact::Fact;
use crate::failure::LinkLoss;
use crate::peer::Peer;
use crate::registration::notices::announce;
use crate::wire::{Bye, DeathReport, RegistrationMessage, Statement, SwimMessage};

impl Peer {
    /// Carries out facts until there are none. What is carried out may lead to others.
    pub(super) fn carry_out_facts(&mut self) {
        while let Some(fact) = self.cx.next_fact() {
            self.carry_out(fact);
        }
    }

    fn carry_out(&mut self, fact: Fact) {
        let Self { cx, bootstrap, detector, .. } = self;
        match fact {
            Fact::RuleBroken(link, kind) => {
                let outcome = cx.expel(link, kind);
                self.on_outcome(link, outcome);
            }
            Fact::Surplus(link) => self.drop_neighbor(link, Bye::Surplus),
            Fact::Stalled(link) => {
                cx.close(link, Bye::Replaced);
                self.lose_neighbor(link, NeighborLoss::LinkLost(LinkLoss::Stalled));
            }
            Fact::NeighborsUnverified => {
                for link in cx.neighbors.links() {
                    detector.challenge(cx, link);
                }
            }
            Fact::ListsWanted => bootstrap.request_lists(cx),
            Fact::Dead { subject, is_own } => self.on_death(subject, is_own),
            Fact::Left(subject) => self.on_departure(&subject),
            Fact::Say(statement) => self.say(&statement),
            Fact::Reserved(link, envelope) => detector.on_reserved(cx, link, &envelope),
            Fact::KnownLife(known) => self.on_known_life(&known),
            Fact::Probed(_) | Fact::Decided(_) => unreachable!("no part of a peer says {fact:?}"),
        }
    }

    /// Tells everybody what this peer says of a member. Without a table its neighbors alone, who have a use
    /// for it: all that it says then is that it lives itself.
    pub(super) fn say(&mut self, statement: &Statement) {
        let Self { cx, broadcast, .. } = self;
        cx.stats.statements += 1;
        if cx.config.detector.swim.has_table() {
            broadcast.state(cx, statement.to_payload());
            return;
        }
        for link in cx.neighbors.links() {
            cx.stats.statements_sent += 1;
            cx.send(link, SwimMessage::Statement(Box::new(statement.clone())));
        }
    }

    fn on_death(&mut self, subject: AddressRecord, is_own: bool) {
        self.drop_life(&subject, Bye::Silent);
        self.overlay.forget(subject.subject());
        if is_own {
            self.report_death(subject);
        }
    }

    /// Every seed node is told of a death (R17).
    fn report_death(&mut self, subject: AddressRecord) {
        let Self { cx, bootstrap, .. } = self;
        cx.stats.death_reports += 1;
        cx.emit(Event::DeathReported { subject: subject.clone() });
        let reporter = cx.me();
        let report = DeathReport { subject, reporter, at: cx.unix(), signature: None };
        announce(cx, bootstrap, &RegistrationMessage::DeathReport(Box::new(report)));
    }

    /// Its own goodbye on the link may have been lost, with the link itself.
    fn on_departure(&mut self, subject: &AddressRecord) {
        self.drop_life(subject, Bye::Done);
        self.overlay.forget(subject.subject());
    }

    /// Ends the link with a neighbor, unless that is a newer life of it.
    fn drop_life(&mut self, subject: &AddressRecord, bye: Bye) {
        let neighbor = self.cx.neighbors.by_id(subject.subject());
        if let Some(old) = neighbor.filter(|it| !it.record.supersedes(subject)) {
            self.drop_neighbor(old.link, bye);
        }
    }
}
