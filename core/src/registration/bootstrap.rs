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
use crate::event::{Event, RegistrationLoss};
use crate::failure::DialFailure;
use crate::id::{LinkId, NodeId};
use crate::links::{Ending, Failure, Owner, Target, Up};
use crate::registration::timer::RegistrationTimer;
use crate::rng::Stream;
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{Bye, Purpose, RegistrationMessage};

/// A lease outside of these is taken as the nearer one, whatever a seed node grants.
const LEASE: core::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(1);

/// Renewals without an answer that make a seed node lost.
const UNANSWERED: u8 = 3;

/// The peer's registrations.
#[derive(Clone, Debug)]
pub(crate) struct Bootstrap {
    seeds: Vec<SeedNodeSlot>,
    /// How many seed nodes the settings have ever named.
    named: u32,
}

/// One seed node of the peer's settings.
#[derive(Clone, Debug)]
struct SeedNodeSlot {
    addr: SocketAddr,
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
    Joining { link: LinkId },
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
            Self::Joining { link } | Self::Registered { link, .. } => Some(*link),
        }
    }
}

/// Each address once, in the order given.
pub(crate) fn distinct(addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut distinct: Vec<SocketAddr> = Vec::new();
    for addr in addresses {
        if !distinct.contains(addr) {
            distinct.push(*addr);
        }
    }
    distinct
}

impl SeedNodeSlot {
    const fn idle(addr: SocketAddr, number: u32) -> Self {
        Self { addr, number, state: SlotState::Idle, failures: 0 }
    }
}

impl Bootstrap {
    /// Registrations with these seed nodes: 1 to [`MAX_SEED_NODES`](crate::MAX_SEED_NODES), each
    /// named once.
    pub(crate) fn new(seeds: &[SocketAddr]) -> Self {
        let mut bootstrap = Self { seeds: Vec::new(), named: 0 };
        bootstrap.seeds = seeds.iter().map(|addr| bootstrap.new_slot(*addr)).collect();
        bootstrap
    }

    fn new_slot(&mut self, addr: SocketAddr) -> SeedNodeSlot {
        let number = self.named;
        self.named = number.wrapping_add(1);
        SeedNodeSlot::idle(addr, number)
    }

    /// Takes another list of seed nodes, bounded as in [`Bootstrap::new`]. Those that stay keep
    /// their state, also beyond the new quorum; new ones are free to be drawn; with the rest this
    /// peer is done.
    pub(crate) fn replace(&mut self, cx: &mut Context, seeds: &[SocketAddr]) {
        let mut gone = core::mem::take(&mut self.seeds);
        for &addr in seeds {
            let stays = gone.iter().position(|slot| slot.addr == addr);
            let slot = match stays {
                Some(place) => gone.remove(place),
                None => self.new_slot(addr),
            };
            self.seeds.push(slot);
        }
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
        self.seeds.len() / 2 + 1
    }

    /// Dials randomly drawn seed nodes until enough registrations stand or are under way. Returns
    /// whether that many do.
    pub(crate) fn top_up(&mut self, cx: &mut Context) -> bool {
        let engaged = self.seeds.iter().filter(|slot| slot.state.link().is_some()).count();
        for _ in engaged..self.quorum() {
            let idle = |slot: &SeedNodeSlot| matches!(slot.state, SlotState::Idle);
            let free: Vec<usize> =
                (0..self.seeds.len()).filter(|&i| idle(&self.seeds[i])).collect();
            let Some(drawn) = cx.rng.index(Stream::Bootstrap, free.len()) else { return false };
            let slot = &mut self.seeds[free[drawn]];
            let owner = Owner::Registration(slot.number);
            let link = cx.dial(Target::Address(slot.addr), Purpose::Register, owner);
            slot.state = SlotState::Joining { link };
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
        if self.registered().any(|(_, _, registered, _)| registered == node) {
            cx.close(link, Bye::Done);
            let slot = &mut self.seeds[index];
            slot.state = SlotState::Resting;
            cx.arm(RegistrationTimer::Retry(slot.number), cx.config.registration.retry_max);
            return;
        }
        self.ask(cx, index, link);
    }

    /// Asks to be listed and sets a time for the answer.
    fn ask(&mut self, cx: &mut Context, index: usize, link: LinkId) {
        let slot = &mut self.seeds[index];
        slot.state = SlotState::Joining { link };
        cx.send(link, RegistrationMessage::Register);
        cx.arm(RegistrationTimer::Renew(slot.number), cx.config.links.hello_timeout);
    }

    pub(crate) fn on_failed(&mut self, cx: &mut Context, number: u32, failure: Failure) {
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
            SlotState::Registered { link, .. } | SlotState::Joining { link } => {
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

    /// All seed nodes of the settings: number, address, and the link with those that list us now.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, SocketAddr, Option<LinkId>)> + '_ {
        self.seeds.iter().map(|slot| {
            let is_registered = matches!(slot.state, SlotState::Registered { .. });
            (slot.number, slot.addr, slot.state.link().filter(|_| is_registered))
        })
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
        let slot = &mut self.seeds[index];
        slot.state = SlotState::Resting;
        cx.timers.cancel(RegistrationTimer::Renew(slot.number));
        let registration = &cx.config.registration;
        let doubled = registration.retry_min.saturating_mul(1 << slot.failures.min(20));
        let pause = doubled.min(registration.retry_max);
        slot.failures += 1;
        let pause = cx.rng.jitter(pause);
        cx.arm(RegistrationTimer::Retry(slot.number), pause);
        cx.emit(Event::RegistrationLost { addr: slot.addr, reason });
    }
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
