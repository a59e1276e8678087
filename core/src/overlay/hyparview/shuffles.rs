//! Parts of views on their random walks: SHUFFLE and SHUFFLEREPLY (HyParView §4.4).

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::HyParView;
use super::passive::draw;
use super::walks::next_stop;
use crate::address::AddressRecord;
use crate::context::Context;
use crate::links::neighbors::Neighbor;
use crate::links::{Delivery, Target};
use crate::overlay::timer::OverlayTimer;
use crate::wire::{Message, OverlayMessage, Purpose, Shuffle};

impl HyParView {
    /// Time to exchange a part of the views: this node itself, ka neighbors and kp others go on a
    /// walk.
    pub(crate) fn on_shuffle_timer(&mut self, cx: &mut Context) {
        let config = cx.config.overlay.hyparview.clone();
        let pause = cx.rng.jitter(config.shuffle_every);
        cx.arm(OverlayTimer::Shuffle, pause);
        let Some(to) = next_stop(cx, &[]) else { return };
        let active = cx.neighbors.iter().filter(|it| it.id() != to.id());
        let active = active.map(|it| it.record.clone()).collect();
        let active = draw(cx, config.shuffle_active, active);
        let passive = self.passive.sample(cx, config.shuffle_passive, None);
        self.sent = prefixes(&passive);
        let (origin, ttl) = (cx.record.clone(), config.shuffle_walk);
        let shuffle = Shuffle { origin, ttl, active, passive };
        cx.send(to.link, OverlayMessage::Shuffle(Box::new(shuffle)));
    }

    /// Somebody's shuffle comes by: it goes on, or ends here and is answered with as many others.
    pub(crate) fn on_shuffle(&mut self, cx: &mut Context, from: &Neighbor, shuffle: Shuffle) {
        let Shuffle { origin, ttl, active, passive } = shuffle;
        if origin.subject() == cx.me() {
            return;
        }
        self.split_healing.on_walk(cx, active.iter().chain([&origin]));
        let ttl = ttl.min(cx.config.overlay.hyparview.shuffle_walk).saturating_sub(1);
        let next = next_stop(cx, &[from.id(), origin.subject()]);
        if let Some(next) = next.filter(|_| ttl > 0) {
            let shuffle = Shuffle { origin, ttl, active, passive };
            cx.send(next.link, OverlayMessage::Shuffle(Box::new(shuffle)));
            return;
        }
        let config = &cx.config.overlay.hyparview;
        let count = (config.shuffle_active + config.shuffle_passive + 1)
            .min(active.len() + passive.len() + 1);
        let reply = self.passive.sample(cx, count, Some(origin.subject()));
        let mut sent = prefixes(&reply);
        if !reply.is_empty() {
            send_sample(cx, &origin, reply);
        }
        let told = [active, passive, [origin].into()].concat();
        self.passive.integrate(cx, &told, &mut sent);
    }

    /// Other peers to know, in exchange for those that were sent, which go first. Or somebody who
    /// looks for a neighbor as this peer does, so whom it names may be asked at once.
    pub(crate) fn on_shuffle_reply(&mut self, cx: &mut Context, sample: &[AddressRecord]) {
        let mut sent = core::mem::take(&mut self.sent);
        self.passive.integrate(cx, sample, &mut sent);
        for record in sample {
            self.passive.wake(record.subject().prefix());
        }
    }
}

/// Dials somebody to hand over a sample: the reply to a shuffle, or an introduction. Too many at once:
/// the others get none.
pub(super) fn send_sample(cx: &mut Context, to: &AddressRecord, sample: Vec<AddressRecord>) {
    let is_reply = |what| what == Delivery::Reply;
    if cx.links.deliveries(is_reply) >= cx.config.overlay.hyparview.replies {
        cx.stats.limits.replies += 1;
        return;
    }
    let message = Message::Overlay(OverlayMessage::ShuffleReply { sample });
    cx.deliver(Target::Node(to), Purpose::Shuffle, Delivery::Reply, message);
}

fn prefixes(records: &[AddressRecord]) -> Vec<u32> {
    records.iter().map(|record| record.subject().prefix()).collect()
}
