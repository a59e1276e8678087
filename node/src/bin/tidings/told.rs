//! What a node tells the process that runs it: events as JSON, one per line of standard output. `tidings
//! demo` reads them, so that it does not depend on what a log says to people.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tidings_core::{AddressRecord, Event, Instant, MemberState, MessageId};
use tidings_node::Observer;

use crate::lines::Lines;
use crate::output::json;

/// An event that figures are made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum Told {
    /// Peer: a seed node lists it.
    Registered,
    /// Peer: a neighbor more.
    NeighborUp { peer: AddressRecord },
    /// Peer: a neighbor less.
    NeighborDown { peer: AddressRecord },
    /// Peer: it has said this message.
    Published { id: MessageId, sequence: u64 },
    /// Peer: this message of another one has come, for the first time.
    Delivered { id: MessageId, sequence: u64 },
    /// Peer: what it holds of a member.
    Member { addr: SocketAddr, state: MemberState },
    /// Seed node: an entry more.
    PeerRegistered { addr: SocketAddr },
    /// Seed node: an entry less.
    PeerRemoved { addr: SocketAddr },
}

impl Told {
    #[expect(clippy::wildcard_enum_match_arm, reason = "no figure is made of the rest")]
    fn of(event: &Event) -> Option<Self> {
        Some(match event {
            Event::Registered { .. } => Self::Registered,
            Event::NeighborUp { peer, .. } => Self::NeighborUp { peer: peer.clone() },
            Event::NeighborDown { peer, .. } => Self::NeighborDown { peer: peer.clone() },
            Event::Published { envelope, .. } => {
                Self::Published { id: envelope.id(), sequence: envelope.sequence().0 }
            }
            Event::Delivered { envelope, .. } => {
                Self::Delivered { id: envelope.id(), sequence: envelope.sequence().0 }
            }
            Event::Member { subject, state, .. } => {
                Self::Member { addr: subject.primary(), state: *state }
            }
            Event::PeerRegistered { peer } => Self::PeerRegistered { addr: peer.primary() },
            Event::PeerRemoved { peer, .. } => Self::PeerRemoved { addr: peer.primary() },
            _ => return None,
        })
    }

    /// Reads a line; `None` when it is none of these.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

/// Writes events to standard output, or nowhere. Lines that were dropped are missing from somebody's
/// figures; [`Outputs`](crate::lines::Outputs) tells of them.
#[derive(Debug)]
pub(crate) struct Teller(pub(crate) Option<Lines>);

impl Observer for Teller {
    fn on_event(&self, _at: Instant, event: &Event) {
        let Some(lines) = &self.0 else { return };
        if let Some(Ok(line)) = Told::of(event).map(|told| json(&told)) {
            lines.push((line + "\n").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use tidings_core::{BootEpoch, NodeId};

    use super::*;

    #[test]
    fn what_is_told_is_understood() {
        let addr = "127.0.0.1:5000".parse().expect("an address");
        let peer = AddressRecord::new(NodeId::new([7; 32]), BootEpoch(1), &[addr]).expect("valid");
        let id = MessageId::new([8; 32]);
        for told in [
            Told::Registered,
            Told::NeighborUp { peer: peer.clone() },
            Told::NeighborDown { peer },
            Told::Published { id, sequence: 3 },
            Told::Delivered { id, sequence: 3 },
            Told::Member { addr, state: MemberState::Dead },
            Told::PeerRegistered { addr },
            Told::PeerRemoved { addr },
        ] {
            assert_eq!(Told::parse(&json(&told).expect("JSON")), Some(told));
        }
        assert_eq!(Told::parse("peer 1234 listening on 127.0.0.1:1"), None);
        assert_eq!(Told::parse("{\"message\":\"registered\"}"), None, "a log line is no event");
    }
}
