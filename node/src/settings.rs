//! The protocol's settings by name: one table for the command line, files and scenarios; and the
//! profiles that they start from.

use std::time::Duration;

use tidings_core::wire::NetworkName;
use tidings_core::{
    BroadcastKind, Config, DecisionMode, DetectorKind, IHaveDirection, Monitor, OverlayKind, Role,
};

use crate::chatter::Chatter;

/// One setting of a [`Config`], or of the [`Chatter`].
#[derive(Clone, Copy, Debug)]
pub struct Setting<C = Config> {
    /// Its name in flags (with dashes), files and scenarios.
    pub name: &'static str,
    /// What it is, in one line.
    pub about: &'static str,
    /// Whom it concerns; both roles if `None`.
    pub role: Option<Role>,
    read: fn(&C) -> String,
    write: fn(&mut C, &str) -> Result<(), String>,
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

/// Sets the setting called `name` from text. Bounds are checked later, by [`Config::check`]. Settings of
/// the [chatter](CHATTER) are read and change nothing: no library node chatters.
pub fn set(config: &mut Config, name: &str, value: &str) -> Result<(), SettingError> {
    if let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) {
        return setting.set(config, value);
    }
    set_chatter(&mut Chatter::NONE.clone(), name, value).unwrap_or_else(|| {
        let known = SETTINGS.iter().map(|setting| setting.name).collect::<Vec<_>>().join(", ");
        Err(SettingError::Unknown { name: name.to_owned(), known })
    })
}

/// Sets the setting of the chatter called `name` from text, within its bounds; `None` if there is none of
/// this name.
pub fn set_chatter(
    chatter: &mut Chatter,
    name: &str,
    value: &str,
) -> Option<Result<(), SettingError>> {
    let setting = CHATTER.iter().find(|setting| setting.name == name)?;
    Some(setting.set(chatter, value))
}

impl<C> Setting<C> {
    /// Its value in `config`, as [`set`] reads it.
    pub fn value(&self, config: &C) -> String {
        (self.read)(config)
    }

    fn set(&self, config: &mut C, value: &str) -> Result<(), SettingError> {
        (self.write)(config, value).map_err(|reason| {
            let (name, value) = (self.name, value.to_owned());
            SettingError::Value { name, value, reason }
        })
    }
}

/// Settings of the program's and of scenarios' chatter.
pub const CHATTER: &[Setting<Chatter>] = &[
    Setting {
        name: "gossip_every",
        about: "time between two messages of the chatter",
        role: Some(Role::Peer),
        read: |chatter| chatter.every.write(),
        write: |chatter, text| {
            let every = Duration::read(text)?;
            if !(Duration::from_millis(10)..=Duration::from_hours(1)).contains(&every) {
                return Err("allowed is 10ms to 1h".to_owned());
            }
            chatter.every = every;
            Ok(())
        },
    },
    Setting {
        name: "gossip_count",
        about: "messages of the chatter in all; 0 for none",
        role: Some(Role::Peer),
        read: |chatter| chatter.count.write(),
        write: |chatter, text| {
            chatter.count = u32::read(text)?;
            Ok(())
        },
    },
];

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
    "network" BOTH: network, "network name; nodes of other networks are refused";
    "leave_timeout" BOTH: leave_timeout, "longest wait for unsent notices when leaving";
    "hello_timeout" BOTH: links.hello_timeout, "a dial fails when its hello is not answered within this time";
    "accept_timeout" BOTH: links.accept_timeout, "an accepted link is closed without a hello within this time";
    "max_pending" BOTH: links.max_pending, "accepted links without a hello, at most";
    "lease" SEED_NODE: registration.lease, "lifetime of a registry entry that is not renewed";
    "registry_max" SEED_NODE: registration.registry_max, "registry entries, at most";
    "probes_max" SEED_NODE: registration.probes_max, "concurrent probes of a seed node, at most";
    "confirmations" SEED_NODE: registration.confirmations, "reports needed before a probe";
    "sample" PEER: registration.sample, "records a peer asks each seed node for";
    "retry_min" PEER: registration.retry_min, "first pause before a seed node is dialed again";
    "retry_max" PEER: registration.retry_max, "longest pause before a seed node is dialed again";
    "overlay" BOTH: overlay.kind, "overlay network: random, power-law or hyparview";
    "max_peers" BOTH: overlay.max_peers, "links a peer opens, at most";
    "max_links" BOTH: overlay.max_links, "links of a peer, at most";
    "refresh" PEER: overlay.refresh, "time between fresh samples of the registry";
    "isolated_retry" PEER: overlay.isolated_retry, "pause between attempts of a peer without links";
    "cooldown" PEER: overlay.cooldown, "pause before a busy peer is dialed again";
    "known_max" PEER: overlay.known_max, "known peers, at most";
    "active_view" PEER: overlay.hyparview.active, "hyparview: size of the active view";
    "passive_view" PEER: overlay.hyparview.passive, "hyparview: size of the passive view";
    "active_walk" PEER: overlay.hyparview.active_walk, "hyparview: hops of a join's random walk";
    "passive_walk" PEER: overlay.hyparview.passive_walk, "hyparview: remaining hops at which a join enters the passive view";
    "shuffle_active" PEER: overlay.hyparview.shuffle_active, "hyparview: records of the active view in a shuffle";
    "shuffle_passive" PEER: overlay.hyparview.shuffle_passive, "hyparview: records of the passive view in a shuffle";
    "shuffle_walk" PEER: overlay.hyparview.shuffle_walk, "hyparview: hops of a shuffle's random walk";
    "shuffle_every" PEER: overlay.hyparview.shuffle_every, "hyparview: time between shuffles";
    "near_links" PEER: overlay.hyparview.near_links, "hyparview: neighbors chosen by round-trip time (X-BOT)";
    "replies" PEER: overlay.hyparview.replies, "hyparview: concurrent replies to shuffles, at most";
    "reconnect_max" PEER: overlay.hyparview.reconnect_max, "hyparview: lost neighbors that are redialed, at most";
    "reconnect_for" PEER: overlay.hyparview.reconnect_for, "hyparview: how long a lost neighbor is redialed";
    "broadcast" PEER: broadcast.kind, "broadcast: flood or plumtree";
    "ihave_delay" PEER: broadcast.plumtree.ihave_delay, "plumtree: how long message ids are batched";
    "ihave_ways" PEER: broadcast.plumtree.ihave_ways, "plumtree: whether message ids go one way or both ways on a link: one or both";
    "graft_after" PEER: broadcast.plumtree.graft_after, "plumtree: wait for an announced message before the first graft";
    "graft_again" PEER: broadcast.plumtree.graft_again, "plumtree: wait before the next graft";
    "tree_threshold" PEER: broadcast.plumtree.threshold, "plumtree: hops saved that justify a tree change";
    "trees" PEER: broadcast.plumtree.trees, "plumtree: sources with a tree of their own, at most";
    "flood_hops" PEER: broadcast.plumtree.flood_hops, "plumtree: hops to flood before the shared tree is used";
    "eager_after_loss" PEER: broadcast.plumtree.eager_after_loss, "plumtree: messages flooded after a loss";
    "exchange_every" PEER: broadcast.plumtree.exchange_every, "plumtree: time between exchanges with peers that are not neighbors";
    "exchange_bytes" PEER: broadcast.plumtree.exchange_bytes, "plumtree: bytes of messages per exchange, at most";
    "store_age" PEER: broadcast.store_age, "age at which a message is dropped from the store and no longer accepted";
    "store_count" PEER: broadcast.store_count, "messages in the store, at most";
    "store_bytes" PEER: broadcast.store_bytes, "bytes in the store, at most";
    "seen_max" PEER: broadcast.seen_max, "message ids remembered, at most";
    "digest_every" PEER: broadcast.digest_every, "time between digests to a neighbor";
    "pull_timeout" PEER: broadcast.pull_timeout, "wait before a message is pulled from another neighbor";
    "detector" PEER: detector.kind, "failure detector: strikes (pings), connect or swim";
    "liveness_every" PEER: detector.liveness_every, "time between pings of a neighbor, or test connections to it";
    "answer_timeout" PEER: detector.answer_timeout, "ping timeout";
    "misses" BOTH: detector.misses, "strikes before a death report";
    "redial_after" BOTH: detector.redial_after, "first pause before a lost neighbor is dialed again";
    "monitor" PEER: detector.swim.monitor, "swim: which peers are probed: neighbors or members";
    "probe_every" PEER: detector.swim.probe_every, "swim: time between probes";
    "probe_timeout" PEER: detector.swim.probe_timeout, "swim: ping timeout";
    "probe_helpers" PEER: detector.swim.helpers, "swim: helpers asked for an indirect probe";
    "suspicion_min" PEER: detector.swim.suspicion_min, "swim: minimum suspicion, in probes (times log10 of the members)";
    "suspicion_max" PEER: detector.swim.suspicion_max, "swim: maximum suspicion, as a multiple of the minimum";
    "suspicion_confirmations" PEER: detector.swim.confirmations, "swim: confirmations that shorten a suspicion to the minimum";
    "health_max" PEER: detector.swim.health_max, "swim: maximum local health score; 0 disables it";
    "members_max" PEER: detector.swim.members_max, "swim: size of the member table; 0 disables tables, on all peers";
    "registration" SEED_NODE: registration.listing, "who decides to register a peer: local or quorum";
    "removal" SEED_NODE: registration.removal, "who decides to remove a dead peer: local or quorum";
    "votes_max" SEED_NODE: registration.votes_max, "open proposals, and open votes for others, at most";
    "vote_timeout" SEED_NODE: registration.vote_timeout, "a proposal fails without a quorum within this time";
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
