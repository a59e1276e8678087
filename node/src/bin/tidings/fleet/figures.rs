//! What the events of a local network show: what was delivered, at what cost, and how soon the dead
//! were noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use tidings_core::{MemberState, MessageId, NodeId};
use tokio::time::Instant;

use crate::told::Told;

/// A message needs no longer to be everywhere on one machine.
pub(super) const SPREAD_TIME: Duration = Duration::from_secs(1);

/// All events of a network, in the order they were read: when, of whom, which.
#[derive(Debug, Default)]
pub(super) struct Story {
    events: Vec<(Instant, usize, Told)>,
}

/// A message: its envelope, and its number.
type Message = (MessageId, u64);

/// What came of the messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Spread {
    pub(super) expected: usize,
    pub(super) delivered: usize,
}

/// How soon a peer was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Dropped {
    pub(super) first_neighbor: Option<Duration>,
    pub(super) all_seed_nodes: Option<Duration>,
}

impl Story {
    pub(super) fn add(&mut self, at: Instant, child: usize, told: Told) {
        self.events.push((at, child, told));
    }

    /// Children that have told something like this so far.
    pub(super) fn who_told(&self, is_it: impl Fn(&Told) -> bool) -> BTreeSet<usize> {
        self.events.iter().filter(|(.., told)| is_it(told)).map(|(_, child, _)| *child).collect()
    }

    /// Deliveries of the messages sent until `until`, of which each should reach all `peers` but
    /// its origin; `gone` peers count until shortly before `gone_at`.
    pub(super) fn spread(
        &self,
        peers: &BTreeSet<usize>,
        gone: &BTreeSet<usize>,
        gone_at: Instant,
        until: Instant,
    ) -> Spread {
        let mut received: BTreeMap<Message, BTreeSet<usize>> = BTreeMap::new();
        for (_, child, told) in &self.events {
            if let Told::Delivered { id, sequence } = told {
                received.entry((*id, *sequence)).or_default().insert(*child);
            }
        }
        let mut spread = Spread::default();
        for (at, origin, message) in self.published(until) {
            let is_expected = |peer: &&usize| {
                **peer != origin && (!gone.contains(peer) || at + SPREAD_TIME < gone_at)
            };
            let expected: BTreeSet<usize> = peers.iter().filter(is_expected).copied().collect();
            let reached = received.get(&message);
            spread.expected += expected.len();
            spread.delivered +=
                reached.map_or(0, |reached| reached.intersection(&expected).count());
        }
        spread
    }

    /// Duplicates per delivery that a flood has on the graphs of the moments at which messages were
    /// sent, until `until`: a copy over every link but the one it came by, less the first one.
    pub(super) fn flood_duplicates(&self, peers: &BTreeSet<usize>, until: Instant) -> f64 {
        let others = peers.len() - 1;
        let mut messages = 0;
        let mut copies = 0;
        for (at, ..) in self.published(until) {
            messages += 1;
            copies += self.degrees(peers, at).saturating_sub(others);
        }
        let deliveries = messages * others;
        ratio(copies.saturating_sub(deliveries), deliveries)
    }

    /// When neighbors and seed nodes dropped the peer at `addr`, which was gone at `gone_at`.
    pub(super) fn dropped(&self, addr: SocketAddr, gone_at: Instant) -> Dropped {
        let later = || self.events.iter().filter(|(at, ..)| *at >= gone_at);
        let is_lost_neighbor =
            |told: &Told| matches!(told, Told::NeighborDown { peer } if peer.primary() == addr);
        let neighbors = later().filter(|(.., told)| is_lost_neighbor(told));
        let first_neighbor = neighbors.map(|(at, ..)| *at - gone_at).min();
        let removals = later().filter(|(.., told)| *told == Told::PeerRemoved { addr });
        let removed: BTreeMap<usize, Instant> =
            removals.map(|(at, child, _)| (*child, *at)).collect();
        let listing = self.listing(addr, gone_at);
        let all: Option<Vec<Instant>> =
            listing.iter().map(|seed_node| removed.get(seed_node).copied()).collect();
        let last = all.and_then(|all| all.into_iter().max());
        Dropped { first_neighbor, all_seed_nodes: last.map(|at| at - gone_at) }
    }

    /// How long after `gone_at` the last of these peers held the one at `addr` dead; `None` while one
    /// does not.
    pub(super) fn known_dead(
        &self,
        addr: SocketAddr,
        peers: &BTreeSet<usize>,
        gone_at: Instant,
    ) -> Option<Duration> {
        let mut known: BTreeMap<usize, Instant> = BTreeMap::new();
        let dead = Told::Member { addr, state: MemberState::Dead };
        for (at, child, told) in self.events.iter().filter(|(at, ..)| *at >= gone_at) {
            if *told == dead {
                known.entry(*child).or_insert(*at);
            }
        }
        let times: Option<Vec<Instant>> =
            peers.iter().map(|peer| known.get(peer).copied()).collect();
        times?.into_iter().max().map(|at| at - gone_at)
    }

    /// Seed nodes whose list holds `addr` at a moment.
    pub(super) fn listing(&self, addr: SocketAddr, moment: Instant) -> BTreeSet<usize> {
        let mut listing = BTreeSet::new();
        for (_, child, told) in self.events.iter().filter(|(at, ..)| *at <= moment) {
            if *told == (Told::PeerRegistered { addr }) {
                listing.insert(*child);
            } else if *told == (Told::PeerRemoved { addr }) {
                listing.remove(child);
            }
        }
        listing
    }

    /// Links of all peers at a moment, each counted at both ends.
    fn degrees(&self, peers: &BTreeSet<usize>, moment: Instant) -> usize {
        let mut links: BTreeSet<(usize, NodeId)> = BTreeSet::new();
        for (_, child, told) in self.events.iter().filter(|(at, ..)| *at <= moment) {
            if !peers.contains(child) {
                continue;
            }
            if let Told::NeighborUp { peer } = told {
                links.insert((*child, peer.subject()));
            } else if let Told::NeighborDown { peer } = told {
                links.remove(&(*child, peer.subject()));
            }
        }
        links.len()
    }

    /// Messages said until a moment: when, by whom, which.
    fn published(&self, until: Instant) -> impl Iterator<Item = (Instant, usize, Message)> + '_ {
        self.events.iter().filter(move |(at, ..)| *at <= until).filter_map(|(at, child, told)| {
            let Told::Published { id, sequence } = told else { return None };
            Some((*at, *child, (*id, *sequence)))
        })
    }
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "small counts")]
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use tidings_core::{AddressRecord, BootEpoch};

    use super::*;

    /// A story told in milliseconds.
    fn story(start: Instant, told: &[(u64, usize, Told)]) -> Story {
        let mut story = Story::default();
        for (ms, child, told) in told {
            story.add(start + Duration::from_millis(*ms), *child, told.clone());
        }
        story
    }

    fn addr(n: u8) -> SocketAddr {
        ([127, 0, 0, n], 1).into()
    }

    fn peer(n: u8) -> AddressRecord {
        AddressRecord::new(NodeId::new([n; 32]), BootEpoch(1), &[addr(n)]).expect("valid")
    }

    const ID: MessageId = MessageId::new([1; 32]);

    #[test]
    fn r29_a_message_that_one_peer_misses_is_seen() {
        let start = Instant::now();
        let told = [
            (0, 1, Told::Published { id: ID, sequence: 1 }),
            (5, 2, Told::Delivered { id: ID, sequence: 1 }),
        ];
        let story = story(start, &told);
        let all = BTreeSet::from([1, 2, 3]);
        let at = |ms| start + Duration::from_millis(ms);
        let spread = story.spread(&all, &BTreeSet::new(), at(9000), at(9000));
        assert_eq!((spread.expected, spread.delivered), (2, 1));
        // The one that missed it was about to be killed.
        let spread = story.spread(&all, &BTreeSet::from([3]), at(500), at(9000));
        assert_eq!((spread.expected, spread.delivered), (1, 1));
    }

    #[test]
    fn r29_a_death_is_known_when_the_last_peer_holds_it() {
        let start = Instant::now();
        let is = |state| Told::Member { addr: addr(1), state };
        let (dead, suspect) = (is(MemberState::Dead), is(MemberState::Suspect));
        let told = [(600, 2, dead.clone()), (700, 3, suspect), (900, 3, dead)];
        let gone_at = start + Duration::from_millis(500);
        let known = |peers: &[usize]| {
            let peers = peers.iter().copied().collect();
            story(start, &told).known_dead(addr(1), &peers, gone_at)
        };
        assert_eq!(known(&[2, 3]), Some(Duration::from_millis(400)));
        assert_eq!(known(&[2, 3, 4]), None);
    }

    /// Three peers in a ring: four copies, of which two are needed.
    #[test]
    fn r29_a_floods_duplicates_follow_from_the_graph() {
        let start = Instant::now();
        let mut told = Vec::new();
        for child in [1, 2, 3] {
            told.push((0, child, Told::NeighborUp { peer: peer(1) }));
            told.push((1, child, Told::NeighborUp { peer: peer(2) }));
        }
        told.push((2, 1, Told::Published { id: ID, sequence: 1 }));
        let until = start + Duration::from_secs(1);
        let duplicates = story(start, &told).flood_duplicates(&BTreeSet::from([1, 2, 3]), until);
        assert!((duplicates - 1.0).abs() < 1e-9, "{duplicates}");
    }

    #[test]
    fn r29_a_peer_is_dropped_when_the_last_seed_node_has_dropped_it() {
        let start = Instant::now();
        let mut told = vec![
            (0, 0, Told::PeerRegistered { addr: addr(1) }),
            (1, 1, Told::PeerRegistered { addr: addr(1) }),
            (2, 2, Told::NeighborUp { peer: peer(1) }),
            (600, 2, Told::NeighborDown { peer: peer(1) }),
            (900, 0, Told::PeerRemoved { addr: addr(1) }),
        ];
        let gone_at = start + Duration::from_millis(500);
        let dropped = story(start, &told).dropped(addr(1), gone_at);
        let first_neighbor = Some(Duration::from_millis(100));
        assert_eq!(dropped, Dropped { first_neighbor, all_seed_nodes: None });
        told.push((1500, 1, Told::PeerRemoved { addr: addr(1) }));
        let dropped = story(start, &told).dropped(addr(1), gone_at);
        assert_eq!(dropped.all_seed_nodes, Some(Duration::from_secs(1)));
    }
}
