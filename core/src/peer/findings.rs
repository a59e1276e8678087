//! What a detector found, carried out: links end, seed nodes are told, statements are spread.

use alloc::boxed::Box;

use crate::address::AddressRecord;
use crate::detector::strikes::Overdue;
use crate::detector::swim::{Finding, Swim};
use crate::event::{Event, NeighborLoss};
use crate::failure::LinkLoss;
use crate::id::LinkId;
use crate::links::neighbors::Neighbor;
use crate::messaging::Topic;
use crate::peer::Peer;
use crate::registration::notices::announce;
use crate::timers::Timer;
use crate::wire::{Bye, DeathReport, Message, Statement};

impl Peer {
    #[expect(clippy::wildcard_enum_match_arm, reason = "picks the timers that come here")]
    pub(super) fn on_strikes_timer(&mut self, timer: Timer) {
        let Self { cx, detector, .. } = self;
        match timer {
            Timer::Ping(link) => {
                if let (Some(neighbor), Some(strikes)) =
                    (cx.neighbors.by_link(link).cloned(), detector.as_strikes())
                {
                    strikes.on_ping_timer(cx, &neighbor);
                }
            }
            Timer::Redial(number) => {
                let isolated = cx.neighbors.is_empty();
                if let Some(strikes) = detector.as_strikes() {
                    strikes.on_redial_timer(cx, number, isolated);
                }
            }
            Timer::Answer(link) => self.on_answer_timer(link),
            _ => unreachable!("{timer:?} is none of its timers"),
        }
    }

    fn on_answer_timer(&mut self, link: LinkId) {
        let Some(neighbor) = self.cx.neighbors.by_link(link).cloned() else { return };
        let Some(strikes) = self.detector.as_strikes() else { return };
        match strikes.on_answer_timer(&mut self.cx, &neighbor) {
            Overdue::Strike => {}
            Overdue::Dead => self.declare_dead(neighbor),
            Overdue::Lost => self.on_stalled(link),
        }
    }

    /// Nothing comes through on a neighbor's link.
    fn on_stalled(&mut self, link: LinkId) {
        self.cx.close(link, Bye::Replaced);
        self.lose_neighbor(link, NeighborLoss::LinkLost(LinkLoss::Stalled));
    }

    pub(super) fn on_not_connected(&mut self, link: LinkId) {
        let Self { cx, detector, .. } = self;
        let dead = detector.as_strikes().and_then(|it| it.on_not_connected(cx, link));
        if let Some(dead) = dead {
            self.declare_dead(dead);
        }
    }

    /// Three strikes against a neighbor that is linked.
    fn declare_dead(&mut self, neighbor: Neighbor) {
        self.drop_neighbor(neighbor.link, Bye::Silent);
        self.report_death(neighbor.record);
    }

    /// Three strikes: every seed node is told (R17).
    pub(super) fn report_death(&mut self, subject: AddressRecord) {
        let Self { cx, bootstrap, .. } = self;
        self.overlay.forget(subject.subject());
        cx.stats.death_reports += 1;
        cx.emit(Event::DeathReported { subject: subject.clone() });
        let reporter = cx.me();
        let report = DeathReport { subject, reporter, at: cx.unix(), signature: None };
        announce(cx, bootstrap, &Message::DeathReport(Box::new(report)));
    }

    /// Carries out what the detector `swim` found.
    pub(super) fn carry_out_findings(&mut self) {
        while let Some(finding) = self.detector.as_swim().and_then(Swim::next_finding) {
            match finding {
                Finding::Say(statement) => self.say(&statement),
                Finding::Dead { subject, is_own } => self.on_death(subject, is_own),
                Finding::Left(subject) => self.on_departure(&subject),
                Finding::Stalled(link) => self.on_stalled(link),
            }
        }
    }

    /// Tells everybody what this peer says of a member. Without a table its neighbors alone, who have a use
    /// for it: all that it says then is that it lives itself.
    pub(super) fn say(&mut self, statement: &Statement) {
        self.cx.stats.statements += 1;
        if self.cx.config.detector.swim.has_table() {
            self.publish(Topic::members(), statement.to_payload());
            return;
        }
        for link in self.cx.neighbors.links() {
            self.cx.stats.statements_sent += 1;
            self.cx.send(link, Message::Statement(Box::new(statement.clone())));
        }
    }

    fn on_death(&mut self, subject: AddressRecord, is_own: bool) {
        self.is_settled = false;
        self.drop_life(&subject, Bye::Silent);
        if is_own {
            self.report_death(subject);
        } else {
            self.overlay.forget(subject.subject());
        }
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
