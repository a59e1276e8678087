//! What a peer with these trees sends and prunes for each copy, prune and loss.

use alloc::vec::Vec;

use super::super::rival::WINS;
use super::*;
use crate::config::Config;
use crate::id::{LinkId, MessageId};
use crate::io::Output;
use crate::links::neighbors::Slot;
use crate::testing::{context, record};
use crate::wire::Message;

const SOURCE: NodeId = NodeId::new([50; 32]);
const OTHER: NodeId = NodeId::new([60; 32]);

/// In the tree of the source, from a neighbor that is so deep in it.
fn along(depth: Option<u16>) -> Route {
    Route::Along(Foreign { tree: SOURCE, depth: depth.map(Hop) })
}

/// A peer with neighbors, and what it says of trees.
struct Peer {
    cx: Context,
    trees: SourceTrees,
}

impl Peer {
    fn with_neighbors(count: u8) -> Self {
        let mut cx = context(Config::modern());
        for n in 0..count {
            cx.neighbors.insert(LinkId::dialed(n.into()), record(100 + n), Instant::BIRTH);
        }
        Self { cx, trees: SourceTrees::default() }
    }

    fn neighbor(&self, n: u8) -> Neighbor {
        self.cx.neighbors.by_link(LinkId::dialed(n.into())).expect("it is one").clone()
    }

    fn pass(&mut self, seconds: u64) {
        self.cx.now = self.cx.now + Duration::from_secs(seconds);
    }

    /// A message comes first from here, over so many links.
    fn first(&mut self, from: u8, route: Route, hop: u16) -> Vec<(u8, &'static str)> {
        self.first_announced(from, route, hop, &[])
    }

    fn first_announced(
        &mut self,
        from: u8,
        route: Route,
        hop: u16,
        by: &[u8],
    ) -> Vec<(u8, &'static str)> {
        self.first_copy(from, Arrival::new(SOURCE, route, Hop(hop)), by)
    }

    /// The same message comes again.
    fn again(&mut self, from: u8, hop: u16, first: u16) -> Vec<(u8, &'static str)> {
        self.repeated(from, Arrival::new(SOURCE, Route::Usual, Hop(hop)), Some(Hop(first)))
    }

    /// A message of another source comes first from here.
    fn foreign(&mut self, from: u8, depth: Option<u16>) -> Vec<(u8, &'static str)> {
        self.first_copy(from, Arrival::new(OTHER, along(depth), Hop(9)), &[])
    }

    /// The same message comes again.
    fn foreign_again(&mut self, from: u8, depth: Option<u16>) -> Vec<(u8, &'static str)> {
        self.repeated(from, Arrival::new(OTHER, along(depth), Hop(9)), None)
    }

    fn first_copy(&mut self, from: u8, arrival: Arrival, by: &[u8]) -> Vec<(u8, &'static str)> {
        let from = self.neighbor(from);
        self.trees.enter(&self.cx, arrival);
        let announcer = |n: &u8| Announcer { link: LinkId::dialed((*n).into()), hop: arrival.hop };
        let by: Vec<Announcer> = by.iter().map(announcer).collect();
        self.trees.on_first_copy(&mut self.cx, &from, arrival, &by);
        self.said()
    }

    fn repeated(
        &mut self,
        from: u8,
        arrival: Arrival,
        first: Option<Hop>,
    ) -> Vec<(u8, &'static str)> {
        let from = self.neighbor(from);
        self.trees.on_repeated(&mut self.cx, &from, arrival, first);
        self.said()
    }

    /// A neighbor wants names only.
    fn pruned_by(&mut self, n: u8) -> Vec<(u8, &'static str)> {
        let from = self.neighbor(n);
        self.trees.on_prune(&mut self.cx, &from, SOURCE);
        self.said()
    }

    /// A neighbor wants payloads.
    fn grafted_by(&mut self, n: u8, id: Option<MessageId>) -> Vec<(u8, &'static str)> {
        let from = self.neighbor(n);
        self.trees.on_graft(&mut self.cx, &from, &Graft { source: SOURCE, id });
        self.said()
    }

    fn lose(&mut self, n: u8) -> Vec<(u8, &'static str)> {
        let gone = self.cx.neighbors.remove(LinkId::dialed(n.into())).expect("it was one");
        self.trees.on_neighbor_down(&mut self.cx, gone.slot);
        self.said()
    }

    fn said(&mut self) -> Vec<(u8, &'static str)> {
        let mut said = Vec::new();
        while let Some(output) = self.cx.poll_output() {
            if let Output::Send { link, message: Message::Broadcast(message) } = output {
                said.push((u8::try_from(link.number()).expect("few"), message.name()));
            }
        }
        said
    }

    fn parent(&self) -> Option<Slot> {
        self.trees.find(SOURCE)?.parent
    }

    fn slot(&self, n: u8) -> Slot {
        self.neighbor(n).slot
    }
}

#[test]
fn who_sent_first_is_the_parent_and_others_are_pruned() {
    let mut peer = Peer::with_neighbors(3);
    assert_eq!(peer.first(0, Route::Renewal, 2), []);
    assert_eq!(peer.again(1, 2, 2), [(1, "Prune")]);
    assert_eq!(peer.again(2, 3, 2), [(2, "Prune")]);
    assert_eq!(peer.parent(), Some(peer.slot(0)));
}

/// The race in which a peer pruned both links that fed it: the first message came from one of them,
/// and the second, which was on its way before the `Prune` arrived, from the other.
#[test]
fn a_second_message_on_its_way_does_not_prune_the_parent() {
    let mut peer = Peer::with_neighbors(2);
    peer.first(0, Route::Renewal, 2);
    peer.again(1, 2, 2);
    assert_eq!(peer.first(1, Route::Usual, 2), [], "it was pruned too late for this one");
    assert_eq!(peer.again(0, 2, 2), [(1, "Prune")], "the parent feeds this peer");
    assert_eq!(peer.parent(), Some(peer.slot(0)));
}

#[test]
fn a_lucky_rival_is_pruned_and_a_shorter_way_is_taken() {
    let mut peer = Peer::with_neighbors(3);
    peer.first(0, Route::Renewal, 3);
    assert_eq!(peer.first(1, Route::Usual, 3), []);
    assert_eq!(peer.again(0, 3, 3), [(1, "Prune")], "as long as the parent's way");
    assert_eq!(peer.parent(), Some(peer.slot(0)));
    assert_eq!(peer.first(2, Route::Usual, 2), []);
    assert_eq!(peer.again(0, 4, 2), [(0, "Prune")], "the parent's way may lead through this peer");
    assert_eq!(peer.parent(), Some(peer.slot(2)));
}

#[test]
fn a_parent_changes_only_for_a_gain_that_lasts() {
    let mut peer = Peer::with_neighbors(2);
    peer.first(0, Route::Renewal, 3);
    peer.again(1, 3, 3);
    for _ in 0..WINS - 1 {
        assert_eq!(peer.first_announced(0, Route::Usual, 3, &[1]), []);
    }
    let slot = peer.slot(1);
    peer.trees.on_late_name(peer.cx.now, slot, SOURCE);
    for _ in 0..WINS {
        assert_eq!(peer.first_announced(0, Route::Usual, 3, &[1]), [], "one was late between");
    }
    peer.pass(1);
    assert_eq!(peer.first_announced(0, Route::Usual, 3, &[1]), [(1, "Graft")], "it lasted");
    assert_eq!(peer.parent(), Some(peer.slot(0)), "which goes on sending");
    assert_eq!(peer.first(1, Route::Usual, 2), [], "the new one was quicker again");
    assert_eq!(peer.again(0, 3, 2), [(0, "Prune")], "and now the old one goes");
}

#[test]
fn a_grafted_rival_that_is_late_is_pruned() {
    let mut peer = Peer::with_neighbors(2);
    peer.first(0, Route::Renewal, 3);
    peer.again(1, 3, 3);
    for _ in 0..WINS {
        peer.first_announced(0, Route::Usual, 3, &[1]);
    }
    peer.pass(1);
    assert_eq!(peer.first_announced(0, Route::Usual, 3, &[1]), [(1, "Graft")]);
    peer.first(0, Route::Usual, 3);
    assert_eq!(peer.again(1, 3, 3), [(1, "Prune")]);
    assert_eq!(peer.parent(), Some(peer.slot(0)));
}

#[test]
fn without_its_parent_a_peer_asks_all_that_it_had_pruned() {
    let mut peer = Peer::with_neighbors(3);
    peer.first(0, Route::Renewal, 2);
    peer.again(1, 2, 2);
    peer.again(2, 2, 2);
    assert_eq!(peer.lose(0), [(1, "Graft"), (2, "Graft")]);
    assert_eq!(peer.again(1, 2, 2), [], "any of them may be the next parent");
    assert_eq!(peer.first(2, Route::Usual, 2), []);
    assert_eq!(peer.again(1, 2, 2), [(1, "Prune")]);
    assert_eq!(peer.parent(), Some(peer.slot(2)));
}

#[test]
fn messages_of_others_go_up_and_down_and_change_no_parent() {
    let mut peer = Peer::with_neighbors(3);
    peer.first(0, Route::Renewal, 2);
    peer.again(1, 2, 2);
    for n in [0, 1] {
        peer.pruned_by(n);
    }
    let along = Arrival::new(OTHER, along(None), Hop(1));
    let lazy = peer.trees.lazy(along);
    assert!(lazy.contains(peer.slot(1)) && !lazy.contains(peer.slot(0)), "the parent gets it");
    assert!(!lazy.contains(peer.slot(2)), "and a child");
    let own = peer.trees.lazy(Arrival::new(SOURCE, Route::Usual, Hop(1)));
    assert!(own.contains(peer.slot(0)), "but not what it sent");
    let child = peer.neighbor(2);
    peer.trees.on_first_copy(&mut peer.cx, &child, along, &[]);
    assert_eq!((peer.said(), peer.parent()), (Vec::new(), Some(peer.slot(0))));
}

/// Two newcomers that fed each other would be fed by nobody.
#[test]
fn a_newcomer_follows_whoever_is_fed_and_prunes_nobody_before() {
    let mut peer = Peer::with_neighbors(3);
    assert_eq!(peer.foreign(0, None), []);
    assert_eq!(peer.foreign_again(1, None), [], "a newcomer, too");
    assert_eq!(peer.parent(), None);
    assert_eq!(peer.trees.place(&peer.cx, SOURCE).depth, None, "and says so");
    assert_eq!(peer.foreign(1, Some(4)), []);
    assert_eq!(peer.parent(), Some(peer.slot(1)));
    assert_eq!(peer.trees.place(&peer.cx, SOURCE).depth, Some(Hop(5)));
    assert_eq!(peer.foreign_again(2, Some(9)), [(2, "Prune")], "it is fed now");
    assert_eq!(peer.foreign_again(1, Some(4)), [], "by this one");
}

/// Whoever gets messages through this peer is deeper than it was.
#[test]
fn without_its_parent_a_peer_follows_nobody_that_it_may_feed() {
    let mut peer = Peer::with_neighbors(4);
    peer.first(0, Route::Renewal, 3);
    peer.pass(30);
    assert_eq!(peer.lose(0), []);
    assert_eq!(peer.trees.place(&peer.cx, SOURCE).depth, None, "it is not fed");
    assert_eq!(peer.foreign(1, Some(4)), []);
    assert_eq!(peer.foreign_again(2, Some(3)), [], "as near, and its id is greater");
    assert_eq!(peer.parent(), None);
    assert_eq!(peer.foreign_again(3, Some(1)), []);
    assert_eq!(peer.parent(), Some(peer.slot(3)));
    assert_eq!(peer.trees.place(&peer.cx, SOURCE).depth, Some(Hop(3)), "as before");
    peer.first(3, Route::Usual, 7);
    assert_eq!(peer.trees.place(&peer.cx, SOURCE).depth, Some(Hop(7)), "as its parent's way is");
}

/// A peer next to the source that fed all its neighbors had nobody to ask when their link went: none of
/// them had a message before its name was announced for t1.
#[test]
fn whoever_fed_all_its_neighbors_asks_them_when_its_parent_is_lost() {
    let mut peer = Peer::with_neighbors(3);
    peer.first(0, Route::Renewal, 1);
    assert_eq!(peer.lose(0), [(1, "Graft"), (2, "Graft")]);
    let mut silent = Peer::with_neighbors(3);
    silent.first(0, Route::Renewal, 1);
    silent.pass(30);
    assert_eq!(silent.lose(0), [], "perhaps the source speaks no more");
}

#[test]
fn who_is_asked_by_its_parent_has_none() {
    let mut peer = Peer::with_neighbors(3);
    peer.first(0, Route::Renewal, 2);
    peer.again(1, 2, 2);
    assert_eq!(peer.grafted_by(2, None), [], "a child");
    assert_eq!(peer.grafted_by(0, Some(MessageId::new([1; 32]))), [], "it misses one message");
    assert_eq!(peer.parent(), Some(peer.slot(0)));
    assert_eq!(peer.grafted_by(0, None), [(1, "Graft")]);
    assert_eq!(peer.parent(), None);
    assert_eq!(peer.grafted_by(0, None), [], "it knows");
    peer.first(1, Route::Usual, 2);
    assert_eq!(peer.parent(), Some(peer.slot(1)));
}

/// One copy too many is enough for both sides of a link that is no branch.
#[test]
fn who_is_pruned_by_others_than_its_parent_prunes_them_too() {
    let mut peer = Peer::with_neighbors(4);
    assert_eq!(peer.pruned_by(1), [], "no tree");
    peer.first(0, Route::Renewal, 3);
    assert_eq!(peer.pruned_by(1), [(1, "Prune")]);
    assert_eq!(peer.pruned_by(1), [], "it knows");
    assert_eq!(peer.pruned_by(0), [], "the parent");
    for _ in 0..WINS {
        peer.first_announced(0, Route::Usual, 3, &[2]);
    }
    peer.pass(1);
    assert_eq!(peer.first_announced(0, Route::Usual, 3, &[2]), [(2, "Graft")]);
    assert_eq!(peer.pruned_by(2), [], "it was asked to send");
    assert_eq!(peer.lose(0), [(1, "Graft")]);
    assert_eq!(peer.pruned_by(3), [], "any of them may be the next parent");
}

#[test]
fn a_neighbor_that_sends_and_is_no_child_is_pruned() {
    let mut peer = Peer::with_neighbors(4);
    peer.first(0, Route::Renewal, 3);
    assert_eq!(peer.foreign(1, Some(4)), [], "perhaps a child");
    assert_eq!(peer.foreign(2, Some(2)), [(2, "Prune")], "nearer to the source");
    assert_eq!(peer.foreign(0, Some(2)), [], "the parent");
    peer.pruned_by(1);
    assert_eq!(peer.foreign(1, Some(4)), [(1, "Prune")], "a child wants payloads");
}

#[test]
fn the_first_message_makes_a_tree_and_others_travel_in_it() {
    let mut peer = Peer::with_neighbors(2);
    assert_eq!(peer.trees.choose(&peer.cx, true), Route::Renewal, "there is none");
    assert_eq!(peer.trees.choose(&peer.cx, false), Route::Usual, "its own");
    let mut other = Peer::with_neighbors(2);
    other.first(0, Route::Renewal, 1);
    for _ in 0..OFTEN {
        assert_eq!(other.trees.choose(&other.cx, false), along(Some(1)));
        assert_eq!(other.trees.choose(&other.cx, true), along(Some(1)), "a statement");
    }
    assert_eq!(other.trees.choose(&other.cx, false), Route::Renewal, "it speaks often");
    assert_eq!(other.trees.choose(&other.cx, false), Route::Usual);
}

#[test]
fn who_speaks_now_and_then_makes_no_tree() {
    let mut peer = Peer::with_neighbors(2);
    for _ in 0..20 {
        peer.first(0, Route::Renewal, 1);
        assert_eq!(peer.trees.choose(&peer.cx, false), along(Some(1)));
        peer.pass(10);
    }
}

#[test]
fn a_worn_or_an_old_tree_carries_nobody() {
    for (messages, seconds) in [(WORN, 30), (1, 300)] {
        let mut peer = Peer::with_neighbors(2);
        peer.first(0, Route::Renewal, 1);
        for _ in 0..messages {
            assert_eq!(peer.trees.choose(&peer.cx, true), along(Some(1)));
        }
        peer.pass(seconds - 1);
        assert_eq!(peer.trees.choose(&peer.cx, true), along(Some(1)));
        peer.pass(1);
        assert_eq!(peer.trees.choose(&peer.cx, true), Route::Renewal);
    }
}

/// Nobody has every message flooded by saying that its tree grows anew.
#[test]
fn a_tree_grows_anew_after_a_silence_only() {
    let mut peer = Peer::with_neighbors(2);
    let renewal = Arrival::new(SOURCE, Route::Renewal, Hop(1));
    let mut renewed = 0;
    for _ in 0..60 {
        renewed += u32::from(peer.trees.enter(&peer.cx, renewal));
        let from = peer.neighbor(0);
        peer.trees.on_first_copy(&mut peer.cx, &from, renewal, &[]);
        peer.pass(1);
    }
    assert_eq!(renewed, 1, "the first, which makes it");
    peer.pass(15);
    assert!(peer.trees.enter(&peer.cx, renewal));
}

#[test]
fn a_prune_on_its_way_when_the_tree_grows_anew_is_taken_back() {
    let mut peer = Peer::with_neighbors(2);
    peer.first(0, Route::Renewal, 1);
    peer.pass(20);
    peer.again(1, 2, 1);
    assert_eq!(peer.first(1, Route::Renewal, 1), [(1, "Graft")]);
    assert_eq!(peer.parent(), Some(peer.slot(1)));
}

#[test]
fn sources_that_somebody_makes_up_leave_a_bounded_number_of_trees() {
    let mut peer = Peer::with_neighbors(2);
    for n in 0..200 {
        let source = NodeId::new([n; 32]);
        peer.trees.enter(&peer.cx, Arrival::new(source, Route::Renewal, Hop(1)));
    }
    assert_eq!(peer.trees.len(), 64);
    peer.pass(30);
    peer.trees.enter(&peer.cx, Arrival::new(SOURCE, Route::Renewal, Hop(1)));
    assert!(peer.trees.len() == 64 && peer.trees.find(SOURCE).is_some(), "a silent one went");
}
