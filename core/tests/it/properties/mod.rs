//! What holds whatever comes in: no panic, every bound kept, nothing delivered twice, the same
//! outputs for the same inputs.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

mod draw;
mod kind;
mod play;

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use tidings_core::wire::{self, BroadcastMessage, DecodeError, Message};
use tidings_core::{
    Config, DecisionMode, DetectorKind, Event, Input, Instant, Limits, Node, Output, Role,
};

use crate::samples;
use draw::{Step, steps};
use kind::{Kind, Profile, classic, kind, node};
use play::{Play, play};

fn delivered(play: &Play) -> Vec<tidings_core::MessageId> {
    let mut ids = Vec::new();
    for output in &play.outputs {
        if let Output::Event(
            Event::Delivered { envelope, .. } | Event::Published { envelope, .. },
        ) = output
        {
            ids.push(envelope.id());
        }
    }
    ids
}

/// Plays recorded inputs with a fresh node.
fn replay(kind: Kind, inputs: &[(u64, Input)]) -> (Node, Vec<Output>) {
    let mut node = node(kind);
    let mut outputs: Vec<_> = std::iter::from_fn(|| node.poll_output()).collect();
    for (now, input) in inputs {
        node.handle(Instant::from_micros(*now), input.clone());
        outputs.extend(std::iter::from_fn(|| node.poll_output()));
    }
    (node, outputs)
}

/// The first steps: as many as pass before a node forgets the first id that it saw.
fn while_ids_are_kept(steps: &[(u64, Step)]) -> &[(u64, Step)] {
    let kept = 2 * Config::modern().broadcast.store_age;
    let mut left = u64::try_from(kept.as_micros()).unwrap();
    let is_over = |(pause, _): &(u64, Step)| {
        let rest = left.checked_sub(*pause);
        left = rest.unwrap_or(0);
        rest.is_none()
    };
    let end = steps.iter().position(is_over).unwrap_or(steps.len());
    &steps[..end]
}

proptest! {
    #[test]
    fn bytes_from_a_stranger_never_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(message) = wire::decode(&body) {
            let mut frame = bytes::BytesMut::new();
            wire::encode(&message, &mut frame);
            prop_assert_eq!(wire::decode(&frame[wire::FRAME_HEADER_LEN..]), Ok(message));
        }
    }

    #[test]
    fn damaged_messages_never_panic(
        which in any::<Index>(),
        damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut frame = bytes::BytesMut::new();
        wire::encode(which.get(&samples::messages()), &mut frame);
        let body = &mut frame[wire::FRAME_HEADER_LEN..];
        for (place, byte) in damage {
            body[place.index(body.len())] = byte;
        }
        if let Err(error) = wire::decode(body) {
            prop_assert!(matches!(error, DecodeError::Malformed | DecodeError::Trailing(_)));
        }
    }

    #[test]
    fn a_peer_keeps_its_bounds_and_delivers_nothing_twice(
        kind in kind(Role::Peer),
        steps in steps(Profile::Modern),
    ) {
        let delivered = delivered(&play(kind, while_ids_are_kept(&steps)));
        let distinct: BTreeSet<_> = delivered.iter().collect();
        prop_assert_eq!(distinct.len(), delivered.len());
    }

    #[test]
    fn a_seed_node_keeps_its_bounds_and_carries_no_gossip(
        kind in kind(Role::SeedNode),
        steps in steps(Profile::Modern),
    ) {
        let play = play(kind, &steps);
        prop_assert!(delivered(&play).is_empty());
        let is_gossip = |output: &Output| {
            matches!(output, Output::Send { message: Message::Broadcast(BroadcastMessage::Gossip(_)), .. })
        };
        prop_assert!(!play.outputs.iter().any(is_gossip));
    }

    #[test]
    fn the_same_inputs_give_the_same_outputs(
        kind in prop_oneof![kind(Role::Peer), kind(Role::SeedNode)],
        steps in steps(Profile::Modern),
    ) {
        let play = play(kind, &steps);
        let (node, outputs) = replay(kind, &play.inputs);
        prop_assert_eq!(&play.outputs, &outputs);
        prop_assert_eq!(play.node.snapshot(), node.snapshot());
        prop_assert_eq!(play.node.poll_timeout(), node.poll_timeout());
    }
}

/// The properties say little unless the steps get somewhere: they do.
#[test]
fn steps_reach_what_they_test() {
    let mut reached = BTreeSet::new();
    let mut limits = Limits::default();
    let mut runner = TestRunner::deterministic();
    for _ in 0..2500 {
        let steps = steps(Profile::Classic).new_tree(&mut runner).expect("steps").current();
        let tried = Kind { detector: DetectorKind::Connect, ..classic(Role::Peer) };
        let voting = Kind { agreement: DecisionMode::Quorum, ..classic(Role::SeedNode) };
        for kind in [classic(Role::Peer), classic(Role::SeedNode), tried, voting] {
            let play = play(kind, &steps);
            for output in &play.outputs {
                if let Output::Event(event) = output {
                    let text = format!("{event:?}");
                    reached.extend(text.split([' ', '(']).next().map(str::to_owned));
                    if let Event::Strike { kind, .. } = event {
                        reached.insert(format!("{kind:?}"));
                    } else if let Event::Voted { outcome, .. } = event {
                        reached.insert(format!("Vote {outcome:?}"));
                    } else if let Event::PeerProbing { reason, .. } = event {
                        reached.insert(format!("{reason:?}"));
                    }
                }
            }
            add(&mut limits, &play.node.stats().limits);
        }
    }
    let expected = [
        "NeighborUp",
        "NeighborDown",
        "NeighborRefused",
        "Delivered",
        "Duplicate",
        "TooOld",
        "Strike",
        "Ping",
        "Connect",
        "Redial",
        "DeathReported",
        "Registered",
        "RegistrationLost",
        "ListReceived",
        "PeerRegistered",
        "PeerRemoved",
        "PeerProbing",
        "ReportReceived",
        "FalseReport",
        "HelloRefused",
        "Misbehaved",
        "Voted",
        "Vote Passed",
        "Vote NoQuorum",
        "Vote Void",
        "VoteRequested",
        "SeedNodeLost",
    ];
    for event in expected {
        assert!(reached.contains(event), "{event} was never reached, only {reached:?}");
    }
    let hit =
        [limits.pending, limits.links, limits.known, limits.registry, limits.store, limits.votes];
    assert!(hit.iter().all(|count| *count > 0), "bounds that were never hit: {limits:?}");
}

fn add(total: &mut Limits, more: &Limits) {
    total.pending += more.pending;
    total.links += more.links;
    total.known += more.known;
    total.registry += more.registry;
    total.store += more.store;
    total.votes += more.votes;
}

#[test]
#[should_panic(expected = "poll_output until None")]
fn outputs_must_be_drained_first() {
    let mut node = node(classic(Role::Peer));
    node.handle(Instant::BIRTH, Input::Wake);
}

#[test]
#[should_panic(expected = "time went back")]
fn time_must_not_go_back() {
    let mut node = node(classic(Role::SeedNode));
    node.handle(Instant::from_micros(2), Input::Wake);
    node.handle(Instant::from_micros(1), Input::Wake);
}
