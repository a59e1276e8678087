//! What a node's log says: one line per documented event (R24, R25), values as fields.
//!
//! Text that came from others is written with its control characters escaped, so that nobody can
//! draw on the operator's terminal.

use tidings_core::wire::Evidence;
use tidings_core::{AddressRecord, Event, Instant, LifeNews, MemberState, NodeId, Payload, Role};
use tidings_node::{NodeReport, Observer, Warning};
use tracing::{debug, info, trace, warn};

use crate::output::shown;

/// Turns events into log lines.
#[derive(Debug)]
pub(crate) struct EventLog;

impl Observer for EventLog {
    fn on_warning(&self, _at: Instant, warning: &Warning) {
        let Warning { reason, count, text, .. } = warning;
        warn!(reason, count, "{text}");
    }

    fn on_event(&self, _at: Instant, event: &Event) {
        match event {
            // A peer and its seed nodes.
            Event::Registered { seed_node } => info!(seed_node = %seed_node, "registered"),
            Event::RegistrationLost { addr, reason } => {
                warn!(seed_node = %addr, %reason, "registration lost");
            }
            Event::ListReceived { from, peers } => {
                info!(seed_node = %from, count = peers.len(), peers = addresses(peers), "list received");
            }
            Event::NoticeLost { addr } => warn!(seed_node = %addr, "notice lost"),
            // A peer and its neighbors.
            Event::NeighborUp { peer, origin } => {
                info!(peer = %peer, link = ?origin, "neighbor up");
            }
            Event::NeighborDown { peer, reason } => {
                info!(peer = %peer, %reason, "neighbor down");
            }
            Event::NeighborRefused { by, reason } => {
                debug!(peer = %by, %reason, "refused by a peer");
            }
            Event::Strike { subject, strikes, kind } => {
                warn!(peer = %subject, strikes, %kind, "strike");
            }
            Event::DeathReported { subject } => warn!(peer = %subject, "dead node reported"),
            Event::Member { subject, state, by, evidence } => {
                log_member(subject, *state, *by, *evidence);
            }
            Event::Published { .. }
            | Event::Delivered { .. }
            | Event::Duplicate { .. }
            | Event::TooOld { .. } => log_message(event),
            // A seed node's list.
            Event::ConnectionRequested { from, purpose } => {
                info!(peer = %from, %purpose, "connection request");
            }
            Event::PeerRegistered { peer } => info!(peer = %peer, "peer registered"),
            Event::PeerRemoved { peer, reason } => {
                info!(peer = %peer, %reason, "peer removed");
            }
            Event::PeerProbing { peer, reason } => {
                info!(peer = %peer, %reason, "probing peer");
            }
            Event::ReportReceived { subject, reporter, outcome } => {
                warn!(peer = %subject, %reporter, %outcome, "dead node report");
            }
            Event::FalseReport { subject, reporter, count } => {
                warn!(peer = %subject, %reporter, count, "false report");
            }
            // Both roles.
            Event::HelloRefused { from, reason } => {
                debug!(peer = %from, %reason, "handshake refused");
            }
            Event::Misbehaved { addr, node, kind } => {
                let node = node.map(|node| node.to_string()).unwrap_or_default();
                warn!(%addr, node, %kind, "protocol violation");
            }
            Event::Rejected(rejection) => warn!(reason = %rejection, "command rejected"),
            Event::Left => info!("left"),
            // Seed nodes that decide together.
            Event::Voted { subject, kind, outcome } => {
                info!(peer = %subject, %kind, %outcome, "vote");
            }
            Event::OtherLife { known, news } => log_life(known, news),
            Event::SeedNodeLost { addr } => warn!(seed_node = %addr, "lost link to seed node"),
        }
    }
}

fn addresses(peers: &[AddressRecord]) -> String {
    let list: Vec<_> = peers.iter().map(|peer| peer.primary().to_string()).collect();
    list.join(" ")
}

/// Two lives of one node met.
fn log_life(known: &AddressRecord, news: &LifeNews) {
    let (newer, epoch) = (known, known.epoch());
    match news {
        LifeNews::Shown(from) => {
            let old = from.epoch();
            warn!(peer = %from, epoch = %old, %newer, newer_epoch = %epoch, "a node came in an older life than is known here, and was told");
        }
        LifeNews::Begun(begun) => {
            warn!(epoch = %begun, %newer, newer_epoch = %epoch, "others know a newer life of this node (was its epoch file lost, or a clock ahead?): a life above it begins");
        }
        LifeNews::Kept => {
            warn!(%newer, newer_epoch = %epoch, "others know a newer life of this node and may hold this one dead; it is more than a day ahead of this machine's calendar, or was met again: --force-epoch at the next start begins a life above it");
        }
        LifeNews::InUse => warn!(%newer, newer_epoch = %epoch, "identity in use"),
    }
}

/// A peer's messages.
#[expect(clippy::wildcard_enum_match_arm, reason = "all else is logged elsewhere")]
fn log_message(event: &Event) {
    match event {
        Event::Published { envelope, .. } => info!(
            id = %envelope.id(),
            sequence = envelope.sequence().0,
            text = %Text(&envelope.payload()),
            "gossip sent"
        ),
        Event::Delivered { envelope, from, addr, hop, history } => info!(
            id = %envelope.id(),
            sequence = envelope.sequence().0,
            text = %Text(&envelope.payload()),
            origin = %envelope.origin(),
            from = %format_args!("{from}@{addr}"),
            hop = hop.0,
            history,
            "gossip received"
        ),
        Event::Duplicate { id, sequence, from } => {
            trace!(%id, sequence = sequence.0, %from, "duplicate");
        }
        Event::TooOld { id, sequence, from } => {
            debug!(%id, sequence = sequence.0, %from, "too old");
        }
        _ => {}
    }
}

fn log_member(subject: &AddressRecord, state: MemberState, by: NodeId, evidence: Option<Evidence>) {
    match state {
        MemberState::Alive | MemberState::Left => {
            info!(member = %subject, %state, %by, "member");
        }
        MemberState::Suspect | MemberState::Dead => {
            let reason = evidence.map(|evidence| evidence.to_string()).unwrap_or_default();
            warn!(member = %subject, %state, %by, reason, "member");
        }
    }
}

/// The last line: what the node has counted.
pub(crate) fn summary(report: &NodeReport) {
    let stats = &report.node.stats;
    match report.node.role {
        Role::Peer => info!(
            published = stats.published,
            delivered = stats.delivered,
            duplicates = stats.duplicates,
            bytes_sent = report.bytes_sent,
            bytes_received = report.bytes_received,
            "stopped"
        ),
        Role::SeedNode => info!(
            reports = stats.death_reports,
            false_reports = stats.false_reports,
            bytes_sent = report.bytes_sent,
            bytes_received = report.bytes_received,
            "stopped"
        ),
    }
}

/// A payload as text without control characters, or its length.
struct Text<'a>(&'a Payload);

impl std::fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&shown(self.0))
    }
}
