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
//! was accepted is never settled, so it ends after `accept_timeout`, and there are at most
//! `max_pending`.

use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::broadcast::catch_up::send_digest;
use crate::broadcast::memory::{Memory, Receipt};
use crate::broadcast::traffic::{self, Sender};
use crate::context::Context;
use crate::id::{LinkId, LinkOrigin, MessageId};
use crate::links::{Links, Target};
use crate::room::{make_room, release_if_empty};
use crate::timers::Timer;
use crate::wire::{Bye, Digest, MAX_IDS, Message, Purpose};

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
        links: &mut Links,
        memory: &mut Memory,
        stranger: Option<&AddressRecord>,
    ) {
        let pause = cx.rng.jitter(cx.config.broadcast.plumtree.exchange_every);
        cx.arm(Timer::Exchange, pause);
        memory.store.expire(cx);
        if let Some(last) = self.dialed {
            links.close(cx, last, Bye::Done);
            self.on_ended(memory, last);
        }
        if let Some(stranger) = stranger {
            self.dialed = Some(links.dial(cx, Target::Node(stranger), Purpose::Exchange));
        }
    }

    /// Tells all that is held, also when that is nothing: the other side may have something.
    pub(crate) fn on_welcomed(&mut self, cx: &mut Context, memory: &mut Memory, link: LinkId) {
        tell_all(cx, memory, link, true);
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
        links: &mut Links,
        memory: &mut Memory,
        (link, message): (LinkId, Message),
    ) -> Option<Receipt> {
        let from = Sender::stranger(link, &links.up(link)?.remote);
        let receipt = match message {
            Message::Digest(digest) => {
                self.on_digest(cx, memory, link, &digest);
                None
            }
            Message::Pull { ids } => {
                self.on_pull(cx, memory, link, &ids);
                None
            }
            Message::Gossip(gossip) => Some(memory.receive(cx, from, gossip)),
            _ => None,
        };
        self.end_if_done(cx, links, memory, link);
        receipt
    }

    /// Pulls before it tells: so whoever hears the last of what is held here was asked for all that is
    /// missing here.
    fn on_digest(&mut self, cx: &mut Context, memory: &mut Memory, link: LinkId, told: &Digest) {
        memory.on_held(cx, (link, None), &told.ids);
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
        memory.store.expire(cx);
        for id in ids {
            let Some(stored) = memory.store.get(*id) else { continue };
            let talk = self.talk(cx, link);
            let Some(left) = talk.left.checked_sub(stored.envelope.cost()) else {
                cx.stats.limits.exchange += 1;
                break;
            };
            talk.left = left;
            traffic::send_copy(cx, link, stored);
        }
    }

    fn end_if_done(
        &mut self,
        cx: &mut Context,
        links: &mut Links,
        memory: &mut Memory,
        link: LinkId,
    ) {
        let is_told = self.talks.iter().any(|talk| talk.link == link && talk.is_told);
        if self.dialed == Some(link) && is_told && !memory.catch_up.awaits(link) {
            links.close(cx, link, Bye::Done);
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

fn tell_all(cx: &mut Context, memory: &mut Memory, link: LinkId, reply: bool) {
    memory.store.expire(cx);
    let ids: Vec<MessageId> = memory.store.ids().collect();
    send_digest(cx, link, &ids, reply);
}
