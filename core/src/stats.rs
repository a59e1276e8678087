//! Plain counters. Nothing in the protocol reads them.

/// What a node has counted since birth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Stats {
    /// Messages of all kinds handed to the driver.
    pub messages_sent: u64,
    /// Messages of all kinds that arrived.
    pub messages_received: u64,
    /// Own gossip messages.
    pub published: u64,
    /// Gossip messages of others, each counted once.
    pub delivered: u64,
    /// Copies of gossip messages sent: to neighbors and in answer to pulls.
    pub gossip_sent: u64,
    /// Copies that arrived.
    pub gossip_received: u64,
    /// Copies of messages that were here before.
    pub duplicates: u64,
    /// Messages refused because they were older than what is remembered.
    pub too_old: u64,
    /// Dials begun.
    pub dials: u64,
    /// Dials that came to nothing, refusals not counted.
    pub dials_failed: u64,
    /// Hellos that this node refused.
    pub hellos_refused: u64,
    /// Accepted links that said no hello in time.
    pub hellos_missed: u64,
    /// Rules that others broke, see [`Misbehavior`](crate::Misbehavior).
    pub misbehaviors: u64,
    /// Pings sent, or connections tried in their place.
    pub pings: u64,
    /// Those that were not answered in time.
    pub pings_missed: u64,
    /// Death reports made (peer) or received (seed node).
    pub death_reports: u64,
    /// Reports whose subject then answered (seed node).
    pub false_reports: u64,
    /// Names of messages announced with `plumtree`.
    pub ihaves_sent: u64,
    /// Messages that carried those names.
    pub ihave_messages: u64,
    /// Links made a branch of a tree.
    pub grafts_sent: u64,
    /// Links taken out of a tree.
    pub prunes_sent: u64,
    /// Statements about members that this node made.
    pub statements: u64,
    /// Copies of statements sent.
    pub statements_sent: u64,
    /// Copies of statements that arrived.
    pub statements_received: u64,
    /// Probes for others, asked of this node.
    pub ping_requests: u64,
    /// Suspicions of this node itself, each refuted.
    pub refutations: u64,
    /// How often each bound was hit.
    pub limits: Limits,
}

/// How often each bound of the config was hit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Limits {
    /// Links that were given up because nothing came on them for half of `store_age`.
    pub silent: u64,
    /// Connections closed because `max_pending` others had not said hello yet.
    pub pending: u64,
    /// Hellos answered "busy" (`max_links`).
    pub links: u64,
    /// Known peers forgotten for newer ones (`known_max`, `passive`).
    pub known: u64,
    /// Registrations refused (`registry_max`).
    pub registry: u64,
    /// Probes that had to wait (`probes_max`; a peer's: `max_links`).
    pub probes: u64,
    /// Ids forgotten early (`seen_max`).
    pub seen: u64,
    /// Messages dropped from the store early (`store_count`, `store_bytes`).
    pub store: u64,
    /// Messages dropped from the store although a neighbor was still to get them (`store_count`,
    /// `store_bytes`).
    pub owed: u64,
    /// Links closed because the other side read too slowly (the driver's queue).
    pub overruns: u64,
    /// Notices dropped because too many waited for one seed node.
    pub notices: u64,
    /// Ids not pulled because too many pulls were open (`store_count`).
    pub pulls: u64,
    /// Lost neighbors not watched, or suspicions not told, because too many were (`max_links`).
    pub lost: u64,
    /// Reporters no longer remembered, for newer ones (`registry_max`).
    pub reporters: u64,
    /// Announcements not noted because too many messages were missing (`store_count`).
    pub missing: u64,
    /// Pulls by strangers not answered in full (`exchange_bytes`).
    pub exchange: u64,
    /// Members not noted because there were too many (`members_max`).
    pub members: u64,
    /// Probes for others refused because too many were under way.
    pub requests: u64,
    /// Newcomers not taken because as many dials were under way (`active`).
    pub dials: u64,
    /// Lost neighbors forgotten for others lost later (`lost_neighbors`).
    pub lost_neighbors: u64,
    /// Replies to shuffles not given because too many waited for their link (`replies`).
    pub replies: u64,
    /// Proposals that were not put, and votes that were not given (`votes_max`).
    pub votes: u64,
}
