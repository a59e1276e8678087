//! The program `tidings`: one node from the command line.

mod cli;
mod log;
mod shutdown;

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use tidings_core::{AddressRecord, Birth, Node, RngSeed, Role};
use tidings_node::{Driver, Identity, Net as _, TokioNet, announced, unix_now};
use tracing::info;

use cli::{Cli, NodeArgs, RoleCommand};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

#[expect(clippy::print_stderr, reason = "the program's last word")]
fn failed(error: &anyhow::Error) -> ExitCode {
    eprintln!("tidings: {error:#}");
    ExitCode::FAILURE
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    let (role, args) = match &cli.role {
        RoleCommand::Seed(args) => (Role::SeedNode, &args.node),
        RoleCommand::Peer(args) => (Role::Peer, &args.node),
    };
    log::init(args.log);
    let listener = listen(args).await?;
    let bound = listener.local_addr()?;
    let now = unix_now();
    let path = identity_path(args, role, bound.port())?;
    let identity = Identity::load_or_create(&path, now)?;
    let addresses = announced(&args.ip, bound);
    let record = AddressRecord::new(identity.id(), identity.epoch(), &addresses)
        .context("the address to announce (--ip)")?;
    let birth = Birth { record: record.clone(), rng_seed: rng_seed()?, unix: now };
    let node = match &cli.role {
        RoleCommand::Seed(args) => Node::seed_node(args.config(), birth),
        RoleCommand::Peer(args) => Node::peer(args.config(), birth, &args.seeds),
    };
    let node = node.context("the settings do not fit together")?;

    announce(role, &record)?;
    info!(%role, id = %record.subject(), epoch = %record.epoch(), addr = %record.primary(), "listening");
    let (driver, handle) = Driver::new(TokioNet, vec![listener], node, Arc::new(log::Log));
    let report = tokio::select! {
        biased;
        never = shutdown::leave_when_told(&handle) => match never? {},
        ended = driver.run() => ended?,
    };
    log::summary(&report);
    Ok(())
}

async fn listen(args: &NodeArgs) -> anyhow::Result<tokio::net::TcpListener> {
    let mut failure = None;
    for addr in args.listen_candidates() {
        match TokioNet.listen(addr).await {
            Ok(listener) => return Ok(listener),
            Err(error) => {
                failure = Some(anyhow::Error::from(error).context(format!("listen on {addr}")));
            }
        }
    }
    match failure {
        Some(failure) => Err(failure),
        None => bail!("no address to listen on"),
    }
}

/// `peer-5001.identity` in the data folder.
fn identity_path(args: &NodeArgs, role: Role, port: u16) -> anyhow::Result<PathBuf> {
    let role = match role {
        Role::SeedNode => "seed",
        Role::Peer => "peer",
    };
    let folder = match &args.data_dir {
        Some(folder) => folder.clone(),
        None => {
            default_data_dir().context("neither HOME nor XDG_STATE_HOME is set: give --data-dir")?
        }
    };
    Ok(folder.join(format!("{role}-{port}.identity")))
}

fn default_data_dir() -> Option<PathBuf> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    Some(state?.join("tidings"))
}

fn rng_seed() -> anyhow::Result<RngSeed> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).context("randomness of the operating system")?;
    Ok(RngSeed::new(seed))
}

/// One line on standard output, for scripts that want to know where the node listens.
fn announce(role: Role, record: &AddressRecord) -> io::Result<()> {
    let addresses: Vec<String> = record.addresses().iter().map(SocketAddr::to_string).collect();
    let mut out = io::stdout().lock();
    writeln!(out, "{role} {} listening on {}", record.subject(), addresses.join(" "))?;
    out.flush()
}
