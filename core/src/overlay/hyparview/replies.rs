//! Samples on their way to peers that are no neighbors: replies to shuffles, and introductions.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::LinkId;
use crate::links::Target;
use crate::room::{make_room, release_if_empty};
use crate::wire::{Bye, Message, Purpose};

/// Replies whose link is not up yet; at most `replies`.
#[derive(Clone, Debug, Default)]
pub(super) struct Replies(Vec<Reply>);

#[derive(Clone, Debug)]
struct Reply {
    link: LinkId,
    sample: Vec<AddressRecord>,
}

impl Replies {
    /// Dials somebody to hand over a sample. Too many at once: the others get none.
    pub(super) fn begin(
        &mut self,
        cx: &mut Context,
        to: &AddressRecord,
        sample: Vec<AddressRecord>,
    ) {
        if self.0.len() >= cx.config.overlay.hyparview.replies {
            cx.stats.limits.replies += 1;
            return;
        }
        let link = cx.dial(Target::Node(to), Purpose::Shuffle);
        make_room(&mut self.0);
        self.0.push(Reply { link, sample });
    }

    pub(super) fn on_welcomed(&mut self, cx: &mut Context, link: LinkId) {
        if let Some(reply) = self.end(link) {
            cx.send(link, Message::ShuffleReply { sample: reply.sample });
        }
        cx.close(link, Bye::Done);
    }

    pub(super) fn on_failed(&mut self, link: LinkId) {
        self.end(link);
    }

    fn end(&mut self, link: LinkId) -> Option<Reply> {
        let place = self.0.iter().position(|reply| reply.link == link)?;
        let reply = self.0.remove(place);
        release_if_empty(&mut self.0);
        Some(reply)
    }
}
