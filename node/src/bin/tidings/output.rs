//! What commands print: tables for people, JSON for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use tidings_core::Payload;

/// For whom a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Output {
    Text,
    Json,
}

impl Output {
    pub(crate) fn json_if(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// Most characters of a payload that are shown.
const MAX_SHOWN: usize = 200;

/// The beginning of a payload as quoted text, or its length when it is no text. Whatever could
/// move a terminal's cursor, or turn its writing around, is escaped.
pub(crate) fn shown(payload: &Payload) -> String {
    let Ok(text) = std::str::from_utf8(payload.as_bytes()) else {
        return format!("[{} bytes]", payload.as_bytes().len());
    };
    let beginning: String = text.chars().take(MAX_SHOWN).collect();
    let more = if beginning.len() < text.len() { "..." } else { "" };
    format!("{beginning:?}{more}")
}

/// One line of JSON, in ASCII: nothing in it can steer a terminal.
pub(crate) fn json(value: &impl Serialize) -> io::Result<String> {
    let mut line = String::new();
    // Outside of strings JSON is ASCII, so escapes are in the right place.
    for c in serde_json::to_string(value)?.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            line.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _infallible = write!(line, "\\u{unit:04x}");
            }
        }
    }
    Ok(line)
}

/// Writes one line of JSON to standard output.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    print(&(json(value)? + "\n"))
}

/// Writes a table to standard output.
pub(crate) fn print_table<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> io::Result<()> {
    print(&(table(header, rows) + "\n"))
}

/// Writes text to standard output. A reader that has gone away is no error.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Where a last word goes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Last {
    Output,
    Error,
}

/// Writes something last, if that is taken at once: the end waits for no reader.
pub(crate) fn last_word(to: Last, text: String) {
    let (written_tx, written) = sync_channel(1);
    let write = move || {
        // There is no other place to say that this cannot be written.
        let _unseen = match to {
            Last::Output => print(&text),
            Last::Error => io::stderr().write_all(text.as_bytes()),
        };
        let _late = written_tx.send(());
    };
    if std::thread::Builder::new().spawn(write).is_ok() {
        let _late: Result<(), RecvTimeoutError> = written.recv_timeout(PATIENCE);
    }
}

/// How long the end of the program waits for a last word.
const PATIENCE: Duration = Duration::from_millis(500);

/// Whether whoever runs this program wants no colors: `NO_COLOR` with any text, or a terminal without them.
pub(crate) fn is_color_unwanted() -> bool {
    let text = |name| std::env::var_os(name).filter(|text| !text.is_empty());
    text("NO_COLOR").is_some() || text("TERM").is_some_and(|terminal| terminal == "dumb")
}

/// A table as text, without a line break at its end.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    let text = table.to_string();
    let lines: Vec<&str> =
        text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end()).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_cannot_steer_a_terminal() {
        let nasty = "a\u{1b}[2J\u{9b}1m\u{202e}\r\n\u{7f}ü";
        let payload = Payload::new(nasty.as_bytes().to_vec()).expect("short");
        for written in [shown(&payload), json(&nasty).expect("a text")] {
            assert!(!written.contains(|c: char| c.is_control() || c == '\u{202e}'), "{written}");
        }
        let back: String = serde_json::from_str(&json(&nasty).expect("a text")).expect("JSON");
        assert_eq!(back, nasty);
    }

    #[test]
    fn long_texts_and_bytes_are_cut_short() {
        let long = Payload::new("x".repeat(1000)).expect("allowed");
        assert_eq!(shown(&long).len(), MAX_SHOWN + 5);
        let bytes = Payload::new(vec![0xff; 9]).expect("short");
        assert_eq!(shown(&bytes), "[9 bytes]");
    }
}
