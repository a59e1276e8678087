//! Logs (R24-R26): lines on the terminal, and a file per node. Neither ever makes the node wait:
//! both are written by threads of their own, and lines they cannot keep up with are dropped.

pub(crate) mod clean;
mod event;
mod file;

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, UNIX_EPOCH};

use anyhow::Context as _;
use tidings_core::Role;
use tidings_node::unix_now;
use tracing_appender::non_blocking::{NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt as lines};

pub(crate) use event::{EventLog, summary};

use crate::options::{LogFormat, LogOptions};

/// Lines that may wait for a writer.
const MAX_WAITING: usize = 10_000;

/// Keeps the writing threads; when it is dropped, what waits is written.
#[derive(Debug)]
pub(crate) struct Guards {
    _guards: Vec<WorkerGuard>,
}

/// Begins to log. `terminal` takes the lines for people instead of standard error.
pub(crate) fn init(
    options: &LogOptions,
    (role, port): (Role, u16),
    terminal: Option<Box<dyn Write + Send>>,
) -> anyhow::Result<Guards> {
    let color = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (screen, guard) = background(terminal.unwrap_or_else(|| Box::new(io::stderr())));
    let mut layers = vec![layer(options.format, color, screen)];
    let mut guards = vec![guard];
    if let Some(file) = file::open(&options.place, options.format, role, port)
        .with_context(|| format!("the log file of {role} {port}"))?
    {
        let (file, guard) = background(Box::new(file));
        layers.push(layer(options.format, false, file));
        guards.push(guard);
    }
    let level = LevelFilter::from_level(options.level);
    tracing_subscriber::registry().with(layers).with(level).init();
    Ok(Guards { _guards: guards })
}

fn background(writer: Box<dyn Write + Send>) -> (NonBlocking, WorkerGuard) {
    NonBlockingBuilder::default().lossy(true).buffered_lines_limit(MAX_WAITING).finish(writer)
}

fn layer(
    format: LogFormat,
    color: bool,
    writer: NonBlocking,
) -> Box<dyn Layer<Registry> + Send + Sync> {
    let layer = lines::layer().with_timer(UtcMillis).with_target(false).with_writer(writer);
    match format {
        LogFormat::Text => layer.with_ansi(color).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    }
}

/// `2026-11-21T08:15:00.123Z`.
struct UtcMillis;

impl FormatTime for UtcMillis {
    fn format_time(&self, w: &mut Writer<'_>) -> fmt::Result {
        let now = UNIX_EPOCH + Duration::from_millis(unix_now().as_millis());
        write!(w, "{}", humantime::format_rfc3339_millis(now))
    }
}
