//! What happens between nodes, as a reader wants it: a line each, with names instead of ids. The
//! transcripts of this crate's tests are made of it, and what `sim trace` prints.

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::address::AddressRecord;
use crate::event::Event;
use crate::id::NodeId;
use crate::messaging::{Envelope, GossipMessage, Payload};
use crate::wire::{
    BroadcastMessage, Foreign, LinkMessage, Message, OverlayMessage, RegistrationMessage, Route,
    Shuffle, Statement, SwimMessage, VoteMessage,
};

/// What nodes are called.
pub trait Names {
    /// The node of this id.
    fn node(&self, id: NodeId) -> String;

    /// The node that listens here.
    fn addr(&self, addr: &SocketAddr) -> String;
}

/// Characters of a payload that are shown.
const LONGEST: usize = 32;

fn record(names: &dyn Names, record: &AddressRecord) -> String {
    let epoch = record.epoch().0;
    let life = if epoch > 1 { format!(" (life {epoch})") } else { String::new() };
    format!("{}{life}", names.node(record.subject()))
}

fn records(names: &dyn Names, records: &[AddressRecord]) -> String {
    let named: Vec<_> = records.iter().map(|it| record(names, it)).collect();
    format!("[{}]", named.join(", "))
}

fn statement(names: &dyn Names, said: &Statement) -> String {
    let Statement { subject, incarnation, claim, by, .. } = said;
    format!("{} ({}) {claim:?} by {}", record(names, subject), incarnation.0, names.node(*by))
}

/// An envelope: a statement, or what was said, and by whom.
fn text(names: &dyn Names, envelope: &Envelope) -> String {
    let payloads: Vec<Payload> = envelope.payloads().collect();
    if let [payload] = &payloads[..]
        && let Ok(said) = Statement::from_payload(payload)
    {
        return statement(names, &said);
    }
    let payloads: Vec<String> = payloads.iter().map(quoted).collect();
    let origin = names.node(envelope.origin());
    format!("{} {} of {origin}", envelope.id(), payloads.join(", "))
}

/// One message of an envelope, with its number where it is not alone.
fn said(names: &dyn Names, message: &GossipMessage) -> String {
    let number = match message.envelope().count() {
        1 => String::new(),
        _ => format!(" #{}", message.sequence()),
    };
    let origin = names.node(message.origin());
    format!("{}{number} {} of {origin}", message.id(), quoted(&message.payload()))
}

fn quoted(payload: &Payload) -> String {
    let mut text = format!("{payload:?}");
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.replace_range(end.., "…");
    }
    text
}

/// A message: its name, and what it says.
#[expect(clippy::too_many_lines, reason = "a few for each kind of message")]
pub fn message(names: &dyn Names, message: &Message) -> String {
    let body = match message {
        Message::Link(LinkMessage::Hello(hello)) => {
            let to = hello.to.map_or_else(String::new, |to| format!(" to {}", names.node(to)));
            format!("{:?}{to}", hello.purpose)
        }
        Message::Link(LinkMessage::Welcome(welcome)) => {
            format!("from {}", record(names, &welcome.from))
        }
        Message::Link(LinkMessage::Refuse(refuse)) => format!("{:?}", refuse.reason),
        Message::Link(LinkMessage::Bye(bye)) => format!("{bye:?}"),
        Message::Registration(RegistrationMessage::Registered { lease_ms }) => {
            format!("for {lease_ms} ms")
        }
        Message::Registration(RegistrationMessage::ListRequest { sample }) => format!("{sample}"),
        Message::Registration(RegistrationMessage::PeerList { peers }) => records(names, peers),
        Message::Registration(RegistrationMessage::DeathReport(report)) => {
            format!("of {}", record(names, &report.subject))
        }
        Message::Registration(RegistrationMessage::Leave(leave)) => {
            format!("of {}", names.node(leave.subject))
        }
        Message::Broadcast(BroadcastMessage::Gossip(gossip)) => {
            let age = gossip.age.duration().as_millis();
            let route = match gossip.route {
                Route::Usual => String::new(),
                Route::Renewal => ", to all".to_owned(),
                Route::Along(Foreign { tree, depth: None }) => {
                    format!(", in the tree of {}, not fed", names.node(tree))
                }
                Route::Along(Foreign { tree, depth: Some(depth) }) => {
                    format!(", in the tree of {}, depth {}", names.node(tree), depth.0)
                }
                Route::Detour(it) => format!(", beside the tree of {}", names.node(it.tree)),
            };
            format!("hop {} age {age} ms {}{route}", gossip.hop.0, text(names, &gossip.envelope))
        }
        Message::Broadcast(BroadcastMessage::Digest(digest)) => {
            let reply = if digest.reply { ", reply please" } else { "" };
            format!("{:?}{reply}", digest.ids)
        }
        Message::Broadcast(BroadcastMessage::Pull { ids }) => format!("{ids:?}"),
        Message::Broadcast(BroadcastMessage::Credit { payloads, pressure }) => {
            let payloads = if *payloads { "payloads" } else { "no payloads" };
            format!("for {payloads}, pressure {pressure}")
        }
        Message::Overlay(OverlayMessage::ForwardJoin(join)) => {
            format!("of {} ttl {}", record(names, &join.joiner), join.ttl)
        }
        Message::Overlay(OverlayMessage::Shuffle(shuffle)) => {
            let Shuffle { origin, ttl, active, passive } = &**shuffle;
            format!(
                "of {} ttl {ttl} {} {}",
                record(names, origin),
                records(names, active),
                records(names, passive)
            )
        }
        Message::Overlay(OverlayMessage::ShuffleReply { sample }) => records(names, sample),
        Message::Broadcast(BroadcastMessage::IHave { have }) => {
            let named: Vec<_> =
                have.iter().map(|it| format!("{} hop {}", it.id, it.hop.0)).collect();
            named.join(", ")
        }
        Message::Broadcast(BroadcastMessage::Graft(graft)) => {
            let id = graft.id.map_or_else(String::new, |id| format!(" with {id}"));
            format!("of {}{id}", names.node(graft.source))
        }
        Message::Broadcast(BroadcastMessage::Prune(prune)) => {
            format!("of {}", names.node(prune.source))
        }
        Message::Swim(SwimMessage::PingRequest { subject, wait_ms }) => {
            format!("for {}, within {wait_ms} ms", record(names, subject))
        }
        Message::Swim(SwimMessage::PingRequestAnswer { subject, is_heard }) => {
            format!("for {}: {}", names.node(*subject), if *is_heard { "heard" } else { "nothing" })
        }
        Message::Swim(SwimMessage::Neighbors { records: named }) => records(names, named),
        Message::Swim(SwimMessage::Members { members }) => {
            let said: Vec<_> = members.iter().map(|it| statement(names, it)).collect();
            said.join(", ")
        }
        Message::Vote(VoteMessage::Proposal(proposal)) => {
            format!("{} to {} {}", proposal.number, proposal.kind, record(names, &proposal.subject))
        }
        Message::Vote(VoteMessage::Vote(vote)) => {
            format!("{}: {}", vote.number, if vote.agrees { "yes" } else { "no" })
        }
        Message::Overlay(OverlayMessage::Optimization { old, round_trip_us }) => {
            format!("for {}, {round_trip_us} us", names.node(*old))
        }
        Message::Overlay(OverlayMessage::OptimizationReply { replaced }) => {
            replaced.as_ref().map_or_else(String::new, |it| format!("for {}", record(names, it)))
        }
        Message::Overlay(OverlayMessage::Replace { with }) => {
            format!("with {}", record(names, with))
        }
        Message::Swim(SwimMessage::Statement(said)) => statement(names, said),
        Message::Link(LinkMessage::KnownLife(known)) => {
            let linked = if known.is_linked { ", linked" } else { "" };
            format!("{}{linked}", record(names, &known.record))
        }
        Message::Link(LinkMessage::Ping(_) | LinkMessage::Pong(_))
        | Message::Registration(
            RegistrationMessage::Register
            | RegistrationMessage::Renew
            | RegistrationMessage::Unknown,
        ) => String::new(),
    };
    format!("{} {body}", message.name()).trim_end().to_owned()
}

/// An event: its name, and what it tells.
#[expect(clippy::too_many_lines, reason = "a few for each kind of event")]
pub fn event(names: &dyn Names, event: &Event) -> String {
    match event {
        Event::StoodStill { time } => format!("StoodStill for {time:?}"),
        Event::Registered { seed_node } => format!("Registered at {}", record(names, seed_node)),
        Event::RegistrationLost { addr, reason } => {
            format!("RegistrationLost at {}: {reason:?}", names.addr(addr))
        }
        Event::ListReceived { from, peers } => {
            format!("ListReceived from {}: {}", names.node(*from), records(names, peers))
        }
        Event::NeighborUp { peer, origin } => {
            format!("NeighborUp {} {origin:?}", record(names, peer))
        }
        Event::NeighborDown { peer, reason } => {
            format!("NeighborDown {}: {reason:?}", record(names, peer))
        }
        Event::NeighborRefused { by, reason } => {
            format!("NeighborRefused by {}: {reason:?}", names.node(*by))
        }
        Event::Published { envelope, .. } => format!("Published {}", said(names, envelope)),
        Event::Delivered { envelope, from, hop, history, .. } => {
            let history = if *history { ", history" } else { "" };
            format!(
                "Delivered {} from {}, hop {}{history}",
                said(names, envelope),
                names.node(*from),
                hop.0
            )
        }
        Event::Duplicate { id, from, .. } => format!("Duplicate {id} from {}", names.node(*from)),
        Event::TooOld { id, from, .. } => format!("TooOld {id} from {}", names.node(*from)),
        Event::Strike { subject, strikes, kind } => {
            format!("Strike {strikes} against {}: {kind:?}", record(names, subject))
        }
        Event::DeathReported { subject } => format!("DeathReported {}", record(names, subject)),
        Event::NoticeLost { addr } => format!("NoticeLost to {}", names.addr(addr)),
        Event::ConnectionRequested { from, purpose } => {
            format!("ConnectionRequested by {} to {purpose}", record(names, from))
        }
        Event::PeerRegistered { peer } => format!("PeerRegistered {}", record(names, peer)),
        Event::PeerRemoved { peer, reason } => {
            format!("PeerRemoved {}: {reason:?}", record(names, peer))
        }
        Event::PeerProbing { peer, reason } => {
            format!("PeerProbing {}: {reason:?}", record(names, peer))
        }
        Event::ReportReceived { subject, reporter, outcome } => {
            format!(
                "ReportReceived {} by {}: {outcome:?}",
                record(names, subject),
                names.node(*reporter)
            )
        }
        Event::FalseReport { subject, reporter, count } => {
            format!(
                "FalseReport {} by {}, its {count}.",
                names.node(*subject),
                names.node(*reporter)
            )
        }
        Event::HelloRefused { from, reason } => {
            format!("HelloRefused {}: {reason:?}", record(names, from))
        }
        Event::Misbehaved { node, kind, .. } => {
            format!(
                "Misbehaved {}: {kind:?}",
                node.map_or_else(|| "?".to_owned(), |id| names.node(id))
            )
        }
        Event::Member { subject, state, by, .. } => {
            format!("Member {} {state} by {}", record(names, subject), names.node(*by))
        }
        Event::Rejected(rejection) => format!("Rejected {rejection:?}"),
        Event::Left => "Left".to_owned(),
        Event::Voted { subject, kind, outcome } => {
            format!("Voted to {kind} {}: {outcome:?}", record(names, subject))
        }
        Event::OtherLife { known, news } => format!("OtherLife {}: {news:?}", record(names, known)),
        Event::SeedNodeLost { addr } => format!("SeedNodeLost {}", names.addr(addr)),
        Event::Moved { record: moved } => {
            let addresses: Vec<String> =
                moved.addresses().iter().map(|addr| names.addr(addr)).collect();
            format!("Moved to {}", addresses.join(" "))
        }
        Event::NobodyReached { peers, attempts, peer, reason } => {
            let peer = record(names, peer);
            format!("NobodyReached of {peers} in {attempts} attempts, {peer}: {reason:?}")
        }
        Event::SeedNodeSkipped { addr, reason } => {
            format!("SeedNodeSkipped {}: {reason:?}", names.addr(addr))
        }
    }
}
