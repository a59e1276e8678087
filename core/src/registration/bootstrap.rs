//! The peer's side of registration: keep floor(n/2)+1 seed nodes listing this node (R5, R18).
//!
//! ```text
//! peer                            seed node
//!   Hello { Register }      ──▶
//!                           ◀──   Welcome
//!   Register                ──▶
//!                           ◀──   Registered { lease_ms }      listed
//!   ListRequest { sample }  ──▶
//!                           ◀──   PeerList { peers }           R4, R6
//!   Renew                   ──▶                                every third of a lease
//!                           ◀──   Registered { lease_ms }      or Unknown: Register again
//! ```
//!
//! The seed nodes are drawn at random. One that is lost is replaced by another at once, and tried
//! again after a pause that doubles with each failure. The settings may change while the peer runs:
//! see [`Bootstrap::replace`].

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::{Event, RegistrationLoss, SkipReason};
use crate::failure::DialFailure;
use crate::id::{LinkId, NodeId};
use crate::links::{Ending, Failure, Owner, Target, Up};
use crate::registration::named::{Met, NamedSeedNodes, Place, count};
use crate::registration::timer::RegistrationTimer;
use crate::rng::Stream;
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{Bye, Purpose, Refusal, RegistrationMessage};

/// A lease outside of these is taken as the nearer one, whatever a seed node grants.
const LEASE: core::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

/// Renewals without an answer that make a seed node lost.
const UNANSWERED: u8 = 3;

/// The peer's registrations.
#[derive(Clone, Debug)]
pub(crate) struct Bootstrap {
    seeds: Vec<SeedNodeSlot>,
    /// How many addresses the settings have ever named.
    named: u32,
    /// Names of the settings without an address.
    not_found: usize,
    /// How many seed nodes that makes, as far as is known.
    count: usize,
}

/// One address of the peer's settings.
#[derive(Clone, Debug)]
struct SeedNodeSlot {
    addr: SocketAddr,
    /// The host that has it.
    host: usize,
    /// Who answered there last.
    met: Met,
    /// What its timers call it.
    number: u32,
    state: SlotState,
    /// Attempts in a row that failed.
    failures: u32,
}

#[derive(Clone, Debug)]
enum SlotState {
    /// Free to be drawn.
    Idle,
    /// Failed; not to be drawn before [`RegistrationTimer::Retry`].
    Resting,
    /// Dialed, or connected and not yet listed.
    Joining { link: LinkId, is_welcomed: bool },
    /// Listed.
    Registered {
        link: LinkId,
        node: AddressRecord,
        since: Instant,
        /// The lease granted, in milliseconds.
        lease_ms: u32,
        unanswered: u8,
    },
}

impl SlotState {
    const fn link(&self) -> Option<LinkId> {
        match self {
            Self::Idle | Self::Resting => None,
            Self::Joining { link, .. } | Self::Registered { link, .. } => Some(*link),
        }
    }

    /// Whether a seed node has welcomed this peer there.
    const fn is_welcomed(&self) -> bool {
        match self {
            Self::Idle | Self::Resting => false,
            Self::Joining { is_welcomed, .. } => *is_welcomed,
            Self::Registered { .. } => true,
        }
    }
}

impl Bootstrap {
    /// Registrations with these seed nodes, up to [`MAX_SEED_NODES`](crate::MAX_SEED_NODES).
    pub(crate) fn new(seeds: &NamedSeedNodes) -> Self {
        let mut bootstrap = Self { seeds: Vec::new(), named: 0, not_found: 0, count: 0 };
        bootstrap.seeds =
            seeds.places().map(|(host, addr)| bootstrap.new_slot(host, addr)).collect();
        bootstrap.not_found = seeds.not_found();
        bootstrap.count();
        bootstrap
    }

    fn new_slot(&mut self, host: usize, addr: SocketAddr) -> SeedNodeSlot {
        let number = self.named;
        self.named = number.wrapping_add(1);
        SeedNodeSlot { addr, host, met: Met::Nobody, number, state: SlotState::Idle, failures: 0 }
    }

    /// Counts the seed nodes again, as more is known of who is where.
    fn count(&mut self) {
        let place = |slot: &SeedNodeSlot| Place { host: slot.host, addr: slot.addr, met: slot.met };
        let places: Vec<Place> = self.seeds.iter().map(place).collect();
        self.count = count(&places, self.not_found, None);
    }

    /// Takes another list of seed nodes, bounded as in [`Bootstrap::new`]. Those that stay keep
    /// their state, also beyond the new quorum; new ones are free to be drawn; with the rest this
    /// peer is done.
    pub(crate) fn replace(&mut self, cx: &mut Context, seeds: &NamedSeedNodes) {
        let mut gone = core::mem::take(&mut self.seeds);
        for (host, addr) in seeds.places() {
            let stays = gone.iter().position(|slot| slot.addr == addr);
            let slot = match stays {
                Some(place) => SeedNodeSlot { host, ..gone.remove(place) },
                None => self.new_slot(host, addr),
            };
            self.seeds.push(slot);
        }
        self.not_found = seeds.not_found();
        self.count();
        for slot in gone {
            cx.timers.cancel(RegistrationTimer::Renew(slot.number));
            cx.timers.cancel(RegistrationTimer::Retry(slot.number));
            if let Some(link) = slot.state.link() {
                cx.close(link, Bye::Done);
            }
            if matches!(slot.state, SlotState::Registered { .. }) {
                let reason = RegistrationLoss::Dropped;
                cx.emit(Event::RegistrationLost { addr: slot.addr, reason });
            }
        }
    }

    /// Registers anew where it is listed, or about to be: lists shall have the record of now. A seed node takes
    /// the new link in place of the old one.
    pub(crate) fn register_again(&mut self, cx: &mut Context) {
        for slot in &mut self.seeds {
            let Some(old) = slot.state.link() else { continue };
            cx.timers.cancel(RegistrationTimer::Renew(slot.number));
            cx.close(old, Bye::Done);
            let owner = Owner::Registration(slot.number);
            let link = cx.dial(Target::Address(slot.addr), Purpose::Register, owner);
            slot.state = SlotState::Joining { link, is_welcomed: false };
        }
    }

    /// Registers anew where it is registered or about to be: it is in another life.
    pub(crate) fn restart(&mut self, cx: &mut Context) {
        for slot in &mut self.seeds {
            if let Some(link) = slot.state.link() {
                cx.timers.cancel(RegistrationTimer::Renew(slot.number));
                cx.close(link, Bye::Done);
                slot.state = SlotState::Idle;
            } else if matches!(slot.state, SlotState::Resting) {
                cx.timers.cancel(RegistrationTimer::Retry(slot.number));
                slot.state = SlotState::Idle;
            }
        }
    }

    /// How many registrations this peer keeps: floor(n/2)+1 of n seed nodes (R5).
    pub(crate) fn quorum(&self) -> usize {
        self.count / 2 + 1
    }

    /// Addresses that may be drawn: not those of a seed node that is dialed at another one, and of somebody
    /// who is no seed node only where there are no others.
    fn free(&self) -> Vec<usize> {
        let engaged: Vec<NodeId> = self
            .seeds
            .iter()
            .filter(|slot| slot.state.link().is_some())
            .filter_map(|slot| slot.met.node())
            .collect();
        let is_free = |slot: &SeedNodeSlot| {
            matches!(slot.state, SlotState::Idle)
                && slot.met.node().is_none_or(|node| !engaged.contains(&node))
        };
        let mut free: Vec<usize> =
            (0..self.seeds.len()).filter(|&i| is_free(&self.seeds[i])).collect();
        if free.iter().any(|&i| self.seeds[i].met != Met::Stranger) {
            free.retain(|&i| self.seeds[i].met != Met::Stranger);
        }
        free
    }

    /// Dials randomly drawn seed nodes until enough registrations stand or are under way. Returns
    /// whether that many do.
    pub(crate) fn top_up(&mut self, cx: &mut Context) -> bool {
        let engaged = self.seeds.iter().filter(|slot| slot.state.link().is_some()).count();
        for _ in engaged..self.quorum() {
            let free = self.free();
            let Some(drawn) = cx.rng.index(Stream::Bootstrap, free.len()) else { return false };
            let slot = &mut self.seeds[free[drawn]];
            let owner = Owner::Registration(slot.number);
            let link = cx.dial(Target::Address(slot.addr), Purpose::Register, owner);
            slot.state = SlotState::Joining { link, is_welcomed: false };
        }
        true
    }

    /// A seed node welcomed us: ask to be listed, unless it lists us already under another of its
    /// addresses.
    pub(crate) fn on_welcomed(
        &mut self,
        cx: &mut Context,
        number: u32,
        link: LinkId,
        node: NodeId,
    ) {
        let Some(index) = self.slot_of(number) else { return };
        let met = Met::SeedNode(node);
        let is_welcomed = |slot: &SeedNodeSlot| {
            slot.met == met && slot.number != number && slot.state.is_welcomed()
        };
        let is_double = self.seeds.iter().any(is_welcomed);
        self.meet(index, met);
        if is_double {
            cx.close(link, Bye::Done);
            let slot = &mut self.seeds[index];
            slot.state = SlotState::Resting;
            cx.arm(RegistrationTimer::Retry(slot.number), cx.config.registration.retry_max);
            return;
        }
        self.ask(cx, index, link);
    }

    /// Notes who is at an address.
    fn meet(&mut self, index: usize, met: Met) {
        if core::mem::replace(&mut self.seeds[index].met, met) != met {
            self.count();
        }
    }

    /// Asks to be listed and sets a time for the answer.
    fn ask(&mut self, cx: &mut Context, index: usize, link: LinkId) {
        let slot = &mut self.seeds[index];
        slot.state = SlotState::Joining { link, is_welcomed: true };
        cx.send(link, RegistrationMessage::Register);
        cx.arm(RegistrationTimer::Renew(slot.number), cx.config.links.hello_timeout);
    }

    pub(crate) fn on_failed(&mut self, cx: &mut Context, number: u32, failure: Failure) {
        let was_met = self.slot_of(number).map(|index| self.seeds[index].met);
        let skipped = skip_reason(cx, &failure);
        if let Some((index, reason)) = self.slot_of(number).zip(skipped) {
            self.meet(index, Met::Stranger);
            if was_met == Some(Met::Stranger) {
                self.rest(cx, index);
                return;
            }
            cx.emit(Event::SeedNodeSkipped { addr: self.seeds[index].addr, reason });
        }
        let reason = match failure {
            Failure::Dial(DialFailure::TimedOut) | Failure::Garbled => RegistrationLoss::Silent,
            Failure::Dial(failure) => RegistrationLoss::Unreachable(failure),
            Failure::Lost(loss) => RegistrationLoss::LinkLost(loss),
            Failure::Refused(refuse) => RegistrationLoss::Refused(refuse.reason),
        };
        self.lose(cx, number, reason);
    }

    pub(crate) fn on_ended(&mut self, cx: &mut Context, number: u32, ending: Ending) {
        let reason = match ending {
            Ending::Lost(loss) => RegistrationLoss::LinkLost(loss),
            Ending::Bye(bye) => RegistrationLoss::Bye(bye),
            Ending::Garbled => RegistrationLoss::Silent,
        };
        self.lose(cx, number, reason);
    }

    /// Listed, or still listed. A new registration asks for the list.
    pub(crate) fn on_registered(&mut self, cx: &mut Context, link: LinkId, up: &Up, lease_ms: u32) {
        let Some(index) = self.slot_on(cx, link) else { return };
        let slot = &mut self.seeds[index];
        slot.failures = 0;
        if let SlotState::Registered { lease_ms: old, unanswered, .. } = &mut slot.state {
            (*old, *unanswered) = (lease_ms, 0);
            return;
        }
        let node = up.remote.clone();
        slot.state = SlotState::Registered { link, node, since: cx.now, lease_ms, unanswered: 0 };
        let first = cx.rng.jitter(renew_every(lease_ms));
        cx.arm(RegistrationTimer::Renew(slot.number), first);
        cx.emit(Event::Registered { seed_node: up.remote.clone() });
        request_list(cx, link);
    }

    /// "Unknown, register again."
    pub(crate) fn on_unknown(&mut self, cx: &mut Context, link: LinkId) {
        let Some(index) = self.slot_on(cx, link) else { return };
        let slot = &self.seeds[index];
        if matches!(slot.state, SlotState::Registered { .. }) {
            let reason = RegistrationLoss::Forgotten;
            cx.emit(Event::RegistrationLost { addr: slot.addr, reason });
            self.ask(cx, index, link);
        }
    }

    pub(crate) fn on_timer(&mut self, cx: &mut Context, timer: RegistrationTimer) {
        match timer {
            RegistrationTimer::Renew(number) => self.on_renew_timer(cx, number),
            RegistrationTimer::Retry(number) => self.on_retry_timer(number),
        }
    }

    /// A renewal is due, or the answer to `Register` is overdue.
    fn on_renew_timer(&mut self, cx: &mut Context, number: u32) {
        let Some(slot) = self.seeds.iter_mut().find(|slot| slot.number == number) else { return };
        match &mut slot.state {
            SlotState::Registered { link, lease_ms, unanswered, .. }
                if *unanswered < UNANSWERED =>
            {
                *unanswered += 1;
                cx.send(*link, RegistrationMessage::Renew);
                cx.arm(RegistrationTimer::Renew(number), renew_every(*lease_ms));
            }
            SlotState::Registered { link, .. } | SlotState::Joining { link, .. } => {
                let link = *link;
                cx.close(link, Bye::Silent);
                self.lose(cx, number, RegistrationLoss::Silent);
            }
            SlotState::Idle | SlotState::Resting => {}
        }
    }

    fn on_retry_timer(&mut self, number: u32) {
        let resting = |slot: &&mut SeedNodeSlot| {
            slot.number == number && matches!(slot.state, SlotState::Resting)
        };
        if let Some(slot) = self.seeds.iter_mut().find(resting) {
            slot.state = SlotState::Idle;
        }
    }

    /// Asks every seed node that lists us for a sample of its list.
    pub(crate) fn request_lists(&self, cx: &mut Context) {
        for (_, link, ..) in self.registered() {
            request_list(cx, link);
        }
    }

    /// Seed nodes that list us now: place in the settings, link, id, since when.
    pub(crate) fn registered(
        &self,
    ) -> impl Iterator<Item = (SocketAddr, LinkId, NodeId, Instant)> + '_ {
        self.seeds.iter().filter_map(|slot| match &slot.state {
            SlotState::Registered { link, node, since, .. } => {
                Some((slot.addr, *link, node.subject(), *since))
            }
            SlotState::Idle | SlotState::Resting | SlotState::Joining { .. } => None,
        })
    }

    /// All seed nodes of the settings, each once as far as is known: number, address, and the link with those
    /// that list us now.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, SocketAddr, Option<LinkId>)> + '_ {
        self.seeds.iter().filter(|slot| self.stands_for_its_node(slot)).map(|slot| {
            let is_registered = matches!(slot.state, SlotState::Registered { .. });
            (slot.number, slot.addr, slot.state.link().filter(|_| is_registered))
        })
    }

    /// Whether this address is the one to use of its node: the one that we are registered at, or the first.
    fn stands_for_its_node(&self, slot: &SeedNodeSlot) -> bool {
        let is_registered =
            |slot: &SeedNodeSlot| matches!(slot.state, SlotState::Registered { .. });
        let Some(node) = slot.met.node() else { return slot.met == Met::Nobody };
        let its = || self.seeds.iter().filter(|other| other.met.node() == Some(node));
        let best = its().find(|other| is_registered(other)).or_else(|| its().next());
        best.is_some_and(|best| best.number == slot.number)
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        for slot in &self.seeds {
            let owner = Some(Owner::Registration(slot.number));
            let has_dial = slot.state.link().is_none_or(|link| cx.links.owner(link) == owner);
            holds(has_dial, "a registration without a link")?;
            let is_resting = matches!(slot.state, SlotState::Resting);
            let retries = cx.timers.is_armed(RegistrationTimer::Retry(slot.number));
            holds(is_resting == retries, "a seed node that rests without an end")?;
        }
        Ok(())
    }

    fn slot_of(&self, number: u32) -> Option<usize> {
        self.seeds.iter().position(|slot| slot.number == number)
    }

    /// The one whose link this is.
    fn slot_on(&self, cx: &Context, link: LinkId) -> Option<usize> {
        let Some(Owner::Registration(number)) = cx.links.owner(link) else { return None };
        self.slot_of(number)
    }

    fn lose(&mut self, cx: &mut Context, number: u32, reason: RegistrationLoss) {
        let Some(index) = self.slot_of(number) else { return };
        self.rest(cx, index);
        cx.emit(Event::RegistrationLost { addr: self.seeds[index].addr, reason });
    }

    /// Leaves an address alone for a pause that grows with each failure.
    fn rest(&mut self, cx: &mut Context, index: usize) {
        let slot = &mut self.seeds[index];
        slot.state = SlotState::Resting;
        cx.timers.cancel(RegistrationTimer::Renew(slot.number));
        let registration = &cx.config.registration;
        let doubled = registration.retry_min.saturating_mul(1 << slot.failures.min(20));
        let pause = doubled.min(registration.retry_max);
        slot.failures += 1;
        let pause = cx.rng.jitter(pause);
        cx.arm(RegistrationTimer::Retry(slot.number), pause);
    }
}

/// Why an address that answered so is none of another seed node, if it is not.
pub(crate) fn skip_reason(cx: &Context, failure: &Failure) -> Option<SkipReason> {
    let Failure::Refused(refuse) = failure else { return None };
    if refuse.from == cx.me() {
        return Some(SkipReason::Own);
    }
    (refuse.reason == Refusal::WrongRole).then_some(SkipReason::NoSeedNode)
}

/// How often a lease is renewed.
fn renew_every(lease_ms: u32) -> Duration {
    Duration::from_millis(lease_ms.into()).clamp(*LEASE.start(), *LEASE.end()) / 3
}

fn request_list(cx: &mut Context, link: LinkId) {
    let sample = u16::try_from(cx.config.registration.sample).unwrap_or(u16::MAX);
    cx.send(link, RegistrationMessage::ListRequest { sample });
}

/// What a snapshot tells of the seed nodes.
impl Bootstrap {
    pub(crate) fn snapshot(&self, now: Instant) -> Vec<crate::snapshot::SeedNodeSnapshot> {
        let view = |slot: &SeedNodeSlot| crate::snapshot::SeedNodeSnapshot {
            addr: slot.addr,
            registered: match &slot.state {
                SlotState::Registered { node, since, .. } => {
                    Some((node.subject(), now.since(*since)))
                }
                SlotState::Idle | SlotState::Resting | SlotState::Joining { .. } => None,
            },
        };
        self.seeds.iter().map(view).collect()
    }
}
