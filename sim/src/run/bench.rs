//! `sim bench`: what this machine does with this program.

use std::process::ExitCode;

use anyhow::ensure;
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;

use super::console::say;
use crate::cli::BenchEngineArgs;
use crate::event_world::bench::{self, Figures};

pub(super) fn engine(args: &BenchEngineArgs) -> anyhow::Result<ExitCode> {
    let scenario = bench::scenario(usize::try_from(args.peers)?, &args.set)?;
    let threads = usize::from(args.threads);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let figures = pool.install(|| bench::measure(&scenario, args.seed, threads));
    if args.json {
        say(&(serde_json::to_string(&figures)? + "\n"))?;
    } else {
        say(&format!("{}\n", table(&figures)))?;
    }
    let (reached, peers) = (figures.reached, figures.peers);
    ensure!(reached + 1 == peers, "the message reached {reached} of the {} others", peers - 1);
    Ok(ExitCode::SUCCESS)
}

fn table(figures: &Figures) -> Table {
    let million = |rate: f64| format!("{:.2} M/s", rate / 1e6);
    let memory = figures.peak_bytes_per_peer.map(|bytes| format!("{bytes} B"));
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(["", "seconds", "events", "rate"]);
    for (what, seconds, events, rate) in [
        ("join", figures.join_s, figures.join_events, figures.join_events_per_s),
        ("flood", figures.flood_s, figures.flood_events, figures.flood_events_per_s),
    ] {
        table.add_row([what, &format!("{seconds:.2}"), &events.to_string(), &million(rate)]);
    }
    table.add_row(["queue alone", "", "", &million(figures.roof_events_per_s)]);
    table.add_row(["flood / queue", "", "", &format!("{:.3}", figures.ratio)]);
    table.add_row(["peak per peer", "", "", &memory.unwrap_or_else(|| "unknown".to_owned())]);
    table
}
