//! `tidings seed`, `tidings peer`: one node from its first line to its last.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tidings_core::{AddressRecord, Role};
use tidings_node::chatter::FirstNeighbor;
use tidings_node::{node_name, unix_now};
use tokio::select;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::cli::RunArgs;
use crate::console::shell::{Restore, Shell};
use crate::console::socket::{ControlSocket, path_of};
use crate::console::{Console, Inbox, pipe};
use crate::log::{self, EventLog};
use crate::options::NodeOptions;
use crate::options::layers::{Flags, unknown_variables};
use crate::output::print;
use crate::shutdown::{Signals, leave_when_told};
use crate::told::Teller;

/// How long the control socket answers after the node has left.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// Runs a node until it has left.
pub(crate) async fn run(role: Role, flags: &Flags, more: RunArgs) -> anyhow::Result<()> {
    let options = NodeOptions::resolve(role, flags)?;
    let files = raise_file_limit();
    let inbox = Arc::new(Inbox::default());
    let joined = Arc::new(FirstNeighbor::default());
    let (teller, _telling) = Teller::new(more.tell_events);
    let observer = Arc::new(((EventLog, teller), (Arc::clone(&inbox), Arc::clone(&joined))));
    let mut builder = options.builder();
    if more.force_epoch {
        builder = builder.force_epoch();
    }
    let bound = builder.observer(observer).bind().await?;
    let record = bound.record().clone();
    let port = record.primary().port();
    let name = node_name(role, port);

    let history = options.data_dir.join(format!("{name}.history"));
    let mut shell = if options.shell { Shell::open(role, &name, &history) } else { None };
    let _restore = shell.as_ref().and_then(|_| Restore::terminal());
    let terminal = shell.as_mut().and_then(Shell::above);
    let _guards = log::init(&options.log, (role, port), terminal)?;
    for variable in unknown_variables() {
        warn!(%variable, "unknown environment variable, ignored");
    }
    match files {
        Ok(limit) => info!(limit, "open files"),
        Err(error) => warn!(reason = %error, "the limit of open files could not be raised"),
    }
    info!(%role, id = %record.subject(), epoch = %record.epoch(), addr = %record.primary(), "listening");

    let signals = Signals::catch()?;
    let socket = ControlSocket::listen(path_of(&options.data_dir, &name));
    let socket = socket.inspect_err(|error| warn!(reason = %error, "no control socket")).ok();
    bound.announce()?;
    announce(role, &record)?;
    // From here on events may follow on standard output.
    let mut node = bound.run();
    let console = Arc::new(Console { role, node: node.handle(), inbox });
    let mut answering = pin!(control(socket.as_ref(), &console));
    let ip = record.primary().ip();
    let chatter = async {
        options.chatter.run(&joined, &console.node, ip, unix_now).await;
        pending::<()>().await;
    };
    let ended = select! {
        biased;
        ended = node.ended() => ended?,
        interrupted = leave_when_told(signals, &console.node) => return Err(interrupted.into()),
        () = &mut answering => return Ok(()),
        () = chatter => return Ok(()),
        failed = commands(shell, options.shell, more.leave_at_eof, &console) => return failed,
    };
    log::summary(&ended);
    // Whoever told the node to leave over the socket still gets the answer.
    let _never_ends = timeout(LAST_WORDS, answering).await;
    Ok(())
}

/// Lets this process open as many files as it may: often 1,024, where it could be a million. Returns how many
/// that are, 0 without a limit.
fn raise_file_limit() -> io::Result<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum.unwrap_or(0))
}

/// Answers on the control socket, if there is one.
async fn control(socket: Option<&ControlSocket>, console: &Arc<Console>) {
    match socket {
        Some(socket) => socket.serve(Arc::clone(console)).await,
        None => pending().await,
    }
}

/// Carries out commands from the terminal or from standard input. Returns only with an error.
async fn commands(
    shell: Option<Shell>,
    wanted: bool,
    leave_at_eof: bool,
    console: &Console,
) -> anyhow::Result<()> {
    if let Some(shell) = shell {
        shell.run(console).await?;
    } else if wanted && !io::IsTerminal::is_terminal(&io::stdin()) {
        pipe::answer(console).await?;
        if leave_at_eof {
            // A node that has stopped already needs no telling.
            let _stopped = console.node.leave().await;
        }
    }
    pending().await
}

/// One line on standard output, for scripts that want to know where the node listens. Signals are heeded
/// from before; commands wait until the node runs, which is at once.
fn announce(role: Role, record: &AddressRecord) -> io::Result<()> {
    let addresses: Vec<String> = record.addresses().iter().map(SocketAddr::to_string).collect();
    print(&format!("{role} {} listening on {}\n", record.subject(), addresses.join(" ")))
}
