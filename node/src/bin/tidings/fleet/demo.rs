//! `tidings demo` (R29): a local network gossips, one peer is killed and another one stopped, and a
//! table says what came of it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use rustix::process::Signal;
use tidings_node::settings::{Profile, parse_duration};
use tokio::select;
use tokio::time::{Instant, interval, sleep_until};

use super::figures::{Dropped, SPREAD_TIME, Story};
use super::shown::{Lost, Promises, Shown};
use super::up::{count, profile};
use super::{ChildEvent, ChildEventKind, Fleet, Shape};
use crate::console::control::status_of;
use crate::output::{Output, print, print_json};
use crate::shutdown::Signals;
use crate::told::Told;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many seed nodes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = count)]
    seeds: usize,
    /// How many peers; two of them will be lost.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = peer_count)]
    peers: usize,
    /// The first port; busy ones are passed over.
    #[arg(long, value_name = "N", default_value_t = 5000)]
    first_port: u16,
    /// What the protocol's settings start from: classic or modern.
    #[arg(long, value_name = "NAME", default_value_t, value_parser = profile)]
    profile: Profile,
    /// How long the peers gossip before two are lost.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = parse_duration)]
    gossip_for: Duration,
    /// Print JSON, one object at the end.
    #[arg(long)]
    json: bool,
}

/// Longest wait until all peers are registered and linked.
const JOINING: Duration = Duration::from_secs(10);

/// Messages that every peer says.
const CHATTER: u32 = 10;

/// How often it is looked whether what is waited for has happened.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How much longer the demo waits for what was promised.
const GRACE: Duration = Duration::from_secs(3);

/// What the peers count themselves, before two are lost.
#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    delivered: u64,
    duplicates: u64,
    bytes_sent: u64,
    rss_kib_max: Option<u64>,
    threads_max: Option<u64>,
}

struct Demo {
    fleet: Fleet,
    story: Story,
    output: Output,
    /// What went wrong before anything was measured.
    broken: Vec<String>,
    killed: usize,
    stopped: usize,
    /// The one to be killed was.
    is_killed: bool,
    signals: Signals,
}

fn peer_count(text: &str) -> Result<usize, String> {
    match count(text) {
        Ok(count) if (4..=50).contains(&count) => Ok(count),
        _ => Err("allowed are 4 to 50: two are lost, and two must be left to gossip".to_owned()),
    }
}

/// Runs the demo. Fails when something is not as promised.
pub(crate) async fn demo(args: DemoArgs) -> anyhow::Result<()> {
    let folder = Scratch::new()?;
    let shape = Shape {
        seed_nodes: args.seeds,
        peers: args.peers,
        first_port: args.first_port,
        data_dir: folder.0.clone(),
        log_dir: None,
        level: tracing::Level::INFO,
        profile: Some(args.profile),
        // The documented network says as much by itself.
        chatter: (args.profile != Profile::Classic).then_some(CHATTER),
        quorum: false,
        tells_events: true,
    };
    let output = Output::json_if(args.json);
    let mut signals = Signals::catch()?;
    let last = args.seeds + args.peers - 1;
    let fleet = select! {
        biased;
        () = signals.end() => bail!("interrupted"),
        fleet = Fleet::start(&shape) => fleet?,
    };
    let mut demo = Demo {
        fleet,
        story: Story::default(),
        output,
        broken: Vec::new(),
        killed: last,
        stopped: last - 1,
        is_killed: false,
        signals,
    };
    let shown = demo.run(&args, &folder.0).await;
    demo.fleet.stop(|_, _| {}).await;
    let shown = shown?;
    match output {
        Output::Json => print_json(&shown),
        Output::Text => shown.print(&Promises::of(args.profile)),
    }
    .context("standard output")?;
    if shown.broken_promises.is_empty() {
        return Ok(());
    }
    bail!("not as promised: {}", shown.broken_promises.join("; "))
}

impl Demo {
    async fn run(&mut self, args: &DemoArgs, data_dir: &Path) -> anyhow::Result<Shown> {
        let (seed_nodes, peers) = (args.seeds, args.peers);
        let everybody: BTreeSet<usize> = (seed_nodes..seed_nodes + peers).collect();
        self.gossip(args, &everybody).await?;
        let counted = self.count(data_dir)?;
        let (killed, stopped) = (self.addr(self.killed)?, self.addr(self.stopped)?);
        let gone_at = Instant::now();
        self.is_killed = true;
        self.signal(self.killed, Signal::KILL);
        self.signal(self.stopped, Signal::STOP);
        self.say(&format!(
            "{} was killed (kill -9) and {} was stopped (SIGSTOP); waiting until they are noticed",
            self.name(self.killed),
            self.name(self.stopped)
        ))?;
        let promises = Promises::of(args.profile);
        let gone = BTreeSet::from([self.killed, self.stopped]);
        let left = &everybody - &gone;
        let is_over = |story: &Story| {
            let is_dropped = |addr: SocketAddr| {
                let Dropped { first_neighbor, all_seed_nodes } = story.dropped(addr, gone_at);
                let is_known =
                    !promises.to_all_peers || story.known_dead(addr, &left, gone_at).is_some();
                first_neighbor.is_some() && all_seed_nodes.is_some() && is_known
            };
            is_dropped(killed) && is_dropped(stopped)
        };
        self.watch(gone_at + promises.longest() + GRACE, is_over).await?;
        let until = Instant::now();
        self.watch(until + SPREAD_TIME, |_| false).await?;
        let spread = self.story.spread(&everybody, &gone, gone_at, until);
        let known = |addr: SocketAddr| {
            promises.to_all_peers.then(|| self.story.known_dead(addr, &left, gone_at)).flatten()
        };
        let lost = |place: usize, addr: SocketAddr| {
            let Dropped { first_neighbor, all_seed_nodes } = self.story.dropped(addr, gone_at);
            Lost {
                node: self.name(place),
                first_neighbor_s: first_neighbor.map(|time| time.as_secs_f64()),
                all_seed_nodes_s: all_seed_nodes.map(|time| time.as_secs_f64()),
                all_peers_s: known(addr).map(|time| time.as_secs_f64()),
            }
        };
        let now = Instant::now();
        let per_delivery = |count: u64| per(count, counted.delivered);
        let mut shown = Shown {
            version: 1,
            profile: args.profile.to_string(),
            seed_nodes,
            peers,
            expected: spread.expected,
            delivered: spread.delivered,
            duplicates_per_delivery: per_delivery(counted.duplicates),
            flood_duplicates_per_delivery: self.story.flood_duplicates(&everybody, gone_at),
            bytes_per_delivery: per_delivery(counted.bytes_sent),
            killed: lost(self.killed, killed),
            stopped: lost(self.stopped, stopped),
            stale_entries: self.story.listing(killed, now).len()
                + self.story.listing(stopped, now).len(),
            rss_kib_max: counted.rss_kib_max,
            threads_max: counted.threads_max,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            broken_promises: Vec::new(),
        };
        shown.broken_promises = shown.broken(&promises, &self.broken);
        Ok(shown)
    }

    /// Waits until everybody has joined, and then lets them gossip.
    async fn gossip(&mut self, args: &DemoArgs, everybody: &BTreeSet<usize>) -> anyhow::Result<()> {
        self.say(&format!("{} seed nodes and {} peers run on 127.0.0.1", args.seeds, args.peers))?;
        let joined = |story: &Story| {
            let registered = story.who_told(|told| *told == Told::Registered);
            let linked = story.who_told(|told| matches!(told, Told::NeighborUp { .. }));
            everybody.is_subset(&registered) && everybody.is_subset(&linked)
        };
        let gossip_for = humantime::format_duration(args.gossip_for);
        if self.watch(Instant::now() + JOINING, joined).await? {
            self.say(&format!("all are registered and linked; they gossip for {gossip_for}"))?;
        } else {
            self.broken.push(format!("not all had joined after {JOINING:?}"));
            self.say(&format!("not all have joined; they gossip for {gossip_for}"))?;
        }
        self.watch(Instant::now() + args.gossip_for, |_| false).await?;
        Ok(())
    }

    /// Follows what the nodes do until a moment, or until something is so; returns whether it is.
    async fn watch(
        &mut self,
        until: Instant,
        is_over: impl Fn(&Story) -> bool,
    ) -> anyhow::Result<bool> {
        let mut looking = interval(LOOK_EVERY);
        loop {
            select! {
                biased;
                () = self.signals.end() => bail!("interrupted"),
                () = sleep_until(until) => return Ok(is_over(&self.story)),
                _ = looking.tick() => if is_over(&self.story) {
                    return Ok(true);
                },
                news = self.fleet.next() => match news {
                    Some(news) => self.note(&news)?,
                    None => bail!("every node has ended"),
                },
            }
        }
    }

    fn note(&mut self, news: &ChildEvent) -> anyhow::Result<()> {
        match &news.what {
            ChildEventKind::Told(told) => self.story.add(news.at, news.child, told.clone()),
            ChildEventKind::Line(_) => {}
            ChildEventKind::Ended { .. } if self.is_killed && news.child == self.killed => {}
            ChildEventKind::Ended { how, last_lines, .. } => {
                let name = self.name(news.child);
                let last: Vec<String> =
                    last_lines.iter().map(|line| line.escape_debug().to_string()).collect();
                self.say(&format!("{name} has died: {how}\n{}", last.join("\n")))?;
                self.broken.push(format!("{name} ended by itself"));
            }
        }
        Ok(())
    }

    /// Asks all peers what they have counted.
    fn count(&self, data_dir: &Path) -> anyhow::Result<Counted> {
        let mut total = Counted::default();
        let peers = self.fleet.children.iter().skip(self.fleet.seed_nodes);
        for peer in peers.filter(|peer| peer.is_running) {
            let status = status_of(data_dir, &peer.name)?;
            total.delivered += status.delivered;
            total.duplicates += status.duplicates;
            total.bytes_sent += status.bytes_sent;
            total.rss_kib_max = total.rss_kib_max.max(peer.proc_status("VmRSS"));
            total.threads_max = total.threads_max.max(peer.proc_status("Threads"));
        }
        Ok(total)
    }

    fn addr(&self, place: usize) -> anyhow::Result<SocketAddr> {
        let text = &self.fleet.children[place].addr;
        text.parse().with_context(|| format!("{text} is no address"))
    }

    fn name(&self, place: usize) -> String {
        self.fleet.children[place].name.clone()
    }

    fn signal(&self, place: usize, signal: Signal) {
        self.fleet.children[place].signal(signal);
    }

    /// Tells a person what goes on.
    fn say(&self, text: &str) -> anyhow::Result<()> {
        match self.output {
            Output::Json => Ok(()),
            Output::Text => print(&format!("{text}\n")).context("standard output"),
        }
    }
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "small counts")]
fn per(count: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { count as f64 / whole as f64 }
}

/// A folder for the demo's identity files, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("tidings-demo-{}", std::process::id()));
        // Refused if it is there already: nobody else may have made it.
        let made = std::fs::DirBuilder::new().mode(0o700).create(&folder);
        made.with_context(|| format!("make {}", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed lies in the folder for temporary files.
        let _left = std::fs::remove_dir_all(&self.0);
    }
}
