//! Every check fires: a good run is spoilt in the one way that the check is for.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::time::Duration;

use tidings_core::{Misbehavior, Removal};
use tidings_sim::check::{CHECKS, Evidence, Violation, check_all};
use tidings_sim::fact::{Accusation, Fact};
use tidings_sim::fault::{Fault, Scheduled};
use tidings_sim::history::{
    ActivityWhilePaused, Crossing, Entry, History, Life, LifeSpan, MessageTrace, Receipt,
};
use tidings_sim::host::HostId;
use tidings_sim::measure::Measures;
use tidings_sim::scenario::{Death, Scenario};
use tidings_sim::turmoil_world;

use crate::support::small;

/// A run in which nothing is wrong.
fn good() -> (Scenario, History) {
    static GOOD: OnceLock<History> = OnceLock::new();
    let scenario = small();
    let history = GOOD.get_or_init(|| turmoil_world::run(&small(), 1)).clone();
    (scenario, history)
}

fn check(scenario: &Scenario, history: &History) -> Vec<Violation> {
    let measures = Measures::of(scenario, history);
    check_all(&Evidence { scenario, history, measures: &measures })
}

/// A way to spoil a run, the check that must fire, and what it must say.
type Spoilt = (&'static str, fn(&mut Scenario, &mut History), &'static str);

const SPOILT: &[Spoilt] = &[
    ("finishes", |_, history| history.failure = Some("planted".to_owned()), "planted"),
    ("delivered-once", deliver_twice, "a second time"),
    ("delivered-once", deliver_own, "a second time"),
    ("said-by-somebody", unsay, "which nobody said"),
    ("said-by-somebody", foist, "which nobody said"),
    ("said-by-somebody", foresee, "which nobody said"),
    ("no-self-neighbor", neighbor_of_itself, "neighbor of itself"),
    ("bounds-hold", |scenario, _| scenario.config.overlay.max_links = 1, "the bound is 1"),
    ("bounds-hold", |scenario, _| scenario.config.broadcast.store_count = 0, "stored messages"),
    ("bounds-hold", |scenario, _| scenario.config.overlay.known_max = 0, "known peers"),
    ("bounds-hold", |scenario, _| scenario.config.broadcast.seen_max = 0, "remembered ids"),
    ("bounds-hold", |scenario, _| scenario.config.registration.registry_max = 0, "listed peers"),
    ("nobody-misbehaves", misbehave, "accuses peer-2"),
    ("schedule-performed", schedule_a_crash, "crash (silent) left no trace"),
    ("schedule-performed", schedule_a_leave, "leave left no trace"),
    ("schedule-performed", schedule_a_start, "start left no trace"),
    ("schedule-performed", act_while_paused, "spoke while it was paused"),
    ("schedule-performed", schedule_a_reset, "reset left no trace"),
    ("schedule-performed", schedule_a_seed_nodes_reset, "reset left no trace"),
    ("schedule-performed", cross_a_cut, "came across the cut from peer-2"),
    ("one-component", isolate_a_peer, "2 components"),
    ("one-component", silence_a_peer, "answered"),
    ("messages-held", lose_a_delivery, "lacks message"),
    ("all-said", say_less, "messages that it was given"),
    ("lists-right", list_a_dead_peer, "is over"),
    ("lists-right", list_a_stranger, "lists a stranger"),
    ("lists-right", forget_a_peer, "is on 0 lists, 2 are its quorum"),
    ("neighbors-live", keep_a_dead_neighbor, "is over"),
    ("neighbors-live", keep_a_strange_neighbor, "neighbor of a stranger"),
    ("limits", |it, _| it.limits.delivery_percent_min = Some(100.1), "at least 100.1 %"),
    ("limits", |it, _| it.limits.redundancy_max = Some(0.1), "at most 0.1"),
    ("limits", |it, _| it.limits.degree_dispersion_min = Some(99.0), "degree dispersion"),
    ("limits", |it, _| it.limits.coverage_50_max = Some(Duration::ZERO), "reach 50 %"),
    ("limits", |it, _| it.limits.coverage_100_max = Some(Duration::ZERO), "reach 100 %"),
    (
        "limits",
        |it, _| it.limits.delay_p99_max = Some(Duration::ZERO),
        "99 % of the deliveries took",
    ),
    ("limits", delay_one_delivery, "took 50s to the last peer, 30s is asked"),
    ("limits", |it, _| it.limits.reset_detection_max = Some(Duration::ZERO), "was listed for"),
    ("limits", |it, _| it.limits.silent_detection_max = Some(Duration::ZERO), "was listed for"),
    ("limits", |it, _| it.limits.others_coverage_100_max = Some(Duration::ZERO), "reach all peers"),
    (
        "limits",
        lose_a_message_of_steady_peers,
        "never reached some of the peers that are never paused",
    ),
    ("limits", never_join, "all peers are in one component never"),
    ("limits", join_late, "all peers are in one component after"),
    ("limits", never_register, "all peers are registered with a quorum never"),
    ("limits", register_late, "all peers are registered with a quorum after"),
    ("limits", remove_a_live_peer, "1 live peers were removed"),
];

#[test]
fn a_good_run_passes_every_check() {
    let (scenario, history) = good();
    assert_eq!(check(&scenario, &history), []);
}

#[test]
fn every_check_fires_when_it_should() {
    for (name, spoil, words) in SPOILT {
        let (mut scenario, mut history) = good();
        spoil(&mut scenario, &mut history);
        let violations = check(&scenario, &history);
        let hit = violations.iter().any(|it| it.check == *name && it.what.contains(words));
        assert!(hit, "{name} did not say {words:?}, only {violations:?}");
    }
}

/// Messages are kept for 120 s, longer than the run lasts: who wakes in time must get them.
#[test]
fn only_who_sleeps_until_a_message_is_gone_may_lack_it() {
    let lacks = |wakes: bool, sleeps_from: Duration| {
        let (scenario, mut history) = good();
        let survivors: BTreeSet<Life> = history.survivors().collect();
        let receipts = &mut message_trace(&mut history).receipts;
        let place = receipts.iter().position(|receipt| survivors.contains(&receipt.life));
        let host = receipts.remove(place.expect("a delivery")).life.host;
        let faults = &mut history.schedule.faults;
        faults.push(Scheduled { at: sleeps_from, fault: Fault::Suspend(host) });
        if wakes {
            faults.push(Scheduled { at: scenario.duration, fault: Fault::Wake(host) });
        }
        let found = check(&scenario, &history);
        found.iter().any(|it| it.check == "messages-held" && it.host == Some(host))
    };
    let (first, last) = (Duration::ZERO, small().duration);
    assert!(!lacks(false, first), "it slept from before it was said, for ever");
    assert!(lacks(true, first), "it woke while it could be had");
    assert!(lacks(false, last), "it fell asleep long after it was said");
}

#[test]
fn every_check_is_spoilt_at_least_once() {
    let spoilt: BTreeSet<_> = SPOILT.iter().map(|(name, ..)| *name).collect();
    let all: BTreeSet<_> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(spoilt, all);
}

fn first(history: &History, wanted: impl Fn(&Fact) -> bool) -> Entry {
    history.entries.iter().find(|entry| wanted(&entry.fact)).expect("such an event").clone()
}

/// A message that somebody got who lives to the end.
fn message_trace(history: &mut History) -> &mut MessageTrace {
    let survivors: BTreeSet<Life> = history.survivors().collect();
    let is_good = |message_trace: &&mut MessageTrace| {
        message_trace.receipts.iter().any(|it| survivors.contains(&it.life))
    };
    history.message_traces.iter_mut().find(is_good).expect("a delivery")
}

fn deliver_twice(_: &mut Scenario, history: &mut History) {
    let message_trace = message_trace(history);
    message_trace.receipts.push(message_trace.receipts[0]);
}

fn deliver_own(_: &mut Scenario, history: &mut History) {
    let message_trace = message_trace(history);
    let (life, at) = message_trace.said.expect("it was said");
    message_trace.receipts.push(Receipt { life, at, ..message_trace.receipts[0] });
}

fn unsay(_: &mut Scenario, history: &mut History) {
    message_trace(history).said = None;
}

fn foist(_: &mut Scenario, history: &mut History) {
    message_trace(history).claimed.push(None);
}

fn foresee(_: &mut Scenario, history: &mut History) {
    let message_trace = message_trace(history);
    let (_, said) = message_trace.said.expect("it was said");
    message_trace.receipts[0].at = said.saturating_sub(Duration::from_micros(1));
}

fn neighbor_of_itself(_: &mut Scenario, history: &mut History) {
    let mut up = first(history, |fact| matches!(fact, Fact::NeighborUp { .. }));
    if let Fact::NeighborUp { peer, .. } = &up.fact {
        up.life.host = history.host_of(peer.subject()).expect("a host");
    }
    history.entries.push(up);
}

fn misbehave(_: &mut Scenario, history: &mut History) {
    let mut entry = first(history, |fact| matches!(fact, Fact::NeighborUp { .. }));
    let node = history.ids.iter().find(|(_, host)| **host == HostId::peer(1)).map(|(id, _)| *id);
    let accusation = Accusation { node, what: Misbehavior::WrongEcho };
    entry.fact = Fact::Misbehaved(Box::new(accusation));
    history.entries.push(entry);
}

/// A peer that lived throughout.
fn survivor(history: &History) -> Life {
    history.survivors().find(|life| life.host.is_peer()).expect("one is left")
}

fn schedule(history: &mut History, fault: impl Fn(HostId) -> Fault) {
    let fault = fault(survivor(history).host);
    history.schedule.faults.push(Scheduled { at: Duration::from_secs(20), fault });
}

fn schedule_a_crash(_: &mut Scenario, history: &mut History) {
    schedule(history, |host| Fault::Crash(host, Death::Silent));
}

fn schedule_a_leave(_: &mut Scenario, history: &mut History) {
    schedule(history, Fault::Leave);
}

fn schedule_a_start(_: &mut Scenario, history: &mut History) {
    schedule(history, Fault::Start);
}

fn act_while_paused(_: &mut Scenario, history: &mut History) {
    history
        .activity_while_paused
        .push(ActivityWhilePaused { at: Duration::from_secs(20), host: HostId::peer(0) });
}

fn schedule_a_reset(_: &mut Scenario, history: &mut History) {
    schedule(history, Fault::Reset);
}

fn schedule_a_seed_nodes_reset(_: &mut Scenario, history: &mut History) {
    schedule(history, |_| Fault::Reset(HostId::seed_node(0)));
}

fn cross_a_cut(_: &mut Scenario, history: &mut History) {
    let (from, to) = (HostId::peer(1), HostId::peer(0));
    history.crossings.push(Crossing { at: Duration::from_secs(20), from, to });
}

fn isolate_a_peer(_: &mut Scenario, history: &mut History) {
    let alone = survivor(history);
    let view = history.last.nodes.get_mut(&alone).expect("it answered");
    view.neighbors.clear();
}

fn silence_a_peer(_: &mut Scenario, history: &mut History) {
    let silent = survivor(history);
    history.last.nodes.remove(&silent);
}

fn lose_a_delivery(_: &mut Scenario, history: &mut History) {
    let survivors: BTreeSet<Life> = history.survivors().collect();
    let message_trace = message_trace(history);
    let place = message_trace.receipts.iter().position(|receipt| survivors.contains(&receipt.life));
    message_trace.receipts.remove(place.expect("a delivery"));
}

/// A peer that lives on has said nothing at all.
fn say_less(_: &mut Scenario, history: &mut History) {
    let survivors: BTreeSet<Life> = history.survivors().collect();
    let said = history.message_traces.iter().filter_map(|message_trace| message_trace.said);
    let mute = said.map(|(life, _)| life).find(|life| survivors.contains(life)).expect("a source");
    history.message_traces.retain(|it| it.said.is_none_or(|(life, _)| life != mute));
}

/// The lists of the live seed nodes.
fn lists(history: &mut History) -> impl Iterator<Item = &mut Vec<Option<Life>>> + '_ {
    let seed_nodes = history.last.nodes.iter_mut().filter(|(life, _)| !life.host.is_peer());
    seed_nodes.map(|(_, view)| &mut view.listed)
}

fn keep_a_dead_neighbor(_: &mut Scenario, history: &mut History) {
    let over = |(life, span): (&Life, &LifeSpan)| span.ended.is_some().then_some(*life);
    let dead = history.lives.iter().find_map(over);
    keep(history, dead);
}

fn keep_a_strange_neighbor(_: &mut Scenario, history: &mut History) {
    keep(history, None);
}

fn keep(history: &mut History, neighbor: Option<Life>) {
    let peer = survivor(history);
    history.last.nodes.get_mut(&peer).expect("it answered").neighbors.push(neighbor);
}

fn list_a_dead_peer(_: &mut Scenario, history: &mut History) {
    let over = |(life, span): (&Life, &LifeSpan)| span.ended.is_some().then_some(*life);
    let dead = history.lives.iter().find_map(over);
    lists(history).next().expect("a seed node").push(dead);
}

fn list_a_stranger(_: &mut Scenario, history: &mut History) {
    lists(history).next().expect("a seed node").push(None);
}

fn forget_a_peer(_: &mut Scenario, history: &mut History) {
    let forgotten = survivor(history);
    for list in lists(history) {
        list.retain(|listed| *listed != Some(forgotten));
    }
}

/// One delivery of some thousand takes longer than the limit, which no median shows.
fn delay_one_delivery(scenario: &mut Scenario, history: &mut History) {
    scenario.limits.delay_max = Some(Duration::from_secs(30));
    scenario.limits.delay_p99_max = Some(Duration::from_secs(30));
    let survivors: BTreeSet<Life> = history.survivors().collect();
    let lives = history.lives.clone();
    let was_there = |life: Life, said| {
        survivors.contains(&life) && lives[&life].joined.is_some_and(|joined| joined <= said)
    };
    let late = history.message_traces.iter_mut().find_map(|trace| {
        let (_, said) = trace.said?;
        let receipt = trace.receipts.iter_mut().find(|it| was_there(it.life, said))?;
        Some((said, receipt))
    });
    let (said, receipt) = late.expect("a delivery");
    receipt.at = said + Duration::from_secs(50);
}

fn lose_a_message_of_steady_peers(scenario: &mut Scenario, history: &mut History) {
    scenario.limits.others_coverage_100_max = Some(Duration::from_mins(1));
    let stalled_hosts = history.schedule.stalled_hosts();
    let survivors: BTreeSet<Life> = history.survivors().collect();
    let is_steady = |life: Life| survivors.contains(&life) && !stalled_hosts.contains(&life.host);
    let is_from_steady = |message_trace: &&mut MessageTrace| {
        message_trace.said.is_some_and(|(life, _)| is_steady(life))
    };
    let message_trace =
        history.message_traces.iter_mut().find(is_from_steady).expect("a steady origin");
    let place = message_trace.receipts.iter().position(|receipt| is_steady(receipt.life));
    message_trace.receipts.remove(place.expect("a delivery"));
}

/// How far the tests of the order after the last fault go.
const SOON: Duration = Duration::from_secs(5);

/// Long after the last fault.
const LATE: Duration = Duration::from_secs(44);

fn is_join(entry: &Entry, peer: Life, _: &History) -> bool {
    entry.life == peer && matches!(entry.fact, Fact::NeighborUp { .. })
}

fn is_registration(entry: &Entry, peer: Life, history: &History) -> bool {
    matches!(&entry.fact, Fact::PeerRegistered { peer: it } if history.life_of(it) == Some(peer))
}

/// Takes out what makes a survivor belong, and returns it.
fn take(history: &mut History, wanted: fn(&Entry, Life, &History) -> bool) -> Vec<Entry> {
    let peer = survivor(history);
    let (taken, left): (Vec<Entry>, Vec<Entry>) =
        history.entries.iter().cloned().partition(|entry| wanted(entry, peer, history));
    history.entries = left;
    assert!(!taken.is_empty(), "nothing to take");
    taken
}

fn never_join(scenario: &mut Scenario, history: &mut History) {
    scenario.limits.one_component_max = Some(SOON);
    take(history, is_join);
}

fn join_late(scenario: &mut Scenario, history: &mut History) {
    scenario.limits.one_component_max = Some(SOON);
    let late = take(history, is_join).into_iter().map(|entry| Entry { at: LATE, ..entry });
    history.entries.extend(late);
}

fn never_register(scenario: &mut Scenario, history: &mut History) {
    scenario.limits.quorum_max = Some(SOON);
    take(history, is_registration);
}

fn register_late(scenario: &mut Scenario, history: &mut History) {
    scenario.limits.quorum_max = Some(SOON);
    let late = take(history, is_registration).into_iter().map(|entry| Entry { at: LATE, ..entry });
    history.entries.extend(late);
}

fn remove_a_live_peer(_: &mut Scenario, history: &mut History) {
    let survivors: BTreeSet<Life> = history.survivors().collect();
    let lives_on = |peer| history.life_of(peer).is_some_and(|life| survivors.contains(&life));
    let registered = history
        .entries
        .iter()
        .find(|entry| matches!(&entry.fact, Fact::PeerRegistered { peer } if lives_on(peer)));
    let mut entry = registered.expect("a registration").clone();
    if let Fact::PeerRegistered { peer } = entry.fact {
        entry.fact = Fact::PeerRemoved { peer, reason: Removal::Dead };
    }
    // Long after the last fault, so that nothing excuses it.
    entry.at = Duration::from_secs(44);
    history.entries.push(entry);
}
