//! Logs (R24-R26): lines on the terminal, and a file per node. Neither ever makes the node wait:
//! both are written by threads of their own, and lines they cannot keep up with are dropped.

pub(crate) mod clean;
mod event;
mod file;
mod limit;

use std::fmt;
use std::io::{self, IsTerminal as _, Write};
use std::time::{Duration, UNIX_EPOCH};

use tidings_core::Role;
use tidings_node::unix_now;
use tokio::time::Instant;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer, Registry, fmt as lines};

pub(crate) use event::{EventLog, summary};
use file::LogFile;

use crate::lines::{LAST_LINES, Lines, Outputs, STANDARD_ERROR, Stream, TERMINAL, standard_error};
use crate::options::{LogFormat, LogOptions};
use crate::output::is_color_unwanted;

/// Begins to log. `terminal` takes the lines for people instead of standard error. A file that cannot be
/// opened is told of, and tried again; the node runs without it meanwhile.
pub(crate) fn init(
    options: &LogOptions,
    (role, port): (Role, u16),
    terminal: Option<Box<dyn Write + Send>>,
    outputs: &Outputs,
) -> io::Result<()> {
    let color = io::stderr().is_terminal() && !is_color_unwanted();
    let screen = match terminal {
        Some(terminal) => outputs.start(TERMINAL, Stream::new(terminal))?,
        None => outputs.start(STANDARD_ERROR, standard_error()?)?,
    };
    let mut layers = vec![layer(options.format, color, screen)];
    if let Some(file) = LogFile::of(&options.place, options.format, role, port) {
        let file = outputs.start(file.name(), file)?;
        // Whoever sees the node listen finds its log, unless that takes long.
        file.flush(Instant::now() + LAST_LINES);
        layers.push(layer(options.format, false, file));
    }
    let level = LevelFilter::from_level(options.level);
    tracing_subscriber::registry().with(layers).with(level).init();
    Ok(())
}

/// Begins to log warnings on standard error, and nothing else.
pub(crate) fn init_screen(outputs: &Outputs) -> io::Result<()> {
    let screen = outputs.start(STANDARD_ERROR, standard_error()?)?;
    let layers = vec![layer(LogFormat::Text, false, screen)];
    tracing_subscriber::registry().with(layers).with(LevelFilter::WARN).init();
    Ok(())
}

fn layer(format: LogFormat, color: bool, writer: Lines) -> Box<dyn Layer<Registry> + Send + Sync> {
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
