//! The detector `strikes` (R14, R15, R17): three misses in a row, and the seed nodes are told.
//!
//! ```text
//! peer                          neighbor, linked
//!   Ping { nonce, time, addr }  ──▶                     every 13 s
//!                               ◀──  Pong, same fields  within 3 s, or it is a strike
//!
//! peer                          neighbor, link lost without a leave
//!   dial, Hello { Neighbor }    ──▶                     after 1, 2, 4 s
//!                               ◀──  Welcome or Refuse  within 3 s, or it is a strike
//! ```
//!
//! With `connect` a linked neighbor is connected to instead of pinged, see
//! [`connect`]; the strikes and all else are the same.
//!
//! A stopped process keeps its connections, so only pings find it: after 26 to 39 s and the last
//! answer's 3 s. A process that died lost its connections, so its neighbors redial at once.
//! This part says who is dead; it closes no link and tells no seed node.

pub(crate) mod connect;

use alloc::vec::Vec;
use core::time::Duration;

use rand::Rng as _;

use crate::address::AddressRecord;
use crate::config::{DetectorConfig, DetectorKind};
use crate::context::Context;
use crate::detector::strikes::connect::Connects;
use crate::event::{Event, StrikeKind};
use crate::id::{LinkId, NodeId};
use crate::links::neighbors::Neighbor;
use crate::links::{Failure, Owner, Target};
use crate::rng::Stream;
use crate::time::Instant;
use crate::timers::Timer;
use crate::util::room::{make_room, release_if_empty};
use crate::wire::{Bye, Message, Ping, Purpose};

/// A peer's watch over its neighbors, present and lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strikes {
    watches: Vec<Watch>,
    /// Pings without an answer, of all neighbors. Few at a time, so they are not part of a watch.
    pings: Vec<SentPing>,
    connects: Connects,
    lost: Vec<Lost>,
    /// How many were ever lost.
    losses: u32,
}

/// A neighbor that is linked.
#[derive(Clone, Debug)]
struct Watch {
    link: LinkId,
    misses: u8,
    round_trip: RoundTrip,
}

/// A time to answer in microseconds, below `answer_timeout`, which is at most an hour.
#[derive(Clone, Copy, Debug)]
struct RoundTrip(u32);

/// A ping on its way. Its other fields are this node's: its address, and its calendar then.
#[derive(Clone, Copy, Debug)]
struct SentPing {
    link: LinkId,
    nonce: u64,
    sent: Instant,
    fate: Fate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It may still be answered; one per neighbor.
    Open,
    /// The same, but one miss is enough: there is reason to think that the link is gone.
    Challenge,
    /// Answered too late or never, or another one was sent after it; per neighbor at most as many as
    /// there are strikes, and one.
    Overdue,
}

/// A neighbor whose link was lost.
#[derive(Clone, Debug)]
struct Lost {
    /// What [`Timer::Redial`] calls it.
    number: u32,
    record: AddressRecord,
    strikes: u8,
}

/// What a missing answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overdue {
    /// A strike, not the last.
    Strike,
    /// The last strike.
    Dead,
    /// The link is gone; the strikes of a lost neighbor begin.
    Lost,
}

impl DetectorConfig {
    /// Pause before the next redial or probe, after this many strikes.
    pub(crate) fn pause_before(&self, strikes: u8) -> Duration {
        self.redial_after.saturating_mul(1 << strikes.min(16))
    }
}

impl Strikes {
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        self.clear_strikes(cx, up.id());
        make_room(&mut self.watches);
        self.watches.push(Watch { link: up.link, misses: 0, round_trip: RoundTrip::NONE });
        let first = cx.rng.jitter(cx.config.detector.liveness_every);
        cx.arm(Timer::Ping(up.link), first);
    }

    pub(crate) fn on_neighbor_down(&mut self, cx: &mut Context, link: LinkId) {
        self.watches.retain(|watch| watch.link != link);
        self.forget_pings(link);
        self.connects.give_up(cx, link);
        cx.timers.cancel(Timer::Ping(link));
        cx.timers.cancel(Timer::Answer(link));
    }

    pub(crate) fn on_ping_timer(&mut self, cx: &mut Context, neighbor: &Neighbor) {
        let link = neighbor.link;
        cx.arm(Timer::Ping(link), cx.config.detector.liveness_every);
        match cx.config.detector.kind {
            DetectorKind::Connect => self.connects.begin(cx, neighbor),
            DetectorKind::Strikes | DetectorKind::Swim => {
                if self.open_ping(link).is_none() {
                    self.ping(cx, link, false);
                }
            }
        }
    }

    /// A connection to a neighbor stands: that is its answer.
    pub(crate) fn on_connected(&mut self, now: Instant, link: LinkId) {
        let Some(attempt) = self.connects.end(link) else { return };
        if let Some(watch) = self.watch(attempt.neighbor) {
            watch.misses = 0;
            watch.round_trip = RoundTrip::of(now.since(attempt.begun));
        }
    }

    /// No connection to a neighbor came to stand. Returns the neighbor if that was the last strike.
    pub(crate) fn on_not_connected(&mut self, cx: &mut Context, link: LinkId) -> Option<Neighbor> {
        let attempt = self.connects.end(link)?;
        let neighbor = cx.neighbors.by_link(attempt.neighbor)?.clone();
        let overdue = self.miss(cx, &neighbor, StrikeKind::Connect);
        (overdue == Overdue::Dead).then_some(neighbor)
    }

    /// Sees at once whether a link still lives: one miss and it is lost.
    pub(crate) fn challenge(&mut self, cx: &mut Context, link: LinkId) {
        self.ping(cx, link, true);
    }

    fn ping(&mut self, cx: &mut Context, link: LinkId, challenge: bool) {
        let nonce = cx.rng.draw(Stream::Nonce).next_u64();
        if self.watch(link).is_none() {
            return;
        }
        let fate = if challenge { Fate::Challenge } else { Fate::Open };
        if let Some(open) = self.open_ping(link) {
            let sent = self.pings.iter().filter(|ping| ping.link == link).count();
            if sent > usize::from(cx.config.detector.misses) {
                self.pings[open].fate = fate;
                return;
            }
            // It may still be answered, which is no answer to this one and nothing wrong.
            self.pings[open].fate = Fate::Overdue;
        }
        let ping = SentPing { link, nonce, sent: cx.now, fate };
        make_room(&mut self.pings);
        self.pings.push(ping);
        cx.stats.pings += 1;
        cx.send(link, Message::Ping(ping.message(cx)));
        cx.arm(Timer::Answer(link), cx.config.detector.answer_timeout);
    }

    /// Takes an answer. False when it repeats no ping of ours (R15): that is no answer at all. One
    /// that comes too late is none either, but nothing is wrong with it.
    pub(crate) fn on_pong(&mut self, cx: &mut Context, link: LinkId, pong: &Ping) -> bool {
        let is_answered = |ping: &&SentPing| {
            ping.link == link && ping.nonce == pong.nonce && ping.message(cx) == *pong
        };
        let Some(&ping) = self.pings.iter().find(is_answered) else { return false };
        if ping.fate != Fate::Overdue {
            self.forget_pings(link);
            if let Some(watch) = self.watch(link) {
                watch.misses = 0;
                watch.round_trip = RoundTrip::of(cx.now.since(ping.sent));
            }
            cx.timers.cancel(Timer::Answer(link));
        }
        true
    }

    /// The answer of a neighbor is overdue.
    pub(crate) fn on_answer_timer(&mut self, cx: &mut Context, neighbor: &Neighbor) -> Overdue {
        let Some(open) = self.open_ping(neighbor.link) else { return Overdue::Strike };
        if self.pings[open].fate == Fate::Challenge {
            self.pings.swap_remove(open);
            return Overdue::Lost;
        }
        self.pings[open].fate = Fate::Overdue;
        self.miss(cx, neighbor, StrikeKind::Ping)
    }

    fn miss(&mut self, cx: &mut Context, neighbor: &Neighbor, kind: StrikeKind) -> Overdue {
        let most = cx.config.detector.misses;
        let Some(watch) = self.watch(neighbor.link) else { return Overdue::Strike };
        watch.misses += 1;
        let strikes = watch.misses;
        cx.stats.pings_missed += 1;
        let subject = neighbor.record.clone();
        cx.emit(Event::Strike { subject, strikes, kind });
        if strikes >= most { Overdue::Dead } else { Overdue::Strike }
    }

    /// A neighbor's link was lost without a word: its strikes begin.
    pub(crate) fn on_lost(&mut self, cx: &mut Context, record: AddressRecord) {
        if self.lost.len() >= cx.config.overlay.max_links {
            cx.stats.limits.lost += 1;
            return;
        }
        let pause = cx.rng.jitter(cx.config.detector.redial_after);
        let number = self.losses;
        self.losses = number.wrapping_add(1);
        cx.arm(Timer::Redial(number), pause);
        self.lost.push(Lost { number, record, strikes: 0 });
    }

    pub(crate) fn on_redial_timer(&mut self, cx: &mut Context, number: u32, isolated: bool) {
        if let Some(lost) = self.lost.iter().find(|lost| lost.number == number) {
            let purpose = Purpose::Neighbor { isolated };
            cx.dial(Target::Node(&lost.record), purpose, Owner::Redial(number));
        }
    }

    /// A redial failed. Returns the lost neighbor if that was the last strike.
    pub(crate) fn on_failed(
        &mut self,
        cx: &mut Context,
        number: u32,
        failure: &Failure,
    ) -> Option<AddressRecord> {
        let place = self.lost.iter().position(|lost| lost.number == number)?;
        let lost = &mut self.lost[place];
        let subject = lost.record.subject();
        if matches!(failure, Failure::Refused(refuse) if refuse.from == subject) {
            self.lost.remove(place);
            return None;
        }
        lost.strikes += 1;
        let (record, strikes) = (lost.record.clone(), lost.strikes);
        cx.emit(Event::Strike { subject: record.clone(), strikes, kind: StrikeKind::Redial });
        if strikes >= cx.config.detector.misses {
            self.lost.remove(place);
            return Some(record);
        }
        let pause = cx.config.detector.pause_before(strikes);
        let pause = cx.rng.jitter(pause);
        cx.arm(Timer::Redial(number), pause);
        None
    }

    /// Stops counting against a lost neighbor: it showed itself, or it left.
    pub(crate) fn clear_strikes(&mut self, cx: &mut Context, subject: NodeId) {
        let place = self.lost.iter().position(|lost| lost.record.subject() == subject);
        let Some(lost) = place.map(|place| self.lost.remove(place)) else { return };
        cx.timers.cancel(Timer::Redial(lost.number));
        let its =
            |(_, owner, _): &(LinkId, Owner, &AddressRecord)| *owner == Owner::Redial(lost.number);
        let redial = cx.links.neighbor_dials().find(its).map(|(redial, ..)| redial);
        if let Some(redial) = redial {
            cx.close(redial, Bye::Done);
        }
    }

    pub(crate) fn is_lost(&self, record: &AddressRecord) -> bool {
        self.lost.iter().any(|lost| lost.record.subject() == record.subject())
    }

    /// Round-trip time and strikes of a linked neighbor.
    pub(crate) fn view(&self, link: LinkId) -> (Option<Duration>, u8) {
        let watch = self.watches.iter().find(|watch| watch.link == link);
        watch.map_or((None, 0), |watch| (watch.round_trip.duration(), watch.misses))
    }

    fn watch(&mut self, link: LinkId) -> Option<&mut Watch> {
        self.watches.iter_mut().find(|watch| watch.link == link)
    }

    /// Where the ping of a neighbor stands that may still be answered.
    fn open_ping(&self, link: LinkId) -> Option<usize> {
        self.pings.iter().position(|ping| ping.link == link && ping.fate != Fate::Overdue)
    }

    fn forget_pings(&mut self, link: LinkId) {
        self.pings.retain(|ping| ping.link != link);
        release_if_empty(&mut self.pings);
    }
}

impl SentPing {
    fn message(&self, cx: &Context) -> Ping {
        Ping { nonce: self.nonce, time: cx.unix_at(self.sent), addr: cx.record.primary() }
    }
}

impl RoundTrip {
    /// No answer yet.
    const NONE: Self = Self(u32::MAX);

    fn of(duration: Duration) -> Self {
        Self(u32::try_from(duration.as_micros()).unwrap_or(u32::MAX - 1))
    }

    fn duration(self) -> Option<Duration> {
        (self.0 != Self::NONE.0).then(|| Duration::from_micros(self.0.into()))
    }
}
