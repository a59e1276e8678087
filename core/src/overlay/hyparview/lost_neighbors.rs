//! Lost neighbors that may be back: how the halves of a healed partition find each other.
//!
//! Departure: the paper forgets a neighbor that failed (HyParView §4.3). Both halves of a partition
//! then fill their views from their own side, and nothing ever crosses again once it is healed. So a
//! peer keeps the last neighbors that it lost without a word, and dials one of them at each refresh.
//! Who lost nobody pays nothing.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::NodeId;
use crate::rng::Stream;
use crate::time::Instant;
use crate::util::room::{make_room, release_if_empty};

/// Lost neighbors, the last one last; at most `lost_neighbors`, none for longer than `reconnect_for`.
#[derive(Clone, Debug, Default)]
pub(super) struct LostNeighbors(Vec<LostNeighbor>);

#[derive(Clone, Debug)]
struct LostNeighbor {
    record: AddressRecord,
    lost: Instant,
}

impl LostNeighbors {
    pub(super) fn note(&mut self, cx: &mut Context, record: &AddressRecord) {
        self.remove(record.subject());
        let most = cx.config.overlay.hyparview.reconnect_max;
        if most > 0 && self.0.len() >= most {
            cx.stats.limits.lost_neighbors += 1;
            self.0.remove(0);
        }
        if most > 0 {
            make_room(&mut self.0);
            self.0.push(LostNeighbor { record: record.clone(), lost: cx.now });
        }
    }

    pub(super) fn remove(&mut self, subject: NodeId) {
        if !self.0.is_empty() {
            self.0.retain(|lost| lost.record.subject() != subject);
            release_if_empty(&mut self.0);
        }
    }

    /// A random one that `is_free` finds free.
    pub(super) fn draw(
        &mut self,
        cx: &mut Context,
        is_free: impl Fn(&Context, &AddressRecord) -> bool,
    ) -> Option<AddressRecord> {
        let age = cx.config.overlay.hyparview.reconnect_for;
        self.0.retain(|lost| cx.now.since(lost.lost) < age);
        release_if_empty(&mut self.0);
        let free: Vec<_> =
            self.0.iter().map(|lost| &lost.record).filter(|record| is_free(cx, record)).collect();
        cx.rng.index(Stream::Overlay, free.len()).map(|drawn| free[drawn].clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    use crate::testing::{context, record};

    #[test]
    fn the_last_ones_are_kept_for_a_while() {
        let mut config = Config::modern();
        config.overlay.hyparview.reconnect_max = 2;
        let (mut cx, mut lost_neighbors) = (context(config), LostNeighbors::default());
        for n in [2, 3, 3, 4] {
            lost_neighbors.note(&mut cx, &record(n));
        }
        let kept: Vec<_> = lost_neighbors.0.iter().map(|lost| lost.record.clone()).collect();
        assert_eq!((kept, cx.stats.limits.lost_neighbors), ([3, 4].map(record).into(), 1));
        let is_free = |_: &Context, it: &AddressRecord| *it != record(3);
        assert_eq!(lost_neighbors.draw(&mut cx, is_free), Some(record(4)));
        cx.now = Instant::BIRTH + cx.config.overlay.hyparview.reconnect_for;
        assert_eq!(lost_neighbors.draw(&mut cx, |_, _| true), None);
    }
}
