//! What the program says, and to whom: results to standard output, trouble and progress to standard
//! error.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

#[expect(clippy::print_stderr, reason = "the program's last word")]
pub(super) fn complain(error: &anyhow::Error) {
    eprintln!("sim: {error:#}");
}

/// Writes to standard output; a reader that went away is no error.
pub(super) fn say(text: &str) -> anyhow::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes a value as JSON to standard output.
pub(super) fn say_json<T: Serialize>(value: &T) -> anyhow::Result<()> {
    say(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// A bar on the terminal, if there is one.
pub(super) fn progress_bar(scenario: &str, runs: u64) -> ProgressBar {
    let target = if io::stderr().is_terminal() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let style = ProgressStyle::with_template("{msg} {bar:40} {pos} of {len} runs, {eta} left")
        .expect("a valid template");
    ProgressBar::with_draw_target(Some(runs), target)
        .with_style(style)
        .with_message(scenario.to_owned())
}
