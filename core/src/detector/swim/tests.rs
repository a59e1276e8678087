//! Statements, honest and hostile, to one peer without a network.

use alloc::vec::Vec;
use core::time::Duration;

use super::*;
use crate::config::Config;
use crate::detector::swim::prober::Cause;
use crate::event::Event;
use crate::fact::Fact;
use crate::id::NodeId;
use crate::io::Output;
use crate::testing::{context, record};
use crate::wire::{Evidence, Message, SwimMessage};

fn said(of: u8, incarnation: u32, claim: Claim, by: u8) -> Statement {
    let (subject, incarnation) = (record(of), Incarnation(incarnation));
    Statement { subject, incarnation, claim, by: NodeId::new([by; 32]), signature: None }
}

fn suspect() -> Claim {
    Claim::Suspect(Evidence::Refused)
}

fn dead() -> Claim {
    Claim::Dead { evidence: Evidence::Refused, confirmers: Vec::new() }
}

/// Peer 1, whose neighbors are 2 and 3.
struct Peer {
    cx: Context,
    swim: Swim,
}

fn peer() -> Peer {
    peer_of(Config::modern())
}

fn peer_of(config: Config) -> Peer {
    let mut cx = context(config);
    let mut swim = Swim::new(&cx);
    for n in [2, 3] {
        let link = LinkId::dialed(n.into());
        cx.neighbors.insert(link, record(n), cx.now);
        let up = cx.neighbors.by_link(link).expect("inserted").clone();
        swim.on_neighbor_up(&mut cx, &up);
    }
    let mut peer = Peer { cx, swim };
    peer.outputs();
    peer.said();
    peer
}

impl Peer {
    fn hear(&mut self, statement: &Statement) -> bool {
        let Self { cx, swim } = self;
        swim.on_statement(cx, statement.by, statement)
    }

    fn read(&mut self, from: u8, members: &[Statement]) {
        let Self { cx, swim } = self;
        let from = cx.neighbors.by_link(LinkId::dialed(from.into())).expect("a neighbor").clone();
        swim.on_members(cx, &from, members);
    }

    /// Pings a neighbor, which does not answer, nor do helpers hear it; it may say something else.
    fn probe_in_vain(&mut self, n: u8, says_something: bool) {
        let Self { cx, swim } = self;
        swim.probe(cx, record(n), Cause::Turn);
        for pause in [1, 2] {
            let Some(probe) = swim.prober.of(NodeId::new([n; 32])) else { break };
            let number = probe.number;
            cx.now = cx.now + cx.config.detector.swim.probe_timeout * pause;
            if says_something {
                assert!(cx.neighbors.on_heard(LinkId::dialed(n.into()), cx.now).is_some());
            }
            swim.on_overdue_timer(cx, number);
        }
    }

    fn outputs(&mut self) -> Vec<Output> {
        core::iter::from_fn(|| self.cx.poll_output()).collect()
    }

    fn facts(&mut self) -> Vec<Fact> {
        core::iter::from_fn(|| self.cx.next_fact()).collect()
    }

    fn said(&mut self) -> Vec<Statement> {
        let facts = self.facts().into_iter();
        facts
            .filter_map(|fact| if let Fact::Say(said) = fact { Some(said) } else { None })
            .collect()
    }

    fn held(&self, n: u8) -> Option<(u32, MemberState)> {
        let member = self.swim.members.get(NodeId::new([n; 32]))?;
        Some((member.incarnation.0, member.state))
    }
}

#[test]
fn only_the_subject_says_that_it_lives_or_left_and_only_others_accuse_it() {
    let mut peer = peer();
    for (claim, by) in [(Claim::Alive, 4), (Claim::Left, 4), (suspect(), 5), (dead(), 5)] {
        assert!(!peer.hear(&said(5, 7, claim, by)));
    }
    let forged = said(5, 0, Claim::Alive, 5);
    let Peer { cx, swim } = &mut peer;
    let origin = NodeId::new([4; 32]);
    assert!(!swim.on_statement(cx, origin, &forged), "not its envelope");
    assert_eq!(peer.held(5), None);
    assert!(!peer.hear(&said(2, u32::MAX, suspect(), 4)), "nobody could refute that");
    assert!(!peer.hear(&said(1, 0, Claim::Left, 1)), "this peer never said so");
}

#[test]
fn an_accused_peer_refutes_above_what_it_is_accused_with_and_not_too_often() {
    let mut peer = peer();
    for n in 0..50 {
        assert!(peer.hear(&said(1, 7 + n, dead(), 4)));
    }
    let refutations = peer.said();
    assert_eq!(refutations.len(), 1, "50 accusations at once");
    assert_eq!(
        (refutations[0].incarnation, &refutations[0].claim),
        (Incarnation(8), &Claim::Alive)
    );
    peer.cx.now = peer.cx.now + Duration::from_secs(1);
    let Peer { cx, swim } = &mut peer;
    swim.on_round_timer(cx);
    assert_eq!(peer.said()[0].incarnation, Incarnation(57), "the rest with the next round");
    assert_eq!(peer.cx.stats.refutations, 2);
    peer.hear(&said(1, 56, suspect(), 4));
    assert!(peer.said().is_empty(), "it was refuted already");
}

#[test]
fn a_suspected_neighbor_is_told_and_pinged_at_once() {
    let mut peer = peer();
    peer.hear(&said(2, 0, suspect(), 4));
    peer.hear(&said(2, 0, suspect(), 5));
    let sent = peer.outputs().into_iter().filter_map(|output| match output {
        Output::Send { message, .. } => Some(message.name()),
        Output::Dial { .. }
        | Output::AwaitReady { .. }
        | Output::AwaitIdle { .. }
        | Output::Reset { .. }
        | Output::Close { .. }
        | Output::Event(_) => None,
    });
    assert_eq!(sent.collect::<Vec<_>>(), ["Members", "Ping"]);
}

/// The answer may wait behind other messages, as may a refutation.
#[test]
fn a_neighbor_that_says_anything_is_not_suspected_and_a_suspect_that_does_not_held_dead() {
    let mut peer = peer();
    peer.probe_in_vain(2, true);
    assert_eq!(peer.held(2), Some((0, MemberState::Alive)));
    peer.probe_in_vain(2, false);
    assert_eq!(peer.held(2), Some((0, MemberState::Suspect)));
    for (says_something, state) in [(true, MemberState::Suspect), (false, MemberState::Dead)] {
        let Peer { cx, swim } = &mut peer;
        cx.now = swim.suspicions.get(0).expect("open").due;
        if says_something {
            assert!(cx.neighbors.on_heard(LinkId::dialed(2), cx.now).is_some());
        }
        swim.on_suspicion_timer(cx, 0);
        assert_eq!(peer.held(2), Some((0, state)));
    }
}

/// Peer 2 had named 1 and 4 to 6 when its link broke and its machine refused a dial.
#[test]
fn without_tables_a_suspicion_goes_to_those_whom_the_suspect_named() {
    let mut config = Config::modern();
    config.detector.swim.members_max = 0;
    let mut peer = peer_of(config);
    let Peer { cx, swim } = &mut peer;
    let from = cx.neighbors.by_link(LinkId::dialed(2)).expect("a neighbor").clone();
    swim.named.note(&from, [1, 4, 5, 6].map(record).into());
    let lost = NeighborLoss::LinkLost(crate::failure::LinkLoss::Reset);
    swim.on_neighbor_down(cx, &from, lost);
    let dialed = |outputs: Vec<Output>| -> Vec<LinkId> {
        let dial = |output| if let Output::Dial { link, .. } = output { Some(link) } else { None };
        outputs.into_iter().filter_map(dial).collect()
    };
    let probe = dialed(peer.outputs());
    let refused = crate::links::Failure::Dial(crate::failure::DialFailure::Refused);
    let Peer { cx, swim } = &mut peer;
    let owner = cx.links.owner(probe[0]).expect("dialed");
    swim.on_failed(cx, owner, probe[0], &refused);
    assert!(peer.said().is_empty(), "nothing is broadcast");
    let direct_suspicions = dialed(peer.outputs());
    assert_eq!(direct_suspicions.len(), 3, "to all but this peer");
    let cx = &mut peer.cx;
    cx.hand_over(direct_suspicions[0]);
    let failure = crate::failure::DialFailure::Refused;
    cx.on_link_input(crate::io::Input::DialFailed { link: direct_suspicions[1], failure });
    cx.hand_over(direct_suspicions[1]);
    let sent = |output| match output {
        Output::Send { link, message: Message::Swim(SwimMessage::Statement(said)) } => {
            Some((link, said.claim))
        }
        Output::Dial { .. }
        | Output::Send { .. }
        | Output::AwaitReady { .. }
        | Output::AwaitIdle { .. }
        | Output::Reset { .. }
        | Output::Close { .. }
        | Output::Event(_) => None,
    };
    let told: Vec<_> = peer.outputs().into_iter().filter_map(sent).collect();
    assert_eq!(told, [(direct_suspicions[0], suspect())], "once, and not to who cannot be reached");
    let Peer { cx, swim } = &mut peer;
    cx.now = swim.suspicions.get(0).expect("open").due;
    swim.on_suspicion_timer(cx, 0);
    assert_eq!(peer.held(2), Some((0, MemberState::Dead)));
    assert!(peer.said().is_empty(), "each says so for itself");
}

/// Those who hear of an accusation need not be those who hear of its refutation.
#[test]
fn without_tables_an_old_accusation_is_refuted_again() {
    for (members_max, again) in [(0, 1), (4_096, 0)] {
        let mut config = Config::modern();
        config.detector.swim.members_max = members_max;
        let mut peer = peer_of(config);
        peer.hear(&said(1, 0, dead(), 2));
        assert_eq!(peer.said().len(), 1);
        peer.cx.now = peer.cx.now + Duration::from_secs(1);
        peer.hear(&said(1, 0, dead(), 3));
        let refutations = peer.said();
        assert_eq!(refutations.len(), again, "{members_max}");
        assert!(refutations.iter().all(|it| it.incarnation == Incarnation(1)));
    }
}

/// Peer 3 is no longer a neighbor, but remembered.
#[test]
fn what_is_said_in_private_is_believed_of_those_alone_who_can_refute() {
    let mut config = Config::modern();
    config.detector.swim.members_max = 0;
    let mut peer = peer_of(config);
    peer.cx.neighbors.remove(LinkId::dialed(3));
    let mut tell = |by: u8, said: &Statement| {
        let Peer { cx, swim } = &mut peer;
        let is_believable = swim.on_direct_statement(cx, NodeId::new([by; 32]), said);
        let sent = peer.outputs().len();
        (is_believable, sent, peer.held(said.subject.subject().as_bytes()[0]))
    };
    let alive = |incarnation| Some((incarnation, MemberState::Alive));
    assert_eq!(tell(4, &said(2, 0, dead(), 4)), (false, 0, alive(0)));
    assert_eq!(tell(2, &said(2, 0, Claim::Left, 2)), (false, 0, alive(0)));
    for (stranger, held) in [(3, alive(0)), (7, None)] {
        assert_eq!(
            tell(4, &said(stranger, 0, suspect(), 4)),
            (true, 0, held),
            "none of its business"
        );
        assert_eq!(tell(5, &said(stranger, 0, suspect(), 4)), (false, 0, held), "another's word");
        assert_eq!(
            tell(4, &said(stranger, 1, Claim::Alive, 4)),
            (false, 0, held),
            "not its own word"
        );
    }
    let (is_believable, sent, held) = tell(4, &said(2, 0, suspect(), 4));
    assert!(is_believable && sent > 1, "it is told, and pinged");
    assert_eq!(held, Some((0, MemberState::Suspect)));
    assert_eq!(tell(2, &said(2, 1, Claim::Alive, 2)).2, alive(1));
}

/// Peer 2 is held dead, becomes a neighbor and goes before it refutes.
#[test]
fn a_neighbor_that_is_held_dead_and_does_not_answer_loses_its_link() {
    let mut peer = peer();
    peer.hear(&said(2, 0, dead(), 4));
    peer.said();
    peer.probe_in_vain(2, false);
    let facts = peer.facts();
    let [Fact::Stalled(link)] = facts[..] else { panic!("once: {facts:?}") };
    assert_eq!(link, LinkId::dialed(2));
}

/// One miss ends a link that is challenged. So the answer is waited for as long as the config allows, however
/// quick the link was, and also where a probe of its turn is under way.
#[test]
fn a_challenged_link_is_not_given_up_after_some_round_trips() {
    let (link, quick) = (LinkId::dialed(2), Duration::from_millis(1));
    for is_probed in [false, true] {
        let mut peer = peer();
        for _ in 0..64 {
            peer.cx.neighbors.on_answer(link, quick);
        }
        let Peer { cx, swim } = &mut peer;
        if is_probed {
            swim.probe(cx, record(2), Cause::Turn);
            cx.now = cx.now + quick;
        }
        swim.challenge(cx, link);
        let probe = swim.prober.of(NodeId::new([2; 32])).expect("under way");
        assert_eq!(probe.cause, Cause::Challenge);
        let due = cx.now + probe.rest(cx);
        assert_eq!(due.since(probe.sent), cx.config.detector.swim.probe_timeout);
    }
}

#[test]
fn a_table_from_elsewhere_kills_nobody_and_its_news_is_passed_on_once() {
    let mut peer = peer();
    peer.hear(&said(7, 0, Claim::Alive, 7));
    peer.outputs();
    let table = [said(7, 0, dead(), 2), said(3, 0, Claim::Left, 3), said(8, 0, dead(), 2)];
    peer.read(2, &table);
    peer.read(2, &table);
    assert_eq!(peer.held(7), Some((0, MemberState::Suspect)));
    assert_eq!(peer.held(3), Some((0, MemberState::Suspect)), "only itself says that it left");
    assert_eq!(peer.held(8), Some((0, MemberState::Dead)), "nothing was known of it");
    let told = peer.outputs().into_iter().filter_map(|output| match output {
        Output::Send { link, message: Message::Swim(SwimMessage::Members { members }) } => {
            Some((link, members.len()))
        }
        Output::Dial { .. }
        | Output::Send { .. }
        | Output::AwaitReady { .. }
        | Output::AwaitIdle { .. }
        | Output::Reset { .. }
        | Output::Close { .. }
        | Output::Event(_) => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(LinkId::dialed(3), 2)]);
    peer.read(2, &[said(7, 0, suspect(), 9)]);
    assert_eq!(peer.held(7), Some((0, MemberState::Suspect)), "in the name of somebody else");
}

/// What peer 1 does when peer 2 says this: broadcasts, and `Members` to whom.
fn answers(peer: &mut Peer, members: &[Statement]) -> (usize, Vec<(LinkId, Vec<Statement>)>) {
    peer.read(2, members);
    let told = peer.outputs().into_iter().filter_map(|output| match output {
        Output::Send { link, message: Message::Swim(SwimMessage::Members { members }) } => {
            Some((link, members))
        }
        Output::Dial { .. }
        | Output::Send { .. }
        | Output::AwaitReady { .. }
        | Output::AwaitIdle { .. }
        | Output::Reset { .. }
        | Output::Close { .. }
        | Output::Event(_) => None,
    });
    (peer.said().len(), told.collect())
}

/// Peer 2 has a full table, which forgot peer 1 and that it had refuted.
#[test]
fn a_neighbor_whose_suspicion_is_refuted_already_is_told_so_alone() {
    let mut peer = peer();
    let probe = |incarnation, claim| said(1, incarnation, claim, 2);
    let first = answers(&mut peer, &[probe(4, suspect())]);
    assert_eq!(first, (1, Vec::new()), "it is refuted to all");
    let told = alloc::vec![(LinkId::dialed(2), alloc::vec![said(1, 5, Claim::Alive, 1)])];
    let old = [probe(4, suspect()), probe(0, dead())];
    assert_eq!(answers(&mut peer, &old), (0, told));
    assert_eq!(answers(&mut peer, &[said(1, 0, Claim::Alive, 1)]), (0, Vec::new()), "no doubt");
}

#[test]
fn without_tables_a_neighbor_hears_one_answer_to_an_old_suspicion() {
    let mut config = Config::modern();
    config.detector.swim.members_max = 0;
    let mut peer = peer_of(config);
    for _ in 0..2 {
        peer.cx.now = peer.cx.now + Duration::from_secs(1);
        assert_eq!(answers(&mut peer, &[said(1, 0, suspect(), 2)]), (1, Vec::new()));
    }
}

#[test]
fn every_change_of_a_member_is_told_once() {
    let mut peer = peer();
    for (claim, by) in [(Claim::Alive, 7), (suspect(), 4), (suspect(), 5), (dead(), 4), (dead(), 5)]
    {
        peer.hear(&said(7, 0, claim, by));
    }
    peer.hear(&said(7, 1, Claim::Alive, 7));
    let states = peer.outputs().into_iter().filter_map(|output| match output {
        Output::Event(Event::Member { state, .. }) => Some(state),
        Output::Dial { .. }
        | Output::Send { .. }
        | Output::AwaitReady { .. }
        | Output::AwaitIdle { .. }
        | Output::Reset { .. }
        | Output::Close { .. }
        | Output::Event(_) => None,
    });
    let told: Vec<_> = states.collect();
    let expected =
        [MemberState::Alive, MemberState::Suspect, MemberState::Dead, MemberState::Alive];
    assert_eq!(told, expected);
}
