//! The detector `swim` among whole peers: who is found dead, how soon, and who is not.

use std::net::SocketAddr;
use std::time::Duration;

use tidings_core::wire::{
    Age, BroadcastMessage, Claim, Evidence, Gossip, Hello, LinkMessage, Message, NetworkName,
    Purpose, Route, Statement, SwimMessage,
};
use tidings_core::{
    Birth, Command, Config, DetectorKind, Envelope, Event, Hop, Incarnation, Input, Instant,
    LinkId, MemberState, Misbehavior, Monitor, Node, NodeSnapshot, Output, Payload, Rejection,
    RngSeed, Role, Sequence, Topic, UnixTime,
};

use crate::network::Network;
use crate::{samples, show};

const SEEDS: [&str; 3] = ["s1", "s2", "s3"];

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// `swim` alone of the modern profile, so that nothing else of it is tested here.
fn config() -> Config {
    let mut config = Config::classic();
    config.detector.kind = DetectorKind::Swim;
    config.detector.swim = Config::modern().detector.swim;
    config
}

fn names(peers: usize) -> Vec<String> {
    (1..=peers).map(|n| format!("p{n}")).collect()
}

/// Three seed nodes and so many peers, a moment after all have joined.
fn joined(peers: usize, config: &Config) -> Network {
    let mut network = Network::new();
    for seed in SEEDS {
        network.add_seed_node(seed, config);
    }
    for name in names(peers) {
        network.add_peer(&name, &SEEDS, config.clone());
        network.run(Duration::from_millis(50));
    }
    network.run(secs(12));
    network.events.clear();
    network
}

fn held(snapshot: &NodeSnapshot, of: &str) -> Option<MemberState> {
    let id = show::node_id(of);
    snapshot.members.iter().find(|member| member.record.subject() == id).map(|it| it.state)
}

/// Peers that hold `of` in this state.
fn holders(network: &Network, peers: usize, of: &str, state: MemberState) -> usize {
    let others = names(peers).into_iter().filter(|name| name != of);
    others.filter(|name| held(&network.snapshot(name), of) == Some(state)).count()
}

fn deaths(network: &Network) -> Vec<(String, String)> {
    let death = |(by, event): &(String, Event)| {
        let Event::Member { subject, state: MemberState::Dead, .. } = event else { return None };
        Some((by.clone(), show::name(subject.subject())))
    };
    network.events.iter().filter_map(death).collect()
}

#[test]
fn everybody_knows_everybody_after_joining() {
    let network = joined(30, &config());
    for name in names(30) {
        let snapshot = network.snapshot(&name);
        assert_eq!(snapshot.members.len(), 29, "{name}");
        assert!(snapshot.members.iter().all(|member| member.state == MemberState::Alive));
        assert_eq!(snapshot.cases, []);
    }
}

#[test]
fn a_killed_peer_is_held_dead_by_all_within_5_s() {
    let mut network = joined(30, &config());
    network.kill("p7");
    network.run(secs(5));
    assert_eq!(holders(&network, 30, "p7", MemberState::Dead), 29);
    assert!(deaths(&network).iter().all(|(_, dead)| dead == "p7"));
    let snapshot = network.snapshot("p1");
    let case = snapshot.cases.first().unwrap();
    assert_eq!(case.outcome, MemberState::Dead);
    assert!(case.accusations.len() >= 2, "{case:?}");
    // A seed node that lost the link too strikes on its own, after 1, 2 and 4 s.
    network.run(secs(4));
    for seed in SEEDS {
        let is_it = |entry: &tidings_core::RegisteredSnapshot| {
            entry.record.subject() == show::node_id("p7")
        };
        assert!(!network.snapshot(seed).registered.iter().any(is_it), "{seed} lists it");
    }
}

#[test]
fn a_frozen_peer_is_held_dead_by_all_within_15_s() {
    for victim in ["p3", "p16", "p30"] {
        let mut network = joined(30, &config());
        network.freeze(victim);
        network.run(secs(15));
        assert_eq!(holders(&network, 30, victim, MemberState::Dead), 29, "{victim}");
        assert!(deaths(&network).iter().all(|(_, dead)| dead == victim));
    }
}

#[test]
fn a_short_stop_kills_nobody() {
    for victim in ["p3", "p16", "p30"] {
        let mut network = joined(30, &config());
        network.freeze(victim);
        network.run(secs(2));
        network.thaw(victim);
        network.run(secs(60));
        assert_eq!(deaths(&network), [], "{victim}");
        assert_eq!(holders(&network, 30, victim, MemberState::Alive), 29, "{victim}");
    }
}

#[test]
fn a_calm_network_suspects_nobody() {
    let mut network = joined(30, &config());
    network.run(secs(120));
    assert!(!network.events.iter().any(|(_, event)| matches!(event, Event::Member { .. })));
    let quiet = |name: &String| network.snapshot(name).stats;
    assert!(names(30).iter().map(quiet).all(|stats| stats.pings_missed == 0));
    assert!(names(30).iter().map(quiet).all(|stats| stats.misbehaviors == 0));
}

/// Lifeguard §IV: whoever was stopped does not take its own silence for that of others.
#[test]
fn who_was_stopped_for_long_kills_nobody_when_it_goes_on() {
    let mut network = joined(30, &config());
    network.freeze("p5");
    network.run(secs(20));
    network.events.clear();
    network.thaw("p5");
    network.run(secs(60));
    assert!(deaths(&network).is_empty(), "{:?}", deaths(&network));
    assert_eq!(holders(&network, 30, "p5", MemberState::Alive), 29, "it came back");
}

/// Cuts a network of 20 into halves for a minute, and heals it. Returns on how many pairs one held the
/// other dead meanwhile, of 200.
fn part_and_heal(config: &Config) -> usize {
    let mut network = joined(20, config);
    let names = names(20);
    let (left, right) = names.split_at(10);
    let pairs: Vec<_> = left.iter().flat_map(|a| right.iter().map(move |b| (a, b))).collect();
    for (a, b) in &pairs {
        network.cut(a, b);
    }
    network.run(secs(60));
    let is_dead = |of: &str, by: &str| held(&network.snapshot(by), of) == Some(MemberState::Dead);
    let dead = pairs.iter().map(|(a, b)| usize::from(is_dead(a, b)) + usize::from(is_dead(b, a)));
    let dead = dead.sum();
    for (by, of) in deaths(&network) {
        assert_ne!(left.contains(&by), left.contains(&of), "{by} holds {of} of its own half dead");
    }
    network.events.clear();
    for (a, b) in &pairs {
        network.heal(a, b);
    }
    network.run(secs(120));
    for name in &names {
        assert_eq!(holders(&network, 20, name, MemberState::Alive), 19, "{name}");
    }
    dead
}

/// Departure from SWIM: who is held dead refutes. Neighbors are watched, so only those are held dead
/// that had neighbors on the other side.
#[test]
fn halves_of_a_healed_partition_take_each_other_back() {
    let dead = part_and_heal(&config());
    assert!(dead > 100, "{dead} of 200");
}

#[test]
fn halves_that_watch_all_members_take_each_other_back() {
    let mut config = config();
    config.detector.swim.monitor = Monitor::Members;
    assert_eq!(part_and_heal(&config), 200);
}

#[test]
fn a_leave_is_known_to_all_and_no_death() {
    let mut network = joined(30, &config());
    network.command("p9", Command::Leave);
    network.run(secs(30));
    assert_eq!(holders(&network, 30, "p9", MemberState::Left), 29);
    assert_eq!(deaths(&network), []);
}

#[test]
fn a_new_life_beats_the_death_of_the_old_one() {
    let mut network = joined(30, &config());
    network.kill("p9");
    network.run(secs(5));
    network.start("p9");
    network.run(secs(20));
    assert_eq!(holders(&network, 30, "p9", MemberState::Alive), 29);
}

/// R23 by another way: one peer that hears nothing does not kill those that others hear.
#[test]
fn r23_a_broken_path_between_two_peers_kills_neither() {
    let mut network = joined(30, &config());
    let neighbor = network.snapshot("p1").neighbors[0].record.subject();
    let neighbor = show::name(neighbor);
    network.cut("p1", &neighbor);
    network.run(secs(120));
    assert_eq!(deaths(&network), []);
    let linked = network.snapshot("p1").neighbors;
    let is_it =
        |it: &tidings_core::NeighborSnapshot| it.record.subject() == show::node_id(&neighbor);
    assert!(!linked.iter().any(is_it), "the link that carries nothing is gone");
}

/// 30 peers without tables, and the names of those that are linked with p7.
fn joined_without_tables() -> (Network, Vec<String>) {
    let mut config = config();
    config.detector.swim.members_max = 0;
    let network = joined(30, &config);
    assert_eq!(network.snapshot("p1").members, []);
    let near = network.snapshot("p7").neighbors;
    let near = near.iter().map(|it| show::name(it.record.subject())).collect();
    (network, near)
}

fn others(of: &str) -> impl Iterator<Item = String> + use<'_> {
    names(30).into_iter().filter(move |name| name != of)
}

/// Nobody else has a use for it, however many there are.
#[test]
fn without_tables_a_death_concerns_the_neighbors_of_the_dead_alone() {
    let (mut network, near) = joined_without_tables();
    network.kill("p7");
    network.run(secs(5));
    let is_it = |it: &tidings_core::NeighborSnapshot| it.record.subject() == show::node_id("p7");
    for name in others("p7") {
        let snapshot = network.snapshot(&name);
        assert!(!snapshot.neighbors.iter().any(is_it), "{name}");
        let is_told = snapshot.stats.statements_received > 0 || !snapshot.cases.is_empty();
        assert_eq!(is_told, near.contains(&name), "{name}");
        assert!(snapshot.cases.iter().all(|case| case.outcome == MemberState::Dead), "{name}");
        // Some end it by their own word before the others have told them.
        let accusers = |case: &tidings_core::SuspicionSnapshot| case.accusations.len();
        assert!(snapshot.cases.iter().map(accusers).all(|accusers| accusers >= 2), "{name}");
    }
    let mut held: Vec<String> = deaths(&network).into_iter().map(|(by, _)| by).collect();
    held.sort();
    held.dedup();
    assert_eq!(held.len(), near.len(), "{held:?} of {near:?}");
}

#[test]
fn without_tables_a_frozen_peer_is_found_and_one_that_goes_on_refutes() {
    let (mut network, _) = joined_without_tables();
    network.freeze("p7");
    let is_suspected = |network: &Network| {
        let of = |(_, event): &(String, Event)| {
            matches!(event, Event::Member { state: MemberState::Suspect, .. })
        };
        network.events.iter().any(of)
    };
    while !is_suspected(&network) {
        network.run(Duration::from_millis(50));
    }
    network.thaw("p7");
    // A suspect that does not refute is held dead after 24 s, whoever hears from it.
    network.run(secs(60));
    assert_eq!(deaths(&network), [], "it refuted");
    assert!(network.snapshot("p7").stats.refutations >= 1);
    network.freeze("p7");
    network.run(secs(15));
    for name in others("p7") {
        let is_it =
            |it: &tidings_core::NeighborSnapshot| it.record.subject() == show::node_id("p7");
        assert!(!network.snapshot(&name).neighbors.iter().any(is_it), "{name}");
    }
    for seed in SEEDS {
        let is_it =
            |it: &tidings_core::RegisteredSnapshot| it.record.subject() == show::node_id("p7");
        assert!(!network.snapshot(seed).registered.iter().any(is_it), "{seed} lists it");
    }
}

/// A peer that others talk to, without a network.
fn alone(members_max: usize) -> Node {
    let mut config = config();
    config.detector.swim.members_max = members_max;
    let birth = Birth {
        record: samples::record(1),
        rng_seed: RngSeed::new([5; 32]),
        unix: UnixTime::from_millis(0),
    };
    let seed_node = SocketAddr::from(([192, 0, 2, 100], 5000));
    let mut node = Node::peer(config, birth, &[seed_node]).expect("a valid config");
    while node.poll_output().is_some() {}
    node
}

fn outputs(node: &mut Node, input: Input) -> Vec<Output> {
    node.handle(Instant::BIRTH, input);
    std::iter::from_fn(|| node.poll_output()).collect()
}

/// Peer `n` dials it for this.
fn dial(node: &mut Node, n: u8, purpose: Purpose) -> LinkId {
    let link = LinkId::accepted(n.into());
    let addr = SocketAddr::from(([192, 0, 2, n], 40_000));
    let (network, from) = (NetworkName::default(), samples::record(n));
    let hello = Hello { network, to: None, from, role: Role::Peer, parts: None, purpose };
    outputs(node, Input::LinkUp { link, addr });
    outputs(
        node,
        Input::Received { link, message: Message::Link(LinkMessage::Hello(Box::new(hello))) },
    );
    link
}

/// What peer 2 says of peer 3.
fn of_3(claim: Claim) -> Statement {
    let (subject, incarnation) = (samples::record(3), Incarnation(0));
    Statement { subject, incarnation, claim, by: samples::node(2), signature: None }
}

/// What a peer holds against a stranger, who asks it for a probe and says this instead.
fn misbehavior(members_max: usize, claim: Claim) -> Option<Misbehavior> {
    let mut node = alone(members_max);
    let link = dial(&mut node, 2, Purpose::PingRequest);
    let message = Message::Swim(SwimMessage::Statement(Box::new(of_3(claim))));
    let what = |output| match output {
        Output::Event(Event::Misbehaved { kind, .. }) => Some(kind),
        Output::Dial { .. }
        | Output::Send { .. }
        | Output::AwaitReady { .. }
        | Output::AwaitIdle { .. }
        | Output::Reset { .. }
        | Output::Close { .. }
        | Output::Event(_) => None,
    };
    outputs(&mut node, Input::Received { link, message }).into_iter().find_map(what)
}

/// With tables peer 3 would hear it, too, and refute to everybody.
#[test]
fn without_tables_nobody_is_held_dead_because_somebody_says_so_to_all() {
    for (members_max, is_believed) in [(4_096, true), (0, false)] {
        let mut node = alone(members_max);
        let link = dial(&mut node, 2, Purpose::Neighbor { isolated: false });
        let other = dial(&mut node, 3, Purpose::Neighbor { isolated: false });
        let dead = Claim::Dead { evidence: Evidence::Refused, confirmers: Vec::new() };
        let envelope = Envelope::new(
            (samples::node(2), samples::record(2).epoch()),
            Sequence(1),
            UnixTime::from_millis(0),
            Topic::members(),
            of_3(dead).to_payload(),
        );
        let age = Age::new(Duration::ZERO);
        let gossip = Gossip { hop: Hop(0), route: Route::Usual, age, envelope: envelope.into() };
        let message = Message::Broadcast(BroadcastMessage::Gossip(gossip));
        let outputs = outputs(&mut node, Input::Received { link, message });
        let is_closed = outputs.contains(&Output::Close { link: other });
        assert_eq!(is_closed, is_believed, "{members_max}: {outputs:?}");
    }
}

/// Its subject would not hear of it, and could not refute.
#[test]
fn nobody_is_held_dead_because_somebody_says_so_in_private() {
    let suspect = || Claim::Suspect(Evidence::Refused);
    let dead = Claim::Dead { evidence: Evidence::Refused, confirmers: Vec::new() };
    assert_eq!(misbehavior(0, suspect()), None);
    assert_eq!(misbehavior(0, dead), Some(Misbehavior::Forged("Statement")));
    let of_another = Misbehavior::Forged("Statement");
    assert_eq!(misbehavior(0, Claim::Alive), Some(of_another));
    let where_all_are_told = Misbehavior::Unexpected("Statement");
    assert_eq!(misbehavior(4_096, suspect()), Some(where_all_are_told));
}

/// SWIM §3.1: a dead member is first probed after e / (e - 1) periods where all probe in step. Here each
/// peer has a phase of its own, so the first probe comes after one period on average; it fails after
/// its timeout, and its helpers after two more.
#[test]
fn members_are_found_in_the_time_that_the_paper_gives() {
    let mut config = config();
    config.detector.swim.monitor = Monitor::Members;
    config.detector.swim.probe_timeout_min = config.detector.swim.probe_timeout;
    let timeouts = config.detector.swim.probe_timeout * 3;
    let mut network = joined(128, &config);
    let mut waited = Duration::ZERO;
    let victims: Vec<String> = (0..16).map(|n| format!("p{}", 3 + 7 * n)).collect();
    for (n, victim) in (0..).zip(&victims) {
        network.run(secs(20) + Duration::from_millis(137 * n));
        network.events.clear();
        let begin = network.now();
        network.freeze(victim);
        let is_suspected = |(_, event): &(String, Event)| {
            matches!(event, Event::Member { state: MemberState::Suspect, .. })
        };
        while !network.events.iter().any(is_suspected) {
            assert!(network.now() < begin + secs(30), "{victim} is not found");
            network.run(Duration::from_millis(20));
        }
        waited += network.now().saturating_sub(begin);
    }
    let mean = waited.as_secs_f64() / 16.0 - timeouts.as_secs_f64();
    // The mean of 16 draws of an exponential time of 1 s is off by 0.25 s.
    assert!((0.5..=1.6).contains(&mean), "{mean} s");
}

#[test]
fn a_reserved_topic_is_refused() {
    let mut network = joined(2, &config());
    let payload = Payload::new(b"p2 is dead".to_vec()).expect("short");
    network.command("p1", Command::Broadcast { topic: Topic::members(), payload });
    let refused = ("p1".to_owned(), Event::Rejected(Rejection::ReservedTopic));
    assert_eq!(network.events, [refused]);
}
