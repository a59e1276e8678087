//! How does a message spread: the broadcasts, and catch-up for whoever missed something.

pub(crate) mod exchange;
pub(crate) mod flood;
#[cfg(test)]
pub(crate) mod lab;
pub(crate) mod memory;
pub(crate) mod plumtree;
mod traffic;

use alloc::boxed::Box;
use alloc::sync::Arc;

use crate::address::AddressRecord;
use crate::config::BroadcastKind;
use crate::context::Context;
use crate::id::{LinkId, MessageId};
use crate::links::neighbors::Neighbor;
use crate::messaging::{Envelope, Payload, Topic};
use crate::wire::{Digest, Gossip, Message};
use exchange::Exchange;
use flood::Flood;
use memory::{Memory, Receipt};
use plumtree::Plumtree;

/// A peer's messages, by the broadcast of its settings.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "flood is the default, and a box would cost a miss")]
pub(crate) enum Broadcast {
    Flood(Flood),
    Plumtree(Box<Plumtree>),
}

impl Broadcast {
    pub(crate) fn new(cx: &mut Context) -> Self {
        let salt = cx.rng.salt();
        match cx.config.broadcast.kind {
            BroadcastKind::Flood => Self::Flood(Flood::new(cx, salt)),
            BroadcastKind::Plumtree => Self::Plumtree(Box::new(Plumtree::new(cx, salt))),
        }
    }

    /// Sends an own message to all. Without neighbors it is kept for those to come.
    pub(crate) fn publish(&mut self, cx: &mut Context, topic: Topic, payload: Payload) {
        match self {
            Self::Flood(flood) => flood.publish(cx, topic, payload),
            Self::Plumtree(plumtree) => plumtree.publish(cx, topic, payload),
        }
    }

    /// A message came from a neighbor. Returns it when it is a new one under a reserved topic.
    pub(crate) fn on_gossip(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        gossip: Gossip,
    ) -> Option<Arc<Envelope>> {
        match self {
            Self::Flood(flood) => flood.on_gossip(cx, from, gossip),
            Self::Plumtree(plumtree) => plumtree.on_gossip(cx, from, gossip),
        }
    }

    /// A new neighbor: tell it what we hold. It does the same.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        match self {
            Self::Flood(flood) => flood.on_neighbor_up(cx, up),
            Self::Plumtree(plumtree) => plumtree.on_neighbor_up(cx, up),
        }
    }

    /// A neighbor is gone; `is_lost`, without a word.
    pub(crate) fn on_neighbor_down(&mut self, cx: &mut Context, down: &Neighbor, is_lost: bool) {
        match self {
            Self::Flood(flood) => flood.on_neighbor_down(down),
            Self::Plumtree(plumtree) => plumtree.on_neighbor_down(cx, down, is_lost),
        }
    }

    /// Time to compare what is held with one neighbor.
    pub(crate) fn on_digest_timer(&mut self, cx: &mut Context) {
        match self {
            Self::Flood(flood) => flood.on_digest_timer(cx),
            // Digests at the beginning of a link tell what an older one lost, and the exchange tells the
            // rest.
            Self::Plumtree(_) => unreachable!("plumtree never arms this timer"),
        }
    }

    /// A neighbor tells what it holds.
    pub(crate) fn on_digest(&mut self, cx: &mut Context, from: &Neighbor, digest: &Digest) {
        match self {
            Self::Flood(flood) => flood.on_digest(cx, from, digest),
            Self::Plumtree(plumtree) => plumtree.on_digest(cx, from, digest),
        }
    }

    /// A neighbor asks for messages.
    pub(crate) fn on_pull(&mut self, cx: &mut Context, from: &Neighbor, ids: &[MessageId]) {
        match self {
            Self::Flood(flood) => flood.on_pull(cx, from, ids),
            Self::Plumtree(plumtree) => plumtree.on_pull(cx, from, ids),
        }
    }

    pub(crate) fn stored(&self) -> usize {
        self.memory().store.len()
    }

    pub(crate) fn seen(&self) -> usize {
        self.memory().seen.len()
    }

    pub(crate) fn as_plumtree(&mut self) -> Option<&mut Plumtree> {
        match self {
            Self::Flood(_) => None,
            Self::Plumtree(plumtree) => Some(plumtree),
        }
    }

    /// Time to compare what is held with somebody who is no neighbor; where everybody is one, with a
    /// neighbor, as what was pulled from one that died may be held by another. Only `plumtree` arms it.
    pub(crate) fn on_exchange_timer(&mut self, cx: &mut Context, stranger: Option<&AddressRecord>) {
        let (memory, exchange) = self.exchange();
        exchange.on_timer(cx, memory, stranger);
        if stranger.is_none() {
            memory.compare_with_any(cx);
        }
    }

    /// A dial to compare messages was welcomed.
    pub(crate) fn on_exchange_welcomed(&mut self, cx: &mut Context, link: LinkId) {
        let (memory, exchange) = self.exchange();
        exchange.on_welcomed(cx, memory, link);
    }

    /// A link to compare messages did not come up, or is gone.
    pub(crate) fn on_exchange_ended(&mut self, link: LinkId) {
        let (memory, exchange) = self.exchange();
        exchange.on_ended(memory, link);
    }

    /// A message on a link that was opened to compare messages once. Returns it when it is a new one
    /// under a reserved topic.
    pub(crate) fn on_exchange_message(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        message: Message,
    ) -> Option<Arc<Envelope>> {
        let (memory, exchange) = self.exchange();
        let receipt = exchange.on_message(cx, memory, (link, message))?;
        let Receipt::New { stored, news, .. } = receipt else { return None };
        match self {
            Self::Flood(flood) => flood.offer(cx, stored),
            Self::Plumtree(plumtree) => plumtree.offer(cx, stored),
        }
        news
    }

    const fn memory(&self) -> &Memory {
        match self {
            Self::Flood(flood) => &flood.memory,
            Self::Plumtree(plumtree) => &plumtree.memory,
        }
    }

    const fn exchange(&mut self) -> (&mut Memory, &mut Exchange) {
        match self {
            Self::Flood(flood) => (&mut flood.memory, &mut flood.exchange),
            Self::Plumtree(plumtree) => (&mut plumtree.memory, &mut plumtree.exchange),
        }
    }
}
