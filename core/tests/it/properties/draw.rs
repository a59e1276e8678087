//! What is drawn: addresses, messages, inputs, and steps that answer what the node did.

use std::net::SocketAddr;
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;
use tidings_core::wire::{
    Age, BroadcastMessage, Bye, DeathReport, DecodeError, Digest, Gossip, Hello, KnownLife, Leave,
    LinkMessage, Message, NetworkName, Ping, Proposal, ProposalKind, Purpose, Refusal, Refuse,
    RegistrationMessage, Route, Vote, VoteMessage, Welcome,
};
use tidings_core::{
    AddressRecord, BootEpoch, Command, DialFailure, Hop, Input, LinkId, LinkLoss, Payload, Role,
    Topic, UnixTime,
};

use super::kind::{Profile, SEED_NODES, addr};
use crate::{arbitrary, samples};

pub(super) fn link() -> impl Strategy<Value = LinkId> {
    (0..12_u64, any::<bool>())
        .prop_map(|(n, dialed)| if dialed { LinkId::dialed(n) } else { LinkId::accepted(n) })
}

/// Node 1 is the node under test.
pub(super) fn who() -> impl Strategy<Value = u8> {
    prop_oneof![8 => 2..8_u8, 1 => Just(1)]
}

pub(super) fn record() -> impl Strategy<Value = AddressRecord> {
    (who(), 0..3_u64).prop_map(|(n, life)| {
        AddressRecord::new(samples::node(n), BootEpoch(life), &[addr(n)]).expect("valid")
    })
}

pub(super) fn purpose(profile: Profile) -> impl Strategy<Value = Purpose> {
    let modern = prop::sample::select(vec![
        Purpose::Join,
        Purpose::Join,
        Purpose::Shuffle,
        Purpose::PingRequest,
        Purpose::Exchange,
        Purpose::Optimize,
    ]);
    let both = prop_oneof![
        Just(Purpose::Register),
        any::<bool>().prop_map(|isolated| Purpose::Neighbor { isolated }),
        Just(Purpose::Probe),
        Just(Purpose::Notice),
        Just(Purpose::Vote),
    ];
    profile.pick(both, modern)
}

pub(super) fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Peer), Just(Role::SeedNode)]
}

pub(super) fn hello(profile: Profile) -> impl Strategy<Value = Message> {
    (record(), role(), purpose(profile), proptest::option::of(who())).prop_map(
        |(from, role, purpose, to)| {
            let to = to.map(samples::node);
            let network = NetworkName::default();
            Message::Link(LinkMessage::Hello(Box::new(Hello {
                network,
                to,
                from,
                role,
                parts: None,
                purpose,
            })))
        },
    )
}

pub(super) fn gossip() -> impl Strategy<Value = Message> {
    (who(), 0..20_u64, 0..16_384_u16, 0..300_000_u64).prop_map(|(origin, sequence, hop, age)| {
        Message::Broadcast(BroadcastMessage::Gossip(Gossip {
            hop: Hop(hop),
            route: if hop % 2 == 0 { Route::Renewal } else { Route::Usual },
            age: Age::new(Duration::from_millis(age)),
            envelope: samples::envelope(origin, sequence),
        }))
    })
}

pub(super) fn ids() -> impl Strategy<Value = Vec<tidings_core::MessageId>> {
    let id = (who(), 0..20_u64).prop_map(|(origin, n)| samples::envelope(origin, n).id());
    proptest::collection::vec(id, 0..10)
}

pub(super) fn refusal() -> impl Strategy<Value = Refusal> {
    prop::sample::select(vec![
        Refusal::Busy,
        Refusal::RegistryFull,
        Refusal::WrongNetwork,
        Refusal::WrongNode,
        Refusal::WrongRole,
        Refusal::Yourself,
        Refusal::Duplicate,
        Refusal::StaleEpoch,
        Refusal::Leaving,
    ])
}

pub(super) fn message(profile: Profile) -> impl Strategy<Value = Message> {
    let ping = any::<u64>().prop_map(|nonce| Ping {
        nonce,
        time: UnixTime::from_millis(nonce),
        addr: addr(9),
    });
    let refuse = (who(), refusal()).prop_map(|(from, reason)| {
        let from = samples::node(from);
        Message::Link(LinkMessage::Refuse(Refuse { from, epoch: BootEpoch(1), reason }))
    });
    let welcome = (record(), role())
        .prop_map(|(from, role)| Message::Link(LinkMessage::Welcome(Welcome { from, role })));
    let report = (record(), who()).prop_map(|(subject, reporter)| {
        let reporter = samples::node(reporter);
        let at = UnixTime::from_millis(0);
        Message::Registration(RegistrationMessage::DeathReport(Box::new(DeathReport {
            subject,
            reporter,
            at,
            signature: None,
        })))
    });
    let leave = (who(), any::<u64>()).prop_map(|(subject, epoch)| {
        let (subject, epoch) = (samples::node(subject), BootEpoch(epoch));
        Message::Registration(RegistrationMessage::Leave(Leave { subject, epoch, signature: None }))
    });
    let kind = prop_oneof![Just(ProposalKind::List), Just(ProposalKind::Remove)];
    let proposal = (0..4_u64, kind, record()).prop_map(|(number, kind, subject)| {
        Message::Vote(VoteMessage::Proposal(Box::new(Proposal { number, kind, subject })))
    });
    let both = prop_oneof![
        4 => hello(profile),
        4 => welcome,
        1 => refuse,
        1 => Just(Message::Link(LinkMessage::Bye(Bye::Surplus))),
        1 => (record(), any::<bool>()).prop_map(|(record, is_linked)| {
            Message::Link(LinkMessage::KnownLife(Box::new(KnownLife { record, is_linked })))
        }),
        2 => Just(Message::Registration(RegistrationMessage::Register)),
        2 => any::<u32>().prop_map(|lease_ms| Message::Registration(RegistrationMessage::Registered { lease_ms })),
        1 => Just(Message::Registration(RegistrationMessage::Renew)),
        1 => Just(Message::Registration(RegistrationMessage::Unknown)),
        1 => any::<u16>().prop_map(|sample| Message::Registration(RegistrationMessage::ListRequest { sample })),
        2 => proptest::collection::vec(record(), 0..8)
            .prop_map(|peers| Message::Registration(RegistrationMessage::PeerList { peers })),
        4 => report,
        1 => leave,
        1 => ping.clone().prop_map(|ping| Message::Link(LinkMessage::Ping(ping))),
        1 => ping.prop_map(|ping| Message::Link(LinkMessage::Pong(ping))),
        6 => gossip(),
        2 => (ids(), any::<bool>()).prop_map(|(ids, reply)| Message::Broadcast(BroadcastMessage::Digest(Digest { ids, reply }))),
        2 => ids().prop_map(|ids| Message::Broadcast(BroadcastMessage::Pull { ids })),
        1 => proposal,
        1 => (0..4_u64, any::<bool>())
            .prop_map(|(number, agrees)| Message::Vote(VoteMessage::Vote(Vote { number, agrees }))),
    ];
    profile.pick(both, arbitrary::modern(record().boxed()))
}

pub(super) fn input(profile: Profile) -> impl Strategy<Value = Input> {
    let say = Command::Broadcast {
        topic: Topic::default(),
        payload: Payload::new(b"said".to_vec()).expect("short"),
    };
    let command = prop_oneof![
        2 => Just(say),
        1 => seed_nodes().prop_map(|addresses| Command::SeedNodes(addresses.into())),
    ];
    prop_oneof![
        3 => Just(Input::Wake),
        6 => (link(), 1..9_u8).prop_map(|(link, n)| Input::LinkUp { link, addr: addr(n) }),
        1 => link().prop_map(|link| Input::LinkDown { link, loss: LinkLoss::Reset }),
        1 => link().prop_map(|link| Input::DialFailed { link, failure: DialFailure::Refused }),
        20 => (link(), message(profile)).prop_map(|(link, message)| Input::Received { link, message }),
        1 => link().prop_map(|link| Input::Garbled { link, error: DecodeError::Malformed }),
        1 => link().prop_map(|link| Input::Overrun { link }),
        2 => link().prop_map(|link| Input::LinkCongested { link }),
        2 => link().prop_map(|link| Input::LinkReady { link }),
        1 => link().prop_map(|link| Input::LinkIdle { link }),
        1 => any::<bool>().prop_map(|is_behind| Input::Reader { is_behind }),
        1 => command.prop_map(Input::Command),
    ]
}

/// A few seed nodes, some of them twice; sometimes none, or too many.
pub(super) fn seed_nodes() -> impl Strategy<Value = Vec<SocketAddr>> {
    prop_oneof![
        6 => proptest::collection::vec((198..204_u8).prop_map(addr), 0..6),
        1 => Just((0..=64).map(addr).collect()),
    ]
}

/// What happens next. Arbitrary inputs alone seldom get past a hello, so most steps follow what the
/// node does: they answer its dials, open links to it, and say on open links what fits there.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Anything at all.
    Input(Input),
    /// One of its dials gets this far.
    Answer(Index, Answer),
    /// Somebody opens a link.
    Accept(u8, Box<Hello>),
    /// On one of the open links comes a message of the kind that belongs there.
    Say(Index, Box<Message>),
    /// The last ping on one of the open links is answered.
    Echo(Index),
    /// The last proposal on one of the open links is voted on.
    Vote(Index, bool),
}

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Fail,
    Connect,
    Refuse(Refusal),
    Welcome(u64),
}

pub(super) fn step(profile: Profile) -> impl Strategy<Value = Step> {
    let answer = prop_oneof![
        1 => Just(Answer::Fail),
        1 => Just(Answer::Connect),
        1 => refusal().prop_map(Answer::Refuse),
        5 => (0..3_u64).prop_map(Answer::Welcome),
    ];
    let fitting_hello = (record(), purpose(profile)).prop_map(|(from, purpose)| {
        let network = NetworkName::default();
        let (from, role) = match purpose {
            Purpose::Vote => (other_seed_node(), Role::SeedNode),
            Purpose::Register
            | Purpose::Neighbor { .. }
            | Purpose::Probe
            | Purpose::Notice
            | Purpose::Join
            | Purpose::Shuffle
            | Purpose::PingRequest
            | Purpose::Optimize
            | Purpose::Exchange => (from, Role::Peer),
        };
        Box::new(Hello { network, to: None, from, role, parts: None, purpose })
    });
    prop_oneof![
        3 => input(profile).prop_map(Step::Input),
        4 => (any::<Index>(), answer).prop_map(|(which, answer)| Step::Answer(which, answer)),
        4 => (1..9_u8, fitting_hello).prop_map(|(from, hello)| Step::Accept(from, hello)),
        12 => (any::<Index>(), message(profile)).prop_map(|(on, said)| Step::Say(on, Box::new(said))),
        1 => any::<Index>().prop_map(Step::Echo),
        1 => (any::<Index>(), any::<bool>()).prop_map(|(on, agrees)| Step::Vote(on, agrees)),
    ]
}

/// Another seed node that the one under test knows by its address.
pub(super) fn other_seed_node() -> AddressRecord {
    let n = SEED_NODES[0];
    AddressRecord::new(samples::node(n), BootEpoch(1), &[addr(n)]).expect("valid")
}

pub(super) fn steps(profile: Profile) -> impl Strategy<Value = Vec<(u64, Step)>> {
    proptest::collection::vec((0..2_000_000_u64, step(profile)), 1..300)
}
