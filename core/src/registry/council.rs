//! Seed nodes that decide together: whom to list, and who is dead (R21, R22).
//!
//! ```text
//! seed node                       colleague
//!   Motion { List, peer }    ──▶
//!                            ◀──  Vote               at once: it has room and knows no newer life
//!   Motion { Remove, peer }  ──▶                     after this seed node's own probe failed
//!                            ◀──  Vote               after the colleague's own probe
//! ```
//!
//! It says when a motion is decided; what to do then, the seed node does. Whoever is silent until the
//! end of a motion is taken for lost and dialed anew, so nobody needs to be pinged. Open motions are
//! put again to whoever comes back.

use core::net::SocketAddr;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{Event, VoteOutcome};
use crate::id::{BootEpoch, LinkId, NodeId};
use crate::links::{Failure, Links};
use crate::registry::ballots::Ballots;
use crate::registry::colleagues::Colleagues;
use crate::registry::motions::{Goal, Motions, OpenMotion};
use crate::wire::Vote;

/// This seed node's part in the votes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Council {
    colleagues: Colleagues,
    motions: Motions,
    ballots: Ballots,
}

/// A motion of this seed node has ended.
#[derive(Clone, Debug)]
pub(crate) struct Decision {
    pub(crate) record: AddressRecord,
    pub(crate) goal: Goal,
    pub(crate) outcome: VoteOutcome,
}

impl Council {
    /// Takes another list of seed nodes. Votes of those that were there before are asked for again.
    pub(crate) fn replace(&mut self, cx: &mut Context, links: &mut Links, seeds: &[SocketAddr]) {
        self.colleagues.replace(cx, links, seeds);
        self.motions.forget_votes();
        for (link, _) in self.colleagues.up() {
            self.motions.messages().for_each(|motion| cx.send(link, motion));
        }
    }

    pub(crate) fn is_colleague(&self, record: &AddressRecord) -> bool {
        self.colleagues.includes(record)
    }

    pub(crate) fn on_accepted(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        link: LinkId,
        record: &AddressRecord,
    ) {
        links.settle(cx, link);
        self.colleagues.on_accepted(cx, links, link, record);
    }

    pub(crate) fn on_welcomed(&mut self, cx: &mut Context, link: LinkId, node: NodeId) {
        self.colleagues.on_welcomed(link, node);
        self.motions.messages().for_each(|motion| cx.send(link, motion));
    }

    pub(crate) fn on_failed(&mut self, cx: &mut Context, link: LinkId, failure: &Failure) {
        self.colleagues.on_failed(cx, link, failure);
    }

    /// A link between seed nodes is gone.
    pub(crate) fn on_ended(&mut self, cx: &mut Context, link: LinkId) {
        self.ballots.on_ended(link);
        self.colleagues.on_ended(cx, link);
    }

    pub(crate) fn on_colleague_timer(&mut self, cx: &mut Context, links: &mut Links, number: u32) {
        self.colleagues.on_timer(cx, links, number);
    }

    /// Puts a motion, in place of one on an older life of the subject. Returns what was decided
    /// already: a seed node without colleagues is its own quorum, and one with too many motions
    /// gets none.
    pub(crate) fn put(
        &mut self,
        cx: &mut Context,
        record: AddressRecord,
        goal: Goal,
    ) -> Option<Decision> {
        let motion = OpenMotion::new(record, goal);
        if self.colleagues.quorum() == 1 {
            return Some(end(cx, motion, VoteOutcome::Passed));
        }
        if self.motions.len() >= cx.config.registration.votes_max {
            cx.stats.limits.votes += 1;
            return Some(end(cx, motion, VoteOutcome::NoQuorum));
        }
        let message = self.motions.put(cx, motion);
        for (link, _) in self.colleagues.up() {
            cx.send(link, message.clone());
        }
        None
    }

    pub(crate) fn on_vote(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        vote: Vote,
    ) -> Option<Decision> {
        let (_, node) = self.colleagues.up().find(|(up, _)| *up == link)?;
        let counts = (self.colleagues.quorum(), self.colleagues.all());
        let vote = (vote.number, node, vote.agrees);
        let (motion, outcome) = self.motions.count(cx, vote, counts)?;
        Some(end(cx, motion, outcome))
    }

    /// A motion's time is up.
    pub(crate) fn on_motion_timer(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        number: u64,
    ) -> Option<Decision> {
        let motion = self.motions.take(cx, number)?;
        let is_silent = |(link, node)| (!motion.has_vote_of(node)).then_some(link);
        let silent: alloc::vec::Vec<LinkId> = self.colleagues.up().filter_map(is_silent).collect();
        for link in silent {
            self.colleagues.renew(cx, links, link);
        }
        Some(end(cx, motion, VoteOutcome::NoQuorum))
    }

    /// The motion on this subject.
    pub(crate) fn motion_on(&self, subject: NodeId) -> Option<&OpenMotion> {
        self.motions.on(subject)
    }

    /// Whether this seed node holds that life dead, and waits for others to agree.
    pub(crate) fn holds_dead(&self, subject: NodeId, epoch: BootEpoch) -> bool {
        self.motions.holds_dead(subject, epoch)
    }

    /// Whether the subject waits on this link to be listed.
    pub(crate) fn waits_on(&self, subject: NodeId, link: LinkId) -> bool {
        self.motions.waits_on(subject, link)
    }

    /// Ends the motion on this subject, because things have changed.
    pub(crate) fn void(&mut self, cx: &mut Context, subject: NodeId) -> Option<Decision> {
        let motion = self.motions.take_on(cx, subject)?;
        Some(end(cx, motion, VoteOutcome::Void))
    }

    /// Notes that whoever asks on this link shall have a vote on the subject. False: not now.
    pub(crate) fn owe(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        number: u64,
        subject: NodeId,
    ) -> bool {
        self.ballots.owe(cx, link, number, subject)
    }

    /// It is known now whether the subject is dead: votes on all motions to remove it.
    pub(crate) fn vote(&mut self, cx: &mut Context, subject: NodeId, agrees: bool) {
        self.ballots.vote(cx, subject, agrees);
    }
}

fn end(cx: &mut Context, motion: OpenMotion, outcome: VoteOutcome) -> Decision {
    let OpenMotion { record, goal, .. } = motion;
    cx.emit(Event::Voted { subject: record.clone(), matter: goal.matter(), outcome });
    Decision { record, goal, outcome }
}
