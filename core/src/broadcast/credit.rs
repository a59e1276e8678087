//! Flow control of payloads: what is owed is sent when it is taken again, and neighbors hear how much this
//! peer takes itself.

use core::time::Duration;

use crate::broadcast::timer::BroadcastTimer;
use crate::broadcast::{Broadcast, Strategy, traffic, waits};
use crate::context::Context;
use crate::id::LinkId;
use crate::io::Output;
use crate::links::flow::{CONGESTED, Credit, Owed, Promise};
use crate::links::neighbors::{Neighbor, Via};
use crate::time::Instant;
use crate::wire::BroadcastMessage;

/// Most bytes of gossip that a peer which leaves sends a neighbor that it owes some.
const LAST: usize = 4 * CONGESTED;

/// How often a peer that is pressed drops what has grown too old.
const EXPIRE_EVERY: Duration = Duration::from_millis(500);

/// Much waits for a neighbor's link.
pub(crate) fn on_congested(cx: &mut Context, link: LinkId) {
    if let Some(via) = cx.neighbors.by_link(link).map(Neighbor::via) {
        cx.flow.pause(via);
    }
}

impl Broadcast {
    /// Little waits for it now.
    pub(crate) fn on_ready(&mut self, cx: &mut Context, link: LinkId) {
        if cx.flow.on_ready(link) {
            self.resume(cx, link);
        }
    }

    /// The program is behind, or has caught up: then neighbors say what they hold, of which nothing was pulled
    /// meanwhile.
    pub(crate) fn on_reader(&mut self, cx: &mut Context, is_behind: bool) {
        let has_caught_up = cx.flow.is_behind() && !is_behind;
        cx.flow.on_reader(is_behind);
        let mut place = 0;
        while has_caught_up && let Some(to) = cx.neighbors.at(place).map(Neighbor::via) {
            self.memory.tell(cx, to, true);
            place += 1;
        }
    }

    /// A neighbor says what it takes now.
    pub(super) fn on_credit(&mut self, cx: &mut Context, from: &Neighbor, credit: Credit) {
        cx.flow.on_credit(from.via(), credit);
        self.resume(cx, from.link);
    }

    /// A neighbor may take payloads again: what it is owed is sent, as much as its driver has room for.
    fn resume(&mut self, cx: &mut Context, link: LinkId) {
        let Some(via) = cx.neighbors.by_link(link).map(Neighbor::via) else { return };
        if !self.send_owed(cx, via, CONGESTED) {
            cx.flow.pause(via);
            cx.output(Output::AwaitReady { link });
        }
        if cx.flow.settle_up(link) {
            self.memory.tell(cx, via, false);
        }
    }

    /// Sends a neighbor what it is owed and takes now. False: so many bytes were not all.
    fn send_owed(&mut self, cx: &mut Context, to: Via, bytes: usize) -> bool {
        let mut room = bytes;
        while let Some(Promise { id, route }) = cx.flow.next(to.link) {
            let Some(stored) = self.memory.store.unexpired(cx, id) else { continue };
            if !stored.owed.contains(to.slot) {
                continue;
            }
            stored.settle(&mut cx.flow, to.slot);
            stored.holders.insert(to.slot);
            room = room.saturating_sub(stored.envelope.encoded_len());
            traffic::send_copy(cx, to.link, stored, route);
            if room == 0 {
                return false;
            }
        }
        true
    }

    /// Where the store is nearly full and a neighbor may still ask for its oldest message, whose name it was
    /// told: until when that is so of an eighth of the store. Not of the oldest alone, or pressure would begin
    /// and end with each message. What is owed goes behind what came later, so the oldest may be the younger.
    fn crowded_until(&self, cx: &Context) -> Option<Instant> {
        let (oldest, eighth) = self.memory.store.oldest_of_many(cx)?;
        match &self.strategy {
            Strategy::Flood => None,
            Strategy::Plumtree(tree) => {
                let promise = tree.promise(cx);
                Some(oldest.max(eighth) + promise).filter(|_| oldest + promise > cx.now)
            }
        }
    }

    /// This peer leaves: what a neighbor is owed goes now or never.
    pub(crate) fn send_last(&mut self, cx: &mut Context, link: LinkId) {
        if let Some(via) = cx.neighbors.by_link(link).map(Neighbor::via) {
            cx.flow.on_ready(link);
            cx.flow.on_credit(via, Credit { payloads: true, pressure: 0 });
            self.send_owed(cx, via, LAST);
        }
    }

    /// Tells neighbors what this peer takes now and how far sources have to wait, if that is news.
    pub(crate) fn tell_credit(&mut self, cx: &mut Context) {
        if self.crowded_until.is_none_or(|until| until <= cx.now) {
            self.crowded_until = self.crowded_until(cx);
        }
        if let Some(until) = self.crowded_until {
            cx.timers.arm(BroadcastTimer::Promise, until);
        }
        let bounds = &cx.config.broadcast;
        let room = Owed { bytes: bounds.store_bytes, count: bounds.store_count };
        cx.flow.press(room, self.crowded_until.is_some());
        if cx.flow.has_changed() {
            Self::tell_changes(cx);
        }
        // While sources wait nothing new comes that would drop what is too old to be owed.
        if cx.flow.is_pressed() && !cx.timers.is_armed(BroadcastTimer::Promise) {
            cx.arm(BroadcastTimer::Promise, EXPIRE_EVERY);
        }
    }

    fn tell_changes(cx: &mut Context) {
        let (now, pace) = (cx.now, waits::gather(cx));
        let Context { flow, neighbors, .. } = cx;
        for (link, Credit { payloads, pressure }) in flow.news(neighbors, now, pace) {
            cx.send(link, BroadcastMessage::Credit { payloads, pressure });
        }
        if let Some(due) = cx.flow.next_news(pace) {
            cx.timers.arm(BroadcastTimer::Credit, due);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::config::Config;
    use crate::id::MessageId;
    use crate::links::flow::FAR;
    use crate::messaging::{Payload, Topic};
    use crate::snapshot::Spread;
    use crate::testing::{context, record};
    use crate::wire::Message;

    /// A peer with three neighbors.
    struct Peer {
        cx: Context,
        broadcast: Broadcast,
        said: u8,
    }

    impl Peer {
        fn new(config: Config) -> Self {
            let mut cx = context(config);
            let broadcast = Broadcast::new(&mut cx);
            for n in 2..5 {
                cx.neighbors.insert(link(n), record(n), cx.now);
            }
            Self { cx, broadcast, said: 0 }
        }

        fn neighbor(&self, n: u8) -> Neighbor {
            self.cx.neighbors.by_link(link(n)).expect("a neighbor").clone()
        }

        /// Says something of so many bytes, of which the first is its number.
        fn say(&mut self, len: usize) {
            self.said = self.said.wrapping_add(1);
            let mut payload = alloc::vec![0; len];
            payload[0] = self.said;
            let payload = Payload::new(payload).expect("short");
            self.broadcast.publish(&mut self.cx, Topic::default(), payload);
            // A driver writes at once.
            (2..5).for_each(|n| self.broadcast.on_idle(&mut self.cx, link(n)));
        }

        /// The link with a neighbor breaks.
        fn lose(&mut self, n: u8) {
            let down = self.cx.neighbors.remove(link(n)).expect("a neighbor");
            self.broadcast.on_neighbor_down(&mut self.cx, &down, true);
        }

        fn congested(&mut self, n: u8) {
            on_congested(&mut self.cx, link(n));
        }

        fn ready(&mut self, n: u8) {
            self.broadcast.on_ready(&mut self.cx, link(n));
        }

        fn credit(&mut self, n: u8, payloads: bool, pressure: u8) {
            let from = self.neighbor(n);
            let credit = BroadcastMessage::Credit { payloads, pressure };
            self.broadcast.on_message(&mut self.cx, &from, credit);
        }

        /// What neighbors were sent since: payloads by their number, and the credit that they were told.
        fn sent(&mut self) -> Sent {
            // Long after neighbors were told that they may send again.
            self.sent_after(Duration::from_millis(10))
        }

        fn sent_after(&mut self, time: Duration) -> Sent {
            self.cx.now = self.cx.now + time;
            self.broadcast.tell_credit(&mut self.cx);
            self.broadcast.invariants(&self.cx).expect("all is counted");
            let mut sent = Sent::default();
            while let Some(output) = self.cx.poll_output() {
                if let Output::Send { link: to, message: Message::Broadcast(message) } = output {
                    let to = (2..5).find(|n| link(*n) == to).expect("a neighbor");
                    sent.note(to, &message);
                }
            }
            sent
        }

        /// Payloads that this neighbor was sent since.
        fn sent_to(&mut self, n: u8) -> Vec<u8> {
            let payloads = self.sent().payloads.into_iter();
            payloads.filter(|(to, _)| *to == n).map(|(_, payload)| payload).collect()
        }
    }

    #[derive(Debug, Default)]
    struct Sent {
        payloads: Vec<(u8, u8)>,
        named: Vec<(u8, usize)>,
        credit: Vec<(u8, bool, u8)>,
    }

    impl Sent {
        fn note(&mut self, to: u8, message: &BroadcastMessage) {
            if let BroadcastMessage::Gossip(it) = message {
                let first = it.envelope.payloads().next().expect("one at least");
                self.payloads.push((to, first[0]));
            } else if let BroadcastMessage::Credit { payloads, pressure } = message {
                self.credit.push((to, *payloads, *pressure));
            } else if let BroadcastMessage::Digest(it) = message {
                self.named.push((to, it.ids.len()));
            } else {
                panic!("{message:?}");
            }
        }
    }

    fn link(n: u8) -> LinkId {
        LinkId::dialed(n.into())
    }

    /// With room for 64 messages of 60 KiB.
    fn small_store() -> Config {
        let mut config = Config::classic();
        config.broadcast.store_bytes = 64 * Payload::MAX;
        config
    }

    #[test]
    fn a_congested_neighbor_gets_all_in_order_when_it_is_ready() {
        for config in [Config::classic(), Config::modern()] {
            let mut peer = Peer::new(config);
            peer.congested(2);
            (0..3).for_each(|_| peer.say(10));
            let spread = Spread { pushed: 2, owed: 1, named: 0, gathered: 0 };
            assert_eq!(peer.broadcast.last_said(&peer.cx).spread, spread);
            assert!(peer.sent().payloads.iter().all(|(to, _)| *to != 2), "the others have them");
            assert_eq!(peer.cx.flow.owed().count, 3);
            peer.ready(2);
            peer.say(10);
            assert_eq!(peer.sent_to(2), [1, 2, 3, 4]);
            assert_eq!(peer.cx.flow.owed(), Owed::default());
            peer.ready(2);
            assert_eq!(peer.sent_to(2), [], "nothing is owed");
        }
    }

    #[test]
    fn no_more_is_sent_at_once_than_the_driver_has_room_for() {
        let mut peer = Peer::new(Config::classic());
        peer.congested(2);
        (0..10).for_each(|_| peer.say(Payload::MAX));
        peer.sent();
        peer.ready(2);
        let portion = CONGESTED.div_ceil(Payload::MAX);
        assert_eq!(peer.sent_to(2).len(), portion, "the driver is full again, and will say so");
        peer.say(10);
        assert_eq!(peer.sent_to(2), [], "it waits behind the others");
        (0..2).for_each(|_| peer.ready(2));
        assert_eq!(peer.sent_to(2), [6, 7, 8, 9, 10, 11]);
    }

    #[test]
    fn a_pull_of_much_is_answered_as_the_driver_has_room() {
        let mut peer = Peer::new(Config::classic());
        (0..10).for_each(|_| peer.say(Payload::MAX));
        peer.cx.neighbors.insert(LinkId::dialed(9), record(9), peer.cx.now);
        let newcomer = peer.cx.neighbors.by_link(LinkId::dialed(9)).expect("a neighbor").clone();
        peer.sent();
        let ids = peer.broadcast.memory.store.ids(&peer.cx);
        peer.broadcast.on_message(&mut peer.cx, &newcomer, BroadcastMessage::Pull { ids });
        let sent = |peer: &mut Peer| {
            let outputs = core::iter::from_fn(|| peer.cx.poll_output());
            outputs.filter(|output| matches!(output, Output::Send { .. })).count()
        };
        assert_eq!(sent(&mut peer), CONGESTED.div_ceil(Payload::MAX));
        (0..2).for_each(|_| peer.broadcast.on_ready(&mut peer.cx, newcomer.link));
        assert_eq!(sent(&mut peer), 10 - CONGESTED.div_ceil(Payload::MAX));
    }

    #[test]
    fn a_neighbor_that_is_behind_gets_payloads_when_it_has_caught_up() {
        let mut peer = Peer::new(Config::classic());
        peer.credit(2, false, 0);
        peer.say(10);
        assert_eq!(peer.sent_to(2), []);
        peer.congested(2);
        peer.credit(2, true, 0);
        assert_eq!(peer.sent_to(2), [], "now the link does not take it");
        peer.ready(2);
        assert_eq!(peer.sent_to(2), [1]);
    }

    #[test]
    fn a_neighbor_that_has_it_from_elsewhere_is_owed_it_no_more() {
        let mut peer = Peer::new(Config::classic());
        peer.congested(2);
        (0..2).for_each(|_| peer.say(10));
        let has = peer.broadcast.memory.store.ids(&peer.cx)[0];
        let digest = crate::wire::Digest { ids: alloc::vec![has], reply: false };
        let from = peer.neighbor(2);
        peer.broadcast.on_message(&mut peer.cx, &from, BroadcastMessage::Digest(digest));
        assert_eq!(peer.cx.flow.owed().count, 1);
        peer.sent();
        peer.ready(2);
        assert_eq!(peer.sent_to(2), [2]);
    }

    #[test]
    fn sources_wait_while_a_quarter_of_the_store_is_owed() {
        let mut peer = Peer::new(small_store());
        peer.congested(2);
        (0..15).for_each(|_| peer.say(Payload::MAX));
        assert_eq!(peer.sent().credit, []);
        assert!(peer.cx.flow.is_free());
        peer.say(Payload::MAX);
        assert_eq!(peer.sent().credit, [2, 3, 4].map(|n| (n, true, FAR)));
        assert!(!peer.cx.flow.is_free());
        peer.ready(2);
        peer.say(Payload::MAX);
        assert_eq!(peer.sent().credit, [], "more than an eighth");
        peer.ready(2);
        assert_eq!(peer.sent().credit, [2, 3, 4].map(|n| (n, true, 0)));
        assert!(peer.cx.flow.is_free());
    }

    /// Whoever misses a message asks for it when t1 and t2 are over, perhaps more than once.
    #[test]
    fn sources_wait_while_the_store_is_full_of_what_was_named_lately() {
        for (config, waits) in [(Config::classic(), false), (Config::modern(), true)] {
            let store_bytes = small_store().broadcast.store_bytes;
            let mut peer = Peer::new(config);
            alloc::sync::Arc::make_mut(&mut peer.cx.config).broadcast.store_bytes = store_bytes;
            (0..47).for_each(|_| peer.say(Payload::MAX));
            peer.sent();
            assert!(peer.cx.flow.is_free());
            (0..3).for_each(|_| peer.say(Payload::MAX));
            assert_eq!(peer.sent().credit.len(), if waits { 3 } else { 0 });
            assert_eq!(peer.cx.timers.is_armed(BroadcastTimer::Promise), waits);
            peer.cx.now = peer.cx.now + Duration::from_secs(1);
            assert_eq!(peer.sent().credit.len(), if waits { 3 } else { 0 });
            assert!(peer.cx.flow.is_free());
        }
    }

    /// The same where the store is full by number.
    #[test]
    fn sources_wait_while_there_is_room_for_few_messages_more() {
        let mut config = Config::modern();
        config.broadcast.store_count = 64;
        let mut peer = Peer::new(config);
        (0..48).for_each(|_| peer.say(10));
        peer.sent();
        assert!(peer.cx.flow.is_free());
        peer.say(10);
        peer.sent();
        assert!(!peer.cx.flow.is_free());
    }

    /// The store holds what was said within the time for which somebody may ask for it, more or less: the
    /// oldest message goes in and out of that time with each new one.
    #[test]
    fn pressure_of_a_full_store_does_not_come_and_go_with_each_message() {
        let mut config = small_store();
        config.broadcast.kind = Config::modern().broadcast.kind;
        let mut peer = Peer::new(config);
        let mut told = 0;
        for _ in 0..300 {
            peer.say(Payload::MAX);
            for micros in [0, 6550] {
                told += peer.sent_after(Duration::from_micros(micros)).credit.len();
            }
        }
        assert!((6..300).contains(&told), "{told}");
    }

    /// What a neighbor was owed went behind what came later, and comes to the front again when it is too old
    /// to be asked for and what is before it is not.
    #[test]
    fn a_crowded_store_is_looked_at_again_later_and_not_at_once() {
        let mut config = small_store();
        config.broadcast.kind = Config::modern().broadcast.kind;
        let mut peer = Peer::new(config);
        let slot = peer.neighbor(2).slot;
        peer.congested(2);
        let mut is_front_younger = false;
        for n in 0..200_u32 {
            peer.say(Payload::MAX);
            if (10..80).contains(&n) {
                let id = *peer.broadcast.memory.store.ids(&peer.cx).last().expect("it is stored");
                let stored = peer.broadcast.memory.store.get_mut(id).expect("it is stored");
                stored.note_holder(&mut peer.cx.flow, slot);
            } else if n == 80 {
                peer.ready(2);
            }
            peer.broadcast.crowded_until = None;
            peer.sent_after(Duration::from_millis(if n < 80 { 1 } else { 6 }));
            let came = peer.broadcast.memory.store.oldest_of_many(&peer.cx);
            is_front_younger |= came.is_some_and(|(oldest, eighth)| oldest > eighth);
            let until = peer.broadcast.crowded_until;
            assert!(until.is_none_or(|until| until > peer.cx.now), "message {n}");
        }
        assert!(is_front_younger, "it would be no test");
    }

    #[test]
    fn that_less_has_to_wait_is_said_once_in_a_while() {
        let mut peer = Peer::new(Config::classic());
        let mut told = Vec::new();
        for n in 0..20 {
            peer.credit(2, true, if n % 2 == 0 { 5 } else { 0 });
            told.extend(peer.sent_after(Duration::from_millis(1)).credit);
        }
        let eased = told.iter().filter(|(n, _, pressure)| *n == 3 && *pressure == 0).count();
        assert_eq!(eased, 2, "every 10 ms: {told:?}");
        assert_eq!(peer.sent().credit, [(3, true, 0), (4, true, 0)], "the last word is said");
        peer.credit(2, true, 5);
        assert_eq!(
            peer.sent_after(Duration::ZERO).credit.len(),
            2,
            "that more has to wait, at once"
        );
        peer.credit(2, true, 0);
        assert_eq!(peer.sent_after(Duration::ZERO).credit, []);
        assert!(peer.cx.timers.is_armed(BroadcastTimer::Credit));
    }

    #[test]
    fn what_a_peer_says_of_members_needs_no_credit() {
        let mut peer = Peer::new(Config::classic());
        peer.congested(2);
        peer.credit(3, false, 0);
        let payload = Payload::new(alloc::vec![7]).expect("short");
        peer.broadcast.state(&mut peer.cx, payload);
        assert_eq!(peer.sent().payloads, [(2, 7), (3, 7), (4, 7)]);
    }

    #[test]
    fn pressure_is_passed_on_to_others_a_link_less_far() {
        let mut peer = Peer::new(Config::classic());
        peer.credit(2, true, 5);
        assert_eq!(peer.sent().credit, [(3, true, 4), (4, true, 4)]);
        assert!(!peer.cx.flow.is_free());
        peer.credit(3, true, 9);
        assert_eq!(peer.sent().credit, [(2, true, 8), (4, true, 8)]);
        peer.credit(3, true, 1);
        assert_eq!(peer.sent().credit, [(2, true, 0), (4, true, 4)]);
        peer.credit(2, true, u8::MAX);
        assert_eq!(
            peer.sent().credit,
            [(3, true, FAR - 1), (4, true, FAR - 1)],
            "no farther than it goes"
        );
        peer.lose(2);
        assert_eq!(peer.sent().credit, [(3, true, 0), (4, true, 0)]);
        peer.credit(3, true, 0);
        assert!(peer.cx.flow.is_free());
    }

    /// Three peers in a circle, of which one is pressed for a while.
    #[test]
    fn pressure_that_has_ended_ebbs_away() {
        let mut peers: Vec<Peer> = (0..3).map(|_| Peer::new(small_store())).collect();
        peers[0].congested(4);
        (0..17).for_each(|_| peers[0].say(Payload::MAX));
        let mut rounds = 0;
        let mut settle = |peers: &mut Vec<Peer>| {
            while rounds < 1000 {
                let sent: Vec<Sent> = peers.iter_mut().map(Peer::sent).collect();
                let mut is_quiet = true;
                for (from, sent) in sent.iter().enumerate() {
                    // 2 is the next one in the circle, 3 the one before.
                    for (to, payloads, pressure) in sent.credit.iter().filter(|it| it.0 < 4) {
                        let (far, side) = if *to == 2 { (from + 1, 3) } else { (from + 2, 2) };
                        peers[far % 3].credit(side, *payloads, *pressure);
                        is_quiet = false;
                    }
                }
                if is_quiet {
                    break;
                }
                rounds += 1;
            }
        };
        settle(&mut peers);
        assert!(peers.iter().all(|peer| !peer.cx.flow.is_free()));
        (0..4).for_each(|_| peers[0].ready(4));
        settle(&mut peers);
        assert!(peers.iter().all(|peer| peer.cx.flow.is_free()));
        assert!(rounds <= 2 * usize::from(FAR), "{rounds}");
    }

    #[test]
    fn what_was_named_to_a_peer_that_is_behind_is_pulled_when_it_has_caught_up() {
        let mut peer = Peer::new(Config::classic());
        let ids = alloc::vec![MessageId::new([9; 32])];
        let digest = crate::wire::Digest { ids: ids.clone(), reply: false };
        let from = peer.neighbor(2);
        let pulls = |peer: &mut Peer| {
            let digest = BroadcastMessage::Digest(digest.clone());
            peer.broadcast.on_message(&mut peer.cx, &from, digest);
            let outputs = core::iter::from_fn(|| peer.cx.poll_output());
            let is_pull = |output: &Output| {
                let pull = Message::Broadcast(BroadcastMessage::Pull { ids: ids.clone() });
                *output == Output::Send { link: link(2), message: pull }
            };
            outputs.filter(is_pull).count()
        };
        peer.broadcast.on_reader(&mut peer.cx, true);
        assert_eq!(pulls(&mut peer), 0);
        peer.broadcast.on_reader(&mut peer.cx, false);
        assert_eq!(peer.sent().named, [2, 3, 4].map(|n| (n, 0)), "each is asked what it holds");
        assert_eq!(pulls(&mut peer), 1);
    }

    #[test]
    fn a_program_that_is_behind_makes_a_peer_ask_for_nothing() {
        let mut peer = Peer::new(Config::classic());
        peer.cx.flow.on_reader(true);
        assert_eq!(peer.sent().credit, [2, 3, 4].map(|n| (n, false, 0)));
        assert_eq!(peer.sent().credit, [], "once");
        peer.lose(2);
        peer.cx.neighbors.insert(link(2), record(2), peer.cx.now);
        let up = peer.neighbor(2);
        peer.broadcast.on_neighbor_up(&mut peer.cx, &up);
        assert_eq!(peer.sent().credit, [(2, false, 0)], "whoever is new, too");
        peer.cx.flow.on_reader(false);
        assert_eq!(peer.sent().credit, [2, 3, 4].map(|n| (n, true, 0)));
    }

    #[test]
    fn what_is_owed_stays_in_the_store_while_others_go() {
        let mut peer = Peer::new(small_store());
        peer.congested(2);
        (0..5).for_each(|_| peer.say(Payload::MAX));
        let slot = peer.neighbor(2).slot;
        for said in 6..=150 {
            peer.say(Payload::MAX);
            let store = &mut peer.broadcast.memory.store;
            let is_it = |id: &MessageId| {
                store.get(*id).is_some_and(|it| it.envelope.payloads().any(|it| it[0] == said))
            };
            let id = store.ids(&peer.cx).into_iter().find(is_it).expect("it is stored");
            let stored = store.get_mut(id).expect("it is stored");
            // It has it from elsewhere.
            stored.note_holder(&mut peer.cx.flow, slot);
            assert_eq!(peer.cx.flow.owed().count, 5, "{said}");
            peer.sent();
        }
        assert_eq!(peer.cx.stats.limits.owed, 0);
        (0..2).for_each(|_| peer.ready(2));
        assert_eq!(peer.sent_to(2), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn who_is_further_behind_than_the_store_reaches_is_told_what_there_is() {
        let mut peer = Peer::new(small_store());
        peer.congested(2);
        (0..70).for_each(|_| peer.say(Payload::MAX));
        assert!(peer.cx.stats.limits.owed > 0);
        assert_eq!(peer.cx.flow.owed().count, 0, "it slows nobody any more");
        assert_eq!(peer.sent().credit, []);
        peer.say(10);
        assert_eq!(peer.cx.flow.owed().count, 0);
        peer.ready(2);
        let sent = peer.sent();
        assert_eq!(sent.payloads.iter().filter(|(to, _)| *to == 2).count(), 0);
        assert_eq!(sent.named, [(2, peer.broadcast.stored())]);
        peer.say(10);
        assert_eq!(peer.sent_to(2), [72]);
    }

    /// A neighbor that is paused for long has all of it from elsewhere: what it was owed is not kept for ever.
    #[test]
    fn no_more_is_remembered_for_a_paused_neighbor_than_a_store_holds() {
        let mut config = Config::classic();
        config.broadcast.store_count = 20;
        let mut peer = Peer::new(config);
        peer.congested(2);
        let slot = peer.neighbor(2).slot;
        for said in 1..=25 {
            peer.say(10);
            assert_eq!(peer.cx.flow.owed().count, usize::from(said <= 20), "{said}");
            let id = *peer.broadcast.memory.store.ids(&peer.cx).last().expect("it is stored");
            let stored = peer.broadcast.memory.store.get_mut(id).expect("it is stored");
            if said < 25 {
                stored.note_holder(&mut peer.cx.flow, slot);
            }
        }
        peer.sent();
        peer.ready(2);
        let Sent { payloads, named, .. } = peer.sent();
        assert_eq!(
            (payloads, named),
            (Vec::new(), alloc::vec![(2, 1)]),
            "it is told what there is"
        );
    }

    #[test]
    fn pressure_ends_when_what_is_owed_is_too_old() {
        let mut peer = Peer::new(small_store());
        peer.congested(2);
        (0..17).for_each(|_| peer.say(Payload::MAX));
        peer.sent();
        assert!(!peer.cx.flow.is_free() && peer.cx.timers.is_armed(BroadcastTimer::Promise));
        peer.cx.now = peer.cx.now + peer.cx.config.broadcast.store_age + Duration::from_millis(1);
        peer.broadcast.on_timer(&mut peer.cx, BroadcastTimer::Promise, |_| None);
        peer.sent();
        assert!(peer.cx.flow.is_free());
    }

    #[test]
    fn nobody_is_owed_what_is_too_old_or_whose_link_is_gone() {
        let mut peer = Peer::new(Config::classic());
        peer.congested(2);
        peer.congested(3);
        peer.say(10);
        peer.lose(2);
        assert_eq!(peer.cx.flow.owed().count, 1);
        peer.cx.now = peer.cx.now + peer.cx.config.broadcast.store_age * 2;
        peer.ready(3);
        assert_eq!(peer.sent_to(3), []);
        peer.broadcast.memory.store.expire(&mut peer.cx);
        assert_eq!(peer.cx.flow.owed(), Owed::default());
    }

    #[test]
    fn who_leaves_sends_what_it_owes() {
        let mut peer = Peer::new(Config::classic());
        peer.congested(2);
        peer.credit(2, false, 0);
        (0..3).for_each(|_| peer.say(10));
        peer.sent();
        peer.broadcast.send_last(&mut peer.cx, link(2));
        assert_eq!(peer.sent_to(2), [1, 2, 3]);
    }
}
