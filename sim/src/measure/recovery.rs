//! How soon after the last fault the survivors are in order again: in one component, and each on the
//! lists of a quorum of seed nodes. Read from what the nodes say as it happens, to the millisecond.

#![expect(clippy::wildcard_enum_match_arm, reason = "picks the events it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use petgraph::unionfind::UnionFind;
use tidings_core::{AddressRecord, Event};

use crate::fault::Scheduled;
use crate::history::{History, Life};
use crate::scenario::Scenario;

/// The order after the last fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// When the last fault was over: the last start, heal or resume, in simulated time. Without
    /// faults it is the last start of a node.
    pub since: Duration,
    /// Time from then until the peers that live to the end were in one component for the first
    /// time; `None` if they never were.
    pub one_component: Option<Duration>,
    /// Time from then until each of them was on floor(n/2)+1 lists of seed nodes for the first time.
    pub quorum: Option<Duration>,
}

/// Measures a run.
pub fn measure(scenario: &Scenario, history: &History) -> Recovery {
    let since = history.schedule.faults.iter().map(|Scheduled { at, .. }| *at).max();
    let since = since.unwrap_or_default();
    let mut survivors = Survivors::of(scenario, history);
    let mut recovery = Recovery { since, one_component: None, quorum: None };
    let (before, after): (Vec<_>, Vec<_>) =
        history.entries.iter().partition(|entry| entry.at <= since);
    for entry in before {
        survivors.learn(history, entry.life, &entry.event);
    }
    recovery.note(Duration::ZERO, &survivors);
    for entry in after {
        if survivors.learn(history, entry.life, &entry.event) {
            recovery.note(entry.at.saturating_sub(since), &survivors);
        }
    }
    recovery
}

impl Recovery {
    fn note(&mut self, now: Duration, survivors: &Survivors) {
        if self.one_component.is_none() && survivors.are_one_component() {
            self.one_component = Some(now);
        }
        if self.quorum.is_none() && survivors.are_listed() {
            self.quorum = Some(now);
        }
    }
}

/// The nodes that live to the end: whom each peer calls its neighbor, whom each seed node lists.
struct Survivors {
    neighbors: BTreeMap<Life, BTreeSet<Life>>,
    lists: BTreeMap<Life, BTreeSet<Life>>,
    /// Lists that every peer should be on.
    quorum: usize,
}

impl Survivors {
    fn of(scenario: &Scenario, history: &History) -> Self {
        let (peers, seed_nodes): (BTreeSet<Life>, BTreeSet<Life>) =
            history.survivors().partition(|life| life.host.is_peer());
        let empty = |lives: BTreeSet<Life>| lives.into_iter().map(|it| (it, BTreeSet::new()));
        Self {
            quorum: (scenario.seed_nodes / 2 + 1).min(seed_nodes.len()),
            neighbors: empty(peers).collect(),
            lists: empty(seed_nodes).collect(),
        }
    }

    /// Takes in what a node says. Returns whether it adds a link or an entry.
    fn learn(&mut self, history: &History, life: Life, event: &Event) -> bool {
        let life_of = |record: &AddressRecord| history.life_of(record);
        let (sets, record, is_added) = match event {
            Event::NeighborUp { peer, .. } => (&mut self.neighbors, peer, true),
            Event::NeighborDown { peer, .. } => (&mut self.neighbors, peer, false),
            Event::PeerRegistered { peer } => (&mut self.lists, peer, true),
            Event::PeerRemoved { peer, .. } => (&mut self.lists, peer, false),
            _ => return false,
        };
        let Some((set, subject)) = sets.get_mut(&life).zip(life_of(record)) else { return false };
        if is_added {
            set.insert(subject);
        } else {
            set.remove(&subject);
        }
        is_added
    }

    /// Whether links on which both ends agree join all peers.
    fn are_one_component(&self) -> bool {
        let places: BTreeMap<Life, usize> = self.neighbors.keys().copied().zip(0..).collect();
        let mut groups = UnionFind::<usize>::new(places.len());
        let mut left = places.len();
        for (life, neighbors) in &self.neighbors {
            for neighbor in neighbors.range(life..) {
                let agrees = self.neighbors.get(neighbor).is_some_and(|it| it.contains(life));
                if agrees && groups.union(places[life], places[neighbor]) {
                    left -= 1;
                }
            }
        }
        left <= 1
    }

    fn are_listed(&self) -> bool {
        self.neighbors.keys().all(|peer| {
            self.lists.values().filter(|list| list.contains(peer)).count() >= self.quorum
        })
    }
}
