//! Scenarios told without running them: `sim check` and `sim list`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use humantime::format_duration;
use serde::Serialize;
use tidings_node::chatter::Chatter;

use super::COULD_NOT_TELL;
use super::console::{complain, say, say_json};
use crate::cli::{CheckArgs, ListArgs};
use crate::measure::{fractional_millis, millis};
use crate::plural::counted;
use crate::scenario::combinations::load_combinations;
use crate::scenario::vary::Vary;
use crate::scenario::{
    self, Draw, Engine, FaultSpec, Link, PeerAddress, Scenario, Shape, Span, Targets, Workload,
};

/// A scenario as JSON.
#[derive(Serialize)]
struct Explained<'a> {
    scenario: &'a str,
    question: &'a str,
    engine: &'static str,
    runs: u64,
    duration_ms: u64,
    seed_nodes: usize,
    peers: usize,
    start_ms: u64,
    /// What peers announce, in this order.
    peer_addresses: &'a [PeerAddress],
    names_found_at_ms: u64,
    link: ExplainedLink,
    chatter: Option<String>,
    workload: Option<String>,
    faults: Vec<String>,
    vary: Vec<ExplainedVary<'a>>,
    calm_from_ms: u64,
    convergence_bound_ms: u64,
}

/// How packets travel, as JSON. What a distribution does not have is null.
#[derive(Serialize)]
struct ExplainedLink {
    latency_min_ms: f64,
    latency_max_ms: f64,
    tick_ms: f64,
    distribution: &'static str,
    median_ms: Option<f64>,
    sigma: Option<f64>,
    /// From the region of the row to that of the column.
    regions: Option<Vec<Vec<String>>>,
    draw: Draw,
    loss: f64,
    /// Bytes per second; null for any number.
    bandwidth: Option<u64>,
}

/// A varied field, as JSON.
#[derive(Serialize)]
struct ExplainedVary<'a> {
    key: &'a str,
    values: &'a [String],
}

pub(super) fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let scenario = scenario::load(&args.file, &args.set)?;
    if !scenario.vary.is_empty() {
        load_combinations(&args.file, &args.set, &scenario.vary)?;
    }
    if args.json {
        say_json(&Explained {
            scenario: &scenario.name,
            question: &scenario.question,
            engine: scenario.engine.name(),
            runs: scenario.runs,
            duration_ms: millis(scenario.duration),
            seed_nodes: scenario.seed_nodes,
            peers: scenario.peers,
            start_ms: millis(scenario.start),
            peer_addresses: &scenario.peer_addresses,
            names_found_at_ms: millis(scenario.names_found_at),
            link: ExplainedLink::of(&scenario),
            chatter: explain_chatter(scenario.chatter),
            workload: scenario.workload.map(explain_workload),
            faults: scenario.faults.iter().map(explain_fault).collect(),
            vary: scenario.vary.iter().map(ExplainedVary::of).collect(),
            calm_from_ms: millis(scenario.calm_from()),
            convergence_bound_ms: millis(scenario.convergence_bound()),
        })?;
    } else {
        say(&explain(&scenario))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be said of the addresses that peers announce; nothing if that is one each.
fn explain_addresses(addresses: &[PeerAddress]) -> Option<String> {
    let word = |address: &PeerAddress| match address {
        PeerAddress::Own => "its own",
        PeerAddress::Silent => "one where nothing answers",
        PeerAddress::Refusing => "one where another machine refuses",
    };
    let words: Vec<&str> = addresses.iter().map(word).collect();
    (words.len() > 1).then(|| format!("each peer announces {}, in this order", words.join(", ")))
}

/// What a scenario would do, in words.
fn explain(scenario: &Scenario) -> String {
    let engine = match scenario.engine {
        Engine::Turmoil => "",
        Engine::Events => " on the event engine",
    };
    let mut lines = vec![
        scenario.question.clone(),
        format!(
            "{} of {}{engine}: {} and {}, started within {}",
            counted(scenario.runs, "run"),
            format_duration(scenario.duration),
            counted(scenario.seed_nodes, "seed node"),
            counted(scenario.peers, "peer"),
            format_duration(scenario.start)
        ),
        explain_link(scenario),
    ];
    lines.extend(explain_addresses(&scenario.peer_addresses));
    if !scenario.names_found_at.is_zero() {
        let found_at = format_duration(scenario.names_found_at);
        lines.push(format!(
            "the names of all seed nodes but the first are found from {found_at} on"
        ));
    }
    lines.extend(explain_chatter(scenario.chatter));
    lines.extend(scenario.workload.map(explain_workload));
    lines.extend(scenario.faults.iter().map(explain_fault));
    lines.extend(scenario.vary.iter().map(|Vary { key, values }| {
        format!("`sim compare` runs it with {key} = {}", values.join(", "))
    }));
    lines.push(format!(
        "calm from {} on; all must be in order again within {} of it",
        format_duration(scenario.calm_from()),
        format_duration(scenario.convergence_bound())
    ));
    lines.join("\n") + "\n"
}

/// What is known of links: latency and tick, and what else is not as it is unless given.
fn explain_link(scenario: &Scenario) -> String {
    let Link { shape, draw, loss, bandwidth } = &scenario.link;
    let shape = match shape {
        Shape::Exponential => "exponential with its mean a fifth into the span".to_owned(),
        Shape::Uniform if is_constant(scenario) => "constant".to_owned(),
        Shape::Uniform => "uniform".to_owned(),
        Shape::Lognormal { median, sigma } => {
            format!("lognormal with the median {} and sigma {sigma}", format_duration(*median))
        }
        Shape::Regions(rows) => {
            let regions = counted(rows.len(), "region");
            format!("uniform in a span from the sender's region to the receiver's, {regions}")
        }
    };
    let mut parts = vec![format!("one-way latency {}, {shape}", scenario.latency)];
    if *draw == Draw::Pair {
        parts.push("drawn once for each pair of hosts".to_owned());
    }
    parts.push(format!("tick {}", format_duration(scenario.tick)));
    if *loss > 0.0 {
        parts.push(format!("a share of {loss} of the packets is lost and sent again"));
    }
    if let Some(bandwidth) = bandwidth {
        parts.push(format!("each host sends at most {bandwidth} bytes per second"));
    }
    parts.join("; ")
}

/// Whether there is but one latency.
fn is_constant(scenario: &Scenario) -> bool {
    scenario.latency.from == scenario.latency.to
}

impl ExplainedLink {
    fn of(scenario: &Scenario) -> Self {
        let Link { shape, draw, loss, bandwidth } = &scenario.link;
        let (mut median_ms, mut log_deviation, mut regions) = (None, None, None);
        let distribution = match shape {
            Shape::Exponential => "exponential",
            Shape::Uniform if is_constant(scenario) => "constant",
            Shape::Uniform => "uniform",
            Shape::Lognormal { median, sigma } => {
                (median_ms, log_deviation) = (Some(fractional_millis(*median)), Some(*sigma));
                "lognormal"
            }
            Shape::Regions(rows) => {
                let row = |row: &Vec<Span>| row.iter().map(Span::to_string).collect();
                regions = Some(rows.iter().map(row).collect());
                "regions"
            }
        };
        Self {
            latency_min_ms: fractional_millis(scenario.latency.from),
            latency_max_ms: fractional_millis(scenario.latency.to),
            tick_ms: fractional_millis(scenario.tick),
            distribution,
            median_ms,
            sigma: log_deviation,
            regions,
            draw: *draw,
            loss: *loss,
            bandwidth: *bandwidth,
        }
    }
}

impl<'a> ExplainedVary<'a> {
    fn of(Vary { key, values }: &'a Vary) -> Self {
        Self { key, values }
    }
}

fn explain_chatter(Chatter { every, count }: Chatter) -> Option<String> {
    (count > 0).then(|| {
        let messages = counted(count, "message");
        let every = format_duration(every);
        format!(
            "each peer says {messages} of its own, one every {every} from its first neighbor on"
        )
    })
}

fn explain_workload(workload: Workload) -> String {
    let who = match workload.sources {
        None => "some peer".to_owned(),
        Some(sources) => format!("one of {} in turn", counted(sources, "peer")),
    };
    format!(
        "{who} says {} every {} in {}",
        counted(workload.size, "byte"),
        format_duration(workload.every),
        workload.between
    )
}

fn explain_fault(fault: &FaultSpec) -> String {
    let whom = match &fault.targets {
        Targets::RandomPeers(1) => "a random peer".to_owned(),
        Targets::RandomPeers(count) => counted(*count, "random peer"),
        Targets::Named(names) => names.join(", "),
        Targets::Share(percent) => format!("{percent} % of the peers and of the seed nodes"),
    };
    format!("in {}: {whom}: {}", fault.when, fault.kind)
}

/// A scenario in a list.
#[derive(Serialize)]
struct Listed {
    file: PathBuf,
    question: String,
}

pub(super) fn list(args: &ListArgs) -> anyhow::Result<ExitCode> {
    let mut listed = Vec::new();
    let mut all_read = true;
    for file in scenario_files(&args.folder)? {
        match scenario::load(&file, &[]) {
            Ok(scenario) => listed.push(Listed { file, question: scenario.question }),
            Err(error) => {
                all_read = false;
                complain(&error.into());
            }
        }
    }
    if args.json {
        say_json(&listed)?;
    } else {
        for Listed { file, question } in listed {
            say(&format!("{}\n    {question}\n", file.display()))?;
        }
    }
    Ok(if all_read { ExitCode::SUCCESS } else { ExitCode::from(COULD_NOT_TELL) })
}

/// The scenarios of a folder, in the order of their names.
pub(super) fn scenario_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || format!("read {}", folder.display());
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .with_context(read)?
        .map(|file| Ok(file?.path()))
        .collect::<io::Result<_>>()
        .with_context(read)?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    Ok(paths)
}
