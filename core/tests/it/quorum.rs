//! Seed nodes that decide together (R21, R22), on a network that is cut in places.

use std::time::Duration;

use tidings_core::{
    Command, Config, DecisionMode, Event, NamedSeedNodes, Removal, SkipReason, VoteOutcome,
};

use crate::in_memory::address;
use crate::network::{Network, other_address};
use crate::show;

const SECOND: Duration = Duration::from_secs(1);

/// Longer than a seed node rests before it dials another again, than the lease after which a proposal
/// is put again, and than that proposal.
const LONG: Duration = Duration::from_mins(2);

const SEEDS: [&str; 3] = ["s1", "s2", "s3"];

fn config() -> Config {
    let mut config = Config::classic();
    config.registration.listing = DecisionMode::Quorum;
    config.registration.removal = DecisionMode::Quorum;
    config
}

/// Three seed nodes that know each other.
fn seed_nodes(config: &Config) -> Network {
    let mut network = Network::new();
    network.add_seed_nodes(&SEEDS, config);
    network.run(SECOND);
    network
}

impl Network {
    /// Cuts a seed node off from the two others.
    fn cut_off(&mut self, seed: &str) {
        for other in SEEDS.into_iter().filter(|other| *other != seed) {
            self.cut(seed, other);
        }
    }

    fn join_up(&mut self, seed: &str) {
        for other in SEEDS.into_iter().filter(|other| *other != seed) {
            self.heal(seed, other);
        }
    }

    fn lists(&self, seed: &str, peer: &str) -> bool {
        let listed = self.snapshot(seed).registered;
        listed.iter().any(|entry| show::name(entry.record.subject()) == peer)
    }

    /// The seed nodes that list a peer.
    fn listing(&self, peer: &str) -> Vec<&'static str> {
        SEEDS.into_iter().filter(|seed| self.lists(seed, peer)).collect()
    }

    /// The same of these alone.
    fn listing_of(&self, seeds: &[&'static str], peer: &str) -> Vec<&'static str> {
        seeds.iter().copied().filter(|seed| self.lists(seed, peer)).collect()
    }

    fn count(&self, seed: &str, is_it: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(who, event)| who == seed && is_it(event)).count()
    }

    fn votes(&self, seed: &str, wanted: VoteOutcome) -> usize {
        self.count(
            seed,
            |event| matches!(event, Event::Voted { outcome, .. } if *outcome == wanted),
        )
    }

    fn removals(&self, seed: &str) -> usize {
        self.count(seed, |event| matches!(event, Event::PeerRemoved { .. }))
    }
}

#[test]
fn r21_a_registration_counts_once_a_quorum_has_agreed() {
    let mut network = seed_nodes(&config());
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    assert_eq!(network.listing("p1"), ["s1"]);
    assert_eq!(network.votes("s1", VoteOutcome::Passed), 1);
}

#[test]
fn r21_a_seed_node_that_is_cut_off_lists_nobody_new() {
    let mut network = seed_nodes(&config());
    network.cut_off("s1");
    network.add_peer("p1", &["s1"], config());
    network.run(LONG);
    assert_eq!(network.listing("p1"), [""; 0]);
    assert!(network.votes("s1", VoteOutcome::NoQuorum) > 3, "the peer tries again");
    let lost = network.count("p1", |event| matches!(event, Event::RegistrationLost { .. }));
    assert!(lost > 3, "and is told each time");
    network.join_up("s1");
    network.run(LONG);
    assert_eq!(network.listing("p1"), ["s1"]);
}

#[test]
fn r21_peers_register_with_the_majority_meanwhile() {
    let mut network = seed_nodes(&config());
    network.cut_off("s1");
    for peer in ["p1", "p2", "p3", "p4"] {
        network.add_peer(peer, &SEEDS, config());
    }
    network.run(LONG);
    for peer in ["p1", "p2", "p3", "p4"] {
        assert_eq!(network.listing(peer), ["s2", "s3"], "{peer}");
    }
}

#[test]
fn r21_what_was_agreed_on_lasts_through_a_cut() {
    let mut network = seed_nodes(&config());
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    network.cut_off("s1");
    network.run(LONG);
    assert_eq!(network.listing("p1"), ["s1"], "its lease is renewed without a vote");
    network.reset("p1", "s1");
    network.run(10 * SECOND);
    assert_eq!(network.listing("p1"), ["s1"], "and the same life registers again without one");
}

#[test]
fn r21_a_list_that_is_full_elsewhere_counts_against_a_registration() {
    let mut full = config();
    full.registration.registry_max = 1;
    let mut network = seed_nodes(&full);
    network.add_peer("p1", &["s2"], config());
    network.add_peer("p2", &["s3"], config());
    network.run(SECOND);
    network.add_peer("p3", &["s1"], config());
    network.run(SECOND);
    assert_eq!(network.listing("p3"), [""; 0]);
    assert_eq!(network.votes("s1", VoteOutcome::Rejected), 1);
}

#[test]
fn r21_proposals_have_a_bound() {
    let mut tight = config();
    tight.registration.votes_max = 1;
    let mut network = seed_nodes(&tight);
    network.cut_off("s1");
    network.add_peer("p1", &["s1"], config());
    network.add_peer("p2", &["s1"], config());
    network.run(SECOND);
    assert_eq!(network.snapshot("s1").stats.limits.votes, 1);
    network.join_up("s1");
    network.run(LONG);
    assert!(network.lists("s1", "p1") && network.lists("s1", "p2"), "it was only put off");
}

#[test]
fn r21_a_seed_node_without_others_is_its_own_quorum() {
    let mut network = Network::new();
    network.add_seed_node("s1", &config());
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    assert!(network.lists("s1", "p1"));
}

#[test]
fn r22_a_dead_peer_goes_when_a_quorum_agrees() {
    let mut network = seed_nodes(&config());
    network.add_peer("p1", &SEEDS, config());
    network.run(SECOND);
    network.kill("p1");
    network.run(20 * SECOND);
    assert_eq!(network.listing("p1"), [""; 0]);
}

#[test]
fn r22_a_seed_node_that_alone_cannot_reach_a_peer_does_not_remove_it() {
    let mut network = seed_nodes(&config());
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    network.cut("s1", "p1");
    network.reset("s1", "p1");
    network.run(LONG);
    assert_eq!(network.listing("p1"), ["s1"]);
    assert!(network.votes("s1", VoteOutcome::Rejected) > 1);
    assert_eq!(network.removals("s1"), 0);
}

/// The same without votes: the test above can fail.
#[test]
fn a_seed_node_that_decides_alone_removes_a_peer_that_it_cannot_reach() {
    let mut alone = config();
    alone.registration.removal = DecisionMode::Local;
    let mut network = seed_nodes(&alone);
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    network.cut("s1", "p1");
    network.reset("s1", "p1");
    network.run(LONG);
    assert_eq!(network.removals("s1"), 1);
}

#[test]
fn r22_without_a_quorum_nobody_is_removed_and_after_the_heal_the_dead_are() {
    let mut network = seed_nodes(&config());
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    network.cut_off("s1");
    network.cut("s2", "s3");
    network.kill("p1");
    network.run(LONG);
    assert_eq!(network.listing("p1"), ["s1"]);
    assert!(network.votes("s1", VoteOutcome::NoQuorum) > 1, "it asks again after each lease");
    network.join_up("s1");
    network.run(LONG);
    assert_eq!(network.listing("p1"), [""; 0]);
    let dead = |event: &Event| matches!(event, Event::PeerRemoved { reason: Removal::Dead, .. });
    assert_eq!(network.count("s1", dead), 1);
}

#[test]
fn r22_a_leaving_peer_goes_without_a_vote() {
    let mut network = seed_nodes(&config());
    network.add_peer("p1", &SEEDS, config());
    network.run(SECOND);
    network.cut_off("s1");
    network.cut("s2", "s3");
    network.command("p1", Command::Leave);
    network.run(SECOND);
    assert_eq!(network.listing("p1"), [""; 0]);
}

#[test]
fn r22_a_newer_life_voids_the_proposal_on_the_older_one() {
    let mut network = seed_nodes(&config());
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    network.cut_off("s1");
    network.kill("p1");
    network.run(8 * SECOND);
    let open = network.trace.iter().filter(|line| line.contains("Proposal")).count();
    assert!(open > 0, "s1 has asked");
    network.join_up("s1");
    network.start("p1");
    network.run(LONG);
    assert_eq!(network.listing("p1"), ["s1"]);
    assert_eq!(network.votes("s1", VoteOutcome::Void), 1);
    assert_eq!(network.removals("s1"), 0);
}

#[test]
fn r22_a_dead_seed_node_is_outvoted() {
    let mut network = seed_nodes(&config());
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    network.kill("s3");
    network.kill("p1");
    network.run(30 * SECOND);
    assert!(!network.lists("s1", "p1"));
}

#[test]
fn only_a_seed_node_of_the_settings_may_ask() {
    let mut network = seed_nodes(&config());
    // Another seed node, which knows these three and which they do not know.
    let addresses = SEEDS.map(|seed| network.addr(seed)).to_vec();
    network.add_seed_node("s4", &config());
    network.command("s4", Command::SeedNodes(addresses.into()));
    network.add_peer("p1", &["s4"], config());
    network.run(10 * SECOND);
    assert!(!network.lists("s4", "p1"));
    let refused = |event: &Event| matches!(event, Event::HelloRefused { .. });
    assert!(SEEDS.iter().all(|seed| network.count(seed, refused) > 0));
    // Once they know it, too, it is one of four.
    let all = ["s1", "s2", "s3", "s4"].map(|seed| network.addr(seed)).to_vec();
    for seed in SEEDS {
        network.command(seed, Command::SeedNodes(all.clone().into()));
    }
    network.run(LONG);
    assert!(network.lists("s4", "p1"));
}

/// The first hosts, by both addresses of each, as if they were twice as many.
fn both_addresses(hosts: usize) -> NamedSeedNodes {
    (0..hosts).flat_map(|at| [address(at), other_address(at)]).collect()
}

#[test]
fn r21_a_seed_node_that_is_known_by_two_addresses_is_one() {
    let mut network = Network::new();
    network.add_named_seed_nodes(&SEEDS, &config(), &both_addresses(3));
    network.run(10 * SECOND);
    let lost = |event: &Event| matches!(event, Event::SeedNodeLost { .. });
    let before: Vec<usize> = SEEDS.iter().map(|seed| network.count(seed, lost)).collect();
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    assert_eq!(network.listing("p1"), ["s1"]);
    network.run(LONG);
    let after: Vec<usize> = SEEDS.iter().map(|seed| network.count(seed, lost)).collect();
    assert_eq!(after, before, "links that stand are left alone");
    let own =
        |event: &Event| matches!(event, Event::SeedNodeSkipped { reason: SkipReason::Own, .. });
    assert!(
        SEEDS.iter().all(|seed| network.count(seed, own) == 1),
        "its other address is told once"
    );
    // Two of three decide, and one does not.
    network.kill("s3");
    let left = &SEEDS[..2];
    network.add_peer("p2", &["s1"], config());
    network.run(LONG);
    assert_eq!(network.listing_of(left, "p2"), ["s1"]);
    network.cut("s1", "s2");
    network.add_peer("p3", &["s1"], config());
    network.run(LONG);
    assert_eq!(network.listing_of(left, "p3"), [""; 0]);
    network.heal("s1", "s2");
    network.run(LONG);
    assert_eq!(network.listing_of(left, "p3"), ["s1"]);
}

#[test]
fn r21_addresses_that_nobody_was_met_at_count_for_a_seed_node_each() {
    let mut network = Network::new();
    // The third is never met: its two addresses may be two others.
    let mut named: Vec<_> = both_addresses(2).addresses().collect();
    named.extend([address(9), other_address(9)]);
    network.add_named_seed_nodes(&SEEDS[..2], &config(), &named.into());
    network.add_peer("p1", &["s1"], config());
    network.run(LONG);
    assert_eq!(
        network.listing_of(&SEEDS[..2], "p1"),
        [""; 0],
        "two of four are not more than half"
    );
}

#[test]
fn r21_both_addresses_of_one_name_are_one_seed_node_before_it_is_met() {
    let mut network = Network::new();
    let named = NamedSeedNodes::new((0..3).map(|at| vec![address(at), other_address(at)]));
    network.add_named_seed_nodes(&SEEDS[..2], &config(), &named);
    network.add_peer("p1", &["s1"], config());
    network.run(SECOND);
    assert_eq!(network.listing_of(&SEEDS[..2], "p1"), ["s1"], "two of three");
}

#[test]
fn r21_names_that_are_not_found_count() {
    let mut network = Network::new();
    let named = NamedSeedNodes::new([vec![address(0)], vec![], vec![]]);
    network.add_named_seed_nodes(&SEEDS[..1], &config(), &named);
    network.add_peer("p1", &["s1"], config());
    network.run(LONG);
    assert_eq!(network.listing_of(&SEEDS[..1], "p1"), [""; 0]);
    assert_eq!(network.votes("s1", VoteOutcome::Passed), 0);
}

/// Seed nodes name each other by addresses that they do not announce: they know each other by identity.
#[test]
fn r21_seed_nodes_need_not_announce_what_they_are_named_by() {
    let mut network = Network::new();
    let named: NamedSeedNodes = (0..3).map(other_address).collect();
    network.add_named_seed_nodes(&SEEDS, &config(), &named);
    network.add_peer("p1", &["s1"], config());
    network.run(10 * SECOND);
    assert_eq!(network.listing("p1"), ["s1"]);
}

#[test]
fn r21_the_address_of_a_peer_counts_for_no_seed_node() {
    let mut network = Network::new();
    // Host 2 will be a peer, which two of the three addresses are of.
    let named: NamedSeedNodes =
        [address(0), address(1), address(2), other_address(2)].into_iter().collect();
    network.add_named_seed_nodes(&SEEDS[..2], &config(), &named);
    network.add_peer("p1", &["s1", "s2"], config());
    network.run(LONG);
    assert_eq!(network.listing_of(&SEEDS[..2], "p1"), ["s1", "s2"]);
    let skipped = |event: &Event| {
        matches!(event, Event::SeedNodeSkipped { reason: SkipReason::NoSeedNode, .. })
    };
    assert_eq!(network.count("s1", skipped), 2, "once for each address");
}

/// A peer of three seed nodes with two addresses each keeps two registrations or three, and all of them of
/// different seed nodes; its own address and those of other peers are none.
#[test]
fn r18_a_peer_counts_nodes_and_not_addresses() {
    let mut network = Network::new();
    network.add_seed_nodes(&SEEDS, &Config::classic());
    let mut named: Vec<_> = both_addresses(3).addresses().collect();
    named.extend([address(3), address(4)]);
    network.add_peer("p0", &["s1"], Config::classic());
    network.add_named_peer("p1", Config::classic(), named.into());
    network.run(LONG);
    let registered = network.listing("p1");
    assert!((2..=3).contains(&registered.len()), "{registered:?}");
    let unregistered = |event: &Event| matches!(event, Event::RegistrationLost { .. });
    let before = network.count("p1", unregistered);
    network.run(LONG);
    assert_eq!(network.count("p1", unregistered), before, "nothing is tried again and again");
    // All but two seed nodes go: it needs two of three.
    network.kill("s1");
    network.run(LONG);
    assert_eq!(network.listing_of(&["s2", "s3"], "p1"), ["s2", "s3"]);
}
