//! The command line, as typed.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use tidings_node::settings::{Profile, parse_duration};

use crate::host::HostId;
use crate::hunt::planted_bug::PLANTED_BUGS;
use crate::scenario::Engine;
use crate::scenario::vary::Vary;
use crate::sweep::{MAX_SEEDS, Seeds, Shard};

/// Where reports go, below the current folder.
pub(crate) const REPORTS: &str = "reports";

/// Where scenarios are, below the current folder.
const SCENARIOS: &str = "scenarios";

/// Simulate a gossip network: run a scenario with many rng seeds under simulated faults, check what
/// must hold, and draw what happened.
///
/// Exit status: 0 every check held; 1 a check failed; 2 the run could not be completed.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario and write its report.
    ///
    /// Rows are written as runs finish. A sweep that was stopped continues when it is started again
    /// with the same options.
    ///
    /// Without options the scenario's own seeds are run, and the report goes to reports/NAME. With
    /// any option it goes below reports/runs, which git ignores; so does that of a scenario with a
    /// [vary] table, since reports/NAME has its comparison. reports/runs/latest leads to the newest
    /// report below reports/runs.
    Run(RunArgs),
    /// Look for a run in which a check fails, and make it small.
    ///
    /// Each run has an rng seed of its own, from which all its options are drawn: nodes, settings,
    /// links, faults. With FILE only what that scenario leaves open is drawn. The first run that
    /// fails is shrunk to fewer nodes, faults and messages, plainer links and default settings, as
    /// long as the same check fails; with default settings it may last longer than before. It is
    /// written as a scenario that `sim run` reads, with its story. A table shows the effects of the
    /// faults. All runs are on the event engine.
    ///
    /// Exit status: 0 nothing was found; 1 a run failed; 2 the hunt could not be completed.
    Hunt(HuntArgs),
    /// Run a scenario in several forms on the same seeds, and show them side by side.
    ///
    /// Forms are all combinations of what is varied: by --engines, by --vary, or else by the
    /// scenario's own [vary] table. Two forms that differ in nothing but the engine are judged: do the
    /// engines agree? The scenario's own limits are not checked.
    ///
    /// Without options the comparison goes to reports/NAME, with any option below reports/runs,
    /// where reports/runs/latest leads to the newest.
    ///
    /// Exit status: 0 the engines agree and every check held; 1 they differ or a check failed;
    /// 2 the comparison could not be completed.
    Compare(CompareArgs),
    /// Print a line-by-line trace of one run.
    ///
    /// Always uses the event engine; the same seed under turmoil gives a different run. Each line begins
    /// with the simulated second:
    ///
    /// `--` is a fault of the schedule, `->` a message with its time on the way or its fate, `*` an
    /// event that a node reports to its user.
    ///
    /// Exit status: 0 the trace is complete; 1 the run failed, by a panic or an error of a node; 2 the
    /// run could not be completed.
    Trace(TraceArgs),
    /// Read a scenario and describe what it would do, without running it.
    Check(CheckArgs),
    /// List the scenarios of a folder with their questions.
    List(ListArgs),
    /// Write a commented scenario to start from.
    ///
    /// It goes to scenarios/NAME.toml, is a valid scenario, and never overwrites a file.
    New(NewArgs),
    /// Draw the pictures of a report again, from its saved tables and summary alone.
    ///
    /// Nothing is run. The pictures are equal, to the byte, to those that the run drew.
    Report(ReportArgs),
    /// Make one report of the parts of a sweep, as `sim run --shard` wrote them.
    ///
    /// The report is equal, to the byte, to that of a sweep in one piece. Exit status 2 and no report
    /// if a part is missing, unfinished, there twice, or of another sweep.
    Merge(MergeArgs),
    /// Run all scenarios and write all reports, and the page that shows them.
    ///
    /// Each scenario is run with its own seeds, as by `sim run FILE`; the page is README.md in the
    /// folder of the reports. Takes some minutes.
    Gallery(GalleryArgs),
    /// Reproduce published results and plot the difference.
    ///
    /// Runs small models of published protocols, which show whether our measures mean what those of the
    /// papers do, and the scenarios of scenarios/papers. The report of all benchmarks goes to
    /// reports/papers; with --quick or --only it goes below reports/runs. With --quick it takes some
    /// minutes, at full size half an hour.
    ///
    /// Exit status: 0 every benchmark is within its tolerance; 1 one is not; 2 the experiments could not
    /// be completed.
    Papers(PapersArgs),
    /// Measure how fast this machine runs the simulator.
    #[command(subcommand)]
    Bench(BenchCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Let a network join and one message flood it, on the event engine.
    ///
    /// Prints events per second, seconds, and memory per peer; and, from the same run, the events per
    /// second of the queue alone, without any protocol.
    Engine(BenchEngineArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BenchEngineArgs {
    /// Peers, 10 to 10000000. A million take 7 GB, and three minutes.
    #[arg(long, value_name = "N", default_value = "100000", value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    pub(crate) peers: u32,
    /// Threads that run them. The results do not depend on it.
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: u16,
    /// The rng seed.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) seed: u64,
    /// Change a field of the scenario first, like `profile=modern` or `members_max=0`. May be given
    /// several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Print one line of JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The scenario, a TOML file.
    pub(crate) file: PathBuf,
    /// Run this rng seed only.
    #[arg(long, value_name = "N", conflicts_with = "seeds")]
    pub(crate) seed: Option<u64>,
    /// Run these rng seeds, first and last, both included: 1..200 are 200 of them.
    #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
    pub(crate) seeds: Option<Seeds>,
    /// Run one of N parts of the seeds, which `sim merge` joins: 3/16 is the third of 16.
    #[arg(long, value_name = "I/N", value_parser = parse_shard, requires = "out")]
    pub(crate) shard: Option<Shard>,
    /// Runs at a time, 1 to 65535 [default: one per core]. The results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// What runs it [default: what the scenario says, or turmoil].
    #[arg(long)]
    pub(crate) engine: Option<Engine>,
    /// Write the report into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Change a field of the scenario first, like `peers=10` or `fault.0.count=3`. May be given
    /// several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Print the summary as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct HuntArgs {
    /// A scenario to hunt in; without one all options are drawn.
    pub(crate) file: Option<PathBuf>,
    /// How many runs at most, 1 to 1000000000.
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    pub(crate) runs: u64,
    /// Begin no further runs after this many minutes, 1 to 10080 [default: no limit].
    #[arg(long, value_name = "M", value_parser = clap::value_parser!(u64).range(1..=10_080))]
    pub(crate) minutes: Option<u64>,
    /// The rng seed of the first run; the others follow. Use the next seed to continue an earlier hunt.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed_from: u64,
    /// Runs at a time, 1 to 65535 [default: one per core]. What is found does not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Write what was found into this file [default: below reports/hunts, which git ignores].
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Change a field of the scenario first.
    #[arg(long, value_name = "KEY=VALUE", requires = "file")]
    pub(crate) set: Vec<String>,
    /// Draw networks of this profile: classic, or modern, which mixes in parts of the other.
    #[arg(long, value_name = "NAME", default_value_t, conflicts_with = "file",
          value_parser = |text: &str| text.parse::<Profile>())]
    pub(crate) profile: Profile,
    /// Plant this bug in the nodes, to prove that the hunt finds it.
    #[arg(long, value_name = "NAME",
          value_parser = clap::builder::PossibleValuesParser::new(PLANTED_BUGS.iter().map(|it| it.name)))]
    pub(crate) planted: Option<String>,
    /// Print JSON instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// The scenario, a TOML file.
    pub(crate) file: PathBuf,
    /// Compare these engines: turmoil,events.
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) engines: Vec<Engine>,
    /// Vary a field, named as for --set: overlay=random,power-law. May be given several times; all
    /// combinations are run, at most 64.
    #[arg(long, value_name = "KEY=A,B")]
    pub(crate) vary: Vec<Vary>,
    /// Run these rng seeds, first and last, both included [default: the scenario's own].
    #[arg(long, value_name = "A..B", value_parser = parse_seeds)]
    pub(crate) seeds: Option<Seeds>,
    /// Runs at a time, 1 to 65535 [default: one per core]. The results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Change a field of the scenario first, in all forms.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Write the report into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print the comparison as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TraceArgs {
    /// The scenario, a TOML file.
    pub(crate) file: PathBuf,
    /// The rng seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print nothing before this moment of the run, like 24s.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration)]
    pub(crate) from: Duration,
    /// Print nothing from this moment on [default: the end of the run].
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) until: Option<Duration>,
    /// Only what these hosts do, what is sent to them, what nodes report about them, and the faults
    /// that hit them, like peer-3,seed-1.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', value_parser = parse_host)]
    pub(crate) host: Vec<HostId>,
    /// Change a field of the scenario first.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Print a line of JSON for each: `at_us`, `host` (null for the schedule), `what`.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The scenario, a TOML file.
    pub(crate) file: PathBuf,
    /// Change a field of the scenario first.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Print JSON instead of sentences.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// The folder.
    #[arg(default_value = SCENARIOS)]
    pub(crate) folder: PathBuf,
    /// Print JSON instead of lines.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// Its name: lower-case letters, digits and hyphens, a letter first.
    pub(crate) name: String,
    /// Write it into this file instead.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Print which file was written as JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The report's folder, like reports/churn.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
    /// Print the summary as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct MergeArgs {
    /// The folders of all parts, in any order.
    #[arg(value_name = "DIR", required = true)]
    pub(crate) parts: Vec<PathBuf>,
    /// Write the report into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print the summary as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct GalleryArgs {
    /// The folder of the scenarios.
    #[arg(long, value_name = "DIR", default_value = SCENARIOS)]
    pub(crate) scenarios: PathBuf,
    /// The folder of the reports.
    #[arg(long, value_name = "DIR", default_value = REPORTS)]
    pub(crate) reports: PathBuf,
    /// Run only these scenarios, by name; the page shows the existing reports of the others.
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', conflicts_with = "readme_only")]
    pub(crate) only: Vec<String>,
    /// Run nothing: write the page again from the existing reports.
    #[arg(long)]
    pub(crate) readme_only: bool,
    /// Runs at a time, 1 to 65535 [default: one per core]. The results do not depend on it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) jobs: Option<u16>,
    /// Print verdicts, digests and answers as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct PapersArgs {
    /// Smaller networks and fewer runs, where scaling permits.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Run only what these benchmarks need, and show only them, like `demers-t1,B15`.
    #[arg(long, value_name = "ID,..", value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// The folder of their scenarios.
    #[arg(long, value_name = "DIR", default_value = "scenarios/papers")]
    pub(crate) scenarios: PathBuf,
    /// Write the report into this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Print the benchmarks as JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

fn parse_host(text: &str) -> Result<HostId, String> {
    HostId::named(text).ok_or_else(|| "write a host's name, like peer-3 or seed-1".to_owned())
}

fn parse_seeds(text: &str) -> Result<Seeds, String> {
    let read = |part: &str| part.trim().parse::<u64>().ok();
    let ends = text.split_once("..").and_then(|(a, b)| Some((read(a)?, read(b)?)));
    let seeds = ends.map(|(first, last)| Seeds { first, last }).filter(Seeds::is_valid);
    seeds.ok_or_else(|| {
        format!("write the first and the last seed, like 1..200; at most {MAX_SEEDS} of them")
    })
}

fn parse_shard(text: &str) -> Result<Shard, String> {
    let read = |part: &str| part.trim().parse::<u64>().ok();
    let parts = text.split_once('/').and_then(|(part, of)| Some((read(part)?, read(of)?)));
    let shard = parts.map(|(part, of)| Shard { part, of }).filter(|shard| shard.is_valid());
    shard.ok_or_else(|| {
        format!("write which part of how many, like 3/16; 1/N to N/N, and N at most {MAX_SEEDS}")
    })
}
