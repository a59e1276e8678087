//! What is true of links between two inputs.

use crate::id::LinkOrigin;
use crate::links::state::{Links, Owner};
use crate::links::timer::LinkTimer;
use crate::timers::Timers;
use crate::util::invariant::{Broken, holds};

impl Links {
    pub(crate) fn invariants(&self, timers: &Timers) -> Broken {
        let mut pending = 0;
        for (link, entry) in self.table.iter() {
            let is_armed = timers.is_armed(LinkTimer::Hello(link));
            holds(is_armed == entry.handshake_pending, "a handshake without a deadline")?;
            let is_accepted = link.origin() == LinkOrigin::Accepted;
            pending += usize::from(entry.handshake_pending && is_accepted);
            holds(entry.owner.is_none() == is_accepted, "a dial without an owner")?;
            let is_neighbor_dial =
                entry.owner.is_some_and(Owner::makes_neighbors) && entry.stage.is_before_welcome();
            let is_noted = self.neighbor_dials.iter().any(|dial| dial.link == link);
            holds(is_neighbor_dial == is_noted, "dials for neighbors are not those noted")?;
        }
        holds(pending == self.handshake_pending, "pending handshakes are counted wrongly")?;
        let has_link = |link| self.table.get(link).is_some();
        let has_links = self.neighbor_dials.iter().all(|dial| has_link(dial.link));
        holds(has_links, "a dial for a neighbor without a link")?;
        let has_links = self.deliveries.iter().all(|(link, ..)| has_link(*link));
        holds(has_links, "a delivery without a link")?;
        let has_links = self.faults.keys().all(|link| has_link(*link));
        holds(has_links, "faults of no link")?;
        holds(self.pings.links().all(has_link), "a ping on no link")
    }
}
