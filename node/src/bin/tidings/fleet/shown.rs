//! What the demo has shown, held against what is promised.

use std::time::Duration;

use serde::Serialize;
use tidings_node::settings::Profile;

use super::figures::ratio;
use crate::output::print_table;

/// What is promised of a profile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Promises {
    /// Until a killed peer is noticed, and on no list.
    pub(super) killed: Duration,
    /// The same for a stopped one.
    pub(super) stopped: Duration,
    /// Every live peer comes to know as soon, and not only those.
    pub(super) to_all_peers: bool,
    /// Most duplicates per delivery; a flood's own if `None`.
    duplicates: Option<f64>,
}

/// A flood's own duplicates are measured on a graph that changes: allow for that.
const DUPLICATES_OVER: f64 = 1.05;

impl Promises {
    /// `classic`: R17 of docs/requirements.md and the detector's settings. `modern`: a choice.
    pub(super) const fn of(profile: Profile) -> Self {
        match profile {
            Profile::Classic => Self {
                killed: Duration::from_secs(14),
                stopped: Duration::from_secs(45),
                to_all_peers: false,
                duplicates: None,
            },
            Profile::Modern => Self {
                killed: Duration::from_secs(5),
                stopped: Duration::from_secs(15),
                to_all_peers: true,
                duplicates: Some(0.2),
            },
        }
    }

    /// When all of it must have come true.
    pub(super) fn longest(&self) -> Duration {
        self.on_lists(self.stopped)
    }

    /// Seed nodes check a report by probes of their own before they believe it.
    fn on_lists(&self, promise: Duration) -> Duration {
        if self.to_all_peers { promise + Duration::from_secs(5) } else { promise }
    }
}

/// What the demo has shown.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    pub(super) version: u32,
    pub(super) profile: String,
    pub(super) seed_nodes: usize,
    pub(super) peers: usize,
    pub(super) expected: usize,
    pub(super) delivered: usize,
    pub(super) duplicates_per_delivery: f64,
    pub(super) flood_duplicates_per_delivery: f64,
    pub(super) bytes_per_delivery: f64,
    pub(super) killed: Lost,
    pub(super) stopped: Lost,
    pub(super) stale_entries: usize,
    pub(super) rss_kib_max: Option<u64>,
    pub(super) threads_max: Option<u64>,
    pub(super) cores: usize,
    pub(super) broken_promises: Vec<String>,
}

/// A peer that was lost, and how soon it was dropped.
#[derive(Debug, Serialize)]
pub(super) struct Lost {
    pub(super) node: String,
    pub(super) first_neighbor_s: Option<f64>,
    pub(super) all_seed_nodes_s: Option<f64>,
    /// Until the last live peer held it dead, where peers tell each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) all_peers_s: Option<f64>,
}

impl Shown {
    /// What is not as promised.
    pub(super) fn broken(&self, promises: &Promises, before: &[String]) -> Vec<String> {
        let mut broken = before.to_vec();
        if self.delivered < self.expected || self.expected == 0 {
            broken.push(format!("{} of {} deliveries", self.delivered, self.expected));
        }
        if self.duplicates_per_delivery > self.max_duplicates(promises) {
            broken.push("more duplicates than promised".to_owned());
        }
        for (lost, promise) in [(&self.killed, promises.killed), (&self.stopped, promises.stopped)]
        {
            let is_late = |time: Option<f64>, most: Duration| {
                time.is_none_or(|time| time > most.as_secs_f64())
            };
            let words = humantime::format_duration;
            if is_late(lost.first_neighbor_s, promise) {
                broken.push(format!(
                    "{} still linked to all its neighbors after {}",
                    lost.node,
                    words(promise)
                ));
            }
            let on_lists = promises.on_lists(promise);
            if is_late(lost.all_seed_nodes_s, on_lists) {
                broken.push(format!("{} still registered after {}", lost.node, words(on_lists)));
            }
            if promises.to_all_peers && is_late(lost.all_peers_s, promise) {
                let promise = words(promise);
                broken.push(format!("some peer still held {} alive after {promise}", lost.node));
            }
        }
        if self.stale_entries > 0 {
            broken.push(format!("{} stale entries", self.stale_entries));
        }
        broken
    }

    fn max_duplicates(&self, promises: &Promises) -> f64 {
        promises.duplicates.unwrap_or(self.flood_duplicates_per_delivery * DUPLICATES_OVER)
    }

    pub(super) fn print(&self, promises: &Promises) -> std::io::Result<()> {
        let seconds =
            |time: Option<f64>| time.map_or_else(|| "never".to_owned(), |s| format!("{s:.2} s"));
        let percent = 100.0 * ratio(self.delivered, self.expected);
        let mut rows = vec![
            [
                "delivered, of (message, live peer) pairs".to_owned(),
                format!("{percent:.2} % ({} of {})", self.delivered, self.expected),
                "100 %".to_owned(),
            ],
            [
                "duplicates per delivery".to_owned(),
                format!("{:.2}", self.duplicates_per_delivery),
                match promises.duplicates {
                    Some(most) => format!("{most:.2}"),
                    None => format!("{:.2}, a flood's own + 5 %", self.max_duplicates(promises)),
                },
            ],
            [
                "bytes per delivery".to_owned(),
                format!("{:.0}", self.bytes_per_delivery),
                String::new(),
            ],
        ];
        for (lost, what, promise) in [
            (&self.killed, "killed", promises.killed),
            (&self.stopped, "stopped", promises.stopped),
        ] {
            let words = |promise| humantime::format_duration(promise).to_string();
            rows.push([
                format!("{what} {}: first neighbor dropped it", lost.node),
                seconds(lost.first_neighbor_s),
                words(promise),
            ]);
            if promises.to_all_peers {
                rows.push([
                    format!("{what} {}: every live peer held it dead", lost.node),
                    seconds(lost.all_peers_s),
                    words(promise),
                ]);
            }
            rows.push([
                format!("{what} {}: all seed nodes dropped it", lost.node),
                seconds(lost.all_seed_nodes_s),
                words(promises.on_lists(promise)),
            ]);
        }
        rows.push(["stale entries".to_owned(), self.stale_entries.to_string(), "0".to_owned()]);
        if let (Some(rss), Some(threads)) = (self.rss_kib_max, self.threads_max) {
            rows.push(["memory per peer, most".to_owned(), format!("{rss} KiB"), String::new()]);
            let threads = format!("{threads} on {} cores", self.cores);
            rows.push(["threads per peer, most".to_owned(), threads, String::new()]);
        }
        print_table(["", "shown", "promised"], rows.into_iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lost(first_neighbor_s: Option<f64>, all_seed_nodes_s: Option<f64>) -> Lost {
        let all_peers_s = None;
        Lost { node: "peer-5003".to_owned(), first_neighbor_s, all_seed_nodes_s, all_peers_s }
    }

    fn as_promised() -> Shown {
        Shown {
            version: 1,
            profile: "classic".to_owned(),
            seed_nodes: 3,
            peers: 10,
            expected: 100,
            delivered: 100,
            duplicates_per_delivery: 5.0,
            flood_duplicates_per_delivery: 5.0,
            bytes_per_delivery: 500.0,
            killed: lost(Some(0.0), Some(7.0)),
            stopped: lost(Some(34.0), Some(33.0)),
            stale_entries: 0,
            rss_kib_max: None,
            threads_max: None,
            cores: 2,
            broken_promises: Vec::new(),
        }
    }

    const CLASSIC: Promises = Promises::of(Profile::Classic);

    #[test]
    fn r29_the_modern_profile_promises_more() {
        let mut shown = as_promised();
        let told = |lost: &mut Lost, time| lost.all_peers_s = Some(time);
        shown.duplicates_per_delivery = 0.2;
        shown.stopped = lost(Some(9.0), Some(9.0));
        told(&mut shown.killed, 5.0);
        told(&mut shown.stopped, 15.0);
        let modern = Promises::of(Profile::Modern);
        assert!(shown.broken(&modern, &[]).is_empty());
        told(&mut shown.killed, 5.1);
        assert_eq!(shown.broken(&modern, &[]).len(), 1);
        shown.duplicates_per_delivery = 0.21;
        assert_eq!(shown.broken(&modern, &[]).len(), 2);
    }

    type Spoil = fn(&mut Shown);

    /// Each promise is seen to be broken when it is.
    #[test]
    fn r29_every_promise_can_be_broken() {
        assert!(as_promised().broken(&CLASSIC, &[]).is_empty());
        let breaks: [(Spoil, &str); 8] = [
            (|it| it.delivered = 99, "99 of 100 deliveries"),
            (|it| (it.expected, it.delivered) = (0, 0), "0 of 0 deliveries"),
            (|it| it.duplicates_per_delivery = 5.3, "more duplicates than promised"),
            (|it| it.killed = lost(Some(0.0), Some(14.1)), "still registered after 14s"),
            (|it| it.killed = lost(None, Some(7.0)), "still linked to all its neighbors after 14s"),
            (|it| it.stopped = lost(Some(34.0), None), "still registered after 45s"),
            (
                |it| it.stopped = lost(Some(45.1), Some(33.0)),
                "still linked to all its neighbors after 45s",
            ),
            (|it| it.stale_entries = 1, "1 stale entries"),
        ];
        for (spoil, words) in breaks {
            let mut shown = as_promised();
            spoil(&mut shown);
            let broken = shown.broken(&CLASSIC, &[]);
            assert!(broken.len() == 1 && broken[0].contains(words), "{words}: {broken:?}");
        }
        let before = ["peer-5001 ended by itself".to_owned()];
        assert_eq!(as_promised().broken(&CLASSIC, &before), before);
    }
}
