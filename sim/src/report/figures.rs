//! The figures of a summary: counted from the tables, row by row, so that they are the same whoever
//! made the tables, and need no more room for more runs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::measure::delay::DelayHistogram;
use crate::measure::{fractional_millis, ratio};
use crate::report::count::{Counts, ten_thousandths};
use crate::report::figure::{Figure, name};
use crate::report::saved::Saved;
use crate::report::tables::{
    DeadVerdictRow, DegreeRow, DelayRow, DetectionRow, MessageRow, RunRow,
};
use crate::scenario::{Death, Limits};

/// What the scenario asks of figures, in words, by the name of the figure.
pub(super) type LimitWords = BTreeMap<String, String>;

pub(super) fn limit_words(limits: &Limits) -> LimitWords {
    let at_most = |time: Option<Duration>| time.map(at_most);
    let no_false_deaths = limits.false_deaths_max.unwrap_or_default();
    let words = [
        (name::DELIVERED, limits.delivery_percent_min.map(|least| format!(">= {least} %"))),
        (name::COVERAGE_50, at_most(limits.coverage_50_max)),
        (name::COVERAGE_100, at_most(limits.coverage_100_max)),
        (name::DELAY, delay_words(limits)),
        (name::REDUNDANCY, limits.redundancy_max.map(|most| format!("<= {most}"))),
        (name::DISPERSION, limits.degree_dispersion_min.map(|least| format!(">= {least}"))),
        (name::FALSE_DEATHS, Some(format!("<= {no_false_deaths}"))),
        (name::OTHERS, at_most(limits.others_coverage_100_max)),
        (name::ONE_COMPONENT, at_most(limits.one_component_max)),
        (name::QUORUM, at_most(limits.quorum_max)),
        (name::RESET_DEATHS, at_most(limits.reset_detection_max)),
        (name::SILENT_DEATHS, at_most(limits.silent_detection_max)),
    ];
    words.into_iter().filter_map(|(name, words)| Some((name.to_owned(), words?))).collect()
}

fn at_most(time: Duration) -> String {
    format!("<= {} ms", fractional_millis(time))
}

fn delay_words(limits: &Limits) -> Option<String> {
    let nearly_all = limits.delay_p99_max.map(|it| format!("99 % {}", at_most(it)));
    let all = limits.delay_max.map(|it| format!("max {}", at_most(it)));
    let words: Vec<String> = nearly_all.into_iter().chain(all).collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The values of every figure, in ten-thousandths of its unit.
#[derive(Debug, Default)]
pub(super) struct Figures {
    delivered: Counts,
    /// Until 50, 90, 99 and 100 % of the peers had a message.
    coverage: [Counts; 4],
    delays: DelayHistogram,
    last_hop: Counts,
    redundancy: Counts,
    dispersion: Counts,
    false_deaths: Counts,
    others: Counts,
    one_component: Counts,
    quorum: Counts,
    /// Deaths by reset, silent ones.
    first_neighbor: [Counts; 2],
    all_seed_nodes: [Counts; 2],
    all_peers: [Counts; 2],
    false_dead_verdicts: Counts,
}

impl Figures {
    /// How long deliveries took.
    pub(super) fn delays(&self) -> &DelayHistogram {
        &self.delays
    }

    /// Takes in a run's row.
    pub(super) fn add_run(&mut self, row: &RunRow) {
        self.delivered.add(ten_thousandths(100.0 * ratio(row.delivered, row.expected)));
        let times =
            [row.coverage_50_ms, row.coverage_90_ms, row.coverage_99_ms, row.coverage_100_ms];
        for (counts, time) in self.coverage.iter_mut().zip(times) {
            counts.extend(time.map(ten_thousandths));
        }
        let hop = u64::from(row.last_delivery_hop);
        add_whole(&mut self.last_hop, (row.messages > 0).then_some(hop));
        self.redundancy.add(ten_thousandths(row.rmr));
        add_whole(&mut self.false_deaths, Some(row.false_deaths));
        add_whole(&mut self.one_component, row.one_component_ms);
        add_whole(&mut self.quorum, row.quorum_ms);
    }

    /// Takes in the other tables.
    pub(super) fn add_tables(&mut self, saved: &Saved<'_>) -> anyhow::Result<()> {
        for run in saved.runs::<MessageRow>()? {
            self.add_messages(&run?);
        }
        for row in saved.rows::<DelayRow>()? {
            self.add_delays(&row?);
        }
        for run in saved.runs::<DegreeRow>()? {
            self.add_degrees(&run?);
        }
        for row in saved.rows::<DetectionRow>()? {
            self.add_death(&row?);
        }
        for run in saved.runs::<DeadVerdictRow>()? {
            self.add_dead_verdicts(&run?);
        }
        Ok(())
    }

    /// Takes in the messages of a run.
    pub(super) fn add_messages(&mut self, run: &[MessageRow]) {
        let slowest = run.iter().filter_map(|row| row.unpaused_100_ms).max();
        add_whole(&mut self.others, slowest);
    }

    /// Takes in the delays of a run.
    pub(super) fn add_delays(&mut self, row: &DelayRow) {
        self.delays.add(&row.histogram);
    }

    /// Takes in the degrees of a run.
    pub(super) fn add_degrees(&mut self, run: &[DegreeRow]) {
        self.dispersion.extend(dispersion(run).map(ten_thousandths));
    }

    /// Takes in a death.
    pub(super) fn add_death(&mut self, row: &DetectionRow) {
        let kind = kind(row.death);
        add_whole(&mut self.first_neighbor[kind], row.first_neighbor_ms);
        add_whole(&mut self.all_seed_nodes[kind], row.all_seed_nodes_ms);
    }

    /// Takes in what peers told each other of deaths in a run.
    pub(super) fn add_dead_verdicts(&mut self, run: &[DeadVerdictRow]) {
        for row in run {
            if let Some(death) = row.death {
                add_whole(&mut self.all_peers[kind(death)], row.all_ms);
            }
        }
        let mistakes = run.iter().map(|row| row.false_holders).sum();
        add_whole(&mut self.false_dead_verdicts, Some(mistakes));
    }

    /// The figures, in the order in which they are shown.
    pub(super) fn finish(&self, limits: &LimitWords) -> Vec<Figure> {
        let [half, most, nearly_all, all] = &self.coverage;
        let [reset_neighbor, silent_neighbor] = &self.first_neighbor;
        let [reset_lists, silent_lists] = &self.all_seed_nodes;
        let figures = [
            (name::DELIVERED, "%", &self.delivered),
            (name::COVERAGE_50, "ms", half),
            (name::COVERAGE_90, "ms", most),
            (name::COVERAGE_99, "ms", nearly_all),
            (name::COVERAGE_100, "ms", all),
            (name::LAST_HOP, "hops", &self.last_hop),
            (name::REDUNDANCY, "copies", &self.redundancy),
            (name::DISPERSION, "", &self.dispersion),
            (name::FALSE_DEATHS, "peers", &self.false_deaths),
            (name::OTHERS, "ms", &self.others),
            (name::ONE_COMPONENT, "ms", &self.one_component),
            (name::QUORUM, "ms", &self.quorum),
            (name::RESET_NEIGHBOR, "ms", reset_neighbor),
            (name::RESET_DEATHS, "ms", reset_lists),
            (name::SILENT_NEIGHBOR, "ms", silent_neighbor),
            (name::SILENT_DEATHS, "ms", silent_lists),
        ];
        let [reset_peers, silent_peers] = &self.all_peers;
        let told = [
            (name::RESET_PEERS, "ms", reset_peers),
            (name::SILENT_PEERS, "ms", silent_peers),
            (name::FALSE_DEAD_VERDICTS, "verdicts", &self.false_dead_verdicts),
        ];
        let told = told.into_iter().filter(|_| self.false_dead_verdicts.total() > 0);
        let figures = figures.into_iter().chain(told);
        let figures = figures.map(|(name, unit, counts)| figure(name, unit, counts, limits));
        figures.chain([delay_figure(&self.delays, limits)]).collect()
    }
}

/// The place of a kind of death among figures.
const fn kind(death: Death) -> usize {
    match death {
        Death::Reset => 0,
        Death::Silent => 1,
    }
}

/// Whole numbers, beside ratios, in the same ten-thousandths.
pub(super) fn add_whole(counts: &mut Counts, value: Option<u64>) {
    counts.extend(value.map(|value| value.saturating_mul(10_000)));
}

/// The dispersion of one run's degrees; see
/// [`OverlayPoint::dispersion`](crate::measure::overlay::OverlayPoint::dispersion).
fn dispersion(run: &[DegreeRow]) -> Option<f64> {
    let sum = |value: &dyn Fn(usize) -> usize| -> u64 {
        let sum: usize = run.iter().map(|row| value(row.degree) * row.peers).sum();
        u64::try_from(sum).unwrap_or(u64::MAX)
    };
    let (peers, links, squares) = (sum(&|_| 1), sum(&|it| it), sum(&|it| it * it));
    (links > 0).then(|| ratio(squares, links) - ratio(links, peers))
}

pub(super) fn figure(name: &str, unit: &str, counts: &Counts, limits: &LimitWords) -> Figure {
    // An interpolated value has two decimals more than those it lies between; what is behind them is
    // noise of binary fractions, and would not read back as it was written.
    let at = |percent| counts.quantile(percent).map(|value| (value * 100.0).round() / 1_000_000.0);
    Figure {
        name: name.to_owned(),
        unit: unit.to_owned(),
        values: counts.total(),
        min: at(0),
        p5: at(5),
        median: at(50),
        p90: at(90),
        p95: at(95),
        p99: at(99),
        p999: None,
        max: at(100),
        limit: limits.get(name).cloned(),
    }
}

/// The figure of all deliveries.
fn delay_figure(delays: &DelayHistogram, limits: &LimitWords) -> Figure {
    let at = |thousandths| delays.quantile(thousandths).map(fractional_millis);
    Figure {
        name: name::DELAY.to_owned(),
        unit: "ms".to_owned(),
        values: delays.deliveries(),
        min: at(0),
        p5: at(50),
        median: at(500),
        p90: at(900),
        p95: at(950),
        p99: at(990),
        p999: at(999),
        max: at(1_000),
        limit: limits.get(name::DELAY).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::overlay::OverlayPoint;

    #[test]
    fn the_dispersion_of_rows_is_that_of_the_graph() {
        let row = |degree, peers| DegreeRow { seed: 1, degree, peers };
        let rows = [row(1, 3), row(5, 1)];
        let degrees = vec![1, 1, 1, 5];
        let at = Duration::ZERO;
        let point = OverlayPoint { at, peers: 4, components: 1, largest: 4, isolated: 0, degrees };
        assert_eq!(dispersion(&rows), point.dispersion());
        assert_eq!(dispersion(&[row(0, 2)]), None);
    }
}
