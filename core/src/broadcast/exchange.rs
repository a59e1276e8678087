//! The exchange: two peers that are no neighbors compare what they hold, once, so that nothing stays
//! missing where the overlay fell apart (anti-entropy, Demers et al., PODC 1987, §1.3).
//!
//! ```text
//! dialer                          a peer of its passive view
//!   Hello { Exchange }      ──▶
//!                           ◀──   Welcome
//!   Digest { ids, reply }   ──▶               all that it holds
//!                           ◀──   Pull { ids }            what is missing there
//!                           ◀──   Digest { ids }          all that is held there
//!   Gossip ...              ──▶
//!   Pull { ids }            ──▶
//!                           ◀──   Gossip ...
//!   Bye { Done }            ──▶               nothing is missing any more
//! ```
//!
//! A peer dials one exchange at a time, and ends it when the next one is due at the latest. One that
//! was accepted is never kept, so it ends after `accept_timeout`, and there are at most
//! `max_pending`.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::broadcast::memory::catch_up::send_digest;
use crate::broadcast::memory::{Memory, Receipt};
use crate::broadcast::timer::BroadcastTimer;
use crate::broadcast::traffic::{self, Sender};
use crate::context::Context;
use crate::id::{LinkId, LinkOrigin, MessageId};
use crate::links::{Owner, Target};
use crate::util::room::{make_room, release_if_empty};
use crate::wire::{BroadcastMessage, Bye, Digest, MAX_IDS, Purpose, Route};

/// Exchanges under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Exchange {
    dialed: Option<LinkId>,
    /// Those on which something was said.
    talks: Vec<Talk>,
}

/// One exchange that is up.
#[derive(Clone, Copy, Debug)]
struct Talk {
    link: LinkId,
    /// Bytes of messages that may still be sent. A stranger has no slot, so nobody remembers which it
    /// was sent; without a bound it could ask for the same ones for ever.
    left: usize,
    /// Dialed: the other side has told all that it holds. Accepted: this side has.
    is_told: bool,
}

impl Exchange {
    /// Time for the next one. Without a stranger there is none.
    pub(crate) fn on_timer(
        &mut self,
        cx: &mut Context,
        memory: &mut Memory,
        stranger: Option<&AddressRecord>,
    ) {
        let pause = cx.rng.jitter(cx.config.broadcast.plumtree.exchange_every);
        cx.arm(BroadcastTimer::Exchange, pause);
        memory.store.expire(cx);
        if let Some(last) = self.dialed {
            cx.close(last, Bye::Done);
            self.on_ended(memory, last);
        }
        if let Some(stranger) = stranger {
            self.dialed = Some(cx.dial(Target::Node(stranger), Purpose::Exchange, Owner::Exchange));
        }
    }

    /// Those that are up or dialed.
    pub(crate) fn links(&self) -> impl Iterator<Item = LinkId> + '_ {
        let talks = self.talks.iter().map(|talk| talk.link);
        talks.filter(|link| self.dialed != Some(*link)).chain(self.dialed)
    }

    /// Tells all that is held, also when that is nothing: the other side may have something.
    pub(crate) fn on_welcomed(&mut self, cx: &mut Context, memory: &mut Memory, link: LinkId) {
        if self.dialed == Some(link) {
            tell_all(cx, memory, link, true);
        }
    }

    /// A link did not come up, or is gone.
    pub(crate) fn on_ended(&mut self, memory: &mut Memory, link: LinkId) {
        self.dialed = self.dialed.filter(|dialed| *dialed != link);
        self.talks.retain(|talk| talk.link != link);
        release_if_empty(&mut self.talks);
        memory.catch_up.on_link_down(link);
    }

    /// Returns what came of a copy of a message, if it is one.
    pub(crate) fn on_message(
        &mut self,
        cx: &mut Context,
        memory: &mut Memory,
        link: LinkId,
        message: BroadcastMessage,
    ) -> Option<Receipt> {
        let from = Sender::stranger(link, &cx.up(link)?.remote);
        let receipt = match message {
            BroadcastMessage::Digest(digest) => {
                self.on_digest(cx, memory, link, &digest);
                None
            }
            BroadcastMessage::Pull { ids } => {
                self.on_pull(cx, memory, link, &ids);
                None
            }
            BroadcastMessage::Gossip(gossip) => Some(memory.receive(cx, from, gossip)),
            BroadcastMessage::IHave { .. }
            | BroadcastMessage::Graft(_)
            | BroadcastMessage::Prune(_)
            | BroadcastMessage::Credit { .. } => {
                cx.tell_unexpected(link, message.name());
                return None;
            }
        };
        self.end_if_done(cx, memory, link);
        receipt
    }

    /// Pulls before it tells: so whoever hears the last of what is held here was asked for all that is
    /// missing here.
    fn on_digest(&mut self, cx: &mut Context, memory: &mut Memory, link: LinkId, told: &Digest) {
        memory.on_held(cx, link, None, &told.ids);
        let talk = self.talk(cx, link);
        match link.origin() {
            LinkOrigin::Dialed => talk.is_told |= told.ids.len() < MAX_IDS,
            // Once: it may be 10,000 ids for the three bytes of an empty digest.
            LinkOrigin::Accepted if told.reply && !talk.is_told => {
                talk.is_told = true;
                tell_all(cx, memory, link, false);
            }
            LinkOrigin::Accepted => {}
        }
    }

    fn on_pull(&mut self, cx: &mut Context, memory: &mut Memory, link: LinkId, ids: &[MessageId]) {
        for id in ids {
            let Some(stored) = memory.store.unexpired(cx, *id) else { continue };
            let talk = self.talk(cx, link);
            let Some(left) = talk.left.checked_sub(stored.envelope.cost()) else {
                cx.stats.limits.exchange += 1;
                break;
            };
            talk.left = left;
            traffic::send_copy(cx, link, stored, Route::Usual);
        }
    }

    fn end_if_done(&mut self, cx: &mut Context, memory: &mut Memory, link: LinkId) {
        let is_told = self.talks.iter().any(|talk| talk.link == link && talk.is_told);
        if self.dialed == Some(link) && is_told && !memory.catch_up.awaits(link) {
            cx.close(link, Bye::Done);
            self.on_ended(memory, link);
        }
    }

    fn talk(&mut self, cx: &Context, link: LinkId) -> &mut Talk {
        let found = self.talks.iter().position(|talk| talk.link == link);
        let place = found.unwrap_or(self.talks.len());
        if found.is_none() {
            make_room(&mut self.talks);
            let left = cx.config.broadcast.plumtree.exchange_bytes;
            self.talks.push(Talk { link, left, is_told: false });
        }
        &mut self.talks[place]
    }
}

fn tell_all(cx: &mut Context, memory: &Memory, link: LinkId, reply: bool) {
    let ids = memory.store.ids(cx);
    send_digest(cx, link, &ids, reply);
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::config::Config;
    use crate::id::{BootEpoch, NodeId, Role};
    use crate::io::{Input, Output};
    use crate::messaging::Payload;
    use crate::testing::context;
    use crate::wire::{Hello, LinkMessage, Message};

    /// Somebody who accepted an exchange and holds some messages.
    struct Guest {
        cx: Context,
        memory: Memory,
        exchange: Exchange,
        ids: Vec<MessageId>,
    }

    const LINK: LinkId = LinkId::accepted(1);

    impl Guest {
        fn new(messages: usize, bytes: usize) -> Self {
            let mut cx = context(Config::modern());
            let mut memory = Memory::new(1);
            let mut ids = Vec::new();
            for _ in 0..messages {
                let payload = Payload::new(alloc::vec![7; bytes]).expect("short");
                let stored = memory.seal_one(&mut cx, payload);
                ids.push(stored.envelope.id());
                memory.store.insert(&mut cx, stored);
            }
            let addr = ([10, 0, 0, 9], 7000).into();
            let from = AddressRecord::new(NodeId::new([9; 32]), BootEpoch(1), &[addr]);
            let hello = Hello {
                network: cx.config.network.clone(),
                to: None,
                from: from.expect("valid"),
                role: Role::Peer,
                parts: None,
                purpose: Purpose::Exchange,
            };
            let message = Message::Link(LinkMessage::Hello(hello.clone().into()));
            cx.on_link_input(Input::LinkUp { link: LINK, addr });
            cx.on_link_input(Input::Received { link: LINK, message });
            cx.welcome(LINK, &hello);
            let mut guest = Self { cx, memory, exchange: Exchange::default(), ids };
            guest.sent();
            guest
        }

        fn receive(&mut self, message: BroadcastMessage) -> Vec<Message> {
            let Self { cx, memory, exchange, .. } = self;
            exchange.on_message(cx, memory, LINK, message);
            self.sent()
        }

        fn sent(&mut self) -> Vec<Message> {
            let mut sent = Vec::new();
            while let Some(output) = self.cx.poll_output() {
                if let Output::Send { message, .. } = output {
                    sent.push(message);
                }
            }
            sent
        }
    }

    #[test]
    fn what_is_held_is_told_once() {
        let mut guest = Guest::new(2 * MAX_IDS, 1);
        let asks = BroadcastMessage::Digest(Digest { ids: Vec::new(), reply: true });
        let told = |message: Message| {
            if let Message::Broadcast(BroadcastMessage::Digest(digest)) = message {
                digest.ids.len()
            } else {
                usize::MAX
            }
        };
        let pages = guest.receive(asks.clone()).into_iter().map(told);
        assert_eq!(pages.collect::<Vec<_>>(), [MAX_IDS, MAX_IDS, 0], "the last has room left");
        assert_eq!(guest.receive(asks), []);
    }

    #[test]
    fn what_has_expired_is_neither_told_nor_given() {
        let mut guest = Guest::new(3, 1);
        guest.cx.now = guest.cx.now + guest.cx.config.broadcast.store_age;
        let pull = BroadcastMessage::Pull { ids: guest.ids.clone() };
        assert_eq!(guest.receive(pull.clone()).len(), 3, "they are just young enough");
        guest.cx.now = guest.cx.now + Duration::from_micros(1);
        assert_eq!(guest.receive(pull), []);
        let asks = BroadcastMessage::Digest(Digest { ids: Vec::new(), reply: true });
        let told = BroadcastMessage::Digest(Digest { ids: Vec::new(), reply: false });
        assert_eq!(guest.receive(asks), [told.into()]);
        assert_eq!(guest.memory.store.len(), 3, "no timer has fired that drops them");
        guest.exchange.on_timer(&mut guest.cx, &mut guest.memory, None);
        assert_eq!(guest.memory.store.len(), 0);
    }

    #[test]
    fn a_stranger_pulls_no_more_than_so_many_bytes() {
        let mut guest = Guest::new(3, 50 * 1024);
        let (ids, mut copies) = (guest.ids.clone(), 0);
        for _ in 0..100 {
            copies += guest.receive(BroadcastMessage::Pull { ids: ids.clone() }).len();
        }
        assert_eq!(copies, 10, "512 KiB");
        assert!(guest.cx.stats.limits.exchange > 0);
        guest.exchange.on_ended(&mut guest.memory, LINK);
        assert!(guest.exchange.talks.is_empty());
    }

    #[test]
    fn a_dial_that_is_not_done_ends_when_the_next_is_due() {
        let Guest { mut cx, mut memory, mut exchange, .. } = Guest::new(0, 0);
        let addr = ([10, 0, 0, 8], 7000).into();
        let other = AddressRecord::new(NodeId::new([8; 32]), BootEpoch(1), &[addr]).expect("valid");
        exchange.on_timer(&mut cx, &mut memory, Some(&other));
        let first = exchange.dialed.expect("it dials");
        exchange.on_timer(&mut cx, &mut memory, Some(&other));
        let outputs: Vec<Output> = core::iter::from_fn(|| cx.poll_output()).collect();
        assert!(outputs.contains(&Output::Close { link: first }), "{outputs:?}");
        assert_ne!(exchange.dialed, Some(first));
        exchange.on_timer(&mut cx, &mut memory, None);
        assert_eq!(exchange.dialed, None, "nobody to compare with");
        assert!(cx.timers.is_armed(BroadcastTimer::Exchange), "now");
    }
}
