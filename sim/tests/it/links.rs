//! What the event engine's links do to messages: bandwidth, overrun, held cuts.

use std::time::Duration;

use tidings_core::{LinkLoss, NeighborLoss};
use tidings_sim::event_world;
use tidings_sim::fact::Fact;
use tidings_sim::history::History;
use tidings_sim::measure::Measures;
use tidings_sim::scenario::{Scenario, load};

use crate::support::small_path;

/// Quiet nodes, one of whom says something of so many bytes every 500 ms.
fn scenario(size: usize, changes: &[&str]) -> Scenario {
    let size = format!("size={size}");
    let quiet = ["engine='events'", "fault=[]", "gossip_count=0", "every=500ms", &size];
    let changes: Vec<String> = quiet.iter().chain(changes).map(|&it| it.to_owned()).collect();
    load(&small_path(), &changes).expect("a scenario")
}

fn run(size: usize, changes: &[&str]) -> (Scenario, History) {
    let scenario = scenario(size, changes);
    let history = event_world::run(&scenario, 1);
    assert_eq!(history.failure, None);
    (scenario, history)
}

/// Median time until every peer had a message, in milliseconds.
fn coverage(size: usize, changes: &[&str]) -> u128 {
    let (scenario, history) = run(size, changes);
    let measures = Measures::of(&scenario, &history);
    let mut times: Vec<_> = measures.messages.iter().map(|it| it.coverage(100)).collect();
    times.sort_unstable();
    times[times.len() / 2].expect("most reach everybody").as_millis()
}

/// Links that were given up because too much waited.
fn stalled(history: &History) -> Vec<(Duration, String)> {
    const STALLED: NeighborLoss = NeighborLoss::LinkLost(LinkLoss::Stalled);
    let is_stalled = |fact: &Fact| matches!(fact, Fact::NeighborDown { reason: STALLED, .. });
    let entries = history.entries.iter().filter(|entry| is_stalled(&entry.fact));
    entries.map(|entry| (entry.at, entry.life.host.to_string())).collect()
}

/// 50 kB take an uplink of 1 MB/s 50 ms per copy, and a peer makes up to seven.
#[test]
fn a_big_payload_costs_time_where_bandwidth_is_scarce() {
    let (small, big) = (coverage(32, &[]), coverage(50_000, &[]));
    assert_eq!(small, big, "without a bound its size costs nothing");
    let narrow = ["bandwidth=1000000"];
    let (small_there, big_there) = (coverage(32, &narrow), coverage(50_000, &narrow));
    assert!(small_there <= small + 8, "{small_there} ms, {small} ms without a bound");
    assert!(big_there > small + 100, "{big_there} ms, {small_there} ms with 32 bytes");
}

/// Every 500 ms eight copies or so of 60 kB leave each peer, until the 40th second. With 150 kB/s that is
/// more than goes through.
#[test]
fn where_bandwidth_is_scarce_sources_wait_and_nothing_is_lost() {
    let long = ["store_bytes=2000000", "duration='300s'", "calm='260s'"];
    for (bandwidth, waits) in [("bandwidth=4000000", false), ("bandwidth=150000", true)] {
        let (scenario, history) = run(60_000, &[&[bandwidth], &long[..]].concat());
        assert_eq!(stalled(&history), []);
        let messages = Measures::of(&scenario, &history).messages;
        assert_eq!(messages.len(), 73);
        assert!(messages.iter().all(|message| message.coverage(100).is_some()));
        let last = messages.iter().map(|message| message.sent).max().expect("some");
        assert_eq!(last > Duration::from_secs(41), waits, "{last:?}");
    }
}

/// Nothing else stands still while a cut holds back what crosses it.
#[test]
fn a_held_cut_gives_up_only_links_across_it() {
    let cut = |length: &str| {
        let nodes = "'seed-1','peer-1','peer-2','peer-3','peer-4'";
        let place = format!("nodes=[{nodes}],at='8s',for='{length}'");
        format!("fault=[{{kind='partition',mode='held',{place}}}]")
    };
    let run =
        |length: &str| run(60_000, &["misses=10", "calm='60s'", "duration='105s'", &cut(length)]).1;
    // 1 MiB is 17 messages, and half of them are said on the other side.
    assert_eq!(stalled(&run("4s")), []);
    let long = run("15s");
    let given_up = stalled(&long);
    assert!(!given_up.is_empty());
    let inside = ["peer-1", "peer-2", "peer-3", "peer-4"];
    for entry in &long.entries {
        if let Fact::NeighborDown { peer, reason: NeighborLoss::LinkLost(LinkLoss::Stalled) } =
            &entry.fact
        {
            let far = long.host_of(peer.subject()).expect("a host").to_string();
            let near = entry.life.host.to_string();
            let is_across = inside.contains(&&*near) != inside.contains(&&*far);
            assert!(is_across, "{near} gave up {far}");
        }
    }
}
