//! `tidings bench`: a network on loopback in this process, what it carries and how quickly, beside raw TCP
//! on the same machine in the same minutes.

mod args;
mod crash;
mod floor;
mod machine;
mod network;
mod report;
mod tally;
mod workload;

use std::time::Duration;

use anyhow::Context as _;
use tidings_core::Config;
use tokio::select;
use tokio::task::JoinSet;

use crate::output::{Output, print, print_json};
use crate::shutdown::{Interrupted, Signals};
pub(crate) use args::BenchArgs;
use args::Workload;
use floor::Floor;
use network::Network;
use report::{Report, Round};
use workload::{Carrier, Figures};

/// Measures until all is measured, or until Ctrl-C.
pub(crate) async fn bench(args: BenchArgs) -> anyhow::Result<()> {
    args.check()?;
    machine::note_empty();
    let config = args.config()?;
    machine::make_room(args.peers)?;
    let mut signals = Signals::catch()?;
    let output = Output::json_if(args.json);
    let mut measuring = JoinSet::new();
    // A task of the runtime, as what it measures is.
    measuring.spawn(measure(args, config));
    let report = select! {
        biased;
        () = signals.end() => return Err(Interrupted.into()),
        Some(measured) = measuring.join_next() => measured.context("measuring")??,
    };
    match output {
        Output::Json => print_json(&report),
        Output::Text => print(&report.table()),
    }
    .context("standard output")
}

async fn measure(args: BenchArgs, config: Config) -> anyhow::Result<Report> {
    let mut rounds = Vec::new();
    for number in 1..=args.rounds {
        say(&args, &format!("round {number} of {}", args.rounds))?;
        rounds.push(measure_round(&args, &config).await?);
    }
    Ok(Report::new(&args, &rounds))
}

async fn measure_round(args: &BenchArgs, config: &Config) -> anyhow::Result<Round> {
    let mut round = Round::default();
    if !args.loads().is_empty() {
        let floor = Floor::start(args.peers).await.context("starting the floor")?;
        round.floor = carry(args, &floor).await?;
        drop(floor);
        let network = Network::start(args.seed_nodes, args.peers, config, args.reader).await?;
        round.joined = Some(network.join().await?);
        tokio::time::sleep(Duration::from_secs(args.settle)).await;
        round.nodes = carry(args, &network).await?;
    }
    if args.workload.contains(&Workload::Crash) {
        say(args, "crash")?;
        round.crash = Some(crash::measure(args, config).await?);
    }
    Ok(round)
}

/// Puts each load on a carrier in turn.
async fn carry(args: &BenchArgs, carrier: &impl Carrier) -> anyhow::Result<Vec<Figures>> {
    let mut all = Vec::new();
    for (load, name) in args.loads() {
        say(args, &format!("{} of the {}", name, carrier.name()))?;
        let figures = load.put_on(carrier, args.size, Duration::from_secs(args.seconds)).await;
        all.push(figures.with_context(|| format!("{name} of the {}", carrier.name()))?);
    }
    Ok(all)
}

/// Tells a person what goes on.
fn say(args: &BenchArgs, text: &str) -> anyhow::Result<()> {
    if args.json {
        return Ok(());
    }
    print(&format!("{text}\n")).context("standard output")
}
