//! What a node's log says: one line per documented event (R24, R25), values as fields.
//!
//! Text that came from others is written with its control characters escaped, so that nobody can
//! draw on the operator's terminal.

use std::convert::Infallible;
use std::time::Duration;

use tidings_core::wire::Evidence;
use tidings_core::{AddressRecord, Event, LifeNews, MemberState, NodeId, Payload, Role};
use tidings_node::{LookUpFailure, NodeReport, Observer, Warning};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{debug, info, trace, warn};

use super::limit::{LeftOut, Limit, Reason};
use crate::output::shown;

/// Turns events into log lines.
#[derive(Debug)]
pub(crate) struct EventLog {
    since: Instant,
    limit: Limit,
}

impl EventLog {
    pub(crate) fn new() -> Self {
        Self { since: Instant::now(), limit: Limit::default() }
    }

    /// Tells what was left out, a while after, as long as the node runs.
    #[expect(clippy::infinite_loop, reason = "as long as the node runs")]
    pub(crate) async fn tell_left_out(&self) -> Infallible {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for LeftOut { reason, peer, count } in self.limit.left_out(self.since.elapsed()) {
                let peer = peer.unwrap_or_else(|| "many".to_owned());
                warn!(reason, %peer, count, "lines left out");
            }
        }
    }
}

/// What a line is about and whom, where others decide how often it comes.
fn limited(event: &Event) -> Option<(Reason, String)> {
    let is_message = matches!(event, Event::Delivered { .. });
    let (words, peer) = match event {
        Event::RegistrationLost { addr, reason } => {
            ("registration lost", format!("{addr}: {reason}"))
        }
        Event::NoticeLost { addr } => ("notice lost", addr.to_string()),
        Event::SeedNodeLost { addr } => ("lost link to seed node", addr.to_string()),
        Event::ListReceived { from, .. } => ("list received", from.to_string()),
        Event::NeighborUp { peer, .. } => ("neighbor up", peer.to_string()),
        Event::NeighborDown { peer, reason } => ("neighbor down", format!("{peer}: {reason}")),
        Event::NeighborRefused { by, reason } => ("refused by a peer", format!("{by}: {reason}")),
        Event::Strike { subject, strikes, kind } => {
            ("strike", format!("{subject}: {strikes} {kind}"))
        }
        Event::DeathReported { subject } => ("dead node reported", subject.to_string()),
        Event::Member { subject, state, .. } => ("member", format!("{subject}: {state}")),
        Event::Delivered { from, .. } => ("gossip received", from.to_string()),
        Event::TooOld { from, .. } => ("too old", from.to_string()),
        Event::ConnectionRequested { from, purpose } => {
            ("connection request", format!("{from}: {purpose}"))
        }
        Event::PeerRegistered { peer } => ("peer registered", peer.to_string()),
        Event::PeerRemoved { peer, reason } => ("peer removed", format!("{peer}: {reason}")),
        Event::PeerProbing { peer, reason } => ("probing peer", format!("{peer}: {reason}")),
        Event::ReportReceived { reporter, .. } => ("dead node report", reporter.to_string()),
        Event::FalseReport { reporter, .. } => ("false report", reporter.to_string()),
        Event::HelloRefused { from, reason } => ("handshake refused", format!("{from}: {reason}")),
        Event::Misbehaved { addr, node, kind } => {
            // Whoever has no name yet has a new port with each connection.
            let who = node.map_or_else(|| addr.ip().to_string(), |node| node.to_string());
            ("protocol violation", format!("{who}: {kind}"))
        }
        Event::OtherLife { known, .. } => ("other life", known.subject().to_string()),
        Event::Voted { subject, kind, outcome } => ("vote", format!("{subject}: {kind} {outcome}")),
        // What the node itself does, or what is at the level trace.
        Event::Registered { .. }
        | Event::Published { .. }
        | Event::Duplicate { .. }
        | Event::Rejected(_)
        | Event::Left
        | Event::StoodStill { .. }
        | Event::Moved { .. }
        | Event::NobodyReached { .. }
        | Event::SeedNodeSkipped { .. } => return None,
    };
    Some((Reason { words, is_message }, peer))
}

impl Observer for EventLog {
    fn on_event(&self, _at: tidings_core::Instant, event: &Event) {
        // Only where something was left out.
        let left_out = match limited(event) {
            Some((reason, peer)) => match self.limit.allow(self.since.elapsed(), reason, peer) {
                Some(left_out) => (left_out > 0).then_some(left_out),
                None => return,
            },
            None => None,
        };
        log(event, left_out);
    }

    fn on_warning(&self, _at: tidings_core::Instant, warning: &Warning) {
        let Warning { reason, count, text, .. } = warning;
        warn!(reason, count, "{text}");
    }

    fn on_look_up_failure(&self, failure: &LookUpFailure) {
        let LookUpFailure { what, reason, kept, times, .. } = failure;
        let (what, reason) = (what.escape_debug(), reason.escape_debug());
        warn!(%what, %reason, kept, times, "seed nodes not looked up in full, tried again");
    }
}

/// Writes the line of an event.
fn log(event: &Event, left_out: Option<u64>) {
    match event {
        // A peer and its seed nodes.
        Event::Registered { seed_node } => info!(seed_node = %seed_node, "registered"),
        Event::RegistrationLost { addr, reason } => {
            warn!(seed_node = %addr, %reason, left_out, "registration lost");
        }
        Event::ListReceived { from, peers } => {
            info!(seed_node = %from, count = peers.len(), peers = addresses(peers), left_out, "list received");
        }
        Event::NoticeLost { addr } => warn!(seed_node = %addr, left_out, "notice lost"),
        // A peer and its neighbors.
        Event::NeighborUp { peer, origin } => {
            info!(peer = %peer, link = ?origin, left_out, "neighbor up");
        }
        Event::NeighborDown { peer, reason } => {
            info!(peer = %peer, %reason, left_out, "neighbor down");
        }
        Event::NeighborRefused { by, reason } => {
            debug!(peer = %by, %reason, left_out, "refused by a peer");
        }
        Event::Strike { subject, strikes, kind } => {
            warn!(peer = %subject, strikes, %kind, left_out, "strike");
        }
        Event::DeathReported { subject } => warn!(peer = %subject, left_out, "dead node reported"),
        Event::Member { subject, state, by, evidence } => {
            log_member((subject, *state), *by, *evidence, left_out);
        }
        Event::Published { .. }
        | Event::Delivered { .. }
        | Event::Duplicate { .. }
        | Event::TooOld { .. } => log_message(event, left_out),
        // A seed node's list.
        Event::ConnectionRequested { from, purpose } => {
            info!(peer = %from, %purpose, left_out, "connection request");
        }
        Event::PeerRegistered { peer } => info!(peer = %peer, left_out, "peer registered"),
        Event::PeerRemoved { peer, reason } => {
            info!(peer = %peer, %reason, left_out, "peer removed");
        }
        Event::PeerProbing { peer, reason } => {
            info!(peer = %peer, %reason, left_out, "probing peer");
        }
        Event::ReportReceived { subject, reporter, outcome } => {
            warn!(peer = %subject, %reporter, %outcome, left_out, "dead node report");
        }
        Event::FalseReport { subject, reporter, count } => {
            warn!(peer = %subject, %reporter, count, left_out, "false report");
        }
        // Both roles.
        Event::StoodStill { time } => {
            warn!(seconds = time.as_secs_f64(), "this node stood still");
        }
        Event::HelloRefused { from, reason } => {
            debug!(peer = %from, %reason, left_out, "handshake refused");
        }
        Event::Misbehaved { addr, node, kind } => {
            let node = node.map(|node| node.to_string()).unwrap_or_default();
            warn!(%addr, node, %kind, left_out, "protocol violation");
        }
        Event::Rejected(rejection) => warn!(reason = %rejection, "command rejected"),
        Event::Left => info!("left"),
        // Seed nodes that decide together.
        Event::Voted { subject, kind, outcome } => {
            info!(peer = %subject, %kind, %outcome, left_out, "vote");
        }
        Event::OtherLife { known, news } => log_life(known, news, left_out),
        Event::SeedNodeLost { addr } => {
            warn!(seed_node = %addr, left_out, "lost link to seed node");
        }
        Event::Moved { .. } | Event::NobodyReached { .. } | Event::SeedNodeSkipped { .. } => {
            log_place(event);
        }
    }
}

/// Where the node and others are, and are not.
#[expect(clippy::wildcard_enum_match_arm, reason = "all else is logged elsewhere")]
fn log_place(event: &Event) {
    match event {
        Event::Moved { record } => {
            info!(addr = %addresses_of(record), number = record.number(), "announcing other addresses");
        }
        Event::NobodyReached { peers, attempts, peer, reason } => {
            let addr = addresses_of(peer);
            warn!(peers, attempts, peer = %peer.subject(), %addr, %reason,
                "no neighbor: no known peer can be reached at the addresses that it announces");
        }
        Event::SeedNodeSkipped { addr, reason } => {
            warn!(seed_node = %addr, %reason, "no seed node at this address: it does not count");
        }
        _ => {}
    }
}

/// All addresses of one node.
fn addresses_of(node: &AddressRecord) -> String {
    let list: Vec<_> = node.addresses().iter().map(ToString::to_string).collect();
    list.join(" ")
}

fn addresses(peers: &[AddressRecord]) -> String {
    let list: Vec<_> = peers.iter().map(|peer| peer.primary().to_string()).collect();
    list.join(" ")
}

/// Two lives of one node met.
fn log_life(known: &AddressRecord, news: &LifeNews, left_out: Option<u64>) {
    let (newer, epoch) = (known, known.epoch());
    match news {
        LifeNews::Shown(from) => {
            let old = from.epoch();
            warn!(peer = %from, epoch = %old, %newer, newer_epoch = %epoch, left_out, "a node came in an older life than is known here, and was told");
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
fn log_message(event: &Event, left_out: Option<u64>) {
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
            left_out,
            "gossip received"
        ),
        Event::Duplicate { id, sequence, from } => {
            trace!(%id, sequence = sequence.0, %from, "duplicate");
        }
        Event::TooOld { id, sequence, from } => {
            debug!(%id, sequence = sequence.0, %from, left_out, "too old");
        }
        _ => {}
    }
}

fn log_member(
    (subject, state): (&AddressRecord, MemberState),
    by: NodeId,
    evidence: Option<Evidence>,
    left_out: Option<u64>,
) {
    match state {
        MemberState::Alive | MemberState::Left => {
            info!(member = %subject, %state, %by, left_out, "member");
        }
        MemberState::Suspect | MemberState::Dead => {
            let reason = evidence.map(|evidence| evidence.to_string()).unwrap_or_default();
            warn!(member = %subject, %state, %by, reason, left_out, "member");
        }
    }
}

/// The last line: what the node has counted.
pub(crate) fn summary(report: &NodeReport) {
    let stats = &report.node.stats;
    let warnings = report.warnings.iter().map(|(reason, count)| format!("{reason}={count}"));
    let warnings = warnings.collect::<Vec<_>>().join(" ");
    match report.node.role {
        Role::Peer => info!(
            published = stats.published,
            delivered = stats.delivered,
            duplicates = stats.duplicates,
            bytes_sent = report.bytes_sent,
            bytes_received = report.bytes_received,
            warnings,
            "stopped"
        ),
        Role::SeedNode => info!(
            reports = stats.death_reports,
            false_reports = stats.false_reports,
            bytes_sent = report.bytes_sent,
            bytes_received = report.bytes_received,
            warnings,
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
