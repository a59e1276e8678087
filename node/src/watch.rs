//! What went wrong without ending anything: refusals, drops, limits. Each reason is told at most once a minute,
//! with how often it happened since, and counted for whoever asks.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::time::Duration;

use tidings_core::wire::{PreambleError, Refusal};
use tidings_core::{
    AddressRecord, Config, Event, Limits, LinkLoss, Node, RegistrationLoss, Stats, VoteOutcome,
};
use tokio::time::Instant;

use crate::troubles::{Trouble, Troubles};

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
    too_old: u64,
    refutations: u64,
}

impl Seen {
    const fn of(stats: &Stats) -> Self {
        let Stats { limits, hellos_missed, too_old, refutations, .. } = *stats;
        Self { limits, hellos_missed, too_old, refutations }
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

impl Watch {
    pub(crate) fn new(stats: &Stats) -> Self {
        Self { reasons: BTreeMap::new(), seen: Seen::of(stats), next_look: None }
    }

    /// Counts one more.
    pub(crate) fn note(&mut self, reason: &'static str, text: String) {
        self.add(reason, 1, text);
    }

    /// Counts what has a line of its own.
    fn count(&mut self, reason: &'static str, count: u64) {
        let reason = self.reasons.entry(reason).or_default();
        reason.count += count;
        reason.told += count;
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
            Event::NeighborRefused { by, reason } => self.on_refused_by(by, *reason),
            Event::RegistrationLost { addr, reason } => {
                self.count("registrations_lost", 1);
                if let RegistrationLoss::Refused(reason) = reason {
                    self.on_refused_by(addr, *reason);
                }
            }
            Event::NoticeLost { .. } => self.count("notices_lost", 1),
            Event::SeedNodeLost { .. } => self.count("seed_nodes_lost", 1),
            Event::StoodStill { .. } => self.count("stood_still", 1),
            Event::NobodyReached { .. } => self.count("nobody_reached", 1),
            Event::OtherLife { .. } => self.count("other_lives", 1),
            Event::Voted { subject, outcome: VoteOutcome::NoQuorum, .. } => {
                let what =
                    "peers are not listed, or stay listed: no quorum of seed nodes has voted";
                self.note("no_quorum", format!("{what} (vote_timeout); the last was {subject}"));
            }
            _ => {}
        }
    }

    fn on_refused_by(&mut self, by: &dyn Display, reason: Refusal) {
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
        let late_ones = stats.too_old - before.too_old;
        if late_ones > 0 {
            let max = config.broadcast.seen_max;
            let what =
                "messages were not delivered: they are too old to tell whether they were before";
            self.add("too_old", late_ones, format!("{what} (store_age, seen_max = {max})"));
        }
        let refuted = stats.refutations - before.refutations;
        if refuted > 0 {
            let what = "others suspected this node, and it refuted: it is slow, or its network loses packets";
            self.add("suspected", refuted, what.to_owned());
        }
        let both = limits(&stats.limits).into_iter().zip(limits(&before.limits));
        for ((reason, now), (_, then)) in both.filter(|((_, now), (_, then))| now > then) {
            self.add(reason, now - then, meaning(reason, config, late));
        }
    }

    /// Looks at what tasks have noted.
    fn look_at_noted(&mut self, troubles: &Troubles) {
        for (reason, Trouble { count, text }) in troubles.take() {
            match text {
                Some(text) => self.add(reason, count, text),
                None => self.count(reason, count),
            }
        }
    }

    /// Looks at everything that is counted elsewhere, unless it did so just now. Returns what is to be told.
    pub(crate) fn look(&mut self, now: Instant, node: &Node, troubles: &Troubles) -> Vec<Warning> {
        if self.next_look.is_some_and(|next| now < next) {
            return Vec::new();
        }
        self.next_look = Some(now + LOOK_EVERY);
        if self.seen != Seen::of(node.stats()) {
            self.look_at(node.stats(), node.config(), node.late_neighbor());
        }
        self.look_at_noted(troubles);
        self.due(now)
    }

    /// The same at the end, however soon after the last look. What is still kept quiet then is in the last report.
    pub(crate) fn last_look(&mut self, node: &Node, troubles: &Troubles) -> Vec<Warning> {
        self.next_look = None;
        self.look(Instant::now(), node, troubles)
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
    pub(crate) fn next_due(&self, stats: &Stats, troubles: &Troubles) -> Option<Instant> {
        let is_unseen = self.seen != Seen::of(stats) || !troubles.is_empty();
        let unseen = self.next_look.filter(|_| is_unseen);
        let untold = self.reasons.values().filter(|reason| reason.count > reason.told);
        let quiet = untold
            .filter_map(|reason| reason.told_at.map_or(self.next_look, |at| Some(at + QUIET)))
            .map(|due| self.next_look.map_or(due, |look| look.max(due)));
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
const fn limits(limits: &Limits) -> [(&'static str, u64); 18] {
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
        ("silent_links", limits.silent),
        ("exchange_full", limits.exchange),
        ("lost_neighbors_full", limits.lost_neighbors),
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
        "silent_links" => {
            "links were given up: nothing came for half of store_age, so what comes may be too old"
                .to_owned()
        }
        "exchange_full" => {
            let max = broadcast.plumtree.exchange_bytes;
            format!("pulls of strangers were not answered in full (exchange_bytes = {max})")
        }
        "lost_neighbors_full" => {
            let max = overlay.hyparview.reconnect_max;
            format!("lost neighbors are not tried again (reconnect_max = {max})")
        }
        _ => {
            let max = registration.votes_max;
            format!("proposals were not put, or votes not given (votes_max = {max})")
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

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
        assert_eq!(watch.next_due(&Stats::default(), &Troubles::default()), Some(start + QUIET));
        assert_eq!(told(&mut watch, start + QUIET), [("a", 300)]);
        assert_eq!(
            (
                watch.next_due(&Stats::default(), &Troubles::default()),
                told(&mut watch, start + 3 * QUIET)
            ),
            (None, Vec::new())
        );
        assert_eq!(watch.totals().into_values().collect::<Vec<_>>(), [301, 1]);
    }

    /// A deadline before the next look would be over at once, again and again.
    #[test]
    fn nothing_is_due_before_the_next_look() {
        let (mut watch, start) = (Watch::new(&Stats::default()), Instant::now());
        watch.note("a", "x".to_owned());
        assert_eq!(told(&mut watch, start), [("a", 1)]);
        let look = start + 2 * QUIET;
        watch.next_look = Some(look);
        watch.note("a", "x".to_owned());
        assert_eq!(watch.next_due(&Stats::default(), &Troubles::default()), Some(look));
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
        let (mut watch, troubles) = (Watch::new(&Stats::default()), Troubles::default());
        for _ in 0..3 {
            troubles.not_dialed(&std::io::Error::from_raw_os_error(24));
        }
        watch.look_at_noted(&troubles);
        watch.look_at_noted(&troubles);
        let due = watch.due(Instant::now());
        assert_eq!((due.len(), due[0].reason, due[0].count), (1, "dials_not_tried", 3));
        assert!(due[0].text.contains("os error 24") && due[0].text.contains("ulimit -n"));
    }

    #[test]
    fn what_has_a_line_of_its_own_is_counted_and_not_told_again() {
        let (mut watch, troubles) = (Watch::new(&Stats::default()), Troubles::default());
        let addr = ([192, 0, 2, 7], 5000).into();
        watch.on_event(&Event::SeedNodeLost { addr });
        troubles.count("look_ups_failed");
        watch.look_at_noted(&troubles);
        assert_eq!(watch.due(Instant::now()), []);
        let reason = RegistrationLoss::Refused(Refusal::WrongNetwork);
        watch.on_event(&Event::RegistrationLost { addr, reason });
        let due = watch.due(Instant::now());
        assert_eq!((due.len(), due[0].reason), (1, "other_networks"));
        assert!(due[0].text.starts_with("192.0.2.7:5000 refused"), "{due:?}");
        let counted: Vec<String> = watch.totals().into_keys().collect();
        let all = ["look_ups_failed", "other_networks", "registrations_lost", "seed_nodes_lost"];
        assert_eq!(counted, all);
    }

    /// Whoever meets a reason in a log finds it in the documentation.
    #[test]
    fn every_limit_and_refusal_is_in_the_table_of_reasons() {
        let project = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a project");
        let page = std::fs::read_to_string(project.join("docs/operating.md")).expect("the page");
        let table = page.split("### Reasons to warn of").nth(1).expect("the table");
        let table = table.split("\n## ").next().expect("its end");
        let sources = [
            include_str!("addresses.rs"),
            include_str!("announcement.rs"),
            include_str!("builder.rs"),
            include_str!("driver.rs"),
            include_str!("link.rs"),
            include_str!("lives.rs"),
            include_str!("seed_lookup.rs"),
            include_str!("troubles.rs"),
            include_str!("watch.rs"),
        ];
        let begins =
            [".note(\"", ".count(\"", ".add(\"", ".push((\"", "Some(\"", "    (\"", ": &str = \""];
        let mut found = BTreeSet::new();
        let texts = sources.iter().flat_map(|text| begins.map(|begin| text.split(begin).skip(1)));
        for text in texts.flatten() {
            let reason = text.split('"').next().unwrap_or_default();
            if reason.contains('_') && reason.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                assert!(table.contains(&format!("`{reason}`")), "{reason} is not in the table");
                found.insert(reason);
            }
        }
        assert!(found.len() > 35, "{found:?}");
    }

    #[test]
    fn what_was_too_old_and_who_was_suspected_is_told() {
        let mut stats = Stats::default();
        let mut watch = Watch::new(&stats);
        (stats.too_old, stats.refutations) = (5, 2);
        watch.look_at(&stats, &Config::classic(), None);
        assert_eq!(told(&mut watch, Instant::now()), [("suspected", 2), ("too_old", 5)]);
    }
}
