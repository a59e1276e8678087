//! What this seed node has asked the others, and how they voted (R21, R22).
//!
//! There is one proposal per subject at most, on one life of it. A vote is bound to its proposal by a
//! number that is never used again, so votes on an older life, or on a proposal that has ended, count
//! for nothing.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::VoteOutcome;
use crate::id::{BootEpoch, LinkId, NodeId};
use crate::seed_node::quorum::decision::ProposedChange;
use crate::seed_node::timer::SeedNodeTimer;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{Message, Proposal, ProposalKind, Vote, VoteMessage};

/// A proposal that is not decided yet.
#[derive(Clone, Debug)]
pub(crate) struct OpenProposal {
    pub(crate) record: AddressRecord,
    pub(crate) change: ProposedChange,
    ayes: BTreeSet<NodeId>,
    nays: BTreeSet<NodeId>,
}

/// The proposals under way, at most `votes_max`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proposals {
    open: BTreeMap<u64, OpenProposal>,
    /// The number of the proposal on each subject.
    numbers: BTreeMap<NodeId, u64>,
    /// How many there ever were.
    put: u64,
}

/// How many of so many seed nodes are more than half.
pub(super) const fn quorum_of(all: usize) -> usize {
    all / 2 + 1
}

impl OpenProposal {
    pub(crate) const fn new(record: AddressRecord, change: ProposedChange) -> Self {
        Self { record, change, ayes: BTreeSet::new(), nays: BTreeSet::new() }
    }

    pub(crate) fn has_vote_of(&self, node: NodeId) -> bool {
        self.ayes.contains(&node) || self.nays.contains(&node)
    }

    /// What came of it among `all` seed nodes; this one is for it.
    fn outcome(&self, all: usize) -> Option<VoteOutcome> {
        let quorum = quorum_of(all);
        if self.ayes.len() + 1 >= quorum {
            Some(VoteOutcome::Passed)
        } else if self.nays.len() > all - quorum {
            Some(VoteOutcome::Rejected)
        } else {
            None
        }
    }
}

impl Proposals {
    /// Opens a proposal, for which there must be none on its subject. Returns what to ask the others.
    pub(crate) fn put(&mut self, cx: &mut Context, proposal: OpenProposal) -> Message {
        let number = self.put;
        self.put += 1;
        let patience = proposal.change.patience(&cx.config);
        cx.arm(SeedNodeTimer::Proposal(number), patience);
        let message = message(number, &proposal);
        let other = self.numbers.insert(proposal.record.subject(), number);
        debug_assert!(other.is_none(), "two proposals on one subject");
        self.open.insert(number, proposal);
        message
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        holds(self.open.len() == self.numbers.len(), "two proposals about one peer")?;
        let is_armed = |number: &u64| cx.timers.is_armed(SeedNodeTimer::Proposal(*number));
        holds(self.open.keys().all(is_armed), "a proposal without an end")
    }

    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// The proposal on this subject.
    pub(crate) fn on(&self, subject: NodeId) -> Option<&OpenProposal> {
        self.open.get(self.numbers.get(&subject)?)
    }

    /// The subject that waits on this link to be listed, if it is this one.
    pub(crate) fn waits_on(&self, subject: NodeId, link: LinkId) -> bool {
        self.on(subject).is_some_and(|proposal| proposal.change == ProposedChange::List(link))
    }

    /// Whether this seed node holds that life dead, and waits for others to agree.
    pub(crate) fn holds_dead(&self, subject: NodeId, epoch: BootEpoch) -> bool {
        self.on(subject).is_some_and(|proposal| {
            proposal.change.kind() == ProposalKind::Remove && proposal.record.epoch() == epoch
        })
    }

    /// Counts a vote, the first of each node. Returns the proposal if that decides it.
    pub(crate) fn count(
        &mut self,
        cx: &mut Context,
        voter: NodeId,
        vote: Vote,
        all: usize,
    ) -> Option<(OpenProposal, VoteOutcome)> {
        let proposal = self.open.get_mut(&vote.number)?;
        if !proposal.has_vote_of(voter) {
            let votes = if vote.agrees { &mut proposal.ayes } else { &mut proposal.nays };
            votes.insert(voter);
        }
        let outcome = proposal.outcome(all)?;
        Some((self.take(cx, vote.number)?, outcome))
    }

    /// Ends a proposal whose votes decide it among so many, if there is one.
    pub(crate) fn take_decided(
        &mut self,
        cx: &mut Context,
        all: usize,
    ) -> Option<(OpenProposal, VoteOutcome)> {
        let decided =
            |(number, proposal): (&u64, &OpenProposal)| Some((*number, proposal.outcome(all)?));
        let (number, outcome) = self.open.iter().find_map(decided)?;
        Some((self.take(cx, number)?, outcome))
    }

    /// Ends a proposal.
    pub(crate) fn take(&mut self, cx: &mut Context, number: u64) -> Option<OpenProposal> {
        let proposal = self.open.remove(&number)?;
        self.numbers.remove(&proposal.record.subject());
        cx.timers.cancel(SeedNodeTimer::Proposal(number));
        Some(proposal)
    }

    /// Ends the proposal on this subject.
    pub(crate) fn take_on(&mut self, cx: &mut Context, subject: NodeId) -> Option<OpenProposal> {
        let number = *self.numbers.get(&subject)?;
        self.take(cx, number)
    }

    /// All open ones, to ask somebody who was away.
    pub(crate) fn messages(&self) -> impl Iterator<Item = Message> + '_ {
        self.open.iter().map(|(number, proposal)| message(*number, proposal))
    }

    /// Forgets all votes, for the seed nodes are others now.
    pub(crate) fn forget_votes(&mut self) {
        for proposal in self.open.values_mut() {
            proposal.ayes.clear();
            proposal.nays.clear();
        }
    }
}

fn message(number: u64, proposal: &OpenProposal) -> Message {
    let (kind, subject) = (proposal.change.kind(), proposal.record.clone());
    Message::Vote(VoteMessage::Proposal(Box::new(Proposal { number, kind, subject })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::event::Removal;
    use crate::testing::context;

    const SUBJECT: NodeId = NodeId::new([9; 32]);

    fn proposal(epoch: u64) -> OpenProposal {
        let addr = core::net::SocketAddr::from(([10, 0, 0, 9], 7000));
        let record = AddressRecord::new(SUBJECT, BootEpoch(epoch), &[addr]).expect("valid");
        OpenProposal::new(record, ProposedChange::Remove(Removal::Dead))
    }

    /// What `votes` of different nodes come to, of `all` seed nodes.
    fn outcome(all: usize, votes: &[bool]) -> Option<VoteOutcome> {
        let (mut proposals, mut cx) = (Proposals::default(), context(Config::classic()));
        proposals.put(&mut cx, proposal(1));
        let mut outcome = None;
        for (n, agrees) in (10..).zip(votes) {
            assert_eq!(outcome, None, "decided before the last of {votes:?}");
            let vote = Vote { number: 0, agrees: *agrees };
            let counted = proposals.count(&mut cx, NodeId::new([n; 32]), vote, all);
            outcome = counted.map(|(_, outcome)| outcome);
        }
        assert_eq!(proposals.len(), usize::from(outcome.is_none()));
        assert_eq!(cx.timers.is_armed(SeedNodeTimer::Proposal(0)), outcome.is_none());
        outcome
    }

    #[test]
    fn r21_r22_more_than_half_must_agree() {
        assert_eq!(outcome(2, &[true]), Some(VoteOutcome::Passed));
        assert_eq!(outcome(2, &[false]), Some(VoteOutcome::Rejected));
        assert_eq!(outcome(3, &[false, true]), Some(VoteOutcome::Passed));
        assert_eq!(outcome(3, &[false, false]), Some(VoteOutcome::Rejected));
        assert_eq!(outcome(4, &[true]), None, "two of four are not more than half");
        assert_eq!(outcome(4, &[true, false, true]), Some(VoteOutcome::Passed));
        assert_eq!(outcome(4, &[false, false]), Some(VoteOutcome::Rejected));
        assert_eq!(outcome(5, &[true, false, false]), None);
    }

    #[test]
    fn nobody_votes_twice() {
        let (mut proposals, mut cx) = (Proposals::default(), context(Config::classic()));
        proposals.put(&mut cx, proposal(1));
        let (voter, vote) = (NodeId::new([10; 32]), Vote { number: 0, agrees: true });
        assert!((0..5).all(|_| proposals.count(&mut cx, voter, vote, 5).is_none()));
    }

    #[test]
    fn a_vote_on_an_older_life_counts_for_nothing() {
        let (mut proposals, mut cx) = (Proposals::default(), context(Config::classic()));
        proposals.put(&mut cx, proposal(1));
        assert!(proposals.holds_dead(SUBJECT, BootEpoch(1)));
        assert!(proposals.take_on(&mut cx, SUBJECT).is_some());
        proposals.put(&mut cx, proposal(2));
        assert!(!proposals.holds_dead(SUBJECT, BootEpoch(1)));
        let voter = NodeId::new([10; 32]);
        let [late, fresh] = [0, 1].map(|number| Vote { number, agrees: true });
        assert!(proposals.count(&mut cx, voter, late, 3).is_none());
        assert!(proposals.count(&mut cx, voter, fresh, 3).is_some());
    }
}
