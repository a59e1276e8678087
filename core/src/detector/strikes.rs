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
//! [`connect`](super::connect); the strikes and all else are the same.
//!
//! A stopped process keeps its connections, so only pings find it: after 26 to 39 s and the last
//! answer's 3 s. A process that died lost its connections, so its neighbors redial at once.
//! This part says who is dead; it closes no link and tells no seed node.

use alloc::vec::Vec;
use core::time::Duration;

use rand::Rng as _;

use crate::address::AddressRecord;
use crate::config::{DetectorConfig, DetectorKind};
use crate::context::Context;
use crate::detector::connect::Connects;
use crate::event::{Event, StrikeKind};
use crate::id::{LinkId, NodeId};
use crate::links::{Failure, Links};
use crate::neighbors::{Neighbor, Neighbors};
use crate::rng::Stream;
use crate::time::Instant;
use crate::timers::Timer;
use crate::wire::{Bye, Message, Ping, Purpose};

/// A peer's watch over its neighbors, present and lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strikes {
    watches: Vec<Watch>,
    connects: Connects,
    lost: Vec<Lost>,
}

/// A neighbor that is linked.
#[derive(Clone, Debug)]
struct Watch {
    link: LinkId,
    misses: u8,
    /// The ping that may still be answered.
    open: Option<OpenPing>,
    /// Pings that were answered too late or never, at most as many as there are strikes.
    overdue: Vec<Ping>,
    round_trip: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
struct OpenPing {
    ping: Ping,
    sent: Instant,
    /// One miss is enough: there is reason to think that the link is gone.
    challenge: bool,
}

/// A neighbor whose link was lost.
#[derive(Clone, Debug)]
struct Lost {
    record: AddressRecord,
    strikes: u8,
    redial: Option<LinkId>,
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
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, links: &mut Links, up: &Neighbor) {
        self.pardon(cx, links, up.id(), Some(up.link));
        self.watches.push(Watch {
            link: up.link,
            misses: 0,
            open: None,
            overdue: Vec::new(),
            round_trip: None,
        });
        let first = cx.rng.jitter(cx.config.detector.liveness_every);
        cx.arm(Timer::Ping(up.link), first);
    }

    pub(crate) fn on_neighbor_down(&mut self, cx: &mut Context, links: &mut Links, link: LinkId) {
        self.watches.retain(|watch| watch.link != link);
        self.connects.give_up(cx, links, link);
        cx.timers.cancel(Timer::Ping(link));
        cx.timers.cancel(Timer::Answer(link));
    }

    pub(crate) fn on_ping_timer(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        neighbor: &Neighbor,
    ) {
        let link = neighbor.link;
        cx.arm(Timer::Ping(link), cx.config.detector.liveness_every);
        match cx.config.detector.kind {
            DetectorKind::Connect => self.connects.begin(cx, links, neighbor),
            DetectorKind::Strikes => {
                if self.watch(link).is_some_and(|watch| watch.open.is_none()) {
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
            watch.round_trip = Some(now.since(attempt.begun));
        }
    }

    /// No connection to a neighbor came to stand. Returns the neighbor if that was the last strike.
    pub(crate) fn on_not_connected(
        &mut self,
        cx: &mut Context,
        neighbors: &Neighbors,
        link: LinkId,
    ) -> Option<Neighbor> {
        let attempt = self.connects.end(link)?;
        let neighbor = neighbors.by_link(attempt.neighbor)?;
        let overdue = self.miss(cx, neighbor, StrikeKind::Connect);
        (overdue == Overdue::Dead).then(|| neighbor.clone())
    }

    /// Sees at once whether a link still lives: one miss and it is lost.
    pub(crate) fn challenge(&mut self, cx: &mut Context, link: LinkId) {
        self.ping(cx, link, true);
    }

    fn ping(&mut self, cx: &mut Context, link: LinkId, challenge: bool) {
        let nonce = cx.rng.draw(Stream::Nonce).next_u64();
        let ping = Ping { nonce, time: cx.unix(), addr: cx.record.primary() };
        let sent = cx.now;
        let Some(watch) = self.watch(link) else { return };
        watch.open = Some(OpenPing { ping, sent, challenge });
        cx.stats.pings += 1;
        cx.send(link, Message::Ping(ping));
        cx.arm(Timer::Answer(link), cx.config.detector.answer_timeout);
    }

    /// Takes an answer. False when it repeats no ping of ours (R15): that is no answer at all. One
    /// that comes too late is none either, but nothing is wrong with it.
    pub(crate) fn on_pong(&mut self, cx: &mut Context, link: LinkId, pong: &Ping) -> bool {
        let now = cx.now;
        let Some(watch) = self.watch(link) else { return false };
        match watch.open {
            Some(OpenPing { ping, sent, .. }) if ping == *pong => {
                watch.open = None;
                watch.overdue.clear();
                watch.misses = 0;
                watch.round_trip = Some(now.since(sent));
                cx.timers.cancel(Timer::Answer(link));
                true
            }
            _ => watch.overdue.contains(pong),
        }
    }

    /// The answer of a neighbor is overdue.
    pub(crate) fn on_answer_timer(&mut self, cx: &mut Context, neighbor: &Neighbor) -> Overdue {
        let Some(watch) = self.watch(neighbor.link) else { return Overdue::Strike };
        match watch.open.take() {
            Some(open) if open.challenge => return Overdue::Lost,
            Some(open) => watch.overdue.push(open.ping),
            None => return Overdue::Strike,
        }
        self.miss(cx, neighbor, StrikeKind::Ping)
    }

    fn miss(&mut self, cx: &mut Context, neighbor: &Neighbor, what: StrikeKind) -> Overdue {
        let most = cx.config.detector.misses;
        let Some(watch) = self.watch(neighbor.link) else { return Overdue::Strike };
        watch.misses += 1;
        let strikes = watch.misses;
        cx.stats.pings_missed += 1;
        let subject = neighbor.record.clone();
        cx.emit(Event::Strike { subject, strikes, what });
        if strikes >= most { Overdue::Dead } else { Overdue::Strike }
    }

    /// A neighbor's link was lost without a word: its strikes begin.
    pub(crate) fn on_lost(&mut self, cx: &mut Context, record: AddressRecord) {
        if self.lost.len() >= cx.config.overlay.max_links {
            cx.stats.limits.lost += 1;
            return;
        }
        let pause = cx.rng.jitter(cx.config.detector.redial_after);
        cx.arm(Timer::Redial(record.subject()), pause);
        self.lost.push(Lost { record, strikes: 0, redial: None });
    }

    pub(crate) fn on_redial_timer(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        subject: NodeId,
        isolated: bool,
    ) {
        if let Some(lost) = self.lost.iter_mut().find(|lost| lost.record.subject() == subject) {
            let addresses = lost.record.addresses().into();
            let purpose = Purpose::Neighbor { isolated };
            lost.redial = Some(links.dial(cx, addresses, purpose, Some(subject)));
        }
    }

    /// A redial failed. Returns the lost neighbor if that was the last strike.
    pub(crate) fn on_failed(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        failure: &Failure,
    ) -> Option<AddressRecord> {
        let place = self.lost.iter().position(|lost| lost.redial == Some(link))?;
        let lost = &mut self.lost[place];
        lost.redial = None;
        let subject = lost.record.subject();
        if matches!(failure, Failure::Refused(refuse) if refuse.from == subject) {
            self.lost.remove(place);
            return None;
        }
        lost.strikes += 1;
        let (record, strikes) = (lost.record.clone(), lost.strikes);
        cx.emit(Event::Strike { subject: record.clone(), strikes, what: StrikeKind::Redial });
        if strikes >= cx.config.detector.misses {
            self.lost.remove(place);
            return Some(record);
        }
        let pause = cx.config.detector.pause_before(strikes);
        let pause = cx.rng.jitter(pause);
        cx.arm(Timer::Redial(subject), pause);
        None
    }

    /// Stops counting against a lost neighbor: it showed itself, on link `by` or otherwise, or it
    /// left.
    pub(crate) fn pardon(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        subject: NodeId,
        by: Option<LinkId>,
    ) {
        cx.timers.cancel(Timer::Redial(subject));
        let place = self.lost.iter().position(|lost| lost.record.subject() == subject);
        let Some(lost) = place.map(|place| self.lost.remove(place)) else { return };
        if let Some(redial) = lost.redial.filter(|redial| Some(*redial) != by) {
            links.close(cx, redial, Bye::Done);
        }
    }

    pub(crate) fn is_lost(&self, subject: NodeId) -> bool {
        self.lost.iter().any(|lost| lost.record.subject() == subject)
    }

    /// Whether a redial to `subject` is under way.
    pub(crate) fn is_redialing(&self, subject: NodeId) -> bool {
        self.lost.iter().any(|lost| lost.record.subject() == subject && lost.redial.is_some())
    }

    /// Round-trip time and strikes of a linked neighbor.
    pub(crate) fn view(&self, link: LinkId) -> (Option<Duration>, u8) {
        let watch = self.watches.iter().find(|watch| watch.link == link);
        watch.map_or((None, 0), |watch| (watch.round_trip, watch.misses))
    }

    fn watch(&mut self, link: LinkId) -> Option<&mut Watch> {
        self.watches.iter_mut().find(|watch| watch.link == link)
    }
}
