//! Pings on links, and how long their answers take (R15). The detectors and the search for near
//! neighbors ping by this; what a missing answer means they decide.

use alloc::vec::Vec;
use core::time::Duration;

use rand::Rng as _;

use crate::context::Context;
use crate::id::LinkId;
use crate::rng::Stream;
use crate::time::Instant;
use crate::util::room::{make_room, release_if_empty};
use crate::wire::{LinkMessage, Ping};

/// Pings without an answer, of all links, in the order in which they were sent. Few at a time, so they
/// are no part of a link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pings(Vec<SentPing>);

/// A ping on its way. Its other fields are this node's: its address, and its calendar then.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SentPing {
    link: LinkId,
    pub(crate) nonce: u64,
    sent: Instant,
}

/// What a link is known to be like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health {
    /// The last time to an answer, in microseconds; 0 before the first.
    round_trip_us: u32,
    /// Pings in a row that were not answered on the link.
    pub(crate) misses: u8,
    /// When anything came on it.
    pub(crate) heard: Instant,
}

impl Pings {
    /// How many wait for an answer on this link.
    pub(crate) fn count(&self, link: LinkId) -> usize {
        self.0.iter().filter(|ping| ping.link == link).count()
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.0.iter().map(|ping| ping.link)
    }

    /// No answer on this link is waited for any more.
    pub(crate) fn forget(&mut self, link: LinkId) {
        if !self.0.is_empty() {
            self.0.retain(|ping| ping.link != link);
            release_if_empty(&mut self.0);
        }
    }

    /// This one is answered, and so are those that were sent before it: a link keeps the order.
    pub(crate) fn forget_up_to(&mut self, answered: SentPing) {
        let mut is_before = true;
        self.0.retain(|ping| {
            let was_before = is_before;
            is_before &= !(ping.link == answered.link && ping.nonce == answered.nonce);
            !was_before || ping.link != answered.link
        });
        release_if_empty(&mut self.0);
    }
}

impl Health {
    pub(crate) const fn new(now: Instant) -> Self {
        Self { round_trip_us: 0, misses: 0, heard: now }
    }

    /// It answered after this time.
    pub(crate) fn on_answer(&mut self, took: Duration) {
        self.round_trip_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX).max(1);
        self.misses = 0;
    }

    /// It did not answer. Returns how often in a row.
    pub(crate) fn miss(&mut self) -> u8 {
        self.misses = self.misses.saturating_add(1);
        self.misses
    }

    /// The last round-trip time in microseconds; 0 when there is none.
    pub(crate) const fn round_trip_us(&self) -> u32 {
        self.round_trip_us
    }

    pub(crate) fn round_trip(&self) -> Option<Duration> {
        (self.round_trip_us > 0).then(|| Duration::from_micros(self.round_trip_us.into()))
    }
}

impl SentPing {
    /// How long ago it was sent.
    pub(crate) fn took(&self, now: Instant) -> Duration {
        now.since(self.sent)
    }

    fn message(&self, cx: &Context) -> Ping {
        Ping { nonce: self.nonce, time: cx.unix_at(self.sent), addr: cx.record.primary() }
    }
}

/// What parts do with pings.
impl Context {
    /// A number that nobody can guess, for one ping.
    pub(crate) fn draw_nonce(&mut self) -> u64 {
        self.rng.draw(Stream::Nonce).next_u64()
    }

    /// Pings on a link. An answer to any ping that was not forgotten will do.
    pub(crate) fn ping(&mut self, link: LinkId, nonce: u64) {
        let ping = SentPing { link, nonce, sent: self.now };
        make_room(&mut self.links.pings.0);
        self.links.pings.0.push(ping);
        self.send(link, LinkMessage::Ping(ping.message(self)));
    }

    /// Which ping of this node that answers; `None` when it repeats none, which is no answer at all
    /// (R15).
    pub(crate) fn answered(&self, link: LinkId, pong: &Ping) -> Option<SentPing> {
        let is_it = |ping: &&SentPing| {
            ping.link == link && ping.nonce == pong.nonce && ping.message(self) == *pong
        };
        self.links.pings.0.iter().find(is_it).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::io::Output;
    use crate::testing::context;
    use crate::wire::Message;

    fn sent(cx: &mut Context) -> Vec<Ping> {
        let ping = |output| match output {
            Output::Send { message: Message::Link(LinkMessage::Ping(ping)), .. } => Some(ping),
            Output::Dial { .. } | Output::Send { .. } | Output::Close { .. } | Output::Event(_) => {
                None
            }
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
