//! One message of every kind, with a value in every field.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidings_core::wire::{
    Age, BroadcastMessage, Bye, Claim, DeathReport, Digest, Evidence, Foreign, ForwardJoin, Gossip,
    Graft, Hello, IHave, KnownLife, Leave, LinkMessage, Message, NetworkName, OverlayMessage,
    Parts, Ping, Proposal, ProposalKind, Prune, Purpose, Refusal, Refuse, RegistrationMessage,
    Route, Shuffle, Statement, SwimMessage, Vote, VoteMessage, Welcome,
};
use tidings_core::{
    AddressRecord, BootEpoch, Config, Envelope, Hop, Incarnation, MessageId, NodeId, Payload, Role,
    Sequence, Signature, Topic, UnixTime,
};

pub(crate) fn node(n: u8) -> NodeId {
    NodeId::new([n; 32])
}

pub(crate) fn record(n: u8) -> AddressRecord {
    let v4 = SocketAddr::from(([192, 0, 2, n], 5000));
    let v6 = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, n.into()], 5001));
    AddressRecord::new(node(n), BootEpoch(1_700_000_000_000), &[v4, v6]).unwrap()
}

pub(crate) fn envelope(n: u8, sequence: u64) -> Arc<Envelope> {
    Arc::new(Envelope::new(
        (node(n), BootEpoch(1_700_000_000_000)),
        Sequence(sequence),
        UnixTime::from_millis(1_700_000_005_000),
        Topic::new("news").unwrap(),
        Payload::new(b"hello".to_vec()).unwrap(),
    ))
}

/// One of every claim.
pub(crate) fn statements() -> Vec<Statement> {
    let silent = Evidence::Silent { round_trip_us: 1500, asked: 3, nacks: 2 };
    let claims = [
        Claim::Alive,
        Claim::Suspect(silent),
        Claim::Dead { evidence: Evidence::Refused, confirmers: vec![node(4), node(5)] },
        Claim::Left,
    ];
    let statement = |claim| Statement {
        subject: record(3),
        incarnation: Incarnation(2),
        claim,
        by: node(1),
        signature: Some(Box::new(SIGNATURE)),
    };
    claims.map(statement).into()
}

pub(crate) const SIGNATURE: Signature = Signature { r: [0xaa; 32], s: [0xbb; 32] };

/// In the order of their tags.
pub(crate) fn messages() -> Vec<Message> {
    [classic_messages(), modern_messages()].concat()
}

/// Those that came with the documented network.
fn classic_messages() -> Vec<Message> {
    let ping = Ping {
        nonce: 0x0123_4567_89ab_cdef,
        time: UnixTime::from_millis(1_700_000_005_000),
        addr: SocketAddr::from(([192, 0, 2, 1], 5000)),
    };
    let at = UnixTime::from_millis(1_700_000_005_000);
    let ids = vec![MessageId::new([3; 32]), MessageId::new([4; 32])];
    vec![
        Message::Link(LinkMessage::Hello(Box::new(Hello {
            network: NetworkName::new("tidings").unwrap(),
            to: Some(node(2)),
            from: record(1),
            role: Role::Peer,
            parts: Some(Parts::of(&Config::modern())),
            purpose: Purpose::Neighbor { isolated: true },
        }))),
        Message::Link(LinkMessage::Welcome(Welcome { from: record(2), role: Role::SeedNode })),
        Message::Link(LinkMessage::Refuse(Refuse {
            from: node(2),
            epoch: BootEpoch(7),
            reason: Refusal::Busy,
        })),
        Message::Link(LinkMessage::Bye(Bye::Surplus)),
        Message::Registration(RegistrationMessage::Register),
        Message::Registration(RegistrationMessage::Registered { lease_ms: 30_000 }),
        Message::Registration(RegistrationMessage::Renew),
        Message::Registration(RegistrationMessage::Unknown),
        Message::Registration(RegistrationMessage::ListRequest { sample: 64 }),
        Message::Registration(RegistrationMessage::PeerList { peers: vec![record(3), record(4)] }),
        Message::Registration(RegistrationMessage::DeathReport(Box::new(DeathReport {
            subject: record(3),
            reporter: node(1),
            at,
            signature: Some(Box::new(SIGNATURE)),
        }))),
        Message::Registration(RegistrationMessage::Leave(Leave {
            subject: node(1),
            epoch: BootEpoch(7),
            signature: None,
        })),
        Message::Link(LinkMessage::Ping(ping)),
        Message::Link(LinkMessage::Pong(ping)),
        Message::Broadcast(BroadcastMessage::Gossip(Gossip {
            hop: Hop(2),
            route: Route::Detour(Foreign { tree: NodeId::new([8; 32]), depth: Some(Hop(3)) }),
            age: Age::new(Duration::from_millis(40)),
            envelope: envelope(1, 9),
        })),
        Message::Broadcast(BroadcastMessage::Digest(Digest { ids: ids.clone(), reply: true })),
        Message::Broadcast(BroadcastMessage::Pull { ids }),
    ]
}

/// Those that came later.
fn modern_messages() -> Vec<Message> {
    vec![
        Message::Overlay(OverlayMessage::ForwardJoin(Box::new(ForwardJoin {
            joiner: record(3),
            ttl: 6,
        }))),
        Message::Overlay(OverlayMessage::Shuffle(Box::new(Shuffle {
            origin: record(1),
            ttl: 6,
            active: vec![record(4)],
            passive: vec![record(5)],
        }))),
        Message::Overlay(OverlayMessage::ShuffleReply { sample: vec![record(5)] }),
        Message::Broadcast(BroadcastMessage::IHave {
            have: vec![IHave { id: MessageId::new([3; 32]), hop: Hop(4), source: node(1) }],
        }),
        Message::Broadcast(BroadcastMessage::Graft(Graft {
            source: node(1),
            id: Some(MessageId::new([3; 32])),
        })),
        Message::Broadcast(BroadcastMessage::Prune(Prune { source: node(1) })),
        Message::Swim(SwimMessage::PingRequest { subject: Box::new(record(3)), wait_ms: 300 }),
        Message::Swim(SwimMessage::PingRequestAnswer { subject: node(3), is_heard: false }),
        Message::Swim(SwimMessage::Neighbors { records: vec![record(4)] }),
        Message::Swim(SwimMessage::Members { members: statements() }),
        Message::Vote(VoteMessage::Proposal(Box::new(Proposal {
            number: 300,
            kind: ProposalKind::Remove,
            subject: record(3),
        }))),
        Message::Vote(VoteMessage::Vote(Vote { number: 300, agrees: true })),
        Message::Overlay(OverlayMessage::Optimization { old: node(3), round_trip_us: 1500 }),
        Message::Overlay(OverlayMessage::OptimizationReply { replaced: Some(record(4)) }),
        Message::Overlay(OverlayMessage::Replace { with: record(4) }),
        Message::Swim(SwimMessage::Statement(Box::new(statements().remove(1)))),
        Message::Broadcast(BroadcastMessage::Credit { payloads: false, pressure: 16 }),
        Message::Link(LinkMessage::KnownLife(Box::new(KnownLife {
            record: record(3),
            is_linked: true,
        }))),
    ]
}
