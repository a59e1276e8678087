//! What the logs of a local network show: what was delivered, at what cost, and how soon the dead
//! were noticed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

use super::line::Line;

/// A message needs no longer to be everywhere on one machine.
pub(super) const SPREAD_TIME: Duration = Duration::from_secs(1);

/// All log lines of a network, in the order they were read.
#[derive(Debug, Default)]
pub(super) struct Story {
    lines: Vec<(Instant, usize, Line)>,
}

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
    pub(super) fn add(&mut self, at: Instant, child: usize, line: &Line) {
        self.lines.push((at, child, line.clone()));
    }

    /// Children that have logged this so far.
    pub(super) fn who_said(&self, message: &str) -> BTreeSet<usize> {
        let said = self.lines.iter().filter(|(.., line)| line.message() == message);
        said.map(|(_, child, _)| *child).collect()
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
        let mut received: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        for (_, child, line) in self.said("gossip received") {
            received.entry(line.text("id")).or_default().insert(*child);
        }
        let mut spread = Spread::default();
        for (at, origin, line) in self.said("gossip sent").filter(|(at, ..)| *at <= until) {
            let is_expected = |peer: &&usize| {
                *peer != origin && (!gone.contains(peer) || *at + SPREAD_TIME < gone_at)
            };
            let expected: BTreeSet<usize> = peers.iter().filter(is_expected).copied().collect();
            let reached = received.get(line.text("id"));
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
        for (at, ..) in self.said("gossip sent").filter(|(at, ..)| *at <= until) {
            messages += 1;
            copies += self.degrees(peers, *at).saturating_sub(others);
        }
        let deliveries = messages * others;
        ratio(copies.saturating_sub(deliveries), deliveries)
    }

    /// When neighbors and seed nodes dropped the peer at `addr`, which was gone at `gone_at`.
    pub(super) fn dropped(&self, addr: &str, gone_at: Instant) -> Dropped {
        let about = |line: &Line| line.text("peer").rsplit('@').next() == Some(addr);
        let later = |message| {
            let said = self.said(message);
            said.filter(move |(at, _, line)| *at >= gone_at && about(line))
        };
        let first_neighbor = later("neighbor down").map(|(at, ..)| *at - gone_at).min();
        let listing = self.listing(addr, gone_at);
        let removed: BTreeMap<usize, Instant> =
            later("peer removed").map(|(at, child, _)| (*child, *at)).collect();
        let all: Option<Vec<Instant>> =
            listing.iter().map(|seed_node| removed.get(seed_node).copied()).collect();
        let last = all.and_then(|all| all.into_iter().max());
        Dropped { first_neighbor, all_seed_nodes: last.map(|at| at - gone_at) }
    }

    /// How long after `gone_at` the last of these peers held the one at `addr` dead; `None` while one
    /// does not.
    pub(super) fn known_dead(
        &self,
        addr: &str,
        peers: &BTreeSet<usize>,
        gone_at: Instant,
    ) -> Option<Duration> {
        let mut known: BTreeMap<usize, Instant> = BTreeMap::new();
        for (at, child, line) in self.said("member").filter(|(at, ..)| *at >= gone_at) {
            if line.text("member").rsplit('@').next() == Some(addr) {
                match line.text("state") {
                    "dead" => known.entry(*child).or_insert(*at),
                    _ => continue,
                };
            }
        }
        let times: Option<Vec<Instant>> =
            peers.iter().map(|peer| known.get(peer).copied()).collect();
        times?.into_iter().max().map(|at| at - gone_at)
    }

    /// Seed nodes whose list holds `addr` at a moment.
    pub(super) fn listing(&self, addr: &str, moment: Instant) -> BTreeSet<usize> {
        let mut listing = BTreeSet::new();
        for (_, child, line) in self.lines.iter().filter(|(at, ..)| *at <= moment) {
            if line.text("peer").rsplit('@').next() == Some(addr) {
                match line.message() {
                    "peer registered" => listing.insert(*child),
                    "peer removed" => listing.remove(child),
                    _ => false,
                };
            }
        }
        listing
    }

    /// Links of all peers at a moment, each counted at both ends.
    fn degrees(&self, peers: &BTreeSet<usize>, moment: Instant) -> usize {
        let mut links: BTreeSet<(usize, &str)> = BTreeSet::new();
        for (_, child, line) in self.lines.iter().filter(|(at, ..)| *at <= moment) {
            if !peers.contains(child) {
                continue;
            }
            let link = (*child, line.text("peer"));
            match line.message() {
                "neighbor up" => links.insert(link),
                "neighbor down" => links.remove(&link),
                _ => false,
            };
        }
        links.len()
    }

    fn said<'a>(
        &'a self,
        message: &'a str,
    ) -> impl Iterator<Item = &'a (Instant, usize, Line)> + 'a {
        self.lines.iter().filter(move |(.., line)| line.message() == message)
    }
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "small counts")]
pub(super) fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A story told in milliseconds.
    fn story(start: Instant, told: &[(u64, usize, &str, &str)]) -> Story {
        let mut story = Story::default();
        for (ms, child, message, more) in told {
            let text = format!("{{\"message\":\"{message}\",{more}}}");
            let at = start + Duration::from_millis(*ms);
            story.add(at, *child, &Line::parse(&text).expect("a line"));
        }
        story
    }

    const A: &str = "\"peer\":\"aa@127.0.0.1:1\"";

    #[test]
    fn r29_a_message_that_one_peer_misses_is_seen() {
        let start = Instant::now();
        let m = "\"id\":\"m\"";
        let story = story(start, &[(0, 1, "gossip sent", m), (5, 2, "gossip received", m)]);
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
        let dead = "\"member\":\"aa@127.0.0.1:1\",\"state\":\"dead\"";
        let doubt = "\"member\":\"aa@127.0.0.1:1\",\"state\":\"suspect\"";
        let told = [(600, 2, "member", dead), (700, 3, "member", doubt), (900, 3, "member", dead)];
        let gone_at = start + Duration::from_millis(500);
        let known = |peers: &[usize]| {
            let peers = peers.iter().copied().collect();
            story(start, &told).known_dead("127.0.0.1:1", &peers, gone_at)
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
            told.push((0, child, "neighbor up", A));
            told.push((1, child, "neighbor up", "\"peer\":\"bb@127.0.0.1:2\""));
        }
        told.push((2, 1, "gossip sent", "\"id\":\"m\""));
        let until = start + Duration::from_secs(1);
        let duplicates = story(start, &told).flood_duplicates(&BTreeSet::from([1, 2, 3]), until);
        assert!((duplicates - 1.0).abs() < 1e-9, "{duplicates}");
    }

    #[test]
    fn r29_a_peer_is_dropped_when_the_last_seed_node_has_dropped_it() {
        let start = Instant::now();
        let mut told = vec![
            (0, 0, "peer registered", A),
            (1, 1, "peer registered", A),
            (2, 2, "neighbor up", A),
            (600, 2, "neighbor down", A),
            (900, 0, "peer removed", A),
        ];
        let gone_at = start + Duration::from_millis(500);
        let dropped = story(start, &told).dropped("127.0.0.1:1", gone_at);
        let first_neighbor = Some(Duration::from_millis(100));
        assert_eq!(dropped, Dropped { first_neighbor, all_seed_nodes: None });
        told.push((1500, 1, "peer removed", A));
        let dropped = story(start, &told).dropped("127.0.0.1:1", gone_at);
        assert_eq!(dropped.all_seed_nodes, Some(Duration::from_secs(1)));
    }
}
