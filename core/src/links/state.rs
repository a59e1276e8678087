//! Which links there are, who dialed them, and how far each has come.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::address::AddressRecord;
use crate::failure::{DialFailure, LinkLoss};
use crate::id::{LinkId, NodeId};
use crate::links::health::Pings;
use crate::links::tolerance::Faults;
use crate::util::room::release_if_empty;
use crate::util::table::Table;
use crate::wire::{Bye, Hello, Message, Purpose, Refuse};

/// All links of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Links {
    pub(super) table: Table<LinkId, Link>,
    /// How many accepted links have not got to the point yet, see [`Context::keep`].
    pub(super) handshake_pending: usize,
    /// How many were ever dialed.
    pub(super) dialed: u64,
    /// Dials under way that shall become links between neighbors, in the order they were begun.
    pub(super) neighbor_dials: Vec<NeighborDial>,
    /// What is to be said on dials that were made to say it.
    pub(super) deliveries: Vec<(LinkId, Delivery, Vec<Message>)>,
    /// Pings without an answer.
    pub(crate) pings: Pings,
    /// Of the links whose other side made some.
    pub(super) faults: BTreeMap<LinkId, Faults>,
}

/// A dial that shall become a link between neighbors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NeighborDial {
    pub(super) link: LinkId,
    /// The beginning of the identity that is dialed, which tells nearly all others apart without a look
    /// at their records.
    pub(super) prefix: u32,
}

/// Who dialed a link, and for what. It stays on this side: the other end sees the purpose alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Registration, with the seed node of this number.
    Registration(u32),
    /// Whoever had something to be said there.
    Delivery(Delivery),
    /// The overlay.
    Overlay(DialReason),
    /// The overlay's search for nearer neighbors.
    Candidate,
    /// The exchange of messages.
    Exchange,
    /// The detector `strikes`: the lost neighbor of this number.
    Redial(u32),
    /// The detector `connect`.
    Connect,
    /// The detector `swim`: the probe of this number.
    Probe(u32),
    /// The detector `swim`: a helper of the probe of this number.
    Helper(u32),
    /// The detector `swim`: a probe that another peer asked for.
    Served,
    /// A seed node's probe of an entry: the case of this number.
    EntryProbe(u32),
    /// A seed node, to be voted for: the other seed node of this number.
    SeedNode(u32),
}

impl Owner {
    /// Whether the two become neighbors if the dial succeeds.
    pub(super) const fn makes_neighbors(self) -> bool {
        matches!(self, Self::Overlay(_) | Self::Redial(_))
    }

    /// Which probe it was dialed to help with.
    pub(crate) const fn helper_of(self) -> Option<u32> {
        if let Self::Helper(number) = self { Some(number) } else { None }
    }
}

impl DialReason {
    /// Whether a random neighbor goes if no slot is free when the dial is welcomed.
    pub(crate) const fn displaces(self) -> bool {
        match self {
            Self::Join | Self::Repair | Self::Replace => false,
            Self::Walk | Self::Reconnect | Self::SplitHealing => true,
        }
    }
}

/// What is said on a dial that was made to say it. Nobody waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Notices to the seed node of this number.
    Notice(u32),
    /// A sample of the passive view.
    Reply,
    /// A suspicion.
    Suspicion,
}

/// What a dial for a neighbor is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialReason {
    /// To join the overlay there.
    Join,
    /// To fill a free slot.
    Repair,
    /// A newcomer's walk ended here.
    Walk,
    /// To see whether a lost neighbor is back.
    Reconnect,
    /// To mix a small overlay.
    SplitHealing,
    /// A neighbor went to a nearer one, and another one lost its link by that.
    Replace,
}

/// One link. With its number it takes 40 bytes: a peer has about ten, a seed node 100,000s.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) stage: Stage,
    /// What it is for; `None` while that is not known, and where it is for nothing.
    pub(super) purpose: Option<Purpose>,
    /// Who dialed it; `None` if it was accepted.
    pub(super) owner: Option<Owner>,
    /// Its hello timer runs, and it counts against `max_pending` when it was accepted.
    pub(super) handshake_pending: bool,
    /// Who is at the other end, or should be.
    pub(super) remote: Option<AddressRecord>,
    /// The other end's address, unless it is the best one of `remote`.
    pub(super) addr: Option<Box<SocketAddr>>,
}

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Dialed, no connection yet.
    Dialing,
    /// Dialed only to see whether a connection comes to stand.
    ConnectOnly,
    /// Dialed and connected, our hello is not answered yet.
    Greeting,
    /// Accepted, no hello yet.
    Awaiting,
    /// Welcomed, by either side.
    Up,
}

/// Whom to dial.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// This node, at any of its addresses.
    Node(&'a AddressRecord),
    /// Whoever is at this address.
    Address(SocketAddr),
}

impl Target<'_> {
    /// The beginning of the identity that is dialed; 0 when it is not known.
    pub(super) fn prefix(self) -> u32 {
        match self {
            Self::Node(record) => record.subject().prefix(),
            Self::Address(_) => 0,
        }
    }
}

/// A dial that has failed.
#[derive(Clone, Debug)]
pub(crate) struct Failed {
    pub(crate) owner: Owner,
    /// Whom it should have reached, when that is known.
    pub(crate) to: Option<AddressRecord>,
    pub(crate) addr: SocketAddr,
    pub(crate) failure: Failure,
}

/// A link on which both sides know each other.
#[derive(Clone, Debug)]
pub(crate) struct Up {
    pub(crate) purpose: Purpose,
    pub(crate) owner: Option<Owner>,
    pub(crate) remote: AddressRecord,
}

/// What an input about a link means for the role.
#[derive(Debug)]
pub(crate) enum Outcome {
    Nothing,
    /// Somebody asks; [`Context::welcome`] or [`Context::refuse`] must follow.
    HelloReceived(Box<Hello>),
    /// A dial has succeeded.
    Welcomed(Owner, Up),
    /// A dial has failed; the link is gone.
    Failed(Box<Failed>),
    /// A connection that was tried stands; it is being closed.
    Connected,
    /// A connection that was tried did not come to stand.
    NotConnected,
    /// A connection was to be tried, and this machine could not.
    NotTried,
    /// A link that was up is gone.
    Ended(Up, Ending),
    /// A message on a link that is up, and what the link is for.
    Message(Purpose, Message),
}

/// Why a dial failed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure {
    Dial(DialFailure),
    Lost(LinkLoss),
    /// Refused by the node that answers there: a sign of life.
    Refused(Refuse),
    Garbled,
}

impl Failure {
    /// This machine could not even try, which says nothing about the other end.
    pub(crate) const fn is_own(&self) -> bool {
        matches!(self, Self::Dial(DialFailure::NotTried))
    }
}

/// How a link that was up ended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Lost(LinkLoss),
    Bye(Bye),
    Garbled,
}

impl Links {
    /// Who dialed a link that stands, or is to stand.
    pub(crate) fn owner(&self, link: LinkId) -> Option<Owner> {
        self.table.get(link)?.owner
    }

    /// Links, dialed or accepted, on which two ask whether they should be neighbors: they become so without
    /// another dial.
    pub(crate) fn candidates(&self) -> Vec<LinkId> {
        self.table.keys_where(|entry| entry.purpose == Some(Purpose::Optimize))
    }

    /// Dials under way that shall become links between neighbors, in the order they were begun: the
    /// link, who dialed it, and whom.
    pub(crate) fn neighbor_dials(
        &self,
    ) -> impl DoubleEndedIterator<Item = (LinkId, Owner, &AddressRecord)> {
        self.neighbor_dials.iter().filter_map(|&NeighborDial { link, .. }| {
            let entry = self.table.get(link)?;
            Some((link, entry.owner?, entry.remote.as_ref()?))
        })
    }

    /// Dials of the overlay among them.
    pub(crate) fn overlay_dials(
        &self,
    ) -> impl DoubleEndedIterator<Item = (LinkId, DialReason, &AddressRecord)> {
        self.neighbor_dials().filter_map(|(link, owner, to)| {
            let Owner::Overlay(reason) = owner else { return None };
            Some((link, reason, to))
        })
    }

    /// Whether a dial is under way that would make this node and `subject` neighbors.
    pub(crate) fn is_dialing(&self, subject: NodeId) -> bool {
        self.neighbor_dials().any(|(.., to)| to.subject() == subject)
    }

    /// Whether the overlay dials this record's subject, whose identity begins like this.
    #[inline]
    pub(crate) fn is_overlay_dialing(&self, prefix: u32, record: &AddressRecord) -> bool {
        let may_be = self.neighbor_dials.iter().any(|dial| dial.prefix == prefix);
        may_be && self.overlay_dials().any(|(.., to)| to.subject() == record.subject())
    }

    /// How many dials of this kind wait to say something.
    pub(crate) fn deliveries(&self, is_it: impl Fn(Delivery) -> bool) -> usize {
        self.deliveries.iter().filter(|(_, what, _)| is_it(*what)).count()
    }

    /// What waits to be said there, to be added to.
    pub(crate) fn delivery_mut(&mut self, what: Delivery) -> Option<&mut Vec<Message>> {
        self.deliveries.iter_mut().find(|it| it.1 == what).map(|(.., messages)| messages)
    }

    pub(super) fn take_delivery(&mut self, link: LinkId) -> Vec<Message> {
        let place = self.deliveries.iter().position(|(of, ..)| *of == link);
        let messages = place.map(|place| self.deliveries.swap_remove(place).2);
        release_if_empty(&mut self.deliveries);
        messages.unwrap_or_default()
    }

    pub(super) fn end_neighbor_dial(&mut self, link: LinkId) {
        self.neighbor_dials.retain(|dial| dial.link != link);
        release_if_empty(&mut self.neighbor_dials);
    }
}

impl Stage {
    pub(super) const fn is_connected(self) -> bool {
        match self {
            Self::Dialing | Self::ConnectOnly => false,
            Self::Greeting | Self::Awaiting | Self::Up => true,
        }
    }

    /// A dial that is to be welcomed.
    pub(super) const fn is_before_welcome(self) -> bool {
        match self {
            Self::Dialing | Self::Greeting => true,
            Self::ConnectOnly | Self::Awaiting | Self::Up => false,
        }
    }
}

impl Link {
    pub(super) fn awaiting(addr: SocketAddr) -> Self {
        let addr = Some(Box::new(addr));
        Self {
            stage: Stage::Awaiting,
            purpose: None,
            owner: None,
            handshake_pending: true,
            remote: None,
            addr,
        }
    }

    /// The other end's address.
    pub(super) fn addr(&self) -> SocketAddr {
        match (&self.addr, &self.remote) {
            (Some(addr), _) => **addr,
            (None, Some(remote)) => remote.primary(),
            (None, None) => unreachable!("a link without a record has an address"),
        }
    }

    pub(super) fn set_addr(&mut self, addr: SocketAddr) {
        let is_primary = self.remote.as_ref().is_some_and(|remote| remote.primary() == addr);
        self.addr = (!is_primary).then(|| Box::new(addr));
    }

    /// Both sides know each other now.
    pub(super) fn rise(&mut self, purpose: Purpose, remote: &AddressRecord) {
        let addr = self.addr();
        self.stage = Stage::Up;
        self.purpose = Some(purpose);
        self.remote = Some(remote.clone());
        self.set_addr(addr);
    }

    pub(super) fn into_failed(self, failure: Failure) -> Outcome {
        let (addr, to) = (self.addr(), self.remote);
        self.owner.map_or(Outcome::Nothing, |owner| {
            Outcome::Failed(Box::new(Failed { owner, to, addr, failure }))
        })
    }

    pub(super) fn into_up(self) -> Option<Up> {
        Some(Up { purpose: self.purpose?, owner: self.owner, remote: self.remote? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_takes_40_bytes() {
        assert_eq!(size_of::<(LinkId, Link)>(), 40);
    }
}
