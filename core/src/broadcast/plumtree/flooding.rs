//! The first links of a message that travels in the tree of another source: over these it is flooded, so
//! that it enters that tree at many places.
//!
//! Departure: in the paper a message follows the tree from its source on, up to the middle of the tree
//! and down again. A copy that was flooded says nothing of the tree: it makes no link a branch, and one
//! too many is no reason for a `Prune`.

use crate::context::Context;

/// One peer in so many may get a copy too many.
const SHARE: usize = 8;

/// Over how many links a message is flooded, where peers have so many neighbors as this one.
pub(super) fn flood_hops(cx: &Context, neighbors: usize) -> u16 {
    let most = u16::from(cx.config.broadcast.plumtree.flood_hops);
    let Some(peers) = cx.peers.and_then(|peers| usize::try_from(peers).ok()) else { return most };
    let onward = neighbors.saturating_sub(1);
    let (mut hops, mut ring, mut copies) = (0, neighbors, neighbors);
    while hops < most && copies.saturating_mul(SHARE) <= peers {
        hops += 1;
        ring = ring.saturating_mul(onward);
        copies = copies.saturating_add(ring);
    }
    hops
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::testing::context;

    #[test]
    fn few_are_flooded_in_a_small_network() {
        let mut config = Config::modern();
        config.broadcast.plumtree.flood_hops = 3;
        let mut cx = context(config);
        let mut hops = |peers, neighbors| {
            cx.peers = peers;
            flood_hops(&cx, neighbors)
        };
        // With 5 neighbors each 5 copies, then 25, then 105.
        let sizes = [0, 39, 40, 199, 200, 839, 840, 1_000_000];
        assert_eq!(sizes.map(|peers| hops(Some(peers), 5)), [0, 0, 1, 1, 2, 2, 3, 3]);
        assert_eq!((hops(None, 5), hops(Some(1_000), 64), hops(Some(1_000), 0)), (3, 1, 3));
    }
}
