//! The shape of an overlay at one moment, in the figures of HyParView §5: how far apart peers are, how
//! much their neighborhoods overlap, how many links each has.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::history::{Life, Sample};

/// An undirected graph of peers: of each, the places of those it is linked with, in order.
#[derive(Clone, Debug, Default)]
pub struct Graph(Vec<Vec<u32>>);

/// The figures of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Peers.
    pub peers: usize,
    /// Links, each counted at both ends.
    pub ends: usize,
    /// Peers by their number of links.
    pub degrees: BTreeMap<usize, usize>,
    /// Peers in the largest component.
    pub largest: usize,
    /// Mean over all pairs that are connected of the fewest links between the two.
    pub mean_path: f64,
    /// Mean over the peers of the share of pairs of neighbors that are linked themselves; 0 for a peer
    /// with fewer than two.
    pub clustering: f64,
}

impl Graph {
    /// The links between the peers that answered. A link that only one end knows of counts.
    pub fn of(sample: &Sample) -> Self {
        let peers = sample.nodes.keys().filter(|life| life.host.is_peer());
        let places: BTreeMap<Life, u32> = peers.copied().zip(0..).collect();
        let mut lists = vec![Vec::new(); places.len()];
        for (life, view) in &sample.nodes {
            let Some(&from) = places.get(life) else { continue };
            for to in view.neighbors.iter().flatten().filter_map(|it| places.get(it)) {
                lists[index(from)].push(*to);
                lists[index(*to)].push(from);
            }
        }
        Self::from_lists(lists)
    }

    fn from_lists(mut lists: Vec<Vec<u32>>) -> Self {
        for list in &mut lists {
            list.sort_unstable();
            list.dedup();
        }
        Self(lists)
    }

    /// Its figures. Takes peers x links steps.
    pub fn shape(&self) -> Shape {
        let mut degrees = BTreeMap::new();
        for list in &self.0 {
            *degrees.entry(list.len()).or_default() += 1;
        }
        let walks: Vec<(usize, u64)> =
            (0..self.0.len()).into_par_iter().map(|from| self.walk(from)).collect();
        let pairs: usize = walks.iter().map(|(reached, _)| reached - 1).sum();
        let steps: u64 = walks.iter().map(|(_, steps)| steps).sum();
        let local: Vec<f64> = self.0.par_iter().map(|list| self.overlap(list)).collect();
        Shape {
            peers: self.0.len(),
            ends: self.0.iter().map(Vec::len).sum(),
            degrees,
            largest: walks.iter().map(|(reached, _)| *reached).max().unwrap_or(0),
            mean_path: quotient(steps, super::count(pairs)),
            clustering: local.iter().sum::<f64>() / quotient(super::count(local.len()).max(1), 1),
        }
    }

    /// How many peers can be reached from one, itself included, and the sum of their distances.
    fn walk(&self, from: usize) -> (usize, u64) {
        let mut is_met = vec![false; self.0.len()];
        is_met[from] = true;
        let (mut ring, mut reached, mut steps) = (vec![from], 1, 0);
        for distance in 1.. {
            let mut next = Vec::new();
            for to in ring.iter().flat_map(|place| &self.0[*place]).map(|to| index(*to)) {
                if !std::mem::replace(&mut is_met[to], true) {
                    next.push(to);
                }
            }
            if next.is_empty() {
                break;
            }
            reached += next.len();
            steps += distance * super::count(next.len());
            ring = next;
        }
        (reached, steps)
    }

    /// Which share of the pairs of these peers is linked.
    fn overlap(&self, peers: &[u32]) -> f64 {
        let pairs = peers.len() * peers.len().saturating_sub(1) / 2;
        if pairs == 0 {
            return 0.0;
        }
        let linked = |a: u32, b: &u32| self.0[index(a)].binary_search(b).is_ok();
        let later =
            |(place, a): (usize, &u32)| peers[place + 1..].iter().filter(|b| linked(*a, b)).count();
        let links: usize = peers.iter().enumerate().map(later).sum();
        quotient(super::count(links), super::count(pairs))
    }
}

fn index(place: u32) -> usize {
    usize::try_from(place).expect("an index in memory")
}

/// 0 when there is nothing to divide by.
fn quotient(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { super::ratio(part, whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triangle_with_a_tail_has_these_figures() {
        // 0, 1, 2 are a triangle, 3 hangs on 2, 4 is alone.
        let lists = vec![vec![1, 2], vec![0, 2], vec![0, 1, 3], vec![2], vec![]];
        let shape = Graph::from_lists(lists).shape();
        assert_eq!((shape.peers, shape.ends, shape.largest), (5, 8, 4));
        assert_eq!(shape.degrees, [(0, 1), (1, 1), (2, 2), (3, 1)].into());
        // Distances: 0-1, 0-2, 1-2, 2-3 of 1, 0-3 and 1-3 of 2.
        assert!((shape.mean_path - 8.0 / 6.0).abs() < 1e-9);
        // 1 at 0 and 1, a third at 2, nothing at 3 and 4.
        assert!((shape.clustering - (2.0 + 1.0 / 3.0) / 5.0).abs() < 1e-9);
    }
}
