//! The overlays `random` (R7, R9, R11) and `power-law` (R8): every peer opens up to four links, to
//! peers drawn at random by itself, or by the seed nodes.
//!
//! ```text
//! peer                                 other peer
//!   Hello { Neighbor { isolated } } ──▶
//!                                   ◀──  Welcome                 neighbors
//!                                   ◀──  Refuse { Busy }         next candidate, this one later
//!                                   ◀──  Refuse { Duplicate }    the two are linking already
//! ```
//!
//! A cap of four on *all* links could not connect more than five peers: the sixth would be refused
//! for ever. So `max_peers` bounds the links a peer opens, `max_links` bounds all of them, and a
//! dialer without any link is never refused: somebody else's surplus link goes for it.
//!
//! Every refresh takes a fresh sample from the seed nodes, links to one random non-neighbor in it
//! and drops one random link beyond `max_peers`. That keeps the graph random, and it is how the
//! halves of a healed partition find each other although each looks whole from inside. The sample is
//! the first list that comes. A list shorter than was asked for has all that its seed node knows, and
//! another seed node may know others: the next list counts, too. The shortest list often comes first,
//! and peers that took no other one came to be in two parts (a hunt found it).
//!
//! With `power-law` the seed nodes draw the lists by weight, and a peer takes whom they name first:
//! its candidates come in the order of the newest list instead of uniformly from the book, and a
//! refresh links to the first free one of the fresh sample. All else is the same.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::config::OverlayKind;
use crate::context::Context;
use crate::fact::Fact;
use crate::failure::DialFailure;
use crate::id::{LinkId, LinkOrigin, NodeId};
use crate::links::neighbors::{Neighbor, Neighbors};
use crate::links::{DialReason, Failure, Links, Owner, Target};
use crate::overlay::address_book::{AddressBook, Known};
use crate::overlay::timer::OverlayTimer;
use crate::rng::Stream;
use crate::snapshot::KnownSnapshot;
use crate::time::Instant;
#[cfg(any(test, feature = "invariants"))]
use crate::util::invariant::{Broken, holds};
use crate::wire::{Bye, Purpose, Refusal};

/// A peer's choice of neighbors.
#[derive(Clone, Debug, Default)]
pub(crate) struct RandomOverlay {
    book: AddressBook,
    /// The next list is a fresh sample of a refresh.
    refreshing: bool,
}

impl RandomOverlay {
    /// Dials known peers until enough links are open or under way, and returns whether that many
    /// are. `is_lost` says whom the
    /// detector is redialing; those are left to it.
    pub(crate) fn top_up(
        &mut self,
        cx: &mut Context,
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) -> bool {
        let config = &cx.config.overlay;
        let dials = cx.links.overlay_dials().count();
        let opened = opened(&cx.neighbors).count() + dials;
        let total = cx.neighbors.len() + dials;
        let wanted = config.max_peers.saturating_sub(opened);
        for _ in 0..wanted.min(config.max_links.saturating_sub(total)) {
            let is_free = |(_, known): &(usize, &Known)| {
                is_free(&cx.neighbors, &cx.links, known.prefix, &known.record)
                    && !is_lost(&known.record)
            };
            let free = self.book.dialable(cx.now).filter(is_free);
            let free: Vec<usize> = free.map(|(place, _)| place).collect();
            let Some(candidate) = next_candidate(cx, &self.book, &free) else { return false };
            let record = self.book.record(candidate).clone();
            dial(cx, &record);
        }
        true
    }

    /// Still without any link: everybody may be tried again.
    pub(crate) fn on_isolated_timer(&mut self, cx: &mut Context) {
        self.book.wake_all();
        cx.tell(Fact::ListsWanted);
    }

    /// Time for a fresh sample.
    pub(crate) fn on_refresh_timer(&mut self, cx: &mut Context) {
        self.refreshing = true;
        let pause = cx.rng.jitter(cx.config.overlay.refresh);
        cx.arm(OverlayTimer::Refresh, pause);
        cx.tell(Fact::ListsWanted);
    }

    /// A list came: note it, and if it is a fresh sample, link to a non-neighbor in it: a random
    /// one, or the first.
    pub(crate) fn on_list(
        &mut self,
        cx: &mut Context,
        peers: &[AddressRecord],
        is_lost: impl Fn(&AddressRecord) -> bool,
    ) {
        self.book.note_list(cx, peers);
        let is_fresh = self.refreshing;
        self.refreshing &= peers.len() < cx.config.registration.sample;
        if !is_fresh
            || cx.neighbors.len() + cx.links.overlay_dials().count() >= cx.config.overlay.max_links
        {
            return;
        }
        let is_free = |record: &&AddressRecord| {
            let id = record.subject();
            id != cx.me()
                && is_free(&cx.neighbors, &cx.links, id.prefix(), record)
                && !is_lost(record)
        };
        let strangers: Vec<_> = peers.iter().filter(is_free).collect();
        let chosen = match cx.config.overlay.kind {
            OverlayKind::Random | OverlayKind::HyParView => {
                cx.rng.index(Stream::Overlay, strangers.len())
            }
            OverlayKind::PowerLaw => Some(0),
        };
        if let Some(stranger) = chosen.and_then(|chosen| strangers.get(chosen)) {
            dial(cx, stranger);
        }
    }

    /// A neighbor is up, by whichever dial; another one to the same node is given up.
    /// If this peer has opened too many links, another one goes for it.
    pub(crate) fn on_neighbor_up(&mut self, cx: &mut Context, up: &Neighbor) {
        let other = cx.links.overlay_dials().find(|(.., to)| to.subject() == up.id());
        if let Some((other, ..)) = other {
            cx.close(other, Bye::Done);
        }
        self.book.note(cx, &up.record);
        let others: Vec<LinkId> =
            opened(&cx.neighbors).map(|it| it.link).filter(|link| *link != up.link).collect();
        if up.link.origin() == LinkOrigin::Accepted || others.len() < cx.config.overlay.max_peers {
            return;
        }
        if let Some(drawn) = cx.rng.index(Stream::Overlay, others.len()) {
            cx.tell_surplus(others[drawn]);
        }
    }

    /// A random known peer that is no neighbor.
    pub(crate) fn stranger(&self, cx: &mut Context) -> Option<AddressRecord> {
        let is_free = |(_, known): &(usize, &Known)| {
            is_free(&cx.neighbors, &cx.links, known.prefix, &known.record)
        };
        let count = self.book.dialable(cx.now).filter(is_free).count();
        let drawn = cx.rng.index(Stream::CatchUp, count)?;
        let stranger = self.book.dialable(cx.now).filter(is_free).nth(drawn);
        stranger.map(|(_, known)| known.record.clone())
    }

    /// A dial for a neighbor failed. Who is busy is left alone for a while; who did not answer is
    /// forgotten until a list names it again.
    pub(crate) fn on_failed(&mut self, cx: &Context, to: NodeId, failure: &Failure) {
        match failure {
            Failure::Refused(refuse) => match refuse.reason {
                Refusal::Duplicate => {}
                Refusal::Busy | Refusal::StaleEpoch => self.book.rest(cx, to),
                Refusal::RegistryFull
                | Refusal::WrongNetwork
                | Refusal::WrongNode
                | Refusal::WrongRole
                | Refusal::OtherParts { .. }
                | Refusal::Yourself
                | Refusal::Leaving
                | Refusal::NotNamed => self.book.forget(to),
            },
            Failure::Dial(DialFailure::NotTried) => self.book.rest(cx, to),
            Failure::Dial(_) | Failure::Lost(_) | Failure::Garbled => self.book.forget(to),
        }
    }

    /// Leaves a peer alone for a while: it ended a link with us, or we with it.
    pub(crate) fn rest(&mut self, cx: &Context, subject: NodeId) {
        self.book.rest(cx, subject);
    }

    /// Forgets a peer that left or died.
    pub(crate) fn forget(&mut self, subject: NodeId) {
        self.book.forget(subject);
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(crate) fn invariants(&self, cx: &Context) -> Broken {
        let is_in_book = self.book.snapshot(cx.now).iter().any(|it| it.record.subject() == cx.me());
        holds(!is_in_book, "a node is in its own book")
    }

    pub(crate) fn known(&self, now: Instant) -> Vec<KnownSnapshot> {
        self.book.snapshot(now)
    }
}

/// Begins to become neighbors.
fn dial(cx: &mut Context, record: &AddressRecord) {
    let purpose = Purpose::Neighbor { isolated: cx.neighbors.is_empty() };
    cx.dial(Target::Node(record), purpose, Owner::Overlay(DialReason::Repair));
}

/// Whether this peer has nothing to do with the record's subject yet. The prefix of its identity decides
/// most cases without a look at the record.
fn is_free(neighbors: &Neighbors, links: &Links, prefix: u32, record: &AddressRecord) -> bool {
    !neighbors.holds(prefix, record) && !links.is_overlay_dialing(prefix, record)
}

/// Which of the free known peers is dialed next: a random one, or where ranks count the one that
/// the newest list names first. Whom no list named comes last, at random and not in the order of identities, which
/// their owners choose.
fn next_candidate(cx: &mut Context, book: &AddressBook, free: &[usize]) -> Option<usize> {
    let ranked = free.iter().filter_map(|&place| Some((book.rank(place)?, place)));
    match ranked.max() {
        Some((_, place)) => Some(place),
        None => cx.rng.index(Stream::Overlay, free.len()).map(|drawn| free[drawn]),
    }
}

/// Neighbors whose link this peer opened.
fn opened(neighbors: &Neighbors) -> impl Iterator<Item = &Neighbor> + '_ {
    neighbors.iter().filter(|neighbor| neighbor.link.origin() == LinkOrigin::Dialed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::id::BootEpoch;
    use crate::io::Output;
    use crate::testing::context;

    fn records(ids: core::ops::Range<u8>) -> Vec<AddressRecord> {
        let record = |n: u8| {
            let addr = core::net::SocketAddr::from(([10, 0, 0, n], 7000));
            AddressRecord::new(NodeId::new([n; 32]), BootEpoch(1), &[addr]).expect("valid")
        };
        ids.map(record).collect()
    }

    /// How many dials each of these lists leads to after a refresh.
    fn dials(lists: &[Vec<AddressRecord>]) -> Vec<usize> {
        let mut cx = context(Config::classic());
        let mut overlay = RandomOverlay::default();
        overlay.on_refresh_timer(&mut cx);
        let mut dials = |list: &Vec<AddressRecord>| {
            overlay.on_list(&mut cx, list, |_| false);
            let outputs = core::iter::from_fn(|| cx.poll_output());
            outputs.filter(|output| matches!(output, Output::Dial { .. })).count()
        };
        lists.iter().map(&mut dials).collect()
    }

    /// A seed node may send lists without end, of peers that it made up.
    #[test]
    fn short_lists_lead_to_no_more_dials_than_links() {
        let lists: Vec<_> = (2..202).map(|n| records(n..n + 1)).collect();
        assert_eq!(dials(&lists).iter().sum::<usize>(), Config::classic().overlay.max_links);
    }

    /// Short lists are whole lists, and those of different seed nodes differ.
    #[test]
    fn a_refresh_takes_every_short_list_and_one_long_one() {
        let sample = u8::try_from(Config::classic().registration.sample).expect("64");
        assert_eq!(dials(&[records(2..12), records(2..22)]), [1, 1]);
        let long = || records(2..2 + sample);
        assert_eq!(dials(&[records(2..12), long(), long()]), [1, 1, 0]);
        assert_eq!(dials(&[long(), records(2..12)]), [1, 0]);
    }
}
