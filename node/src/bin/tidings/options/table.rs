//! Every option of a node: the program's own, and the protocol's settings.

use tidings_core::{Config, Role};
use tidings_node::chatter::Chatter;
use tidings_node::settings::{CHATTER, SETTINGS, Setting};

/// An option by name: a flag with dashes, `TIDINGS_NAME` in the environment, a key in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OptionSpec {
    /// Its name, with underscores.
    pub(crate) name: &'static str,
    /// What it is, in one line.
    pub(crate) about: &'static str,
    /// What stands for its value in a help text.
    pub(crate) value: &'static str,
    /// Whom it concerns; both roles if `None`.
    pub(crate) role: Option<Role>,
    /// It may be given several times.
    pub(crate) many: bool,
    /// What help texts group it under.
    pub(crate) heading: &'static str,
}

/// All options of a role, in the order of the help text.
pub(crate) fn options_of(role: Role) -> impl Iterator<Item = OptionSpec> {
    let settings = SETTINGS.iter().map(of_setting).chain(CHATTER.iter().map(of_setting));
    let all = PROGRAM.iter().copied().chain(settings);
    all.filter(move |option| option.role.is_none_or(|concerned| concerned == role))
}

/// Whether any role has an option of this name.
pub(crate) fn is_known(name: &str) -> bool {
    PROGRAM.iter().any(|option| option.name == name) || is_setting(name)
}

/// Whether this is a setting of the protocol or of the chatter, and no option of the program itself.
pub(crate) fn is_setting(name: &str) -> bool {
    setting(name).is_some() || chatter_setting(name).is_some()
}

/// The chatter's setting of this name.
pub(crate) fn chatter_setting(name: &str) -> Option<&'static Setting<Chatter>> {
    CHATTER.iter().find(|setting| setting.name == name)
}

/// The protocol's setting of this name.
pub(crate) fn setting(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// What an option is when nobody says; nothing for lists and for what is found out at the start.
pub(crate) fn default_of(option: &OptionSpec, role: Role) -> Option<String> {
    if let Some(setting) = setting(option.name) {
        return Some(setting.value(&Config::classic()));
    }
    if let Some(setting) = chatter_setting(option.name) {
        return Some(setting.value(&Chatter::DOCUMENTED));
    }
    let text = match (option.name, role) {
        ("port", Role::SeedNode) => "5000",
        ("port", Role::Peer) => "0",
        ("log", _) => "info",
        ("log_format", _) => "text",
        ("log_dir", _) => "logs",
        ("shell", _) => "true",
        ("profile", _) => "classic",
        _ => return None,
    };
    Some(text.to_owned())
}

fn of_setting<C>(setting: &Setting<C>) -> OptionSpec {
    OptionSpec {
        name: setting.name,
        about: setting.about,
        value: "VALUE",
        role: setting.role,
        many: false,
        heading: "Protocol",
    }
}

const fn option(name: &'static str, value: &'static str, about: &'static str) -> OptionSpec {
    OptionSpec { name, about, value, role: None, many: false, heading: "Node" }
}

const PROGRAM: &[OptionSpec] = &[
    OptionSpec {
        many: true,
        ..option(
            "seed",
            "HOST:PORT",
            "a seed node to join through, or to vote with; a name means all its addresses",
        )
    },
    OptionSpec {
        many: true,
        ..option("seed_file", "FILE", "a file of seed nodes: lines, CSV or TOML")
    },
    option("port", "N", "port to listen on; 0 takes a free one"),
    option("listen", "IP", "address to listen on; all, IPv4 and IPv6, unless given"),
    OptionSpec {
        many: true,
        ..option(
            "ip",
            "IP[:PORT]",
            "address to tell others, up to 4; the host's own unless given, with the port listened on",
        )
    },
    OptionSpec {
        role: Some(Role::SeedNode),
        ..option("announce_in", "FILE", "a file of seed nodes to add this one to")
    },
    option(
        "data_dir",
        "DIR",
        "folder of identity files and control sockets; $XDG_STATE_HOME/tidings or \
         ~/.local/state/tidings unless given",
    ),
    option("shell", "BOOL", "read commands from the terminal, or from standard input"),
    OptionSpec {
        heading: "Protocol",
        ..option(
            "profile",
            "NAME",
            "what the protocol's settings start from: classic or modern (hyparview, plumtree, swim)",
        )
    },
    OptionSpec {
        heading: "Logs",
        ..option("log", "LEVEL", "what to log: error, warn, info, debug or trace")
    },
    OptionSpec {
        heading: "Logs",
        ..option("log_format", "FORMAT", "text, or json with an object per line")
    },
    OptionSpec {
        heading: "Logs",
        ..option(
            "log_dir",
            "DIR",
            "folder of log files, seeds/PORT.log and peers/PORT.log below it",
        )
    },
    OptionSpec {
        heading: "Logs",
        ..option("log_file", "FILE", "one log file instead, or none for no file at all")
    },
];
