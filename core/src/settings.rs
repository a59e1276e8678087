//! The protocol's settings by name: one table for programs' flags and files, for scenarios, and for
//! whoever reads [`Config`]. [`SETTINGS`] has them all.
//!
//! Bounds stand here as text, and are what [`Config::check`] enforces: a test tries each of them.

mod duration;
mod suggestion;
mod text;

use alloc::borrow::ToOwned as _;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use crate::config::Config;
use crate::id::Role;
pub use duration::{format_duration, parse_duration};
pub use suggestion::nearest;
use text::Text;

/// One setting of a [`Config`], or of something else that has settings.
#[derive(Clone, Copy, Debug)]
pub struct Setting<C = Config> {
    /// Its name in flags (with dashes), files, scenarios and errors.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Whom it concerns; both roles if `None`.
    pub role: Option<Role>,
    /// What it may be: words, or the least and the most, which may be other settings.
    pub allowed: &'static str,
    /// Its value as text.
    pub read: fn(&C) -> String,
    /// Takes its value from text. The config is as it was when that fails.
    pub write: fn(&mut C, &str) -> Result<(), String>,
}

/// A setting that could not be changed. The config is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingError {
    /// No setting has this name.
    #[error("there is no setting {name:?}; {hint}")]
    Unknown {
        /// The name.
        name: String,
        /// What may have been meant, or all there are.
        hint: String,
    },
    /// The text is no value of this setting.
    #[error("{name} = {value:?}: {reason}")]
    Value {
        /// The setting.
        name: &'static str,
        /// The text.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl SettingError {
    /// None of `names` is called `name`.
    pub fn unknown<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Unknown { name: name.to_owned(), hint: hint(name, names) }
    }
}

/// For somebody who typed a name that is none of `names`: "did you mean" the [nearest], or all there are
/// when none is near.
pub fn hint<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    match nearest(typed, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are: {}", names.join(", ")),
    }
}

/// Sets the setting called `name` from text. Bounds are checked later, by [`Config::check`].
pub fn set(config: &mut Config, name: &str, value: &str) -> Result<(), SettingError> {
    match setting(name) {
        Some(setting) => setting.set(config, value),
        None => Err(SettingError::unknown(name, SETTINGS.iter().map(|setting| setting.name))),
    }
}

/// The setting of this name.
pub fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

impl<C> Setting<C> {
    /// Its value in `config`, as [`set`](Self::set) reads it.
    pub fn value(&self, config: &C) -> String {
        (self.read)(config)
    }

    /// Takes its value from text.
    pub fn set(&self, config: &mut C, value: &str) -> Result<(), SettingError> {
        (self.write)(config, value).map_err(|reason| {
            let (name, value) = (self.name, value.to_owned());
            SettingError::Value { name, value, reason }
        })
    }
}

/// What all settings are before any of them is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// [`Config::classic`].
    #[default]
    Classic,
    /// [`Config::modern`].
    Modern,
}

impl Profile {
    /// Its settings.
    pub fn config(self) -> Config {
        match self {
            Self::Classic => Config::classic(),
            Self::Modern => Config::modern(),
        }
    }

    /// The one that fewer settings of `config` differ from.
    pub fn nearest(config: &Config) -> Self {
        let distance = |profile: Self| {
            let base = profile.config();
            SETTINGS.iter().filter(|setting| setting.value(config) != setting.value(&base)).count()
        };
        if distance(Self::Modern) < distance(Self::Classic) { Self::Modern } else { Self::Classic }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.write())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text)
    }
}

/// Whom a setting concerns.
mod concerns {
    use crate::id::Role;

    pub(super) const BOTH: Option<Role> = None;
    pub(super) const PEER: Option<Role> = Some(Role::Peer);
    pub(super) const SEED_NODE: Option<Role> = Some(Role::SeedNode);
}

macro_rules! settings {
    ($($name:literal $role:ident: $($field:ident).+, $allowed:literal, $about:literal;)*) => {
        /// Every setting there is.
        ///
        #[doc = include_str!("settings.md")]
        pub const SETTINGS: &[Setting] = &[$(Setting {
            name: $name,
            about: $about,
            role: concerns::$role,
            allowed: $allowed,
            read: |config| Text::write(&config.$($field).+),
            write: |config, text| {
                config.$($field).+ = Text::read(text)?;
                Ok(())
            },
        }),*];
    };
}

settings! {
    "network" BOTH: network, "a name of 1 to 64 bytes", "network name; nodes of other networks are refused";
    "leave_timeout" BOTH: leave_timeout, "0s to 1m", "longest wait for unsent notices when leaving";
    "hello_timeout" BOTH: links.hello_timeout, "100ms to 1m", "a dial fails when its hello is not answered within this time";
    "accept_timeout" BOTH: links.accept_timeout, "100ms to 1m", "an accepted link is closed without a hello within this time";
    "max_pending" BOTH: links.max_pending, "1 to 65536", "accepted links without a hello, at most";
    "stall_timeout" BOTH: links.stall_timeout, "1s to 1h", "longest time for which a link may take nothing of what waits for it";
    "lease" SEED_NODE: registration.lease, "1s to 1h", "lifetime of a registry entry that is not renewed";
    "registry_max" SEED_NODE: registration.registry_max, "1 to 16777216", "registry entries, at most";
    "probes_max" SEED_NODE: registration.probes_max, "1 to 65536", "concurrent probes of a seed node, at most";
    "confirmations" SEED_NODE: registration.confirmations, "1 to 64", "reports needed before a probe";
    "sample" PEER: registration.sample, "1 to 256", "records a peer asks each seed node for";
    "retry_min" PEER: registration.retry_min, "10ms to 1h", "first pause before a seed node is dialed again";
    "retry_max" PEER: registration.retry_max, "retry_min to 1h", "longest pause before a seed node is dialed again";
    "overlay" BOTH: overlay.kind, "random, power-law, hyparview", "overlay network: random, power-law or hyparview";
    "max_peers" BOTH: overlay.max_peers, "1 to 64", "links a peer opens, at most";
    "max_links" BOTH: overlay.max_links, "max_peers to 64", "links of a peer, at most";
    "refresh" PEER: overlay.refresh, "1s to 1h", "time between fresh samples of the registry";
    "isolated_retry" PEER: overlay.isolated_retry, "10ms to 1h", "pause between attempts of a peer without links";
    "cooldown" PEER: overlay.cooldown, "0s to 1h", "pause before a busy peer is dialed again";
    "known_max" PEER: overlay.known_max, "1 to 65536", "known peers, at most";
    "active_view" PEER: overlay.hyparview.active, "2 to 64", "hyparview: size of the active view";
    "passive_view" PEER: overlay.hyparview.passive, "1 to 4096", "hyparview: size of the passive view";
    "active_walk" PEER: overlay.hyparview.active_walk, "1 to 16", "hyparview: hops of a join's random walk";
    "passive_walk" PEER: overlay.hyparview.passive_walk, "0 to active_walk", "hyparview: remaining hops at which a join enters the passive view";
    "shuffle_active" PEER: overlay.hyparview.shuffle_active, "0 to 15", "hyparview: records of the active view in a shuffle";
    "shuffle_passive" PEER: overlay.hyparview.shuffle_passive, "0 to 16", "hyparview: records of the passive view in a shuffle";
    "shuffle_walk" PEER: overlay.hyparview.shuffle_walk, "1 to 16", "hyparview: hops of a shuffle's random walk";
    "shuffle_every" PEER: overlay.hyparview.shuffle_every, "100ms to 1day", "hyparview: time between shuffles";
    "near_links" PEER: overlay.hyparview.near_links, "0 to active_view - 3", "hyparview: neighbors chosen by round-trip time (X-BOT)";
    "replies" PEER: overlay.hyparview.replies, "1 to 256", "hyparview: concurrent replies to shuffles, at most";
    "reconnect_max" PEER: overlay.hyparview.reconnect_max, "0 to 256", "hyparview: lost neighbors that are redialed, at most";
    "reconnect_for" PEER: overlay.hyparview.reconnect_for, "1s to 1day", "hyparview: how long a lost neighbor is redialed";
    "broadcast" PEER: broadcast.kind, "flood, plumtree", "broadcast: flood or plumtree";
    "ihave_delay" PEER: broadcast.plumtree.ihave_delay, "0s to 1s", "plumtree: longest time for which message ids are batched";
    "ihave_ways" PEER: broadcast.plumtree.ihave_ways, "one, both", "plumtree: whether message ids go one way or both ways on a link: one or both";
    "graft_after" PEER: broadcast.plumtree.graft_after, "10ms to 1m", "plumtree: longest wait for an announced message before the first graft";
    "graft_again" PEER: broadcast.plumtree.graft_again, "10ms to 1m", "plumtree: longest wait before the next graft";
    "tree_threshold" PEER: broadcast.plumtree.threshold, "1 to 64", "plumtree: hops saved that justify a change of the one tree (trees = 0)";
    "trees" PEER: broadcast.plumtree.trees, "0 to 1024", "plumtree: sources with a tree, at most; with 0 all share one, as published";
    "flood_hops" PEER: broadcast.plumtree.flood_hops, "0 to 8", "plumtree: hops to flood before a message follows the tree of another source";
    "eager_after_loss" PEER: broadcast.plumtree.eager_after_loss, "0 to 64", "plumtree: messages flooded after a loss";
    "exchange_every" PEER: broadcast.plumtree.exchange_every, "1s to 1h", "plumtree: time between exchanges with peers that are not neighbors";
    "exchange_bytes" PEER: broadcast.plumtree.exchange_bytes, "65536 to 1073741824", "plumtree: bytes of messages per exchange, at most";
    "store_age" PEER: broadcast.store_age, "1s to 1h", "age at which a message is dropped from the store and no longer accepted";
    "store_count" PEER: broadcast.store_count, "1 to 1000000", "messages in the store, at most";
    "store_bytes" PEER: broadcast.store_bytes, "65536 to 1073741824", "bytes in the store, at most";
    "seen_max" PEER: broadcast.seen_max, "1000 to 10000000", "message ids remembered, at most";
    "digest_every" PEER: broadcast.digest_every, "100ms to 1h", "time between digests to a neighbor";
    "pull_timeout" PEER: broadcast.pull_timeout, "10ms to 1m", "longest wait before a message is pulled from another neighbor";
    "wait_min" PEER: broadcast.wait_min, "1ms to 1m", "shortest of the waits that follow from round trips: graft_after, graft_again, pull_timeout";
    "detector" PEER: detector.kind, "strikes, connect, swim", "failure detector: strikes (pings), connect or swim";
    "liveness_every" PEER: detector.liveness_every, "100ms to 1h", "time between pings of a neighbor, or test connections to it";
    "answer_timeout" PEER: detector.answer_timeout, "10ms to liveness_every", "ping timeout";
    "misses" BOTH: detector.misses, "1 to 16", "strikes before a death report";
    "redial_after" BOTH: detector.redial_after, "10ms to 1m", "first pause before a lost neighbor is dialed again";
    "monitor" PEER: detector.swim.monitor, "neighbors, members", "swim: which peers are probed: neighbors or members";
    "probe_every" PEER: detector.swim.probe_every, "100ms to 1h", "swim: time between probes";
    "probe_timeout" PEER: detector.swim.probe_timeout, "10ms to probe_every", "swim: longest ping timeout, where round trips are long or not known";
    "probe_timeout_min" PEER: detector.swim.probe_timeout_min, "10ms to 1m", "swim: shortest ping timeout, where round trips are short";
    "probe_helpers" PEER: detector.swim.helpers, "0 to 8", "swim: helpers asked for an indirect probe";
    "suspicion_min" PEER: detector.swim.suspicion_min, "1 to 16", "swim: minimum suspicion, in probes (times log10 of the members)";
    "suspicion_max" PEER: detector.swim.suspicion_max, "1 to 16", "swim: maximum suspicion, as a multiple of the minimum";
    "suspicion_confirmations" PEER: detector.swim.confirmations, "0 to 8", "swim: confirmations that shorten a suspicion to the minimum";
    "health_max" PEER: detector.swim.health_max, "0 to 16", "swim: maximum local health score; 0 disables it";
    "members_max" PEER: detector.swim.members_max, "0 to 65536", "swim: size of the member table; 0 disables tables, on all peers";
    "registration" SEED_NODE: registration.listing, "local, quorum", "who decides to register a peer: local or quorum";
    "removal" SEED_NODE: registration.removal, "local, quorum", "who decides to remove a dead peer: local or quorum";
    "votes_max" SEED_NODE: registration.votes_max, "1 to 65536", "open proposals, and open votes for others, at most";
    "vote_timeout" SEED_NODE: registration.vote_timeout, "10ms to 1m", "a proposal fails without a quorum within this time";
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn every_setting_reads_back_what_it_writes() {
        let classic = Config::classic();
        for setting in SETTINGS {
            let mut config = Config::classic();
            set(&mut config, setting.name, &setting.value(&classic)).expect(setting.name);
            assert_eq!(config, classic, "{}", setting.name);
        }
    }

    #[test]
    fn every_setting_changes_something_of_its_own() {
        let mut configs: Vec<String> = Vec::new();
        for setting in SETTINGS {
            let mut config = Config::classic();
            let values =
                ["7", "8", "7s", "power-law", "connect", "plumtree", "members", "quorum", "both"];
            let fits = |value| {
                setting.value(&config) != value && set(&mut config, setting.name, value).is_ok()
            };
            assert!(values.into_iter().any(fits), "{}", setting.name);
            assert_ne!(config, Config::classic(), "{}", setting.name);
            let changed = format!("{config:?}");
            assert!(!configs.contains(&changed), "{}", setting.name);
            configs.push(changed);
        }
    }

    #[test]
    fn a_config_is_nearest_to_the_profile_it_came_from() {
        for profile in [Profile::Classic, Profile::Modern] {
            let mut config = profile.config();
            set(&mut config, "probe_every", "2s").expect("a setting");
            assert_eq!(Profile::nearest(&config), profile);
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
    }

    #[test]
    fn errors_say_what_is_allowed() {
        for (name, value, words) in [
            ("liveness_every", "13", "a duration is a number with its unit: 200ms, 30s, 5m"),
            ("max_peers", "four", "a whole number from 0 to 18446744073709551615"),
            ("overlay", "ring", "one of random, power-law, hyparview"),
        ] {
            let error = set(&mut Config::classic(), name, value).expect_err("no value of it");
            assert_eq!(error.to_string(), format!("{name} = {value:?}: {words}"));
        }
    }

    #[test]
    fn an_unknown_name_is_answered_with_what_was_meant() {
        let mut config = Config::classic();
        let error = set(&mut config, "max_pears", "1").expect_err("no such setting").to_string();
        assert_eq!(error, "there is no setting \"max_pears\"; did you mean `max_peers`?");
        let error = set(&mut config, "color", "1").expect_err("no such setting").to_string();
        assert!(error.contains("there are: network, leave_timeout, "), "{error}");
    }
}
