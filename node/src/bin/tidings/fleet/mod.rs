//! Local networks of separate processes: `tidings up` (R28) and `tidings demo` (R29).

mod child;
pub(crate) mod demo;
mod figures;
mod line;
mod ports;
mod shown;
pub(crate) mod up;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;
use tidings_core::Role;
use tidings_node::settings::Profile;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use child::Child;
use line::Line;
use ports::Ports;

use crate::told::Told;

/// Lines and ends that may wait to be shown; children wait then.
const MAX_WAITING: usize = 1024;

/// How long a child may take to leave (R33), and a bit.
const GOODBYE: Duration = Duration::from_secs(4);

/// Something that one of the processes did.
#[derive(Debug)]
pub(crate) struct ChildEvent {
    /// Which one, by its place in [`Fleet::children`].
    pub(crate) child: usize,
    pub(crate) at: Instant,
    pub(crate) what: ChildEventKind,
}

#[derive(Debug)]
pub(crate) enum ChildEventKind {
    /// It logged a line.
    Line(Line),
    /// It told an event.
    Told(Told),
    /// It ended; how, and its last lines.
    Ended { how: String, success: bool, last_lines: Vec<String> },
}

/// The shape of a network.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) seed_nodes: usize,
    pub(crate) peers: usize,
    pub(crate) first_port: u16,
    pub(crate) data_dir: PathBuf,
    /// The folder of log files; none are written if there is none.
    pub(crate) log_dir: Option<PathBuf>,
    pub(crate) level: tracing::Level,
    /// What the protocol's settings start from; the environment decides unless it is given.
    pub(crate) profile: Option<Profile>,
    /// Messages that every peer says by itself; as the profile has it if `None`.
    pub(crate) chatter: Option<u32>,
    /// Seed nodes decide together (R21, R22).
    pub(crate) quorum: bool,
    /// Nodes tell events beside their logs.
    pub(crate) tells_events: bool,
}

/// The processes of a local network, seed nodes first.
#[derive(Debug)]
pub(crate) struct Fleet {
    pub(crate) children: Vec<Child>,
    news: mpsc::Receiver<ChildEvent>,
    seed_nodes: usize,
}

impl Fleet {
    /// Starts all, each once the one before it listens.
    pub(crate) async fn start(shape: &Shape) -> anyhow::Result<Self> {
        let (sender, news) = mpsc::channel(MAX_WAITING);
        let mut fleet = Self { children: Vec::new(), news, seed_nodes: shape.seed_nodes };
        let mut ports = Ports::from(shape.first_port);
        // Seed nodes know each other from the start, so their ports are chosen before any of them runs.
        let seed_ports = ports.some_free(shape.seed_nodes)?;
        let seeds: Vec<String> =
            seed_ports.iter().map(|port| format!("127.0.0.1:{port}")).collect();
        for port in seed_ports {
            let args = arguments(shape, Role::SeedNode, port, &seeds);
            fleet.launch(Role::SeedNode, port, &args, &sender).await?;
        }
        for _ in 0..shape.peers {
            loop {
                let port = ports.next_free()?;
                let args = arguments(shape, Role::Peer, port, &seeds);
                match fleet.launch(Role::Peer, port, &args, &sender).await {
                    Ok(()) => break,
                    // Somebody else took the port in between.
                    Err(_) if !ports::is_free(port) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(fleet)
    }

    async fn launch(
        &mut self,
        role: Role,
        port: u16,
        args: &[String],
        sender: &mpsc::Sender<ChildEvent>,
    ) -> anyhow::Result<()> {
        let place = self.children.len();
        let child = Child::start(place, role, port, args, sender.clone())
            .await
            .with_context(|| format!("starting {role} on port {port}"))?;
        self.children.push(child);
        Ok(())
    }

    /// The next thing that one of them does; `None` when all have ended.
    pub(crate) async fn next(&mut self) -> Option<ChildEvent> {
        let news = self.news.recv().await?;
        if matches!(news.what, ChildEventKind::Ended { .. })
            && let Some(child) = self.children.get_mut(news.child)
        {
            child.is_running = false;
        }
        Some(news)
    }

    pub(crate) fn is_running(&self) -> bool {
        any_runs(&self.children)
    }

    /// Tells all to leave, peers first so that seed nodes hear of it, and waits until they have;
    /// those that do not are killed.
    pub(crate) async fn stop(&mut self, mut see: impl FnMut(&Self, &ChildEvent)) {
        let all = self.children.len();
        for group in [self.seed_nodes..all, 0..all] {
            for child in self.children.get(group.clone()).unwrap_or_default() {
                child.signal(Signal::TERM);
                child.signal(Signal::CONT);
            }
            let deadline = Instant::now() + GOODBYE;
            while self.children.get(group.clone()).is_some_and(any_runs) {
                let Ok(Some(news)) = timeout_at(deadline, self.next()).await else { break };
                see(self, &news);
            }
        }
        for child in &self.children {
            child.signal(Signal::KILL);
        }
    }
}

fn any_runs(children: &[Child]) -> bool {
    children.iter().any(|child| child.is_running)
}

fn arguments(shape: &Shape, role: Role, port: u16, seeds: &[String]) -> Vec<String> {
    let path = |path: &Path| path.display().to_string();
    let role_name = match role {
        Role::SeedNode => "seed",
        Role::Peer => "peer",
    };
    let mut args: Vec<String> = [role_name, "--listen", "127.0.0.1", "--leave-at-eof"]
        .into_iter()
        .chain(["--log-format", "json", "--shell", "true"])
        .map(str::to_owned)
        .collect();
    args.extend(["--port".to_owned(), port.to_string()]);
    args.extend(["--log".to_owned(), shape.level.to_string().to_lowercase()]);
    args.extend(["--data-dir".to_owned(), path(&shape.data_dir)]);
    match &shape.log_dir {
        Some(folder) => args.extend(["--log-dir".to_owned(), path(folder)]),
        None => args.extend(["--log-file".to_owned(), "none".to_owned()]),
    }
    if let Some(profile) = shape.profile {
        args.extend(["--profile".to_owned(), profile.to_string()]);
    }
    if let Some(count) = shape.chatter.filter(|_| role == Role::Peer) {
        args.extend(["--gossip-count".to_owned(), count.to_string()]);
    }
    if shape.tells_events {
        args.push("--tell-events".to_owned());
    }
    args.push("--seed".to_owned());
    args.extend(seeds.iter().cloned());
    if shape.quorum && role == Role::SeedNode {
        args.extend(["--registration", "quorum", "--removal", "quorum"].map(str::to_owned));
    }
    args
}
