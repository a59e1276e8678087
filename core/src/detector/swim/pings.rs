//! Pings on the links with neighbors, and how long their answers take.

use alloc::vec::Vec;
use core::time::Duration;

use rand::Rng as _;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::LinkId;
use crate::rng::Stream;
use crate::time::Instant;
use crate::util::room::{make_room, release_if_empty};
use crate::wire::{Message, Ping};

/// Pings without an answer on one link; the answer to any of them will do. *Guess: a stopped
/// neighbor is suspected long before.*
const UNANSWERED: usize = 8;

/// What is known of the links with neighbors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pings {
    watches: Vec<Watch>,
    sent: Vec<SentPing>,
}

#[derive(Clone, Debug)]
struct Watch {
    link: LinkId,
    record: AddressRecord,
    /// 0: it never answered.
    round_trip_us: u32,
    /// Probes on this link in a row that only helpers found answered.
    misses: u8,
    /// When anything came on this link.
    heard: Instant,
}

#[derive(Clone, Copy, Debug)]
struct SentPing {
    link: LinkId,
    nonce: u64,
    sent: Instant,
}

impl Pings {
    pub(crate) fn watch(&mut self, link: LinkId, record: AddressRecord, now: Instant) {
        make_room(&mut self.watches);
        self.watches.push(Watch { link, record, round_trip_us: 0, misses: 0, heard: now });
    }

    /// Something came on a neighbor's link.
    pub(crate) fn on_heard(&mut self, link: LinkId, now: Instant) {
        if let Some(watch) = self.watches.iter_mut().find(|watch| watch.link == link) {
            watch.heard = now;
        }
    }

    /// Whether this life of a neighbor said anything a round trip after `moment`, as far as that is
    /// known: what came earlier may have been on its way when it died.
    pub(crate) fn has_heard_since(&self, subject: &AddressRecord, moment: Instant) -> bool {
        let round_trip = |watch: &Watch| Duration::from_micros(watch.round_trip_us.into());
        let is_later = |watch: &&Watch| watch.heard > moment + round_trip(watch);
        self.watches.iter().filter(is_later).any(|watch| watch.record.is_same_life(subject))
    }

    pub(crate) fn forget(&mut self, link: LinkId) {
        self.watches.retain(|watch| watch.link != link);
        self.sent.retain(|ping| ping.link != link);
        release_if_empty(&mut self.sent);
    }

    /// Who is at the other end.
    pub(crate) fn record(&self, link: LinkId) -> Option<&AddressRecord> {
        self.watches.iter().find(|watch| watch.link == link).map(|watch| &watch.record)
    }

    /// Pings, unless so many pings are unanswered that one more would say nothing new.
    pub(crate) fn ping(&mut self, cx: &mut Context, link: LinkId) {
        if self.sent.iter().filter(|ping| ping.link == link).count() >= UNANSWERED {
            return;
        }
        let nonce = cx.rng.draw(Stream::Nonce).next_u64();
        let ping = SentPing { link, nonce, sent: cx.now };
        make_room(&mut self.sent);
        self.sent.push(ping);
        cx.stats.pings += 1;
        cx.send(link, Message::Ping(ping.message(cx)));
    }

    /// Takes an answer. False when it repeats no ping of ours.
    pub(crate) fn on_pong(&mut self, cx: &Context, link: LinkId, pong: &Ping) -> bool {
        let is_it = |ping: &SentPing| {
            ping.link == link && ping.nonce == pong.nonce && ping.message(cx) == *pong
        };
        let Some(place) = self.sent.iter().position(is_it) else { return false };
        let took = cx.now.since(self.sent[place].sent).as_micros();
        // A link keeps the order, so what was sent before this one will not be answered any more.
        let mut at = 0..;
        self.sent.retain(|ping| at.next() > Some(place) || ping.link != link);
        release_if_empty(&mut self.sent);
        if let Some(watch) = self.watches.iter_mut().find(|watch| watch.link == link) {
            watch.round_trip_us = u32::try_from(took).unwrap_or(u32::MAX).max(1);
            watch.misses = 0;
        }
        true
    }

    /// Others hear the neighbor and this link does not. Returns how often in a row.
    pub(crate) fn miss(&mut self, link: LinkId) -> u8 {
        let watch = self.watches.iter_mut().find(|watch| watch.link == link);
        watch.map_or(0, |watch| {
            watch.misses = watch.misses.saturating_add(1);
            watch.misses
        })
    }

    /// The last round-trip time in microseconds; 0 when there is none.
    pub(crate) fn round_trip_us(&self, link: LinkId) -> u32 {
        let watch = self.watches.iter().find(|watch| watch.link == link);
        watch.map_or(0, |watch| watch.round_trip_us)
    }

    pub(crate) fn round_trip(&self, link: LinkId) -> Option<Duration> {
        let micros = self.round_trip_us(link);
        (micros > 0).then(|| Duration::from_micros(micros.into()))
    }
}

impl SentPing {
    fn message(&self, cx: &Context) -> Ping {
        Ping { nonce: self.nonce, time: cx.unix_at(self.sent), addr: cx.record.primary() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::io::Output;
    use crate::testing::context;

    fn sent(cx: &mut Context) -> Vec<Ping> {
        let ping = |output| match output {
            Output::Send { message: Message::Ping(ping), .. } => Some(ping),
            Output::Dial { .. } | Output::Send { .. } | Output::Close { .. } | Output::Event(_) => {
                None
            }
        };
        core::iter::from_fn(|| cx.poll_output()).filter_map(ping).collect()
    }

    #[test]
    fn an_answer_settles_its_ping_and_older_ones_and_only_once() {
        let mut cx = context(Config::modern());
        let (mut pings, link) = (Pings::default(), LinkId::dialed(1));
        pings.watch(link, cx.record.clone(), cx.now);
        (0..3).for_each(|_| pings.ping(&mut cx, link));
        let sent = sent(&mut cx);
        cx.now = cx.now + Duration::from_millis(7);
        assert!(pings.on_pong(&cx, link, &sent[1]));
        assert!(!pings.on_pong(&cx, link, &sent[1]) && !pings.on_pong(&cx, link, &sent[0]));
        assert!(pings.on_pong(&cx, link, &sent[2]));
        assert_eq!(pings.round_trip(link), Some(Duration::from_millis(7)));
        assert!(!pings.on_pong(&cx, LinkId::dialed(2), &sent[2]), "another link");
    }

    #[test]
    fn a_silent_link_is_not_pinged_without_end() {
        let mut cx = context(Config::modern());
        let (mut pings, link) = (Pings::default(), LinkId::dialed(1));
        (0..100).for_each(|_| pings.ping(&mut cx, link));
        assert_eq!(sent(&mut cx).len(), UNANSWERED);
        pings.forget(link);
        assert!(pings.sent.is_empty());
    }
}
