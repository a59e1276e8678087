//! Messages and events as a reviewer wants to read them: names instead of ids.

use std::net::SocketAddr;

use tidings_core::wire::{Message, Shuffle, Statement};
use tidings_core::{AddressRecord, Envelope, Event, NodeId};

/// The id of the node called `name`: its letters, then zeros.
pub(crate) fn node_id(name: &str) -> NodeId {
    let mut bytes = [0; 32];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    NodeId::new(bytes)
}

pub(crate) fn name(id: NodeId) -> String {
    id.as_bytes().iter().take_while(|byte| **byte != 0).map(|byte| char::from(*byte)).collect()
}

fn record(record: &AddressRecord) -> String {
    let epoch = record.epoch().0;
    let life = if epoch > 1 { format!(" (life {epoch})") } else { String::new() };
    format!("{}{life}", name(record.subject()))
}

fn records(records: &[AddressRecord]) -> String {
    let names: Vec<_> = records.iter().map(record).collect();
    format!("[{}]", names.join(", "))
}

fn statement(said: &Statement) -> String {
    let Statement { subject, incarnation, claim, by, .. } = said;
    format!("{} ({}) {claim:?} by {}", record(subject), incarnation.0, name(*by))
}

fn text(envelope: &Envelope) -> String {
    if let Ok(said) = Statement::from_payload(envelope.payload()) {
        return statement(&said);
    }
    format!("{:?} of {}", envelope.payload(), name(envelope.origin()))
}

pub(crate) fn message(message: &Message) -> String {
    let body = match message {
        Message::Hello(hello) => {
            let to = hello.to.map_or_else(String::new, |to| format!(" to {}", name(to)));
            format!("{:?}{to}", hello.purpose)
        }
        Message::Welcome(welcome) => format!("from {}", record(&welcome.from)),
        Message::Refuse(refuse) => format!("{:?}", refuse.reason),
        Message::Bye(bye) => format!("{bye:?}"),
        Message::Registered { lease_ms } => format!("for {lease_ms} ms"),
        Message::ListRequest { sample } => format!("{sample}"),
        Message::PeerList { peers } => records(peers),
        Message::DeathReport(report) => format!("of {}", record(&report.subject)),
        Message::Leave(leave) => format!("of {}", name(leave.subject)),
        Message::Gossip(gossip) => {
            let age = gossip.age.duration().as_millis();
            format!("hop {} age {age} ms {}", gossip.hop.0, text(&gossip.envelope))
        }
        Message::Digest(digest) => {
            let reply = if digest.reply { ", reply please" } else { "" };
            format!("{:?}{reply}", digest.ids)
        }
        Message::Pull { ids } => format!("{ids:?}"),
        Message::ForwardJoin(join) => format!("of {} ttl {}", record(&join.joiner), join.ttl),
        Message::Shuffle(shuffle) => {
            let Shuffle { origin, ttl, active, passive } = &**shuffle;
            format!("of {} ttl {ttl} {} {}", record(origin), records(active), records(passive))
        }
        Message::ShuffleReply { sample } => records(sample),
        Message::IHave { have } => {
            let names: Vec<_> =
                have.iter().map(|it| format!("{} hop {}", it.id, it.hop.0)).collect();
            names.join(", ")
        }
        Message::Graft(graft) => {
            let id = graft.id.map_or_else(String::new, |id| format!(" with {id}"));
            format!("of {}{id}", name(graft.source))
        }
        Message::Prune(prune) => format!("of {}", name(prune.source)),
        Message::PingRequest(subject) => format!("for {}", record(subject)),
        Message::PingRequestAnswer { subject, is_heard } => {
            format!("for {}: {}", name(*subject), if *is_heard { "heard" } else { "nothing" })
        }
        Message::Neighbors { records: named } => records(named),
        Message::Members { members } => {
            let said: Vec<_> = members.iter().map(statement).collect();
            said.join(", ")
        }
        Message::Motion(motion) => {
            format!("{} to {} {}", motion.number, motion.matter, record(&motion.subject))
        }
        Message::Vote(vote) => {
            format!("{}: {}", vote.number, if vote.agrees { "yes" } else { "no" })
        }
        Message::Optimization { old, round_trip_us } => {
            format!("for {}, {round_trip_us} us", name(*old))
        }
        Message::OptimizationReply { replaced } => {
            replaced.as_ref().map_or_else(String::new, |it| format!("for {}", record(it)))
        }
        Message::Replace { with } => format!("with {}", record(with)),
        Message::Ping(_)
        | Message::Pong(_)
        | Message::Register
        | Message::Renew
        | Message::Unknown => String::new(),
    };
    format!("{} {body}", message.name()).trim_end().to_owned()
}

pub(crate) fn event(event: &Event, name_of: &dyn Fn(&SocketAddr) -> String) -> String {
    match event {
        Event::Registered { seed_node } => format!("Registered at {}", record(seed_node)),
        Event::RegistrationLost { addr, why } => {
            format!("RegistrationLost at {}: {why:?}", name_of(addr))
        }
        Event::ListReceived { from, peers } => {
            format!("ListReceived from {}: {}", name(*from), records(peers))
        }
        Event::NeighborUp { peer, origin } => format!("NeighborUp {} {origin:?}", record(peer)),
        Event::NeighborDown { peer, why } => format!("NeighborDown {}: {why:?}", record(peer)),
        Event::NeighborRefused { by, reason } => {
            format!("NeighborRefused by {}: {reason:?}", name(*by))
        }
        Event::Published { envelope } => format!("Published {}", text(envelope)),
        Event::Delivered { envelope, from, hop, history, .. } => {
            let history = if *history { ", history" } else { "" };
            format!("Delivered {} from {}, hop {}{history}", text(envelope), name(*from), hop.0)
        }
        Event::Duplicate { id, from } => format!("Duplicate {id} from {}", name(*from)),
        Event::TooOld { id, from } => format!("TooOld {id} from {}", name(*from)),
        Event::Strike { subject, strikes, what } => {
            format!("Strike {strikes} against {}: {what:?}", record(subject))
        }
        Event::DeathReported { subject } => format!("DeathReported {}", record(subject)),
        Event::NoticeLost { addr } => format!("NoticeLost to {}", name_of(addr)),
        Event::ConnectionRequested { from, purpose } => {
            format!("ConnectionRequested by {} to {purpose}", record(from))
        }
        Event::PeerRegistered { peer } => format!("PeerRegistered {}", record(peer)),
        Event::PeerRemoved { peer, why } => format!("PeerRemoved {}: {why:?}", record(peer)),
        Event::PeerDoubted { peer, why } => format!("PeerDoubted {}: {why:?}", record(peer)),
        Event::ReportReceived { subject, reporter, outcome } => {
            format!("ReportReceived {} by {}: {outcome:?}", record(subject), name(*reporter))
        }
        Event::FalseReport { subject, reporter, count } => {
            format!("FalseReport {} by {}, its {count}.", name(*subject), name(*reporter))
        }
        Event::HelloRefused { from, reason } => {
            format!("HelloRefused {}: {reason:?}", record(from))
        }
        Event::Misbehaved { node, what, .. } => {
            format!("Misbehaved {}: {what:?}", node.map_or_else(|| "?".to_owned(), name))
        }
        Event::Member { subject, state, by, .. } => {
            format!("Member {} {state} by {}", record(subject), name(*by))
        }
        Event::Rejected(rejection) => format!("Rejected {rejection:?}"),
        Event::Left => "Left".to_owned(),
        Event::Voted { subject, matter, outcome } => {
            format!("Voted to {matter} {}: {outcome:?}", record(subject))
        }
        Event::ColleagueLost { addr } => format!("ColleagueLost {}", name_of(addr)),
    }
}
