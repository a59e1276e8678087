//! How soon after the last fault the survivors are in order again: in one component, and each on the
//! lists of a quorum of seed nodes. Read from what the nodes say as it happens, to the millisecond.

#![expect(clippy::wildcard_enum_match_arm, reason = "picks the events it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use petgraph::unionfind::UnionFind;

use crate::fact::Fact;
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

/// With more peers than this a graph is looked at only so often: it takes time for each.
const QUICK_TO_SEARCH: usize = 5_000;

/// How often, then. The time of `one_component` is that much less exact.
const SEARCH_EVERY: Duration = Duration::from_millis(100);

/// Measures a run.
pub fn measure(scenario: &Scenario, history: &History) -> Recovery {
    let since = history.schedule.faults.iter().map(|Scheduled { at, .. }| *at).max();
    let since = since.unwrap_or_default();
    let mut survivors = Survivors::of(scenario, history);
    let mut recovery = Recovery { since, one_component: None, quorum: None };
    // A node notices a fault in its moment or a tick later, which is the engine's doing: who is out of
    // order by then is so because of the fault.
    let noticed = since + scenario.tick;
    let until = history.entries.partition_point(|entry| entry.at <= noticed);
    let (before, after) = history.entries.split_at(until);
    for entry in before {
        survivors.learn(history, entry.life, &entry.fact);
    }
    recovery.note(Duration::ZERO, &survivors);
    let pause = if survivors.peers.len() > QUICK_TO_SEARCH { SEARCH_EVERY } else { Duration::ZERO };
    let mut next_search = since + pause;
    for entry in after {
        if recovery.is_known() {
            return recovery;
        }
        if survivors.learn(history, entry.life, &entry.fact) && entry.at >= next_search {
            recovery.note(entry.at.saturating_sub(since), &survivors);
            next_search = entry.at + pause;
        }
    }
    if let Some(last) = after.last() {
        recovery.note(last.at.saturating_sub(since), &survivors);
    }
    recovery
}

impl Recovery {
    /// Both have been found.
    fn is_known(&self) -> bool {
        self.one_component.is_some() && self.quorum.is_some()
    }

    fn note(&mut self, now: Duration, survivors: &Survivors) {
        if self.one_component.is_none() && survivors.are_one_component() {
            self.one_component = Some(now);
        }
        if self.quorum.is_none() && survivors.are_listed() {
            self.quorum = Some(now);
        }
    }
}

/// The peers that live to the end: whom each calls its neighbor, who lists it.
struct Survivors {
    peers: BTreeMap<Life, Standing>,
    seed_nodes: BTreeSet<Life>,
    /// Lists that every peer should be on.
    quorum: usize,
    /// Peers that are on fewer.
    short: usize,
}

/// How a peer stands in the network.
#[derive(Default)]
struct Standing {
    neighbors: BTreeSet<Life>,
    lists: BTreeSet<Life>,
}

impl Survivors {
    fn of(scenario: &Scenario, history: &History) -> Self {
        let (peers, seed_nodes): (BTreeSet<Life>, BTreeSet<Life>) =
            history.survivors().partition(|life| life.host.is_peer());
        let quorum = (scenario.seed_nodes / 2 + 1).min(seed_nodes.len());
        let short = if quorum == 0 { 0 } else { peers.len() };
        let peers = peers.into_iter().map(|life| (life, Standing::default())).collect();
        Self { peers, seed_nodes, quorum, short }
    }

    /// Takes in what a node says. Returns whether it adds a link or an entry.
    fn learn(&mut self, history: &History, life: Life, fact: &Fact) -> bool {
        let (record, is_added) = match fact {
            Fact::NeighborUp { peer, .. } | Fact::PeerRegistered { peer } => (peer, true),
            Fact::NeighborDown { peer, .. } | Fact::PeerRemoved { peer, .. } => (peer, false),
            _ => return false,
        };
        let Some(subject) = history.life_of(record) else { return false };
        if let Some(standing) = self.peers.get_mut(&life) {
            change(&mut standing.neighbors, subject, is_added);
            return is_added;
        }
        let listed = self.peers.get_mut(&subject).filter(|_| self.seed_nodes.contains(&life));
        let Some(standing) = listed else { return false };
        let was_short = standing.lists.len() < self.quorum;
        change(&mut standing.lists, life, is_added);
        match (was_short, standing.lists.len() < self.quorum) {
            (true, false) => self.short -= 1,
            (false, true) => self.short += 1,
            (true, true) | (false, false) => {}
        }
        is_added
    }

    /// Whether links on which both ends agree join all peers.
    fn are_one_component(&self) -> bool {
        if self.peers.len() > 1 && self.peers.values().any(|it| it.neighbors.is_empty()) {
            return false;
        }
        let places: BTreeMap<Life, usize> = self.peers.keys().copied().zip(0..).collect();
        let mut groups = UnionFind::<usize>::new(places.len());
        let mut left = places.len();
        for (life, standing) in &self.peers {
            for neighbor in standing.neighbors.range(life..) {
                let theirs = self.peers.get(neighbor).map(|it| &it.neighbors);
                let agrees = theirs.is_some_and(|it| it.contains(life));
                if agrees && groups.union(places[life], places[neighbor]) {
                    left -= 1;
                }
            }
        }
        left <= 1
    }

    fn are_listed(&self) -> bool {
        self.short == 0
    }
}

fn change(set: &mut BTreeSet<Life>, life: Life, is_added: bool) {
    if is_added {
        set.insert(life);
    } else {
        set.remove(&life);
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tidings_core::{AddressRecord, LinkLoss, LinkOrigin, NeighborLoss};

    use super::*;
    use crate::event_world;
    use crate::fault::Fault;
    use crate::history::Entry;
    use crate::host::HostId;
    use crate::scenario::load;

    const FAULT: Duration = Duration::from_secs(10);

    /// A peer linked to all others is reset at ten seconds, and linked again half a second after that.
    /// When is the network in one component, if all notice the reset so long after it?
    fn one_component_if_noticed_after(delay: Duration) -> Option<Duration> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let changes = ["engine='events'", "fault=[]"].map(str::to_owned);
        let scenario = load(&path, &changes).expect("the small scenario");
        let run = event_world::run(&scenario, 1);
        let here = "10.0.0.4:7000".parse().expect("an address");
        let record = |life: Life| {
            let id = run.ids.iter().find(|(_, host)| **host == life.host).map(|(id, _)| *id);
            let id = id.expect("every host has an id");
            (life, AddressRecord::new(id, life.epoch, &[here]).expect("a record"))
        };
        let peers = run.survivors().filter(|life| life.host.is_peer());
        let records: Vec<(Life, AddressRecord)> = peers.map(record).collect();
        let mut entries = Vec::new();
        let mut say = |at: Duration, told: fn(AddressRecord) -> Fact| {
            let (center, others) = records.split_first().expect("peers");
            for other in others {
                entries.push(Entry { at, life: center.0, fact: told(other.1.clone()) });
                entries.push(Entry { at, life: other.0, fact: told(center.1.clone()) });
            }
        };
        let up = |peer| Fact::NeighborUp { peer, origin: LinkOrigin::Dialed };
        let down =
            |peer| Fact::NeighborDown { peer, reason: NeighborLoss::LinkLost(LinkLoss::Reset) };
        say(Duration::from_secs(5), up);
        say(FAULT + delay, down);
        say(FAULT + Duration::from_millis(500), up);
        let mut history = History { entries, ..run };
        let reset = Fault::Reset(HostId::peer(0));
        history.schedule.faults.push(Scheduled { at: FAULT, fault: reset });
        measure(&scenario, &history).one_component
    }

    #[test]
    fn a_fault_counts_the_same_whether_it_is_noticed_at_once_or_a_tick_later() {
        let half_a_second = Some(Duration::from_millis(500));
        assert_eq!(one_component_if_noticed_after(Duration::ZERO), half_a_second);
        assert_eq!(one_component_if_noticed_after(Duration::from_millis(4)), half_a_second);
    }
}
