//! What is true of every part between two inputs. Tests and hunts check it after every input; a program
//! does not.

use alloc::format;

use crate::context::Context;
use crate::util::invariant::{Broken, holds};

impl Context {
    /// Of links and neighbors.
    pub(crate) fn invariants(&self) -> Broken {
        self.links.invariants(&self.timers)?;
        self.neighbors.invariants()?;
        for neighbor in self.neighbors.iter() {
            let id = neighbor.id();
            let is_up = self.up(neighbor.link).is_some_and(|up| up.remote.subject() == id);
            holds(is_up, &format!("neighbor {id} has no link that is up"))?;
            holds(id != self.me(), "a node is its own neighbor")?;
        }
        holds(!self.has_facts(), "a fact was not carried out")
    }
}

/// Each check is shown to fail.
#[cfg(test)]
mod tests {
    use alloc::string::String;

    use super::*;

    use crate::broadcast::Broadcast;
    use crate::broadcast::message::BroadcastMessage;
    use crate::config::Config;
    use crate::detector::Detector;
    use crate::event::NeighborLoss;
    use crate::fact::Fact;
    use crate::failure::LinkLoss;
    use crate::id::{LinkId, NodeId};
    use crate::links::neighbors::Neighbor;
    use crate::links::{DialReason, Owner, Target};
    use crate::testing::{context, record};
    use crate::time::Instant;
    use crate::wire::{Prune, Purpose};

    fn with_neighbor(config: Config) -> (Context, Neighbor) {
        let (mut cx, link) = (context(config), LinkId::dialed(7));
        cx.neighbors.insert(link, record(2), Instant::BIRTH);
        let neighbor = cx.neighbors.by_link(link).expect("inserted").clone();
        (cx, neighbor)
    }

    fn broken(result: Broken) -> String {
        result.expect_err("it is planted")
    }

    #[test]
    fn a_neighbor_without_a_link_is_found() {
        let (cx, _) = with_neighbor(Config::modern());
        assert!(broken(cx.invariants()).ends_with("has no link that is up"));
    }

    #[test]
    fn a_dial_without_a_deadline_is_found() {
        let mut cx = context(Config::modern());
        let owner = Owner::Overlay(DialReason::Repair);
        cx.dial(Target::Node(&record(3)), Purpose::Neighbor { isolated: false }, owner);
        assert_eq!(cx.invariants(), Ok(()));
        cx.timers.clear();
        assert_eq!(broken(cx.invariants()), "a handshake without a deadline");
    }

    #[test]
    fn a_fact_that_nobody_carries_out_is_found() {
        let mut cx = context(Config::modern());
        cx.tell(Fact::ListsWanted);
        assert_eq!(broken(cx.invariants()), "a fact was not carried out");
    }

    #[test]
    fn a_lazy_neighbor_that_is_gone_is_found() {
        let mut config = Config::modern();
        config.broadcast.plumtree.trees = 0;
        let (mut cx, neighbor) = with_neighbor(config);
        let mut broadcast = Broadcast::new(&mut cx);
        let prune = BroadcastMessage::Prune(Prune { source: NodeId::new([9; 32]) });
        broadcast.on_message(&mut cx, &neighbor, prune);
        assert_eq!(broadcast.invariants(&cx), Ok(()));
        cx.neighbors.remove(neighbor.link);
        assert_eq!(broken(broadcast.invariants(&cx)), "a tree knows a neighbor that is none");
    }

    #[test]
    fn a_lost_neighbor_that_nobody_redials_is_found() {
        let (mut cx, neighbor) = with_neighbor(Config::classic());
        let mut detector = Detector::new(&mut cx);
        detector.on_neighbor_up(&mut cx, &neighbor);
        cx.neighbors.remove(neighbor.link);
        detector.on_neighbor_down(&mut cx, &neighbor, NeighborLoss::LinkLost(LinkLoss::Reset));
        assert_eq!(detector.invariants(&cx), Ok(()));
        cx.timers.clear();
        assert_eq!(broken(detector.invariants(&cx)), "a lost neighbor that nobody redials");
    }
}
