//! The program `tidings`: nodes from the command line, and commands for those that run.

mod bench;
mod cli;
mod console;
mod file_limit;
mod fleet;
mod lines;
mod log;
mod options;
mod output;
mod run;
mod shutdown;
mod told;

use std::future::Future;
use std::process::ExitCode;

use tidings_core::Role;

use cli::{ConfigRole, LogsVerb, SendArgs, Verb};
use console::control::{NoAnswer, ask};
use options::UsageError;
use output::{Last, Output, last_word};
use shutdown::Interrupted;

/// Something was typed wrong, or nobody could be asked.
const COULD_NOT_TELL: u8 = 2;

/// What shells report of a program that Ctrl-C ended.
const INTERRUPTED: u8 = 130;

fn main() -> ExitCode {
    match carry_out(cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    last_word(Last::Error, format!("tidings: {error:#}\n"));
    if error.is::<Interrupted>() {
        return ExitCode::from(INTERRUPTED);
    }
    if error.is::<UsageError>() || error.is::<NoAnswer>() {
        return ExitCode::from(COULD_NOT_TELL);
    }
    ExitCode::FAILURE
}

fn carry_out(verb: Verb) -> anyhow::Result<()> {
    match verb {
        Verb::Seed(args) => block_on(run::run(Role::SeedNode, &args.flags.0, args.more)),
        Verb::Peer(args) => block_on(run::run(Role::Peer, &args.flags.0, args.more)),
        Verb::Up(args) => block_on(fleet::up::up(args)),
        Verb::Demo(args) => block_on(fleet::demo::demo(args)),
        Verb::Bench(args) => block_on(bench::bench(args)),
        Verb::Peers(node) => ask(&node, "peers"),
        Verb::Seeds(node) => ask(&node, "seeds"),
        Verb::Messages(node) => ask(&node, "messages"),
        Verb::Status(node) => ask(&node, "status"),
        Verb::Leave(node) => ask(&node, "exit"),
        Verb::Members(node) => ask(&node, "members"),
        Verb::Why(args) => ask(&args.choice, &format!("why {}", args.about.unwrap_or_default())),
        Verb::Send(SendArgs { words, choice }) => {
            let text = words.join(" ");
            if text.contains('\n') {
                return Err(UsageError("TEXT is one line".to_owned()).into());
            }
            ask(&choice, &format!("say {text}"))
        }
        Verb::Config(ConfigRole::Seed(args)) => {
            options::show(Role::SeedNode, &args.flags.0, Output::json_if(args.json))
        }
        Verb::Config(ConfigRole::Peer(args)) => {
            options::show(Role::Peer, &args.flags.0, Output::json_if(args.json))
        }
        Verb::Logs(LogsVerb::Clean(args)) => {
            log::clean::clean(&args.log_dir, args.dry_run, Output::json_if(args.json))
        }
    }
}

/// Runs a future on all cores, and does not wait for threads that read a terminal afterwards.
fn block_on(future: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(future);
    runtime.shutdown_background();
    done
}
