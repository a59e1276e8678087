//! The trees: which neighbors get a source's messages at once (eager), which only their names (lazy).
//!
//! The sources that spoke last have a tree each, the rest share one. A tree is one word, the set of
//! its lazy neighbors, so that a new neighbor is eager in all trees (§3.7) without being entered.
//!
//! Departure: the paper has one tree for all, or one for each source. A shared tree is short only for
//! whoever was its root; a tree for each of many sources takes room that a million peers in one
//! process do not have.
//!
//! Two neighbors need not have the same trees, for messages reach them in different orders. A link is
//! then eager for one and lazy for the other. Nothing is lost by that, since every link carries the
//! message or its name in each direction; a copy too many is answered by a `Prune`, one too few by a
//! `Graft`, and both are applied to the tree that their receiver has for the source.

use alloc::vec::Vec;
use core::time::Duration;

use crate::id::NodeId;
use crate::links::neighbors::{Slot, SlotSet};
use crate::messaging::Envelope;
use crate::time::Instant;
use crate::util::room::make_room;

/// The trees that a peer has a part in.
#[derive(Clone, Debug, Default)]
pub(super) struct Trees {
    /// Lazy neighbors for sources without a tree of their own.
    shared: SlotSet,
    /// Whoever spoke last is last.
    own: Vec<Own>,
    /// The last sources that said something and have no tree, by the beginning of their ids; whoever
    /// spoke last is last. At most as many as there may be trees.
    heard: Vec<[u8; 4]>,
    /// New messages on the shared tree since it last grew anew.
    used: u16,
}

/// The tree of one source.
#[derive(Clone, Copy, Debug)]
struct Own {
    source: NodeId,
    lazy: SlotSet,
    /// When the source spoke last.
    spoke: Instant,
}

/// A tree is kept for a source for so long after its last message. Where more sources speak in turn
/// than there are trees, each would else take the tree of the one whose turn is next, and none would
/// ever become short. *Guess: several of its messages.*
const KEPT: Duration = Duration::from_secs(30);

/// New messages after which the shared tree grows anew with the next one. A peer takes part in that
/// after half as many, and no sooner, so that nobody can have every message flooded. *Guess: the one
/// that is flooded costs each peer three copies too many, a fortieth of a copy per message.*
const WORN: u16 = 128;

impl Trees {
    /// A new message came. Its source is hot if it is one of the last that spoke: only then is it known
    /// that a tree will be used again. Its tree begins as the shared one, which costs no copy too many,
    /// and is made shorter for it by its next messages (§3.8). Where there are `most`, the tree goes
    /// whose source has been silent for longest, if that is [`KEPT`] or more; else there is none to
    /// have.
    ///
    /// Statements about members come from everybody and make no source hot.
    pub(super) fn on_new(&mut self, now: Instant, envelope: &Envelope, most: usize) {
        let source = envelope.origin();
        if let Some(place) = self.own.iter().position(|tree| tree.source == source) {
            self.own[place].spoke = now;
            self.own[place..].rotate_left(1);
            return;
        }
        let is_hot = !envelope.topic().is_reserved() && self.was_heard(source, most);
        if is_hot && self.has_room(now, most) {
            make_room(&mut self.own);
            self.own.push(Own { source, lazy: self.shared, spoke: now });
        } else {
            self.used = self.used.saturating_add(1);
        }
    }

    /// Whether the source is one of the last that spoke; it is now the last one.
    fn was_heard(&mut self, source: NodeId, most: usize) -> bool {
        let Some(&beginning) = source.as_bytes().first_chunk().filter(|_| most > 0) else {
            return false;
        };
        let before = self.heard.iter().position(|it| *it == beginning);
        let is_full = self.heard.len() == most;
        if let Some(place) = before.or_else(|| is_full.then_some(0)) {
            self.heard.remove(place);
        }
        make_room(&mut self.heard);
        self.heard.push(beginning);
        before.is_some()
    }

    /// Whether the shared tree has been used so often that it should grow anew: what joined, left and
    /// was grafted since has made it longer.
    pub(super) const fn is_worn(&self) -> bool {
        self.used >= WORN
    }

    /// Makes all neighbors eager in the shared tree, unless they were so lately.
    pub(super) fn renew(&mut self) -> bool {
        let may = self.used >= WORN / 2;
        if may {
            (self.shared, self.used) = (SlotSet::default(), 0);
        }
        may
    }

    /// Makes room for one more tree, if one is long unused.
    fn has_room(&mut self, now: Instant, most: usize) -> bool {
        if self.own.len() >= most && self.own.first().is_some_and(|it| now.since(it.spoke) >= KEPT)
        {
            self.own.remove(0);
        }
        self.own.len() < most
    }

    /// Whether the source has a tree of its own.
    pub(super) fn is_own(&self, source: NodeId) -> bool {
        self.own.iter().any(|tree| tree.source == source)
    }

    /// The lazy neighbors of the source's tree.
    pub(super) fn lazy(&self, source: NodeId) -> SlotSet {
        let own = self.own.iter().find(|tree| tree.source == source);
        own.map_or(self.shared, |tree| tree.lazy)
    }

    /// The same, to change it.
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn all_lazy(&self) -> impl Iterator<Item = SlotSet> + '_ {
        self.own.iter().map(|tree| tree.lazy).chain([self.shared])
    }

    pub(super) fn lazy_mut(&mut self, source: NodeId) -> &mut SlotSet {
        let own = self.own.iter_mut().find(|tree| tree.source == source);
        own.map_or(&mut self.shared, |tree| &mut tree.lazy)
    }

    /// The neighbor of this slot is gone; the next one in it is eager (§3.7).
    pub(super) fn release(&mut self, slot: Slot) {
        self.shared.remove(slot);
        for tree in &mut self.own {
            tree.lazy.remove(slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::id::{BootEpoch, Sequence};
    use crate::messaging::{Payload, Topic};
    use crate::time::UnixTime;

    const NOW: Instant = Instant::BIRTH;

    fn source(n: u8) -> NodeId {
        NodeId::new([n; 32])
    }

    fn message(n: u8, sequence: u64, topic: Topic) -> Envelope {
        let payload = Payload::new(vec![1]).expect("short");
        let (origin, sent) = ((source(n), BootEpoch(1)), UnixTime::from_millis(1));
        Envelope::new(origin, Sequence(sequence), sent, topic, payload)
    }

    #[test]
    fn a_source_has_a_tree_from_its_second_message_on() {
        let mut trees = Trees::default();
        trees.on_new(NOW, &message(7, 1, Topic::default()), 2);
        assert!(!trees.is_own(source(7)));
        trees.lazy_mut(source(7)).insert(Slot::FIRST);
        trees.on_new(NOW, &message(7, 2, Topic::default()), 2);
        assert!(trees.is_own(source(7)));
        assert!(trees.lazy(source(7)).contains(Slot::FIRST), "it begins as the shared one");
        trees.lazy_mut(source(7)).remove(Slot::FIRST);
        assert!(trees.lazy(source(8)).contains(Slot::FIRST), "and leaves that one alone");
    }

    #[test]
    fn a_source_that_spoke_long_before_the_last_ones_is_not_hot() {
        let mut trees = Trees::default();
        for n in [7, 8, 9, 7, 9] {
            trees.on_new(NOW, &message(n, 2, Topic::default()), 2);
        }
        assert!(!trees.is_own(source(7)) && trees.is_own(source(9)));
        assert_eq!(trees.heard.len(), 2);
    }

    /// Nobody has everything flooded by saying that the tree shall grow anew.
    #[test]
    fn a_tree_is_renewed_once_in_so_many_messages() {
        let mut trees = Trees::default();
        let mut renewed = 0;
        for n in 0..640 {
            trees.on_new(NOW, &message(7, n, Topic::members()), 2);
            renewed += u32::from(trees.renew());
        }
        assert_eq!((renewed, trees.is_worn()), (10, false));
        (0..WORN).for_each(|_| trees.on_new(NOW, &message(7, 1, Topic::members()), 2));
        assert!(trees.is_worn());
    }

    #[test]
    fn statements_and_networks_without_own_trees_use_the_shared_one() {
        let mut trees = Trees::default();
        trees.on_new(NOW, &message(7, 5, Topic::members()), 2);
        trees.on_new(NOW, &message(8, 5, Topic::default()), 0);
        assert!(!trees.is_own(source(7)) && !trees.is_own(source(8)));
    }

    #[test]
    fn the_tree_of_the_longest_silent_source_goes_first() {
        let mut trees = Trees::default();
        let mut speak = |secs: u64, n| {
            let now = Instant::from_micros(secs * 1_000_000);
            (1..=2).for_each(|it| trees.on_new(now, &message(n, it, Topic::default()), 2));
            [1, 2, 3].map(|n| trees.is_own(source(n)))
        };
        assert_eq!(speak(0, 1), [true, false, false]);
        assert_eq!(speak(1, 2), [true, true, false]);
        assert_eq!(speak(2, 1), [true, true, false]);
        assert_eq!(speak(30, 3), [true, true, false], "both still speak");
        assert_eq!(speak(31, 3), [true, false, true]);
    }

    #[test]
    fn sources_that_somebody_makes_up_leave_a_bounded_number_of_trees() {
        let mut trees = Trees::default();
        for n in 0..200 {
            (1..=2).for_each(|it| trees.on_new(NOW, &message(n, it, Topic::default()), 16));
        }
        assert_eq!((trees.own.len(), trees.heard.len()), (16, 16));
        assert!(trees.own.capacity() <= 20);
    }

    #[test]
    fn the_next_neighbor_in_a_slot_is_eager_in_all_trees() {
        let mut trees = Trees::default();
        trees.shared.insert(Slot::FIRST);
        trees.on_new(NOW, &message(7, 2, Topic::default()), 2);
        trees.release(Slot::FIRST);
        assert_eq!([7, 8].map(|n| trees.lazy(source(n))), [SlotSet::default(); 2]);
    }
}
