//! Nodes with several addresses, published ones, and ones where nobody is.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tidings_core::wire::{DeathReport, Message, Purpose, RegistrationMessage};
use tidings_core::{AddressRecord, NodeId, UnixTime};
use tidings_node::{DecisionMode, NodeBuilder, RunningNode};
use tokio::time::{sleep, timeout};

use crate::forward::Forward;
use crate::process::{Process, tidings_in};
use crate::support::{Raw, empty_folder, frame, free_port};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// An address that takes no connection and refuses none: its backlog is full.
struct Silent {
    addr: SocketAddr,
    _listener: Socket,
    _waiting: Vec<TcpStream>,
}

impl Silent {
    fn new(addr: SocketAddr) -> Self {
        let listener =
            Socket::new(Domain::for_address(addr), Type::STREAM, None).expect("a socket");
        listener.set_reuse_address(true).expect("an option");
        listener.bind(&addr.into()).expect("a free address");
        listener.listen(0).expect("it listens");
        let addr = listener.local_addr().expect("bound").as_socket().expect("IP");
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&addr, Duration::from_millis(300)) {
            waiting.push(stream);
            assert!(waiting.len() < 16, "the backlog never fills up");
        }
        Self { addr, _listener: listener, _waiting: waiting }
    }
}

/// Peers whose first address swallows all connections link by the second one, and a seed node that probes
/// one of them finds it there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_addresses_the_one_that_answers_is_found() {
    let seed_node = NodeBuilder::seed_node().listen([127, 0, 0, 1]).start().await.expect("starts");
    let silent = Silent::new(SocketAddr::from(([127, 0, 0, 5], 0)));
    let start = async || {
        let builder = NodeBuilder::peer().listen([127, 0, 0, 1]).seed(seed_node.addr());
        let builder = builder.announce(silent.addr).announce([127, 0, 0, 1]);
        builder.start().await.expect("it starts")
    };
    let peers = [start().await, start().await];
    for peer in &peers {
        timeout(PATIENCE, peer.joined()).await.expect("they link").expect("it runs");
    }
    // Somebody says that one of them is dead.
    let mut accuser = Raw::connect(seed_node.addr()).await;
    accuser.hello(9, SocketAddr::from(([127, 0, 0, 1], 9)), Purpose::Notice).await;
    let (subject, reporter) = (peers[0].record().clone(), NodeId::new([9; 32]));
    let report = DeathReport { subject, reporter, at: UnixTime::from_millis(0), signature: None };
    let report = RegistrationMessage::DeathReport(Box::new(report));
    accuser.write(&frame(&Message::Registration(report))).await;
    let cleared = async {
        while seed_node.snapshot().await.expect("it runs").false_reports.is_empty() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, cleared).await.expect("its probe is answered");
    assert_eq!(seed_node.snapshot().await.expect("it runs").registered.len(), 2);
}

/// What nobody can reach is told by whoever looks for it in vain.
#[test]
fn an_announced_address_where_nobody_listens_is_told() {
    let folder = empty_folder("addresses_nobody");
    let seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let nowhere = format!("127.0.0.1:{}", free_port());
    let args = ["peer", "--seed", &seed_node.addr, "--ip", &nowhere];
    let mut peers = [Process::start(&folder, &args), Process::start(&folder, &args)];
    for peer in &mut peers {
        peer.wait_for(
            "no neighbor: no known peer can be reached at the addresses that it announces",
        );
        peer.wait_for(&format!("addr={nowhere} reason=connection refused"));
    }
}

/// `docker -p 15000:5000`: the port that is announced is another one than is listened on.
#[test]
fn a_published_port_is_announced_and_files_are_named_by_the_own_one() {
    let folder = empty_folder("addresses_published");
    let seed_node = Process::start(&folder, &["seed", "--port", "0"]);
    let (own, published) = (free_port(), free_port());
    let forwarding = Forward::new(published, own);
    let own = own.to_string();
    let public = format!("127.0.0.1:{published}");
    let args = ["peer", "--seed", &seed_node.addr, "--port", &own, "--ip", &public];
    let first = Process::start(&folder, &args);
    assert_eq!(first.addr, public);
    let mut second = Process::start(&folder, &["peer", "--seed", &seed_node.addr]);
    second.wait_for("neighbor up");
    assert!(folder.join(format!("peer-{own}.identity")).exists());
    // It is asked by the port that it listens on.
    let peers = tidings_in(&folder, &["peers", "--data-dir", ".", "--node", &own]);
    assert!(peers.contains(&second.addr), "{peers}");
    drop(forwarding);
}

/// A node that moves is listed at its new address, in the same life, and found there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_moves_is_listed_at_its_new_address() {
    let seed_node = NodeBuilder::seed_node().listen([127, 0, 0, 1]).start().await.expect("starts");
    let start = async || {
        let builder = NodeBuilder::peer().listen([127, 0, 0, 1]).seed(seed_node.addr());
        builder.start().await.expect("it starts")
    };
    let (mover, other_peer) = (start().await, start().await);
    timeout(PATIENCE, mover.joined()).await.expect("it joins").expect("it runs");
    timeout(PATIENCE, other_peer.joined()).await.expect("it joins").expect("it runs");
    let published = free_port();
    let forwarding = Forward::new(published, mover.addr().port());
    let new = SocketAddr::from(([127, 0, 0, 1], published));
    mover.handle().set_addresses(vec![new]).await.expect("it runs");
    let listed = async {
        loop {
            let list = seed_node.snapshot().await.expect("it runs").registered;
            let is_new = |it: &AddressRecord| it.addresses() == [new] && it.number() == 1;
            if list.len() == 2 && list.iter().any(|it| is_new(&it.record) && it.linked) {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, listed).await.expect("the new record replaces the old one");
    other_peer.stop().await.expect("it leaves");
    let late = start().await;
    timeout(PATIENCE, late.joined()).await.expect("it links to the new address").expect("it runs");
    // Nonsense changes nothing.
    mover.handle().set_addresses(vec![]).await.expect("it runs");
    assert_eq!(mover.snapshot().await.expect("it runs").record.addresses(), [new]);
    drop(forwarding);
}

async fn quorum_seed_node(port: u16, named: &[SocketAddr]) -> RunningNode {
    let builder = NodeBuilder::seed_node().port(port).announce([127, 0, 0, 1]);
    let builder = builder.configure(|config| config.registration.listing = DecisionMode::Quorum);
    let builder = named.iter().fold(builder, |builder, addr| builder.seed(*addr));
    builder.start().await.expect("it starts")
}

/// Three seed nodes named by 127.0.0.1 and `::1` are three and not six; two of them are more than half.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn seed_nodes_that_are_named_twice_count_once() {
    let ports = [free_port(), free_port(), free_port()];
    let both = |port: u16| {
        [SocketAddr::from(([127, 0, 0, 1], port)), ([0, 0, 0, 0, 0, 0, 0, 1], port).into()]
    };
    let named: Vec<SocketAddr> = ports.into_iter().flat_map(both).collect();
    let first = quorum_seed_node(ports[0], &named).await;
    let second = quorum_seed_node(ports[1], &named).await;
    let peer = NodeBuilder::peer().listen([127, 0, 0, 1]).seed(first.addr()).start();
    let peer = peer.await.expect("it starts");
    timeout(PATIENCE, peer.joined()).await.expect("two of three agree").expect("it runs");
    let third = quorum_seed_node(ports[2], &named).await;
    second.stop().await.expect("it leaves");
    let builder = NodeBuilder::peer().listen([127, 0, 0, 1]).seed(first.addr());
    let other = builder.set("retry_max", "1s").expect("a setting").start().await.expect("starts");
    timeout(PATIENCE, other.joined()).await.expect("two of three agree").expect("it runs");
    drop(third);
}
