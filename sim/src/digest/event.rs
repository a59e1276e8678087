//! The words of what a node tells. The numbers here are those of `tidings-history-1`.

use tidings_core::wire::{
    Bye, DecodeError, Evidence, PreambleError, ProposalKind, Purpose, Refusal,
};
use tidings_core::{
    DialFailure, Event, LifeNews, LinkLoss, LinkOrigin, MemberState, Misbehavior, NeighborLoss,
    ProbeReason, RegistrationLoss, Rejection, Removal, ReportOutcome, SkipReason, StrikeKind,
    VoteOutcome,
};

use super::Words;

pub(super) fn encode<W: Words>(event: &Event, to: &mut W) {
    match event {
        Event::Published { .. }
        | Event::Delivered { .. }
        | Event::Duplicate { .. }
        | Event::TooOld { .. } => message(event, to),
        Event::Registered { .. }
        | Event::RegistrationLost { .. }
        | Event::ListReceived { .. }
        | Event::NeighborUp { .. }
        | Event::NeighborDown { .. }
        | Event::NeighborRefused { .. }
        | Event::Strike { .. }
        | Event::DeathReported { .. }
        | Event::NoticeLost { .. }
        | Event::Member { .. } => peer(event, to),
        Event::ConnectionRequested { .. }
        | Event::PeerRegistered { .. }
        | Event::PeerRemoved { .. }
        | Event::PeerProbing { .. }
        | Event::ReportReceived { .. }
        | Event::FalseReport { .. }
        | Event::Voted { .. }
        | Event::SeedNodeLost { .. } => seed_node(event, to),
        Event::HelloRefused { from, reason } => {
            to.word(23);
            to.record(from);
            to.word(refusal(*reason));
        }
        Event::Misbehaved { addr, node, kind } => {
            to.word(24);
            to.addr(*addr);
            to.option(*node, Words::id);
            misbehavior(*kind, to);
        }
        Event::Rejected(rejection) => {
            to.word(25);
            to.word(match rejection {
                Rejection::NotAPeer => 1,
                Rejection::SeedNodeCount(_) => 2,
                Rejection::Leaving => 3,
                Rejection::ReservedTopic => 4,
                Rejection::Addresses(_) => 5,
            });
        }
        Event::Left => to.word(26),
        Event::StoodStill { .. }
        | Event::SeedNodeSkipped { .. }
        | Event::Moved { .. }
        | Event::NobodyReached { .. }
        | Event::OtherLife { .. } => own_place(event, to),
    }
}

/// 27 to 31: what a node meets of itself and of where it looks.
#[expect(clippy::wildcard_enum_match_arm, reason = "`encode` sends nothing else here")]
fn own_place<W: Words>(event: &Event, to: &mut W) {
    match event {
        Event::StoodStill { time } => {
            to.word(27);
            to.time(*time);
        }
        Event::SeedNodeSkipped { addr, reason } => {
            to.word(28);
            to.addr(*addr);
            to.word(match reason {
                SkipReason::Own => 1,
                SkipReason::NoSeedNode => 2,
            });
        }
        Event::Moved { record } => {
            to.word(29);
            to.record(record);
        }
        // For people: all that it tells was seen in other events before.
        Event::NobodyReached { .. } => to.word(30),
        Event::OtherLife { known, news } => {
            to.word(31);
            to.record(known);
            match news {
                LifeNews::Shown(from) => {
                    to.word(1);
                    to.record(from);
                }
                LifeNews::Begun(epoch) => {
                    to.word(2);
                    to.word(epoch.0);
                }
                LifeNews::Kept => to.word(3),
                LifeNews::InUse => to.word(4),
            }
        }
        _ => {}
    }
}

/// 1 to 4: gossip.
#[expect(clippy::wildcard_enum_match_arm, reason = "`encode` sends nothing else here")]
fn message<W: Words>(event: &Event, to: &mut W) {
    match event {
        Event::Published { envelope, .. } => {
            to.word(1);
            to.bytes(envelope.id().as_bytes());
            to.word(envelope.sequence().0);
        }
        Event::Delivered { envelope, from, addr, hop, history } => {
            to.word(2);
            to.bytes(envelope.id().as_bytes());
            to.word(envelope.sequence().0);
            to.id(*from);
            to.addr(*addr);
            to.word(hop.0.into());
            to.flag(*history);
        }
        Event::Duplicate { id, sequence, from } => {
            to.word(3);
            to.bytes(id.as_bytes());
            to.word(sequence.0);
            to.id(*from);
        }
        Event::TooOld { id, sequence, from } => {
            to.word(4);
            to.bytes(id.as_bytes());
            to.word(sequence.0);
            to.id(*from);
        }
        _ => unreachable!("no message"),
    }
}

/// 5 to 14: registration, neighbors, members.
#[expect(clippy::wildcard_enum_match_arm, reason = "`encode` sends nothing else here")]
fn peer<W: Words>(event: &Event, to: &mut W) {
    match event {
        Event::Registered { seed_node } => {
            to.word(5);
            to.record(seed_node);
        }
        Event::RegistrationLost { addr, reason } => {
            to.word(6);
            to.addr(*addr);
            registration_loss(*reason, to);
        }
        Event::ListReceived { from, peers } => {
            to.word(7);
            to.id(*from);
            to.list(peers, Words::record);
        }
        Event::NeighborUp { peer, origin } => {
            to.word(8);
            to.record(peer);
            to.word(match origin {
                LinkOrigin::Dialed => 1,
                LinkOrigin::Accepted => 2,
            });
        }
        Event::NeighborDown { peer, reason } => {
            to.word(9);
            to.record(peer);
            neighbor_loss(*reason, to);
        }
        Event::NeighborRefused { by, reason } => {
            to.word(10);
            to.id(*by);
            to.word(refusal(*reason));
        }
        Event::Strike { subject, strikes, kind } => {
            to.word(11);
            to.record(subject);
            to.word((*strikes).into());
            to.word(match kind {
                StrikeKind::Ping => 1,
                StrikeKind::Connect => 2,
                StrikeKind::Redial => 3,
            });
        }
        Event::DeathReported { subject } => {
            to.word(12);
            to.record(subject);
        }
        Event::NoticeLost { addr } => {
            to.word(13);
            to.addr(*addr);
        }
        Event::Member { subject, state, by, evidence } => {
            to.word(14);
            to.record(subject);
            to.word(match state {
                MemberState::Alive => 1,
                MemberState::Suspect => 2,
                MemberState::Dead => 3,
                MemberState::Left => 4,
            });
            to.id(*by);
            to.option(*evidence, |to, evidence| self::evidence(evidence, to));
        }
        _ => unreachable!("no event of a peer"),
    }
}

/// 15 to 22: the registry and its votes.
#[expect(clippy::wildcard_enum_match_arm, reason = "`encode` sends nothing else here")]
fn seed_node<W: Words>(event: &Event, to: &mut W) {
    match event {
        Event::ConnectionRequested { from, purpose } => {
            to.word(15);
            to.record(from);
            self::purpose(*purpose, to);
        }
        Event::PeerRegistered { peer } => {
            to.word(16);
            to.record(peer);
        }
        Event::PeerRemoved { peer, reason } => {
            to.word(17);
            to.record(peer);
            to.word(match reason {
                Removal::Left => 1,
                Removal::Dead => 2,
                Removal::LeaseExpired => 3,
                Removal::Superseded => 4,
            });
        }
        Event::PeerProbing { peer, reason } => {
            to.word(18);
            to.record(peer);
            to.word(match reason {
                ProbeReason::LinkLost => 1,
                ProbeReason::LeaseExpired => 2,
                ProbeReason::Reported => 3,
                ProbeReason::VoteRequested => 4,
            });
        }
        Event::ReportReceived { subject, reporter, outcome } => {
            to.word(19);
            to.record(subject);
            to.id(*reporter);
            to.word(match outcome {
                ReportOutcome::Probing => 1,
                ReportOutcome::Noted => 2,
                ReportOutcome::Ignored => 3,
            });
        }
        Event::FalseReport { subject, reporter, count } => {
            to.word(20);
            to.id(*subject);
            to.id(*reporter);
            to.word(*count);
        }
        Event::Voted { subject, kind, outcome } => {
            to.word(21);
            to.record(subject);
            to.word(match kind {
                ProposalKind::List => 1,
                ProposalKind::Remove => 2,
            });
            to.word(match outcome {
                VoteOutcome::Passed => 1,
                VoteOutcome::Rejected => 2,
                VoteOutcome::NoQuorum => 3,
                VoteOutcome::Void => 4,
            });
        }
        Event::SeedNodeLost { addr } => {
            to.word(22);
            to.addr(*addr);
        }
        _ => unreachable!("no event of a seed node"),
    }
}

fn registration_loss<W: Words>(loss: RegistrationLoss, to: &mut W) {
    match loss {
        RegistrationLoss::Unreachable(failure) => {
            to.word(1);
            to.word(match failure {
                DialFailure::Refused => 1,
                DialFailure::Unreachable => 2,
                DialFailure::TimedOut => 3,
                DialFailure::NotTried => 4,
            });
        }
        RegistrationLoss::Silent => to.word(2),
        RegistrationLoss::LinkLost(loss) => {
            to.word(3);
            link_loss(loss, to);
        }
        RegistrationLoss::Bye(bye) => {
            to.word(4);
            to.word(self::bye(bye));
        }
        RegistrationLoss::Refused(reason) => {
            to.word(5);
            to.word(refusal(reason));
        }
        RegistrationLoss::Forgotten => to.word(6),
        RegistrationLoss::Dropped => to.word(7),
    }
}

fn neighbor_loss<W: Words>(loss: NeighborLoss, to: &mut W) {
    match loss {
        NeighborLoss::Left => to.word(1),
        NeighborLoss::Bye(bye) => {
            to.word(2);
            to.word(self::bye(bye));
        }
        NeighborLoss::Dropped(bye) => {
            to.word(3);
            to.word(self::bye(bye));
        }
        NeighborLoss::LinkLost(loss) => {
            to.word(4);
            link_loss(loss, to);
        }
        NeighborLoss::Garbled => to.word(5),
    }
}

fn link_loss<W: Words>(loss: LinkLoss, to: &mut W) {
    match loss {
        LinkLoss::Closed => to.word(1),
        LinkLoss::Reset => to.word(2),
        LinkLoss::Stalled => to.word(3),
        LinkLoss::Silent => to.word(5),
        LinkLoss::Preamble(error) => {
            to.word(4);
            match error {
                PreambleError::Magic => to.word(1),
                PreambleError::Version(version) => {
                    to.word(2);
                    to.word(version.into());
                }
                PreambleError::Kind(kind) => {
                    to.word(3);
                    to.word(kind.into());
                }
                PreambleError::Refused { version } => {
                    to.word(4);
                    to.word(version.into());
                }
            }
        }
    }
}

fn misbehavior<W: Words>(kind: Misbehavior, to: &mut W) {
    match kind {
        Misbehavior::Garbled(error) => {
            to.word(1);
            match error {
                DecodeError::Malformed => to.word(1),
                DecodeError::Trailing(len) => {
                    to.word(2);
                    to.len(len);
                }
                DecodeError::TooLong(len) => {
                    to.word(3);
                    to.len(len);
                }
            }
        }
        Misbehavior::Unexpected(_name) => to.word(2),
        Misbehavior::WrongEcho => to.word(3),
        Misbehavior::Forged(_name) => to.word(4),
    }
}

fn evidence<W: Words>(evidence: Evidence, to: &mut W) {
    match evidence {
        Evidence::LinkLost => to.word(1),
        Evidence::Refused => to.word(2),
        Evidence::Silent { round_trip_us, asked, nacks } => {
            to.word(3);
            to.word(round_trip_us.into());
            to.word(asked.into());
            to.word(nacks.into());
        }
        Evidence::Hearsay => to.word(4),
    }
}

fn purpose<W: Words>(purpose: Purpose, to: &mut W) {
    match purpose {
        Purpose::Register => to.word(1),
        Purpose::Neighbor { isolated } => {
            to.word(2);
            to.flag(isolated);
        }
        Purpose::Probe => to.word(3),
        Purpose::Notice => to.word(4),
        Purpose::Join => to.word(5),
        Purpose::Shuffle => to.word(6),
        Purpose::PingRequest => to.word(7),
        Purpose::Exchange => to.word(8),
        Purpose::Vote => to.word(9),
        Purpose::Optimize => to.word(10),
    }
}

fn refusal(reason: Refusal) -> u64 {
    match reason {
        Refusal::Busy => 1,
        Refusal::RegistryFull => 2,
        Refusal::WrongNetwork => 3,
        Refusal::WrongNode => 4,
        Refusal::WrongRole => 5,
        Refusal::Yourself => 6,
        Refusal::Duplicate => 7,
        Refusal::StaleEpoch => 8,
        Refusal::OtherParts { .. } => 10,
        Refusal::Leaving => 9,
        Refusal::NotNamed => 11,
    }
}

fn bye(bye: Bye) -> u64 {
    match bye {
        Bye::Done => 1,
        Bye::Surplus => 2,
        Bye::Replaced => 3,
        Bye::Leaving => 4,
        Bye::Removed => 5,
        Bye::TooSlow => 6,
        Bye::Misbehaved => 7,
        Bye::Silent => 8,
        Bye::Swapped => 9,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::time::Duration;

    use sha2::{Digest as _, Sha256};
    use tidings_core::{
        AddressRecord, BootEpoch, Envelope, GossipMessage, Hop, MessageId, NodeId, Payload,
        Sequence, Topic, UnixTime,
    };

    use super::*;
    use crate::digest::Sha;
    use crate::history::hex;

    const ID: NodeId = NodeId::new([9; 32]);

    fn addr() -> SocketAddr {
        "192.0.2.1:7000".parse().expect("an address")
    }

    fn record() -> AddressRecord {
        AddressRecord::new(ID, BootEpoch(3), &[addr()]).expect("a record")
    }

    fn link_losses() -> Vec<LinkLoss> {
        vec![
            LinkLoss::Closed,
            LinkLoss::Reset,
            LinkLoss::Stalled,
            LinkLoss::Silent,
            LinkLoss::Preamble(PreambleError::Magic),
            LinkLoss::Preamble(PreambleError::Version(7)),
            LinkLoss::Preamble(PreambleError::Kind(7)),
            LinkLoss::Preamble(PreambleError::Refused { version: 7 }),
        ]
    }

    const BYES: [Bye; 9] = [
        Bye::Done,
        Bye::Surplus,
        Bye::Replaced,
        Bye::Leaving,
        Bye::Removed,
        Bye::TooSlow,
        Bye::Misbehaved,
        Bye::Silent,
        Bye::Swapped,
    ];

    const REFUSALS: [Refusal; 9] = [
        Refusal::Busy,
        Refusal::RegistryFull,
        Refusal::WrongNetwork,
        Refusal::WrongNode,
        Refusal::WrongRole,
        Refusal::Yourself,
        Refusal::Duplicate,
        Refusal::StaleEpoch,
        Refusal::Leaving,
    ];

    fn gossip() -> Vec<Event> {
        let (payload, id) = (Payload::new(b"hi".to_vec()).expect("short"), MessageId::new([4; 32]));
        let (sent, topic) = (UnixTime::from_millis(0), Topic::default());
        let envelope =
            Arc::new(Envelope::new((ID, BootEpoch(3)), Sequence(1), sent, topic, payload));
        let message = GossipMessage::all(&envelope).next().expect("one");
        let sequence = message.sequence();
        let delivered = |history| Event::Delivered {
            envelope: message.clone(),
            from: ID,
            addr: addr(),
            hop: Hop(2),
            history,
        };
        vec![
            Event::Published { envelope: message.clone(), waited: Duration::ZERO },
            delivered(false),
            delivered(true),
            Event::Duplicate { id, sequence, from: ID },
            Event::TooOld { id, sequence, from: ID },
        ]
    }

    fn registrations() -> Vec<Event> {
        let failures = [DialFailure::Refused, DialFailure::Unreachable, DialFailure::TimedOut];
        let mut losses: Vec<RegistrationLoss> =
            failures.map(RegistrationLoss::Unreachable).to_vec();
        losses.extend([
            RegistrationLoss::Silent,
            RegistrationLoss::Forgotten,
            RegistrationLoss::Dropped,
        ]);
        losses.extend(link_losses().into_iter().map(RegistrationLoss::LinkLost));
        losses.extend(BYES.map(RegistrationLoss::Bye));
        losses.extend(REFUSALS.map(RegistrationLoss::Refused));
        let lost =
            losses.into_iter().map(|reason| Event::RegistrationLost { addr: addr(), reason });
        let list = |peers| Event::ListReceived { from: ID, peers };
        let mut events =
            vec![Event::Registered { seed_node: record() }, list(Vec::new()), list(vec![record()])];
        events.extend(lost);
        events
    }

    fn neighbors() -> Vec<Event> {
        let mut losses = vec![NeighborLoss::Left, NeighborLoss::Garbled];
        losses.extend(BYES.map(NeighborLoss::Bye));
        losses.extend(BYES.map(NeighborLoss::Dropped));
        losses.extend(link_losses().into_iter().map(NeighborLoss::LinkLost));
        let lost = losses.into_iter().map(|reason| Event::NeighborDown { peer: record(), reason });
        let up = |origin| Event::NeighborUp { peer: record(), origin };
        let strike = |kind| Event::Strike { subject: record(), strikes: 2, kind };
        let mut events = vec![up(LinkOrigin::Dialed), up(LinkOrigin::Accepted)];
        events.extend(lost);
        events.extend(REFUSALS.map(|reason| Event::NeighborRefused { by: ID, reason }));
        events.extend([StrikeKind::Ping, StrikeKind::Connect, StrikeKind::Redial].map(strike));
        events.push(Event::DeathReported { subject: record() });
        events.push(Event::NoticeLost { addr: addr() });
        events
    }

    fn members() -> Vec<Event> {
        let member = |state, evidence| Event::Member { subject: record(), state, by: ID, evidence };
        let evidence = [
            Evidence::LinkLost,
            Evidence::Refused,
            Evidence::Silent { round_trip_us: 5, asked: 3, nacks: 2 },
            Evidence::Hearsay,
        ];
        let states =
            [MemberState::Alive, MemberState::Suspect, MemberState::Dead, MemberState::Left];
        let mut events: Vec<Event> = states.map(|state| member(state, None)).to_vec();
        events.extend(evidence.map(|evidence| member(MemberState::Dead, Some(evidence))));
        events
    }

    fn registry() -> Vec<Event> {
        let purposes = [
            Purpose::Register,
            Purpose::Neighbor { isolated: false },
            Purpose::Neighbor { isolated: true },
            Purpose::Probe,
            Purpose::Notice,
            Purpose::Join,
            Purpose::Shuffle,
            Purpose::PingRequest,
            Purpose::Exchange,
            Purpose::Vote,
            Purpose::Optimize,
        ];
        let removals = [Removal::Left, Removal::Dead, Removal::LeaseExpired, Removal::Superseded];
        let reasons = [
            ProbeReason::LinkLost,
            ProbeReason::LeaseExpired,
            ProbeReason::Reported,
            ProbeReason::VoteRequested,
        ];
        let outcomes = [ReportOutcome::Probing, ReportOutcome::Noted, ReportOutcome::Ignored];
        let votes =
            [VoteOutcome::Passed, VoteOutcome::Rejected, VoteOutcome::NoQuorum, VoteOutcome::Void];
        let voted = |kind, outcome| Event::Voted { subject: record(), kind, outcome };
        let mut events = vec![
            Event::PeerRegistered { peer: record() },
            Event::FalseReport { subject: ID, reporter: ID, count: 2 },
            Event::SeedNodeLost { addr: addr() },
        ];
        events
            .extend(purposes.map(|purpose| Event::ConnectionRequested { from: record(), purpose }));
        events.extend(removals.map(|reason| Event::PeerRemoved { peer: record(), reason }));
        events.extend(reasons.map(|reason| Event::PeerProbing { peer: record(), reason }));
        events.extend(outcomes.map(|outcome| Event::ReportReceived {
            subject: record(),
            reporter: ID,
            outcome,
        }));
        events.extend(votes.map(|outcome| voted(ProposalKind::List, outcome)));
        events.extend(votes.map(|outcome| voted(ProposalKind::Remove, outcome)));
        events
    }

    fn both_roles() -> Vec<Event> {
        let errors = [DecodeError::Malformed, DecodeError::Trailing(1), DecodeError::TooLong(1)];
        let mut kinds = errors.map(Misbehavior::Garbled).to_vec();
        kinds.extend([
            Misbehavior::Unexpected("Pong"),
            Misbehavior::WrongEcho,
            Misbehavior::Forged("Leave"),
        ]);
        let misbehaved = |node, kind| Event::Misbehaved { addr: addr(), node, kind };
        let rejections = [
            Rejection::NotAPeer,
            Rejection::SeedNodeCount(99),
            Rejection::Leaving,
            Rejection::ReservedTopic,
        ];
        let mut events = vec![Event::Left, misbehaved(None, Misbehavior::WrongEcho)];
        events.extend(REFUSALS.map(|reason| Event::HelloRefused { from: record(), reason }));
        events.extend(kinds.into_iter().map(|kind| misbehaved(Some(ID), kind)));
        events.extend(rejections.map(Event::Rejected));
        events
    }

    /// One event of each alternative, at every depth.
    fn alternatives() -> Vec<Event> {
        [gossip(), registrations(), neighbors(), members(), registry(), both_roles()].concat()
    }

    /// Those that came after the encoding had its name, which add words and change none.
    fn later_alternatives() -> Vec<Event> {
        let skipped = |reason| Event::SeedNodeSkipped { addr: addr(), reason };
        let refused = |reason| Event::HelloRefused { from: record(), reason };
        let mut events = [SkipReason::Own, SkipReason::NoSeedNode].map(skipped).to_vec();
        events.push(refused(Refusal::NotNamed));
        let parts = tidings_core::wire::Parts::of(&tidings_core::Config::modern());
        events.push(refused(Refusal::OtherParts { has: parts, asks: parts }));
        let reason = RegistrationLoss::Unreachable(DialFailure::NotTried);
        events.push(Event::RegistrationLost { addr: addr(), reason });
        events.push(Event::StoodStill { time: Duration::from_secs(5) });
        let lives = [
            LifeNews::Shown(record()),
            LifeNews::Begun(BootEpoch(9)),
            LifeNews::Kept,
            LifeNews::InUse,
        ];
        events.extend(lives.map(|news| Event::OtherLife { known: record(), news }));
        events.push(Event::Moved { record: record() });
        events.push(Event::Rejected(Rejection::Addresses(tidings_core::RecordError::Count(5))));
        events
    }

    #[test]
    fn no_two_alternatives_are_written_alike() {
        let events = [alternatives(), later_alternatives()].concat();
        let words = |event: &Event| {
            let mut words = Vec::new();
            encode(event, &mut words);
            words
        };
        let distinct: BTreeSet<Vec<u64>> = events.iter().map(words).collect();
        assert_eq!(distinct.len(), events.len());
    }

    /// Whoever changes this digest gives the encoding another name.
    #[test]
    fn events_are_written_as_the_encoding_says() {
        let mut sha = Sha(Sha256::new());
        for event in alternatives() {
            encode(&event, &mut sha);
        }
        insta::assert_snapshot!(hex(&sha.0.finalize()), @"17ebb130afed71e062c64e6d9e52a01b662767a3e805034676ae2cea38b873d1");
    }

    #[test]
    fn a_name_changes_nothing() {
        let words = |name| {
            let mut words = Vec::new();
            misbehavior(Misbehavior::Unexpected(name), &mut words);
            words
        };
        assert_eq!(words("Motion"), words("Proposal"));
    }
}
