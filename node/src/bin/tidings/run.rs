//! `tidings seed`, `tidings peer`: one node from its first line to its last.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tidings_core::{AddressRecord, Role};
use tidings_node::chatter::FirstNeighbor;
use tidings_node::{BoundNode, node_name, unix_now};
use tokio::select;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::cli::RunArgs;
use crate::console::shell::{Restore, Shell};
use crate::console::socket::{ControlSocket, path_of};
use crate::console::{Console, Inbox, pipe};
use crate::file_limit;
use crate::lines::{LastLines, Lines, Outputs, STANDARD_OUTPUT, standard_output};
use crate::log::{self, EventLog};
use crate::options::NodeOptions;
use crate::options::layers::{Flags, other_variables};
use crate::shutdown::{Interrupted, Signals, leave_when_told};
use crate::told::Teller;

/// How long the control socket answers after the node has left.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Runs a node until it has left.
pub(crate) async fn run(role: Role, flags: &Flags, more: RunArgs) -> anyhow::Result<()> {
    let mut signals = Signals::catch().context("signals")?;
    let options = NodeOptions::resolve(role, flags)?;
    let raised = file_limit::raise();
    let outputs = Arc::new(Outputs::default());
    let stdout = outputs.start(STANDARD_OUTPUT, standard_output()?)?;
    let inbox = Arc::new(Inbox::default());
    let joined = Arc::new(FirstNeighbor::default());
    let teller = Teller(more.tell_events.then(|| stdout.clone()));
    let event_log = Arc::new(EventLog::new());
    let observer =
        Arc::new(((Arc::clone(&event_log), teller), (Arc::clone(&inbox), Arc::clone(&joined))));
    let mut builder = options.builder();
    if more.force_epoch {
        builder = builder.force_epoch();
    }
    let bound = select! {
        biased;
        () = signals.end() => return Err(Interrupted.into()),
        bound = builder.observer(observer).bind() => bound?,
    };
    let record = bound.record().clone();
    let port = bound.port();
    let name = node_name(role, port);

    let history = options.data_dir.join(format!("{name}.history"));
    let mut shell = if options.shell { Shell::open(role, &name, &history) } else { None };
    let _restore = shell.as_ref().and_then(|_| Restore::terminal());
    let terminal = shell.as_mut().and_then(Shell::above);
    log::init(&options.log, (role, port), terminal, &outputs)?;
    let _last_lines = LastLines(Arc::clone(&outputs));
    if let Err(error) = raised {
        warn!(reason = %error, "the limit of open files could not be raised");
    }
    tell_start(role, &bound);

    let mut socket = ControlSocket::listen(path_of(&options.data_dir, &name));
    select! {
        biased;
        () = signals.end() => return Err(Interrupted.into()),
        announced = bound.announce() => announced?,
    }
    stdout.push(first_line(role, &record).as_bytes());
    // From here on events may follow on standard output.
    let mut node = bound.run();
    let console =
        Arc::new(Console { role, node: node.handle(), inbox, outputs: Arc::clone(&outputs) });
    let mut answering = pin!(socket.serve(Arc::clone(&console)));
    let ip = record.primary().ip();
    let chatter = async {
        options.chatter.run(&joined, &console.node, ip, unix_now).await;
        pending::<()>().await;
    };
    let leave_at_eof = more.leave_at_eof;
    let ended = select! {
        biased;
        ended = node.ended() => ended?,
        interrupted = leave_when_told(signals, &console.node, &outputs) => return Err(interrupted.into()),
        never = outputs.watch() => match never {},
        never = event_log.tell_left_out() => match never {},
        never = &mut answering => match never {},
        () = chatter => return Ok(()),
        failed = commands(shell, options.shell, leave_at_eof, (&console, &stdout)) => return failed,
    };
    log::summary(&ended);
    // Whoever told the node to leave over the socket still gets the answer.
    let _never_ends = timeout(LAST_WORDS, answering).await;
    Ok(())
}

/// The first lines: what is odd, and who listens where.
fn tell_start(role: Role, bound: &BoundNode) {
    tell_other_variables();
    if let Some(error) = bound.epoch_not_stored() {
        warn!(reason = %error, "boot epoch not stored: the next start relies on the clock");
    }
    let (record, port) = (bound.record(), bound.port());
    let max_files =
        file_limit::current().map_or_else(|| "unlimited".to_owned(), |max| max.to_string());
    info!(
        %role, id = %record.subject(), epoch = %record.epoch(), addr = %record.primary(), port, %max_files,
        "listening"
    );
}

/// What the environment has that looks like options and is none.
fn tell_other_variables() {
    let others = other_variables();
    for variable in others.unknown {
        warn!(%variable, "unknown environment variable, ignored");
    }
    if !others.of_services.is_empty() {
        let variables = others.of_services.join(" ");
        info!(%variables, "variables that Kubernetes sets for Services, ignored");
    }
}

/// Carries out commands from the terminal or from standard input. Returns only with an error.
async fn commands(
    shell: Option<Shell>,
    wanted: bool,
    leave_at_eof: bool,
    (console, output): (&Console, &Lines),
) -> anyhow::Result<()> {
    if let Some(shell) = shell {
        shell.run(console).await?;
    } else if wanted && !io::IsTerminal::is_terminal(&io::stdin()) {
        if let Err(error) = pipe::answer(console, output).await {
            warn!(reason = %error, "standard input cannot be read: no commands come from there");
        }
        if leave_at_eof {
            // A node that has stopped already needs no telling.
            let _stopped = console.node.leave().await;
        }
    }
    pending().await
}

/// One line on standard output, for scripts that want to know where the node listens. Signals are heeded
/// from before; commands wait until the node runs, which is at once.
fn first_line(role: Role, record: &AddressRecord) -> String {
    let addresses: Vec<String> = record.addresses().iter().map(SocketAddr::to_string).collect();
    format!("{role} {} listening on {}\n", record.subject(), addresses.join(" "))
}
