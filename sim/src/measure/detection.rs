//! How a death is noticed: when the first neighbor dropped the dead peer, when all had, and when no
//! seed node listed it any more.

#![expect(clippy::wildcard_enum_match_arm, reason = "picks the events it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_core::wire::Bye;
use tidings_core::{Event, NeighborLoss};

use crate::history::{End, History, Life, LifeSpan};
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
    let mut deaths: Vec<DeathMeasure> = history
        .lives
        .iter()
        .filter(|(life, _)| life.host.is_peer())
        .filter_map(|(life, span)| match span {
            LifeSpan { ended: Some((at, End::Crashed(death))), .. } => Some((*life, *at, *death)),
            LifeSpan { ended: None | Some((_, End::Left)), .. } => None,
        })
        .map(|(victim, at, death)| measure_death(history, victim, at, death))
        .collect();
    deaths.sort_by_key(|death| death.at);
    deaths
}

fn measure_death(history: &History, victim: Life, at: Duration, death: Death) -> DeathMeasure {
    let mut linked: BTreeSet<Life> = BTreeSet::new();
    let mut listing: BTreeSet<Life> = BTreeSet::new();
    let mut dropped: BTreeMap<Life, Duration> = BTreeMap::new();
    let mut first_report = None;
    let mut held_at_death = None;
    for entry in &history.entries {
        if entry.at > at && held_at_death.is_none() {
            held_at_death = Some((linked.clone(), listing.clone()));
        }
        let is_victim = |record| history.life_of(record) == Some(victim);
        match &entry.event {
            Event::NeighborUp { peer, .. } if is_victim(peer) => {
                linked.insert(entry.life);
            }
            Event::NeighborDown { peer, why } if is_victim(peer) => {
                linked.remove(&entry.life);
                if is_noticed(*why) {
                    dropped.insert(entry.life, entry.at);
                } else if let Some((holders, _)) = &mut held_at_death {
                    holders.remove(&entry.life);
                }
            }
            Event::PeerRegistered { peer } if is_victim(peer) => {
                listing.insert(entry.life);
            }
            // A newer life in the same entry replaces the older one.
            Event::PeerRegistered { peer }
                if history.is_later_life(peer, victim) && listing.remove(&entry.life) =>
            {
                dropped.insert(entry.life, entry.at);
            }
            Event::PeerRemoved { peer, .. } if is_victim(peer) => {
                listing.remove(&entry.life);
                dropped.insert(entry.life, entry.at);
            }
            Event::DeathReported { subject } if is_victim(subject) => {
                first_report.get_or_insert_with(|| entry.at.saturating_sub(at));
            }
            _ => {}
        }
    }
    let (linked, listing) = held_at_death.unwrap_or((linked, listing));
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

/// Whether a neighbor went because it was found silent or gone, and not as one link too many.
fn is_noticed(why: NeighborLoss) -> bool {
    match why {
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
            | Bye::Misbehaved,
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
