//! Mixing: how a small overlay stays in one piece.
//!
//! Departure: the paper's peers keep a full active view as it is. In an overlay of a dozen peers they
//! can come to be full in two parts, with every peer of the other part in their passive views and no
//! reason to ask it. In large ones such closed parts do not come to be. So where a seed node's list
//! shows the whole network, some peer asks for a fresh list now and then and takes one random
//! stranger in it for a random neighbor: [`PER_REFRESH`] of all peers in the time of a refresh. Fewer
//! than `active` and `active` + 1 peers cannot be in two such parts: they are left alone.

use crate::address::AddressRecord;
use crate::context::Context;
use crate::neighbors::Neighbors;
use crate::rng::Stream;

/// How many peers of the network mix in the time of a refresh, on average. *Guess: a split is over
/// after one or two, and each costs two neighbors their links.*
const PER_REFRESH: usize = 2;

/// A peer's part in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Mixing {
    /// Others in the last list; `None` when it may not have shown all.
    others: Option<usize>,
    /// The next list is for this.
    is_due: bool,
    stranger: Option<AddressRecord>,
}

impl Mixing {
    /// Returns whether a fresh list is wanted.
    pub(super) fn on_refresh(&mut self, cx: &mut Context) -> bool {
        let Some(others) = self.others else { return false };
        let drawn = cx.rng.index(Stream::Overlay, others + 1);
        self.is_due = drawn.is_some_and(|drawn| drawn < PER_REFRESH);
        self.is_due
    }

    /// A list came: it shows the whole network if it has fewer records than were asked for.
    pub(super) fn on_list(
        &mut self,
        cx: &mut Context,
        neighbors: &Neighbors,
        peers: &[AddressRecord],
    ) {
        let least = 2 * cx.config.overlay.hyparview.active;
        self.others =
            Some(peers.len()).filter(|it| (least..cx.config.registration.sample).contains(it));
        if !core::mem::take(&mut self.is_due) {
            return;
        }
        let is_stranger = |record: &&AddressRecord| {
            record.subject() != cx.me() && neighbors.by_id(record.subject()).is_none()
        };
        let strangers: alloc::vec::Vec<_> = peers.iter().filter(is_stranger).collect();
        let drawn = cx.rng.index(Stream::Overlay, strangers.len());
        self.stranger = drawn.map(|drawn| strangers[drawn].clone());
    }

    /// The stranger to be dialed, once.
    pub(super) fn take(&mut self) -> Option<AddressRecord> {
        self.stranger.take()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::config::Config;
    use crate::id::{BootEpoch, NodeId};
    use crate::testing::context;

    fn records(count: u8) -> Vec<AddressRecord> {
        let record = |n: u8| {
            let addr = core::net::SocketAddr::from(([10, 0, 0, n], 7000));
            AddressRecord::new(NodeId::new([n; 32]), BootEpoch(1), &[addr]).expect("valid")
        };
        (2..2 + count).map(record).collect()
    }

    #[test]
    fn two_peers_of_a_small_network_mix_per_refresh_and_none_of_a_large_one() {
        let mut cx = context(Config::modern());
        let mut mixing = Mixing::default();
        assert!(!mixing.on_refresh(&mut cx), "it has seen no list yet");
        mixing.on_list(&mut cx, &Neighbors::default(), &records(19));
        assert_eq!(mixing.take(), None, "that list was for something else");
        let due = (0..2000).filter(|_| mixing.on_refresh(&mut cx)).count();
        assert!((160..=240).contains(&due), "2 of 20 peers in 2,000 refreshes: {due}");
        mixing.is_due = true;
        mixing.on_list(&mut cx, &Neighbors::default(), &records(19));
        assert!(records(19).contains(&mixing.take().expect("a stranger")));
        cx.config = Config { registration: sampled(19), ..Config::modern() }.into();
        mixing.on_list(&mut cx, &Neighbors::default(), &records(19));
        assert!(!(0..200).any(|_| mixing.on_refresh(&mut cx)), "there may be more peers");
        cx.config = Config::modern().into();
        mixing.on_list(&mut cx, &Neighbors::default(), &records(9));
        assert!(!(0..200).any(|_| mixing.on_refresh(&mut cx)), "they are in one part");
    }

    fn sampled(sample: usize) -> crate::config::RegistrationConfig {
        crate::config::RegistrationConfig { sample, ..Config::modern().registration }
    }
}
