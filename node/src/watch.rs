//! What went wrong without ending anything: refusals, drops, limits. Each reason is told at most once a minute,
//! with how often it happened since, and counted for whoever asks.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tidings_core::wire::{PreambleError, Refusal};
use tidings_core::{AddressRecord, Config, Event, Limits, LinkLoss, Node, NodeId, Stats};
use tokio::time::Instant;

use crate::own_trouble::handle_limit;

/// How long a reason is kept quiet after it was told.
const QUIET: Duration = Duration::from_mins(1);

/// How often counters are looked at, at most: a turn of a busy node has no time for that.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Something went wrong, or did so again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// Which reason, in one word: its name in [`NodeReport::warnings`](crate::NodeReport::warnings).
    pub reason: &'static str,
    /// How often since it was told last.
    pub count: u64,
    /// What it means, and which setting or limit it is about.
    pub text: String,
}

/// Counts reasons, and says when to tell of them.
#[derive(Debug)]
pub(crate) struct Watch {
    reasons: BTreeMap<&'static str, Reason>,
    seen: Seen,
    next_look: Option<Instant>,
}

/// The counters of the protocol when they were looked at last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    limits: Limits,
    hellos_missed: u64,
}

impl Seen {
    const fn of(stats: &Stats) -> Self {
        Self { limits: stats.limits, hellos_missed: stats.hellos_missed }
    }
}

#[derive(Clone, Debug, Default)]
struct Reason {
    count: u64,
    told: u64,
    told_at: Option<Instant>,
    /// What happened last.
    text: String,
}

/// Troubles of this machine, which links and listeners count from tasks of their own.
#[derive(Debug, Default)]
pub(crate) struct OwnTroubles(Mutex<[Trouble; 3]>);

#[derive(Clone, Debug, Default)]
struct Trouble {
    count: u64,
    error: String,
}

/// What came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    Accept,
    /// A connection that was closed at once: its handle is kept for something else.
    Keep,
    Dial,
}

impl OwnTroubles {
    pub(crate) fn note(&self, failed: Failed, error: &dyn std::error::Error) {
        let Ok(mut troubles) = self.0.lock() else { return };
        let place = match failed {
            Failed::Accept => 0,
            Failed::Keep => 1,
            Failed::Dial => 2,
        };
        troubles[place].count += 1;
        troubles[place].error = error.to_string();
    }
}

impl Watch {
    pub(crate) fn new(stats: &Stats) -> Self {
        Self { reasons: BTreeMap::new(), seen: Seen::of(stats), next_look: None }
    }

    /// Counts one more.
    pub(crate) fn note(&mut self, reason: &'static str, text: String) {
        self.add(reason, 1, text);
    }

    fn add(&mut self, reason: &'static str, count: u64, text: String) {
        let reason = self.reasons.entry(reason).or_default();
        reason.count += count;
        reason.text = text;
    }

    /// What an event says that nobody else warns of.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the rest is told by itself, or is no trouble"
    )]
    pub(crate) fn on_event(&mut self, event: &Event) {
        match event {
            Event::HelloRefused { from, reason } => {
                if let Some(name) = refusal(*reason) {
                    self.note(name, format!("the hello of {from} was refused: {}", by_us(*reason)));
                }
            }
            Event::NeighborRefused { by, reason } => self.on_refused_by(*by, *reason),
            _ => {}
        }
    }

    fn on_refused_by(&mut self, by: NodeId, reason: Refusal) {
        if let Some(name) = refusal(reason) {
            self.note(name, format!("{by} refused the hello of this node: {reason}"));
        }
    }

    /// A connection ended at its preamble.
    pub(crate) fn on_loss(&mut self, loss: LinkLoss) {
        let LinkLoss::Preamble(error) = loss else { return };
        let reason = match error {
            PreambleError::Magic => "other_programs",
            PreambleError::Version(_) | PreambleError::Kind(_) | PreambleError::Refused { .. } => {
                "other_versions"
            }
        };
        self.note(reason, format!("a connection ended at its first bytes: {error}"));
    }

    /// Looks at what the protocol has counted. `late`: the neighbor that missed a message last.
    fn look_at(&mut self, stats: &Stats, config: &Config, late: Option<&AddressRecord>) {
        let before = std::mem::replace(&mut self.seen, Seen::of(stats));
        let silent = stats.hellos_missed - before.hellos_missed;
        if silent > 0 {
            let text = "accepted connections said no hello in time (accept_timeout)".to_owned();
            self.add("silent_connections", silent, text);
        }
        let both = limits(&stats.limits).into_iter().zip(limits(&before.limits));
        for ((reason, now), (_, then)) in both.filter(|((_, now), (_, then))| now > then) {
            self.add(reason, now - then, meaning(reason, config, late));
        }
    }

    /// Looks at what this machine lacked.
    fn look_at_own(&mut self, own: &OwnTroubles) {
        let Ok(mut own) = own.0.lock() else { return };
        if own.iter().all(|trouble| trouble.count == 0) {
            return;
        }
        let taken = std::mem::take(&mut *own);
        drop(own);
        let limit = handle_limit().map_or_else(|| "no limit".to_owned(), |limit| limit.to_string());
        let limit = format!("this process may open {limit} files (ulimit -n)");
        let [accept, keep, dial] = taken;
        for (reason, trouble, what) in [
            ("accepts_failed", accept, "connections could not be accepted"),
            ("handles_kept", keep, "connections were closed at once"),
            ("dials_not_tried", dial, "dials could not be tried, which is held against nobody"),
        ] {
            if trouble.count > 0 {
                let text = format!("{what}: {}; {limit}", trouble.error);
                self.add(reason, trouble.count, text);
            }
        }
    }

    /// Looks at everything that is counted elsewhere, unless it did so just now. Returns what is to be told.
    pub(crate) fn look(&mut self, now: Instant, node: &Node, own: &OwnTroubles) -> Vec<Warning> {
        if self.next_look.is_some_and(|next| now < next) {
            return Vec::new();
        }
        self.next_look = Some(now + LOOK_EVERY);
        if self.seen != Seen::of(node.stats()) {
            self.look_at(node.stats(), node.config(), node.late_neighbor());
        }
        self.look_at_own(own);
        self.due(now)
    }

    /// What is to be told now.
    fn due(&mut self, now: Instant) -> Vec<Warning> {
        let mut due = Vec::new();
        for (name, reason) in &mut self.reasons {
            let is_quiet = reason.told_at.is_some_and(|told_at| now < told_at + QUIET);
            if reason.count > reason.told && !is_quiet {
                let (count, text) = (reason.count - reason.told, reason.text.clone());
                due.push(Warning { reason: name, count, text });
                (reason.told, reason.told_at) = (reason.count, Some(now));
            }
        }
        due
    }

    /// When to look again at the latest: something is to be told that is kept quiet now, or was not looked at.
    pub(crate) fn next_due(&self, stats: &Stats) -> Option<Instant> {
        let unseen = self.next_look.filter(|_| self.seen != Seen::of(stats));
        let untold = self.reasons.values().filter(|reason| reason.count > reason.told);
        let quiet = untold
            .filter_map(|reason| reason.told_at.map_or(self.next_look, |at| Some(at + QUIET)));
        quiet.chain(unseen).min()
    }

    /// How often each reason was met since the start.
    pub(crate) fn totals(&self) -> BTreeMap<String, u64> {
        let total = |(name, reason): (&&str, &Reason)| ((*name).to_owned(), reason.count);
        self.reasons.iter().map(total).collect()
    }
}

/// The name of a refusal that somebody should look at. The others are how networks work: nodes are busy,
/// leave, meet themselves, or are dialed where another one was before.
const fn refusal(reason: Refusal) -> Option<&'static str> {
    match reason {
        Refusal::WrongNetwork => Some("other_networks"),
        Refusal::WrongRole => Some("wrong_roles"),
        Refusal::StaleEpoch => Some("older_lives"),
        Refusal::OtherParts { .. } => Some("other_settings"),
        Refusal::NotNamed => Some("not_named"),
        Refusal::RegistryFull
        | Refusal::Busy
        | Refusal::WrongNode
        | Refusal::Yourself
        | Refusal::Duplicate
        | Refusal::Leaving => None,
    }
}

/// A refusal's reason in the words of who refuses.
fn by_us(reason: Refusal) -> String {
    match reason {
        Refusal::WrongNetwork => "it belongs to another network (network)".to_owned(),
        Refusal::WrongRole => "this node's role, or its parts, do not offer that".to_owned(),
        Refusal::StaleEpoch => "this node knows a newer life of it".to_owned(),
        Refusal::NotNamed => {
            "it is none of the seed nodes that this one decides with (--seed, --seed-file)"
                .to_owned()
        }
        Refusal::OtherParts { has, asks } => {
            format!("settings differ: this node has {has}; it has {asks}")
        }
        Refusal::RegistryFull
        | Refusal::Busy
        | Refusal::WrongNode
        | Refusal::Yourself
        | Refusal::Duplicate
        | Refusal::Leaving => reason.to_string(),
    }
}

/// Limits whose being hit takes something from somebody. Not among them are those that a network works at all
/// the time: full views and books, busy neighbors, replies that are not owed.
const fn limits(limits: &Limits) -> [(&'static str, u64); 15] {
    [
        ("pending_full", limits.pending),
        ("registry_full", limits.registry),
        ("probes_waiting", limits.probes),
        ("seen_full", limits.seen),
        ("store_full", limits.store),
        ("store_owed", limits.owed),
        ("overruns", limits.overruns),
        ("notices_dropped", limits.notices),
        ("pulls_full", limits.pulls),
        ("lost_full", limits.lost),
        ("reporters_full", limits.reporters),
        ("missing_full", limits.missing),
        ("members_full", limits.members),
        ("requests_full", limits.requests),
        ("votes_full", limits.votes),
    ]
}

/// What it means that one of the [`limits`] was hit, and by which setting it is what it is.
fn meaning(reason: &str, config: &Config, late: Option<&AddressRecord>) -> String {
    let Config { links, registration, overlay, broadcast, detector, .. } = config;
    let (count, bytes) = (broadcast.store_count, broadcast.store_bytes);
    let store = format!("store_count = {count}, store_bytes = {bytes}");
    let max_links = overlay.max_links;
    let registry_max = registration.registry_max;
    match reason {
        "pending_full" => {
            let max = links.max_pending;
            format!("connections were closed: as many have no hello yet (max_pending = {max})")
        }
        "registry_full" => {
            format!("registrations were refused: the list is full (registry_max = {registry_max})")
        }
        "probes_waiting" => {
            let max = registration.probes_max;
            format!("probes had to wait (probes_max = {max}, max_links = {max_links})")
        }
        "seen_full" => {
            let max = broadcast.seen_max;
            format!("ids were forgotten early, so a message may come twice (seen_max = {max})")
        }
        "store_full" => {
            format!("messages left the store early, so who comes back misses them ({store})")
        }
        "store_owed" => {
            let who = late.map_or_else(|| "a neighbor".to_owned(), ToString::to_string);
            format!("messages left the store before {who} had them ({store}, store_age)")
        }
        "overruns" => "links were closed: the other side read too slowly".to_owned(),
        "notices_dropped" => "notices to a seed node were dropped: too many wait for it".to_owned(),
        "pulls_full" => {
            format!("messages were not asked for: too many are awaited (store_count = {count})")
        }
        "lost_full" => {
            format!("lost neighbors were not watched (max_links = {max_links})")
        }
        "reporters_full" => {
            format!("false reports were forgotten (registry_max = {registry_max})")
        }
        "missing_full" => {
            format!("announcements were not noted (store_count = {count})")
        }
        "members_full" => {
            let max = detector.swim.members_max;
            format!("members were not noted: the table is full (members_max = {max})")
        }
        "requests_full" => {
            format!("probes for others were refused (max_links = {max_links})")
        }
        _ => {
            let max = registration.votes_max;
            format!("proposals were not put, or votes not given (votes_max = {max})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(watch: &mut Watch, now: Instant) -> Vec<(&'static str, u64)> {
        watch.due(now).into_iter().map(|warning| (warning.reason, warning.count)).collect()
    }

    #[test]
    fn a_reason_is_told_once_a_minute_with_a_count_and_the_rest_later() {
        let (mut watch, start) = (Watch::new(&Stats::default()), Instant::now());
        watch.note("a", "x".to_owned());
        assert_eq!(told(&mut watch, start), [("a", 1)]);
        (0..300).for_each(|_| watch.note("a", "x".to_owned()));
        watch.note("b", "y".to_owned());
        assert_eq!(told(&mut watch, start + QUIET / 2), [("b", 1)]);
        assert_eq!(watch.next_due(&Stats::default()), Some(start + QUIET));
        assert_eq!(told(&mut watch, start + QUIET), [("a", 300)]);
        assert_eq!(
            (watch.next_due(&Stats::default()), told(&mut watch, start + 3 * QUIET)),
            (None, Vec::new())
        );
        assert_eq!(watch.totals().into_values().collect::<Vec<_>>(), [301, 1]);
    }

    #[test]
    fn limits_are_told_with_their_settings() {
        let (config, mut stats) = (Config::classic(), Stats::default());
        let mut watch = Watch::new(&stats);
        (stats.limits.registry, stats.limits.owed, stats.limits.known) = (7, 300, 9);
        watch.look_at(&stats, &config, None);
        watch.look_at(&stats, &config, None);
        let due = watch.due(Instant::now());
        assert_eq!(due.len(), 2, "a full book is no trouble: {due:?}");
        assert!(due[0].count == 7 && due[0].text.contains("registry_max = 65536"), "{due:?}");
        assert!(due[1].count == 300 && due[1].text.contains("before a neighbor had"), "{due:?}");
    }

    #[test]
    fn what_the_machine_lacked_is_counted_with_the_error_and_the_limit() {
        let (mut watch, own) = (Watch::new(&Stats::default()), OwnTroubles::default());
        for _ in 0..3 {
            own.note(Failed::Dial, &std::io::Error::from_raw_os_error(24));
        }
        watch.look_at_own(&own);
        watch.look_at_own(&own);
        let due = watch.due(Instant::now());
        assert_eq!((due.len(), due[0].reason, due[0].count), (1, "dials_not_tried", 3));
        assert!(due[0].text.contains("os error 24") && due[0].text.contains("ulimit -n"));
    }
}
