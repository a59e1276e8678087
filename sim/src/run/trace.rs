//! `sim trace`: what happens in one run.

use std::io;
use std::process::ExitCode;

use anyhow::{anyhow, ensure};
use humantime::format_duration;

use super::FAILED;
use super::console::complain;
use crate::cli::TraceArgs;
use crate::event_world::{self, TraceFilter, TraceLine, seconds};
use crate::scenario::{self, Scenario};

pub(super) fn trace(args: &TraceArgs) -> anyhow::Result<ExitCode> {
    let TraceArgs { file, seed, from, until, host, set, json } = args;
    let scenario = scenario::load_for_events(file, set)?;
    check(&scenario, args)?;
    let filter = TraceFilter { from: *from, until: *until, hosts: host.clone() };
    let mut out = io::stdout().lock();
    for line in event_world::trace(scenario, *seed, filter) {
        let line = match line {
            Ok(line) => line,
            Err(failure) => {
                complain(&anyhow!("the run failed: {failure}"));
                return Ok(ExitCode::from(FAILED));
            }
        };
        let written = if *json { write_json(&mut out, &line) } else { write_text(&mut out, &line) };
        match written {
            // The reader has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Nothing would be seen through a lens that looks past the run.
fn check(scenario: &Scenario, args: &TraceArgs) -> anyhow::Result<()> {
    let end = args.until.unwrap_or(scenario.duration);
    ensure!(
        args.from < end && args.from < scenario.duration,
        "--from {} is not before the end, {}",
        format_duration(args.from),
        format_duration(end.min(scenario.duration))
    );
    for host in &args.host {
        let is_there = scenario.hosts().any(|it| it == *host);
        let Scenario { seed_nodes, peers, .. } = scenario;
        ensure!(
            is_there,
            "--host {host}: there are seed-1 to seed-{seed_nodes} and peer-1 to peer-{peers}"
        );
    }
    Ok(())
}

fn write_text(out: &mut impl io::Write, line: &TraceLine) -> io::Result<()> {
    let host = line.host.map_or_else(|| "--".to_owned(), |host| host.to_string());
    writeln!(out, "{:>9}  {host} {}", seconds(line.at), line.what)
}

fn write_json(out: &mut impl io::Write, line: &TraceLine) -> io::Result<()> {
    writeln!(out, "{}", serde_json::to_string(line)?)
}
