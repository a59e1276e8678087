//! What a list of a seed node costs its process, and what it says when the list is full.

use std::fs;
use std::net::SocketAddr;

use tidings_core::wire::{Message, Purpose, RegistrationMessage};

use crate::process::Process;
use crate::support::{Raw, empty_folder, frame};

/// Bytes of memory that a process holds.
fn resident(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap_or(0);
    kib * 1024
}

/// Registers as the `n`-th node. The link must be kept.
async fn register(seed_node: &Process, n: u8) -> Raw {
    let mut raw = Raw::connect(seed_node.addr.parse().expect("an address")).await;
    raw.hello(n, SocketAddr::from(([127, 0, 0, 1], 9)), Purpose::Register).await;
    raw.preamble().await;
    raw.write(&frame(&Message::Registration(RegistrationMessage::Register))).await;
    let registered = |message: &Message| {
        matches!(message, Message::Registration(RegistrationMessage::Registered { .. }))
    };
    raw.wait_for(registered).await;
    raw
}

/// docs/operating.md says 16 KB for each registered peer.
#[tokio::test]
async fn a_registered_peer_costs_a_seed_node_few_kilobytes() {
    const WARM: u8 = 50;
    let folder = empty_folder("sizes");
    let seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let mut links = Vec::new();
    let mut before = 0;
    for n in 1..=250 {
        links.push(register(&seed_node, n).await);
        if n == WARM {
            before = resident(seed_node.pid());
        }
    }
    let grown = resident(seed_node.pid()).saturating_sub(before);
    let each = grown / (links.len() - usize::from(WARM));
    println!("{each} bytes for each registered peer");
    assert!(before > 0 && each <= 16_000, "{each} bytes for each registered peer");
}

#[test]
fn a_full_list_says_which_setting_and_how_many_it_refused() {
    let folder = empty_folder("sizes_full");
    let args = ["seed", "--port", "0", "--registry-max", "1"];
    let mut seed_node = Process::start(&folder, &args);
    let addr = seed_node.addr.clone();
    let args = ["peer", "--seed", &addr, "--gossip-count", "0"];
    let _first = Process::start(&folder, &args);
    seed_node.wait_for("peer registered");
    let mut second = Process::start(&folder, &args);
    second.wait_for("its list of peers is full");
    seed_node.wait_for("reason=\"registry_full\"");
    seed_node.signal("-TERM");
    let (_, log) = seed_node.end();
    assert!(log.contains("registry_max = 1") && log.contains("count=1"), "{log}");
}
