//! The broadcast `plumtree` in whole peers, on the overlay `random` and with the detector `strikes`:
//! whatever dies, breaks or is cut, in the end everybody has everything.

use std::time::Duration;

use tidings_core::{BroadcastKind, Config, Event};

use crate::network::Network;

const PEERS: usize = 30;

fn name(n: usize) -> String {
    format!("p{n}")
}

fn grown() -> Network {
    let mut config = Config::classic();
    config.overlay.max_peers = 3;
    config.overlay.refresh = Duration::from_secs(10);
    config.broadcast.kind = BroadcastKind::Plumtree;
    config.broadcast.plumtree.exchange_every = Duration::from_secs(5);
    let mut network = Network::new();
    network.add_seed_node("s1", &config);
    for n in 0..PEERS {
        network.add_peer(&name(n), &["s1"], config.clone());
        network.run(Duration::from_millis(50));
    }
    network.run(Duration::from_secs(10));
    network
}

/// Says something at each of these, one after the other.
fn say(network: &mut Network, who: impl Iterator<Item = usize>) {
    for n in who {
        network.say(&name(n), "something");
        network.run(Duration::from_millis(200));
    }
}

/// How many messages each of these peers has seen.
fn seen(network: &Network, who: impl Iterator<Item = usize>) -> Vec<usize> {
    who.map(|n| network.snapshot(&name(n)).seen).collect()
}

#[test]
fn a_tree_that_stands_carries_each_message_once() {
    let mut network = grown();
    say(&mut network, [0, 0, 0, 0, 0].into_iter());
    let duplicates = |network: &Network| -> u64 {
        (0..PEERS).map(|n| network.snapshot(&name(n)).stats.duplicates).sum()
    };
    let before = duplicates(&network);
    say(&mut network, [0, 0, 0].into_iter());
    assert!(before > 0, "the first message is flooded");
    assert!(duplicates(&network) - before < 10, "few, where links are renewed");
    assert_eq!(seen(&network, 0..PEERS), [8; PEERS]);
}

#[test]
fn the_living_have_everything_after_a_third_died_and_links_broke() {
    let mut network = grown();
    say(&mut network, 0..5);
    for n in 20..PEERS {
        network.kill(&name(n));
    }
    say(&mut network, 0..5);
    for n in 0..10 {
        network.reset(&name(n), &name(n + 1));
        network.reset(&name(n), &name(n + 2));
        say(&mut network, [n + 3].into_iter());
    }
    network.run(Duration::from_secs(30));
    assert_eq!(seen(&network, 0..20), [20; 20]);
}

#[test]
fn the_halves_of_a_healed_network_have_everything() {
    let mut network = grown();
    say(&mut network, 0..5);
    let across = || (0..15).flat_map(|a| (15..PEERS).map(move |b| (name(a), name(b))));
    across().for_each(|(a, b)| network.cut(&a, &b));
    say(&mut network, (0..5).chain(20..25));
    network.run(Duration::from_secs(5));
    let halves = seen(&network, 0..PEERS);
    assert!(halves.iter().all(|seen| *seen <= 10), "nothing came across: {halves:?}");
    across().for_each(|(a, b)| network.heal(&a, &b));
    network.run(Duration::from_secs(30));
    assert_eq!(seen(&network, 0..PEERS), [15; PEERS]);
    let is_delivered = |event: &&(String, Event)| matches!(event.1, Event::Delivered { .. });
    let delivered = network.events.iter().filter(is_delivered).count();
    assert_eq!(delivered, 15 * (PEERS - 1), "each of them once");
}
