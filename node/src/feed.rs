//! What a driver tells the program around it: events, members, whether the node has joined. Whatever a
//! reader does, the driver goes on.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tidings_core::{Event, MemberSnapshot, RegistrationLoss, Role};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::deliveries::{Deliveries, DeliveryQueue, Reach};
use crate::events::{Delivery, Events, NodeEvent, for_programs};
use crate::flag::Flag;
use crate::members::{MemberFeed, Members, NoMembers};
use crate::queue::Queue;

/// Readers of one node.
#[derive(Debug)]
pub(crate) struct Feed {
    state: Mutex<State>,
    wish: Arc<Flag>,
    /// A reader of deliveries is behind, or has caught up.
    lag: Arc<Flag>,
    joined: watch::Sender<bool>,
}

#[derive(Debug)]
struct State {
    readers: Vec<Weak<Queue<NodeEvent>>>,
    deliveries: Vec<Weak<DeliveryQueue>>,
    reach: Reach,
    members: MemberFeed,
    /// Whether there is a table of members.
    has_members: bool,
    join: Join,
    outage: Outage,
    is_closed: bool,
}

/// How far a peer has come in joining.
#[derive(Debug, Default)]
struct Join {
    is_registered: bool,
    /// It has had a neighbor, or a seed node has said that there is nobody else.
    is_placed: bool,
}

/// Attempts to find a seed node that have failed since one was found.
#[derive(Debug, Default)]
struct Outage {
    seed_nodes: Vec<SocketAddr>,
    /// Those that were tried since the last event.
    failed: BTreeSet<SocketAddr>,
    attempts: u64,
}

impl Feed {
    /// That of a node with these seed nodes, whose store reaches so far. Whether it has a table of members is
    /// not known yet.
    pub(crate) fn new(role: Role, seed_nodes: &[SocketAddr], reach: Reach) -> Self {
        let members = MemberFeed::default();
        let wish = Arc::clone(&members.wish);
        let state = State {
            readers: Vec::new(),
            deliveries: Vec::new(),
            reach,
            members,
            has_members: role == Role::Peer,
            join: Join::default(),
            outage: Outage::default(),
            is_closed: false,
        };
        // A seed node has nobody to join.
        let joined = watch::Sender::new(role == Role::SeedNode);
        let feed = Self { state: Mutex::new(state), wish, lag: Arc::default(), joined };
        feed.set_seed_nodes(seed_nodes);
        feed
    }

    pub(crate) fn without_members(&self) {
        self.lock().has_members = false;
    }

    /// The node was given these seed nodes.
    pub(crate) fn set_seed_nodes(&self, seed_nodes: &[SocketAddr]) {
        let outage = &mut self.lock().outage;
        outage.seed_nodes = seed_nodes.to_vec();
        outage.failed.retain(|addr| seed_nodes.contains(addr));
    }

    /// A reader of events, from now on.
    pub(crate) fn events(&self, capacity: usize) -> Events {
        let mut state = self.lock();
        if state.is_closed {
            return Events::ended();
        }
        let events = Events::new(capacity);
        // A program may ask again and again while nothing happens.
        state.readers.retain(|reader| reader.strong_count() > 0);
        state.readers.push(Arc::downgrade(events.queue()));
        events
    }

    /// A reader of messages, from now on.
    pub(crate) fn deliveries(&self) -> Deliveries {
        let mut state = self.lock();
        if state.is_closed {
            return Deliveries::ended();
        }
        let deliveries = Deliveries::new(state.reach, &self.lag);
        state.deliveries.retain(|reader| reader.strong_count() > 0);
        state.deliveries.push(deliveries.queue());
        deliveries
    }

    /// Raised when a reader of messages is behind, or has caught up.
    pub(crate) fn lag(&self) -> &Arc<Flag> {
        &self.lag
    }

    /// Whether a reader of messages is so far behind at this moment that the node shall take no more.
    pub(crate) fn is_behind(&self, now: Instant) -> bool {
        let mut state = self.lock();
        let mut is_behind = false;
        state.deliveries.retain(|reader| {
            let Some(queue) = reader.upgrade() else { return false };
            queue.expire(now);
            is_behind |= queue.is_behind();
            true
        });
        is_behind
    }

    /// A reader of members.
    pub(crate) fn members(&self) -> Result<Members, NoMembers> {
        let mut state = self.lock();
        if !state.has_members {
            return Err(NoMembers);
        }
        if state.is_closed {
            return Ok(Members::ended());
        }
        let members = Members::new(&self.wish);
        state.members.add(members.reader());
        Ok(members)
    }

    /// Becomes true when the node has joined; its sender goes with the feed.
    pub(crate) fn joined(&self) -> watch::Receiver<bool> {
        self.joined.subscribe()
    }

    /// Raised when somebody wants all members.
    pub(crate) fn wish(&self) -> &Arc<Flag> {
        &self.wish
    }

    pub(crate) fn tell_all_members(&self, members: &[MemberSnapshot]) {
        self.lock().members.tell_all(members);
    }

    /// Passes on what the node says.
    pub(crate) fn on_event(&self, event: &Event) {
        let mut state = self.lock();
        if state.join.on_event(event) {
            self.joined.send_replace(true);
        }
        state.members.on_event(event);
        let outage = state.outage.on_event(event);
        state.deliver(event);
        if state.readers.is_empty() {
            return;
        }
        for event in for_programs(event).into_iter().chain(outage) {
            state.tell(&event);
        }
    }

    /// The node has stopped: readers get what waits for them, and no more.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        state.members.close();
        for reader in state.deliveries.drain(..) {
            if let Some(queue) = reader.upgrade() {
                queue.close();
            }
        }
        for reader in state.readers.drain(..) {
            if let Some(queue) = reader.upgrade() {
                queue.close();
            }
        }
    }

    /// Nothing here panics half-way through a change.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// However a node ends, its readers come to know.
impl Drop for Feed {
    fn drop(&mut self) {
        self.close();
    }
}

impl State {
    fn deliver(&mut self, event: &Event) {
        if self.deliveries.is_empty() {
            return;
        }
        let Some(delivery) = Delivery::of(event) else { return };
        let now = Instant::now();
        self.deliveries.retain(|reader| {
            let queue = reader.upgrade();
            queue.map(|queue| queue.push(delivery.clone(), now)).is_some()
        });
    }

    fn tell(&mut self, event: &NodeEvent) {
        self.readers.retain(|reader| {
            let queue = reader.upgrade();
            queue.map(|queue| queue.push(event.clone())).is_some()
        });
    }
}

impl Join {
    /// Whether it has joined by this event.
    fn on_event(&mut self, event: &Event) -> bool {
        let before = self.is_registered && self.is_placed;
        self.is_registered |= matches!(event, Event::Registered { .. });
        self.is_placed |= matches!(event, Event::NeighborUp { .. })
            || matches!(event, Event::ListReceived { peers, .. } if peers.is_empty());
        !before && self.is_registered && self.is_placed
    }
}

impl Outage {
    /// Whether all seed nodes have failed by this event.
    fn on_event(&mut self, event: &Event) -> Option<NodeEvent> {
        if matches!(event, Event::Registered { .. }) {
            self.failed.clear();
            self.attempts = 0;
        }
        let Event::RegistrationLost { addr, reason } = event else { return None };
        // Who is no longer wanted has not failed.
        if *reason == RegistrationLoss::Dropped {
            return None;
        }
        self.attempts += 1;
        self.failed.insert(*addr);
        if !self.seed_nodes.iter().all(|addr| self.failed.contains(addr)) {
            return None;
        }
        self.failed.clear();
        let (seed_nodes, attempts) = (self.seed_nodes.len(), self.attempts);
        Some(NodeEvent::NoSeedNode { seed_nodes, attempts, reason: *reason })
    }
}

#[cfg(test)]
mod tests {
    use tidings_core::{AddressRecord, BootEpoch, NodeId};

    use super::*;

    fn addr(n: u8) -> SocketAddr {
        ([192, 0, 2, n], 5000).into()
    }

    fn lost(n: u8) -> Event {
        Event::RegistrationLost { addr: addr(n), reason: RegistrationLoss::Silent }
    }

    fn registered() -> Event {
        let record = AddressRecord::new(NodeId::new([1; 32]), BootEpoch(1), &[addr(1)]);
        Event::Registered { seed_node: record.expect("valid") }
    }

    /// Attempts, each time that it was said that no seed node answers.
    fn said(outage: &mut Outage, events: &[Event]) -> Vec<u64> {
        let attempts = |event: &Event| {
            let Some(NodeEvent::NoSeedNode { attempts, .. }) = outage.on_event(event) else {
                return None;
            };
            Some(attempts)
        };
        events.iter().filter_map(attempts).collect()
    }

    #[test]
    fn readers_that_are_gone_are_not_kept_while_nothing_happens() {
        let feed = Feed::new(Role::Peer, &[addr(1)], Reach::default());
        for _ in 0..100 {
            drop(feed.events(1));
        }
        let kept = feed.events(1);
        assert_eq!(feed.lock().readers.len(), 1);
        drop(kept);
    }

    #[test]
    fn no_seed_node_answers_when_each_has_failed_and_none_stands() {
        let seed_nodes = vec![addr(1), addr(2)];
        let mut outage = Outage { seed_nodes, ..Outage::default() };
        assert!(said(&mut outage, &[lost(1), lost(1)]).is_empty());
        assert_eq!(said(&mut outage, &[lost(2)]), [3], "the second has failed too");
        assert_eq!(said(&mut outage, &[lost(2), lost(1)]), [5], "once for each round");
        assert!(said(&mut outage, &[lost(1), registered(), lost(2), lost(2)]).is_empty());
        assert_eq!(said(&mut outage, &[lost(1)]), [3], "the registration was with the first");
        let dropped = Event::RegistrationLost { addr: addr(2), reason: RegistrationLoss::Dropped };
        assert!(said(&mut outage, &[lost(1), dropped]).is_empty());
    }

    #[test]
    fn a_peer_has_joined_when_it_is_listed_and_linked_or_alone() {
        let list = |peers| Event::ListReceived { from: NodeId::new([1; 32]), peers };
        let Event::Registered { seed_node } = registered() else { unreachable!("made above") };
        let origin = tidings_core::LinkOrigin::Dialed;
        let linked = Event::NeighborUp { peer: seed_node.clone(), origin };
        for (events, joins) in [
            (vec![registered(), list(vec![seed_node]), linked.clone()], vec![false, false, true]),
            (vec![registered(), list(vec![]), linked.clone()], vec![false, true, false]),
            (vec![linked, registered(), registered()], vec![false, true, false]),
        ] {
            let mut join = Join::default();
            let joined: Vec<bool> = events.iter().map(|event| join.on_event(event)).collect();
            assert_eq!(joined, joins);
        }
    }
}
