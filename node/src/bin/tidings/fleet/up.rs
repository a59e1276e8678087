//! `tidings up` (R28): a local network of separate processes, and what they do, in one view.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;

use anyhow::bail;
use clap::Args;
use serde::Serialize;
use tidings_node::settings::Profile;
use tokio::select;
use tracing::warn;

use super::line::{Color, Line, painted};
use super::{ChildEvent, ChildEventKind, Fleet, Shape};
use crate::lines::{LastLines, Lines, Outputs, STANDARD_OUTPUT, standard_output};
use crate::log;
use crate::options::data_dir_or_default;
use crate::output::{Output, is_color_unwanted, json};
use crate::shutdown::Signals;

#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// How many seed nodes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = count)]
    pub(crate) seeds: usize,
    /// How many peers.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = count)]
    pub(crate) peers: usize,
    /// The first port; busy ones are passed over.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    pub(crate) first_port: u16,
    /// The folder of identity files and control sockets; as for `tidings peer`.
    #[arg(long, value_name = "DIR", env = "TIDINGS_DATA_DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The folder of log files.
    #[arg(long, value_name = "DIR", env = "TIDINGS_LOG_DIR", default_value = "logs")]
    pub(crate) log_dir: PathBuf,
    /// What to show and log: error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", env = "TIDINGS_LOG", default_value = "info")]
    pub(crate) log: tracing::Level,
    /// What the protocol's settings start from: classic or modern.
    #[arg(long, value_name = "NAME", env = "TIDINGS_PROFILE", value_parser = profile)]
    pub(crate) profile: Option<Profile>,
    /// Let seed nodes list and remove peers only when more than half of them agree.
    #[arg(long)]
    pub(crate) quorum: bool,
    /// Print JSON, an object per line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Most processes of each role; a machine with more needs more than one `tidings up`.
const MAX_PROCESSES: usize = 200;

pub(super) fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if (1..=MAX_PROCESSES).contains(&count) => Ok(count),
        _ => Err(format!("allowed are 1 to {MAX_PROCESSES}")),
    }
}

pub(crate) fn profile(text: &str) -> Result<Profile, String> {
    text.parse()
}

/// Runs the network until Ctrl-C, or until every node has ended.
pub(crate) async fn up(args: UpArgs) -> anyhow::Result<()> {
    let data_dir = data_dir_or_default(args.data_dir)?;
    let shape = Shape {
        seed_nodes: args.seeds,
        peers: args.peers,
        first_port: args.first_port,
        data_dir,
        log_dir: Some(args.log_dir),
        level: args.log,
        profile: args.profile,
        chatter: None,
        quorum: args.quorum,
        tells_events: false,
    };
    let mut signals = Signals::catch()?;
    let mut fleet = select! {
        biased;
        () = signals.end() => return Ok(()),
        fleet = Fleet::start(&shape) => fleet?,
    };
    let outputs = Arc::new(Outputs::default());
    log::init_screen(&outputs)?;
    let _last_lines = LastLines(Arc::clone(&outputs));
    let view = View {
        output: Output::json_if(args.json),
        stdout: outputs.start(STANDARD_OUTPUT, standard_output()?)?,
    };
    let mut watching = pin!(outputs.watch());
    loop {
        select! {
            biased;
            () = signals.end() => break,
            never = &mut watching => match never {},
            news = fleet.next() => match news {
                Some(news) => view.show(&fleet, &news),
                None => break,
            },
        }
        if !fleet.is_running() {
            bail!("every node has ended");
        }
    }
    fleet.stop(|fleet, news| view.show(fleet, news)).await;
    Ok(())
}

/// What is shown of the processes. A network does not end for want of somebody who reads that.
struct View {
    output: Output,
    stdout: Lines,
}

impl View {
    /// Shows what one of the processes did.
    fn show(&self, fleet: &Fleet, news: &ChildEvent) {
        let Some(child) = fleet.children.get(news.child) else { return };
        match (&news.what, self.output) {
            (ChildEventKind::Line(line), Output::Json) => {
                self.push_json(&line.with_node(&child.name));
            }
            (ChildEventKind::Line(line), Output::Text) => {
                self.push(line.render(&child.name, news.child, color()));
            }
            (ChildEventKind::Told(_), _) => {}
            (ChildEventKind::Ended { how, success, .. }, Output::Json) => {
                self.push_json(&serde_json::json!({
                    "node": child.name, "message": "ended", "how": how, "success": success,
                }));
            }
            (ChildEventKind::Ended { how, success: true, .. }, Output::Text) => {
                self.push(format!("{} has ended: {how}", child.name));
            }
            (ChildEventKind::Ended { how, success: false, last_lines }, Output::Text) => {
                let red = 31;
                let died = painted(&format!("{} has died: {how}", child.name), red, color());
                let lines = last_lines.iter().map(|last| match Line::parse(last) {
                    Some(line) => {
                        "    ".to_owned() + &line.render(&child.name, news.child, Color::Plain)
                    }
                    None => "    ".to_owned() + &last.escape_debug().to_string(),
                });
                let lines: Vec<String> = lines.collect();
                self.push(format!("{died}; its last lines:\n{}", lines.join("\n")));
            }
        }
    }

    fn push_json(&self, value: &impl Serialize) {
        match json(value) {
            Ok(line) => self.push(line),
            Err(error) => warn!(reason = %error, "a line that is no JSON"),
        }
    }

    fn push(&self, line: String) {
        self.stdout.push((line + "\n").as_bytes());
    }
}

pub(super) fn color() -> Color {
    let is_wanted = !is_color_unwanted() && io::stdout().is_terminal();
    if is_wanted { Color::Colored } else { Color::Plain }
}
