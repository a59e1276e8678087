//! How a peer comes to know seed nodes: files, names, and what changes in them.

use std::error::Error as _;
use std::fs;
use std::path::Path;

use tidings_node::{HostPort, NodeBuilder, RunningNode, SeedLookupError, StartError, seed_file};

use crate::process::{Process, program, tidings_in};
use crate::support::empty_folder;

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
                assert!(seed_file::announce(path, addr).expect("announced"));
                assert!(!seed_file::announce(path, addr).expect("known"));
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
    let error = seed_file::announce(&path, ([192, 0, 2, 2], 5000).into()).expect_err("refused");
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

/// What nobody can look up is an error at the start, with the name.
#[tokio::test]
async fn names_without_an_address_are_named() {
    let name = HostPort::new("no-such-host.invalid", 5000).expect("a name");
    let error = NodeBuilder::peer().seed(name).start().await.expect_err("nobody to join");
    let StartError::Seeds(SeedLookupError::NotFound(tried)) = error else { panic!("{error:?}") };
    assert!(tried[0].starts_with("no-such-host.invalid:5000: "), "{tried:?}");
    let error = NodeBuilder::peer().start().await.expect_err("nobody to join");
    let reason = error.source().map(ToString::to_string);
    assert_eq!(
        (error.to_string().as_str(), reason.as_deref()),
        ("seed nodes", Some("no seed node is named"))
    );
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
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let patience = std::time::Duration::from_secs(30);
    tokio::time::timeout(patience, registered).await.expect("it moves over");
}

/// R3: a start that fails has not entered itself, whatever it fails by.
#[test]
fn r03_a_start_that_fails_leaves_no_entry() {
    let folder = empty_folder("seeds_failed_start");
    fs::write(folder.join("no-folder"), "").expect("written");
    let log = "no-folder/seed.log";
    let output = program()
        .args(["seed", "--port", "0", "--listen", "127.0.0.1", "--data-dir", "."])
        .args(["--announce-in", "seeds.txt", "--log-file", log])
        .current_dir(&folder)
        .output()
        .expect("it runs");
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(folder.join("seeds.txt")).unwrap_or_default();
    assert_eq!(text, "");
}
