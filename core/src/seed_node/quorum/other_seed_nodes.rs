//! The other seed nodes: who they are, and a link to each, so that they can be asked (R21, R22).
//!
//! ```text
//! seed node                       other seed node
//!   Hello { Vote }           ──▶
//!                            ◀──  Welcome              stays; proposals go one way, votes the other
//! ```
//!
//! Each dials each, so there are two links between two of them, and on a link only the dialer asks.
//! A vote therefore comes from whoever answers at an address of the settings, never from somebody who
//! only says so. Whoever dials must be a node that answered there, or name such an address as its own;
//! others are refused, so that strangers cannot have anybody probed.
//!
//! Addresses are dialed, nodes are counted. When a node was met at several addresses, one of them is used
//! and the others wait for it to fail.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::address::AddressRecord;
use crate::config::{Config, DecisionMode};
use crate::context::Context;
use crate::event::{Event, SkipReason};
use crate::id::{LinkId, NodeId};
use crate::links::{Failure, Owner, Target};
use crate::registration::bootstrap::skip_reason;
use crate::registration::named::{Met, NamedSeedNodes, Place, count};
use crate::seed_node::timer::SeedNodeTimer;
use crate::wire::{Bye, Purpose, Refusal};

/// The other seed nodes of the settings, at most [`MAX_SEED_NODES`](crate::MAX_SEED_NODES).
#[derive(Clone, Debug, Default)]
pub(crate) struct OtherSeedNodes {
    slots: Vec<Slot>,
    /// How many addresses the settings have ever named.
    named: u32,
    /// Names of the settings without an address.
    not_found: usize,
}

/// One address of the settings, perhaps this node's own.
#[derive(Clone, Debug)]
struct Slot {
    addr: SocketAddr,
    /// The host that has it.
    host: usize,
    /// Who answered there last.
    met: Met,
    /// What its timer calls it.
    number: u32,
    state: State,
    /// Attempts in a row that failed.
    failures: u32,
    /// The link on which it asks this node.
    accepted: Option<LinkId>,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not to be dialed: its node is reached at another address, or is this one, or is never asked.
    Idle,
    /// Not to be dialed before [`SeedNodeTimer::Redial`].
    Resting,
    Dialing(LinkId),
    Up(LinkId, NodeId),
}

impl Slot {
    const fn dialed(&self) -> Option<LinkId> {
        match self.state {
            State::Idle | State::Resting => None,
            State::Dialing(link) | State::Up(link, _) => Some(link),
        }
    }
}

impl OtherSeedNodes {
    /// Takes a list of seed nodes; this node may be among them. Addresses that stay keep their links.
    pub(crate) fn replace(&mut self, cx: &mut Context, seeds: &NamedSeedNodes) {
        let mut gone = core::mem::take(&mut self.slots);
        for (host, addr) in seeds.places() {
            let slot = match gone.iter().position(|slot| slot.addr == addr) {
                Some(place) => Slot { host, ..gone.remove(place) },
                None => self.open_slot(cx, host, addr),
            };
            self.slots.push(slot);
        }
        self.not_found = seeds.not_found();
        for slot in gone {
            cx.timers.cancel(SeedNodeTimer::Redial(slot.number));
            for link in [slot.dialed(), slot.accepted].into_iter().flatten() {
                cx.close(link, Bye::Done);
            }
        }
        self.reach_all(cx);
    }

    fn open_slot(&mut self, cx: &mut Context, host: usize, addr: SocketAddr) -> Slot {
        let is_own = cx.record.addresses().contains(&addr);
        let met = if is_own { Met::SeedNode(cx.me()) } else { Met::Nobody };
        let number = self.named;
        self.named = number.wrapping_add(1);
        let is_dialed = !is_own && asks(&cx.config);
        let state = if is_dialed { dial(cx, number, addr) } else { State::Idle };
        Slot { addr, host, met, number, state, failures: 0, accepted: None }
    }

    /// How many seed nodes there are, this one included, as far as is known.
    pub(crate) fn all(&self, me: NodeId) -> usize {
        let place = |slot: &Slot| Place { host: slot.host, addr: slot.addr, met: slot.met };
        let places: Vec<Place> = self.slots.iter().map(place).collect();
        count(&places, self.not_found, Some(me))
    }

    /// Whether this node was met at one of the settings' addresses, or names one as its own.
    pub(crate) fn includes(&self, record: &AddressRecord, me: NodeId) -> bool {
        self.slots.iter().any(|slot| slot.is_of(record, me))
    }

    /// One of them will ask on this link, and no longer on the one before. It is there, so it need
    /// not be waited for any longer.
    pub(crate) fn on_accepted(&mut self, cx: &mut Context, link: LinkId, record: &AddressRecord) {
        let me = cx.me();
        let old = self.slots.iter_mut().filter(|slot| slot.is_of(record, me));
        for old in old.filter_map(|slot| slot.accepted.take()) {
            cx.close(old, Bye::Replaced);
        }
        let is_reached = self.is_reached(record.subject());
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.is_of(record, me)) else { return };
        slot.accepted = Some(link);
        if asks(&cx.config) && slot.dialed().is_none() && !is_reached {
            cx.timers.cancel(SeedNodeTimer::Redial(slot.number));
            slot.state = dial(cx, slot.number, slot.addr);
        }
    }

    /// A dial was welcomed. A node that was reached at another address before is asked here from now on,
    /// because that is the link which it knows as the newest.
    pub(crate) fn on_welcomed(
        &mut self,
        cx: &mut Context,
        number: u32,
        link: LinkId,
        node: NodeId,
    ) {
        for other in &mut self.slots {
            if let State::Up(old, reached) = other.state
                && reached == node
                && other.number != number
            {
                cx.close(old, Bye::Done);
                other.state = State::Idle;
            }
        }
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == number) {
            slot.state = State::Up(link, node);
            slot.met = Met::SeedNode(node);
            slot.failures = 0;
        }
    }

    /// A dial has failed. Who refused it has been met nevertheless.
    pub(crate) fn on_failed(&mut self, cx: &mut Context, number: u32, failure: &Failure) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == number) else { return };
        let (addr, skipped) = (slot.addr, skip_reason(cx, failure));
        match skipped {
            Some(SkipReason::Own) => {
                slot.state = State::Idle;
                slot.met = Met::SeedNode(cx.me());
            }
            Some(SkipReason::NoSeedNode) => {
                let was_met = core::mem::replace(&mut slot.met, Met::Stranger);
                slot.rest(cx);
                if was_met == Met::Stranger {
                    return;
                }
            }
            None => {
                slot.meet_refuser(failure);
                return self.lose(cx, number);
            }
        }
        cx.emit(Event::SeedNodeSkipped { addr, reason: skipped.unwrap_or(SkipReason::Own) });
        self.reach_all(cx);
    }

    /// A link on which one of them asked is gone.
    pub(crate) fn on_requester_ended(&mut self, link: LinkId) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.accepted == Some(link)) {
            slot.accepted = None;
        }
    }

    /// A link that was dialed is gone: it is dialed again after a pause, and its node's other addresses are
    /// tried at once.
    pub(crate) fn lose(&mut self, cx: &mut Context, number: u32) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == number) else { return };
        slot.rest(cx);
        cx.emit(Event::SeedNodeLost { addr: slot.addr });
        self.reach_all(cx);
    }

    /// Gives a link up on which somebody is silent, and dials at once: after a cut that nobody was
    /// told of, only a new connection gets through.
    pub(crate) fn renew(&mut self, cx: &mut Context, link: LinkId) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.dialed() == Some(link)) else {
            return;
        };
        cx.close(link, Bye::Silent);
        slot.state = dial(cx, slot.number, slot.addr);
        cx.emit(Event::SeedNodeLost { addr: slot.addr });
    }

    pub(crate) fn on_timer(&mut self, cx: &mut Context, number: u32) {
        let Some(slot) = self.slots.iter().find(|slot| slot.number == number) else { return };
        let is_reached = slot.met.node().is_some_and(|node| self.is_up(node));
        let (number, addr) = (slot.number, slot.addr);
        let state = if is_reached { State::Idle } else { dial(cx, number, addr) };
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == number) {
            slot.state = state;
        }
    }

    /// Dials an address of every node that is reached at none.
    fn reach_all(&mut self, cx: &mut Context) {
        if !asks(&cx.config) {
            return;
        }
        for place in 0..self.slots.len() {
            let Slot { met, state, number, addr, .. } = self.slots[place];
            let is_waiting = matches!(state, State::Idle) && met != Met::SeedNode(cx.me());
            if is_waiting && !met.node().is_some_and(|node| self.is_reached(node)) {
                self.slots[place].state = dial(cx, number, addr);
            }
        }
    }

    /// Whether a node is being dialed, or has been reached, at one of its addresses.
    fn is_reached(&self, node: NodeId) -> bool {
        let its = |slot: &&Slot| slot.met.node() == Some(node);
        self.slots.iter().filter(its).any(|slot| slot.dialed().is_some())
    }

    fn is_up(&self, node: NodeId) -> bool {
        self.up().any(|(_, reached)| reached == node)
    }

    /// Those that can be asked now: on which link, and who they are.
    pub(crate) fn up(&self) -> impl Iterator<Item = (LinkId, NodeId)> + '_ {
        self.slots.iter().filter_map(|slot| match slot.state {
            State::Up(link, node) => Some((link, node)),
            State::Idle | State::Resting | State::Dialing(_) => None,
        })
    }
}

impl Slot {
    /// Whether this is an address of that node and not of `me`.
    fn is_of(&self, record: &AddressRecord, me: NodeId) -> bool {
        let node = self.met.node();
        node != Some(me)
            && (node == Some(record.subject()) || record.addresses().contains(&self.addr))
    }

    /// Leaves the address alone for a pause that grows with each failure.
    fn rest(&mut self, cx: &mut Context) {
        self.state = State::Resting;
        let doubled = cx.config.registration.retry_min.saturating_mul(1 << self.failures.min(20));
        self.failures += 1;
        let pause = cx.rng.jitter(doubled.min(cx.config.registration.retry_max));
        cx.arm(SeedNodeTimer::Redial(self.number), pause);
    }

    /// A seed node that does not know this one yet has answered all the same.
    fn meet_refuser(&mut self, failure: &Failure) {
        if let Failure::Refused(refuse) = failure
            && refuse.reason == Refusal::NotNamed
        {
            self.met = Met::SeedNode(refuse.from);
        }
    }
}

/// Whether this node ever asks.
pub(crate) fn asks(config: &Config) -> bool {
    let registration = &config.registration;
    [registration.listing, registration.removal].contains(&DecisionMode::Quorum)
}

fn dial(cx: &mut Context, number: u32, addr: SocketAddr) -> State {
    State::Dialing(cx.dial(Target::Address(addr), Purpose::Vote, Owner::SeedNode(number)))
}
