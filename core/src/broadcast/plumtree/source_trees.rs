//! A tree for each of the sources that spoke last. The messages of all others, and statements about
//! members, travel in one of these trees, which each copy names.
//!
//! ```text
//! source ──▶ its neighbors ──▶ ... every peer has one parent in the tree, and asks for it
//! other  ──▶ parent and children ──▶ ... along the same links, in both directions
//! ```
//!
//! A tree has no holes, because nobody gives up the link that feeds it: a peer prunes only whoever is
//! not its parent, and nobody but the peer itself ends what its parent sends. A parent is changed by
//! asking the new one first; the old one is pruned by the first message that the new one was quicker
//! with. A message of another source changes no parent, since it comes from wherever it began.
//!
//! Departure: the paper has one tree for all, or one for each source. A shared tree has holes where the
//! messages of two sources prune it at once, and is short only for whoever was its root; a tree for each
//! of many sources takes room that large networks in one process do not have.
//!
//! A tree has two words: who wants names only, and who was told so. A new neighbor is in neither, so it
//! is eager in all trees (§3.7) without being entered.

use alloc::vec::Vec;
use core::time::Duration;

use super::arrival::Arrival;
use super::missing::Announcer;
use super::rival::Rival;
use crate::context::Context;
use crate::id::{Hop, NodeId};
use crate::links::neighbors::{Neighbor, Slot, SlotSet, Via};
use crate::time::Instant;
use crate::util::room::make_room;
use crate::wire::{BroadcastMessage, Graft, Prune, Route};

/// The trees that a peer has a part in.
#[derive(Clone, Debug, Default)]
pub(super) struct SourceTrees {
    /// Whichever carried a message last is last.
    all: Vec<Tree>,
    /// When this peer said something last that was no statement about members.
    spoke: Option<Instant>,
}

/// The tree of one source.
#[derive(Clone, Debug)]
struct Tree {
    source: NodeId,
    /// Who wants names only: those that told this peer so.
    lazy: SlotSet,
    /// Who was told to send names only, and when somebody was told last.
    pruned: SlotSet,
    pruned_at: Instant,
    /// Who feeds this peer. `None` at the source, and where no message of the source has come since the
    /// last one was lost.
    parent: Option<Slot>,
    rival: Option<Rival>,
    /// Who had the last message of the source first, unless that is the parent.
    ahead: Option<Slot>,
    /// When its source spoke last.
    spoke: Instant,
    /// Messages of others since then.
    foreign: u16,
}

/// A tree whose source has been silent for so long goes if there is no room for another. *Guess: several
/// messages of a source that speaks now and then.*
const KEPT: Duration = Duration::from_secs(30);

/// After so long nobody travels in it any more, the source neither: peers have come that know no parent
/// in it, and links have gone. *Guess: the message that makes a new one costs each peer three copies too
/// many.*
const CARRIES: Duration = Duration::from_mins(5);

/// The same holds for a tree that has carried so many messages of others since its source spoke, if that
/// is [`KEPT`] ago.
const WORN: u16 = 128;

/// A peer has room for so many times the trees that sources make: several may make the last one at once.
const ROOM: usize = 2;

impl SourceTrees {
    /// How a message of this peer begins: along its own tree, or along the one that carried the last
    /// message. It makes a tree of its own if it has spoken before, and there are not too many, or if
    /// there is no other.
    pub(super) fn choose(&mut self, cx: &Context, is_statement: bool) -> Route {
        let (now, me) = (cx.now, cx.me());
        let is_hot =
            !is_statement && self.spoke.replace(now).is_some_and(|last| now.since(last) < KEPT);
        self.all.retain(|tree| tree.carries(now));
        if let Some(own) = self.find_to_carry(me) {
            own.on_spoken(now);
            return Route::Usual;
        }
        let hot = self.all.iter().filter(|tree| now.since(tree.spoke) < KEPT).count();
        let has_room = hot < cx.config.broadcast.plumtree.trees;
        match self.all.last_mut() {
            Some(last) if !(is_hot && has_room) => {
                last.foreign = last.foreign.saturating_add(1);
                Route::Along(last.source)
            }
            Some(_) | None => {
                self.insert(Tree::new(me, now));
                Route::Renewal
            }
        }
    }

    /// A new message is about to be spread: there is a tree for it, if there is room, and it is new if
    /// the message says so. A source says so after a silence only, so none can have each of its messages
    /// flooded. Returns whether the message keeps its route.
    pub(super) fn enter(&mut self, cx: &Context, arrival: Arrival) -> bool {
        let is_renewal = arrival.route == Route::Renewal;
        match self.find_mut(arrival.tree) {
            Some(tree) if is_renewal => {
                let may = cx.now.since(tree.spoke) >= KEPT / 2;
                if may {
                    tree.renew(cx);
                }
                may
            }
            Some(_) => true,
            None => {
                if !arrival.is_detour() && self.has_room(cx) {
                    self.insert(Tree::new(arrival.tree, cx.now));
                }
                true
            }
        }
    }

    /// Who does not get the payload of a message that travels like this. Where there was no room for its
    /// tree it goes along another, like a message of another source.
    pub(super) fn lazy(&self, arrival: Arrival) -> SlotSet {
        let named = self.find(arrival.tree);
        let is_own = named.is_some() && arrival.is_own();
        let Some(tree) = named.or_else(|| self.all.last()) else { return SlotSet::default() };
        let mut lazy = tree.lazy;
        if let Some(parent) = tree.parent.filter(|_| !is_own) {
            lazy.remove(parent);
        }
        lazy
    }

    /// All neighbors get the next payload of this tree.
    pub(super) fn make_all_eager(&mut self, source: NodeId) {
        if let Some(tree) = self.find_mut(source) {
            tree.lazy = SlotSet::default();
        }
    }

    /// A new message came along the tree.
    pub(super) fn on_first_copy(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        arrival: Arrival,
        announcers: &[Announcer],
    ) {
        let Some(tree) = self.find_to_carry(arrival.tree) else { return };
        if arrival.is_own() {
            tree.on_spoken(cx.now);
            tree.on_own(cx, from, announcers);
        } else {
            tree.foreign = tree.foreign.saturating_add(1);
            tree.on_foreign(cx, from);
        }
    }

    /// A message came again, on a link that is no branch then, unless it is the one that feeds this peer.
    /// The first copy had travelled over `first` links, if that is known.
    pub(super) fn on_repeated(
        &mut self,
        cx: &mut Context,
        from: &Neighbor,
        arrival: Arrival,
        first: Option<Hop>,
    ) {
        let Some(tree) = self.find_mut(arrival.tree) else { return };
        if tree.parent == Some(from.slot) {
            if let Some(first) = first.filter(|_| arrival.is_own()) {
                tree.on_parent_late(cx, from, arrival.hop <= first);
            }
        } else if tree.is_fed(cx) {
            tree.reject(cx, from);
        }
    }

    /// The name of a message came after the message.
    pub(super) fn on_late_name(&mut self, now: Instant, slot: Slot, source: NodeId) {
        let rival = self.find_mut(source).and_then(|tree| tree.rival.as_mut());
        if let Some(rival) = rival.filter(|rival| rival.slot == slot) {
            rival.lose(now);
        }
    }

    /// This neighbor was asked for a message, and to go on sending.
    pub(super) fn on_asked(&mut self, slot: Slot, source: NodeId) {
        if let Some(tree) = self.find_mut(source) {
            tree.lazy.remove(slot);
            tree.pruned.remove(slot);
        }
    }

    /// A neighbor wants the payloads of this tree.
    pub(super) fn on_graft(&mut self, slot: Slot, source: NodeId) {
        if let Some(tree) = self.find_mut(source) {
            tree.lazy.remove(slot);
        }
    }

    /// A neighbor wants names only.
    pub(super) fn on_prune(&mut self, slot: Slot, source: NodeId) {
        if let Some(tree) = self.find_mut(source) {
            tree.lazy.insert(slot);
        }
    }

    /// The neighbor of this slot is gone; the next one in it is eager (§3.7). Where it was the parent,
    /// any other may become it: all are asked to send, and all but the quickest are pruned again.
    pub(super) fn on_neighbor_down(&mut self, cx: &mut Context, slot: Slot) {
        for tree in &mut self.all {
            tree.lazy.remove(slot);
            tree.pruned.remove(slot);
            tree.rival = tree.rival.filter(|rival| rival.slot != slot);
            tree.ahead = tree.ahead.filter(|ahead| *ahead != slot);
            if tree.parent == Some(slot) {
                tree.ask_all(cx);
            }
        }
    }

    fn find(&self, source: NodeId) -> Option<&Tree> {
        self.all.iter().rfind(|tree| tree.source == source)
    }

    fn find_mut(&mut self, source: NodeId) -> Option<&mut Tree> {
        self.all.iter_mut().rfind(|tree| tree.source == source)
    }

    /// The tree of this source, which is about to carry a message.
    fn find_to_carry(&mut self, source: NodeId) -> Option<&mut Tree> {
        let place = self.all.iter().rposition(|tree| tree.source == source)?;
        self.all[place..].rotate_left(1);
        self.all.last_mut()
    }

    fn insert(&mut self, tree: Tree) {
        make_room(&mut self.all);
        self.all.push(tree);
    }

    /// Makes room for one more tree, if the source of one has been silent for long.
    fn has_room(&mut self, cx: &Context) -> bool {
        let max = ROOM * cx.config.broadcast.plumtree.trees;
        let is_silent = |tree: &Tree| cx.now.since(tree.spoke) >= KEPT;
        if self.all.len() >= max
            && let Some(place) = self.all.iter().position(is_silent)
        {
            self.all.remove(place);
        }
        self.all.len() < max
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn slots(&self) -> impl Iterator<Item = SlotSet> + '_ {
        self.all.iter().flat_map(|tree| {
            let mut fed_by = SlotSet::default();
            tree.parent
                .iter()
                .chain(&tree.ahead)
                .chain(tree.rival.as_ref().map(|it| &it.slot))
                .for_each(|slot| fed_by.insert(*slot));
            [tree.lazy, tree.pruned, fed_by]
        })
    }

    /// Whether in some tree this peer told its own parent to send names only.
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn has_pruned_parent(&self) -> bool {
        let is_pruned = |tree: &Tree| tree.parent.is_some_and(|slot| tree.pruned.contains(slot));
        self.all.iter().any(is_pruned)
    }
}

impl Tree {
    fn new(source: NodeId, now: Instant) -> Self {
        let (lazy, pruned) = (SlotSet::default(), SlotSet::default());
        Self {
            source,
            lazy,
            pruned,
            pruned_at: now,
            parent: None,
            rival: None,
            ahead: None,
            spoke: now,
            foreign: 0,
        }
    }

    /// Whether messages may travel in it.
    fn carries(&self, now: Instant) -> bool {
        let silent = now.since(self.spoke);
        silent < CARRIES && (self.foreign < WORN || silent < KEPT)
    }

    /// Its source says something.
    const fn on_spoken(&mut self, now: Instant) {
        (self.spoke, self.foreign) = (now, 0);
    }

    /// As at the beginning. Only what was pruned a moment ago is remembered: a `Prune` that is still on
    /// its way would end what the new parent sends.
    fn renew(&mut self, cx: &Context) {
        let on_its_way = cx.neighbors.slow_round_trip().unwrap_or(KEPT);
        if cx.now.since(self.pruned_at) > on_its_way {
            self.pruned = SlotSet::default();
        }
        self.lazy = SlotSet::default();
        (self.parent, self.rival, self.ahead) = (None, None, None);
    }

    /// Whether it is known whence this peer has the messages of the source. Where it is not, any
    /// neighbor may become the parent with the next one, so none is pruned.
    fn is_fed(&self, cx: &Context) -> bool {
        self.parent.is_some() || self.source == cx.me()
    }

    /// A new message of the source itself came from here.
    fn on_own(&mut self, cx: &mut Context, from: &Neighbor, announcers: &[Announcer]) {
        self.ahead = None;
        if self.parent.is_none() {
            self.adopt(cx, from);
        } else if self.parent == Some(from.slot) {
            self.on_announced(cx, announcers);
        } else if self.rival_is_better(cx.now, from.slot) {
            self.adopt(cx, from);
        } else {
            self.ahead = Some(from.slot);
        }
    }

    /// A new message of another source came from here. Where the other side wants names only and does
    /// not feed this peer, the link is no branch for either.
    fn on_foreign(&mut self, cx: &mut Context, from: &Neighbor) {
        let is_parent = self.parent == Some(from.slot);
        if self.is_fed(cx) && !is_parent && self.lazy.contains(from.slot) {
            self.reject(cx, from);
        }
    }

    /// A neighbor that sends payloads had a message earlier than the parent. Returns whether it becomes
    /// the parent.
    fn rival_is_better(&mut self, now: Instant, slot: Slot) -> bool {
        let is_other = |rival: &Rival| rival.slot != slot;
        if self.rival.as_ref().is_none_or(|rival| is_other(rival) && !rival.is_grafted) {
            self.rival = Some(Rival::new(slot, now));
        }
        let rival = self.rival.as_mut().filter(|rival| !is_other(rival));
        rival.is_some_and(|rival| rival.is_grafted || rival.win(now))
    }

    /// Neighbors that send names had announced a message before the parent sent it.
    fn on_announced(&mut self, cx: &mut Context, announcers: &[Announcer]) {
        let others = announcers.iter().filter_map(|it| cx.neighbors.by_link(it.link));
        let mut others = others.map(Neighbor::via).filter(|via| Some(via.slot) != self.parent);
        let held = self.rival.map(|rival| rival.slot);
        let Some(via) = others.find(|via| held.is_none_or(|held| held == via.slot)) else { return };
        let rival = self.rival.get_or_insert_with(|| Rival::new(via.slot, cx.now));
        if rival.win(cx.now) && !rival.is_grafted {
            rival.is_grafted = true;
            self.ask(cx, via);
        }
    }

    /// This neighbor feeds this peer from now on.
    fn adopt(&mut self, cx: &mut Context, from: &Neighbor) {
        (self.parent, self.rival) = (Some(from.slot), None);
        // It was told to send names only, and this message was on its way.
        if self.pruned.contains(from.slot) {
            self.ask(cx, from.via());
        }
    }

    /// The parent sent what another neighbor had sent before: both send, and one is enough. If the
    /// parent's way is no longer, the other one may have been lucky, and its names will show whether it
    /// goes on like this. If it is longer, it may lead through this peer, since the other one feeds it as
    /// well: then the other one is the parent. Of those who feed each other in a circle at least one
    /// finds that.
    fn on_parent_late(&mut self, cx: &mut Context, parent: &Neighbor, is_as_short: bool) {
        let Some(ahead) = self.ahead.take() else { return };
        let Some(ahead) = cx.neighbors.iter().find(|it| it.slot == ahead).cloned() else { return };
        if is_as_short {
            self.prune(cx, &ahead);
        } else {
            self.adopt(cx, &ahead);
            self.prune(cx, parent);
        }
    }

    /// The link that fed this peer is gone: any other may do so now.
    fn ask_all(&mut self, cx: &mut Context) {
        (self.parent, self.rival) = (None, None);
        let mut place = 0;
        while let Some(via) = cx.neighbors.at(place).map(Neighbor::via) {
            if self.pruned.contains(via.slot) {
                self.ask(cx, via);
            }
            place += 1;
        }
    }

    fn ask(&mut self, cx: &mut Context, to: Via) {
        self.pruned.remove(to.slot);
        self.lazy.remove(to.slot);
        cx.stats.grafts_sent += 1;
        let graft = Graft { source: self.source, id: None };
        cx.send(to.link, BroadcastMessage::Graft(graft));
    }

    /// This neighbor sends in vain: it is no rival.
    fn reject(&mut self, cx: &mut Context, from: &Neighbor) {
        self.rival = self.rival.filter(|rival| rival.slot != from.slot);
        self.prune(cx, from);
    }

    fn prune(&mut self, cx: &mut Context, from: &Neighbor) {
        self.pruned.insert(from.slot);
        self.pruned_at = cx.now;
        cx.stats.prunes_sent += 1;
        cx.send(from.link, BroadcastMessage::Prune(Prune { source: self.source }));
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::rival::WINS;
    use super::*;
    use crate::config::Config;
    use crate::id::LinkId;
    use crate::io::Output;
    use crate::testing::{context, record};
    use crate::wire::Message;

    const SOURCE: NodeId = NodeId::new([50; 32]);
    const OTHER: NodeId = NodeId::new([60; 32]);

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
            let (from, hop) = (self.neighbor(from), Hop(hop));
            let arrival = Arrival::new(SOURCE, route, hop);
            self.trees.enter(&self.cx, arrival);
            let by = by.iter().map(|n| Announcer { link: LinkId::dialed((*n).into()), hop });
            let by: Vec<Announcer> = by.collect();
            self.trees.on_first_copy(&mut self.cx, &from, arrival, &by);
            self.said()
        }

        /// The same message comes again.
        fn again(&mut self, from: u8, hop: u16, first: u16) -> Vec<(u8, &'static str)> {
            let from = self.neighbor(from);
            let arrival = Arrival::new(SOURCE, Route::Usual, Hop(hop));
            self.trees.on_repeated(&mut self.cx, &from, arrival, Some(Hop(first)));
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
        assert_eq!(
            peer.again(0, 4, 2),
            [(0, "Prune")],
            "the parent's way may lead through this peer"
        );
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
        let gone = peer.cx.neighbors.remove(LinkId::dialed(0)).expect("it was one");
        peer.trees.on_neighbor_down(&mut peer.cx, gone.slot);
        assert_eq!(peer.said(), [(1, "Graft"), (2, "Graft")]);
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
            let slot = peer.slot(n);
            peer.trees.on_prune(slot, SOURCE);
        }
        let along = Arrival::new(OTHER, Route::Along(SOURCE), Hop(1));
        let lazy = peer.trees.lazy(along);
        assert!(lazy.contains(peer.slot(1)) && !lazy.contains(peer.slot(0)), "the parent gets it");
        assert!(!lazy.contains(peer.slot(2)), "and a child");
        let own = peer.trees.lazy(Arrival::new(SOURCE, Route::Usual, Hop(1)));
        assert!(own.contains(peer.slot(0)), "but not what it sent");
        let child = peer.neighbor(2);
        peer.trees.on_first_copy(&mut peer.cx, &child, along, &[]);
        assert_eq!((peer.said(), peer.parent()), (Vec::new(), Some(peer.slot(0))));
    }

    /// Whoever knows a tree by messages of others alone cannot tell who is fed.
    #[test]
    fn a_newcomer_prunes_nobody_before_the_source_has_spoken() {
        let mut peer = Peer::with_neighbors(3);
        assert_eq!(peer.first(0, Route::Along(SOURCE), 2), []);
        assert_eq!(peer.parent(), None);
        let along = Arrival::new(OTHER, Route::Along(SOURCE), Hop(2));
        let from = peer.neighbor(1);
        peer.trees.on_first_copy(&mut peer.cx, &from, along, &[]);
        peer.trees.on_repeated(&mut peer.cx, &from, along, Some(Hop(2)));
        assert_eq!(peer.said(), []);
    }

    #[test]
    fn the_first_message_makes_a_tree_and_others_travel_in_it() {
        let mut peer = Peer::with_neighbors(2);
        assert_eq!(peer.trees.choose(&peer.cx, true), Route::Renewal, "there is none");
        assert_eq!(peer.trees.choose(&peer.cx, false), Route::Usual, "its own");
        let mut other = Peer::with_neighbors(2);
        other.first(0, Route::Renewal, 1);
        assert_eq!(other.trees.choose(&other.cx, false), Route::Along(SOURCE));
        assert_eq!(other.trees.choose(&other.cx, true), Route::Along(SOURCE), "a statement");
        assert_eq!(other.trees.choose(&other.cx, false), Route::Renewal, "it speaks again");
        assert_eq!(other.trees.choose(&other.cx, false), Route::Usual);
    }

    #[test]
    fn a_worn_or_an_old_tree_carries_nobody() {
        for (messages, seconds) in [(WORN, 30), (1, 300)] {
            let mut peer = Peer::with_neighbors(2);
            peer.first(0, Route::Renewal, 1);
            for _ in 0..messages {
                assert_eq!(peer.trees.choose(&peer.cx, true), Route::Along(SOURCE));
            }
            peer.pass(seconds - 1);
            assert_eq!(peer.trees.choose(&peer.cx, true), Route::Along(SOURCE));
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
}
