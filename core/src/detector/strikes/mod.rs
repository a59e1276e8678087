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
pub(crate) mod timer;

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::config::{DetectorConfig, DetectorKind};
use crate::context::Context;
use crate::detector::strikes::connect::Connects;
use crate::detector::strikes::timer::StrikesTimer;
use crate::event::{Event, Misbehavior, NeighborLoss, StrikeKind};
use crate::fact::Fact;
use crate::id::{LinkId, NodeId};
use crate::links::neighbors::Neighbor;
use crate::links::{Failure, Owner, Target};
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::util::room::{make_room, release_if_empty};
use crate::wire::{Bye, Ping, Purpose};

/// A peer's watch over its neighbors, present and lost.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strikes {
    /// Neighbors whose answer is waited for. Few at a time.
    awaited: Vec<Awaited>,
    connects: Connects,
    lost: Vec<Lost>,
    /// How many were ever lost.
    losses: u32,
}

/// A neighbor whose answer is waited for. An answer to an earlier ping comes too late: it is nothing
/// wrong, and counts for nothing.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    link: LinkId,
    nonce: u64,
    /// One miss is enough: there is reason to think that the link is gone.
    is_challenge: bool,
}

/// A neighbor whose link was lost.
#[derive(Clone, Debug)]
struct Lost {
    /// What [`StrikesTimer::Redial`] calls it.
    number: u32,
    record: AddressRecord,
    strikes: u8,
}

impl DetectorConfig {
    /// Pause before the next redial or probe, after this many strikes.
    pub(crate) fn pause_before(&self, strikes: u8) -> Duration {
        self.redial_after.saturating_mul(1 << strikes.min(16))
    }
}

impl Strikes {
    pub(crate) fn on_timer(&mut self, cx: &mut Context, timer: StrikesTimer) {
        match timer {
            StrikesTimer::Ping(link) => self.on_ping_timer(cx, link),
            StrikesTimer::Answer(link) => self.on_answer_timer(cx, link),
            StrikesTimer::Redial(number) => self.on_redial_timer(cx, number),
        }
    }

    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        self.clear_strikes(cx, up.id());
        let first = cx.rng.jitter(cx.config.detector.liveness_every);
        cx.arm(StrikesTimer::Ping(up.link), first);
    }

    /// A neighbor is gone. If its link was lost without a word, its strikes begin.
    pub(crate) fn on_neighbor_down(
        &mut self,
        cx: &mut Context,
        down: &Neighbor,
        reason: NeighborLoss,
    ) {
        self.end_wait(down.link);
        self.connects.give_up(cx, down.link);
        cx.timers.cancel(StrikesTimer::Ping(down.link));
        cx.timers.cancel(StrikesTimer::Answer(down.link));
        if matches!(reason, NeighborLoss::LinkLost(_)) {
            self.on_lost(cx, down.record.clone());
        }
    }

    fn on_ping_timer(&mut self, cx: &mut Context, link: LinkId) {
        let Some(neighbor) = cx.neighbors.by_link(link).cloned() else { return };
        cx.arm(StrikesTimer::Ping(link), cx.config.detector.liveness_every);
        match cx.config.detector.kind {
            DetectorKind::Connect => self.connects.begin(cx, &neighbor),
            DetectorKind::Strikes | DetectorKind::Swim => {
                if self.awaited(link).is_none() {
                    self.ping(cx, link, false);
                }
            }
        }
    }

    /// A connection to a neighbor stands: that is its answer.
    pub(crate) fn on_connected(&mut self, cx: &mut Context, link: LinkId) {
        let Some(attempt) = self.connects.end(link) else { return };
        let took = cx.now.since(attempt.begun);
        cx.neighbors.on_answer(attempt.neighbor, took);
    }

    /// No connection to a neighbor came to stand.
    pub(crate) fn on_not_connected(&mut self, cx: &mut Context, link: LinkId) {
        if let Some(attempt) = self.connects.end(link) {
            strike(cx, attempt.neighbor, StrikeKind::Connect);
        }
    }

    /// This machine could not try to connect to a neighbor: nothing was missed.
    pub(crate) fn on_not_tried(&mut self, link: LinkId) {
        let _untried = self.connects.end(link);
    }

    /// Sees at once whether a link still lives: one miss and it is lost.
    pub(crate) fn challenge(&mut self, cx: &mut Context, link: LinkId) {
        self.ping(cx, link, true);
    }

    fn ping(&mut self, cx: &mut Context, link: LinkId, is_challenge: bool) {
        let nonce = cx.draw_nonce();
        if cx.neighbors.by_link(link).is_none() {
            return;
        }
        if let Some(awaited) = self.awaited(link) {
            if cx.links.pings.count(link) > usize::from(cx.config.detector.misses) {
                awaited.is_challenge = is_challenge;
                return;
            }
            self.end_wait(link);
        }
        make_room(&mut self.awaited);
        self.awaited.push(Awaited { link, nonce, is_challenge });
        cx.stats.pings += 1;
        cx.ping(link, nonce);
        cx.arm(StrikesTimer::Answer(link), cx.config.detector.answer_timeout);
    }

    /// A pong came on a neighbor's link.
    pub(crate) fn on_pong(&mut self, cx: &mut Context, link: LinkId, pong: &Ping) {
        let Some(ping) = cx.answered(link, pong) else {
            return cx.tolerate(link, Misbehavior::WrongEcho);
        };
        if self.awaited(link).is_some_and(|awaited| awaited.nonce == ping.nonce) {
            self.end_wait(link);
            cx.links.pings.forget(link);
            let took = ping.took(cx.now);
            cx.neighbors.on_answer(link, took);
            cx.timers.cancel(StrikesTimer::Answer(link));
        }
    }

    /// The answer of a neighbor is overdue.
    fn on_answer_timer(&mut self, cx: &mut Context, link: LinkId) {
        let Some(&mut awaited) = self.awaited(link) else { return };
        self.end_wait(link);
        if awaited.is_challenge {
            cx.tell(Fact::Stalled(link));
        } else {
            strike(cx, link, StrikeKind::Ping);
        }
    }

    /// A neighbor's link was lost without a word: its strikes begin.
    fn on_lost(&mut self, cx: &mut Context, record: AddressRecord) {
        if self.lost.len() >= cx.config.overlay.max_links {
            cx.stats.limits.lost += 1;
            return;
        }
        let pause = cx.rng.jitter(cx.config.detector.redial_after);
        let number = self.losses;
        self.losses = number.wrapping_add(1);
        cx.arm(StrikesTimer::Redial(number), pause);
        self.lost.push(Lost { number, record, strikes: 0 });
    }

    fn on_redial_timer(&mut self, cx: &mut Context, number: u32) {
        let isolated = cx.neighbors.is_empty();
        if let Some(lost) = self.lost.iter().find(|lost| lost.number == number) {
            let purpose = Purpose::Neighbor { isolated };
            cx.dial(Target::Node(&lost.record), purpose, Owner::Redial(number));
        }
    }

    /// A redial failed.
    pub(crate) fn on_failed(&mut self, cx: &mut Context, number: u32, failure: &Failure) {
        let Some(place) = self.lost.iter().position(|lost| lost.number == number) else { return };
        let lost = &mut self.lost[place];
        let subject = lost.record.subject();
        if matches!(failure, Failure::Refused(refuse) if refuse.from == subject) {
            self.lost.remove(place);
            return;
        }
        if failure.is_own() {
            // Nobody was asked. The next try is not sooner than after a strike.
            let pause = cx.config.detector.pause_before(lost.strikes + 1);
            let pause = cx.rng.jitter(pause);
            cx.arm(StrikesTimer::Redial(number), pause);
            return;
        }
        lost.strikes += 1;
        let (record, strikes) = (lost.record.clone(), lost.strikes);
        cx.emit(Event::Strike { subject: record.clone(), strikes, kind: StrikeKind::Redial });
        if strikes >= cx.config.detector.misses {
            self.lost.remove(place);
            cx.tell(Fact::Dead { subject: record, is_own: true });
            return;
        }
        let pause = cx.config.detector.pause_before(strikes);
        let pause = cx.rng.jitter(pause);
        cx.arm(StrikesTimer::Redial(number), pause);
    }

    /// Stops counting against a lost neighbor: it showed itself, or it left.
    pub(crate) fn clear_strikes(&mut self, cx: &mut Context, subject: NodeId) {
        let place = self.lost.iter().position(|lost| lost.record.subject() == subject);
        let Some(lost) = place.map(|place| self.lost.remove(place)) else { return };
        cx.timers.cancel(StrikesTimer::Redial(lost.number));
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

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        for awaited in &self.awaited {
            holds(cx.neighbors.by_link(awaited.link).is_some(), "nobody to wait for")?;
            let is_armed = cx.timers.is_armed(StrikesTimer::Answer(awaited.link));
            holds(is_armed, "an answer is waited for without an end")?;
        }
        for neighbor in cx.neighbors.iter() {
            let is_armed = cx.timers.is_armed(StrikesTimer::Ping(neighbor.link));
            holds(is_armed, "a neighbor that nobody pings")?;
        }
        for lost in &self.lost {
            let owner = Owner::Redial(lost.number);
            let is_dialed = cx.links.neighbor_dials().any(|(_, it, _)| it == owner);
            let is_armed = cx.timers.is_armed(StrikesTimer::Redial(lost.number));
            holds(is_dialed != is_armed, "a lost neighbor that nobody redials")?;
        }
        Ok(())
    }

    fn awaited(&mut self, link: LinkId) -> Option<&mut Awaited> {
        self.awaited.iter_mut().find(|awaited| awaited.link == link)
    }

    fn end_wait(&mut self, link: LinkId) {
        self.awaited.retain(|awaited| awaited.link != link);
        release_if_empty(&mut self.awaited);
    }
}

/// A neighbor did not answer. The last strike says that it is dead.
fn strike(cx: &mut Context, link: LinkId, kind: StrikeKind) {
    let Some(neighbor) = cx.neighbors.by_link_mut(link) else { return };
    let (strikes, subject) = (neighbor.health.miss(), neighbor.record.clone());
    cx.stats.pings_missed += 1;
    cx.emit(Event::Strike { subject: subject.clone(), strikes, kind });
    if strikes >= cx.config.detector.misses {
        cx.tell(Fact::Dead { subject, is_own: true });
    }
}
