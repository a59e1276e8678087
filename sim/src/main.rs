//! The program `sim`: the simulator.

use std::process::ExitCode;

use clap::Parser as _;

/// A million simulated nodes are made of some ten million small pieces.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tidings_sim::run(tidings_sim::Cli::parse())
}
