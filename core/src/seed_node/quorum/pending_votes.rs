//! Votes that this seed node owes others, who asked about a death: it probes before it votes (R22).

use alloc::vec::Vec;

use crate::context::Context;
use crate::id::{LinkId, NodeId};
use crate::wire::{Vote, VoteMessage};

/// Questions under way, at most `votes_max`.
#[derive(Clone, Debug, Default)]
pub(crate) struct PendingVotes {
    open: Vec<PendingVote>,
}

#[derive(Clone, Copy, Debug)]
struct PendingVote {
    /// Who asks.
    link: LinkId,
    /// The requester's number of the proposal.
    number: u64,
    subject: NodeId,
}

impl PendingVotes {
    /// Notes a question. False when there are too many: then there will be no vote, and whoever asks
    /// asks again another time.
    pub(crate) fn owe(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        number: u64,
        subject: NodeId,
    ) -> bool {
        if self.open.len() >= cx.config.registration.votes_max {
            cx.stats.limits.votes += 1;
            return false;
        }
        self.open.push(PendingVote { link, number, subject });
        true
    }

    /// It is known now how the subject is: votes on all proposals about it.
    pub(crate) fn vote(&mut self, cx: &mut Context, subject: NodeId, agrees: bool) {
        self.open.retain(|pending_vote| {
            if pending_vote.subject == subject {
                cx.send(
                    pending_vote.link,
                    VoteMessage::Vote(Vote { number: pending_vote.number, agrees }),
                );
            }
            pending_vote.subject != subject
        });
    }

    /// Whoever asked on this link is gone.
    pub(crate) fn on_ended(&mut self, link: LinkId) {
        self.open.retain(|pending_vote| pending_vote.link != link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::testing::context;

    #[test]
    fn the_bound_is_kept_and_counted() {
        let mut config = Config::classic();
        config.registration.votes_max = 2;
        let (mut pending_votes, mut cx) = (PendingVotes::default(), context(config));
        let (link, subject) = (LinkId::accepted(1), NodeId::new([9; 32]));
        assert!((0..2).all(|number| pending_votes.owe(&mut cx, link, number, subject)));
        assert!(!pending_votes.owe(&mut cx, link, 2, subject));
        assert_eq!(cx.stats.limits.votes, 1);
        pending_votes.vote(&mut cx, subject, true);
        assert_eq!(cx.stats.messages_sent, 2);
        assert!(pending_votes.owe(&mut cx, link, 3, subject));
        pending_votes.on_ended(link);
        pending_votes.vote(&mut cx, subject, true);
        assert_eq!(cx.stats.messages_sent, 2, "nobody waits for it any more");
    }
}
