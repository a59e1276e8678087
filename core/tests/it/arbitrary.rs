//! Arbitrary messages of the modern profile, of few nodes, so that they meet.

use proptest::collection::vec;
use proptest::prelude::*;
use tidings_core::wire::{
    BroadcastMessage, Claim, Evidence, ForwardJoin, Gossip, Graft, IHave, Message, OverlayMessage,
    Prune, Route, Shuffle, Statement, SwimMessage,
};
use tidings_core::{AddressRecord, Envelope, Hop, Incarnation, NodeId, Topic};

use crate::samples;

fn node() -> impl Strategy<Value = NodeId> {
    (1..9_u8).prop_map(samples::node)
}

fn evidence() -> impl Strategy<Value = Evidence> {
    prop_oneof![
        Just(Evidence::LinkLost),
        Just(Evidence::Refused),
        Just(Evidence::Silent { round_trip_us: 7, asked: 3, nacks: 1 }),
        Just(Evidence::Hearsay),
    ]
}

fn claim() -> impl Strategy<Value = Claim> {
    prop_oneof![
        3 => Just(Claim::Alive),
        3 => evidence().prop_map(Claim::Suspect),
        2 => (evidence(), vec(node(), 0..4))
            .prop_map(|(evidence, confirmers)| Claim::Dead { evidence, confirmers }),
        1 => Just(Claim::Left),
    ]
}

fn statement(record: impl Strategy<Value = AddressRecord>) -> impl Strategy<Value = Statement> {
    (record, 0..4_u32, claim(), node()).prop_map(|(subject, incarnation, claim, by)| Statement {
        subject,
        incarnation: Incarnation(incarnation),
        claim,
        by,
        signature: None,
    })
}

fn ihave() -> impl Strategy<Value = IHave> {
    (1..9_u8, 0..20_u64, any::<u16>(), node()).prop_map(|(n, sequence, hop, source)| IHave {
        id: samples::envelope(n, sequence).id(),
        hop: Hop(hop),
        source,
    })
}

/// A statement as the gossip message that carries it, said by its speaker or by somebody else.
fn statement_gossip(
    record: impl Strategy<Value = AddressRecord>,
) -> impl Strategy<Value = Message> {
    (statement(record), node(), any::<bool>(), 0..20_u64).prop_map(|(said, other, is_honest, n)| {
        let origin = if is_honest { said.by } else { other };
        let envelope = Envelope::new(
            (origin, tidings_core::BootEpoch(1)),
            tidings_core::Sequence(n),
            tidings_core::UnixTime::from_millis(0),
            Topic::members(),
            said.to_payload(),
        );
        let age = tidings_core::wire::Age::default();
        Message::Broadcast(BroadcastMessage::Gossip(Gossip {
            hop: Hop(1),
            route: Route::Usual,
            age,
            envelope: envelope.into(),
        }))
    })
}

/// Any message that only the modern profile says.
pub(crate) fn modern(
    record: impl Strategy<Value = AddressRecord> + Clone + 'static,
) -> impl Strategy<Value = Message> {
    let graft = (ihave(), any::<bool>()).prop_map(|(ihave, is_missing)| {
        Message::Broadcast(BroadcastMessage::Graft(Graft {
            source: ihave.source,
            id: is_missing.then_some(ihave.id),
        }))
    });
    let (walks, more) = (record.clone(), record.clone());
    let few = || vec(record.clone(), 0..5);
    prop_oneof![
        (walks, 0..9_u8).prop_map(|(joiner, ttl)| {
            Message::Overlay(OverlayMessage::ForwardJoin(Box::new(ForwardJoin { joiner, ttl })))
        }),
        (more, 0..9_u8, few(), few()).prop_map(|(origin, ttl, active, passive)| {
            Message::Overlay(OverlayMessage::Shuffle(Box::new(Shuffle {
                origin,
                ttl,
                active,
                passive,
            })))
        }),
        few().prop_map(|sample| Message::Overlay(OverlayMessage::ShuffleReply { sample })),
        vec(ihave(), 0..6).prop_map(|have| Message::Broadcast(BroadcastMessage::IHave { have })),
        graft,
        node().prop_map(|source| Message::Broadcast(BroadcastMessage::Prune(Prune { source }))),
        (any::<bool>(), prop_oneof![Just(0), 0..=16_u8, any::<u8>()]).prop_map(
            |(payloads, pressure)| {
                Message::Broadcast(BroadcastMessage::Credit { payloads, pressure })
            }
        ),
        (record.clone(), any::<u32>()).prop_map(|(subject, wait_ms)| Message::Swim(
            SwimMessage::PingRequest { subject: Box::new(subject), wait_ms }
        )),
        (node(), any::<bool>()).prop_map(|(subject, is_heard)| Message::Swim(
            SwimMessage::PingRequestAnswer { subject, is_heard }
        )),
        few().prop_map(|records| Message::Swim(SwimMessage::Neighbors { records })),
        vec(statement(record.clone()), 0..5)
            .prop_map(|members| Message::Swim(SwimMessage::Members { members })),
        (node(), any::<u32>()).prop_map(|(old, round_trip_us)| Message::Overlay(
            OverlayMessage::Optimization { old, round_trip_us }
        )),
        proptest::option::of(record.clone())
            .prop_map(|replaced| Message::Overlay(OverlayMessage::OptimizationReply { replaced })),
        record.clone().prop_map(|with| Message::Overlay(OverlayMessage::Replace { with })),
        statement(record.clone())
            .prop_map(|said| Message::Swim(SwimMessage::Statement(Box::new(said)))),
        statement_gossip(record),
    ]
}
