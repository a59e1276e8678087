//! Seed nodes that decide together: whom to list, and who is dead (R21, R22).
//!
//! ```text
//! seed node                       other seed node
//!   Proposal { List, peer }    ──▶
//!                            ◀──  Vote               at once: it has room and knows no newer life
//!   Proposal { Remove, peer }  ──▶                     after this seed node's own probe failed
//!                            ◀──  Vote               after the other's own probe
//! ```
//!
//! It says when a proposal is decided; what to do then, the seed node does. Whoever is silent until the
//! end of a proposal is taken for lost and dialed anew, so nobody needs to be pinged. Open proposals are
//! put again to whoever comes back.

pub(crate) mod decision;
mod other_seed_nodes;
mod pending_votes;
mod proposals;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{Event, VoteOutcome};
use crate::fact::Fact;
use crate::id::{BootEpoch, LinkId, NodeId};
use crate::links::{Failure, Owner};
use crate::registration::named::NamedSeedNodes;
use crate::seed_node::quorum::decision::{Decision, ProposedChange};
use crate::seed_node::quorum::other_seed_nodes::OtherSeedNodes;
use crate::seed_node::quorum::pending_votes::PendingVotes;
use crate::seed_node::quorum::proposals::{OpenProposal, Proposals, quorum_of};
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::Broken;
use crate::wire::Vote;

/// This seed node's part in the votes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quorum {
    other_seed_nodes: OtherSeedNodes,
    proposals: Proposals,
    pending_votes: PendingVotes,
}

impl Quorum {
    /// Takes another list of seed nodes. Votes of those that were there before are asked for again.
    pub(crate) fn replace(&mut self, cx: &mut Context, seeds: &NamedSeedNodes) {
        self.other_seed_nodes.replace(cx, seeds);
        self.proposals.forget_votes();
        for (link, _) in self.other_seed_nodes.up() {
            self.proposals.messages().for_each(|proposal| cx.send(link, proposal));
        }
        self.recount(cx);
    }

    /// It is known better now how many seed nodes there are: votes that were too few may be enough.
    fn recount(&mut self, cx: &mut Context) {
        let all = self.other_seed_nodes.all(cx.me());
        while let Some((proposal, outcome)) = self.proposals.take_decided(cx, all) {
            decide(cx, proposal, outcome);
        }
    }

    pub(crate) fn is_seed_node(&self, record: &AddressRecord, me: NodeId) -> bool {
        self.other_seed_nodes.includes(record, me)
    }

    pub(crate) fn on_accepted(&mut self, cx: &mut Context, link: LinkId, record: &AddressRecord) {
        cx.keep(link);
        self.other_seed_nodes.on_accepted(cx, link, record);
    }

    pub(crate) fn on_welcomed(
        &mut self,
        cx: &mut Context,
        number: u32,
        link: LinkId,
        node: NodeId,
    ) {
        self.other_seed_nodes.on_welcomed(cx, number, link, node);
        self.proposals.messages().for_each(|proposal| cx.send(link, proposal));
        self.recount(cx);
    }

    pub(crate) fn on_failed(&mut self, cx: &mut Context, number: u32, failure: &Failure) {
        self.other_seed_nodes.on_failed(cx, number, failure);
        self.recount(cx);
    }

    /// A link between seed nodes is gone.
    pub(crate) fn on_ended(&mut self, cx: &mut Context, link: LinkId, owner: Option<Owner>) {
        self.pending_votes.on_ended(link);
        self.other_seed_nodes.on_requester_ended(link);
        if let Some(Owner::SeedNode(number)) = owner {
            self.other_seed_nodes.lose(cx, number);
        }
    }

    pub(crate) fn on_redial_timer(&mut self, cx: &mut Context, number: u32) {
        self.other_seed_nodes.on_timer(cx, number);
    }

    /// Proposes a change, in place of one about an older life of the subject. It may be decided at
    /// once: a seed node without others is its own quorum, and one with too many proposals gets none.
    pub(crate) fn put(&mut self, cx: &mut Context, record: AddressRecord, change: ProposedChange) {
        let proposal = OpenProposal::new(record, change);
        if quorum_of(self.other_seed_nodes.all(cx.me())) == 1 {
            return decide(cx, proposal, VoteOutcome::Passed);
        }
        if self.proposals.len() >= cx.config.registration.votes_max {
            cx.stats.limits.votes += 1;
            return decide(cx, proposal, VoteOutcome::NoQuorum);
        }
        let message = self.proposals.put(cx, proposal);
        for (link, _) in self.other_seed_nodes.up() {
            cx.send(link, message.clone());
        }
    }

    pub(crate) fn on_vote(&mut self, cx: &mut Context, link: LinkId, vote: Vote) {
        let voter = self.other_seed_nodes.up().find(|(up, _)| *up == link);
        let Some((_, voter)) = voter else { return };
        let all = self.other_seed_nodes.all(cx.me());
        if let Some((proposal, outcome)) = self.proposals.count(cx, voter, vote, all) {
            decide(cx, proposal, outcome);
        }
    }

    /// A proposal's time is up.
    pub(crate) fn on_proposal_timer(&mut self, cx: &mut Context, number: u64) {
        let Some(proposal) = self.proposals.take(cx, number) else { return };
        let is_silent = |(link, node)| (!proposal.has_vote_of(node)).then_some(link);
        let silent: alloc::vec::Vec<LinkId> =
            self.other_seed_nodes.up().filter_map(is_silent).collect();
        for link in silent {
            self.other_seed_nodes.renew(cx, link);
        }
        decide(cx, proposal, VoteOutcome::NoQuorum);
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        self.proposals.invariants(cx)
    }

    /// The proposal on this subject.
    pub(crate) fn proposal_on(&self, subject: NodeId) -> Option<&OpenProposal> {
        self.proposals.on(subject)
    }

    /// Whether this seed node holds that life dead, and waits for others to agree.
    pub(crate) fn holds_dead(&self, subject: NodeId, epoch: BootEpoch) -> bool {
        self.proposals.holds_dead(subject, epoch)
    }

    /// Whether the subject waits on this link to be listed.
    pub(crate) fn waits_on(&self, subject: NodeId, link: LinkId) -> bool {
        self.proposals.waits_on(subject, link)
    }

    /// Ends the proposal on this subject, because things have changed.
    pub(crate) fn void(&mut self, cx: &mut Context, subject: NodeId) -> Option<Decision> {
        let proposal = self.proposals.take_on(cx, subject)?;
        Some(end(cx, proposal, VoteOutcome::Void))
    }

    /// Notes that whoever asks on this link shall have a vote on the subject. False: not now.
    pub(crate) fn owe(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        number: u64,
        subject: NodeId,
    ) -> bool {
        self.pending_votes.owe(cx, link, number, subject)
    }

    /// It is known now whether the subject is dead: votes on all proposals to remove it.
    pub(crate) fn vote(&mut self, cx: &mut Context, subject: NodeId, agrees: bool) {
        self.pending_votes.vote(cx, subject, agrees);
    }
}

/// A vote has ended: the seed node carries out what follows from it.
fn decide(cx: &mut Context, proposal: OpenProposal, outcome: VoteOutcome) {
    let decision = end(cx, proposal, outcome);
    cx.tell(Fact::Decided(decision));
}

fn end(cx: &mut Context, proposal: OpenProposal, outcome: VoteOutcome) -> Decision {
    let OpenProposal { record, change, .. } = proposal;
    cx.emit(Event::Voted { subject: record.clone(), kind: change.kind(), outcome });
    Decision { record, change, outcome }
}
