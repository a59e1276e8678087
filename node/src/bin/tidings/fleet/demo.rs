//! `tidings demo` (R29): a local network gossips, one peer is killed and another one stopped, and a
//! table says what came of it.

use std::collections::BTreeSet;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use rustix::process::Signal;
use serde::Serialize;
use tidings_node::settings::parse_duration;
use tokio::select;
use tokio::time::{Instant, interval, sleep_until};

use super::figures::{Dropped, SPREAD_TIME, Story, ratio};
use super::up::count;
use super::{Fleet, News, Shape, What};
use crate::console::control::status_of;
use crate::output::{Output, print, print_json, print_table};
use crate::shutdown::Signals;

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
    /// How long the peers gossip before two are lost.
    #[arg(long, value_name = "DURATION", default_value = "20s", value_parser = parse_duration)]
    gossip_for: Duration,
    /// Print JSON, one object at the end.
    #[arg(long)]
    json: bool,
}

/// Longest wait until all peers are registered and linked.
const JOINING: Duration = Duration::from_secs(10);

/// What is promised (REQUIREMENTS R17 and the detector's settings).
const KILL_PROMISE: Duration = Duration::from_secs(14);
const STOP_PROMISE: Duration = Duration::from_secs(45);

/// How often it is looked whether what is waited for has happened.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// How much longer the demo waits for what was promised.
const GRACE: Duration = Duration::from_secs(3);

/// A flood's own duplicates are measured on a graph that changes: allow for that.
const DUPLICATES_OVER: f64 = 1.05;

/// What the demo has shown.
#[derive(Debug, Serialize)]
struct Shown {
    version: u32,
    seed_nodes: usize,
    peers: usize,
    expected: usize,
    delivered: usize,
    duplicates_per_delivery: f64,
    flood_duplicates_per_delivery: f64,
    bytes_per_delivery: f64,
    killed: Lost,
    stopped: Lost,
    stale_entries: usize,
    rss_kib_max: Option<u64>,
    threads_max: Option<u64>,
    cores: usize,
    broken_promises: Vec<String>,
}

/// A peer that was lost, and how soon it was dropped.
#[derive(Debug, Serialize)]
struct Lost {
    node: String,
    first_neighbor_s: Option<f64>,
    all_seed_nodes_s: Option<f64>,
}

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
        quorum: false,
    };
    let output = Output::json_if(args.json);
    let mut signals = Signals::catch()?;
    let last = args.seeds + args.peers - 1;
    let fleet = select! {
        biased;
        () = signals.next() => bail!("interrupted"),
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
        Output::Text => shown.print(),
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
        let (killed, stopped) = (self.addr(self.killed), self.addr(self.stopped));
        let gone_at = Instant::now();
        self.is_killed = true;
        self.signal(self.killed, Signal::KILL);
        self.signal(self.stopped, Signal::STOP);
        self.say(&format!(
            "{} was killed (kill -9) and {} was stopped (SIGSTOP); waiting until they are noticed",
            self.name(self.killed),
            self.name(self.stopped)
        ))?;
        let is_over = |story: &Story| {
            let is_dropped = |addr: &str| {
                let Dropped { first_neighbor, all_seed_nodes } = story.dropped(addr, gone_at);
                first_neighbor.is_some() && all_seed_nodes.is_some()
            };
            is_dropped(&killed) && is_dropped(&stopped)
        };
        self.watch(gone_at + STOP_PROMISE + GRACE, is_over).await?;
        let until = Instant::now();
        self.watch(until + SPREAD_TIME, |_| false).await?;
        let gone = BTreeSet::from([self.killed, self.stopped]);
        let spread = self.story.spread(&everybody, &gone, gone_at, until);
        let lost = |place: usize, addr: &str| {
            let Dropped { first_neighbor, all_seed_nodes } = self.story.dropped(addr, gone_at);
            Lost {
                node: self.name(place),
                first_neighbor_s: first_neighbor.map(|time| time.as_secs_f64()),
                all_seed_nodes_s: all_seed_nodes.map(|time| time.as_secs_f64()),
            }
        };
        let now = Instant::now();
        let per_delivery = |count: u64| per(count, counted.delivered);
        let mut shown = Shown {
            version: 1,
            seed_nodes,
            peers,
            expected: spread.expected,
            delivered: spread.delivered,
            duplicates_per_delivery: per_delivery(counted.duplicates),
            flood_duplicates_per_delivery: self.story.flood_duplicates(&everybody, gone_at),
            bytes_per_delivery: per_delivery(counted.bytes_sent),
            killed: lost(self.killed, &killed),
            stopped: lost(self.stopped, &stopped),
            stale_entries: self.story.listing(&killed, now).len()
                + self.story.listing(&stopped, now).len(),
            rss_kib_max: counted.rss_kib_max,
            threads_max: counted.threads_max,
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            broken_promises: Vec::new(),
        };
        shown.broken_promises = shown.broken(&self.broken);
        Ok(shown)
    }

    /// Waits until everybody has joined, and then lets them gossip.
    async fn gossip(&mut self, args: &DemoArgs, everybody: &BTreeSet<usize>) -> anyhow::Result<()> {
        self.say(&format!("{} seed nodes and {} peers run on 127.0.0.1", args.seeds, args.peers))?;
        let joined = |story: &Story| {
            let registered = story.who_said("registered");
            everybody.is_subset(&registered) && everybody.is_subset(&story.who_said("neighbor up"))
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
                () = self.signals.next() => bail!("interrupted"),
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

    fn note(&mut self, news: &News) -> anyhow::Result<()> {
        match &news.what {
            What::Line(line) => self.story.add(news.at, news.child, line),
            What::Ended { .. } if self.is_killed && news.child == self.killed => {}
            What::Ended { how, last_lines, .. } => {
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

    fn addr(&self, place: usize) -> String {
        self.fleet.children[place].addr.clone()
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

impl Shown {
    /// What is not as promised.
    fn broken(&self, before: &[String]) -> Vec<String> {
        let mut broken = before.to_vec();
        if self.delivered < self.expected || self.expected == 0 {
            broken.push(format!("{} of {} deliveries", self.delivered, self.expected));
        }
        if self.duplicates_per_delivery > self.flood_duplicates_per_delivery * DUPLICATES_OVER {
            broken.push("more duplicates than a flood has".to_owned());
        }
        for (lost, promise) in [(&self.killed, KILL_PROMISE), (&self.stopped, STOP_PROMISE)] {
            let seconds = promise.as_secs_f64();
            let promise = humantime::format_duration(promise);
            if lost.first_neighbor_s.is_none_or(|time| time > seconds) {
                broken.push(format!("{} had all its neighbors after {promise}", lost.node));
            }
            if lost.all_seed_nodes_s.is_none_or(|time| time > seconds) {
                broken.push(format!("{} was on a list after {promise}", lost.node));
            }
        }
        if self.stale_entries > 0 {
            broken.push(format!("{} stale entries", self.stale_entries));
        }
        broken
    }

    fn print(&self) -> std::io::Result<()> {
        let seconds =
            |time: Option<f64>| time.map_or_else(|| "never".to_owned(), |s| format!("{s:.2} s"));
        let percent = 100.0 * ratio(self.delivered, self.expected);
        let mut rows = vec![
            [
                "delivered, of (message, live peer) pairs".to_owned(),
                format!("{percent:.2} % ({} of {})", self.delivered, self.expected),
                "100 %".to_owned(),
            ],
            [
                "duplicates per delivery".to_owned(),
                format!("{:.2}", self.duplicates_per_delivery),
                format!(
                    "{:.2}, a flood's own + 5 %",
                    self.flood_duplicates_per_delivery * DUPLICATES_OVER
                ),
            ],
            [
                "bytes per delivery".to_owned(),
                format!("{:.0}", self.bytes_per_delivery),
                String::new(),
            ],
        ];
        for (lost, what, promise) in
            [(&self.killed, "killed", "14 s"), (&self.stopped, "stopped", "45 s")]
        {
            rows.push([
                format!("{what} {}: first neighbor dropped it", lost.node),
                seconds(lost.first_neighbor_s),
                promise.to_owned(),
            ]);
            rows.push([
                format!("{what} {}: all seed nodes dropped it", lost.node),
                seconds(lost.all_seed_nodes_s),
                promise.to_owned(),
            ]);
        }
        rows.push(["stale entries".to_owned(), self.stale_entries.to_string(), "0".to_owned()]);
        if let (Some(rss), Some(threads)) = (self.rss_kib_max, self.threads_max) {
            rows.push(["memory per peer, most".to_owned(), format!("{rss} KiB"), String::new()]);
            let threads = format!("{threads} on {} cores", self.cores);
            rows.push(["threads per peer, most".to_owned(), threads, String::new()]);
        }
        print_table(["", "shown", "promised"], rows.into_iter())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(first_neighbor_s: Option<f64>, all_seed_nodes_s: Option<f64>) -> Lost {
        Lost { node: "peer-5003".to_owned(), first_neighbor_s, all_seed_nodes_s }
    }

    fn as_promised() -> Shown {
        Shown {
            version: 1,
            seed_nodes: 3,
            peers: 10,
            expected: 100,
            delivered: 100,
            duplicates_per_delivery: 5.0,
            flood_duplicates_per_delivery: 5.0,
            bytes_per_delivery: 500.0,
            killed: lost(Some(0.0), Some(7.0)),
            stopped: lost(Some(34.0), Some(33.0)),
            stale_entries: 0,
            rss_kib_max: None,
            threads_max: None,
            cores: 2,
            broken_promises: Vec::new(),
        }
    }

    type Spoil = fn(&mut Shown);

    /// Each promise is seen to be broken when it is.
    #[test]
    fn r29_every_promise_can_be_broken() {
        assert!(as_promised().broken(&[]).is_empty());
        let breaks: [(Spoil, &str); 8] = [
            (|it| it.delivered = 99, "99 of 100 deliveries"),
            (|it| (it.expected, it.delivered) = (0, 0), "0 of 0 deliveries"),
            (|it| it.duplicates_per_delivery = 5.3, "more duplicates than a flood has"),
            (|it| it.killed = lost(Some(0.0), Some(14.1)), "was on a list after 14s"),
            (|it| it.killed = lost(None, Some(7.0)), "had all its neighbors after 14s"),
            (|it| it.stopped = lost(Some(34.0), None), "was on a list after 45s"),
            (|it| it.stopped = lost(Some(45.1), Some(33.0)), "had all its neighbors after 45s"),
            (|it| it.stale_entries = 1, "1 stale entries"),
        ];
        for (spoil, words) in breaks {
            let mut shown = as_promised();
            spoil(&mut shown);
            let broken = shown.broken(&[]);
            assert!(broken.len() == 1 && broken[0].contains(words), "{words}: {broken:?}");
        }
        let before = ["peer-5001 ended by itself".to_owned()];
        assert_eq!(as_promised().broken(&before), before);
    }
}
