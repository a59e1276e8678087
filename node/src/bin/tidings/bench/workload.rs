//! Loads: what is sent how quickly, and what came of it.

use std::future::{Future, ready};
use std::time::Duration;

use futures_util::future::try_join_all;
use hdrhistogram::Histogram;
use serde::Serialize;
use tokio::select;
use tokio::task::coop::unconstrained;
use tokio::task::yield_now;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

use super::machine::{cpu_time, grown};
use super::tally::Tally;

/// What is not delivered when nothing was delivered for so long counts as lost.
const QUIET: Duration = Duration::from_secs(2);

/// The longest wait for what is on its way at the end.
const PATIENCE: Duration = Duration::from_secs(20);

/// Messages that `open` sends before other tasks have their turn.
const BURST: u64 = 64;

/// What takes messages to everybody but their sender.
pub(super) trait Carrier: Sync {
    /// What it is called in messages for people.
    fn name(&self) -> &'static str;

    /// Where receivers are counted.
    fn tally(&self) -> &Tally;

    /// How many receivers there are.
    fn receivers(&self) -> u64;

    /// Gets ready for a load.
    fn prepare(&self, _load: Load) -> impl Future<Output = ()> + Send {
        ready(())
    }

    /// What it has written so far, and how it stands.
    fn state(&self) -> impl Future<Output = anyhow::Result<State>> + Send {
        ready(Ok(State::default()))
    }

    /// Takes a message on by one of its publishers. Waits where it is to wait before it takes another one.
    fn publish(
        &self,
        from: usize,
        message: Vec<u8>,
    ) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// How a carrier stands at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct State {
    /// How many nodes it has; 0 for what is no network of nodes.
    pub(super) nodes: usize,
    /// Bytes written to links.
    pub(super) wire_bytes: u64,
    /// The longest round trip that a node measures to a neighbor, smoothed.
    pub(super) round_trip: Option<Duration>,
}

/// How quickly messages are sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    /// So many per second.
    Rate(u32),
    /// As quickly as this many are on their way.
    Window(u64),
    /// As quickly as they are taken, by so many publishers.
    Open(usize),
    /// So many, as quickly as they are taken.
    Burst(u64),
    /// So many per second, while the program at one peer does not read what comes.
    StoppedReader(u32),
}

/// What came of one load, or the medians of many. A figure is missing where nothing was delivered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Figures {
    pub(super) sent_per_s: Option<f64>,
    pub(super) deliveries: Option<f64>,
    pub(super) deliveries_per_s: Option<f64>,
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    pub(super) p999_ms: Option<f64>,
    pub(super) max_ms: Option<f64>,
    pub(super) cpu_s_per_million: Option<f64>,
    pub(super) copies_per_delivery: Option<f64>,
    pub(super) lost_share: Option<f64>,
    /// Of the nodes: ends of links that were lost without a word meanwhile.
    pub(super) links_lost: Option<f64>,
    /// Of the nodes: how often one held another suspect or dead meanwhile.
    pub(super) suspicions: Option<f64>,
    /// Jain's index over the messages that each publisher sent; none where there is one.
    pub(super) fairness: Option<f64>,
    /// Bytes written to links over bytes delivered.
    pub(super) wire_bytes_per_useful_byte: Option<f64>,
    /// The longest smoothed round trip between neighbors at the end of the load.
    pub(super) round_trip_ms: Option<f64>,
    /// What the process has grown by since its start, when all was delivered, for each node.
    pub(super) memory_mb_per_node: Option<f64>,
}

impl Load {
    /// Sends for so long, waits for what is on its way, and counts.
    pub(super) async fn put_on(
        self,
        carrier: &impl Carrier,
        size: usize,
        lasts: Duration,
    ) -> anyhow::Result<Figures> {
        let tally = carrier.tally();
        carrier.prepare(self).await;
        let before = carrier.state().await?;
        tally.begin();
        let (cpu, begun) = (cpu_time(), tally.age());
        let mut fairness = None;
        let until = Instant::now() + lasts;
        let sent = match self {
            Self::Rate(rate) | Self::StoppedReader(rate) => {
                at_rate(carrier, size, until, rate).await?
            }
            Self::Window(window) => in_window(carrier, size, until, window).await?,
            Self::Open(publishers) => {
                // Or the first of them would use up the budget of the task each time.
                let all = (0..publishers).map(|from| {
                    unconstrained(openly(carrier, from, size, move |_| Instant::now() < until))
                });
                let sent = try_join_all(all).await?;
                fairness = jain(&sent);
                sent.iter().sum()
            }
            Self::Burst(count) => openly(carrier, 0, size, |sent| sent < count).await?,
        };
        let loaded = carrier.state().await?;
        wait_for(tally, sent * carrier.receivers()).await;
        let span = tally.last().saturating_sub(begun);
        let cpu = cpu_time().saturating_sub(cpu);
        let figures = Figures { fairness, ..Figures::of(carrier, sent, span, cpu) };
        Ok(figures.with_state(size, before, loaded, carrier.state().await?))
    }
}

async fn at_rate(
    carrier: &impl Carrier,
    size: usize,
    until: Instant,
    rate: u32,
) -> anyhow::Result<u64> {
    let mut ticks = interval(Duration::from_secs(1) / rate);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut sent = 0;
    while Instant::now() < until {
        ticks.tick().await;
        carrier.publish(0, carrier.tally().message(size)).await?;
        sent += 1;
    }
    Ok(sent)
}

/// The next one is sent when a quarter of the window is free again, so that the sender is not woken for
/// each message. What is lost would fill the window for ever; it is given up after a while.
async fn in_window(
    carrier: &impl Carrier,
    size: usize,
    until: Instant,
    window: u64,
) -> anyhow::Result<u64> {
    let (tally, receivers) = (carrier.tally(), carrier.receivers());
    let (mut sent, mut given_up) = (0_u64, 0_u64);
    while Instant::now() < until {
        let on_their_way = sent - given_up;
        if on_their_way * receivers >= tally.delivered() + window * receivers {
            let wanted = (on_their_way - (window - window.div_ceil(4))) * receivers;
            wait_for(tally, wanted).await;
            if tally.delivered() < wanted {
                given_up = sent.saturating_sub(tally.delivered() / receivers);
            }
            continue;
        }
        carrier.publish(0, tally.message(size)).await?;
        sent += 1;
    }
    Ok(sent)
}

async fn openly(
    carrier: &impl Carrier,
    from: usize,
    size: usize,
    goes_on: impl Fn(u64) -> bool,
) -> anyhow::Result<u64> {
    let mut sent = 0;
    while goes_on(sent) {
        carrier.publish(from, carrier.tally().message(size)).await?;
        sent += 1;
        if sent % BURST == 0 {
            yield_now().await;
        }
    }
    Ok(sent)
}

/// Waits until so much was delivered, or nothing was for a while.
async fn wait_for(tally: &Tally, wanted: u64) {
    let end = Instant::now() + PATIENCE;
    loop {
        let before = tally.delivered();
        let quiet = end.min(Instant::now() + QUIET);
        select! {
            biased;
            () = tally.reached(wanted) => return,
            () = sleep_until(quiet) => {}
        }
        if tally.delivered() == before || Instant::now() >= end {
            return;
        }
    }
}

impl Figures {
    fn of(carrier: &impl Carrier, sent: u64, span: Duration, cpu: Duration) -> Self {
        let tally = carrier.tally();
        let (delivered, latencies) = (tally.delivered(), tally.latencies());
        let wanted = sent * carrier.receivers();
        let quantile = |share: f64| millis(&latencies, latencies.value_at_quantile(share));
        Self {
            sent_per_s: ratio(float(sent), span.as_secs_f64()),
            deliveries: Some(float(delivered)),
            deliveries_per_s: ratio(float(delivered), span.as_secs_f64()),
            p50_ms: quantile(0.5),
            p99_ms: quantile(0.99),
            p999_ms: quantile(0.999),
            max_ms: millis(&latencies, latencies.max()),
            cpu_s_per_million: ratio(cpu.as_secs_f64() * 1e6, float(delivered)),
            copies_per_delivery: ratio(float(tally.copies()), float(delivered)),
            lost_share: ratio(float(wanted.saturating_sub(delivered)), float(wanted)),
            links_lost: Some(float(tally.links_lost())),
            suspicions: Some(float(tally.suspicions())),
            ..Self::default()
        }
    }

    /// The same with how a network of nodes stood before a load, at its end, and when all was delivered.
    fn with_state(self, size: usize, before: State, loaded: State, after: State) -> Self {
        let delivered = self.deliveries.unwrap_or(0.0);
        let useful = delivered * float(u64::try_from(size).unwrap_or(u64::MAX));
        let wire_bytes = after.wire_bytes.saturating_sub(before.wire_bytes);
        let is_network = after.nodes > 0;
        let nodes = float(u64::try_from(after.nodes).unwrap_or(u64::MAX));
        Self {
            memory_mb_per_node: grown().and_then(|bytes| ratio(float(bytes) / 1e6, nodes)),
            wire_bytes_per_useful_byte: ratio(float(wire_bytes), useful).filter(|_| is_network),
            round_trip_ms: loaded.round_trip.map(|time| time.as_secs_f64() * 1e3),
            ..self
        }
    }
}

/// A latency in milliseconds; there is none where nothing was delivered.
fn millis(latencies: &Histogram<u64>, nanos: u64) -> Option<f64> {
    (!latencies.is_empty()).then(|| float(nanos) / 1e6)
}

/// Jain's index of fairness (Jain, Chiu, Hawe 1984): the square of the sum over the sum of the squares, for each.
fn jain(shares: &[u64]) -> Option<f64> {
    let shares: Vec<f64> = shares.iter().copied().map(float).collect();
    let squares: f64 = shares.iter().map(|share| share * share).sum();
    let count = float(u64::try_from(shares.len()).ok()?);
    ratio(shares.iter().sum::<f64>().powi(2), count * squares).filter(|_| shares.len() > 1)
}

/// One over the other, unless the other is nothing.
pub(super) fn ratio(over: f64, under: f64) -> Option<f64> {
    (under > 0.0).then(|| over / under)
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "counts below 2^53")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fairness_is_jains_index() {
        assert_eq!(jain(&[7]), None);
        assert_eq!(jain(&[0, 0]), None);
        assert_eq!(jain(&[7, 7, 7]), Some(1.0));
        assert_eq!(jain(&[9, 0, 0, 0]), Some(0.25));
    }
}
