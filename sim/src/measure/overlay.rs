//! The graph of neighbors over time: degrees, components.

use std::collections::BTreeMap;
use std::time::Duration;

use petgraph::unionfind::UnionFind;

use crate::fault::Fault;
use crate::history::{History, Sample};
use crate::host::HostId;
use crate::measure::adjacency::Adjacency;
use crate::measure::quantile::median;
use crate::measure::{count, ratio};

/// The graph at one moment: the peers that answered, and the links on which both ends agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlayPoint {
    /// When, in simulated time.
    pub at: Duration,
    /// Peers that answered.
    pub peers: usize,
    /// Connected components among them.
    pub components: usize,
    /// Peers in the largest one.
    pub largest: usize,
    /// Peers without any link.
    pub isolated: usize,
    /// Links of each peer, fewest first.
    pub degrees: Vec<usize>,
}

impl OverlayPoint {
    /// Fewest, median and most links of a peer.
    pub fn degree_range(&self) -> (usize, f64, usize) {
        let first = self.degrees.first().copied().unwrap_or_default();
        let last = self.degrees.last().copied().unwrap_or_default();
        let degrees: Vec<f64> = self.degrees.iter().map(|it| ratio(count(*it), 1)).collect();
        (first, median(&degrees).unwrap_or_default(), last)
    }

    /// Variance of the degrees over their mean: 1 when links fall on peers at random (Poisson), more
    /// when few peers hold many of them, 0 when all hold the same. `None` without any link.
    pub fn dispersion(&self) -> Option<f64> {
        let links: usize = self.degrees.iter().sum();
        let squares: usize = self.degrees.iter().map(|degree| degree * degree).sum();
        let mean = ratio(count(links), count(self.degrees.len()));
        (links > 0).then(|| ratio(count(squares), count(links)) - mean)
    }
}

/// The graph at a moment that is drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    /// When, in simulated time.
    pub at: Duration,
    /// Each peer that answered, and the peers it is linked with that are later in this order.
    pub links: BTreeMap<HostId, Vec<HostId>>,
}

/// The graphs that are drawn of a run: the last sample before the first cut heals, if there is a cut,
/// and the last of all.
pub fn graphs(history: &History) -> Vec<Graph> {
    let heal = history.schedule.faults.iter().find(|it| it.fault == Fault::Heal);
    let before = heal.and_then(|heal| history.samples.iter().rfind(|it| it.at < heal.at));
    before.into_iter().chain([&history.last]).map(graph).collect()
}

fn graph(sample: &Sample) -> Graph {
    let graph = Adjacency::of(sample);
    let host = |place: usize| graph.peers[place].host;
    let later = |place| graph.of_peer(place).filter(move |it| *it > place).map(host).collect();
    let links = (0..graph.peers.len()).map(|place| (host(place), later(place)));
    Graph { at: sample.at, links: links.collect() }
}

/// Measures every sample of a run.
pub fn measure(history: &History) -> Vec<OverlayPoint> {
    history.samples.iter().chain([&history.last]).map(point).collect()
}

/// The graph of one sample.
pub fn point(sample: &Sample) -> OverlayPoint {
    let graph = Adjacency::of(sample);
    let peers = graph.peers.len();
    let mut groups = UnionFind::<usize>::new(peers);
    for place in 0..peers {
        for neighbor in graph.of_peer(place) {
            groups.union(place, neighbor);
        }
    }
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for group in groups.into_labeling() {
        *sizes.entry(group).or_default() += 1;
    }
    let mut degrees: Vec<usize> = graph.links.iter().map(Vec::len).collect();
    degrees.sort_unstable();
    OverlayPoint {
        at: sample.at,
        peers,
        components: sizes.len(),
        largest: sizes.values().copied().max().unwrap_or_default(),
        isolated: degrees.iter().filter(|degree| **degree == 0).count(),
        degrees,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispersion_is_the_variance_over_the_mean() {
        let of = |degrees: &[usize]| {
            let (at, peers) = (Duration::ZERO, degrees.len());
            let degrees = degrees.to_vec();
            OverlayPoint { at, peers, components: 1, largest: peers, isolated: 0, degrees }
                .dispersion()
        };
        assert_eq!(of(&[3, 3, 3, 3]), Some(0.0));
        assert_eq!(of(&[1, 1, 1, 5]), Some(1.5), "a variance of 3 over a mean of 2");
        assert_eq!(of(&[0, 0]), None);
        assert_eq!(of(&[]), None);
    }
}
