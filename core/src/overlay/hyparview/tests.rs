//! What strangers may make of it, and what it does about refusals.

use super::*;
use crate::config::Config;
use crate::fact::Fact;
use crate::failure::DialFailure;
use crate::id::BootEpoch;
use crate::io::Output;
use crate::testing::{context, record};
use crate::wire::{ForwardJoin, LinkMessage, Message, OverlayMessage, Purpose, Refuse, Shuffle};

/// Node 1, and its neighbors 2, 3 and so on.
struct Play {
    cx: Context,
    view: HyParView,
}

impl Play {
    fn with_neighbors(count: u8) -> Self {
        let mut cx = context(Config::modern());
        for n in 2..2 + count {
            cx.neighbors.insert(LinkId::accepted(n.into()), record(n), cx.now);
        }
        let view = HyParView { has_joined: true, ..HyParView::new(&mut cx) };
        Self { cx, view }
    }

    fn know(&mut self, others: impl IntoIterator<Item = u8>) {
        let records: Vec<_> = others.into_iter().map(record).collect();
        self.view.on_list(&mut self.cx, &records);
    }

    fn top_up(&mut self) -> bool {
        self.view.top_up(&mut self.cx, |_| false)
    }

    fn forward_join(&mut self, joiner: u8, ttl: u8) {
        let from = self.cx.neighbors.iter().next().expect("a neighbor").clone();
        let join = ForwardJoin { joiner: record(joiner), ttl };
        let Self { cx, view } = self;
        view.on_forward_join(cx, &from, join);
    }

    fn shuffle(&mut self, origin: u8, ttl: u8) {
        let from = self.cx.neighbors.iter().next().expect("a neighbor").clone();
        let shuffle = Shuffle {
            origin: record(origin),
            ttl,
            active: [origin + 1].map(record).into(),
            passive: Vec::new(),
        };
        let Self { cx, view } = self;
        view.on_shuffle(cx, &from, shuffle);
    }

    fn fail(&mut self, failure: &Failure) {
        let youngest = self.cx.links.overlay_dials().last();
        let (link, reason, _) = youngest.expect("a dial");
        self.cx.close(link, Bye::Done);
        self.view.on_failed(&self.cx, reason, record(20).subject(), failure);
    }

    fn outputs(&mut self) -> Vec<Output> {
        core::iter::from_fn(|| self.cx.poll_output()).collect()
    }

    fn dials(&mut self) -> usize {
        self.outputs().iter().filter(|it| matches!(it, Output::Dial { .. })).count()
    }
}

fn refused(reason: Refusal) -> Failure {
    Failure::Refused(Refuse { from: record(20).subject(), epoch: BootEpoch(1), reason })
}

#[test]
fn a_walk_never_has_more_steps_left_than_it_could_have() {
    let mut play = Play::with_neighbors(5);
    play.forward_join(30, u8::MAX);
    play.shuffle(30, u8::MAX);
    let left: Vec<u8> = play
        .outputs()
        .into_iter()
        .filter_map(|output| match output {
            Output::Send {
                message: Message::Overlay(OverlayMessage::ForwardJoin(join)), ..
            } => Some(join.ttl),
            Output::Send {
                message: Message::Overlay(OverlayMessage::Shuffle(shuffle)), ..
            } => Some(shuffle.ttl),
            Output::Dial { .. }
            | Output::Send { .. }
            | Output::AwaitReady { .. }
            | Output::AwaitIdle { .. }
            | Output::Reset { .. }
            | Output::Close { .. }
            | Output::Event(_) => None,
        })
        .collect();
    assert_eq!(left, [5, 5]);
}

#[test]
fn walks_that_end_here_begin_a_bounded_number_of_dials() {
    let mut play = Play::with_neighbors(5);
    for joiner in 30..50 {
        play.forward_join(joiner, 0);
    }
    assert_eq!((play.dials(), play.cx.stats.limits.dials), (5, 15));
}

#[test]
fn shuffles_that_end_here_get_a_bounded_number_of_replies() {
    let mut play = Play::with_neighbors(5);
    play.know(10..14);
    for origin in 30..50 {
        play.shuffle(origin, 0);
    }
    assert_eq!((play.dials(), play.cx.stats.limits.replies), (16, 4));
}

#[test]
fn a_walk_ends_in_its_second_half_at_a_free_slot() {
    let mut play = Play::with_neighbors(4);
    play.forward_join(30, 4);
    assert_eq!(play.dials(), 0);
    play.forward_join(30, 3);
    assert_eq!(play.dials(), 1);
}

#[test]
fn as_many_are_dialed_as_are_missing() {
    let mut play = Play::with_neighbors(3);
    play.know(10..20);
    assert!(play.top_up());
    assert!(play.top_up(), "the dials are under way");
    assert_eq!(play.dials(), 2);
}

#[test]
fn who_is_busy_rests_and_who_is_dead_goes() {
    let mut play = Play::with_neighbors(4);
    play.know([20]);
    play.top_up();
    play.fail(&refused(Refusal::Busy));
    assert!(!play.top_up(), "nobody is left to ask");
    assert_eq!((play.dials(), play.view.known(play.cx.now).len()), (1, 1));
    play.cx.now = play.cx.now + play.cx.config.overlay.cooldown;
    assert!(play.top_up());
    play.fail(&Failure::Dial(DialFailure::TimedOut));
    assert_eq!(play.view.known(play.cx.now).len(), 0);
}

#[test]
fn who_lacks_two_for_long_insists_once_per_refresh() {
    let mut play = Play::with_neighbors(3);
    play.know([20]);
    play.top_up();
    play.fail(&refused(Refusal::Busy));
    let refresh = play.cx.config.overlay.refresh;
    play.cx.now = play.cx.now + refresh * 2;
    play.view.passive.rest(play.cx.now, record(20).subject(), refresh);
    assert!(!play.top_up());
    assert_eq!(play.dials(), 1, "it rests");
    play.view.on_refresh_timer(&mut play.cx);
    assert!(matches!(play.cx.next_fact(), Some(Fact::ListsWanted)));
    play.top_up();
    assert_eq!(play.dials(), 1, "and is asked in spite of it");
}

#[test]
fn two_that_were_refused_are_introduced_once() {
    let mut play = Play::with_neighbors(5);
    for refused in [30, 30, 31, 32] {
        play.view.on_busy(&mut play.cx, &record(refused));
    }
    assert_eq!(play.dials(), 1, "30 hears of 31");
    assert_eq!(play.view.refused.as_ref().map(RefusedPeer::subject), Some(record(32).subject()));
}

#[test]
fn many_requesters_make_it_test_its_links_once_in_a_while() {
    let mut play = Play::with_neighbors(5);
    let tests = (30..60).filter(|refused| {
        play.view.on_busy(&mut play.cx, &record(*refused));
        matches!(play.cx.next_fact(), Some(Fact::NeighborsUnverified))
    });
    assert_eq!(tests.count(), 1);
}

#[test]
fn lost_neighbors_are_dialed_again_and_those_who_left_are_not() {
    let mut play = Play::with_neighbors(5);
    let lost = play.cx.neighbors.remove(LinkId::accepted(2)).expect("a neighbor");
    let left = play.cx.neighbors.remove(LinkId::accepted(3)).expect("a neighbor");
    play.view.on_neighbor_down(&mut play.cx, &lost, NeighborLoss::LinkLost(LinkLoss::Reset));
    play.view.on_neighbor_down(&mut play.cx, &left, NeighborLoss::Left);
    for _ in 0..2 {
        play.view.on_refresh_timer(&mut play.cx);
        play.top_up();
    }
    assert_eq!(play.dials(), 1);
    assert!(play.cx.links.is_dialing(lost.id()));
}

#[test]
fn a_newcomer_joins_and_who_was_linked_before_asks_to_be_a_neighbor() {
    for has_joined in [false, true] {
        let mut play = Play::with_neighbors(0);
        play.view.has_joined = has_joined;
        play.know(10..20);
        play.top_up();
        assert_eq!(play.dials(), if has_joined { 5 } else { 1 });
        let first = LinkId::dialed(0);
        let addr = record(10).primary();
        play.cx.on_link_input(crate::io::Input::LinkUp { link: first, addr });
        let is_join = play.outputs().iter().any(|output| {
            matches!(output, Output::Send { message: Message::Link(LinkMessage::Hello(hello)), .. }
                if hello.purpose == Purpose::Join)
        });
        assert_eq!(is_join, !has_joined);
    }
}

#[test]
fn a_newcomer_waits_for_its_walks_unless_it_loses_its_contact() {
    let mut play = Play::with_neighbors(3);
    play.know(10..20);
    play.view.hold(&mut play.cx, LinkId::accepted(3));
    let mut dials_without = |lost| {
        let down = play.cx.neighbors.remove(LinkId::accepted(lost)).expect("a neighbor");
        play.view.on_neighbor_down(&mut play.cx, &down, NeighborLoss::Bye(Bye::Surplus));
        play.top_up();
        play.dials()
    };
    assert_eq!(dials_without(2), 0, "another one is lost");
    assert_eq!(dials_without(3), 4, "all that are missing");
}
