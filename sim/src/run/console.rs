//! What the program says, and to whom: results to standard output, trouble and progress to standard
//! error.

use std::io::{self, Write as _};

use serde::Serialize;

#[expect(clippy::print_stderr, reason = "the program's last word")]
pub(super) fn complain(error: &anyhow::Error) {
    eprintln!("sim: {error:#}");
}

/// Tells of the work, beside its results.
#[expect(clippy::print_stderr, reason = "results have standard output for themselves")]
pub(super) fn note(line: &str) {
    eprintln!("{line}");
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
