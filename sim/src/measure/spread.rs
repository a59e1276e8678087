//! How a message spreads: whom it reached and when, over how many hops, in how many copies.
//!
//! A peer is *eligible* for a message if it had joined when the message was sent and lived on for a
//! minute, or to the end of the run. Peers that join later get it by catch-up; they are not measured
//! here, but checked.

#![expect(clippy::wildcard_enum_match_arm, reason = "picks the events it needs")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tidings_core::{Event, MessageId};

use crate::history::{History, Life};
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
    /// Time until `percent` of the eligible peers had it; `None` if they never did.
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
    let mut messages = Vec::new();
    let mut places: BTreeMap<MessageId, usize> = BTreeMap::new();
    let mut receipts: Vec<Vec<(Life, Duration)>> = Vec::new();
    for entry in &history.entries {
        match &entry.event {
            Event::Published { envelope } => {
                places.insert(envelope.id(), messages.len());
                messages.push(unmeasured(envelope.id(), entry.life, entry.at));
                receipts.push(Vec::new());
            }
            Event::Delivered { envelope, hop, .. } => {
                let Some(&place) = places.get(&envelope.id()) else { continue };
                let message: &mut MessageMeasure = &mut messages[place];
                message.copies += 1;
                message.receipts += 1;
                message.last_hop = message.last_hop.max(hop.0);
                receipts[place].push((entry.life, entry.at));
            }
            Event::Duplicate { id, .. } => {
                if let Some(&place) = places.get(id) {
                    messages[place].copies += 1;
                }
            }
            _ => {}
        }
    }
    let joined = history.joined();
    let stalling = history.schedule.stalling();
    for (message, receipts) in messages.iter_mut().zip(&receipts) {
        reach(message, receipts, &joined, &stalling, history);
    }
    messages
}

fn unmeasured(id: MessageId, origin: Life, sent: Duration) -> MessageMeasure {
    MessageMeasure {
        id,
        origin,
        sent,
        eligible: 0,
        reached: 0,
        delays: Vec::new(),
        last_hop: 0,
        copies: 0,
        receipts: 0,
        others: None,
        died_with_origin: false,
    }
}

/// Fills in whom the message should have reached and whom it did.
fn reach(
    message: &mut MessageMeasure,
    receipts: &[(Life, Duration)],
    joined: &BTreeMap<Life, Duration>,
    stalling: &BTreeSet<HostId>,
    history: &History,
) {
    let mut slowest = Duration::ZERO;
    for (life, joined) in joined {
        let lives_on = history.lives.get(life).is_some_and(|span| {
            span.covers(*joined, message.sent + LIVES_ON) || span.ended.is_none()
        });
        if *joined > message.sent || !lives_on || *life == message.origin {
            continue;
        }
        message.eligible += 1;
        let receipt = receipts.iter().find(|(receiver, _)| receiver == life);
        let delay = receipt.map(|(_, at)| at.saturating_sub(message.sent));
        message.delays.extend(delay);
        if !stalling.is_empty() && !stalling.contains(&life.host) {
            slowest = slowest.max(delay.unwrap_or(Duration::MAX));
        }
    }
    message.delays.sort_unstable();
    message.reached = u64::try_from(message.delays.len()).unwrap_or(u64::MAX);
    let origin_died = history.lives.get(&message.origin).is_some_and(|span| span.ended.is_some());
    message.died_with_origin = origin_died && receipts.is_empty();
    let is_steady = !stalling.is_empty() && !stalling.contains(&message.origin.host);
    message.others = is_steady.then_some(slowest);
}
