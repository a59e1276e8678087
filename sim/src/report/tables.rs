//! The tables of a report, as CSV: times in milliseconds, whole where nothing shorter is told, ratios
//! with four decimals. Equal runs give equal bytes on every machine.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use crate::history::Life;
use crate::host::HostId;
use crate::measure::delay::DelayHistogram;
use crate::measure::overlay::OverlayPoint;
use crate::measure::{fractional_millis, micros, millis, ratio};
use crate::scenario::Death;
use crate::sweep::RunResult;

pub(super) const RUNS: &str = "runs.csv";
pub(super) const MESSAGES: &str = "messages.csv";
pub(super) const SPREAD: &str = "spread.csv";
pub(super) const DELAYS: &str = "delays.csv";
pub(super) const DETECTION: &str = "detection.csv";
pub(super) const DEAD_VERDICTS: &str = "dead_verdicts.csv";
pub(super) const OVERLAY: &str = "overlay.csv";
pub(super) const DEGREES: &str = "degrees.csv";
pub(super) const FAULTS: &str = "faults.csv";
pub(super) const LINKS: &str = "links.csv";
pub(super) const VIOLATIONS: &str = "violations.csv";

/// All tables.
pub(super) const TABLES: [&str; 11] = [
    RUNS,
    MESSAGES,
    SPREAD,
    DELAYS,
    DETECTION,
    OVERLAY,
    DEGREES,
    FAULTS,
    LINKS,
    DEAD_VERDICTS,
    VIOLATIONS,
];

/// Whether a table is left out of the report and of its summary while it has no rows: which peers held
/// which dead, and what did not hold.
pub(super) fn is_optional(table: &str) -> bool {
    [DEAD_VERDICTS, VIOLATIONS].contains(&table)
}

/// The verdict on a run in which every check held.
pub(super) const PASSED: &str = "ok";

/// Most peers of a graph that is drawn: with more of them it is a ball of wool.
const MAX_DRAWN: usize = 64;

/// A row of a table.
pub(super) trait Row: Serialize + DeserializeOwned {
    /// The table.
    const TABLE: &'static str;

    /// The rng seed of the run that the row is of.
    fn seed(&self) -> u64;
}

macro_rules! rows {
    ($($row:ident: $table:ident),* $(,)?) => {$(
        impl Row for $row {
            const TABLE: &'static str = $table;

            fn seed(&self) -> u64 {
                self.seed
            }
        }
    )*};
}

rows! {
    RunRow: RUNS,
    MessageRow: MESSAGES,
    SpreadRow: SPREAD,
    DelayRow: DELAYS,
    DetectionRow: DETECTION,
    OverlayRow: OVERLAY,
    DegreeRow: DEGREES,
    FaultRow: FAULTS,
    LinkRow: LINKS,
    DeadVerdictRow: DEAD_VERDICTS,
    ViolationRow: VIOLATIONS,
}

/// A run.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct RunRow {
    /// Its rng seed.
    pub seed: u64,
    /// Checks that failed, each once, or `ok`.
    pub verdict: String,
    /// Messages sent.
    pub messages: u64,
    /// (message, peer) pairs expected.
    pub expected: u64,
    /// Those delivered.
    pub delivered: u64,
    /// Median over the messages of the time until 50 % of the peers had one.
    pub coverage_50_ms: Option<f64>,
    /// The same for 90 %.
    pub coverage_90_ms: Option<f64>,
    /// The same for 99 %.
    pub coverage_99_ms: Option<f64>,
    /// The same for all.
    pub coverage_100_ms: Option<f64>,
    /// Most links a first copy travelled, over all messages.
    pub last_delivery_hop: u16,
    /// Payload copies per first receipt, less one.
    #[serde(serialize_with = "four_decimals")]
    pub rmr: f64,
    /// Bytes that nodes alive at the end had written.
    pub bytes_sent: u64,
    /// Crashes of peers.
    pub crashes: usize,
    /// Live peers removed although the seed node could reach them.
    pub false_deaths: u64,
    /// Live peers removed while something kept the two apart.
    pub cut_off_deaths: u64,
    /// Death reports about live peers.
    pub false_reports: u64,
    /// Components of the overlay at the end.
    pub components: usize,
    /// Fewest links of a peer at the end.
    pub degree_min: usize,
    /// Median of the links.
    pub degree_median: f64,
    /// Most links of a peer.
    pub degree_max: usize,
    /// Time from the last fault until all live peers were in one component.
    pub one_component_ms: Option<u64>,
    /// Time from the last fault until each of them was registered with a quorum of the seed nodes.
    pub quorum_ms: Option<u64>,
    /// SHA-256 of what happened.
    pub digest: String,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct MessageRow {
    /// The run's rng seed.
    pub seed: u64,
    /// First bytes of the message's id.
    pub message: String,
    /// Who said it.
    pub origin: HostId,
    /// When.
    pub sent_ms: u64,
    /// Peers that should get it.
    pub eligible: u64,
    /// Those that did.
    pub reached: u64,
    /// Time until 50 % of them had it.
    pub coverage_50_ms: Option<u64>,
    /// 90 %.
    pub coverage_90_ms: Option<u64>,
    /// 99 %.
    pub coverage_99_ms: Option<u64>,
    /// All.
    pub coverage_100_ms: Option<u64>,
    /// All of them that are never paused, if some peers are and its origin is not.
    pub unpaused_100_ms: Option<u64>,
    /// Most links a first copy travelled.
    pub last_delivery_hop: u16,
    /// Copies that arrived anywhere.
    pub copies: u64,
    /// First copies among them.
    pub receipts: u64,
}

/// How far messages had come after a delay, on average over the messages of a run.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct SpreadRow {
    /// The run's rng seed.
    pub seed: u64,
    /// Time since a message was sent.
    pub delay_ms: f64,
    /// Fraction of eligible peers reached.
    #[serde(serialize_with = "four_decimals")]
    pub reached: f64,
}

/// How long the deliveries of a run took.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct DelayRow {
    /// The run's rng seed.
    pub seed: u64,
    /// Deliveries.
    pub deliveries: u64,
    /// The delay that 50 % of them did not exceed.
    pub p50_us: u64,
    /// The same of 90 %.
    pub p90_us: u64,
    /// The same of 99 %.
    pub p99_us: u64,
    /// The same of 99.9 %.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
    /// All of them; those of several runs can be added.
    pub histogram: DelayHistogram,
}

/// A crash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DetectionRow {
    /// The run's rng seed.
    pub seed: u64,
    /// Who died.
    pub peer: HostId,
    /// What others saw of it.
    pub death: Death,
    /// When.
    pub died_ms: u64,
    /// Time until its host was started again.
    pub restarted_ms: Option<u64>,
    /// Neighbors it had.
    pub neighbors: usize,
    /// Time until the first of them dropped it.
    pub first_neighbor_ms: Option<u64>,
    /// Time until all of them had.
    pub all_neighbors_ms: Option<u64>,
    /// Time until the first death report.
    pub first_report_ms: Option<u64>,
    /// Seed nodes that listed it.
    pub seed_nodes: usize,
    /// Time until none did; empty if its host came back before.
    pub all_seed_nodes_ms: Option<u64>,
}

/// The graph at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct OverlayRow {
    /// The run's rng seed.
    pub seed: u64,
    /// When.
    pub at_ms: u64,
    /// Peers that answered.
    pub peers: usize,
    /// Components.
    pub components: usize,
    /// Peers in the largest one.
    pub largest: usize,
    /// Peers without a link.
    pub isolated: usize,
    /// Fewest links.
    pub degree_min: usize,
    /// Median of the links.
    pub degree_median: f64,
    /// Most links.
    pub degree_max: usize,
}

/// How many peers have a degree at the end of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DegreeRow {
    /// The run's rng seed.
    pub seed: u64,
    /// Links.
    pub degree: usize,
    /// Peers with that many.
    pub peers: usize,
}

/// A disturbance.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct FaultRow {
    /// The run's rng seed.
    pub seed: u64,
    /// When.
    pub at_ms: u64,
    /// What.
    pub fault: String,
    /// Whom it hit.
    pub hosts: String,
}

/// A link of the graph at one moment, or a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct LinkRow {
    /// The run's rng seed.
    pub seed: u64,
    /// When.
    pub at_ms: u64,
    /// A peer that answered.
    pub a: HostId,
    /// Whom it is linked with; empty in the row that only says that the peer is there.
    pub b: Option<HostId>,
}

/// What live peers heard of a death, or a live peer that was held dead.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct DeadVerdictRow {
    /// The run's rng seed.
    pub seed: u64,
    /// Of whom.
    pub peer: HostId,
    /// How it died; empty if it lived.
    pub death: Option<Death>,
    /// When.
    pub died_ms: Option<u64>,
    /// Peers that were there when it died and lived to the end.
    pub live: usize,
    /// Those of them that heard of it.
    pub heard: usize,
    /// Time until the first peer held it dead.
    pub first_ms: Option<u64>,
    /// Time until half of the live peers did.
    pub median_ms: Option<u64>,
    /// Time until all did.
    pub all_ms: Option<u64>,
    /// Peers that held it dead while it lived and nothing kept the two apart.
    pub false_holders: u64,
    /// The same while something did.
    pub cut_off_holders: u64,
}

/// Something that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct ViolationRow {
    /// The run's rng seed.
    pub seed: u64,
    /// What, after the name of the check.
    pub violation: String,
}

/// What one run adds to the tables.
#[derive(Clone, Debug)]
pub struct RunTables {
    /// Violations found in it.
    pub violations: usize,
    /// Its rows in those tables that it has rows for.
    pub(super) parts: Vec<TablePart>,
}

/// Rows of one table.
#[derive(Clone, Debug)]
pub(super) struct TablePart {
    pub(super) table: &'static str,
    pub(super) rows: usize,
    /// A whole CSV file, header included.
    pub(super) csv: Vec<u8>,
}

impl RunTables {
    /// The rows of a run. Those of its graph are among them only if it is the first of its sweep:
    /// one graph is drawn.
    pub fn of(result: &RunResult, is_first: bool) -> csv::Result<Self> {
        let mut parts = Vec::new();
        add(&mut parts, [run_row(result)])?;
        add(&mut parts, message_rows(result))?;
        add(&mut parts, spread_rows(result))?;
        add(&mut parts, delay_row(result))?;
        add(&mut parts, detection_rows(result))?;
        add(&mut parts, overlay_rows(result))?;
        add(&mut parts, degree_rows(result))?;
        add(&mut parts, fault_rows(result))?;
        if is_first {
            add(&mut parts, link_rows(result))?;
        }
        add(&mut parts, dead_verdict_rows(result))?;
        add(&mut parts, violation_rows(result))?;
        Ok(Self { violations: result.violations.len(), parts })
    }
}

/// What a comparison looks at of one run.
#[derive(Clone, Debug)]
pub struct RunRows {
    pub(super) run: RunRow,
    pub(super) messages: Vec<MessageRow>,
    pub(super) spread: Vec<SpreadRow>,
    pub(super) delays: Option<DelayRow>,
    pub(super) detection: Vec<DetectionRow>,
    pub(super) degrees: Vec<DegreeRow>,
}

impl RunRows {
    /// The rows of a run.
    pub fn of(result: &RunResult) -> Self {
        Self {
            run: run_row(result),
            messages: message_rows(result).collect(),
            spread: spread_rows(result).collect(),
            delays: delay_row(result),
            detection: detection_rows(result).collect(),
            degrees: degree_rows(result),
        }
    }
}

fn add<R: Row>(parts: &mut Vec<TablePart>, rows: impl IntoIterator<Item = R>) -> csv::Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut count = 0;
    for row in rows {
        writer.serialize(row)?;
        count += 1;
    }
    let csv = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    if count > 0 {
        parts.push(TablePart { table: R::TABLE, rows: count, csv });
    }
    Ok(())
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn four_decimals<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{value:.4}"))
}

/// Delays at which the spread is tabled: twenty per decade, from 0.1 ms to 100 s.
pub fn delay_grid() -> Vec<Duration> {
    // 10^(k/20) in thousandths, so that no logarithm has to agree between platforms.
    const STEPS: [u64; 20] = [
        1000, 1122, 1259, 1413, 1585, 1778, 1995, 2239, 2512, 2818, 3162, 3548, 3981, 4467, 5012,
        5623, 6310, 7079, 7943, 8913,
    ];
    let decade = |micros: u64| STEPS.map(|step| Duration::from_micros(step * micros / 1_000));
    let decades = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000];
    let mut grid: Vec<Duration> = decades.into_iter().flat_map(decade).collect();
    grid.push(Duration::from_secs(100));
    grid
}

fn run_row(result: &RunResult) -> RunRow {
    let (measures, totals) = (&result.measures, &result.measures.totals);
    let end = measures.overlay.last();
    let (degree_min, degree_median, degree_max) =
        end.map(OverlayPoint::degree_range).unwrap_or_default();
    let mut failed: Vec<&str> = result.violations.iter().map(|it| it.check).collect();
    failed.dedup();
    RunRow {
        seed: result.seed,
        verdict: if failed.is_empty() { PASSED.to_owned() } else { failed.join(" ") },
        messages: u64::try_from(measures.messages.len()).unwrap_or(u64::MAX),
        expected: totals.expected,
        delivered: totals.delivered,
        coverage_50_ms: median_coverage(result, 50),
        coverage_90_ms: median_coverage(result, 90),
        coverage_99_ms: median_coverage(result, 99),
        coverage_100_ms: median_coverage(result, 100),
        last_delivery_hop: measures.messages.iter().map(|it| it.last_hop).max().unwrap_or(0),
        rmr: totals.redundancy(),
        bytes_sent: totals.bytes_sent,
        crashes: measures.deaths.len(),
        false_deaths: totals.false_deaths,
        cut_off_deaths: totals.cut_off_deaths,
        false_reports: totals.false_reports,
        components: end.map_or(0, |point| point.components),
        degree_min,
        degree_median,
        degree_max,
        one_component_ms: measures.recovery.one_component.map(millis),
        quorum_ms: measures.recovery.quorum.map(millis),
        digest: result.digest.clone(),
    }
}

/// The median over the messages, in milliseconds; `None` when half of them never got so far.
fn median_coverage(result: &RunResult, percent: u32) -> Option<f64> {
    let median = result.measures.median_coverage(percent);
    median.filter(|time| *time != Duration::MAX).map(fractional_millis)
}

fn message_rows(result: &RunResult) -> impl Iterator<Item = MessageRow> + '_ {
    result.measures.messages.iter().map(|message| MessageRow {
        seed: result.seed,
        message: message.id.to_string(),
        origin: message.origin.host,
        sent_ms: millis(message.sent),
        eligible: message.eligible,
        reached: message.reached,
        coverage_50_ms: message.coverage(50).map(millis),
        coverage_90_ms: message.coverage(90).map(millis),
        coverage_99_ms: message.coverage(99).map(millis),
        coverage_100_ms: message.coverage(100).map(millis),
        unpaused_100_ms: message.others.filter(|time| *time != Duration::MAX).map(millis),
        last_delivery_hop: message.last_hop,
        copies: message.copies,
        receipts: message.receipts,
    })
}

fn spread_rows(result: &RunResult) -> impl Iterator<Item = SpreadRow> + '_ {
    delay_grid().into_iter().map(|delay| {
        let spreading = result.measures.messages.iter().filter(|it| !it.died_with_origin);
        let (reached, eligible) = spreading.fold((0, 0), |(reached, eligible), message| {
            (reached + message.reached_within(delay), eligible + message.eligible)
        });
        let (delay_ms, reached) = (fractional_millis(delay), ratio(reached, eligible));
        SpreadRow { seed: result.seed, delay_ms, reached }
    })
}

/// None for a run without deliveries.
fn delay_row(result: &RunResult) -> Option<DelayRow> {
    let histogram = &result.measures.delays;
    let at = |thousandths| histogram.quantile(thousandths).map(micros);
    Some(DelayRow {
        seed: result.seed,
        deliveries: histogram.deliveries(),
        p50_us: at(500)?,
        p90_us: at(900)?,
        p99_us: at(990)?,
        p999_us: at(999)?,
        max_us: at(1_000)?,
        histogram: histogram.clone(),
    })
}

fn detection_rows(result: &RunResult) -> impl Iterator<Item = DetectionRow> + '_ {
    result.measures.deaths.iter().map(|death| {
        let Life { host, .. } = death.victim;
        let all_seed_nodes = death.all_seed_nodes.filter(|_| !death.is_cut_short());
        DetectionRow {
            seed: result.seed,
            peer: host,
            death: death.death,
            died_ms: millis(death.at),
            restarted_ms: death.restarted.map(millis),
            neighbors: death.neighbors,
            first_neighbor_ms: death.first_neighbor.map(millis),
            all_neighbors_ms: death.all_neighbors.map(millis),
            first_report_ms: death.first_report.map(millis),
            seed_nodes: death.seed_nodes,
            all_seed_nodes_ms: all_seed_nodes.map(millis),
        }
    })
}

fn dead_verdict_rows(result: &RunResult) -> impl Iterator<Item = DeadVerdictRow> + '_ {
    result.measures.dead_verdicts.iter().map(|it| DeadVerdictRow {
        seed: result.seed,
        peer: it.subject.host,
        death: it.died.map(|(_, death)| death),
        died_ms: it.died.map(|(at, _)| millis(at)),
        live: it.live,
        heard: it.heard,
        first_ms: it.first.map(millis),
        median_ms: it.median.map(millis),
        all_ms: it.all.map(millis),
        false_holders: it.false_holders,
        cut_off_holders: it.cut_off_holders,
    })
}

fn overlay_rows(result: &RunResult) -> impl Iterator<Item = OverlayRow> + '_ {
    result.measures.overlay.iter().map(|point| {
        let (degree_min, degree_median, degree_max) = point.degree_range();
        OverlayRow {
            seed: result.seed,
            at_ms: millis(point.at),
            peers: point.peers,
            components: point.components,
            largest: point.largest,
            isolated: point.isolated,
            degree_min,
            degree_median,
            degree_max,
        }
    })
}

fn degree_rows(result: &RunResult) -> Vec<DegreeRow> {
    let Some(end) = result.measures.overlay.last() else { return Vec::new() };
    let groups = end.degrees.chunk_by(|a, b| a == b);
    let row =
        |group: &[usize]| DegreeRow { seed: result.seed, degree: group[0], peers: group.len() };
    groups.map(row).collect()
}

fn fault_rows(result: &RunResult) -> impl Iterator<Item = FaultRow> + '_ {
    result.schedule.faults.iter().map(|scheduled| {
        let hosts: Vec<String> = scheduled.fault.hosts().iter().map(ToString::to_string).collect();
        FaultRow {
            seed: result.seed,
            at_ms: millis(scheduled.at),
            fault: scheduled.fault.name().to_owned(),
            hosts: hosts.join(" "),
        }
    })
}

fn link_rows(result: &RunResult) -> Vec<LinkRow> {
    let mut rows = Vec::new();
    for graph in result.measures.graphs.iter().filter(|graph| graph.links.len() <= MAX_DRAWN) {
        for (peer, linked) in &graph.links {
            let row = |b| LinkRow { seed: result.seed, at_ms: millis(graph.at), a: *peer, b };
            rows.push(row(None));
            rows.extend(linked.iter().map(|other| row(Some(*other))));
        }
    }
    rows
}

fn violation_rows(result: &RunResult) -> impl Iterator<Item = ViolationRow> + '_ {
    result.violations.iter().map(|it| ViolationRow { seed: result.seed, violation: it.to_string() })
}
