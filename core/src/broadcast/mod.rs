//! How does a message spread: what is remembered of messages, the exchange with strangers, and one of two
//! strategies, `flood` and `plumtree`.

pub(crate) mod config;
pub(crate) mod credit;
pub(crate) mod exchange;
pub(crate) mod flood;
pub(crate) mod gathering;
#[cfg(test)]
pub(crate) mod lab;
pub(crate) mod memory;
pub(crate) mod message;
pub(crate) mod plumtree;
mod quiet;
pub(crate) mod timer;
mod traffic;
mod waits;

use alloc::boxed::Box;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::broadcast::message::BroadcastMessage;
use crate::broadcast::timer::BroadcastTimer;
use crate::config::BroadcastKind;
use crate::context::Context;
use crate::id::{LinkId, MessageId, Sequence};
use crate::io::Output;
use crate::links::flow::Credit;
use crate::links::neighbors::{Neighbor, Via};
use crate::messaging::{Payload, Topic};
use crate::snapshot::{Said, Spread};
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::Gossip;
use exchange::Exchange;
use gathering::{Gathering, MAX_WAIT};
use memory::store::Stored;
use memory::{Memory, Receipt};
use plumtree::Plumtree;
use traffic::Sender;

/// A peer's messages.
#[derive(Clone, Debug)]
pub(crate) struct Broadcast {
    memory: Memory,
    exchange: Exchange,
    gathering: Gathering,
    /// The last envelope of own messages.
    last: Option<MessageId>,
    /// Until when sources have to wait, because the store is full of what somebody may still ask for.
    crowded_until: Option<Instant>,
    strategy: Strategy,
}

/// Which neighbors get a message, and which its name.
#[derive(Clone, Debug)]
enum Strategy {
    Flood,
    Plumtree(Box<Plumtree>),
}

impl Broadcast {
    pub(crate) fn new(cx: &mut Context) -> Self {
        let salt = cx.rng.salt();
        quiet::start(cx);
        let strategy = match cx.config.broadcast.kind {
            BroadcastKind::Flood => {
                flood::start(cx);
                Strategy::Flood
            }
            BroadcastKind::Plumtree => Strategy::Plumtree(Box::new(Plumtree::new(cx))),
        };
        let (exchange, gathering) = (Exchange::default(), Gathering::default());
        Self {
            memory: Memory::new(salt),
            exchange,
            gathering,
            last: None,
            crowded_until: None,
            strategy,
        }
    }

    /// `stranger` is a known peer that is no neighbor, if there is one.
    pub(crate) fn on_timer(
        &mut self,
        cx: &mut Context,
        timer: BroadcastTimer,
        stranger: impl FnOnce(&mut Context) -> Option<AddressRecord>,
    ) {
        let Self { memory, strategy, .. } = self;
        match (timer, strategy) {
            (BroadcastTimer::Exchange, _) => {
                let stranger = stranger(cx);
                self.on_exchange_timer(cx, stranger.as_ref());
            }
            (BroadcastTimer::Gather, _) => self.seal_gathered(cx),
            // What neighbors are told is looked at after every input.
            (BroadcastTimer::Credit, _) => {}
            (BroadcastTimer::Promise, _) => memory.store.expire(cx),
            (BroadcastTimer::Quiet, _) => quiet::on_timer(cx),
            (BroadcastTimer::Digest, Strategy::Flood) => flood::on_digest_timer(cx, memory),
            (BroadcastTimer::IHave, Strategy::Plumtree(tree)) => tree.on_ihave_timer(cx, memory),
            (BroadcastTimer::Graft, Strategy::Plumtree(tree)) => tree.on_graft_timer(cx),
            (timer, _) => unreachable!("this strategy never arms {timer:?}"),
        }
    }

    /// Sends an own message to all: at once, or with others when links are idle. Without neighbors it is
    /// kept for those to come.
    pub(crate) fn publish(&mut self, cx: &mut Context, topic: Topic, payload: Payload) {
        if !self.gathering.fits(&topic, &payload) {
            self.seal_gathered(cx);
        }
        self.memory.said = Sequence(self.memory.said.0 + 1);
        self.gathering.add(topic, payload, cx.now);
        if !self.gathering.is_busy() {
            self.seal_gathered(cx);
        } else if !cx.timers.is_armed(BroadcastTimer::Gather) {
            cx.arm(BroadcastTimer::Gather, MAX_WAIT);
        }
    }

    /// Says something of a member to all.
    pub(crate) fn state(&mut self, cx: &mut Context, payload: Payload) {
        let stored = self.memory.seal_statement(cx, payload);
        self.spread(cx, stored);
    }

    /// A link that carries what was said is idle.
    pub(crate) fn on_idle(&mut self, cx: &mut Context, link: LinkId) {
        if self.gathering.on_idle(link) {
            self.seal_gathered(cx);
        }
    }

    /// Sends what was gathered, and gathers until one of the links that carry it is idle.
    pub(crate) fn seal_gathered(&mut self, cx: &mut Context) {
        if !self.gathering.is_any() {
            return;
        }
        cx.timers.cancel(BroadcastTimer::Gather);
        let gathered = self.gathering.take();
        let stored = self.memory.seal(cx, gathered);
        let id = stored.envelope.id();
        self.last = Some(id);
        self.spread(cx, stored);
        let Some(holders) = self.memory.store.get(id).map(|stored| stored.holders) else { return };
        let mut place = 0;
        while let Some(Via { link, slot }) = cx.neighbors.at(place).map(Neighbor::via) {
            if holders.contains(slot) && self.gathering.wait_for(link) {
                cx.output(Output::AwaitIdle { link });
            }
            place += 1;
        }
    }

    fn spread(&mut self, cx: &mut Context, stored: Stored) {
        let Self { memory, strategy, .. } = self;
        match strategy {
            Strategy::Flood => flood::spread(cx, memory, stored),
            Strategy::Plumtree(tree) => tree.publish(cx, memory, stored),
        }
    }

    /// A message of this part came from a neighbor.
    pub(crate) fn on_message(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        message: BroadcastMessage,
    ) {
        let Self { memory, strategy, .. } = self;
        match (message, strategy) {
            (BroadcastMessage::Gossip(gossip), _) => self.on_gossip(cx, from, gossip),
            (BroadcastMessage::Digest(digest), _) => memory.on_digest(cx, from, &digest),
            (BroadcastMessage::Pull { ids }, _) => memory.on_pull(cx, from, &ids),
            (BroadcastMessage::Credit { payloads, pressure }, _) => {
                self.on_credit(cx, from, Credit { payloads, pressure });
            }
            (BroadcastMessage::IHave { have }, Strategy::Plumtree(tree)) => {
                tree.on_ihave(cx, memory, from, &have);
            }
            (BroadcastMessage::Graft(graft), Strategy::Plumtree(tree)) => {
                tree.on_graft(cx, memory, from, &graft);
            }
            (BroadcastMessage::Prune(prune), Strategy::Plumtree(tree)) => {
                tree.on_prune(cx, from, &prune);
            }
            (message, Strategy::Flood) => cx.tell_unexpected(from.link, message.name()),
        }
    }

    fn on_gossip(&mut self, cx: &mut Context, from: &Neighbor, gossip: Gossip) {
        let Self { memory, strategy, .. } = self;
        match strategy {
            Strategy::Flood => {
                let receipt = memory.receive(cx, Sender::of(from), gossip);
                flood::on_receipt(cx, memory, receipt);
            }
            Strategy::Plumtree(tree) => tree.on_gossip(cx, memory, from, gossip),
        }
    }

    /// A new neighbor: tell it what is held here. It does the same. With `plumtree` it is eager in all
    /// trees (§3.7): what was lost with another link comes by this one.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        self.memory.tell(cx, up.via(), false);
        cx.flow.on_neighbor_up();
    }

    /// A neighbor is gone; `is_lost`, without a word.
    pub(crate) fn on_neighbor_down(&mut self, cx: &mut Context, down: &Neighbor, is_lost: bool) {
        self.memory.on_neighbor_down(cx, down);
        if self.gathering.on_gone(down.link) {
            self.seal_gathered(cx);
        }
        if let Strategy::Plumtree(tree) = &mut self.strategy {
            tree.on_neighbor_down(cx, down, is_lost);
        }
    }

    /// So much time passed that the clock did not count.
    pub(crate) fn on_slept(&mut self, time: Duration) {
        self.memory.store.grow_older(time);
    }

    /// Links on which messages are compared, or shall be.
    pub(crate) fn exchange_links(&self) -> impl Iterator<Item = LinkId> + '_ {
        self.exchange.links()
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        let slots = cx.neighbors.slots();
        let mut holders = self.memory.store.holders();
        holds(holders.all(|set| set.is_within(slots)), "a message is held in a slot that is free")?;
        cx.flow.invariants(slots, self.memory.store.owed())?;
        match &self.strategy {
            Strategy::Flood => Ok(()),
            Strategy::Plumtree(tree) => tree.invariants(slots),
        }
    }

    /// The last own message; which neighbors have it, and which are still to get it or its name.
    pub(crate) fn last_said(&self, cx: &Context) -> Said {
        let neighbors = cx.neighbors.len();
        let is_gathered = self.gathering.is_any();
        let id = self.last.filter(|_| !is_gathered);
        let spread = match id.and_then(|id| self.memory.store.get(id)) {
            None if is_gathered => Spread { gathered: neighbors, ..Spread::default() },
            None => Spread::default(),
            Some(stored) => {
                let (pushed, owed) = (stored.holders.iter().count(), stored.owed.iter().count());
                Spread { pushed, owed, named: neighbors - pushed - owed, gathered: 0 }
            }
        };
        Said { sequence: self.memory.said, id, spread }
    }

    pub(crate) fn stored(&self) -> usize {
        self.memory.store.len()
    }

    pub(crate) fn seen(&self) -> usize {
        self.memory.seen.len()
    }

    /// Time to compare what is held with somebody who is no neighbor; where everybody is one, with a
    /// neighbor, as what was pulled from one that died may be held by another.
    fn on_exchange_timer(&mut self, cx: &mut Context, stranger: Option<&AddressRecord>) {
        self.exchange.on_timer(cx, &mut self.memory, stranger);
        if stranger.is_none() {
            self.memory.compare_with_any(cx);
        }
    }

    /// A dial to compare messages was welcomed.
    pub(crate) fn on_exchange_welcomed(&mut self, cx: &mut Context, link: LinkId) {
        self.exchange.on_welcomed(cx, &mut self.memory, link);
    }

    /// A link to compare messages did not come up, or is gone.
    pub(crate) fn on_exchange_ended(&mut self, link: LinkId) {
        self.exchange.on_ended(&mut self.memory, link);
    }

    /// A message on a link that was opened to compare messages once.
    pub(crate) fn on_exchange_message(
        &mut self,
        cx: &mut Context,
        link: LinkId,
        message: BroadcastMessage,
    ) {
        let Self { memory, exchange, strategy, .. } = self;
        let Some(Receipt::New { stored, .. }) = exchange.on_message(cx, memory, link, message)
        else {
            return;
        };
        match strategy {
            Strategy::Flood => flood::offer(cx, memory, stored),
            Strategy::Plumtree(tree) => tree.offer(cx, memory, stored),
        }
    }
}
