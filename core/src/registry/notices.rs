//! Telling the seed nodes about deaths and about leaving: all of them, also those that this peer
//! has no link with, so that no entry stays stale anywhere (R17, R19).

use alloc::vec;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::context::Context;
use crate::event::Event;
use crate::id::LinkId;
use crate::links::Target;
use crate::registry::bootstrap::Bootstrap;
use crate::wire::{Bye, Message, Purpose};

/// Notices that may wait for one dial. A peer has at most 64 neighbors to report.
const MAX_WAITING: usize = 64;

/// Notices on their way to seed nodes without a link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notices {
    dials: Vec<NoticeDial>,
}

#[derive(Clone, Debug)]
struct NoticeDial {
    link: LinkId,
    addr: SocketAddr,
    messages: Vec<Message>,
}

impl Notices {
    /// Sends `message` to every seed node: on the link where there is one, else over a dial of its
    /// own. A dial that fails is not repeated: a seed node that cannot be reached probes its
    /// entries itself when their leases run out.
    pub(crate) fn announce(&mut self, cx: &mut Context, bootstrap: &Bootstrap, message: &Message) {
        for addr in bootstrap.addresses() {
            let linked = bootstrap.registered().find(|(at, ..)| *at == addr);
            if let Some((_, link, ..)) = linked {
                cx.send(link, message.clone());
            } else {
                self.dial(cx, addr, message.clone());
            }
        }
    }

    fn dial(&mut self, cx: &mut Context, addr: SocketAddr, message: Message) {
        match self.dials.iter_mut().find(|dial| dial.addr == addr) {
            Some(dial) if dial.messages.len() == MAX_WAITING => cx.stats.limits.notices += 1,
            Some(dial) => dial.messages.push(message),
            None => {
                let link = cx.dial(Target::Address(addr), Purpose::Notice);
                self.dials.push(NoticeDial { link, addr, messages: vec![message] });
            }
        }
    }

    pub(crate) fn on_welcomed(&mut self, cx: &mut Context, link: LinkId) {
        if let Some(dial) = self.take(link) {
            for message in dial.messages {
                cx.send(link, message);
            }
        }
        cx.close(link, Bye::Done);
    }

    pub(crate) fn on_failed(&mut self, cx: &mut Context, link: LinkId) {
        if let Some(dial) = self.take(link) {
            cx.emit(Event::NoticeLost { addr: dial.addr });
        }
    }

    /// Nothing is on its way any more.
    pub(crate) fn is_idle(&self) -> bool {
        self.dials.is_empty()
    }

    fn take(&mut self, link: LinkId) -> Option<NoticeDial> {
        let place = self.dials.iter().position(|dial| dial.link == link)?;
        Some(self.dials.swap_remove(place))
    }
}
