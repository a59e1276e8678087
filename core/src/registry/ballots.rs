//! Votes that this seed node owes others, who asked about a death: it probes before it votes (R22).

use alloc::vec::Vec;

use crate::context::Context;
use crate::id::{LinkId, NodeId};
use crate::wire::{Message, Vote};

/// Questions under way, at most `votes_max`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ballots {
    open: Vec<Ballot>,
}

#[derive(Clone, Copy, Debug)]
struct Ballot {
    /// Who asks.
    link: LinkId,
    /// The asker's number of the motion.
    number: u64,
    subject: NodeId,
}

impl Ballots {
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
        self.open.push(Ballot { link, number, subject });
        true
    }

    /// It is known now how the subject is: votes on all motions about it.
    pub(crate) fn vote(&mut self, cx: &mut Context, subject: NodeId, agrees: bool) {
        self.open.retain(|ballot| {
            if ballot.subject == subject {
                cx.send(ballot.link, Message::Vote(Vote { number: ballot.number, agrees }));
            }
            ballot.subject != subject
        });
    }

    /// Whoever asked on this link is gone.
    pub(crate) fn on_ended(&mut self, link: LinkId) {
        self.open.retain(|ballot| ballot.link != link);
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
        let (mut ballots, mut cx) = (Ballots::default(), context(config));
        let (link, subject) = (LinkId::accepted(1), NodeId::new([9; 32]));
        assert!((0..2).all(|number| ballots.owe(&mut cx, link, number, subject)));
        assert!(!ballots.owe(&mut cx, link, 2, subject));
        assert_eq!(cx.stats.limits.votes, 1);
        ballots.vote(&mut cx, subject, true);
        assert_eq!(cx.stats.messages_sent, 2);
        assert!(ballots.owe(&mut cx, link, 3, subject));
        ballots.on_ended(link);
        ballots.vote(&mut cx, subject, true);
        assert_eq!(cx.stats.messages_sent, 2, "nobody waits for it any more");
    }
}
