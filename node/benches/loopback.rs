//! The documented network as separate processes on loopback, measured: 3 seed nodes and 10 peers with
//! their default settings gossip for a minute; then one peer is killed and another one stopped.
//!
//! `cargo bench -p tidings-node --bench loopback` takes about three minutes and prints one JSON
//! line. It reads the nodes' logs and Linux's `/proc`, nothing else.

#![expect(clippy::disallowed_methods, reason = "waits for processes, in real time")]
#![expect(clippy::print_stdout, reason = "the result")]
#![expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "small counts")]

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

const SEED_NODES: usize = 3;
const PEERS: usize = 10;

/// 10 messages, one every 5 s, and some time for the last to arrive.
const CHATTER: Duration = Duration::from_secs(58);

/// Longest wait for a dead peer to be dropped.
const PATIENCE: Duration = Duration::from_mins(1);

fn main() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("loopback");
    // What an earlier run left must not be read as this one's.
    let _none_yet = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the logs");
    let mut network = Network::start(&folder);
    sleep(CHATTER);
    let resident = network.peers.iter().map(|peer| peer.status("VmRSS:")).max();
    let threads = network.peers.iter().map(|peer| peer.status("Threads:")).max();
    let spread = network.spread();
    let killed = network.drop_time(PEERS - 1, "-KILL");
    let stopped = network.drop_time(PEERS - 2, "-STOP");
    let stale = network.stale_entries();
    network.signal_all("-TERM");
    sleep(Duration::from_secs(3));
    let (bytes, deliveries) = network.traffic();
    network.signal_all("-KILL");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{{\"delivered_percent\":{:.2},\"duplicates_per_delivery\":{:.3},\
         \"flood_duplicates_per_delivery\":{:.3},\"bytes_per_delivery\":{:.0},\
         \"kill_dropped_s\":{killed:.2},\"stop_dropped_s\":{stopped:.2},\"stale_entries\":{stale},\
         \"peer_rss_kib_max\":{},\"peer_threads_max\":{},\"cores\":{cores}}}",
        spread.delivered_percent,
        spread.duplicates,
        spread.flood_duplicates,
        bytes / deliveries,
        resident.unwrap_or(0),
        threads.unwrap_or(0),
    );
}

struct Network {
    seed_nodes: Vec<Process>,
    peers: Vec<Process>,
}

struct Process {
    child: Child,
    log: PathBuf,
    addr: String,
}

struct Spread {
    delivered_percent: f64,
    duplicates: f64,
    flood_duplicates: f64,
}

/// A log line: when, in microseconds of the day, and what.
type Line = (u64, String);

impl Network {
    fn start(folder: &Path) -> Self {
        let start = |role: &str, n: usize, more: &[String]| {
            let name = format!("{role}-{n}");
            let log = folder.join(format!("{name}.log"));
            let out = folder.join(format!("{name}.out"));
            let child = Command::new(env!("CARGO_BIN_EXE_tidings"))
                .args([role, "--port", "0", "--listen", "127.0.0.1", "--log", "trace"])
                .arg("--data-dir")
                .arg(folder)
                .args(more)
                .stdout(File::create(&out).expect("a file"))
                .stderr(File::create(&log).expect("a log"))
                .stdin(Stdio::null())
                .spawn()
                .expect("a process");
            let addr = loop {
                let said = fs::read_to_string(&out).expect("what it said");
                if let Some(addr) = said.trim_end().rsplit(' ').next().filter(|it| it.contains(':'))
                {
                    break addr.to_owned();
                }
                sleep(Duration::from_millis(5));
            };
            Process { child, log, addr }
        };
        let seed_nodes: Vec<Process> = (0..SEED_NODES).map(|n| start("seed", n, &[])).collect();
        let mut seeds = vec!["--seed".to_owned()];
        seeds.extend(seed_nodes.iter().map(|node| node.addr.clone()));
        let peers = (0..PEERS).map(|n| start("peer", n, &seeds)).collect();
        Self { seed_nodes, peers }
    }

    /// What came of the chatter: each message should be received by the nine others.
    fn spread(&self) -> Spread {
        let logs: Vec<Vec<Line>> = self.peers.iter().map(Process::lines).collect();
        let count = |words: &str| -> usize {
            logs.iter().flatten().filter(|(_, line)| line.contains(words)).count()
        };
        let (sent, received) = (count("gossip sent"), count("gossip received"));
        let duplicates = count("TRACE duplicate");
        let expected = sent * (PEERS - 1);
        // A flood sends a copy over every link but the one it came by: sum of degrees less N-1.
        let copies: usize = logs
            .iter()
            .flatten()
            .filter(|(_, line)| line.contains("gossip sent"))
            .map(|(at, _)| degrees_at(&logs, *at).saturating_sub(PEERS - 1))
            .sum();
        Spread {
            delivered_percent: 100.0 * received as f64 / expected as f64,
            duplicates: duplicates as f64 / received as f64,
            flood_duplicates: (copies as f64 - expected as f64) / expected as f64,
        }
    }

    /// Sends a peer a signal; returns the seconds until every seed node that listed it has dropped
    /// it.
    fn drop_time(&mut self, peer: usize, signal: &str) -> f64 {
        let addr = self.peers[peer].addr.clone();
        let listing: Vec<&Process> =
            self.seed_nodes.iter().filter(|node| node.lists(&addr)).collect();
        assert!(!listing.is_empty(), "{addr} is on no list");
        self.peers[peer].signal(signal);
        let step = Duration::from_millis(20);
        let mut waited = Duration::ZERO;
        while listing.iter().any(|node| node.lists(&addr)) {
            assert!(waited < PATIENCE, "{addr} is still listed");
            sleep(step);
            waited += step;
        }
        waited.as_secs_f64()
    }

    /// Entries of peers that are no longer there.
    fn stale_entries(&self) -> usize {
        let gone = &self.peers[PEERS - 2..];
        let entries = |node: &Process| gone.iter().filter(|peer| node.lists(&peer.addr)).count();
        self.seed_nodes.iter().map(entries).sum()
    }

    fn signal_all(&self, signal: &str) {
        for process in self.peers.iter().chain(&self.seed_nodes) {
            process.signal(signal);
        }
    }

    /// Bytes sent and messages delivered by the peers that stopped in order.
    fn traffic(&self) -> (f64, f64) {
        let mut totals = (0.0, 0.0);
        for peer in &self.peers[..PEERS - 2] {
            let lines = peer.lines();
            let last = lines.iter().rfind(|(_, line)| line.contains("stopped")).expect("its end");
            totals.0 += field(&last.1, "bytes_sent=");
            totals.1 += field(&last.1, "delivered=");
        }
        totals
    }
}

impl Process {
    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).stderr(Stdio::null()).status();
        // A process that has ended needs no signal.
        let _ended = sent.expect("kill runs");
    }

    fn lines(&self) -> Vec<Line> {
        let text = fs::read_to_string(&self.log).expect("a log");
        text.lines().filter_map(|line| Some((micros(line)?, line.to_owned()))).collect()
    }

    /// Whether this seed node's list holds `addr`, by its log.
    fn lists(&self, addr: &str) -> bool {
        let mut listed = false;
        for (_, line) in self.lines() {
            if line.contains(&format!("@{addr}")) {
                listed |= line.contains("peer registered");
                listed &= !line.contains("peer removed");
            }
        }
        listed
    }

    /// A number of `/proc/PID/status`.
    fn status(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("a running process on Linux");
        let line = status.lines().find(|line| line.starts_with(name)).expect("the field");
        line.split_whitespace().nth(1).and_then(|value| value.parse().ok()).expect("a number")
    }
}

/// Links of all peers at one moment, by their logs.
fn degrees_at(logs: &[Vec<Line>], moment: u64) -> usize {
    let degree = |lines: &Vec<Line>| {
        let mut neighbors: BTreeSet<&str> = BTreeSet::new();
        for (_, line) in lines.iter().filter(|(at, _)| *at <= moment) {
            let Some(peer) = line.split("peer=").nth(1).and_then(|it| it.split(' ').next()) else {
                continue;
            };
            if line.contains("neighbor up") {
                neighbors.insert(peer);
            } else if line.contains("neighbor down") {
                neighbors.remove(peer);
            }
        }
        neighbors.len()
    };
    logs.iter().map(degree).sum()
}

/// The time stamp of a log line, in microseconds of the day.
fn micros(line: &str) -> Option<u64> {
    let time = line.split('T').nth(1)?.split('Z').next()?;
    let mut parts = time.split([':', '.']).map(str::parse::<u64>);
    let mut next = || parts.next()?.ok();
    let (hours, minutes, seconds, micros) = (next()?, next()?, next()?, next()?);
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}

fn field(line: &str, name: &str) -> f64 {
    let value = line.split(name).nth(1).and_then(|rest| rest.split(' ').next());
    value.and_then(|value| value.parse().ok()).expect("a number")
}
