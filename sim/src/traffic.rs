//! What all nodes together have sent and done up to a moment, by kind: the cost of a protocol.

use std::time::Duration;

use tidings_core::Stats;

/// Sums of the counters of the nodes that answered at one moment, each since its birth. The difference
/// of two says what was sent between them, where nobody died.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Simulated time since the run's beginning.
    pub at: Duration,
    /// Nodes that answered.
    pub nodes: u64,
    /// Messages of all kinds.
    pub messages: u64,
    /// Copies of gossip messages that arrived.
    pub payloads: u64,
    /// Names of messages announced.
    pub names: u64,
    /// Messages that carried them.
    pub announcements: u64,
    /// Links made a branch of a tree, or taken out of one.
    pub tree_changes: u64,
    /// Copies of statements about members.
    pub statements: u64,
    /// Pings, or connections tried in their place.
    pub pings: u64,
    /// Probes asked of others.
    pub ping_requests: u64,
    /// Bytes written, frames and preambles.
    pub bytes: u64,
}

impl Traffic {
    /// No node yet.
    pub fn at(at: Duration) -> Self {
        Self { at, ..Self::default() }
    }

    /// Adds a node that has counted this and written so many bytes.
    pub fn add(&mut self, stats: &Stats, bytes: u64) {
        self.nodes += 1;
        self.messages += stats.messages_sent;
        self.payloads += stats.gossip_received;
        self.names += stats.ihaves_sent;
        self.announcements += stats.ihave_messages;
        self.tree_changes += stats.grafts_sent + stats.prunes_sent;
        self.statements += stats.statements_sent;
        self.pings += stats.pings;
        self.ping_requests += stats.ping_requests;
        self.bytes += bytes;
    }
}
