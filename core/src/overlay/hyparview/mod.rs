//! The overlay `hyparview` (Leitão, Pereira, Rodrigues, DSN 2007): a small active view of symmetric
//! links, and a larger passive view of peers to replace them with.
//!
//! ```text
//! newcomer              contact               others
//!   Hello { Join }  ──▶                                          never refused
//!                   ◀──  Welcome                                 neighbors
//!                        ForwardJoin { ttl } ──▶ ... ──▶         a random walk from each neighbor
//!   Hello { Neighbor }                               ◀──         where it ends
//!
//! origin                neighbor              where the walk ends
//!   Shuffle { ttl }  ──▶  ... ──▶
//!   Hello { Shuffle }                    ◀──                     a link of its own
//!   ShuffleReply                         ◀──
//! ```
//!
//! An active link is a link between neighbors. JOIN and NEIGHBOR are hellos, DISCONNECT is a bye
//! with the reason `Surplus`; a full peer that must admit somebody drops a random neighbor
//! ([`admit`](super::admission::admit)). Whether a neighbor lives the detector decides.
//!
//! Differs from the paper: the contact comes from the seed nodes' lists, which also fill the passive
//! view. Walks may end early (`walks`). Who is refused is introduced to others that were
//! (`introductions`). A peer that lacks two neighbors for long asks with high priority once per
//! refresh. Lost neighbors are dialed again (`lost_neighbors`). Small overlays are mixed now and then
//! (`split_healing`). A few neighbors may be chosen because they are near (`xbot`).

pub(crate) mod config;
mod introductions;
mod lost_neighbors;
mod passive;
mod repair;
mod shuffles;
mod split_healing;
#[cfg(test)]
mod tests;
mod walks;
mod xbot;

use alloc::vec::Vec;
use core::time::Duration;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::event::NeighborLoss;
use crate::fact::Fact;
use crate::failure::{DialFailure, LinkLoss};
use crate::id::{LinkId, NodeId};
use crate::links::neighbors::Neighbor;
use crate::links::{DialReason, Failure, Owner};
use crate::overlay::timer::OverlayTimer;
use crate::rng::Stream;
use crate::snapshot::KnownSnapshot;
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{Bye, Refusal};
use introductions::RefusedPeer;
use lost_neighbors::LostNeighbors;
use passive::PassiveView;
use split_healing::SplitHealing;
use xbot::XBot;

/// A peer's passive view, and what it has under way for the active one.
#[derive(Clone, Debug, Default)]
pub(crate) struct HyParView {
    passive: PassiveView,
    lost_neighbors: LostNeighbors,
    /// Beginnings of the identities that the last shuffle sent away and no reply replaced yet.
    sent: Vec<u32>,
    /// Who was refused last.
    refused: Option<RefusedPeer>,
    /// When somebody who is refused may make this peer see to its links again.
    tests_again: Instant,
    /// It had a neighbor, so others know it and one link is enough to come back.
    has_joined: bool,
    /// A newcomer waits until then for those at whom its walks end, as long as it has its contact.
    held_until: Instant,
    /// The link by which it joined.
    contact: Option<LinkId>,
    /// Since when there are too few neighbors.
    search: Option<Search>,
    /// A lost neighbor is to be dialed.
    reconnects: bool,
    split_healing: SplitHealing,
    xbot: XBot,
}

/// A search for neighbors.
#[derive(Clone, Copy, Debug)]
struct Search {
    since: Instant,
    /// The next candidate is asked with high priority.
    insists: bool,
}

impl HyParView {
    pub(crate) fn new(cx: &mut Context) -> Self {
        let pause = cx.rng.jitter(cx.config.overlay.hyparview.shuffle_every);
        cx.arm(OverlayTimer::Shuffle, pause);
        Self { xbot: XBot::new(cx), ..Self::default() }
    }

    /// Still without any link: everybody may be tried again, and the peer joins anew.
    pub(crate) fn on_isolated_timer(&mut self, cx: &mut Context) {
        self.passive.wake_all();
        self.has_joined = false;
        cx.tell(Fact::ListsWanted);
    }

    /// Time to see to what went wrong. Lists are wanted when neighbors are missing, or for the mixing of
    /// a small overlay.
    pub(crate) fn on_refresh_timer(&mut self, cx: &mut Context) {
        let pause = cx.rng.jitter(cx.config.overlay.refresh);
        cx.arm(OverlayTimer::Refresh, pause);
        self.reconnects = true;
        cx.has_changed = true;
        let missing = cx.config.overlay.hyparview.active.saturating_sub(cx.neighbors.len());
        let is_long = |search: &&mut Search| cx.now.since(search.since) > cx.config.overlay.refresh;
        if let Some(search) = self.search.as_mut().filter(is_long) {
            search.insists = missing > 1;
        }
        if self.split_healing.on_refresh(cx) || missing > 0 {
            cx.tell(Fact::ListsWanted);
        }
    }

    /// A seed node's list came: a fresh sample of all peers.
    pub(crate) fn on_list(&mut self, cx: &mut Context, peers: &[AddressRecord]) {
        self.passive.integrate(cx, peers, &mut Vec::new());
        self.split_healing.on_list(cx, peers);
        cx.has_changed = true;
    }

    /// A welcomed dial finds no slot free. Returns the neighbor that goes for it, if it is worth one.
    pub(crate) fn on_crowded(cx: &mut Context, reason: DialReason) -> Option<LinkId> {
        if !reason.displaces() {
            return None;
        }
        let drawn = cx.rng.index(Stream::Overlay, cx.neighbors.len())?;
        cx.neighbors.iter().nth(drawn).map(|neighbor| neighbor.link)
    }

    /// A neighbor is up, by whichever dial. Others to it are given up, and those to fill slots that
    /// are none any more.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        self.passive.remove(up.id());
        self.lost_neighbors.remove(up.id());
        self.xbot.on_neighbor_up(cx, up);
        let other = cx.links.overlay_dials().find(|(.., to)| to.subject() == up.id());
        if let Some((other, ..)) = other {
            cx.close(other, Bye::Done);
        } else if cx.links.owner(up.link) == Some(Owner::Overlay(DialReason::Join)) {
            self.hold(cx, up.link);
        }
        while cx.neighbors.len() + cx.links.overlay_dials().count()
            > cx.config.overlay.hyparview.active
        {
            let is_repair = |(_, reason, _): &(LinkId, DialReason, &AddressRecord)| {
                *reason == DialReason::Repair
            };
            let youngest = cx.links.overlay_dials().rev().find(is_repair).map(|(link, ..)| link);
            let Some(youngest) = youngest else { break };
            cx.close(youngest, Bye::Surplus);
        }
        self.has_joined = true;
    }

    /// A newcomer leaves its slots to those at whom its walks end: they come as soon as anybody
    /// answers, and it need not ask peers that are full. What is free then it fills itself.
    fn hold(&mut self, cx: &mut Context, contact: LinkId) {
        let patience = cx.config.links.hello_timeout;
        (self.contact, self.held_until) = (Some(contact), cx.now + patience);
        cx.arm(OverlayTimer::Shuffle, patience);
    }

    /// A neighbor is gone (§4.5): who only had too many may be asked again some day, who fell silent
    /// may come back, who left does not.
    pub(crate) fn on_neighbor_down(
        &mut self,
        cx: &mut Context,
        down: &Neighbor,
        reason: NeighborLoss,
    ) {
        if self.contact == Some(down.link) {
            // Who joined through this peer may be its only neighbor now, and waits for walks, too.
            (self.contact, self.held_until) = (None, cx.now);
        }
        let is_swapped = reason == NeighborLoss::Bye(Bye::Swapped);
        self.xbot.on_neighbor_down(cx, down.link, is_swapped);
        match reason {
            NeighborLoss::Left
            | NeighborLoss::Garbled
            | NeighborLoss::Bye(Bye::Leaving | Bye::Misbehaved)
            | NeighborLoss::Dropped(Bye::Leaving | Bye::Misbehaved) => {}
            NeighborLoss::LinkLost(_) | NeighborLoss::Dropped(Bye::Silent) => {
                self.lost_neighbors.note(cx, &down.record);
            }
            NeighborLoss::Bye(_) | NeighborLoss::Dropped(_) => {
                let known = core::slice::from_ref(&down.record);
                self.passive.integrate(cx, known, &mut Vec::new());
                self.passive.rest(cx.now, down.id(), cx.config.overlay.cooldown);
            }
        }
    }

    /// A dial for a neighbor failed. Who is busy stays in the passive view and is left alone for a
    /// while; who did not answer goes (§4.3).
    pub(crate) fn on_failed(
        &mut self,
        cx: &Context,
        reason: DialReason,
        to: NodeId,
        failure: &Failure,
    ) {
        if reason == DialReason::Replace {
            self.xbot.forgive();
        }
        self.on_unreached(cx, to, failure);
    }

    fn on_unreached(&mut self, cx: &Context, subject: NodeId, failure: &Failure) {
        match failure {
            Failure::Refused(refuse) => {
                self.lost_neighbors.remove(subject);
                self.on_refused(cx, subject, refuse.reason);
            }
            // Closed in good order, so somebody is there; or nobody was asked.
            Failure::Lost(LinkLoss::Closed) | Failure::Dial(DialFailure::NotTried) => {
                self.rest(cx, subject);
            }
            Failure::Dial(_) | Failure::Lost(_) | Failure::Garbled => self.passive.remove(subject),
        }
    }

    fn on_refused(&mut self, cx: &Context, subject: NodeId, reason: Refusal) {
        match reason {
            Refusal::Busy | Refusal::Duplicate | Refusal::StaleEpoch => self.rest(cx, subject),
            Refusal::RegistryFull
            | Refusal::WrongNetwork
            | Refusal::WrongNode
            | Refusal::WrongRole
            | Refusal::OtherParts { .. }
            | Refusal::Yourself
            | Refusal::Leaving
            | Refusal::NotNamed => self.passive.remove(subject),
        }
    }

    /// Leaves a candidate alone for as long as the search has lasted, so that who searches in vain
    /// asks more and more seldom.
    fn rest(&mut self, cx: &Context, subject: NodeId) {
        let searched = self.search.map_or(Duration::ZERO, |search| cx.now.since(search.since));
        self.passive.rest(cx.now, subject, searched.max(cx.config.overlay.cooldown));
    }

    /// Forgets a peer that left or died.
    pub(crate) fn forget(&mut self, subject: NodeId) {
        self.passive.remove(subject);
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        for known in self.known(cx.now) {
            let id = known.record.subject();
            holds(id != cx.me(), "a node is in its own passive view")?;
            holds(cx.neighbors.by_id(id).is_none(), "a neighbor is in the passive view")?;
        }
        let is_up = |link| cx.neighbors.by_link(link).is_some();
        holds(self.contact.is_none_or(is_up), "the contact is no neighbor")?;
        self.xbot.invariants(cx)
    }

    /// The passive view.
    pub(crate) fn known(&self, now: Instant) -> Vec<KnownSnapshot> {
        self.passive.snapshot(now)
    }

    /// A random peer of the passive view.
    pub(crate) fn stranger(&self, cx: &mut Context) -> Option<AddressRecord> {
        self.passive.any(cx)
    }
}
