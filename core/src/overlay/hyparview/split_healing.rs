//! Mixing: how a small overlay stays in one piece.
//!
//! Departure: the paper's peers keep a full active view as it is. In an overlay of a dozen peers they
//! can come to be full in two parts, with every peer of the other part in their passive views and no
//! reason to ask it. In large ones such closed parts do not come to be. So where a seed node's list
//! has all that it knows, some peer asks for a fresh list now and then, [`PER_REFRESH`] of all peers
//! in the time of a refresh, and takes a random stranger in it for a random neighbor. Whose shuffle
//! walks by is in this part, and so are the neighbors that it names. A stranger is who was listed for
//! so long that some walk should have told of it, and none has: it is in another part, but for one look
//! in twenty. Fewer than `active` and `active` + 1 peers cannot be in two such parts: they are left
//! alone. How many there are is told by the lists of all seed nodes together: a peer registers with
//! most of them, so no list need have everybody.
//!
//! Every peer that is taken for a stranger and is none costs two others a link, and where peers have
//! few links, that can cut the overlay (a hunt found it, three peers apart from eight for half a minute,
//! when any stranger was taken).

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::rng::Stream;
use crate::time::Instant;
use crate::util::room::make_room;

/// How many peers of the network mix in the time of a refresh, on average. *Guess: a split is over
/// after one or two, and each costs two neighbors their links.*
const PER_REFRESH: usize = 2;

/// A peer's part in it.
#[derive(Clone, Debug, Default)]
pub(super) struct SplitHealing {
    /// What it knows of the network while lists have all that their seed nodes know.
    seen: Option<SeenPeers>,
    /// Lists are looked through for a stranger, until one is found or it is time for a refresh again: the
    /// first list that comes may be one of this part.
    is_due: bool,
    stranger: Option<AddressRecord>,
}

/// Who is in this part.
#[derive(Clone, Debug, Default)]
struct SeenPeers {
    /// The beginnings of the identities of others, and when a walk told of them last, or a list did
    /// first; at most `sample`.
    told: Vec<(u32, Instant)>,
}

impl SeenPeers {
    /// Notes who is in a list, which may be an older one's that went out of mind.
    fn on_list(&mut self, cx: &Context, peers: &[AddressRecord]) {
        for prefix in peers.iter().map(|record| record.subject().prefix()) {
            if self.told(prefix).is_none() {
                self.note(cx, prefix);
            }
        }
    }

    /// There are so many others at least, or were: who is gone counts until `sample` others were seen.
    fn others(&self) -> usize {
        self.told.len()
    }

    fn note(&mut self, cx: &Context, prefix: u32) {
        if prefix == cx.me().prefix() {
            return;
        }
        self.told.retain(|(it, _)| *it != prefix);
        if self.told.len() >= cx.config.registration.sample {
            self.told.remove(0);
        }
        make_room(&mut self.told);
        self.told.push((prefix, cx.now));
    }

    fn told(&self, prefix: u32) -> Option<Instant> {
        self.told.iter().find(|(it, _)| *it == prefix).map(|(_, told)| *told)
    }

    /// Whether it seems to be in another part. The lists of several seed nodes differ, and there may be
    /// more peers than one has.
    fn is_stranger(&self, cx: &Context, record: &AddressRecord) -> bool {
        let window = cx.config.overlay.hyparview.told_within(self.others());
        self.told(record.subject().prefix()).is_some_and(|told| cx.now.since(told) > window)
    }
}

impl SplitHealing {
    /// Returns whether a fresh list is wanted.
    pub(super) fn on_refresh(&mut self, cx: &mut Context) -> bool {
        self.is_due = false;
        let least = 2 * cx.config.overlay.hyparview.active;
        let Some(seen) = self.seen.as_ref().filter(|it| it.others() >= least) else {
            return false;
        };
        let drawn = cx.rng.index(Stream::Overlay, seen.others() + 1);
        self.is_due = drawn.is_some_and(|drawn| drawn < PER_REFRESH);
        self.is_due
    }

    /// A walk came by, over links between neighbors only, and told of these.
    pub(super) fn on_walk<'a>(
        &mut self,
        cx: &Context,
        told: impl Iterator<Item = &'a AddressRecord>,
    ) {
        let Some(seen) = &mut self.seen else { return };
        for prefix in told.map(|record| record.subject().prefix()) {
            seen.note(cx, prefix);
        }
    }

    /// A list came: it shows all that its seed node knows if it has fewer records than were asked for.
    pub(super) fn on_list(&mut self, cx: &mut Context, peers: &[AddressRecord]) {
        if peers.len() < cx.config.registration.sample {
            self.seen.get_or_insert_default().on_list(cx, peers);
        } else {
            self.seen = None;
        }
        if !self.is_due {
            return;
        }
        let Some(seen) = &self.seen else { return };
        let is_stranger = |record: &&AddressRecord| {
            let is_other = record.subject() != cx.me();
            is_other
                && cx.neighbors.by_id(record.subject()).is_none()
                && seen.is_stranger(cx, record)
        };
        let strangers: Vec<_> = peers.iter().filter(is_stranger).collect();
        let drawn = cx.rng.index(Stream::Overlay, strangers.len());
        if let Some(drawn) = drawn {
            self.stranger = Some(strangers[drawn].clone());
            self.is_due = false;
        }
    }

    /// The stranger to be dialed, once.
    pub(super) fn take(&mut self) -> Option<AddressRecord> {
        self.stranger.take()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

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

    fn listed(cx: &mut Context, split_healing: &mut SplitHealing, count: u8) {
        split_healing.on_list(cx, &records(count));
    }

    #[test]
    fn two_peers_of_a_small_network_look_per_refresh_and_none_of_a_large_one() {
        let mut cx = context(Config::modern());
        let mut split_healing = SplitHealing::default();
        assert!(!split_healing.on_refresh(&mut cx), "it has seen no list yet");
        listed(&mut cx, &mut split_healing, 19);
        assert_eq!(split_healing.take(), None, "that list was for something else");
        let due = (0..2000).filter(|_| split_healing.on_refresh(&mut cx)).count();
        assert!((160..=240).contains(&due), "2 of 20 peers in 2,000 refreshes: {due}");
        cx.config = Config { registration: sampled(19), ..Config::modern() }.into();
        listed(&mut cx, &mut split_healing, 19);
        assert!(!(0..200).any(|_| split_healing.on_refresh(&mut cx)), "there may be more peers");
        cx.config = Config::modern().into();
        listed(&mut cx, &mut split_healing, 9);
        assert!(!(0..200).any(|_| split_healing.on_refresh(&mut cx)), "they are in one part");
    }

    #[test]
    fn lists_that_lack_peers_show_together_how_many_there_are() {
        let mut cx = context(Config::modern());
        let mut split_healing = SplitHealing::default();
        let all = records(10);
        split_healing.on_list(&mut cx, &all[..9]);
        split_healing.on_walk(&cx, [cx.record.clone()].iter());
        assert!(!(0..200).any(|_| split_healing.on_refresh(&mut cx)), "nine others, and itself");
        split_healing.on_list(&mut cx, &all[3..]);
        assert!((0..200).any(|_| split_healing.on_refresh(&mut cx)), "ten");
    }

    #[test]
    fn only_who_was_not_told_of_for_long_is_a_stranger() {
        let mut cx = context(Config::modern());
        let mut split_healing = SplitHealing::default();
        listed(&mut cx, &mut split_healing, 16);
        let looks = |cx: &mut Context, split_healing: &mut SplitHealing| {
            split_healing.is_due = true;
            listed(cx, split_healing, 16);
            split_healing.take()
        };
        // 16 others, each walk tells 6 peers of 4: 7 times in 46 s, and ln(20 * 16) is 5.8.
        let window = cx.config.overlay.hyparview.told_within(16);
        assert_eq!(window.as_secs(), 46);
        cx.now = cx.now + window;
        assert_eq!(
            looks(&mut cx, &mut split_healing),
            None,
            "they were listed for too short a time"
        );
        let told = records(15);
        split_healing.on_walk(&cx, told.iter());
        cx.now = cx.now + Duration::from_millis(1);
        assert_eq!(looks(&mut cx, &mut split_healing), records(16).pop());
        split_healing.on_walk(&cx, records(16)[15..].iter());
        assert_eq!(looks(&mut cx, &mut split_healing), None);
        cx.now = cx.now + window;
        let strangers: alloc::collections::BTreeSet<_> = (0..500)
            .filter_map(|_| looks(&mut cx, &mut split_healing))
            .map(|it| it.subject())
            .collect();
        assert_eq!(strangers.len(), 15, "who was told of before is one again, but for the last");
    }

    /// The seed node that answers first may list this part only.
    #[test]
    fn a_stranger_may_be_in_another_list_than_the_first() {
        let mut cx = context(Config::modern());
        let mut split_healing = SplitHealing::default();
        let all = records(16);
        split_healing.on_list(&mut cx, &all);
        cx.now = cx.now + Duration::from_mins(5);
        split_healing.on_walk(&cx, all[..8].iter());
        split_healing.is_due = true;
        split_healing.on_list(&mut cx, &all[..8]);
        assert_eq!(split_healing.take(), None);
        split_healing.on_list(&mut cx, &all[..9]);
        assert_eq!(split_healing.take().as_ref(), all.get(8));
        split_healing.on_list(&mut cx, &all);
        assert_eq!(split_healing.take(), None, "one is enough");
    }

    #[test]
    fn who_joins_a_quiet_network_is_no_stranger() {
        let mut cx = context(Config::modern());
        let mut split_healing = SplitHealing::default();
        listed(&mut cx, &mut split_healing, 16);
        cx.now = cx.now + Duration::from_mins(5);
        split_healing.on_walk(&cx, records(16).iter());
        split_healing.is_due = true;
        listed(&mut cx, &mut split_healing, 20);
        assert_eq!(split_healing.take(), None);
    }

    #[test]
    fn no_more_are_remembered_than_a_list_has() {
        let mut cx = context(Config { registration: sampled(12), ..Config::modern() });
        let mut split_healing = SplitHealing::default();
        listed(&mut cx, &mut split_healing, 11);
        split_healing.on_walk(&cx, records(200).iter());
        assert_eq!(split_healing.seen.expect("a small network").told.len(), 12);
    }

    fn sampled(sample: usize) -> crate::config::RegistrationConfig {
        crate::config::RegistrationConfig { sample, ..Config::modern().registration }
    }
}
