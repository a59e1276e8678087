//! Pings on links, and how long their answers take (R15). The detectors and the search for near
//! neighbors ping by this; what a missing answer means they decide.

use rand::Rng as _;

use crate::context::Context;
use crate::id::LinkId;
use crate::links::health::SentPing;
use crate::rng::Stream;
use crate::util::room::make_room;
use crate::wire::{LinkMessage, Ping};

/// The message that was sent.
fn message(cx: &Context, ping: SentPing) -> Ping {
    Ping { nonce: ping.nonce, time: cx.unix_at(ping.sent), addr: cx.record.primary() }
}

/// What parts do with pings.
impl Context {
    /// A number that nobody can guess, for one ping.
    #[inline]
    pub(crate) fn draw_nonce(&mut self) -> u64 {
        self.rng.draw(Stream::Nonce).next_u64()
    }

    /// Pings on a link. An answer to any ping that was not forgotten will do.
    pub(crate) fn ping(&mut self, link: LinkId, nonce: u64) {
        let ping = SentPing { link, nonce, sent: self.now };
        make_room(&mut self.links.pings.0);
        self.links.pings.0.push(ping);
        self.send(link, LinkMessage::Ping(message(self, ping)));
    }

    /// Which ping of this node that answers; `None` when it repeats none, which is no answer at all
    /// (R15).
    pub(crate) fn answered(&self, link: LinkId, pong: &Ping) -> Option<SentPing> {
        let is_it = |ping: &&SentPing| {
            ping.link == link && ping.nonce == pong.nonce && message(self, **ping) == *pong
        };
        self.links.pings.0.iter().find(is_it).copied()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;
    use core::time::Duration;

    use super::*;
    use crate::config::Config;
    use crate::io::Output;
    use crate::testing::context;
    use crate::wire::Message;

    fn sent(cx: &mut Context) -> Vec<Ping> {
        let ping = |output| match output {
            Output::Send { message: Message::Link(LinkMessage::Ping(ping)), .. } => Some(ping),
            Output::Dial { .. }
            | Output::Send { .. }
            | Output::AwaitReady { .. }
            | Output::AwaitIdle { .. }
            | Output::Reset { .. }
            | Output::Close { .. }
            | Output::Event(_) => None,
        };
        core::iter::from_fn(|| cx.poll_output()).filter_map(ping).collect()
    }

    #[test]
    fn an_answer_settles_its_ping_and_older_ones_and_only_once() {
        let mut cx = context(Config::modern());
        let (link, other) = (LinkId::dialed(1), LinkId::dialed(2));
        for (link, nonce) in [(link, 1), (other, 2), (link, 3), (link, 4)] {
            cx.ping(link, nonce);
        }
        let sent = sent(&mut cx);
        cx.now = cx.now + Duration::from_millis(7);
        let answered = cx.answered(link, &sent[2]).expect("it was sent");
        assert_eq!(answered.took(cx.now), Duration::from_millis(7));
        cx.links.pings.forget_up_to(answered);
        assert!(cx.answered(link, &sent[2]).is_none() && cx.answered(link, &sent[0]).is_none());
        assert!(cx.answered(link, &sent[3]).is_some(), "it was sent later");
        assert!(cx.answered(other, &sent[1]).is_some(), "another link");
        assert!(cx.answered(other, &sent[3]).is_none(), "of another link");
    }

    #[test]
    fn an_answer_repeats_all_fields() {
        let mut cx = context(Config::modern());
        let link = LinkId::dialed(1);
        cx.ping(link, 1);
        let ping = sent(&mut cx)[0];
        let later = Ping { time: ping.time + Duration::from_millis(1), ..ping };
        assert!(cx.answered(link, &later).is_none());
        assert!(cx.answered(link, &Ping { nonce: 2, ..ping }).is_none());
        cx.links.pings.forget(link);
        assert!(cx.answered(link, &ping).is_none());
    }
}
