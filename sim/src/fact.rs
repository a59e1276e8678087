//! What nodes say of themselves that checks, measurements or hunts will read, gossip aside, in 16
//! bytes. A network of a million peers says it some 15 million times while it joins.

use tidings_core::{
    AddressRecord, Event, LinkOrigin, Misbehavior, NeighborLoss, NodeId, ProbeReason,
    RegistrationLoss, Removal,
};

/// One of the protocol's events, without what nobody reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Peer: a new neighbor.
    NeighborUp {
        /// The neighbor.
        peer: AddressRecord,
        /// Who opened the link.
        origin: LinkOrigin,
    },
    /// Peer: a neighbor less.
    NeighborDown {
        /// The neighbor it was.
        peer: AddressRecord,
        /// What happened to it.
        reason: NeighborLoss,
    },
    /// Peer: a seed node no longer lists this node, or cannot be reached.
    RegistrationLost {
        /// What became of it.
        reason: RegistrationLoss,
    },
    /// Peer: three strikes.
    DeathReported {
        /// Who is held dead.
        subject: AddressRecord,
    },
    /// Seed node: a new entry.
    PeerRegistered {
        /// The entry.
        peer: AddressRecord,
    },
    /// Seed node: an entry less.
    PeerRemoved {
        /// The entry.
        peer: AddressRecord,
        /// Why.
        reason: Removal,
    },
    /// Seed node: an entry is in doubt.
    PeerProbing {
        /// The entry.
        peer: AddressRecord,
        /// Why.
        reason: ProbeReason,
    },
    /// A node broke the protocol. Seldom, so it may take more room.
    Misbehaved(Box<Accusation>),
}

/// Who broke the protocol, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accusation {
    /// Who, when it said so.
    pub node: Option<NodeId>,
    /// What it did.
    pub what: Misbehavior,
}

impl Fact {
    /// What is kept of an event; `None` if nothing is.
    pub fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::NeighborUp { peer, origin } => {
                Self::NeighborUp { peer: peer.clone(), origin: *origin }
            }
            Event::NeighborDown { peer, reason } => {
                Self::NeighborDown { peer: peer.clone(), reason: *reason }
            }
            Event::RegistrationLost { reason, .. } => Self::RegistrationLost { reason: *reason },
            Event::DeathReported { subject } => Self::DeathReported { subject: subject.clone() },
            Event::PeerRegistered { peer } => Self::PeerRegistered { peer: peer.clone() },
            Event::PeerRemoved { peer, reason } => {
                Self::PeerRemoved { peer: peer.clone(), reason: *reason }
            }
            Event::PeerProbing { peer, reason } => {
                Self::PeerProbing { peer: peer.clone(), reason: *reason }
            }
            Event::Misbehaved { node, kind, .. } => {
                Self::Misbehaved(Box::new(Accusation { node: *node, what: *kind }))
            }
            Event::StoodStill { .. }
            | Event::Published { .. }
            | Event::Delivered { .. }
            | Event::Duplicate { .. }
            | Event::Registered { .. }
            | Event::ListReceived { .. }
            | Event::NeighborRefused { .. }
            | Event::TooOld { .. }
            | Event::Strike { .. }
            | Event::NoticeLost { .. }
            | Event::ConnectionRequested { .. }
            | Event::ReportReceived { .. }
            | Event::FalseReport { .. }
            | Event::HelloRefused { .. }
            | Event::Member { .. }
            | Event::Voted { .. }
            | Event::SeedNodeLost { .. }
            | Event::SeedNodeSkipped { .. }
            | Event::NobodyReached { .. }
            | Event::Moved { .. }
            | Event::OtherLife { .. }
            | Event::Rejected(_)
            | Event::Left => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_takes_16_bytes() {
        assert_eq!(size_of::<Fact>(), 16);
    }
}
