//! Near links: a few neighbors are chosen because they are near (X-BOT: Leitão, Marques, Pereira,
//! Rodrigues, SRDS 2009).
//!
//! ```text
//! peer          its neighbor `old`   candidate          the candidate's neighbor
//!   Hello { Optimize } ──────────────▶
//!                      ◀──────────────  Welcome
//!   Ping               ──────────────▶
//!                      ◀──────────────  Pong             nearer than `old`?
//!   Optimization { old, round trip } ▶
//!                                       Bye { Swapped } ──▶      nearer than that one, too
//!                      ◀──────────────  OptimizationReply { replaced }        neighbors
//!   Replace, Bye  ──▶
//!                      Hello { Neighbor } ─────────────────────▶              neighbors
//! ```
//!
//! All four keep as many links as they had, unless the candidate had a free slot, or the two that lose
//! a link are neighbors already. A full peer tries one peer of its passive view after the other, soon
//! after it has joined and the more seldom the more of them were not nearer, at last one per shuffle.
//! At most `near_links` are chosen so; which of the others goes for the first ones is drawn, so that
//! those stay a random sample of all peers and hold the overlay together.
//!
//! Both ends of the new link must gain; what the other two get is as random as what they lost. Each
//! chosen link is remembered as such, and who takes over from one in a swap is chosen, too. The paper's
//! text was not at hand (docs/papers.md): from it comes the swap of four; when to swap, and which
//! links to leave alone, is ours.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::HyParView;
use super::repair::dial;
use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::Misbehavior;
use crate::id::{LinkId, NodeId};
use crate::links::neighbors::{Neighbor, Neighbors};
use crate::links::{DialReason, Failure, Owner, Target};
use crate::overlay::admission::Admission;
use crate::overlay::is_free;
use crate::overlay::timer::OverlayTimer;
use crate::rng::Stream;
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::util::room::make_room;
use crate::wire::{Bye, OverlayMessage, Ping, Purpose, Refusal};

/// How near the neighbors are, and the attempt under way. Nothing is kept unless near ones are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct XBot {
    held: Vec<Held>,
    /// A chosen link went in a swap: the next one takes its place.
    is_owed: bool,
    /// Until then a slot is kept for whom somebody sends who swapped this peer for a nearer one.
    awaits_until: Instant,
    candidate: Option<Box<Candidate>>,
    /// Until the next attempt, on average.
    pause: Duration,
}

/// A link with a neighbor.
#[derive(Clone, Copy, Debug)]
struct Held {
    link: LinkId,
    /// The least of its round trips that was seen; `None` before the first.
    least: Option<Duration>,
    is_chosen: bool,
}

/// A candidate, and how far it has come.
#[derive(Clone, Debug)]
struct Candidate {
    link: LinkId,
    to: NodeId,
    begun: Instant,
    /// Its round trip; zero before it is known.
    took: Duration,
    /// Who goes for it, once that was offered.
    old: Option<LinkId>,
}

impl XBot {
    /// Nothing is known yet; the first attempt is due soon, if near ones are wanted.
    pub(super) fn new(cx: &mut Context) -> Self {
        let config = &cx.config.overlay.hyparview;
        let xbot = Self { pause: config.shuffle_every / SOON, ..Self::default() };
        if config.near_links > 0 {
            xbot.arm(cx);
        }
        xbot
    }

    fn arm(&self, cx: &mut Context) {
        let pause = cx.rng.jitter(self.pause);
        cx.arm(OverlayTimer::Optimize, pause);
    }

    /// A neighbor is up: it takes the place of a chosen one, or not. It is tried no longer.
    pub(super) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        if cx.config.overlay.hyparview.near_links == 0 {
            return;
        }
        self.awaits_until = Instant::BIRTH;
        let is_chosen = core::mem::take(&mut self.is_owed) && self.has_room(cx);
        make_room(&mut self.held);
        self.held.push(Held { link: up.link, least: None, is_chosen });
        let is_other =
            |candidate: &mut Box<Candidate>| candidate.to == up.id() && candidate.link != up.link;
        if let Some(candidate) = self.candidate.take_if(is_other) {
            cx.close(candidate.link, Bye::Done);
        }
    }

    /// A neighbor is down. If it swapped this peer for a nearer one it sends another one, which takes its
    /// place; nobody makes a peer wait for longer by doing that again.
    pub(super) fn on_neighbor_down(&mut self, cx: &Context, link: LinkId, is_swapped: bool) {
        if is_swapped {
            self.hand_over(link);
        } else if self.held.iter().any(|it| it.link == link && it.is_chosen) {
            self.pause_shorter(cx);
        }
        self.held.retain(|it| it.link != link);
        let is_wanting = cx.config.overlay.hyparview.near_links > 0;
        if is_swapped && is_wanting && !self.awaits(cx) {
            self.awaits_until = cx.now + cx.config.links.hello_timeout;
        }
    }

    /// This link goes. If it was chosen, the one that comes for it is.
    fn hand_over(&mut self, link: LinkId) {
        if let Some(held) = self.held.iter_mut().find(|it| it.link == link) {
            self.is_owed |= core::mem::take(&mut held.is_chosen);
        }
    }

    /// The one that should have come for a chosen one does not.
    pub(super) fn forgive(&mut self) {
        self.is_owed = false;
    }

    /// Whether a slot is kept for whom somebody sends.
    pub(super) fn awaits(&self, cx: &Context) -> bool {
        cx.now < self.awaits_until
    }

    /// Takes over what the detector saw. Round trips vary: counting the last one, peers whose links are
    /// all alike would swap them for ever.
    fn note(&mut self, neighbors: &Neighbors) {
        for held in &mut self.held {
            let seen = neighbors.by_link(held.link).and_then(|it| it.health.round_trip());
            held.least = held.least.into_iter().chain(seen).min();
        }
    }

    /// Each attempt makes it less likely that there is somebody nearer; and where nobody can be tried, it
    /// need not be looked into often.
    fn pause_longer(&mut self, cx: &Context) {
        let longer = self.pause + self.pause / GROWTH;
        self.pause = longer.min(cx.config.overlay.hyparview.shuffle_every);
    }

    fn pause_shorter(&mut self, cx: &Context) {
        let shorter = self.pause.saturating_sub(self.pause / GROWTH * 2);
        self.pause = shorter.max(cx.config.overlay.hyparview.shuffle_every / SOON);
    }

    fn has_room(&self, cx: &Context) -> bool {
        let chosen = self.held.iter().filter(|it| it.is_chosen).count();
        chosen < cx.config.overlay.hyparview.near_links
    }

    /// Who goes for a peer that is so near: a random one of those that were not chosen, while there
    /// may be more near ones, else the farthest that was. Only one that is clearly farther.
    fn farther(
        &self,
        cx: &mut Context,
        round_trip: Duration,
        not: Option<LinkId>,
    ) -> Option<LinkId> {
        let has_room = self.has_room(cx);
        let bound = round_trip + (round_trip / GAIN).max(MIN_GAIN);
        let eligible =
            self.held.iter().filter(|it| it.is_chosen != has_room && Some(it.link) != not);
        let farther: Vec<_> = eligible.filter(|it| it.least.is_some_and(|it| it > bound)).collect();
        if has_room {
            return cx.rng.index(Stream::Overlay, farther.len()).map(|drawn| farther[drawn].link);
        }
        farther.iter().max_by_key(|it| it.least).map(|it| it.link)
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn invariants(&self, cx: &Context) -> Broken {
        let is_wanting = cx.config.overlay.hyparview.near_links > 0;
        let held =
            self.held.iter().filter(|held| cx.neighbors.by_link(held.link).is_some()).count();
        let wanted = if is_wanting { cx.neighbors.len() } else { 0 };
        holds(held == wanted && self.held.len() == held, "near links are not the neighbors")?;
        let candidate = self.candidate.as_deref();
        let has_dial = |it: &Candidate| cx.links.owner(it.link) == Some(Owner::Candidate);
        holds(candidate.is_none_or(has_dial), "a candidate without a dial")
    }

    fn candidate_on(&mut self, link: LinkId) -> Option<&mut Candidate> {
        self.candidate.as_deref_mut().filter(|candidate| candidate.link == link)
    }
}

/// How many times as often as shuffles the first attempts are. *Guess: some round trips apart. Measured:
/// PROTOCOL.md.*
const SOON: u32 = 32;

/// One over the share by which the pause grows with each attempt; an agreement takes back two.
/// *Measured: PROTOCOL.md.*
const GROWTH: u32 = 16;

/// One over the share of its round trip by which a nearer one must be nearer. *Guess: less is not worth
/// four links.*
const GAIN: u32 = 10;

/// And by which it must be at least. *Measured: on one machine, where round trips are of 0.2 ms, peers went
/// on swapping without it.*
const MIN_GAIN: Duration = Duration::from_millis(1);

impl HyParView {
    /// Tries one peer of the passive view, if the active view is full and something of it is measured.
    pub(crate) fn on_optimize_timer(
        &mut self,
        cx: &mut Context,
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) {
        self.xbot.note(&cx.neighbors);
        let patience = cx.config.links.hello_timeout;
        let is_stuck = |candidate: &mut Box<Candidate>| cx.now.since(candidate.begun) > patience;
        if let Some(stuck) = self.xbot.candidate.take_if(is_stuck) {
            cx.close(stuck.link, Bye::Done);
        }
        self.xbot.arm(cx);
        if self.xbot.candidate.is_some() {
            return;
        }
        self.xbot.pause_longer(cx);
        let is_full = cx.neighbors.len() >= cx.config.overlay.hyparview.active;
        let is_measured = self.xbot.held.iter().any(|it| it.least.is_some());
        if !is_full || !is_measured {
            return;
        }
        if let Some(to) = self.candidate(cx, false, is_lost) {
            let link = cx.dial(Target::Node(&to), Purpose::Optimize, Owner::Candidate);
            self.xbot.candidate = Some(Box::new(Candidate {
                link,
                to: to.subject(),
                begun: cx.now,
                took: Duration::ZERO,
                old: None,
            }));
        }
    }

    pub(crate) fn on_candidate_welcomed(&mut self, cx: &mut Context, link: LinkId) {
        if self.xbot.candidate_on(link).is_some() {
            let nonce = cx.draw_nonce();
            cx.ping(link, nonce);
        }
    }

    /// The candidate answers: it is asked to be a neighbor if it is nearer.
    pub(crate) fn on_candidate_pong(&mut self, cx: &mut Context, link: LinkId, pong: &Ping) {
        let answered = cx.answered(link, pong);
        let (Some(ping), Some(candidate)) = (answered, self.xbot.candidate_on(link)) else {
            return cx.tolerate(link, Misbehavior::WrongEcho);
        };
        cx.links.pings.forget(link);
        let took = ping.took(cx.now);
        candidate.took = took;
        let is_wanted = cx.neighbors.len() >= cx.config.overlay.hyparview.active
            && cx.neighbors.by_id(candidate.to).is_none()
            && !cx.links.overlay_dials().any(|(.., to)| to.subject() == candidate.to);
        let old = self.xbot.farther(cx, took, None);
        let old = old.filter(|_| is_wanted).and_then(|old| cx.neighbors.by_link(old));
        if let (Some(old), Some(candidate)) = (old, &mut self.xbot.candidate) {
            candidate.old = Some(old.link);
            let round_trip_us = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
            cx.send(link, OverlayMessage::Optimization { old: old.id(), round_trip_us });
        } else {
            self.xbot.candidate = None;
            cx.close(link, Bye::Done);
        }
    }

    /// Somebody near asks to be a neighbor, and gives up `old` for it. Not while this peer has offered as
    /// much to another one: two that ask each other, or give up the same one, would be left with neither.
    pub(crate) fn admit_near(&self, cx: &mut Context, old: NodeId, took: Duration) -> Admission {
        let config = &cx.config.overlay.hyparview;
        if self.xbot.candidate.as_ref().is_some_and(|candidate| candidate.old.is_some()) {
            return Admission::Refuse(Refusal::Busy);
        }
        if cx.neighbors.len() < config.active {
            return Admission::Admit;
        }
        let common = cx.neighbors.by_id(old).map(|it| it.link);
        let farther = self.xbot.farther(cx, took, common);
        farther.map_or(Admission::Refuse(Refusal::Busy), |it| Admission::Instead(it, Bye::Swapped))
    }

    /// The candidate agrees. Returns who goes for it, and its round trip; `None` when nothing was
    /// offered.
    pub(crate) fn on_optimization_reply(
        &mut self,
        cx: &Context,
        link: LinkId,
    ) -> Option<(LinkId, Duration)> {
        let candidate = self.xbot.candidate_on(link)?;
        let agreed = (candidate.old?, candidate.took);
        self.xbot.candidate = None;
        self.xbot.pause_shorter(cx);
        Some(agreed)
    }

    /// This neighbor is one because it is near. Its round trip is only what this peer measured itself:
    /// who says too little gets in, and goes for the next one that is nearer.
    pub(crate) fn choose(&mut self, cx: &Context, link: LinkId, round_trip: Option<Duration>) {
        let has_room = self.xbot.has_room(cx);
        if let Some(held) = self.xbot.held.iter_mut().find(|it| it.link == link) {
            held.least = round_trip;
            held.is_chosen |= has_room;
        }
    }

    /// A neighbor goes to a nearer one, whose neighbor has lost its link, too.
    pub(crate) fn on_replace(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        with: &AddressRecord,
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) {
        let is_stranger = with.subject() != cx.me() && is_free(cx, with) && !is_lost(with);
        let is_replacing =
            cx.links.overlay_dials().any(|(_, reason, _)| reason == DialReason::Replace);
        if is_stranger && !is_replacing {
            self.xbot.hand_over(from.link);
            dial(cx, with, DialReason::Replace, false);
        }
    }

    pub(crate) fn on_candidate_failed(&mut self, cx: &Context, link: LinkId, failure: &Failure) {
        if let Some(candidate) = self.xbot.candidate.take_if(|candidate| candidate.link == link) {
            self.on_unreached(cx, candidate.to, failure);
        }
    }

    pub(crate) fn on_candidate_ended(&mut self, link: LinkId) {
        self.xbot.candidate.take_if(|candidate| candidate.link == link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    use crate::io::Output;
    use crate::testing::{context, record};

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn link(n: u64) -> LinkId {
        LinkId::dialed(n)
    }

    fn wanting(near_links: usize) -> Context {
        let mut config = Config::modern();
        config.overlay.hyparview.near_links = near_links;
        context(config)
    }

    /// A neighbor on each of these links.
    fn neighbors(cx: &mut Context, links: impl Iterator<Item = u8>) {
        cx.neighbors = Neighbors::default();
        for n in links {
            cx.neighbors.insert(link(n.into()), record(100 + n), Instant::BIRTH);
        }
    }

    /// Neighbors on these links, whose last answers took so long.
    fn answered<const N: usize>(links: [(u8, Duration); N]) -> Neighbors {
        let mut neighbors = Neighbors::default();
        for (n, took) in links {
            neighbors.insert(link(n.into()), record(100 + n), Instant::BIRTH);
            let neighbor = neighbors.by_link_mut(link(n.into())).expect("inserted");
            neighbor.health.on_answer(took);
        }
        neighbors
    }

    fn up(cx: &mut Context, xbot: &mut XBot, n: u8) {
        let mut neighbors = Neighbors::default();
        neighbors.insert(link(n.into()), record(100 + n), Instant::BIRTH);
        xbot.on_neighbor_up(cx, neighbors.by_link(link(n.into())).expect("inserted"));
    }

    /// Links 1 to 5, of 10 to 50 ms; the first ones are chosen.
    fn five(cx: &mut Context, chosen: u64) -> XBot {
        let mut xbot = XBot::default();
        (1..=5).for_each(|n| up(cx, &mut xbot, n));
        xbot.note(&answered([1, 2, 3, 4, 5].map(|n| (n, millis(10 * u64::from(n))))));
        for held in &mut xbot.held {
            held.is_chosen = (1..=chosen).any(|n| link(n) == held.link);
        }
        xbot
    }

    fn chosen(xbot: &XBot) -> Vec<LinkId> {
        xbot.held.iter().filter(|it| it.is_chosen).map(|it| it.link).collect()
    }

    #[test]
    fn a_random_one_goes_for_the_first_near_ones_and_then_the_farthest_chosen() {
        let mut cx = wanting(2);
        let xbot = five(&mut cx, 1);
        let drawn: Vec<_> =
            (0..100).filter_map(|_| xbot.farther(&mut cx, millis(25), None)).collect();
        assert!([3, 4, 5].iter().all(|n| drawn.contains(&link(*n))) && drawn.len() == 100);
        assert!(
            !drawn.contains(&link(1)) && !drawn.contains(&link(2)),
            "one is chosen, one nearer"
        );
        let xbot = five(&mut cx, 2);
        assert_eq!(xbot.farther(&mut cx, millis(5), None), Some(link(2)));
        assert_eq!(xbot.farther(&mut cx, millis(5), Some(link(2))), Some(link(1)));
        assert_eq!(xbot.farther(&mut cx, millis(19), None), None, "not worth it");
        assert_eq!(xbot.farther(&mut cx, millis(18), None), Some(link(2)));
    }

    #[test]
    fn less_than_a_millisecond_is_not_worth_four_links() {
        let mut cx = wanting(1);
        let mut xbot = XBot::default();
        up(&mut cx, &mut xbot, 1);
        xbot.note(&answered([(1, Duration::from_micros(1_200))]));
        assert_eq!(xbot.farther(&mut cx, Duration::from_micros(200), None), None);
        assert_eq!(xbot.farther(&mut cx, Duration::from_micros(199), None), Some(link(1)));
    }

    #[test]
    fn a_round_trip_that_was_seen_once_counts() {
        let mut cx = wanting(1);
        let mut xbot = five(&mut cx, 1);
        xbot.note(&answered([1, 2, 3, 4, 5].map(|n| (n, millis(90)))));
        assert_eq!(xbot.farther(&mut cx, millis(12), None), None);
        let mut new = XBot::default();
        up(&mut cx, &mut new, 1);
        assert_eq!(new.farther(&mut cx, millis(1), None), None, "nothing is known of it yet");
    }

    #[test]
    fn who_comes_after_a_swap_is_chosen_if_the_other_was() {
        let mut cx = wanting(2);
        let mut xbot = five(&mut cx, 2);
        xbot.on_neighbor_down(&cx, link(2), true);
        up(&mut cx, &mut xbot, 6);
        xbot.on_neighbor_down(&cx, link(3), true);
        up(&mut cx, &mut xbot, 7);
        xbot.on_neighbor_down(&cx, link(1), false);
        up(&mut cx, &mut xbot, 8);
        assert_eq!(chosen(&xbot), [link(6)]);
    }

    #[test]
    fn one_slot_is_kept_after_a_swap_and_not_for_longer_if_that_comes_again() {
        let mut cx = wanting(2);
        let mut overlay = HyParView { xbot: five(&mut cx, 2), ..HyParView::default() };
        overlay.xbot.on_neighbor_down(&cx, link(1), true);
        assert_eq!(overlay.free_slots(&cx), 5, "alone it waits for nobody");
        neighbors(&mut cx, 3..=5);
        assert_eq!(overlay.free_slots(&cx), 1, "of two");
        let patience = cx.config.links.hello_timeout;
        cx.now = cx.now + patience / 2;
        overlay.xbot.on_neighbor_down(&cx, link(2), true);
        cx.now = cx.now + patience / 2;
        assert_eq!(overlay.free_slots(&cx), 2);
        overlay.xbot.on_neighbor_down(&cx, link(3), true);
        up(&mut cx, &mut overlay.xbot, 6);
        assert!(!overlay.xbot.awaits(&cx), "it is here");
        let mut cx = wanting(0);
        overlay.xbot.awaits_until = Instant::BIRTH;
        overlay.xbot.on_neighbor_down(&cx, link(4), true);
        cx.now = Instant::BIRTH;
        assert!(!overlay.xbot.awaits(&cx), "it takes no part in swaps");
    }

    #[test]
    fn a_chosen_one_that_hands_over_and_stays_is_like_the_others() {
        let mut cx = wanting(1);
        let mut overlay = HyParView { xbot: five(&mut cx, 1), ..HyParView::default() };
        neighbors(&mut cx, 1..=5);
        let from = cx.neighbors.by_link(link(1)).expect("a neighbor").clone();
        overlay.on_replace(&mut cx, &from, &record(9), |_| false);
        assert!(overlay.xbot.is_owed && overlay.xbot.held.len() == 5);
        let dials = |cx: &mut Context| core::iter::from_fn(|| cx.poll_output()).count();
        assert_eq!((dials(&mut cx), chosen(&overlay.xbot).len()), (1, 0));
        overlay.on_replace(&mut cx, &from, &record(8), |_| false);
        assert_eq!(dials(&mut cx), 0, "one at a time");
        let (_, reason, to) = cx.links.overlay_dials().next().expect("dialed");
        let to = to.subject();
        overlay.on_failed(&cx, reason, to, &Failure::Garbled);
        assert!(!overlay.xbot.is_owed);
    }

    #[test]
    fn no_more_are_chosen_than_wanted() {
        let mut cx = wanting(1);
        let mut overlay = HyParView { xbot: five(&mut cx, 0), ..HyParView::default() };
        (1..=5).for_each(|n| overlay.choose(&cx, link(n), Some(millis(1))));
        assert_eq!(chosen(&overlay.xbot).len(), 1);
    }

    /// So often is it time for an attempt of a full peer that knows another one. Returns the dials.
    fn dials(cx: &mut Context, overlay: &mut HyParView, times: u32) -> usize {
        dials_knowing(cx, overlay, times, Some(millis(50)))
    }

    fn dials_knowing(
        cx: &mut Context,
        overlay: &mut HyParView,
        times: u32,
        round_trip: Option<Duration>,
    ) -> usize {
        neighbors(cx, 1..=5);
        if let Some(took) = round_trip {
            cx.neighbors = answered([1, 2, 3, 4, 5].map(|n| (n, took)));
        }
        overlay.passive.integrate(cx, &[record(9)], &mut Vec::new());
        for _ in 0..times {
            overlay.on_optimize_timer(cx, |_| false);
        }
        let is_dial = |output: &Output| matches!(output, Output::Dial { .. });
        core::iter::from_fn(|| cx.poll_output()).filter(is_dial).count()
    }

    #[test]
    fn a_candidate_ends_before_the_next_one_begins() {
        let mut cx = wanting(1);
        let mut overlay = HyParView { xbot: five(&mut cx, 0), ..HyParView::default() };
        assert_eq!(dials(&mut cx, &mut overlay, 3), 1);
        cx.now = cx.now + cx.config.links.hello_timeout;
        assert_eq!(dials(&mut cx, &mut overlay, 1), 0, "it may still be answered");
        cx.now = cx.now + millis(1);
        assert_eq!(dials(&mut cx, &mut overlay, 1), 1);
    }

    #[test]
    fn nobody_is_tried_before_a_round_trip_is_known() {
        let mut cx = wanting(1);
        let mut overlay = HyParView { xbot: five(&mut cx, 0), ..HyParView::default() };
        overlay.xbot.held.iter_mut().for_each(|held| held.least = None);
        assert_eq!(dials_knowing(&mut cx, &mut overlay, 3, None), 0);
        assert!(cx.timers.is_armed(OverlayTimer::Optimize), "there will be one");
    }

    #[test]
    fn who_can_try_nobody_need_not_look_often_and_who_waits_for_an_answer_keeps_its_pace() {
        let mut cx = wanting(1);
        let mut overlay = HyParView { xbot: five(&mut cx, 0), ..HyParView::default() };
        overlay.xbot.pause = millis(1_600);
        assert_eq!(dials(&mut cx, &mut overlay, 3), 1);
        assert_eq!(overlay.xbot.pause, millis(1_700), "one attempt");
        let mut overlay = HyParView { xbot: five(&mut cx, 0), ..HyParView::default() };
        overlay.xbot.pause = millis(1_600);
        overlay.xbot.held.iter_mut().for_each(|held| held.least = None);
        dials_knowing(&mut cx, &mut overlay, 58, None);
        assert_eq!(overlay.xbot.pause, millis(10_000), "one per shuffle");
    }

    #[test]
    fn who_has_made_an_offer_lets_nobody_in_for_it() {
        let mut cx = wanting(1);
        let mut overlay = HyParView { xbot: five(&mut cx, 0), ..HyParView::default() };
        neighbors(&mut cx, 1..=5);
        let ask = |overlay: &HyParView, cx: &mut Context| {
            overlay.admit_near(cx, record(9).subject(), millis(1))
        };
        assert!(matches!(ask(&overlay, &mut cx), Admission::Instead(..)));
        assert_eq!(dials(&mut cx, &mut overlay, 1), 1);
        assert!(matches!(ask(&overlay, &mut cx), Admission::Instead(..)));
        overlay.xbot.candidate.as_mut().expect("an attempt").old = Some(link(2));
        let refused = Admission::Refuse(Refusal::Busy);
        assert_eq!(ask(&overlay, &mut cx), refused);
    }

    #[test]
    fn who_wants_no_near_ones_keeps_nothing_and_tries_nobody() {
        let mut cx = wanting(0);
        let overlay = HyParView { xbot: five(&mut cx, 0), ..HyParView::default() };
        assert!(overlay.xbot.held.is_empty());
        let is_armed = |cx: &mut Context| {
            HyParView::new(cx);
            cx.timers.is_armed(OverlayTimer::Optimize)
        };
        assert!(!is_armed(&mut cx) && is_armed(&mut wanting(1)));
    }

    #[test]
    fn candidates_are_frequent_while_somebody_nearer_is_found() {
        let mut cx = wanting(1);
        let mut xbot = XBot::new(&mut cx);
        assert_eq!(xbot.pause, millis(10_000) / 32);
        (0..57).for_each(|_| xbot.pause_longer(&cx));
        assert!(xbot.pause > millis(9_000), "{:?}", xbot.pause);
        xbot.pause_longer(&cx);
        assert_eq!(xbot.pause, millis(10_000), "one per shuffle");
        xbot.pause_shorter(&cx);
        assert_eq!(xbot.pause, millis(8_750));
        (0..99).for_each(|_| xbot.pause_shorter(&cx));
        assert_eq!(xbot.pause, millis(10_000) / 32);
    }

    #[test]
    fn the_search_is_frequent_again_when_a_chosen_one_is_lost() {
        let mut cx = wanting(1);
        let mut xbot = five(&mut cx, 1);
        xbot.pause = millis(8_000);
        xbot.on_neighbor_down(&cx, link(2), false);
        xbot.on_neighbor_down(&cx, link(1), true);
        assert_eq!(xbot.pause, millis(8_000), "it was not chosen, or another one comes");
        let mut xbot = XBot { pause: millis(8_000), ..five(&mut cx, 1) };
        xbot.on_neighbor_down(&cx, link(1), false);
        assert_eq!(xbot.pause, millis(7_000));
    }
}
