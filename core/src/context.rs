//! What a part of the protocol may do: read the time, draw, arm a timer, send, tell.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
#[cfg(feature = "many-nodes")]
use core::hint::black_box;
#[cfg(feature = "many-nodes")]
use core::mem;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::config::Config;
use crate::event::{Event, Misbehavior, Rejection};
use crate::fact::Fact;
use crate::id::{BootEpoch, LinkId, NodeId, Role};
use crate::io::{Birth, Output};
use crate::links::flow::Flow;
use crate::links::neighbors::Neighbors;
use crate::links::state::Links;
use crate::rng::Rng;
use crate::stats::Stats;
use crate::time::{Instant, UnixTime};
use crate::timers::{Timer, Timers};
use crate::wire::Message;

/// The part of a node that all its parts share. Parts know it and not each other.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) now: Instant,
    pub(crate) role: Role,
    /// Who and where this node is, and in which life.
    pub(crate) record: AddressRecord,
    pub(crate) config: Arc<Config>,
    pub(crate) rng: Rng,
    pub(crate) timers: Timers,
    pub(crate) stats: Stats,
    pub(crate) links: Links,
    /// Of a peer: who is linked with it.
    pub(crate) neighbors: Neighbors,
    /// Of a peer: which of them take no payloads now.
    pub(crate) flow: Flow,
    /// Of a peer: which of them missed a message last, because it left the store.
    pub(crate) late_neighbor: Option<AddressRecord>,
    /// How many peers there are, as far as the table of members tells; `None` without one.
    pub(crate) peers: Option<u32>,
    /// The node has been told to leave: it asks nobody for anything and refuses who asks.
    pub(crate) leaving: bool,
    /// What the calendar said at birth.
    born: UnixTime,
    outbox: VecDeque<Output>,
    /// What parts found and the role has not carried out yet.
    facts: VecDeque<Fact>,
    /// Links, neighbors, or whom there is to dial have changed since the role looked whether it has
    /// enough of them. Most inputs are gossip and pings, which change nothing of that.
    pub(crate) has_changed: bool,
}

impl Context {
    pub(crate) fn new(role: Role, config: Arc<Config>, birth: Birth) -> Self {
        Self {
            now: Instant::BIRTH,
            role,
            rng: Rng::new(birth.rng_seed),
            record: birth.record,
            born: birth.unix,
            config,
            timers: Timers::default(),
            stats: Stats::default(),
            links: Links::default(),
            neighbors: Neighbors::default(),
            flow: Flow::default(),
            late_neighbor: None,
            peers: None,
            leaving: false,
            outbox: VecDeque::new(),
            facts: VecDeque::new(),
            has_changed: true,
        }
    }

    pub(crate) fn me(&self) -> NodeId {
        self.record.subject()
    }

    /// Which life of it this is.
    pub(crate) fn epoch(&self) -> BootEpoch {
        self.record.epoch()
    }

    /// What the calendar says now, as far as this node knows.
    pub(crate) fn unix(&self) -> UnixTime {
        self.unix_at(self.now)
    }

    /// What it said, or will say, at another moment.
    pub(crate) fn unix_at(&self, moment: Instant) -> UnixTime {
        self.born + moment.since_birth()
    }

    /// Announces other addresses from now on. Whether they are others than before.
    pub(crate) fn move_to(&mut self, addresses: &[SocketAddr]) -> bool {
        if self.record.addresses() == addresses {
            return false;
        }
        match self.record.moved_to(addresses) {
            Ok(record) => {
                self.record = record.clone();
                self.emit(Event::Moved { record });
                true
            }
            Err(error) => {
                self.emit(Event::Rejected(Rejection::Addresses(error)));
                false
            }
        }
    }

    pub(crate) fn arm(&mut self, timer: impl Into<Timer>, after: Duration) {
        self.timers.arm(timer, self.now + after);
    }

    pub(crate) fn send(&mut self, link: LinkId, message: impl Into<Message>) {
        self.stats.messages_sent += 1;
        let message = message.into();
        self.outbox.push_back(Output::Send { link, message });
    }

    pub(crate) fn output(&mut self, output: Output) {
        self.outbox.push_back(output);
    }

    pub(crate) fn emit(&mut self, event: Event) {
        self.outbox.push_back(Output::Event(event));
    }

    /// Says what the role shall carry out after this input.
    pub(crate) fn tell(&mut self, fact: Fact) {
        self.facts.push_back(fact);
    }

    /// A neighbor is one too many. It goes before anything else is carried out: what is said next is
    /// not for it.
    pub(crate) fn tell_surplus(&mut self, link: LinkId) {
        self.facts.push_front(Fact::Surplus(link));
    }

    /// A message came that has no place on this link.
    pub(crate) fn tell_unexpected(&mut self, link: LinkId, message: &'static str) {
        self.tell(Fact::RuleBroken(link, Misbehavior::Unexpected(message)));
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn has_facts(&self) -> bool {
        !self.facts.is_empty()
    }

    pub(crate) fn next_fact(&mut self) -> Option<Fact> {
        self.facts.pop_front()
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop_front()
    }

    #[cfg(feature = "many-nodes")]
    pub(crate) fn exchange_room(&mut self, room: &mut VecDeque<Output>) {
        assert!(self.outbox.is_empty() && room.is_empty(), "outputs wait in it");
        mem::swap(&mut self.outbox, room);
    }

    /// Reads a field of nearly every line of memory that this and its timers take.
    #[cfg(feature = "many-nodes")]
    pub(crate) fn touch(&self) {
        let Self { now, rng, timers, stats, leaving, outbox, .. } = self;
        let Stats { messages_sent, gossip_received, limits, .. } = stats;
        let counted = messages_sent ^ gossip_received ^ limits.pending ^ limits.reporters;
        black_box(counted ^ now.as_micros() ^ rng.salt() ^ timers.order());
        black_box(*leaving || outbox.is_empty());
        timers.touch();
    }

    pub(crate) fn is_drained(&self) -> bool {
        self.outbox.is_empty()
    }
}
