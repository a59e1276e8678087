//! What every broadcast counts and tells of messages that come and go. Statements about members are
//! the network's own affair: they are counted apart, and nobody is told of them.

use alloc::sync::Arc;
use core::net::SocketAddr;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::Event;
use crate::fact::Fact;
use crate::id::{Hop, LinkId, NodeId};
use crate::links::flow::Promise;
use crate::links::neighbors::{Neighbor, Slot, Via};
use crate::messaging::{Envelope, GossipMessage};
use crate::time::Instant;
use crate::wire::{Age, BroadcastMessage, Gossip, Route};

use super::memory::store::Stored;

/// Whom a message came from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender {
    pub(super) id: NodeId,
    pub(super) addr: SocketAddr,
    pub(super) link: LinkId,
    /// `None`: it is no neighbor.
    pub(super) slot: Option<Slot>,
}

impl Sender {
    pub(super) fn of(neighbor: &Neighbor) -> Self {
        let Neighbor { slot, link, ref record, .. } = *neighbor;
        Self { id: record.subject(), addr: record.primary(), link, slot: Some(slot) }
    }

    pub(super) fn stranger(link: LinkId, record: &AddressRecord) -> Self {
        Self { id: record.subject(), addr: record.primary(), link, slot: None }
    }
}

/// Tells of own messages, which were given at these moments.
pub(super) fn on_sealed(cx: &mut Context, envelope: &Arc<Envelope>, given: &[Instant]) {
    cx.stats.published += u64::from(envelope.count());
    for (envelope, given) in GossipMessage::all(envelope).zip(given) {
        cx.emit(Event::Published { envelope, waited: cx.now.since(*given) });
    }
}

/// A copy arrived.
pub(super) fn on_copy(cx: &mut Context, envelope: &Envelope) {
    if envelope.topic().is_reserved() {
        cx.stats.statements_received += 1;
    } else {
        cx.stats.gossip_received += u64::from(envelope.count());
    }
}

/// The copy is of an envelope that was here before.
pub(super) fn on_duplicate(cx: &mut Context, envelope: &Envelope, from: NodeId) {
    if !envelope.topic().is_reserved() {
        cx.stats.duplicates += u64::from(envelope.count());
        for sequence in envelope.sequences() {
            cx.emit(Event::Duplicate { id: envelope.id(), sequence, from });
        }
    }
}

/// The copy is so old that nobody can say whether it was here before.
pub(super) fn on_too_old(cx: &mut Context, envelope: &Envelope, from: NodeId) {
    cx.stats.too_old += u64::from(envelope.count());
    if !envelope.topic().is_reserved() {
        for sequence in envelope.sequences() {
            cx.emit(Event::TooOld { id: envelope.id(), sequence, from });
        }
    }
}

/// The copy is of a new envelope.
pub(super) fn on_new(cx: &mut Context, envelope: &Arc<Envelope>, from: Sender, hop: Hop, age: Age) {
    if envelope.topic().is_reserved() {
        return cx.tell(Fact::Reserved(from.link, Arc::clone(envelope)));
    }
    cx.stats.delivered += u64::from(envelope.count());
    let history = age.duration() > cx.now.since_birth();
    for envelope in GossipMessage::all(envelope) {
        cx.emit(Event::Delivered { envelope, from: from.id, addr: from.addr, hop, history });
    }
}

/// Sends one copy.
pub(super) fn send_copy(cx: &mut Context, link: LinkId, stored: &Stored, route: Route) {
    let gossip = Gossip {
        hop: stored.hop.next(),
        route,
        age: Age::new(stored.age(cx.now)),
        envelope: Arc::clone(&stored.envelope),
    };
    if stored.envelope.topic().is_reserved() {
        cx.stats.statements_sent += 1;
    } else {
        cx.stats.gossip_sent += u64::from(stored.envelope.count());
    }
    cx.send(link, BroadcastMessage::Gossip(gossip));
}

/// Sends a neighbor one copy, unless it is known to have the message. One that takes no payloads now gets
/// it later; until then it lacks it, and is told its name like others. Returns whether a copy is sent now.
pub(super) fn send_once(cx: &mut Context, to: Via, stored: &mut Stored, route: Route) -> bool {
    if stored.holders.contains(to.slot) || stored.owed.contains(to.slot) {
        return false;
    }
    if cx.flow.takes(to.link) || stored.envelope.topic().is_reserved() {
        stored.holders.insert(to.slot);
        send_copy(cx, to.link, stored, route);
        return true;
    }
    let promise = Promise { id: stored.envelope.id(), route };
    if cx.flow.promise(to, promise, cx.config.broadcast.store_count) {
        cx.flow.owe(&mut stored.owed, to.slot, stored.envelope.cost());
    }
    false
}
