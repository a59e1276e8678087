//! The program `sim`: the rehearsal stage.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    tidings_sim::run(tidings_sim::Cli::parse())
}
