//! The protocol's settings by name: one table for the command line, files and scenarios; and the
//! profiles that they start from.

use std::time::Duration;

use tidings_core::wire::NetworkName;
use tidings_core::{
    BroadcastKind, Config, DecisionMode, DetectorKind, IHaveDirection, Monitor, OverlayKind, Role,
};

/// One setting of [`Config`].
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in flags (with dashes), files and scenarios.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Whom it concerns; both roles if `None`.
    pub role: Option<Role>,
    read: fn(&Config) -> String,
    write: fn(&mut Config, &str) -> Result<(), String>,
}

/// A setting that could not be changed. The config is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// No setting has this name.
    #[error("there is no setting {name:?}; there are: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The text is no value of this setting.
    #[error("{name} = {value:?}: {why}")]
    Value {
        /// The setting.
        name: &'static str,
        /// The text.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Sets the setting called `name` from text. Bounds are checked later, by [`Config::check`].
pub fn set(config: &mut Config, name: &str, value: &str) -> Result<(), SettingError> {
    let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else {
        let known = SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", ");
        return Err(SettingError::Unknown { name: name.to_owned(), known });
    };
    (setting.write)(config, value).map_err(|why| {
        let (name, value) = (setting.name, value.to_owned());
        SettingError::Value { name, value, why }
    })
}

impl Setting {
    /// Its value in `config`, as [`set`] reads it.
    pub fn value(&self, config: &Config) -> String {
        (self.read)(config)
    }
}

/// A value that can be written as text and read back.
trait Text: Sized {
    fn read(text: &str) -> Result<Self, String>;
    fn write(&self) -> String;
}

impl Text for Duration {
    fn read(text: &str) -> Result<Self, String> {
        parse_duration(text)
    }

    fn write(&self) -> String {
        humantime::format_duration(*self).to_string()
    }
}

impl Text for NetworkName {
    fn read(text: &str) -> Result<Self, String> {
        Self::new(text).ok_or_else(|| format!("a name has 1 to {} bytes", Self::MAX))
    }

    fn write(&self) -> String {
        self.as_str().to_owned()
    }
}

macro_rules! whole_number {
    ($($type:ty),*) => {$(
        impl Text for $type {
            fn read(text: &str) -> Result<Self, String> {
                text.parse().map_err(|_not| format!("a whole number from 0 to {}", Self::MAX))
            }

            fn write(&self) -> String {
                self.to_string()
            }
        }
    )*};
}

whole_number!(u8, u16, u32, usize);

macro_rules! words {
    ($type:ty: $($word:literal = $value:path),*) => {
        impl Text for $type {
            fn read(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok($value),)*
                    _ => Err(format!("one of {}", [$($word),*].join(", "))),
                }
            }

            fn write(&self) -> String {
                match self {
                    $($value => $word.to_owned(),)*
                }
            }
        }
    };
}

words!(
    DetectorKind: "strikes" = DetectorKind::Strikes,
    "connect" = DetectorKind::Connect,
    "swim" = DetectorKind::Swim
);
words!(
    OverlayKind: "random" = OverlayKind::Random,
    "power-law" = OverlayKind::PowerLaw,
    "hyparview" = OverlayKind::HyParView
);
words!(BroadcastKind: "flood" = BroadcastKind::Flood, "plumtree" = BroadcastKind::Plumtree);
words!(Monitor: "neighbors" = Monitor::Neighbors, "members" = Monitor::Members);
words!(DecisionMode: "local" = DecisionMode::Local, "quorum" = DecisionMode::Quorum);
words!(IHaveDirection: "one" = IHaveDirection::OneWay, "both" = IHaveDirection::BothWays);
words!(Profile: "classic" = Profile::Classic, "modern" = Profile::Modern);

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
            SETTINGS.iter().filter(|it| it.value(config) != it.value(&base)).count()
        };
        if distance(Self::Modern) < distance(Self::Classic) { Self::Modern } else { Self::Classic }
    }
}

impl std::fmt::Display for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.write())
    }
}

impl std::str::FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::read(text)
    }
}

/// Reads `200ms`, `30s`, `5m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_not| "a duration is a number with its unit: 200ms, 30s, 5m".to_owned())
}

/// Whom a setting concerns.
mod concerns {
    use tidings_core::Role;

    pub(super) const BOTH: Option<Role> = None;
    pub(super) const PEER: Option<Role> = Some(Role::Peer);
    pub(super) const SEED_NODE: Option<Role> = Some(Role::SeedNode);
}

macro_rules! settings {
    ($($name:literal $role:ident: $($field:ident).+, $about:literal;)*) => {
        /// Every setting there is.
        pub const SETTINGS: &[Setting] = &[$(Setting {
            name: $name,
            about: $about,
            role: concerns::$role,
            read: |config| Text::write(&config.$($field).+),
            write: |config, text| {
                config.$($field).+ = Text::read(text)?;
                Ok(())
            },
        }),*];
    };
}

settings! {
    "network" BOTH: network, "name of the network; nodes of others are refused";
    "leave_timeout" BOTH: leave_timeout, "longest wait for the last notices when leaving";
    "hello_timeout" BOTH: links.hello_timeout, "a dial without an answered hello by then has failed";
    "accept_timeout" BOTH: links.accept_timeout, "an accepted link must say what it wants by then";
    "max_pending" BOTH: links.max_pending, "accepted links that have not said what they want";
    "lease" SEED_NODE: registration.lease, "life of an entry that is not renewed";
    "registry_max" SEED_NODE: registration.registry_max, "entries of a seed node's list";
    "probes_max" SEED_NODE: registration.probes_max, "probes a seed node has under way at once";
    "confirmations" SEED_NODE: registration.confirmations, "accusers before a seed node looks";
    "sample" PEER: registration.sample, "records a peer asks of each list";
    "retry_min" PEER: registration.retry_min, "first pause before a seed node is tried again";
    "retry_max" PEER: registration.retry_max, "longest such pause";
    "overlay" BOTH: overlay.kind, "who links with whom: random, power-law or hyparview";
    "max_peers" BOTH: overlay.max_peers, "links a peer opens";
    "max_links" BOTH: overlay.max_links, "links a peer has in all";
    "refresh" PEER: overlay.refresh, "time between fresh samples";
    "isolated_retry" PEER: overlay.isolated_retry, "pause of a peer without any link";
    "cooldown" PEER: overlay.cooldown, "how long a busy peer is left alone";
    "known_max" PEER: overlay.known_max, "peers known by record";
    "active_view" PEER: overlay.hyparview.active, "hyparview: neighbors wanted";
    "passive_view" PEER: overlay.hyparview.passive, "hyparview: peers known beside them";
    "active_walk" PEER: overlay.hyparview.active_walk, "hyparview: links that a newcomer's walk takes";
    "passive_walk" PEER: overlay.hyparview.passive_walk, "hyparview: links left at its stop on the way";
    "shuffle_active" PEER: overlay.hyparview.shuffle_active, "hyparview: neighbors in a shuffle";
    "shuffle_passive" PEER: overlay.hyparview.shuffle_passive, "hyparview: known peers in a shuffle";
    "shuffle_walk" PEER: overlay.hyparview.shuffle_walk, "hyparview: links that a shuffle takes";
    "shuffle_every" PEER: overlay.hyparview.shuffle_every, "hyparview: time between shuffles";
    "near_links" PEER: overlay.hyparview.near_links, "hyparview: neighbors chosen because they are near";
    "replies" PEER: overlay.hyparview.replies, "hyparview: answers to shuffles under way";
    "reconnect_max" PEER: overlay.hyparview.reconnect_max, "hyparview: lost neighbors that are tried again";
    "reconnect_for" PEER: overlay.hyparview.reconnect_for, "hyparview: for how long";
    "broadcast" PEER: broadcast.kind, "how a message spreads: flood or plumtree";
    "ihave_delay" PEER: broadcast.plumtree.ihave_delay, "plumtree: how long names are gathered";
    "ihave_ways" PEER: broadcast.plumtree.ihave_ways, "plumtree: directions of a name on a link: one or both";
    "graft_after" PEER: broadcast.plumtree.graft_after, "plumtree: wait for a message that was named";
    "graft_again" PEER: broadcast.plumtree.graft_again, "plumtree: wait for the next who named it";
    "tree_threshold" PEER: broadcast.plumtree.threshold, "plumtree: links saved that are worth a change";
    "trees" PEER: broadcast.plumtree.trees, "plumtree: sources with a tree of their own";
    "flood_hops" PEER: broadcast.plumtree.flood_hops, "plumtree: links to flood before the shared tree is followed";
    "eager_after_loss" PEER: broadcast.plumtree.eager_after_loss, "plumtree: messages to all after a loss";
    "exchange_every" PEER: broadcast.plumtree.exchange_every, "plumtree: time between exchanges with strangers";
    "exchange_bytes" PEER: broadcast.plumtree.exchange_bytes, "plumtree: bytes of messages that an exchange sends";
    "store_age" PEER: broadcast.store_age, "age at which messages are no longer kept or accepted";
    "store_count" PEER: broadcast.store_count, "messages kept for others";
    "store_bytes" PEER: broadcast.store_bytes, "bytes of messages kept for others";
    "seen_max" PEER: broadcast.seen_max, "ids remembered";
    "digest_every" PEER: broadcast.digest_every, "time between digests to a neighbor";
    "pull_timeout" PEER: broadcast.pull_timeout, "wait before a message is pulled elsewhere";
    "detector" PEER: detector.kind, "how the dead are found: strikes (by pings), connect or swim";
    "liveness_every" PEER: detector.liveness_every, "time between pings of a neighbor, or connections to it";
    "answer_timeout" PEER: detector.answer_timeout, "a later answer is none";
    "misses" BOTH: detector.misses, "strikes that make a death report";
    "redial_after" BOTH: detector.redial_after, "first pause before a lost neighbor is redialed";
    "monitor" PEER: detector.swim.monitor, "swim: who is probed, neighbors or members";
    "probe_every" PEER: detector.swim.probe_every, "swim: time between probes";
    "probe_timeout" PEER: detector.swim.probe_timeout, "swim: a later answer is none";
    "probe_helpers" PEER: detector.swim.helpers, "swim: others asked to probe in turn";
    "suspicion_min" PEER: detector.swim.suspicion_min, "swim: least suspicion, in probes (times log10 of the members)";
    "suspicion_max" PEER: detector.swim.suspicion_max, "swim: longest suspicion, in least ones";
    "suspicion_confirmations" PEER: detector.swim.confirmations, "swim: confirmations that make it the least";
    "health_max" PEER: detector.swim.health_max, "swim: most that bad local health adds to waits; 0 for none";
    "members_max" PEER: detector.swim.members_max, "swim: members known by name; 0 for none, on all peers";
    "gossip_every" PEER: chatter.every, "time between two messages of the chatter";
    "gossip_count" PEER: chatter.count, "messages of the chatter in all";
    "registration" SEED_NODE: registration.listing, "who decides that a peer is listed: local or quorum";
    "removal" SEED_NODE: registration.removal, "who decides that a dead peer goes: local or quorum";
    "votes_max" SEED_NODE: registration.votes_max, "proposals a seed node has open, and votes it owes";
    "vote_timeout" SEED_NODE: registration.vote_timeout, "a proposal without a quorum by then has failed";
}

#[cfg(test)]
mod tests {
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
        let mut config = Config::classic();
        let error = set(&mut config, "liveness_every", "13").expect_err("no unit");
        assert_eq!(
            error.to_string(),
            "liveness_every = \"13\": a duration is a number with its unit: 200ms, 30s, 5m"
        );
        let error = set(&mut config, "max_peers", "four").expect_err("no number");
        assert!(error.to_string().starts_with("max_peers = \"four\": a whole number"));
        let error = set(&mut config, "overlay", "ring").expect_err("no such overlay");
        assert_eq!(error.to_string(), "overlay = \"ring\": one of random, power-law, hyparview");
        let error = set(&mut config, "livness", "13s").expect_err("no such setting");
        assert!(error.to_string().contains("liveness_every, answer_timeout"));
    }
}
