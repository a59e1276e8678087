//! Flow control: who is slow makes sources wait, is never taken for dead, and gets all.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use tidings_core::MessageId;
use tidings_sim::check::Violation;
use tidings_sim::fact::Fact;
use tidings_sim::history::{History, MessageTrace};
use tidings_sim::host::HostId;
use tidings_sim::hunt::planted_bug::planted;
use tidings_sim::hunt::run_checked;
use tidings_sim::scenario::{Engine, Scenario, load};
use tidings_sim::sweep::run_and;

use crate::support::small_path;

const SLOW: HostId = HostId::peer(2);

/// 20 kB every 200 ms, in a network whose stores hold 20 of them.
const MUCH: [&str; 4] = ["gossip_count=0", "every=200ms", "size=20000", "store_bytes=400000"];

fn scenario(changes: &[&str]) -> Scenario {
    let changes: Vec<String> = MUCH.iter().chain(changes).map(|&it| it.to_owned()).collect();
    load(&small_path(), &changes).expect("a scenario")
}

/// The program of one peer does not read for so many seconds, from the sixth on.
fn stop(seconds: u64) -> String {
    format!("fault=[{{kind='stop-reader',nodes=['{SLOW}'],at='6s',for='{seconds}s'}}]")
}

fn run(scenario: &Scenario) -> (Vec<Violation>, History) {
    let (result, history) = run_and(scenario, 1, History::clone);
    (result.violations, history)
}

/// Seconds of simulated time.
fn within(seconds: Range<u64>) -> impl Fn(Duration) -> bool {
    let seconds = Duration::from_secs(seconds.start)..Duration::from_secs(seconds.end);
    move |at| seconds.contains(&at)
}

/// How many messages were said then.
fn said(history: &History, seconds: Range<u64>) -> usize {
    let is_then = within(seconds);
    let said = history.message_traces.iter().filter_map(|message_trace| message_trace.said);
    said.filter(|(_, at)| is_then(*at)).count()
}

/// How many messages reached the slow peer then.
fn taken(history: &History, seconds: Range<u64>) -> usize {
    let is_then = within(seconds);
    let receipts = history.message_traces.iter().flat_map(|message_trace| &message_trace.receipts);
    receipts.filter(|receipt| receipt.life.host == SLOW && is_then(receipt.at)).count()
}

/// A second fills a quarter of its store, and another one a quarter of its neighbors' stores.
#[test]
fn a_stopped_reader_slows_sources_and_nothing_is_lost() {
    for engine in ["turmoil", "events"] {
        let engine = format!("engine='{engine}'");
        let (violations, quick) = run(&scenario(&[&engine, "fault=[]"]));
        assert_eq!((violations, said(&quick, 11..21)), (vec![], 50), "{engine}");
        let (violations, slowed) = run(&scenario(&[&engine, &stop(15)]));
        assert_eq!(violations, [], "{engine}");
        assert_eq!((said(&slowed, 11..21), taken(&slowed, 11..21)), (0, 0), "{engine}");
        assert!(said(&slowed, 21..23) > 40, "{engine}: what waited is said at once");
        assert_eq!(slowed.message_traces.len(), quick.message_traces.len(), "{engine}");
    }
}

/// The store would keep nothing for longer than it takes a message to grow too old.
#[test]
fn nobody_waits_for_a_reader_for_longer_than_messages_are_kept() {
    for engine in ["turmoil", "events"] {
        let engine = format!("engine='{engine}'");
        let (violations, history) = run(&scenario(&[&engine, "store_age=6s", &stop(18)]));
        assert_eq!(violations, [], "{engine}");
        assert_eq!(said(&history, 10..12), 0, "{engine}");
        assert!(said(&history, 12..15) > 20, "{engine}: what waited, and what is new");
        assert_eq!(said(&history, 15..23), 40, "{engine}");
        assert!(taken(&history, 15..23) > 30, "{engine}");
    }
}

/// The profile modern, with stores that hold a hundred of them.
fn modern(changes: &[&str]) -> Scenario {
    let modern = ["profile=modern", "store_bytes=2000000"];
    let changes = [&["calm='290s'", "duration='340s'"], changes].concat();
    scenario(&[&modern[..], &changes].concat())
}

/// It says all that it is asked, so nobody has a reason to.
#[test]
fn a_peer_whose_reader_stands_still_is_neither_suspected_nor_left() {
    for engine in [Engine::Turmoil, Engine::Events] {
        let (violations, history) = run(&Scenario { engine, ..modern(&[&stop(40)]) });
        assert_eq!(violations, [], "{}", engine.name());
        let waits = (said(&history, 32..39), taken(&history, 25..39));
        assert_eq!(waits, (0, 0), "{}: sources wait", engine.name());
        let suspects = history.first_suspected.keys().filter(|life| life.host == SLOW);
        assert_eq!(suspects.count(), 0, "{}", engine.name());
        let is_of_slow = |fact: &Fact| {
            matches!(fact, Fact::PeerProbing { peer, .. } | Fact::PeerRemoved { peer, .. }
                if history.host_of(peer.subject()) == Some(SLOW))
        };
        assert!(!history.entries.iter().any(|entry| is_of_slow(&entry.fact)), "{}", engine.name());
    }
}

#[test]
fn credit_that_never_comes_back_and_names_that_nobody_pulls_are_seen() {
    let classic = scenario(&["engine=events", &stop(15)]);
    let modern = modern(&["engine=events", &stop(40)]);
    let broken = |scenario: &Scenario, bug: &str| {
        let bug = planted(bug).expect("a planted bug");
        let (_, violations) = run_checked(scenario, 1, Some(bug));
        violations.iter().any(|violation| bug.checks.contains(&violation.check))
    };
    // A flood names messages to those alone that were away.
    let join = format!("fault=[{{kind='join',nodes=['{SLOW}'],at='20s'}}]");
    let join = scenario(&["engine=events", "store_bytes=8000000", &join]);
    for (scenario, bug) in
        [(&classic, "lost-credit"), (&modern, "lost-credit"), (&join, "name-never-pulled")]
    {
        assert_eq!(run_checked(scenario, 1, None).1, []);
        assert!(broken(scenario, bug), "{bug}");
    }
}

/// How many messages share their envelope with another one.
fn sharing(message_traces: &[MessageTrace]) -> usize {
    let mut envelopes: BTreeMap<MessageId, usize> = BTreeMap::new();
    for message_trace in message_traces {
        *envelopes.entry(message_trace.id).or_default() += 1;
    }
    envelopes.values().filter(|messages| **messages > 1).sum()
}

/// While sources wait for the reader, each has some messages to say, and then says them all in one moment.
#[test]
fn what_is_said_while_links_are_busy_shares_envelopes() {
    for (bandwidth, shares) in [(None, false), (Some("bandwidth=4000000"), true)] {
        let stop = stop(15);
        let much = ["engine=events", "every=100ms", "store_bytes=2000000", &stop];
        let changes = much.into_iter().chain(bandwidth);
        let (violations, history) = run(&scenario(&changes.collect::<Vec<_>>()));
        assert_eq!(violations, [], "{bandwidth:?}");
        assert_eq!(history.message_traces.len(), 361, "{bandwidth:?}");
        let sharing = sharing(&history.message_traces);
        assert_eq!(sharing > 30, shares, "{bandwidth:?}: {sharing}");
        assert_eq!(sharing > 0, shares, "{bandwidth:?}: {sharing}");
    }
}
