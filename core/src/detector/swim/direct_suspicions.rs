//! What is said to some alone: without a table a suspicion concerns nobody but the suspect's other
//! neighbors, who can confirm it.
//!
//! ```text
//! accuser                          one of them
//!   Hello { PingRequest }     ──▶
//!                             ◀──  Welcome
//!   Statement: suspect, Bye   ──▶
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::address::AddressRecord;
use crate::context::Context;
use crate::id::LinkId;
use crate::links::Target;
use crate::room::{make_room, release_if_empty};
use crate::wire::{Bye, Message, Purpose, Statement};

/// Letters on their way, at most `max_links`.
#[derive(Clone, Debug, Default)]
pub(crate) struct DirectSuspicions {
    open: Vec<(LinkId, Statement)>,
}

impl DirectSuspicions {
    /// Dials somebody to tell it this.
    pub(crate) fn send(&mut self, cx: &mut Context, to: &AddressRecord, said: &Statement) {
        if self.open.len() >= cx.config.overlay.max_links {
            cx.stats.limits.lost += 1;
            return;
        }
        let link = cx.dial(Target::Node(to), Purpose::PingRequest);
        make_room(&mut self.open);
        self.open.push((link, said.clone()));
    }

    /// A dial was welcomed. False if no letter was to go there.
    pub(crate) fn on_welcomed(&mut self, cx: &mut Context, link: LinkId) -> bool {
        let Some(said) = self.take(link) else { return false };
        cx.stats.statements_sent += 1;
        cx.send(link, Message::Statement(Box::new(said)));
        cx.close(link, Bye::Done);
        true
    }

    /// Takes the letter for this link, which is welcomed, or gone.
    pub(crate) fn take(&mut self, link: LinkId) -> Option<Statement> {
        let place = self.open.iter().position(|(of, _)| *of == link)?;
        let (_, said) = self.open.swap_remove(place);
        release_if_empty(&mut self.open);
        Some(said)
    }
}
