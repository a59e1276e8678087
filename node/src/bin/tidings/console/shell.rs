//! The shell of a node (R31, R32): a line editor with history and completion on a thread of its own.
//! Log lines appear above the line that is being typed.

use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};

use rustix::process::getpgrp;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{Config, Editor, ExternalPrinter, Helper};
use tidings_core::Role;
use tokio::sync::{mpsc, oneshot};

use super::{Console, Spoken, completions};
use crate::output::{Last, last_word};

/// Lines of history kept.
const MAX_HISTORY: usize = 1000;

type Line = (String, oneshot::Sender<Spoken>);

/// The line editor, before it begins.
pub(crate) struct Shell {
    editor: Editor<Words, FileHistory>,
    history: PathBuf,
    prompt: String,
}

/// The terminal as it was before the shell; restored when this is dropped.
pub(crate) struct Restore(Termios);

/// Writes whole pieces above the line that is being typed.
pub(crate) struct Above<P>(P);

impl Shell {
    /// A shell on this process's terminal; `None` when there is none, or when the process runs in
    /// its background.
    pub(crate) fn open(role: Role, name: &str, history: &Path) -> Option<Self> {
        if !is_in_foreground() {
            return None;
        }
        let config = Config::builder().max_history_size(MAX_HISTORY).ok()?.build();
        let mut editor = Editor::with_config(config).ok()?;
        editor.set_helper(Some(Words { role }));
        // Without a history there is still a shell.
        let _no_history = editor.load_history(history);
        Some(Self { editor, history: history.to_owned(), prompt: format!("{name}> ") })
    }

    /// A writer for log lines.
    pub(crate) fn above(&mut self) -> Option<Box<dyn Write + Send>> {
        let printer = self.editor.create_external_printer().ok()?;
        Some(Box::new(Above(printer)))
    }

    /// Reads and answers lines until the person is done, which makes the node leave.
    pub(crate) async fn run(self, console: &Console) -> io::Result<()> {
        let (lines, mut typed) = mpsc::channel::<Line>(1);
        self.spawn(lines)?;
        while let Some((line, answer)) = typed.recv().await {
            // The editor waits for the answer, unless the terminal is gone.
            let _gone = answer.send(console.ask_for_text(&line).await);
        }
        // A node that has stopped already needs no telling.
        let _stopped = console.node.leave().await;
        Ok(())
    }

    /// Reading a terminal blocks, so it has a thread of its own.
    fn spawn(self, lines: mpsc::Sender<Line>) -> io::Result<()> {
        let thread = std::thread::Builder::new().name("shell".to_owned());
        thread.spawn(move || self.read(&lines)).map(drop)
    }

    fn read(mut self, lines: &mpsc::Sender<Line>) {
        loop {
            let line = match self.editor.readline(&self.prompt) {
                Ok(line) => line,
                Err(ReadlineError::Signal(_)) => continue,
                Err(_done) => return,
            };
            if let Ok(true) = self.editor.add_history_entry(&line) {
                // A history that cannot be written is lost with the process.
                let _lost = self.editor.append_history(&self.history);
            }
            let (answer, answered) = oneshot::channel();
            if lines.blocking_send((line, answer)).is_err() {
                return;
            }
            let Ok(spoken) = answered.blocking_recv() else { return };
            if crate::output::print(&spoken.text).is_err() || spoken.is_last {
                return;
            }
        }
    }
}

/// Standard input is a terminal, and this process is who it talks to.
fn is_in_foreground() -> bool {
    let (input, output) = (io::stdin(), io::stdout());
    let is_terminal = input.is_terminal() && output.is_terminal();
    is_terminal && tcgetpgrp(&input).is_ok_and(|group| group == getpgrp())
}

impl Restore {
    /// Remembers how the terminal is.
    pub(crate) fn terminal() -> Option<Self> {
        tcgetattr(io::stdin()).ok().map(Self)
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        // From the background that would stop this process, and the terminal is somebody else's now.
        if is_in_foreground() {
            // A terminal that is gone needs no restoring, and no end to the line with the prompt. What a
            // terminal that stands still (Ctrl-S) has not shown yet is not waited for.
            let _gone = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
            last_word(Last::Output, "\n".to_owned());
        }
    }
}

impl<P: ExternalPrinter> Write for Above<P> {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(lines).into_owned();
        self.0.print(text).map_err(io::Error::other)?;
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Completes the first word.
struct Words {
    role: Role,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _context: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..pos).unwrap_or(line);
        if typed.contains(char::is_whitespace) {
            return Ok((pos, Vec::new()));
        }
        Ok((0, completions(typed, self.role).into_iter().map(|word| format!("{word} ")).collect()))
    }
}

impl Hinter for Words {
    type Hint = String;
}

impl Highlighter for Words {}
impl Validator for Words {}
impl Helper for Words {}
