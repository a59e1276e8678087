//! Telling the seed nodes about deaths and about leaving: all of them, also those that this peer
//! has no link with, so that no entry stays stale anywhere (R17, R19).

use core::net::SocketAddr;

use crate::context::Context;
use crate::links::{Delivery, Target};
use crate::registration::bootstrap::Bootstrap;
use crate::wire::{Purpose, RegistrationMessage};

/// Notices that may wait for one dial. A peer has at most 64 neighbors to report.
const MAX_WAITING: usize = 64;

/// Sends `message` to every seed node: on the link where there is one, else over a dial of its own. A
/// dial that fails is not repeated: a seed node that cannot be reached probes its entries itself when
/// their leases run out.
pub(crate) fn announce(cx: &mut Context, bootstrap: &Bootstrap, message: &RegistrationMessage) {
    for (number, addr, link) in bootstrap.all() {
        match link {
            Some(link) => cx.send(link, message.clone()),
            None => dial(cx, number, addr, message.clone()),
        }
    }
}

fn dial(cx: &mut Context, number: u32, addr: SocketAddr, message: RegistrationMessage) {
    let notice = Delivery::Notice(number);
    match cx.links.delivery_mut(notice) {
        Some(messages) if messages.len() == MAX_WAITING => cx.stats.limits.notices += 1,
        Some(messages) => messages.push(message.into()),
        None => cx.deliver(Target::Address(addr), Purpose::Notice, notice, message),
    }
}

/// Nothing is on its way any more.
pub(crate) fn is_idle(cx: &Context) -> bool {
    cx.links.deliveries(|what| matches!(what, Delivery::Notice(_))) == 0
}
