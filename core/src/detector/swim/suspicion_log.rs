//! Why somebody is suspected or held dead: who said so, what they saw, what became of it.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::MemberState;
use crate::id::{Incarnation, NodeId};
use crate::snapshot::{AccusationSnapshot, SuspicionSnapshot};
use crate::time::Instant;
use crate::util::room::{make_room, make_room_behind};
use crate::wire::{Claim, Evidence, MAX_CONFIRMERS, Statement};

/// Accusations of one suspicion that are kept: the first one and those who confirmed it.
const ACCUSATIONS: usize = 1 + MAX_CONFIRMERS;

/// The newest cases, oldest first, at most `max_links`.
#[derive(Clone, Debug, Default)]
pub(crate) struct SuspicionLog {
    log: VecDeque<LoggedSuspicion>,
}

#[derive(Clone, Debug)]
struct LoggedSuspicion {
    subject: AddressRecord,
    incarnation: Incarnation,
    accusations: Vec<Accusation>,
    /// `Suspect` while it is open.
    outcome: MemberState,
}

#[derive(Clone, Copy, Debug)]
struct Accusation {
    by: NodeId,
    at: Instant,
    evidence: Evidence,
}

impl SuspicionLog {
    /// Somebody accuses somebody. The first accuser opens the case; what comes after its end
    /// concerns it no more. The oldest case goes when there are too many.
    pub(crate) fn accuse(&mut self, cx: &mut Context, said: &Statement) {
        let evidence = match &said.claim {
            Claim::Suspect(evidence) | Claim::Dead { evidence, .. } => *evidence,
            Claim::Alive | Claim::Left => return,
        };
        let accusation = Accusation { by: said.by, at: cx.now, evidence };
        let is_it = |case: &&mut LoggedSuspicion| case.is_of(&said.subject, said.incarnation);
        if let Some(case) = self.log.iter_mut().rev().find(is_it) {
            case.add(accusation);
            return;
        }
        if self.log.len() >= cx.config.overlay.max_links {
            self.log.pop_front();
        }
        make_room_behind(&mut self.log);
        self.log.push_back(LoggedSuspicion {
            subject: said.subject.clone(),
            incarnation: said.incarnation,
            accusations: alloc::vec![accusation],
            outcome: MemberState::Suspect,
        });
    }

    /// What became of the open case of this member: alive is a refutation.
    pub(crate) fn close(&mut self, subject: NodeId, outcome: MemberState) {
        let is_open = |case: &&mut LoggedSuspicion| {
            case.subject.subject() == subject && case.outcome == MemberState::Suspect
        };
        for case in self.log.iter_mut().filter(is_open) {
            case.outcome = outcome;
        }
    }

    /// Others that accused it of this.
    pub(crate) fn accusers(
        &self,
        subject: &AddressRecord,
        incarnation: Incarnation,
        me: NodeId,
    ) -> Vec<NodeId> {
        let case = self.log.iter().rev().find(|case| case.is_of(subject, incarnation));
        let accusations = case.map_or(&[][..], |case| &case.accusations);
        let others = accusations.iter().map(|accusation| accusation.by).filter(|by| *by != me);
        others.take(MAX_CONFIRMERS).collect()
    }

    pub(crate) fn snapshot(&self, now: Instant) -> Vec<SuspicionSnapshot> {
        self.log.iter().map(|case| case.snapshot(now)).collect()
    }
}

impl LoggedSuspicion {
    fn is_of(&self, subject: &AddressRecord, incarnation: Incarnation) -> bool {
        self.incarnation == incarnation && self.subject.is_same_life(subject)
    }

    fn add(&mut self, accusation: Accusation) {
        let is_known = self.accusations.iter().any(|known| known.by == accusation.by);
        let is_open = self.outcome == MemberState::Suspect;
        if is_open && !is_known && self.accusations.len() < ACCUSATIONS {
            make_room(&mut self.accusations);
            self.accusations.push(accusation);
        }
    }

    fn snapshot(&self, now: Instant) -> SuspicionSnapshot {
        let view = |accusation: &Accusation| AccusationSnapshot {
            by: accusation.by,
            evidence: accusation.evidence,
            since: now.since(accusation.at),
        };
        SuspicionSnapshot {
            subject: self.subject.clone(),
            incarnation: self.incarnation,
            accusations: self.accusations.iter().map(view).collect(),
            outcome: self.outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::testing::context;

    fn said(of: &AddressRecord, incarnation: u32, by: u8) -> Statement {
        let (claim, by) = (Claim::Suspect(Evidence::Refused), NodeId::new([by; 32]));
        let (subject, incarnation) = (of.clone(), Incarnation(incarnation));
        Statement { subject, incarnation, claim, by, signature: None }
    }

    #[test]
    fn a_case_names_its_accusers_once_and_its_outcome() {
        let mut cx = context(Config::modern());
        let (mut log, subject) = (SuspicionLog::default(), cx.record.clone());
        for by in [2, 3, 3, 2] {
            log.accuse(&mut cx, &said(&subject, 0, by));
        }
        log.close(subject.subject(), MemberState::Alive);
        log.accuse(&mut cx, &said(&subject, 0, 4));
        let [case] = &log.snapshot(cx.now)[..] else { panic!("one case") };
        assert_eq!((case.accusations.len(), case.outcome), (2, MemberState::Alive));
        let others = log.accusers(&subject, Incarnation(0), NodeId::new([2; 32]));
        assert_eq!(others, [NodeId::new([3; 32])]);
    }

    #[test]
    fn cases_and_accusations_are_bounded() {
        let mut cx = context(Config::modern());
        let (mut log, subject) = (SuspicionLog::default(), cx.record.clone());
        for n in 0..100 {
            log.accuse(&mut cx, &said(&subject, n, 2));
        }
        (0..100).for_each(|by| log.accuse(&mut cx, &said(&subject, 99, by)));
        assert_eq!(log.log.len(), cx.config.overlay.max_links);
        assert_eq!(log.log.back().expect("some").accusations.len(), ACCUSATIONS);
    }
}
