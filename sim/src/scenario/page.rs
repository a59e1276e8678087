//! The text of a scenario, and what is wrong with it.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use humantime::format_duration;
use toml::Spanned;

use super::override_keys::OverrideError;
use super::range::{Span, Time};

/// A scenario that cannot be run.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file cannot be read.
    #[error("{path}: {error}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A `--set` that fits nowhere.
    #[error(transparent)]
    Override(#[from] OverrideError),
    /// The text is wrong.
    #[error("{0}")]
    Text(Complaint),
}

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The file, and whether its text was changed by `--set`.
    pub source: String,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1.
    pub column: usize,
    /// The line's text.
    pub text: String,
    /// What is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, line, column, text, message } = self;
        let margin = " ".repeat(line.to_string().len());
        let indent = " ".repeat(column.saturating_sub(1));
        writeln!(f, "{source}:{line}:{column}: {message}")?;
        writeln!(f, "{margin} |")?;
        writeln!(f, "{line} | {text}")?;
        write!(f, "{margin} | {indent}^")
    }
}

/// The text, for complaints about places in it.
pub(super) struct Page<'a> {
    pub(super) source: &'a str,
    pub(super) text: &'a str,
}

pub(super) type Checked<T> = Result<T, Complaint>;

impl Page<'_> {
    pub(super) fn complain(&self, span: Range<usize>, message: impl Into<String>) -> Complaint {
        let start = span.start.min(self.text.len());
        let before = self.text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_text = self.text.get(line_start..).unwrap_or_default();
        Complaint {
            source: self.source.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            text: line_text.lines().next().unwrap_or_default().to_owned(),
            message: message.into(),
        }
    }

    pub(super) fn within<T>(&self, value: &Spanned<T>, allowed: Range<T>, what: &str) -> Checked<T>
    where
        T: Copy + PartialOrd + fmt::Display,
    {
        if allowed.contains(value.get_ref()) {
            return Ok(*value.get_ref());
        }
        let (from, to) = (allowed.start, allowed.end);
        let message = format!("{what}: {} is not within {from} to below {to}", value.get_ref());
        Err(self.complain(value.span(), message))
    }

    pub(super) fn time_within(
        &self,
        value: &Spanned<Time>,
        allowed: Span,
        what: &str,
    ) -> Checked<Duration> {
        let time = value.get_ref().0;
        if (allowed.from..=allowed.to).contains(&time) {
            return Ok(time);
        }
        let (from, to) = (format_duration(allowed.from), format_duration(allowed.to));
        let message = format!("{what}: {} is not within {from} to {to}", format_duration(time));
        Err(self.complain(value.span(), message))
    }
}
