//! How the seed node's list changes by agreement with other seed nodes (R21, R22).
//!
//! A peer's own leave needs no agreement. Neither does an entry that lapses: its peer answers, and has
//! moved its registration elsewhere.

use super::SeedNode;
use crate::address::AddressRecord;
use crate::config::DecisionMode;
use crate::event::{ProbeReason, Removal, VoteOutcome};
use crate::id::{BootEpoch, LinkId, NodeId};
use crate::links::Up;
use crate::seed_node::quorum::decision::{Decision, ProposedChange};
use crate::wire::{Bye, Proposal, ProposalKind, Vote, VoteMessage};

impl SeedNode {
    /// A peer wants to be listed: it is, or the others are asked.
    pub(super) fn on_register(&mut self, link: LinkId, up: &Up) {
        let subject = up.remote.subject();
        let is_listed =
            self.list.get(subject).is_some_and(|entry| entry.record.is_same_life(&up.remote));
        if is_listed || self.cx.config.registration.listing == DecisionMode::Local {
            self.enter(link, &up.remote);
        } else if !self.quorum.waits_on(subject, link) {
            self.ask_to_list(link, &up.remote);
        }
    }

    fn ask_to_list(&mut self, link: LinkId, record: &AddressRecord) {
        let subject = record.subject();
        let open = self.quorum.proposal_on(subject);
        if open.is_some_and(|proposal| proposal.record.supersedes(record)) {
            self.cx.close(link, Bye::Removed);
            return;
        }
        self.void(subject, Bye::Replaced);
        self.quorum.put(&mut self.cx, record.clone(), ProposedChange::List(link));
    }

    /// An entry did not answer: it goes, or the others are asked.
    pub(super) fn start_removal(&mut self, subject: NodeId, reason: Removal) {
        if self.cx.config.registration.removal == DecisionMode::Local {
            self.remove_entry(subject, reason);
            return;
        }
        // A proposal that is open is on this life too, or on a newer one that asks to be listed.
        let Some(entry) = self.list.get(subject) else { return };
        if self.quorum.proposal_on(subject).is_none() {
            let record = entry.record.clone();
            self.quorum.put(&mut self.cx, record, ProposedChange::Remove(reason));
        }
    }

    pub(super) fn on_decision(&mut self, decision: Decision) {
        let Decision { record, change, outcome } = decision;
        let subject = record.subject();
        match (change, outcome) {
            (_, VoteOutcome::Void) => {}
            (ProposedChange::List(link), VoteOutcome::Passed) => self.enter(link, &record),
            // The peer tries again after a pause, here or elsewhere.
            (ProposedChange::List(link), VoteOutcome::Rejected | VoteOutcome::NoQuorum) => {
                self.cx.close(link, Bye::Removed);
            }
            (ProposedChange::Remove(reason), VoteOutcome::Passed) => {
                self.remove_entry(subject, reason);
            }
            (ProposedChange::Remove(_), VoteOutcome::Rejected) => {
                self.list.renew(&mut self.cx, subject);
            }
            // The entry stays for a lease and is probed again then.
            (ProposedChange::Remove(_), VoteOutcome::NoQuorum) => {
                let lease = self.cx.config.registration.lease;
                self.list.defer(&mut self.cx, subject, lease);
            }
        }
    }

    /// Ends the proposal on a subject. Whoever waits to be listed is told `bye`.
    fn void(&mut self, subject: NodeId, bye: Bye) {
        let decision = self.quorum.void(&mut self.cx, subject);
        if let Some(Decision { change: ProposedChange::List(link), .. }) = decision {
            self.cx.close(link, bye);
        }
    }

    /// Ends the proposal on a life that gave a sign of itself or has left, or on an older one.
    pub(super) fn void_up_to(&mut self, subject: NodeId, epoch: BootEpoch) {
        let open = self.quorum.proposal_on(subject);
        if open.is_some_and(|proposal| proposal.record.epoch() <= epoch) {
            self.void(subject, Bye::Removed);
        }
    }

    /// Another seed node asks.
    pub(super) fn on_proposal(&mut self, link: LinkId, proposal: &Proposal) {
        let number = proposal.number;
        let vote = match proposal.kind {
            ProposalKind::List => Some(self.would_list(&proposal.subject)),
            ProposalKind::Remove => self.is_dead(link, proposal),
        };
        if let Some(agrees) = vote {
            self.cx.send(link, VoteMessage::Vote(Vote { number, agrees }));
        }
    }

    fn would_list(&self, record: &AddressRecord) -> bool {
        match self.list.get(record.subject()) {
            Some(entry) => !entry.record.supersedes(record),
            None => self.list.len() < self.cx.config.registration.registry_max,
        }
    }

    /// Whether a life has ended, when that is known. Otherwise it is probed, and the vote follows,
    /// unless another life of the subject is being probed just now.
    fn is_dead(&mut self, link: LinkId, proposal: &Proposal) -> Option<bool> {
        let record = &proposal.subject;
        let (subject, epoch) = (record.subject(), record.epoch());
        let listed = self.list.get(subject);
        if listed.is_some_and(|entry| entry.record.supersedes(record))
            || self.quorum.holds_dead(subject, epoch)
        {
            return Some(true);
        }
        let is_other =
            self.probes.probed_epoch(subject).is_some_and(|probed_epoch| probed_epoch != epoch);
        if !is_other && self.quorum.owe(&mut self.cx, link, proposal.number, subject) {
            self.probes.begin(&mut self.cx, record, ProbeReason::VoteRequested);
        }
        None
    }
}
