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
//! only says so. Whoever dials must name an address of the settings; others are refused, so that
//! strangers cannot have anybody probed.

use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::address::AddressRecord;
use crate::config::{Config, DecisionMode};
use crate::context::Context;
use crate::event::Event;
use crate::id::{LinkId, NodeId};
use crate::links::{Failure, Owner, Target};
use crate::seed_node::timer::SeedNodeTimer;
use crate::wire::{Bye, Purpose};

/// The other seed nodes of the settings, at most [`MAX_SEED_NODES`](crate::MAX_SEED_NODES).
#[derive(Clone, Debug, Default)]
pub(crate) struct OtherSeedNodes {
    slots: Vec<Slot>,
    /// How many the settings have ever named.
    named: u32,
}

#[derive(Clone, Debug)]
struct Slot {
    addr: SocketAddr,
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
    /// Not to be dialed before [`SeedNodeTimer::Redial`], or not at all.
    Resting,
    Dialing(LinkId),
    Up(LinkId, NodeId),
}

impl Slot {
    const fn dialed(&self) -> Option<LinkId> {
        match self.state {
            State::Resting => None,
            State::Dialing(link) | State::Up(link, _) => Some(link),
        }
    }
}

impl OtherSeedNodes {
    /// Takes a list of seed nodes, each named once; this node may be among them. Those that stay
    /// keep their links.
    pub(crate) fn replace(&mut self, cx: &mut Context, seeds: &[SocketAddr]) {
        let mut gone = core::mem::take(&mut self.slots);
        for &addr in seeds {
            if cx.record.addresses().contains(&addr) {
                continue;
            }
            let slot = match gone.iter().position(|slot| slot.addr == addr) {
                Some(place) => gone.remove(place),
                None => self.open_slot(cx, addr),
            };
            self.slots.push(slot);
        }
        for slot in gone {
            cx.timers.cancel(SeedNodeTimer::Redial(slot.number));
            for link in [slot.dialed(), slot.accepted].into_iter().flatten() {
                cx.close(link, Bye::Done);
            }
        }
    }

    fn open_slot(&mut self, cx: &mut Context, addr: SocketAddr) -> Slot {
        let number = self.named;
        self.named = number.wrapping_add(1);
        let state = if asks(&cx.config) { dial(cx, number, addr) } else { State::Resting };
        Slot { addr, number, state, failures: 0, accepted: None }
    }

    /// How many seed nodes there are, this one included.
    pub(crate) fn all(&self) -> usize {
        self.slots.len() + 1
    }

    /// Whether this node names one of the settings' addresses as its own.
    pub(crate) fn includes(&self, record: &AddressRecord) -> bool {
        self.slots.iter().any(|slot| record.addresses().contains(&slot.addr))
    }

    /// One of them will ask on this link, and no longer on the one before. It is there, so it need
    /// not be waited for any longer.
    pub(crate) fn on_accepted(&mut self, cx: &mut Context, link: LinkId, record: &AddressRecord) {
        let is_its = |slot: &&mut Slot| record.addresses().contains(&slot.addr);
        let Some(slot) = self.slots.iter_mut().find(is_its) else { return };
        if let Some(old) = slot.accepted.replace(link) {
            cx.close(old, Bye::Replaced);
        }
        if asks(&cx.config) && slot.dialed().is_none() {
            cx.timers.cancel(SeedNodeTimer::Redial(slot.number));
            slot.state = dial(cx, slot.number, slot.addr);
        }
    }

    /// A dial was welcomed.
    pub(crate) fn on_welcomed(&mut self, number: u32, link: LinkId, node: NodeId) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == number) {
            slot.state = State::Up(link, node);
            slot.failures = 0;
        }
    }

    /// A dial has failed. An address that turns out to be this node's own is no other one's.
    pub(crate) fn on_failed(&mut self, cx: &mut Context, number: u32, failure: &Failure) {
        match failure {
            Failure::Refused(refuse) if refuse.from == cx.me() => {
                self.slots.retain(|slot| slot.number != number);
            }
            Failure::Refused(_) | Failure::Dial(_) | Failure::Lost(_) | Failure::Garbled => {
                self.lose(cx, number);
            }
        }
    }

    /// A link on which one of them asked is gone.
    pub(crate) fn on_requester_ended(&mut self, link: LinkId) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.accepted == Some(link)) {
            slot.accepted = None;
        }
    }

    /// A link that was dialed is gone: it is dialed again after a pause.
    pub(crate) fn lose(&mut self, cx: &mut Context, number: u32) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == number) else { return };
        slot.state = State::Resting;
        let doubled = cx.config.registration.retry_min.saturating_mul(1 << slot.failures.min(20));
        slot.failures += 1;
        let pause = cx.rng.jitter(doubled.min(cx.config.registration.retry_max));
        cx.arm(SeedNodeTimer::Redial(slot.number), pause);
        cx.emit(Event::SeedNodeLost { addr: slot.addr });
    }

    /// Gives a link up on which somebody is silent, and dials at once: after a cut that nobody was
    /// told of, only a new connection gets through.
    pub(crate) fn renew(&mut self, cx: &mut Context, link: LinkId) {
        let Some(slot) = self.slot_of(link) else { return };
        cx.close(link, Bye::Silent);
        slot.state = dial(cx, slot.number, slot.addr);
        cx.emit(Event::SeedNodeLost { addr: slot.addr });
    }

    pub(crate) fn on_timer(&mut self, cx: &mut Context, number: u32) {
        if let Some(slot) = self.slots.iter_mut().find(|slot| slot.number == number) {
            slot.state = dial(cx, slot.number, slot.addr);
        }
    }

    /// Those that can be asked now: on which link, and who they are.
    pub(crate) fn up(&self) -> impl Iterator<Item = (LinkId, NodeId)> + '_ {
        self.slots.iter().filter_map(|slot| match slot.state {
            State::Up(link, node) => Some((link, node)),
            State::Resting | State::Dialing(_) => None,
        })
    }

    fn slot_of(&mut self, link: LinkId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.dialed() == Some(link))
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
