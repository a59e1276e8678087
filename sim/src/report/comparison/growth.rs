//! What theory says of growth: in a random graph the peers within h links of one are about c + κ^h,
//! where κ is how many further links a peer at the end of a link has on average. So the hops to the
//! last of N peers grow as ln N / ln κ (Newman, Strogatz and Watts, *Random graphs with arbitrary
//! degree distributions and their applications*, Physical Review E 64, 2001, equation 53), plus a
//! constant that the theory of typical distances leaves open: it is the mean of what was measured
//! beyond.

use crate::report::count::to_float;

/// Hops by theory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hops {
    /// Further links of a peer at the end of a link.
    pub(super) branching: f64,
    /// The constant.
    pub(super) constant: f64,
}

impl Hops {
    /// For networks with these degrees, (links, peers), and these (peers, last delivery hop)
    /// measured. `None` where the graph does not branch.
    pub(super) fn of(degrees: &[(u64, u64)], measured: &[(f64, f64)]) -> Option<Self> {
        let sum = |value: fn(f64) -> f64| -> f64 {
            degrees.iter().map(|(links, peers)| value(to_float(*links)) * to_float(*peers)).sum()
        };
        let branching = sum(|links| links * (links - 1.0)) / sum(|links| links);
        if measured.is_empty() || branching.is_nan() || branching <= 1.0 {
            return None;
        }
        let slope = Self { branching, constant: 0.0 };
        let beyond: f64 = measured.iter().map(|(peers, hops)| hops - slope.at(*peers)).sum();
        let count = to_float(crate::measure::count(measured.len()));
        Some(Self { constant: beyond / count, ..slope })
    }

    /// Hops to the last of so many peers.
    pub(super) fn at(&self, peers: f64) -> f64 {
        libm::log(peers) / libm::log(self.branching) + self.constant
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_regular_graph_branches_by_its_degree_less_one() {
        let on_the_line: Vec<(f64, f64)> =
            (2..7).map(|k| (libm::pow(3.0, f64::from(k)), f64::from(k) + 1.5)).collect();
        let hops = Hops::of(&[(4, 1_000)], &on_the_line).expect("it branches");
        assert!((hops.branching - 3.0).abs() < 1e-12, "{hops:?}");
        assert!((hops.constant - 1.5).abs() < 1e-9, "{hops:?}");
        assert!((hops.at(81.0) - 5.5).abs() < 1e-9);
    }

    #[test]
    fn many_links_of_few_count_for_more() {
        let hops = Hops::of(&[(2, 4), (8, 1)], &[(5.0, 2.0)]).expect("it branches");
        assert!((hops.branching - 4.0).abs() < 1e-12, "(4 * 2 + 56) / (8 + 8): {hops:?}");
    }

    #[test]
    fn a_ring_does_not_branch() {
        assert_eq!(Hops::of(&[(2, 100)], &[(100.0, 50.0)]), None);
        assert_eq!(Hops::of(&[], &[(100.0, 50.0)]), None);
        assert_eq!(Hops::of(&[(4, 100)], &[]), None);
    }
}
