//! What a node is told: flags > `TIDINGS_*` environment > TOML file (`--config`) > defaults.

pub(crate) mod layers;
mod show;
pub(crate) mod table;

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use tidings_core::{Config, Role};
use tidings_node::chatter::Chatter;
use tidings_node::settings::{self, Profile};
use tidings_node::{HostPort, NodeBuilder, PublicAddr};
use tracing::Level;

use layers::{Flags, Origin, Value, resolve};
pub(crate) use show::show;
use table::{OptionSpec, default_of, options_of};

/// Something that was typed cannot be meant. The exit status is 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Options of a seed node as typed.
#[derive(Debug)]
pub(crate) struct SeedNodeFlags(pub(crate) Flags);

/// Options of a peer as typed.
#[derive(Debug)]
pub(crate) struct PeerFlags(pub(crate) Flags);

/// All options of a node, understood.
#[derive(Debug)]
pub(crate) struct NodeOptions {
    pub(crate) role: Role,
    pub(crate) port: u16,
    pub(crate) listen: Option<IpAddr>,
    pub(crate) announce: Vec<PublicAddr>,
    pub(crate) seeds: Vec<HostPort>,
    pub(crate) seed_files: Vec<PathBuf>,
    pub(crate) announce_in: Option<PathBuf>,
    pub(crate) data_dir: PathBuf,
    pub(crate) shell: bool,
    pub(crate) log: LogOptions,
    pub(crate) config: Config,
    pub(crate) chatter: Chatter,
}

/// What is logged, how, and to which file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogOptions {
    pub(crate) level: Level,
    pub(crate) format: LogFormat,
    pub(crate) place: LogPlace,
}

/// Where the log file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LogPlace {
    /// `seeds/PORT.log` or `peers/PORT.log` in this folder (R26).
    Folder(PathBuf),
    /// This file.
    File(PathBuf),
    /// There is none.
    None,
}

/// How a log line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("allowed are text and json"),
        }
    }
}

impl NodeOptions {
    /// What the layers say together.
    pub(crate) fn resolve(role: Role, flags: &Flags) -> anyhow::Result<Self> {
        let values = Values::of(role, flags)?;
        let place = match values.one::<PathBuf>("log_file")? {
            Some(path) if path.as_os_str() == "none" => LogPlace::None,
            Some(path) => LogPlace::File(path),
            None => LogPlace::Folder(values.one("log_dir")?.unwrap_or_else(|| "logs".into())),
        };
        let level = values.one_of("log", "allowed are error, warn, info, debug and trace")?;
        let options = Self {
            role,
            port: values.one_of("port", "a port is a number from 0 to 65535")?.unwrap_or(0),
            listen: values.one("listen")?,
            announce: values.all("ip")?,
            seeds: values.all("seed")?,
            seed_files: values.all("seed_file")?,
            announce_in: values.one("announce_in")?,
            data_dir: values.data_dir()?,
            shell: values.one_of("shell", "allowed are true and false")?.unwrap_or(true),
            log: LogOptions {
                level: level.unwrap_or(Level::INFO),
                format: values.one("log_format")?.unwrap_or(LogFormat::Text),
                place,
            },
            config: values.config()?,
            chatter: values.chatter()?,
        };
        if role == Role::Peer && options.seeds.is_empty() && options.seed_files.is_empty() {
            let message = "a peer needs seed nodes: --seed HOST:PORT, --seed-file FILE, \
                           TIDINGS_SEED, TIDINGS_SEED_FILE, or seed or seed_file in --config FILE";
            return Err(UsageError(message.to_owned()).into());
        }
        Ok(options)
    }

    /// A node that was told all this.
    pub(crate) fn builder(&self) -> NodeBuilder {
        let mut builder = match self.role {
            Role::SeedNode => NodeBuilder::seed_node(),
            Role::Peer => NodeBuilder::peer(),
        };
        builder = builder.config(self.config.clone()).port(self.port).data_dir(&self.data_dir);
        if let Some(ip) = self.listen {
            builder = builder.listen(ip);
        }
        if let Some(path) = &self.announce_in {
            builder = builder.announce_in(path);
        }
        builder = self.announce.iter().fold(builder, |builder, addr| builder.announce(*addr));
        builder = self.seeds.iter().fold(builder, |builder, seed| builder.seed(seed.clone()));
        self.seed_files.iter().fold(builder, NodeBuilder::seed_file)
    }
}

/// Resolved values, to be understood.
pub(crate) struct Values(BTreeMap<&'static str, Value>);

impl Values {
    fn of(role: Role, flags: &Flags) -> anyhow::Result<Self> {
        let values = Self(resolve(role, flags)?);
        let values = values.without_overruled("log_file", "log_dir");
        Ok(values.without_overruled("seed", "seed_file").without_overruled("seed_file", "seed"))
    }

    /// Drops an option if another one that says otherwise comes from a layer above it: `--seed` does
    /// not mean "beside the `seed_file` of the configuration".
    fn without_overruled(mut self, name: &'static str, other: &'static str) -> Self {
        let rank = |name| self.0.get(name).map_or(0, |value: &Value| value.origin.rank());
        if rank(name) < rank(other) {
            self.0.remove(name);
        }
        self
    }

    fn all<T: FromStr<Err: fmt::Display>>(&self, name: &'static str) -> Result<Vec<T>, UsageError> {
        let Some(Value { texts, origin }) = self.0.get(name) else { return Ok(Vec::new()) };
        let parse =
            |text: &String| text.parse().map_err(|reason| wrong(origin, name, text, &reason));
        texts.iter().map(parse).collect()
    }

    /// The last one counts when a flag was given twice.
    fn one<T: FromStr<Err: fmt::Display>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, UsageError> {
        Ok(self.all(name)?.pop())
    }

    /// The same with other words for what is allowed.
    fn one_of<T: FromStr>(
        &self,
        name: &'static str,
        reason: &str,
    ) -> Result<Option<T>, UsageError> {
        let Some(Value { texts, origin }) = self.0.get(name) else { return Ok(None) };
        let Some(text) = texts.last() else { return Ok(None) };
        text.parse().map(Some).map_err(|_other_words| wrong(origin, name, text, &reason))
    }

    fn data_dir(&self) -> Result<PathBuf, UsageError> {
        data_dir_or_default(self.one("data_dir")?)
    }

    /// The protocol's settings: those that were given, on top of the profile's. A liveness interval
    /// shorter than the answer's time shortens that too, unless it was given.
    fn config(&self) -> Result<Config, UsageError> {
        let mut config = self.profile()?.config();
        let origin_of = |name| self.0.get(name).map_or(&Origin::Default, |value| &value.origin);
        for (name, text, origin) in self.given() {
            if table::setting(name).is_some() {
                settings::set(&mut config, name, text)
                    .map_err(|error| UsageError(format!("{origin}: {error}")))?;
            }
        }
        if *origin_of("answer_timeout") == Origin::Default {
            let answer = config.detector.answer_timeout;
            config.detector.answer_timeout = answer.min(config.detector.liveness_every);
        }
        config.check().map_err(|error| {
            let origin = origin_of(error.field);
            UsageError(format!("the settings do not fit together: {error} (from: {origin})"))
        })?;
        Ok(config)
    }
}

impl Values {
    fn profile(&self) -> Result<Profile, UsageError> {
        Ok(self.one::<Profile>("profile")?.unwrap_or_default())
    }

    /// What a peer says of itself: what was given, on top of the profile's.
    fn chatter(&self) -> Result<Chatter, UsageError> {
        let mut chatter = Chatter::of(self.profile()?);
        for (name, text, origin) in self.given() {
            settings::set_chatter(&mut chatter, name, text)
                .unwrap_or(Ok(()))
                .map_err(|error| UsageError(format!("{origin}: {error}")))?;
        }
        Ok(chatter)
    }

    /// Options that are not left to their defaults; of one that was given twice the last value.
    fn given(&self) -> impl Iterator<Item = (&'static str, &str, &Origin)> {
        let given = self.0.iter().filter(|(_, value)| value.origin != Origin::Default);
        given.filter_map(|(name, value)| Some((*name, value.texts.last()?.as_str(), &value.origin)))
    }
}

fn wrong(origin: &Origin, name: &str, text: &str, reason: &dyn fmt::Display) -> UsageError {
    UsageError(format!("{origin}: {name} = {text:?}: {reason}"))
}

/// The folder given, or the default one.
pub(crate) fn data_dir_or_default(given: Option<PathBuf>) -> Result<PathBuf, UsageError> {
    given.or_else(default_data_dir).ok_or_else(|| {
        UsageError("neither HOME nor XDG_STATE_HOME is set: give --data-dir".to_owned())
    })
}

/// `$XDG_STATE_HOME/tidings`, or `~/.local/state/tidings`.
fn default_data_dir() -> Option<PathBuf> {
    let folder = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
    Some(state?.join("tidings"))
}

const FOOTER: &str = "Every option can also be given as TIDINGS_NAME in the environment or as name \
    in the file of --config, with underscores for dashes; flags go before the environment, and that \
    before the file. Lists are separated by commas in the environment.";

fn add_flags(command: Command, role: Role) -> Command {
    let config = Arg::new("config")
        .long("config")
        .value_name("FILE")
        .help("A TOML file of options")
        .action(ArgAction::Append);
    let flags = options_of(role).map(|option| flag(&option, role));
    command.arg(config).args(flags).after_help(FOOTER)
}

fn flag(option: &OptionSpec, role: Role) -> Arg {
    let default = default_of(option, role).map(|text| format!(" [default: {text}]"));
    let mut about = option.about.to_owned();
    if let Some(first) = about.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let flag = Arg::new(option.name)
        .long(option.name.replace('_', "-"))
        .value_name(option.value)
        .help(about + &default.unwrap_or_default())
        .help_heading(option.heading)
        .action(ArgAction::Append);
    if option.many { flag.num_args(1..) } else { flag }
}

fn take_flags(matches: &ArgMatches, role: Role) -> Flags {
    let names = options_of(role).map(|option| option.name).chain(["config"]);
    let texts = |name: &'static str| {
        let given = matches.get_many::<String>(name)?;
        Some((name.to_owned(), given.cloned().collect()))
    };
    names.filter_map(texts).collect()
}

macro_rules! flags_of_a_role {
    ($type:ident, $role:expr) => {
        impl Args for $type {
            fn augment_args(command: Command) -> Command {
                add_flags(command, $role)
            }

            fn augment_args_for_update(command: Command) -> Command {
                add_flags(command, $role)
            }
        }

        impl FromArgMatches for $type {
            fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
                Ok(Self(take_flags(matches, $role)))
            }

            fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
                self.0 = take_flags(matches, $role);
                Ok(())
            }
        }
    };
}

flags_of_a_role!(SeedNodeFlags, Role::SeedNode);
flags_of_a_role!(PeerFlags, Role::Peer);
