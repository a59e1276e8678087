//! One combination of a comparison: its figures and curves over the runs, counted run by run.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

use crate::history::hex;
use crate::measure::delay::DelayHistogram;
use crate::report::count::{Counts, ten_thousandths, thousandths, to_float};
use crate::report::figure::{Figure, name};
use crate::report::figures::{Figures, LimitWords, figure, limit_words};
use crate::report::summary::Setting;
use crate::report::tables::{DetectionRow, PASSED, RunRows};
use crate::scenario::combinations::Combination;
use crate::scenario::vary::{Change, label};
use crate::scenario::{Death, Limits};

/// The check of the scenario's own limits.
const LIMITS: &str = "limits";

/// One combination.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Column {
    /// What was changed.
    pub changes: Vec<Change>,
    /// What was run.
    pub setting: Setting,
    /// Runs.
    pub runs: u64,
    /// Runs in which a check failed; that of the scenario's own limits counts only if it was asked.
    pub failed: u64,
    /// SHA-256 over the digests of the runs.
    pub digest: String,
    /// The runs' digests, in the order of their seeds.
    pub digests: Vec<String>,
    /// Figures over the runs.
    pub figures: Vec<Figure>,
    /// How messages spread.
    pub spread: Vec<SpreadPoint>,
    /// How long deliveries took.
    pub delays: DelayHistogram,
    /// How deaths of each kind were noticed.
    pub detection: Vec<Noticed>,
    /// (links, peers that have so many at the end), all runs together.
    pub degrees: Vec<(u64, u64)>,
}

/// Percent of the peers reached after a delay.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
pub struct SpreadPoint {
    /// Since a message was sent.
    pub delay_ms: f64,
    /// At 5 % of the runs.
    pub p5: f64,
    /// In the middle.
    pub median: f64,
    /// At 95 %.
    pub p95: f64,
}

/// How deaths were noticed.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Noticed {
    /// Of this kind.
    pub death: Death,
    /// How many could be noticed.
    pub deaths: u64,
    /// (time in ms until no seed node listed the peer, deaths with this time).
    pub times: Vec<(u64, u64)>,
}

impl Column {
    /// What it is called.
    pub fn label(&self) -> String {
        label(&self.changes)
    }

    /// The figure of this name, if it has a value.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().find(|figure| figure.name == name && figure.values > 0)
    }
}

/// A column while its runs are made.
#[derive(Debug)]
pub struct GrowingColumn {
    changes: Vec<Change>,
    setting: Setting,
    /// What is asked of figures; `None` if the scenario's own limits are not.
    limits: Option<LimitWords>,
    failed: u64,
    sum: Sha256,
    digests: Vec<String>,
    figures: Figures,
    bytes_per_peer: Counts,
    /// By microseconds.
    spread: BTreeMap<u64, Counts>,
    detection: [(u64, Counts); 2],
    degrees: Counts,
}

impl GrowingColumn {
    /// Without runs. The scenario's own limits are not asked.
    pub fn new(combination: &Combination) -> Self {
        Self {
            changes: combination.changes.clone(),
            setting: Setting::of(&combination.scenario),
            limits: None,
            failed: 0,
            sum: Sha256::new(),
            digests: Vec::new(),
            figures: Figures::default(),
            bytes_per_peer: Counts::default(),
            spread: BTreeMap::new(),
            detection: Default::default(),
            degrees: Counts::default(),
        }
    }

    /// The same, and these limits, which are the scenario's, are asked.
    #[must_use]
    pub fn asking_limits(self, limits: &Limits) -> Self {
        Self { limits: Some(limit_words(limits)), ..self }
    }

    /// Takes in the next run.
    pub fn add(&mut self, rows: &RunRows) {
        let RunRows { run, messages, spread, delays, detection, degrees } = rows;
        let is_asked = |check: &str| check != LIMITS || self.limits.is_some();
        let is_failed = |check: &str| check != PASSED && is_asked(check);
        self.failed += u64::from(run.verdict.split(' ').any(is_failed));
        self.sum.update(run.digest.as_bytes());
        self.digests.push(run.digest.clone());
        self.figures.add_run(run);
        self.figures.add_messages(messages);
        self.figures.add_degrees(degrees);
        if let Some(row) = delays {
            self.figures.add_delays(row);
        }
        let peers = degrees.iter().map(|row| row.peers).sum::<usize>().max(1);
        let peers = u64::try_from(peers).unwrap_or(u64::MAX);
        self.bytes_per_peer.add(run.bytes_sent / peers * 10_000);
        for row in spread {
            let reached = ten_thousandths(row.reached);
            self.spread.entry(thousandths(row.delay_ms)).or_default().add(reached);
        }
        for row in detection {
            self.figures.add_death(row);
            self.add_death(row);
        }
        for row in degrees {
            let count = |value: usize| u64::try_from(value).unwrap_or(u64::MAX);
            self.degrees.add_many(count(row.degree), count(row.peers));
        }
    }

    /// A death that its host's restart cut short was never to be found.
    fn add_death(&mut self, row: &DetectionRow) {
        let is_cut_short = row.restarted_ms.is_some() && row.all_seed_nodes_ms.is_none();
        if row.seed_nodes == 0 || is_cut_short {
            return;
        }
        let (deaths, times) = match row.death {
            Death::Reset => &mut self.detection[0],
            Death::Silent => &mut self.detection[1],
        };
        *deaths += 1;
        times.extend(row.all_seed_nodes_ms);
    }

    /// The column of all runs.
    pub fn finish(self) -> Column {
        let limits = self.limits.unwrap_or_default();
        let delays = self.figures.delays().clone();
        let mut figures = self.figures.finish(&limits);
        figures.push(figure(name::BYTES, "bytes", &self.bytes_per_peer, &limits));
        let kinds = [Death::Reset, Death::Silent].into_iter().zip(&self.detection);
        let noticed = kinds.filter(|(_, (deaths, _))| *deaths > 0);
        Column {
            changes: self.changes,
            setting: self.setting,
            runs: u64::try_from(self.digests.len()).unwrap_or(u64::MAX),
            failed: self.failed,
            digest: hex(&self.sum.finalize()),
            digests: self.digests,
            figures,
            spread: self.spread.iter().map(|(delay, reached)| point(*delay, reached)).collect(),
            delays,
            detection: noticed
                .map(|(death, (deaths, times))| Noticed {
                    death,
                    deaths: *deaths,
                    times: times.iter().collect(),
                })
                .collect(),
            degrees: self.degrees.iter().collect(),
        }
    }
}

fn point(delay_us: u64, reached: &Counts) -> SpreadPoint {
    let at = |percent| reached.quantile(percent).unwrap_or_default() / 100.0;
    SpreadPoint { delay_ms: to_float(delay_us) / 1000.0, p5: at(5), median: at(50), p95: at(95) }
}
