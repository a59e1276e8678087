//! Processes that run out of file handles: they warn, hold nothing against others, and go on.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tidings_core::wire::{DeathReport, LinkMessage, Message, Purpose, RegistrationMessage};
use tidings_core::{AddressRecord, BootEpoch, NodeId, UnixTime};
use tokio::time::sleep;

use crate::process::{Process, limit_files, program_with_files, tidings_in};
use crate::support::{Raw, empty_folder, frame};

const QUIET: [&str; 4] = ["--log-file", "none", "--gossip-count", "0"];

fn start(max_files: u32, folder: &Path, args: &[&str]) -> Process {
    let args = [args, &["--listen", "127.0.0.1"]].concat();
    Process::start_command(program_with_files(max_files), folder, &args)
}

fn peers(folder: &Path, seed_node: &Process, count: usize) -> Vec<Process> {
    let args = [&["peer", "--seed", &seed_node.addr][..], &QUIET].concat();
    (0..count).map(|_| start(1024, folder, &args)).collect()
}

fn status(folder: &Path, of: &Process) -> Value {
    let args = ["status", "--json", "--node", of.port(), "--data-dir", "."];
    serde_json::from_str(&tidings_in(folder, &args)).expect("JSON")
}

/// A status field that comes to be this number.
async fn wait_for(folder: &Path, of: &Process, field: &str, wanted: u64) {
    for _ in 0..300 {
        if status(folder, of)[field].as_u64() == Some(wanted) {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("{field} is not {wanted}: {}", status(folder, of));
}

/// Somebody that reports a peer dead to a seed node.
struct Reporter(Raw);

impl Reporter {
    async fn connect(seed_node: &Process) -> Self {
        let mut raw = Raw::connect(seed_node.addr.parse().expect("an address")).await;
        raw.hello(50, SocketAddr::from(([127, 0, 0, 1], 9)), Purpose::Notice).await;
        raw.preamble().await;
        raw.wait_for(|message| matches!(message, Message::Link(LinkMessage::Welcome(_)))).await;
        Self(raw)
    }

    async fn report(&mut self, status: &Value) {
        let id: NodeId = status["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let epoch = BootEpoch(status["epoch"].as_u64().expect("a number"));
        let addr = status["addresses"][0].as_str().and_then(|it| it.parse().ok());
        let subject = AddressRecord::new(id, epoch, &[addr.expect("an address")]).expect("valid");
        let (reporter, at) = (NodeId::new([50; 32]), UnixTime::from_millis(0));
        let report = DeathReport { subject, reporter, at, signature: None };
        let message = RegistrationMessage::DeathReport(Box::new(report));
        self.0.write(&frame(&Message::Registration(message))).await;
    }
}

/// Strangers take most handles of a seed node. It probes and answers nevertheless.
#[tokio::test]
async fn a_seed_node_that_strangers_fill_still_probes_and_answers() {
    let folder = empty_folder("own_trouble_strangers");
    let mut seed_node = start(48, &folder, &["seed", "--port", "0", "--log-file", "none"]);
    let peers = peers(&folder, &seed_node, 3);
    wait_for(&folder, &seed_node, "registered_peers", 3).await;
    let mut reporter = Reporter::connect(&seed_node).await;
    let strangers: Vec<TcpStream> =
        (0..120).map(|_| TcpStream::connect(&seed_node.addr).expect("accepted")).collect();
    for peer in &peers {
        reporter.report(&status(&folder, peer)).await;
    }
    wait_for(&folder, &seed_node, "false_reports", 3).await;
    assert_eq!(status(&folder, &seed_node)["registered_peers"], 3);
    seed_node.wait_for("reason=\"rejected_connections\"");
    drop(strangers);
    seed_node.signal("-TERM");
    let (_, log) = seed_node.end();
    assert!(!log.contains("peer removed") && log.contains("max_files=48"), "{log}");
}

/// No handle is left at all, from one moment to the next.
#[tokio::test]
async fn a_seed_node_without_handles_removes_nobody_and_says_why() {
    let folder = empty_folder("own_trouble_none");
    let mut seed_node =
        start(64, &folder, &["seed", "--port", "0", "--log-file", "none", "--lease", "2s"]);
    let peers = peers(&folder, &seed_node, 3);
    wait_for(&folder, &seed_node, "registered_peers", 3).await;
    let mut reporter = Reporter::connect(&seed_node).await;
    let accused: Vec<Value> = peers.iter().map(|peer| status(&folder, peer)).collect();
    limit_files(seed_node.pid(), 5, 64);
    for status in &accused {
        reporter.report(status).await;
    }
    seed_node.wait_for("reason=\"dials_not_tried\"");
    let stranger = TcpStream::connect(&seed_node.addr).expect("the kernel accepts");
    seed_node.wait_for("reason=\"accepts_failed\"");
    sleep(Duration::from_secs(5)).await;
    limit_files(seed_node.pid(), 64, 64);
    // Some of them gave a sign of life meanwhile, the others are probed now.
    sleep(Duration::from_secs(2)).await;
    let status = status(&folder, &seed_node);
    assert_eq!(status["registered_peers"], 3);
    assert!(status["warnings"]["dials_not_tried"].as_u64() >= Some(3), "{status}");
    drop(stranger);
    seed_node.signal("-TERM");
    let (_, log) = seed_node.end();
    let told = |reason: &str| log.matches(&format!("reason=\"{reason}\"")).count();
    assert_eq!((told("dials_not_tried"), told("accepts_failed")), (1, 1), "{log}");
    assert!(log.contains("os error 24") && log.contains("may open 5 files"), "{log}");
    assert!(!log.contains("peer removed"), "{log}");
}

/// The detector `connect` dials neighbors all the time.
#[tokio::test]
async fn a_peer_without_handles_gives_nobody_a_strike() {
    let folder = empty_folder("own_trouble_peer");
    let seed_node = start(1024, &folder, &["seed", "--port", "0", "--log-file", "none"]);
    let _peers = peers(&folder, &seed_node, 3);
    let often = ["--liveness-every", "200ms", "--answer-timeout", "200ms", "--detector", "connect"];
    let args = [&["peer", "--seed", &seed_node.addr][..], &QUIET, &often].concat();
    let mut peer = start(64, &folder, &args);
    peer.wait_for("neighbor up");
    limit_files(peer.pid(), 5, 64);
    peer.wait_for("reason=\"dials_not_tried\"");
    sleep(Duration::from_secs(3)).await;
    limit_files(peer.pid(), 64, 64);
    let status = status(&folder, &peer);
    assert!(status["neighbors"].as_u64() >= Some(1), "{status}");
    peer.signal("-TERM");
    let (_, log) = peer.end();
    assert!(!log.contains("strike") && !log.contains("dead node"), "{log}");
}

/// A soft limit is no reason to have few.
#[test]
fn the_soft_limit_is_raised_to_the_hard_one() {
    let folder = empty_folder("own_trouble_soft");
    let mut program = program_with_files(200);
    let soft = std::mem::replace(&mut program, std::process::Command::new("sh"));
    let soft: Vec<_> = soft.get_args().map(std::ffi::OsStr::to_owned).collect();
    program.args(["-c", "ulimit -S -n 30; exec sh \"$@\"", "sh", "-c"]);
    program.arg("exec \"$0\" \"$@\"").args(&soft[2..]);
    let args = ["seed", "--port", "0", "--log-file", "none", "--listen", "127.0.0.1"];
    let mut seed_node = Process::start_command(program, &folder, &args);
    seed_node.wait_for("max_files=");
    seed_node.signal("-TERM");
    let (_, log) = seed_node.end();
    assert!(log.contains("max_files=200"), "{log}");
}
