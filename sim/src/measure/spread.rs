//! How a message spreads: whom it reached and when, over how many hops, in how many copies.
//!
//! A peer is *eligible* for a message if it had joined when the message was sent and lived on for a
//! minute, or to the end of the run. Peers that join later get it by catch-up; they are not measured
//! here, but checked.

use std::collections::BTreeSet;
use std::time::Duration;

use tidings_core::MessageId;

use crate::history::{History, Life, MessageTrace};
use crate::host::HostId;
use crate::measure::quantile::quantile;

/// A peer that dies sooner after a message than this is not expected to get it.
const LIVES_ON: Duration = Duration::from_mins(1);

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageMeasure {
    /// Which.
    pub id: MessageId,
    /// Who said it.
    pub origin: Life,
    /// When, in simulated time.
    pub sent: Duration,
    /// Peers that should get it, its origin not counted.
    pub eligible: u64,
    /// Those of them that got it.
    pub reached: u64,
    /// Their delays since it was sent, shortest first.
    pub delays: Vec<Duration>,
    /// Most links a first copy travelled (LDH, last delivery hop).
    pub last_hop: u16,
    /// Copies that arrived anywhere, the first ones included.
    pub copies: u64,
    /// First copies that arrived anywhere.
    pub receipts: u64,
    /// Time until all eligible peers that never stand still had it; [`Duration::MAX`] if one of
    /// them never did; `None` if its origin stands still at times, or no host does.
    pub others: Option<Duration>,
    /// Its origin died and nobody else had got it.
    pub died_with_origin: bool,
}

impl MessageMeasure {
    /// Time until `percent` of the eligible peers had it: the quantile of their delays. `None` if too few
    /// ever had it.
    pub fn coverage(&self, percent: u32) -> Option<Duration> {
        let missing = usize::try_from(self.eligible).ok()?.checked_sub(self.delays.len())?;
        let mut delays = self.delays.clone();
        delays.extend(std::iter::repeat_n(Duration::MAX, missing));
        quantile(&delays, percent).filter(|delay| *delay != Duration::MAX)
    }

    /// How many eligible peers had it after `delay`.
    pub fn reached_within(&self, delay: Duration) -> u64 {
        u64::try_from(self.delays.partition_point(|it| *it <= delay)).unwrap_or(u64::MAX)
    }
}

/// Measures all messages of a run, in the order in which they were sent.
pub fn measure(history: &History) -> Vec<MessageMeasure> {
    let stalled_hosts = history.schedule.stalled_hosts();
    history
        .message_traces
        .iter()
        .filter_map(|message_trace| message(message_trace, history, &stalled_hosts))
        .collect()
}

/// Measures a message; `None` if nobody said it.
fn message(
    message_trace: &MessageTrace,
    history: &History,
    stalled_hosts: &BTreeSet<HostId>,
) -> Option<MessageMeasure> {
    let (origin, sent) = message_trace.said?;
    let reach = reach(message_trace, (origin, sent), history, stalled_hosts);
    let origin_died = history.lives.get(&origin).is_some_and(|span| span.ended.is_some());
    let is_steady = !stalled_hosts.is_empty() && !stalled_hosts.contains(&origin.host);
    Some(MessageMeasure {
        id: message_trace.id,
        origin,
        sent,
        eligible: reach.eligible,
        reached: u64::try_from(reach.delays.len()).unwrap_or(u64::MAX),
        delays: reach.delays,
        last_hop: message_trace
            .receipts
            .iter()
            .map(|receipt| receipt.hop.0)
            .max()
            .unwrap_or_default(),
        copies: message_trace.copies(),
        receipts: message_trace.first_copies(),
        others: is_steady.then_some(reach.slowest),
        died_with_origin: origin_died && message_trace.receipts.is_empty(),
    })
}

/// Whom a message should have reached and whom it did.
struct Reach {
    eligible: u64,
    /// Sorted.
    delays: Vec<Duration>,
    /// Until all eligible peers that never stand still had it.
    slowest: Duration,
}

fn reach(
    message_trace: &MessageTrace,
    (origin, sent): (Life, Duration),
    history: &History,
    stalled_hosts: &BTreeSet<HostId>,
) -> Reach {
    let mut receipts: Vec<(Life, Duration)> =
        message_trace.receipts.iter().map(|receipt| (receipt.life, receipt.at)).collect();
    receipts.sort_unstable();
    let mut receipts = receipts.into_iter().peekable();
    let mut reach = Reach { eligible: 0, delays: Vec::new(), slowest: Duration::ZERO };
    // Both are in the order of the lives.
    for (&life, span) in &history.lives {
        while receipts.next_if(|(receiver, _)| *receiver < life).is_some() {}
        let lives_on = span.covers(sent, sent + LIVES_ON) || span.ended.is_none();
        let has_joined = span.joined.is_some_and(|joined| joined <= sent);
        if !has_joined || !lives_on || life == origin {
            continue;
        }
        reach.eligible += 1;
        let receipt = receipts.next_if(|(receiver, _)| *receiver == life);
        let delay = receipt.map(|(_, at)| at.saturating_sub(sent));
        reach.delays.extend(delay);
        if !stalled_hosts.contains(&life.host) {
            reach.slowest = reach.slowest.max(delay.unwrap_or(Duration::MAX));
        }
    }
    reach.delays.sort_unstable();
    reach
}
