//! What a node answers to commands: for people as tables, for programs as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use humantime::format_duration;
use serde::{Deserialize, Serialize};
use tidings_core::{LinkOrigin, NodeSnapshot, Role};
use tidings_node::NodeReport;

use super::format::{age, id_of, micros, millis, who};
use super::inbox::MessageLine;
use super::members::{MembersView, WhyView};
use crate::output::table;

/// An answer. Its JSON has the field `answer`, which says what kind it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    Peers(PeersView),
    Seeds(SeedsView),
    Messages(MessagesView),
    Sent(SentView),
    Status(Box<StatusView>),
    Members(MembersView),
    Why(WhyView),
    Help(HelpView),
    Leaving,
}

/// A peer's neighbors and the peers it was told of, or a seed node's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PeersView {
    connected: Vec<NeighborLine>,
    received: Vec<KnownLine>,
    registered: Vec<RegisteredLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct NeighborLine {
    id: String,
    addr: String,
    opened_by_us: bool,
    age_ms: u64,
    round_trip_us: Option<u64>,
    strikes: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownLine {
    id: String,
    addr: String,
    heard_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RegisteredLine {
    id: String,
    addr: String,
    age_ms: u64,
    linked: bool,
}

/// The seed nodes of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SeedsView {
    seeds: Vec<SeedLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct SeedLine {
    addr: String,
    id: Option<String>,
    registered_ms: Option<u64>,
}

/// The latest messages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MessagesView {
    pub(super) messages: Vec<MessageLine>,
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SentView {
    /// The id of its envelope; none while it is gathered.
    pub(super) id: Option<String>,
    pub(super) sequence: u64,
    pub(super) neighbors: usize,
    /// How many more get it when they can take more, how many are told its name alone, and how many get it
    /// with what is said meanwhile.
    pub(super) owed: usize,
    pub(super) named: usize,
    pub(super) gathered: usize,
}

/// The commands there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HelpView {
    pub(super) commands: Vec<HelpLine>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HelpLine {
    pub(super) command: String,
    pub(super) about: String,
}

/// A node at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatusView {
    role: String,
    id: String,
    epoch: u64,
    addresses: Vec<String>,
    version: String,
    pid: u32,
    uptime_ms: u64,
    neighbors: usize,
    registered_with: usize,
    seed_nodes: usize,
    registered_peers: usize,
    known_peers: usize,
    stored_messages: usize,
    published: u64,
    pub(crate) delivered: u64,
    pub(crate) duplicates: u64,
    death_reports: u64,
    false_reports: u64,
    misbehaviors: u64,
    pub(crate) bytes_sent: u64,
    bytes_received: u64,
    rejected_connections: u64,
    /// Lines of logs and answers that could not be written.
    lost_lines: u64,
    /// How often each reason to warn of was met, by its name in the log.
    warnings: BTreeMap<String, u64>,
}

pub(super) fn peers_view(node: &NodeSnapshot) -> PeersView {
    let connected = node.neighbors.iter().map(|neighbor| NeighborLine {
        id: id_of(&neighbor.record),
        addr: neighbor.record.primary().to_string(),
        opened_by_us: neighbor.origin == LinkOrigin::Dialed,
        age_ms: millis(neighbor.age),
        round_trip_us: neighbor.round_trip.map(micros),
        strikes: neighbor.strikes,
    });
    let received = node.known.iter().map(|known| KnownLine {
        id: id_of(&known.record),
        addr: known.record.primary().to_string(),
        heard_ms: millis(known.heard),
    });
    let registered = node.registered.iter().map(|entry| RegisteredLine {
        id: id_of(&entry.record),
        addr: entry.record.primary().to_string(),
        age_ms: millis(entry.since),
        linked: entry.linked,
    });
    PeersView {
        connected: connected.collect(),
        received: received.collect(),
        registered: registered.collect(),
    }
}

pub(super) fn seed_nodes_view(node: &NodeSnapshot) -> SeedsView {
    let line = |seed_node: &tidings_core::SeedNodeSnapshot| SeedLine {
        addr: seed_node.addr.to_string(),
        id: seed_node.registered.map(|(id, _)| format!("{id:#}")),
        registered_ms: seed_node.registered.map(|(_, since)| millis(since)),
    };
    SeedsView { seeds: node.seed_nodes.iter().map(line).collect() }
}

pub(super) fn status_view(report: &NodeReport, lost_lines: u64) -> StatusView {
    let NodeReport { node, bytes_sent, bytes_received, rejected_connections, warnings } = report;
    let stats = &node.stats;
    StatusView {
        role: node.role.to_string(),
        id: id_of(&node.record),
        epoch: node.record.epoch().0,
        addresses: node.record.addresses().iter().map(ToString::to_string).collect(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        uptime_ms: millis(node.uptime),
        neighbors: node.neighbors.len(),
        registered_with: node.seed_nodes.iter().filter(|it| it.registered.is_some()).count(),
        seed_nodes: node.seed_nodes.len(),
        registered_peers: node.registered.len(),
        known_peers: node.known.len(),
        stored_messages: node.stored,
        published: stats.published,
        delivered: stats.delivered,
        duplicates: stats.duplicates,
        death_reports: stats.death_reports,
        false_reports: stats.false_reports,
        misbehaviors: stats.misbehaviors,
        bytes_sent: *bytes_sent,
        bytes_received: *bytes_received,
        rejected_connections: *rejected_connections,
        lost_lines,
        warnings: warnings.clone(),
    }
}

impl fmt::Display for SentView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, sequence, neighbors, owed, named, gathered } = self;
        let Some(id) = id else {
            return write!(f, "message {sequence} goes to {gathered} with what is said next");
        };
        let id = id.get(..8).unwrap_or(id);
        if neighbors + owed + named == 0 {
            return write!(f, "kept as {id}: there is no neighbor to send it to yet");
        }
        let plural = if *neighbors == 1 { "" } else { "s" };
        write!(f, "sent as {id} to {neighbors} neighbor{plural}")?;
        if *owed > 0 {
            write!(f, ", to {owed} more when they can take it")?;
        }
        if *named > 0 {
            write!(f, ", its name to {named} that others send it to")?;
        }
        Ok(())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peers(peers) => peers.fmt(f),
            Self::Seeds(seeds) => seeds.fmt(f),
            Self::Messages(messages) => messages.fmt(f),
            Self::Sent(sent) => sent.fmt(f),
            Self::Status(status) => status.fmt(f),
            Self::Members(members) => members.fmt(f),
            Self::Why(why) => why.fmt(f),
            Self::Help(HelpView { commands }) => {
                let row = |line: &HelpLine| [line.command.clone(), line.about.clone()];
                f.write_str(&table(["command", ""], commands.iter().map(row)))?;
                f.write_str("\n--json before or after a command prints JSON")
            }
            Self::Leaving => f.write_str("leaving"),
        }
    }
}

impl fmt::Display for PeersView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.registered.is_empty() {
            let row = |it: &RegisteredLine| {
                let linked = if it.linked { "" } else { "link lost" };
                [who(&it.id, &it.addr), age(it.age_ms), linked.to_owned()]
            };
            return f.write_str(&table(["registered", "for", ""], self.registered.iter().map(row)));
        }
        if self.connected.is_empty() && self.received.is_empty() {
            return f.write_str("no peers yet");
        }
        let row = |it: &NeighborLine| {
            let opened = if it.opened_by_us { "us" } else { "it" };
            let round_trip =
                it.round_trip_us.map(|us| format_duration(Duration::from_micros(us)).to_string());
            [
                who(&it.id, &it.addr),
                opened.to_owned(),
                age(it.age_ms),
                round_trip.unwrap_or_else(|| "not pinged yet".to_owned()),
                it.strikes.to_string(),
            ]
        };
        let header = ["connected", "opened by", "for", "round trip", "strikes"];
        writeln!(f, "{}\n", table(header, self.connected.iter().map(row)))?;
        let row = |it: &KnownLine| [who(&it.id, &it.addr), age(it.heard_ms)];
        f.write_str(&table(["known peer", "last seen"], self.received.iter().map(row)))
    }
}

impl fmt::Display for SeedsView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = |it: &SeedLine| match (&it.id, it.registered_ms) {
            (Some(id), Some(ms)) => [who(id, &it.addr), age(ms)],
            _ => [it.addr.clone(), "not registered there".to_owned()],
        };
        f.write_str(&table(["seed node", "registered for"], self.seeds.iter().map(row)))
    }
}

impl fmt::Display for MessagesView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.messages.is_empty() {
            return f.write_str("no messages yet");
        }
        let row = |it: &MessageLine| {
            let from = it.from.clone().unwrap_or_else(|| "this node".to_owned());
            let hop = if it.history { format!("{} (history)", it.hop) } else { it.hop.to_string() };
            let id = it.id.get(..8).unwrap_or(&it.id).to_owned();
            [id, it.origin.clone(), from, hop, it.text.clone()]
        };
        let header = ["message", "origin", "came from", "hops", "text"];
        f.write_str(&table(header, self.messages.iter().map(row)))
    }
}

impl fmt::Display for StatusView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.role, self.id)?;
        writeln!(f, "  at                    {}", self.addresses.join(" "))?;
        writeln!(f, "  up                    {} (epoch {})", age(self.uptime_ms), self.epoch)?;
        writeln!(f, "  process               {} (version {})", self.pid, self.version)?;
        if self.role == Role::Peer.to_string() {
            writeln!(f, "  seed nodes            {} of {}", self.registered_with, self.seed_nodes)?;
            writeln!(f, "  neighbors             {}", self.neighbors)?;
            writeln!(f, "  known peers           {}", self.known_peers)?;
            writeln!(f, "  sent                  {} messages", self.published)?;
            writeln!(f, "  delivered             {} messages", self.delivered)?;
            writeln!(f, "  duplicates            {}", self.duplicates)?;
            writeln!(f, "  stored                {} messages", self.stored_messages)?;
            writeln!(f, "  death reports         {}", self.death_reports)?;
        } else {
            writeln!(f, "  registered            {} peers", self.registered_peers)?;
            writeln!(f, "  death reports         {}", self.death_reports)?;
            writeln!(f, "  false reports         {}", self.false_reports)?;
        }
        writeln!(f, "  protocol violations   {}", self.misbehaviors)?;
        writeln!(f, "  rejected connections  {}", self.rejected_connections)?;
        writeln!(f, "  lines not written     {}", self.lost_lines)?;
        for (reason, count) in &self.warnings {
            writeln!(f, "  warned of             {count} {reason}")?;
        }
        write!(f, "  bytes                 {} out, {} in", self.bytes_sent, self.bytes_received)
    }
}
