//! How a peer comes to know seed nodes: files, names, and what changes in them.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidings_node::{
    DecisionMode, HostPort, NodeBuilder, NodeId, Resolver, Resolving, RunningNode, seed_file,
};
use tokio::time::timeout;

use crate::process::{Process, program, tidings_in};
use crate::support::{empty_folder, free_port};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

async fn seed_node(folder: &Path) -> RunningNode {
    let builder = NodeBuilder::seed_node().listen([127, 0, 0, 1]);
    builder.announce_in(folder.join("seeds.csv")).start().await.expect("it starts")
}

/// R3: twenty at once, and each is in the file once, on a line of its own.
#[test]
fn r03_many_seed_nodes_announce_themselves_at_once() {
    let folder = empty_folder("seeds_announce");
    let path = folder.join("seeds.csv");
    fs::write(&path, "ip,port\n192.0.2.1,5000").expect("written");
    std::thread::scope(|scope| {
        for n in 0..20_u16 {
            let path = &path;
            scope.spawn(move || {
                let addr = ([192, 0, 2, 2], 5000 + n).into();
                let node = NodeId::new([u8::try_from(n).expect("twenty"); 32]);
                let announce = || seed_file::announce(path, node, addr).expect("announced");
                assert!(announce().is_new);
                assert!(!announce().is_new);
                assert!(seed_file::retract(path, node).expect("out").is_new);
                assert!(announce().is_new);
            });
        }
    });
    let listed = seed_file::read(&path).expect("it reads what it wrote");
    assert_eq!(listed.len(), 21);
    let text = fs::read_to_string(&path).expect("a file");
    assert!(text.starts_with("ip,port\n192.0.2.1,5000\n192.0.2.2,"), "{text}");
}

/// R3: what cannot be added to is left as it is.
#[test]
fn r03_a_file_whose_form_takes_no_entry_is_not_touched() {
    let path = empty_folder("seeds_static").join("seeds.toml");
    // A table cannot be appended to a list that is written in one piece.
    let text = "seed = ['192.0.2.1:5000']\n";
    fs::write(&path, text).expect("written");
    let node = NodeId::new([1; 32]);
    let addr = ([192, 0, 2, 2], 5000).into();
    let error = seed_file::announce(&path, node, addr).expect_err("refused");
    assert!(error.to_string().contains("seeds.toml:"), "{error}");
    assert_eq!(fs::read_to_string(&path).expect("a file"), text);
}

/// R2, R3 together: a peer joins through the file that its seed nodes wrote.
#[test]
fn r02_r03_a_peer_joins_through_the_file() {
    let folder = empty_folder("seeds_file");
    let args = ["seed", "--port", "0", "--announce-in", "seeds.txt"];
    let (first, second) = (Process::start(&folder, &args), Process::start(&folder, &args));
    let mut peer = Process::start(&folder, &["peer", "--seed-file", "seeds.txt"]);
    peer.wait_for(&format!("@{}", first.addr));
    peer.wait_for(&format!("@{}", second.addr));
    let seeds = tidings_in(&folder, &["seeds", "--data-dir", ".", "--node", peer.port()]);
    assert!(seeds.contains(&first.addr) && seeds.contains(&second.addr), "{seeds}");
}

#[test]
fn r02_a_wrong_file_is_refused_with_file_line_and_reason() {
    let folder = empty_folder("seeds_wrong");
    let path = folder.join("seeds.txt");
    fs::write(&path, "192.0.2.1:5000\nnonsense\n").expect("written");
    let output = crate::process::tidings(&["peer", "--seed-file", path.to_str().expect("UTF-8")]);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("seeds.txt:2: \"nonsense\": expected HOST:PORT"), "{error}");
}

/// A name means all its addresses.
#[tokio::test]
async fn a_host_name_is_looked_up() {
    let seed_node = NodeBuilder::seed_node().listen([127, 0, 0, 1]).start().await.expect("starts");
    let name = HostPort::new("localhost", seed_node.addr().port()).expect("a name");
    let peer = NodeBuilder::peer().listen([127, 0, 0, 1]).seed(name).start().await.expect("starts");
    let known = peer.snapshot().await.expect("it runs").seed_nodes;
    assert!(known.iter().any(|it| it.addr == seed_node.addr()), "{known:?}");
}

/// Nothing to look up is an error at the start.
#[tokio::test]
async fn a_peer_without_seed_nodes_does_not_start() {
    let error = NodeBuilder::peer().start().await.expect_err("nobody to join");
    let reason = error.source().map(ToString::to_string);
    assert_eq!(
        (error.to_string().as_str(), reason.as_deref()),
        ("seed nodes", Some("no seed node is named"))
    );
}

/// A name service of the test: names that are not in it fail.
#[derive(Debug, Default)]
struct Names(Mutex<BTreeMap<String, SocketAddr>>);

impl Resolver for Names {
    fn look_up<'a>(&'a self, host: &'a str, _port: u16) -> Resolving<'a> {
        let found = self.0.lock().expect("nobody panics").get(host).copied();
        let found = found.map(|addr| vec![addr]).ok_or_else(|| io::Error::other("no such name"));
        Box::pin(async { found })
    }
}

impl Names {
    fn set(&self, name: &str, addr: SocketAddr) {
        self.0.lock().expect("nobody panics").insert(name.to_owned(), addr);
    }
}

fn place(name: &str) -> HostPort {
    HostPort::new(name, 5000).expect("a name")
}

/// The seed node beside starts later: its name is looked up again until it is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_starts_before_the_names_of_its_seed_nodes_are_there() {
    let names = Arc::new(Names::default());
    let resolver = Arc::clone(&names);
    let builder = NodeBuilder::peer().listen([127, 0, 0, 1]).resolver(resolver);
    let builder = builder.seed(place("a.example")).seed(place("b.example"));
    let peer = builder.start().await.expect("it starts");
    assert!(peer.snapshot().await.expect("it runs").seed_nodes.is_empty());
    let seed_node = NodeBuilder::seed_node().listen([127, 0, 0, 1]).start().await.expect("starts");
    names.set("a.example", seed_node.addr());
    timeout(PATIENCE, peer.joined()).await.expect("it is found").expect("it runs");
}

/// With `registration = "quorum"` names that are not found count: nobody is listed without their votes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seed_nodes_whose_names_are_not_found_count_in_a_quorum() {
    let names = Arc::new(Names::default());
    let start = async || {
        let resolver = Arc::clone(&names);
        let builder = NodeBuilder::seed_node().listen([127, 0, 0, 1]).resolver(resolver);
        let builder = builder.configure(|config| {
            config.registration.listing = DecisionMode::Quorum;
            config.registration.vote_timeout = Duration::from_millis(300);
        });
        let named = ["a.example", "b.example", "c.example"];
        let builder = named.into_iter().fold(builder, |builder, name| builder.seed(place(name)));
        builder.start().await.expect("it starts")
    };
    let first = start().await;
    names.set("a.example", first.addr());
    let builder = NodeBuilder::peer().listen([127, 0, 0, 1]).seed(first.addr());
    let peer = builder.set("retry_max", "1s").expect("a setting").start().await.expect("it starts");
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(first.snapshot().await.expect("it runs").registered.is_empty(), "one of three");
    // The second is named by an address of its own, and finds the first one at once.
    let second = start().await;
    names.set("b.example", second.addr());
    timeout(PATIENCE, peer.joined()).await.expect("two of three agree").expect("it runs");
}

/// One name that fails holds up no other, and is told of.
#[test]
fn names_that_fail_are_told_and_hold_up_nobody() {
    let folder = empty_folder("seeds_names");
    let seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let args = ["peer", "--seed", "nosuch.invalid:5000", "--seed", &seed_node.addr];
    let mut peer = Process::start(&folder, &args);
    peer.wait_for("seed nodes not looked up in full, tried again what=nosuch.invalid:5000 reason=");
    peer.wait_for("registered");
    let args = ["seed", "--port", "0", "--registration", "quorum", "--vote-timeout", "300ms"];
    let names = ["--seed", "nosuch.invalid:1", "--seed", "nosuch.invalid:2"];
    let mut alone = Process::start(&folder, &[&args[..], &names].concat());
    alone.wait_for("what=nosuch.invalid:1");
    alone.wait_for("what=nosuch.invalid:2");
    let _peer = Process::start(&folder, &["peer", "--seed", &alone.addr]);
    alone.wait_for("outcome=no quorum in time");
}

/// The file is read again when a seed node is lost: one that has moved is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_seed_node_that_moved_is_found_through_the_file() {
    let folder = empty_folder("seeds_moved");
    let file = folder.join("seeds.csv");
    let old = seed_node(&folder).await;
    let builder = NodeBuilder::peer().listen([127, 0, 0, 1]).seed_file(&file);
    let builder = builder.set("retry_max", "1s").expect("a setting");
    let peer = builder.start().await.expect("it starts");
    old.stop().await.expect("it leaves");
    fs::remove_file(&file).expect("a file");
    let new = seed_node(&folder).await;
    let registered = async {
        loop {
            let seeds = peer.snapshot().await.expect("it runs").seed_nodes;
            if seeds.len() == 1 && seeds[0].addr == new.addr() && seeds[0].registered.is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, registered).await.expect("it moves over");
}

/// What seed nodes that died left in a file ends no start, and hides no seed node that runs.
#[test]
fn a_peer_joins_through_a_file_of_dead_seed_nodes() {
    let folder = empty_folder("seeds_dead");
    let dead: Vec<String> = (1..71).map(|port| format!("127.0.0.1:{port}\n")).collect();
    fs::write(folder.join("seeds.txt"), dead.concat()).expect("written");
    let mut seed_node =
        Process::start(&folder, &["seed", "--port", "0", "--announce-in", "seeds.txt"]);
    seed_node.wait_for("the file lists more seed nodes than a node uses");
    let mut peer = Process::start(&folder, &["peer", "--seed-file", "seeds.txt"]);
    peer.wait_for("71 are named and 64 used");
    peer.wait_for("registered");
}

/// R3: a seed node that leaves takes its entry out, and one that starts elsewhere has its new one only.
#[test]
fn r03_a_file_lists_seed_nodes_as_long_as_they_run() {
    let folder = empty_folder("seeds_leave");
    let text = || fs::read_to_string(folder.join("seeds.txt")).expect("a file");
    let start = |port: &str| {
        let args = ["seed", "--port", port, "--data-dir", ".", "--announce-in", "seeds.txt"];
        Process::start(&folder, &args)
    };
    let (stays, leaves) = (start("0"), start("0"));
    assert!(text().contains(&stays.addr) && text().contains(&leaves.addr), "{}", text());
    let (addr, port) = (leaves.addr.clone(), leaves.port().to_owned());
    leaves.signal("-TERM");
    leaves.end();
    assert!(text().contains(&stays.addr) && !text().contains(&addr), "{}", text());
    let killed = start(&port);
    killed.signal("-KILL");
    killed.end();
    assert!(text().contains(&addr), "nobody took it out: {}", text());
    // The same node elsewhere.
    let other_port = free_port().to_string();
    for file in ["identity", "epoch"] {
        let name = |port: &str| folder.join(format!("seed-{port}.{file}"));
        fs::rename(name(&port), name(&other_port)).expect("a file");
    }
    let moved = start(&other_port);
    assert!(text().contains(&moved.addr) && !text().contains(&addr), "{}", text());
    assert_eq!(text().lines().count(), 2, "{}", text());
}

/// Seed nodes that decide together find each other through the file that they write, the first one too.
#[test]
fn r03_seed_nodes_of_a_quorum_begin_with_no_file() {
    let folder = empty_folder("seeds_quorum_file");
    let args = ["seed", "--port", "0", "--registration", "quorum"];
    let file = ["--seed-file", "seeds.txt", "--announce-in", "seeds.txt"];
    let args = [&args[..], &file].concat();
    let first = Process::start(&folder, &args);
    let mut second = Process::start(&folder, &args);
    // The second one knows both from the file, so it lists nobody without the vote of the first.
    let _peer = Process::start(&folder, &["peer", "--seed", &second.addr]);
    second.wait_for("outcome=passed");
    drop(first);
}

/// R3: a start that fails has not entered itself, whatever it fails by.
#[test]
fn r03_a_start_that_fails_leaves_no_entry() {
    let folder = empty_folder("seeds_failed_start");
    let output = program()
        .args(["seed", "--port", "0", "--listen", "127.0.0.1", "--data-dir", "."])
        .args(["--announce-in", "seeds.txt"])
        .args(["--registration", "quorum", "--seed-file", "missing.txt"])
        .current_dir(&folder)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(folder.join("seeds.txt")).unwrap_or_default();
    assert_eq!(text, "");
}
