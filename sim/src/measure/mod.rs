//! From what happened to figures: spread, delays, detection, overlay, recovery. Words and figures are
//! the field's (Plumtree §2 for RMR and LDH).

pub mod adjacency;
pub mod dead_verdict;
pub mod delay;
pub mod detection;
pub mod overlay;
pub mod power_law;
pub mod quantile;
pub mod recovery;
pub mod shape;
pub mod spread;

use std::time::Duration;

use tidings_core::Removal;

use crate::fact::Fact;
use crate::history::History;
use crate::scenario::Scenario;
use dead_verdict::DeadVerdictMeasure;
use delay::DelayHistogram;
use detection::DeathMeasure;
use overlay::{Graph, OverlayPoint};
use quantile::median;
use recovery::Recovery;
use spread::MessageMeasure;

/// Everything measured in one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// One per message.
    pub messages: Vec<MessageMeasure>,
    /// How long their deliveries took, all together.
    pub delays: DelayHistogram,
    /// One per crash.
    pub deaths: Vec<DeathMeasure>,
    /// One per crash, where peers tell each other of deaths, and one per live peer that was held dead.
    pub dead_verdicts: Vec<DeadVerdictMeasure>,
    /// One per sample.
    pub overlay: Vec<OverlayPoint>,
    /// What the graph looked like at the moments that are drawn.
    pub graphs: Vec<Graph>,
    /// The order after the last fault.
    pub recovery: Recovery,
    /// Totals of the run.
    pub totals: Totals,
}

/// Sums over a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// (message, peer) pairs that should have been delivered.
    pub expected: u64,
    /// Those of them that were.
    pub delivered: u64,
    /// Copies of messages that arrived anywhere.
    pub copies: u64,
    /// First receipts anywhere.
    pub receipts: u64,
    /// Bytes that nodes alive at the end had written, frames and preambles.
    pub bytes_sent: u64,
    /// Live peers that a seed node removed as dead although nothing kept the two apart.
    pub false_deaths: u64,
    /// Live peers that a seed node removed as dead while something did.
    pub cut_off_deaths: u64,
    /// Death reports about live peers.
    pub false_reports: u64,
}

impl Totals {
    /// Relative message redundancy: payload copies received per first receipt, less one.
    pub fn redundancy(&self) -> f64 {
        ratio(self.copies, self.receipts) - 1.0
    }

    /// Delivered pairs in percent of expected ones.
    pub fn delivery_percent(&self) -> f64 {
        100.0 * ratio(self.delivered, self.expected)
    }
}

/// `part / whole`, 1 when there is no whole.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "counts are far below 2^52")]
pub fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

impl Measures {
    /// Median over the messages of the time until `percent` of the peers had one: `None` without
    /// messages, [`Duration::MAX`] when half of them never got so far. Those that died with their origin
    /// do not count.
    pub fn median_coverage(&self, percent: u32) -> Option<Duration> {
        let messages = self.messages.iter().filter(|it| !it.died_with_origin);
        let mut times: Vec<Duration> =
            messages.map(|it| it.coverage(percent).unwrap_or(Duration::MAX)).collect();
        times.sort_unstable();
        median(&times)
    }

    /// Measures a run.
    pub fn of(scenario: &Scenario, history: &History) -> Self {
        let messages = spread::measure(history);
        let mut totals = Totals::default();
        for message in messages.iter().filter(|message| !message.died_with_origin) {
            totals.expected += message.eligible;
            totals.delivered += message.reached;
        }
        for message in &messages {
            totals.copies += message.copies;
            totals.receipts += message.receipts;
        }
        totals.bytes_sent = history.last.nodes.values().map(|view| view.bytes_sent).sum();
        count_false_deaths(scenario, history, &mut totals);
        Self {
            delays: DelayHistogram::of(&messages),
            messages,
            deaths: detection::measure(history),
            dead_verdicts: dead_verdict::measure(scenario, history),
            overlay: overlay::measure(history),
            graphs: overlay::graphs(history),
            recovery: recovery::measure(scenario, history),
            totals,
        }
    }
}

/// A removal is the seed node's mistake only if it could have reached the peer: nothing kept the
/// two apart for as long as its evidence may go back.
#[expect(clippy::wildcard_enum_match_arm, reason = "picks the events it needs")]
fn count_false_deaths(scenario: &Scenario, history: &History, totals: &mut Totals) {
    let evidence = scenario.convergence_bound();
    for entry in &history.entries {
        let is_alive = |record: &tidings_core::AddressRecord| {
            let life = history.life_of(record)?;
            let span = history.lives.get(&life)?;
            span.covers(entry.at, entry.at).then_some(life)
        };
        match &entry.fact {
            Fact::PeerRemoved { peer, reason: Removal::Dead } => {
                let Some(life) = is_alive(peer) else { continue };
                let from = entry.at.saturating_sub(evidence);
                if history.were_separated(entry.life.host, life.host, from, entry.at) {
                    totals.cut_off_deaths += 1;
                } else {
                    totals.false_deaths += 1;
                }
            }
            Fact::DeathReported { subject } if is_alive(subject).is_some() => {
                totals.false_reports += 1;
            }
            _ => {}
        }
    }
}

/// A number of things.
pub(crate) fn count(things: usize) -> u64 {
    u64::try_from(things).unwrap_or(u64::MAX)
}

/// Milliseconds to the microsecond.
pub fn fractional_millis(time: Duration) -> f64 {
    ratio(micros(time), 1000)
}

/// Whole microseconds.
pub fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Milliseconds, rounded down.
pub fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
