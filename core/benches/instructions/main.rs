//! What a message costs in instructions, and whether that grows with what a peer holds.
//!
//! `cargo bench -p tidings-core --bench instructions`
//!
//! Valgrind counts, so the figures do not depend on what else the machine does. It knows no SHA
//! instructions: a decoded gossip message counts with its hash in software. The bench fails where one
//! message costs more than [`MAX_RATIO`] times as much at a peer that holds a hundred times more.

#![expect(clippy::print_stdout, reason = "its table")]
#![expect(clippy::unwrap_used, reason = "a wrong state is worth a panic here")]

mod callgrind;
mod codec;
mod peer;

use std::env;
use std::process::ExitCode;

/// Messages, missing names and pulls that a peer holds.
const HELD: [u64; 2] = [100, 10_000];

/// How much more a message may cost with more held, times 100. Trees and tables grow by a few levels.
const MAX_RATIO: u64 = 120;

/// The argument for what shall be counted, before the number of messages that a peer holds.
const COUNTED: &str = "--counted";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().collect();
    if let Some(place) = args.iter().position(|arg| arg == COUNTED) {
        let held = args[place + 1].parse().unwrap();
        if held == 0 {
            codec::count_all();
        } else {
            peer::count_all(held);
        }
        return ExitCode::SUCCESS;
    }
    if !callgrind::is_installed() {
        println!("skipped: valgrind is not installed");
        return ExitCode::SUCCESS;
    }
    report()
}

fn report() -> ExitCode {
    println!("{:<28}{:>10}", "codec", "instructions");
    for (name, count) in codec::NAMES.iter().zip(count(0)) {
        println!("{name:<28}{:>10}", count / codec::TIMES);
    }
    println!("\n{:<28}{:>10}{:>10}{:>8}", "Node::handle, held:", HELD[0], HELD[1], "ratio");
    let [few, many] = HELD.map(count);
    let mut is_constant = true;
    for ((name, few), many) in peer::NAMES.iter().zip(few).zip(many) {
        let ratio = many * 100 / few;
        is_constant &= ratio <= MAX_RATIO;
        let [few, many] = [few, many].map(|it| it / peer::TIMES);
        println!("{name:<28}{few:>10}{many:>10}{:>5}.{:02}", ratio / 100, ratio % 100);
    }
    if is_constant {
        return ExitCode::SUCCESS;
    }
    println!("a message costs more than {}.{:02} times as much", MAX_RATIO / 100, MAX_RATIO % 100);
    ExitCode::FAILURE
}

fn count(held: u64) -> Vec<u64> {
    let counts = callgrind::instructions(&[COUNTED.to_owned(), held.to_string()]);
    let names = if held == 0 { codec::NAMES.len() } else { peer::NAMES.len() };
    assert_eq!(counts.len(), names, "one count of each");
    counts
}
