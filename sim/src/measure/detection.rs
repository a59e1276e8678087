//! How a death is noticed: when the first neighbor dropped the dead peer, when all had, and when no
//! seed node listed it any more.

#![expect(clippy::wildcard_enum_match_arm, reason = "picks the events it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_core::wire::Bye;
use tidings_core::{AddressRecord, BootEpoch, NeighborLoss};

use crate::fact::Fact;
use crate::history::{End, Entry, History, Life, LifeSpan};
use crate::host::HostId;
use crate::scenario::Death;

/// One crash of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeathMeasure {
    /// Who died.
    pub victim: Life,
    /// How.
    pub death: Death,
    /// When, in simulated time.
    pub at: Duration,
    /// Time until its host was started again, if it was.
    pub restarted: Option<Duration>,
    /// Neighbors it had, without those that dropped it as one link too many before they noticed.
    pub neighbors: usize,
    /// Time until the first of them noticed and dropped it.
    pub first_neighbor: Option<Duration>,
    /// Time until all of them had; those that died meanwhile do not count.
    pub all_neighbors: Option<Duration>,
    /// Time until the first death report.
    pub first_report: Option<Duration>,
    /// Seed nodes that listed it.
    pub seed_nodes: usize,
    /// Time until none of them did.
    pub all_seed_nodes: Option<Duration>,
}

impl DeathMeasure {
    /// Its host came back before the seed nodes had dropped it, so the death was never to be found.
    pub fn is_cut_short(&self) -> bool {
        match (self.restarted, self.all_seed_nodes) {
            (Some(restarted), Some(dropped)) => restarted <= dropped,
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

/// Measures all crashes of peers in a run, in the order of time.
pub fn measure(history: &History) -> Vec<DeathMeasure> {
    let mut cases: BTreeMap<HostId, Vec<Case>> = BTreeMap::new();
    for (life, span) in history.lives.iter().filter(|(life, _)| life.host.is_peer()) {
        if let LifeSpan { ended: Some((at, End::Crashed(death))), .. } = span {
            cases.entry(life.host).or_default().push(Case::new(*life, *at, *death));
        }
    }
    for entry in &history.entries {
        let Some(subject) = subject(&entry.fact) else { continue };
        let Some(host) = history.host_of(subject.subject()) else { continue };
        for case in cases.get_mut(&host).into_iter().flatten() {
            case.learn(entry, subject.epoch());
        }
    }
    let mut deaths: Vec<DeathMeasure> =
        cases.into_values().flatten().map(|case| case.close(history)).collect();
    deaths.sort_by_key(|death| death.at);
    deaths
}

/// Whom an event is about that tells of links, lists or deaths.
fn subject(fact: &Fact) -> Option<&AddressRecord> {
    match fact {
        Fact::NeighborUp { peer, .. }
        | Fact::NeighborDown { peer, .. }
        | Fact::PeerRegistered { peer }
        | Fact::PeerRemoved { peer, .. } => Some(peer),
        Fact::DeathReported { subject } => Some(subject),
        _ => None,
    }
}

/// A crash and what is known of it so far.
struct Case {
    victim: Life,
    at: Duration,
    death: Death,
    linked: BTreeSet<Life>,
    listing: BTreeSet<Life>,
    dropped: BTreeMap<Life, Duration>,
    first_report: Option<Duration>,
    /// Neighbors and lists at the moment of death, once it is past.
    held: Option<(BTreeSet<Life>, BTreeSet<Life>)>,
}

impl Case {
    fn new(victim: Life, at: Duration, death: Death) -> Self {
        let (linked, listing, dropped) = Default::default();
        Self { victim, at, death, linked, listing, dropped, first_report: None, held: None }
    }

    /// Takes in what somebody says about a life of the victim's host.
    fn learn(&mut self, entry: &Entry, epoch: BootEpoch) {
        if entry.at > self.at && self.held.is_none() {
            self.held = Some((self.linked.clone(), self.listing.clone()));
        }
        let life = entry.life;
        let is_victim = epoch == self.victim.epoch;
        match &entry.fact {
            Fact::NeighborUp { .. } if is_victim => {
                self.linked.insert(life);
                self.dropped.remove(&life);
            }
            Fact::NeighborDown { reason, .. } if is_victim => {
                self.linked.remove(&life);
                if is_noticed(*reason) {
                    self.dropped.insert(life, entry.at);
                } else if let Some((holders, _)) = &mut self.held {
                    holders.remove(&life);
                }
            }
            Fact::PeerRegistered { .. } if is_victim => {
                self.listing.insert(life);
                self.dropped.remove(&life);
            }
            // A newer life in the same entry replaces the older one.
            Fact::PeerRegistered { .. }
                if epoch > self.victim.epoch && self.listing.remove(&life) =>
            {
                self.dropped.insert(life, entry.at);
            }
            Fact::PeerRemoved { .. } if is_victim => {
                self.listing.remove(&life);
                self.dropped.insert(life, entry.at);
            }
            // One before the death was false, and no detection.
            Fact::DeathReported { .. } if is_victim && entry.at >= self.at => {
                self.first_report.get_or_insert_with(|| entry.at.saturating_sub(self.at));
            }
            _ => {}
        }
    }

    fn close(self, history: &History) -> DeathMeasure {
        let Self { victim, at, death, dropped, first_report, .. } = self;
        let (linked, listing) = self.held.unwrap_or((self.linked, self.listing));
        let after = |life: &Life| dropped.get(life).map(|dropped| dropped.saturating_sub(at));
        DeathMeasure {
            victim,
            death,
            at,
            restarted: history.next_life(victim).map(|span| span.born.saturating_sub(at)),
            neighbors: linked.len(),
            first_neighbor: linked.iter().filter_map(after).min(),
            all_neighbors: last_of(history, &linked, after),
            first_report,
            seed_nodes: listing.len(),
            all_seed_nodes: last_of(history, &listing, after),
        }
    }
}

/// Whether a neighbor went because it was found silent or gone, and not as one link too many.
fn is_noticed(reason: NeighborLoss) -> bool {
    match reason {
        NeighborLoss::LinkLost(_) | NeighborLoss::Dropped(Bye::Silent | Bye::TooSlow) => true,
        NeighborLoss::Left
        | NeighborLoss::Garbled
        | NeighborLoss::Bye(_)
        | NeighborLoss::Dropped(
            Bye::Done
            | Bye::Surplus
            | Bye::Replaced
            | Bye::Leaving
            | Bye::Removed
            | Bye::Misbehaved
            | Bye::Swapped,
        ) => false,
    }
}

/// The time by which all that are still alive had dropped the victim; `None` if one never did.
fn last_of(
    history: &History,
    holders: &BTreeSet<Life>,
    after: impl Fn(&Life) -> Option<Duration>,
) -> Option<Duration> {
    let survives = |life: &&Life| history.lives.get(life).is_some_and(|span| span.ended.is_none());
    let times: Option<Vec<Duration>> = holders.iter().filter(survives).map(after).collect();
    times?.into_iter().max()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use tidings_core::{LinkLoss, LinkOrigin, NodeId};

    use super::*;
    use crate::event_world;
    use crate::scenario::load;

    const VICTIM: Life = Life { host: HostId::peer(0), epoch: BootEpoch(1) };
    const NEIGHBOR: Life = Life { host: HostId::peer(1), epoch: BootEpoch(1) };
    const SEED_NODE: Life = Life { host: HostId::seed_node(0), epoch: BootEpoch(1) };

    /// What is said of a record.
    type Told = fn(AddressRecord) -> Fact;

    /// A run in which the victim dies at 50 s, and in which the neighbor and the seed node say this of
    /// it, each at its second.
    fn measured(said: &[(u64, Life, Told)]) -> DeathMeasure {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let changes = ["engine='events'", "fault=[]"].map(str::to_owned);
        let run = event_world::run(&load(&path, &changes).expect("the small scenario"), 1);
        let id: Vec<NodeId> =
            run.ids.iter().filter(|(_, host)| **host == VICTIM.host).map(|(id, _)| *id).collect();
        let here = "10.0.0.4:7000".parse().expect("an address");
        let record = AddressRecord::new(id[0], VICTIM.epoch, &[here]).expect("a record");
        let mut lives = run.lives.clone();
        for (life, span) in &mut lives {
            let death = (Duration::from_secs(50), End::Crashed(Death::Reset));
            span.ended = (*life == VICTIM).then_some(death);
        }
        let entry = |&(at, life, fact): &(u64, Life, Told)| Entry {
            at: Duration::from_secs(at),
            life,
            fact: fact(record.clone()),
        };
        let entries = said.iter().map(entry).collect();
        let deaths = measure(&History { lives, entries, ..run });
        let [death] = &deaths[..] else { panic!("{deaths:?}") };
        death.clone()
    }

    fn up(peer: AddressRecord) -> Fact {
        Fact::NeighborUp { peer, origin: LinkOrigin::Dialed }
    }

    fn lost(peer: AddressRecord) -> Fact {
        Fact::NeighborDown { peer, reason: NeighborLoss::LinkLost(LinkLoss::Reset) }
    }

    fn reported(subject: AddressRecord) -> Fact {
        Fact::DeathReported { subject }
    }

    fn listed(peer: AddressRecord) -> Fact {
        Fact::PeerRegistered { peer }
    }

    fn removed(peer: AddressRecord) -> Fact {
        Fact::PeerRemoved { peer, reason: tidings_core::Removal::Dead }
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_death_is_noticed_by_what_is_said_after_it() {
        let death = measured(&[
            (10, SEED_NODE, listed),
            (11, NEIGHBOR, up),
            (51, NEIGHBOR, lost),
            (53, NEIGHBOR, reported),
            (54, SEED_NODE, removed),
        ]);
        assert_eq!((death.neighbors, death.seed_nodes), (1, 1));
        assert_eq!((death.first_neighbor, death.all_neighbors), (Some(secs(1)), Some(secs(1))));
        assert_eq!((death.first_report, death.all_seed_nodes), (Some(secs(3)), Some(secs(4))));
    }

    #[test]
    fn a_false_report_before_the_death_is_no_detection() {
        let false_one = measured(&[(11, NEIGHBOR, up), (40, NEIGHBOR, reported)]);
        assert_eq!(false_one.first_report, None);
        let both =
            measured(&[(11, NEIGHBOR, up), (40, NEIGHBOR, reported), (53, NEIGHBOR, reported)]);
        assert_eq!(both.first_report, Some(secs(3)));
    }

    #[test]
    fn a_loss_that_was_mended_before_the_death_is_no_detection() {
        let mended = measured(&[
            (10, SEED_NODE, listed),
            (11, NEIGHBOR, up),
            (20, NEIGHBOR, lost),
            (20, SEED_NODE, removed),
            (30, NEIGHBOR, up),
            (30, SEED_NODE, listed),
        ]);
        assert_eq!((mended.neighbors, mended.seed_nodes), (1, 1));
        assert_eq!((mended.first_neighbor, mended.all_neighbors), (None, None));
        assert_eq!(mended.all_seed_nodes, None);
    }
}
