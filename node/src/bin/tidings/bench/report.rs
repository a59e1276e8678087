//! What is shown: medians over the rounds, as a table or as JSON, and how they compare with the floor.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::args::BenchArgs;
use super::crash::{Crashes, Known};
use super::workload::{Figures, ratio};
use crate::output::table;

/// What one round measured; figures in the order of the loads.
#[derive(Debug, Default)]
pub(super) struct Round {
    pub(super) joined: Option<Duration>,
    pub(super) floor: Vec<Figures>,
    pub(super) nodes: Vec<Figures>,
    pub(super) crash: Option<Crashes>,
}

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: u32,
    profile: String,
    set: Vec<String>,
    peers: usize,
    seed_nodes: usize,
    size: usize,
    rate: u32,
    seconds: u64,
    window: u64,
    publishers: usize,
    settle: u64,
    reader: &'static str,
    rounds: usize,
    cores: usize,
    /// From the start of the first node until a message reached all.
    joined_s: Option<f64>,
    workloads: BTreeMap<&'static str, Compared>,
    crash: Option<Crashes>,
}

/// One load on both.
#[derive(Debug, Serialize)]
struct Compared {
    nodes: Figures,
    floor: Figures,
    ratios: Ratios,
}

/// What the nodes cost beside the floor. Each is a median of its own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Ratios {
    p99_over_p50: Option<f64>,
    max_over_floor: Option<f64>,
    deliveries_over_floor: Option<f64>,
    cpu_over_floor: Option<f64>,
}

impl Report {
    pub(super) fn new(args: &BenchArgs, rounds: &[Round]) -> Self {
        let compared = |(place, (_, name)): (usize, (_, &'static str))| {
            let figures = |of: fn(&Round) -> &Vec<Figures>| -> Vec<Figures> {
                rounds.iter().filter_map(|round| of(round).get(place).copied()).collect()
            };
            (name, Compared::new(&figures(|round| &round.nodes), &figures(|round| &round.floor)))
        };
        let joined = rounds.iter().map(|round| round.joined.map(|time| time.as_secs_f64()));
        let crashes: Vec<Crashes> = rounds.iter().filter_map(|round| round.crash).collect();
        Self {
            version: 1,
            profile: args.profile.to_string(),
            set: args.set.clone(),
            peers: args.peers,
            seed_nodes: args.seed_nodes,
            size: args.size,
            rate: args.rate,
            seconds: args.seconds,
            window: args.window,
            publishers: args.publishers,
            settle: args.settle,
            reader: args.reader.name(),
            rounds: args.rounds,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            joined_s: median(joined),
            workloads: args.loads().into_iter().enumerate().map(compared).collect(),
            crash: (!crashes.is_empty()).then(|| Crashes {
                killed: Known::median(&crashes, |crash| crash.killed),
                frozen: Known::median(&crashes, |crash| crash.frozen),
            }),
        }
    }

    /// For people.
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        if !self.workloads.is_empty() {
            let rows = self.workloads.iter().flat_map(|(name, compared)| compared.rows(name));
            text += &(table(HEADER, rows) + "\n");
        }
        if let Some(Crashes { killed, frozen }) = self.crash {
            let header = ["known after s", "first neighbor", "all peers", "all seed nodes"];
            let rows = [killed.row("killed peer"), frozen.row("frozen peer")];
            text += &(table(header, rows.into_iter()) + "\n");
        }
        text
    }
}

const HEADER: [&str; COLUMNS] = [
    "workload",
    "of",
    "deliveries/s",
    "p50 ms",
    "p99 ms",
    "p99.9 ms",
    "max ms",
    "CPU s / million",
    "copies",
    "lost %",
    "links lost",
    "suspicions",
    "fairness",
    "wire bytes",
    "ping ms",
    "MB / node",
];

/// Columns of the table of loads.
const COLUMNS: usize = 16;

impl Compared {
    /// Of the same load in all rounds.
    fn new(nodes: &[Figures], floor: &[Figures]) -> Self {
        let ratios: Vec<Ratios> =
            nodes.iter().zip(floor).map(|(nodes, floor)| Ratios::of(nodes, floor)).collect();
        let over = |read: fn(&Ratios) -> Option<f64>| median(ratios.iter().map(read));
        Self {
            nodes: Figures::median(nodes),
            floor: Figures::median(floor),
            ratios: Ratios {
                p99_over_p50: over(|ratios| ratios.p99_over_p50),
                max_over_floor: over(|ratios| ratios.max_over_floor),
                deliveries_over_floor: over(|ratios| ratios.deliveries_over_floor),
                cpu_over_floor: over(|ratios| ratios.cpu_over_floor),
            },
        }
    }

    fn rows(&self, name: &str) -> [[String; COLUMNS]; 3] {
        let Ratios { p99_over_p50, max_over_floor, deliveries_over_floor, cpu_over_floor } =
            self.ratios;
        let p99 = p99_over_p50.map_or_else(String::new, |ratio| format!("{ratio:.1} x p50"));
        let over = |ratio: Option<f64>| ratio.map_or_else(String::new, |it| format!("{it:.2} x"));
        let none = String::new;
        [
            self.nodes.row(name, "nodes"),
            self.floor.row("", "floor"),
            [
                none(),
                "nodes over floor".to_owned(),
                over(deliveries_over_floor),
                none(),
                p99,
                none(),
                over(max_over_floor),
                over(cpu_over_floor),
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
                none(),
            ],
        ]
    }
}

impl Ratios {
    fn of(nodes: &Figures, floor: &Figures) -> Self {
        let over = |a: Option<f64>, b: Option<f64>| ratio(a?, b?);
        Self {
            p99_over_p50: over(nodes.p99_ms, nodes.p50_ms),
            max_over_floor: over(nodes.max_ms, floor.max_ms),
            deliveries_over_floor: over(nodes.deliveries_per_s, floor.deliveries_per_s),
            cpu_over_floor: over(nodes.cpu_s_per_million, floor.cpu_s_per_million),
        }
    }
}

impl Figures {
    fn median(rounds: &[Self]) -> Self {
        let of = |read: fn(&Self) -> Option<f64>| median(rounds.iter().map(read));
        Self {
            sent_per_s: of(|figures| figures.sent_per_s),
            deliveries_per_s: of(|figures| figures.deliveries_per_s),
            p50_ms: of(|figures| figures.p50_ms),
            p99_ms: of(|figures| figures.p99_ms),
            p999_ms: of(|figures| figures.p999_ms),
            max_ms: of(|figures| figures.max_ms),
            cpu_s_per_million: of(|figures| figures.cpu_s_per_million),
            copies_per_delivery: of(|figures| figures.copies_per_delivery),
            lost_share: of(|figures| figures.lost_share),
            links_lost: of(|figures| figures.links_lost),
            deliveries: of(|figures| figures.deliveries),
            suspicions: of(|figures| figures.suspicions),
            fairness: of(|figures| figures.fairness),
            wire_bytes_per_useful_byte: of(|figures| figures.wire_bytes_per_useful_byte),
            round_trip_ms: of(|figures| figures.round_trip_ms),
            memory_mb_per_node: of(|figures| figures.memory_mb_per_node),
        }
    }

    fn row(&self, name: &str, of: &str) -> [String; COLUMNS] {
        [
            name.to_owned(),
            of.to_owned(),
            shown(self.deliveries_per_s, 0),
            shown(self.p50_ms, 2),
            shown(self.p99_ms, 2),
            shown(self.p999_ms, 2),
            shown(self.max_ms, 2),
            shown(self.cpu_s_per_million, 2),
            shown(self.copies_per_delivery, 2),
            shown(self.lost_share.map(|share| share * 100.0), 2),
            shown(self.links_lost, 0),
            shown(self.suspicions, 0),
            shown(self.fairness, 3),
            shown(self.wire_bytes_per_useful_byte, 2),
            shown(self.round_trip_ms, 2),
            shown(self.memory_mb_per_node, 1),
        ]
    }
}

impl Known {
    fn median(rounds: &[Crashes], whose: fn(&Crashes) -> Self) -> Self {
        let of = |read: fn(Self) -> Option<f64>| median(rounds.iter().map(whose).map(read));
        Self {
            first_neighbor_s: of(|known| known.first_neighbor_s),
            all_peers_s: of(|known| known.all_peers_s),
            all_seed_nodes_s: of(|known| known.all_seed_nodes_s),
        }
    }

    fn row(&self, name: &str) -> [String; 4] {
        [
            name.to_owned(),
            shown(self.first_neighbor_s, 2),
            shown(self.all_peers_s, 2),
            shown(self.all_seed_nodes_s, 2),
        ]
    }
}

fn shown(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}

/// The middle one, or the mean of the two in the middle. What is missing is greater than all else: a time
/// that was waited for in vain is longer than any.
fn median(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let mut values: Vec<f64> = values.map(|value| value.unwrap_or(f64::INFINITY)).collect();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let middle = f64::midpoint(values[last / 2], values[last.div_ceil(2)]);
    middle.is_finite().then_some(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_median_takes_what_is_missing_for_the_greatest() {
        let of = |values: &[Option<f64>]| median(values.iter().copied());
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[Some(3.0), Some(1.0), Some(2.0)]), Some(2.0));
        assert_eq!(of(&[Some(3.0), Some(1.0)]), Some(2.0));
        assert_eq!(of(&[None, Some(1.0), Some(2.0)]), Some(2.0));
        assert_eq!(of(&[None, Some(1.0), None]), None);
    }

    #[test]
    fn ratios_are_medians_of_their_own() {
        let figures = |deliveries: f64, max: f64| Figures {
            deliveries_per_s: Some(deliveries),
            p50_ms: Some(1.0),
            p99_ms: Some(max),
            max_ms: Some(max),
            ..Figures::default()
        };
        let nodes = [figures(10.0, 4.0), figures(20.0, 6.0), figures(30.0, 5.0)];
        let floor = [figures(100.0, 1.0), figures(50.0, 2.0), figures(60.0, 5.0)];
        let compared = Compared::new(&nodes, &floor);
        assert_eq!(compared.nodes.deliveries_per_s, Some(20.0));
        let ratios = Ratios {
            p99_over_p50: Some(5.0),
            max_over_floor: Some(3.0),
            deliveries_over_floor: Some(0.4),
            cpu_over_floor: None,
        };
        assert_eq!(compared.ratios, ratios);
    }
}
