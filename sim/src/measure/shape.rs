//! How far apart the peers of an overlay are and how much their neighborhoods overlap, as in HyParView §5.
//! Both take long in large networks, so runs measure them only when asked.

use rayon::prelude::*;

use super::adjacency::{Adjacency, index};

/// The two figures of a graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Mean over all pairs that are connected of the fewest links between the two; 0 without any.
    pub mean_path: f64,
    /// Mean over the peers of the share of pairs of neighbors that are linked themselves; 0 for a peer
    /// with fewer than two.
    pub clustering: f64,
}

/// Measures a graph. Takes peers x links steps.
pub fn shape(graph: &Adjacency) -> Shape {
    let peers = graph.peers.len();
    let walks: Vec<(usize, u64)> =
        (0..peers).into_par_iter().map(|from| walk(graph, from)).collect();
    let pairs: usize = walks.iter().map(|(reached, _)| reached - 1).sum();
    let steps: u64 = walks.iter().map(|(_, steps)| steps).sum();
    let local: Vec<f64> = graph.links.par_iter().map(|list| overlap(graph, list)).collect();
    Shape {
        mean_path: quotient(steps, super::count(pairs)),
        clustering: local.iter().sum::<f64>() / quotient(super::count(peers).max(1), 1),
    }
}

/// How many peers can be reached from one, itself included, and the sum of their distances.
fn walk(graph: &Adjacency, from: usize) -> (usize, u64) {
    let mut is_met = vec![false; graph.peers.len()];
    is_met[from] = true;
    let (mut ring, mut reached, mut steps) = (vec![from], 1, 0);
    for distance in 1.. {
        let mut next = Vec::new();
        for to in ring.iter().flat_map(|place| graph.of_peer(*place)) {
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
fn overlap(graph: &Adjacency, peers: &[u32]) -> f64 {
    let pairs = peers.len() * peers.len().saturating_sub(1) / 2;
    let later = |(place, a): (usize, &u32)| {
        peers[place + 1..].iter().filter(|b| graph.is_linked(index(*a), **b)).count()
    };
    let links: usize = peers.iter().enumerate().map(later).sum();
    quotient(super::count(links), super::count(pairs))
}

/// 0 when there is nothing to divide by.
fn quotient(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { super::ratio(part, whole) }
}

#[cfg(test)]
mod tests {
    use tidings_core::BootEpoch;

    use super::*;
    use crate::history::Life;
    use crate::host::HostId;

    #[test]
    fn a_triangle_with_a_tail_has_these_figures() {
        // 0, 1, 2 are a triangle, 3 hangs on 2, 4 is alone.
        let links = vec![vec![1, 2], vec![0, 2], vec![0, 1, 3], vec![2], vec![]];
        let epoch = BootEpoch(1);
        let peers = (0..5).map(|n| Life { host: HostId::peer(n), epoch }).collect();
        let shape = shape(&Adjacency { peers, links });
        // Distances: 0-1, 0-2, 1-2, 2-3 of 1, 0-3 and 1-3 of 2.
        assert!((shape.mean_path - 8.0 / 6.0).abs() < 1e-9);
        // 1 at 0 and 1, a third at 2, nothing at 3 and 4.
        assert!((shape.clustering - (2.0 + 1.0 / 3.0) / 5.0).abs() < 1e-9);
    }
}
