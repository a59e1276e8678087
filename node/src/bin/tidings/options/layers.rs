//! Where each option's value comes from: a flag, else the environment, else the file, else the
//! default.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use tidings_core::Role;
use tidings_node::settings::hint;
use toml::de::{DeTable, DeValue};

use super::UsageError;
use super::table::{OptionSpec, default_of, is_known, is_setting, options_of};

/// Flags as typed, by option name.
pub(crate) type Flags = BTreeMap<String, Vec<String>>;

/// An option's value as text; several for options that may be given several times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) texts: Vec<String>,
    pub(crate) origin: Origin,
}

/// Where a value was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Flag(String),
    Environment(String),
    File(PathBuf, usize),
    Default,
}

impl Origin {
    /// What comes from a higher rank counts.
    pub(super) const fn rank(&self) -> u8 {
        match self {
            Self::Default => 0,
            Self::File(..) => 1,
            Self::Environment(_) => 2,
            Self::Flag(_) => 3,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => f.write_str(flag),
            Self::Environment(name) => f.write_str(name),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The value of every option of a role.
pub(crate) fn resolve(role: Role, flags: &Flags) -> anyhow::Result<BTreeMap<&'static str, Value>> {
    for (name, texts) in flags {
        refuse_empty(&flag_of(name), name, texts)?;
    }
    let named = flags.get("config").and_then(|paths| paths.last().cloned());
    let path = named.or(variable_of("config")?).map(PathBuf::from);
    let file = path.as_deref().map(read_file).transpose()?.unwrap_or_default();
    let mut values = BTreeMap::new();
    for option in options_of(role) {
        if let Some(value) = value_of(&option, role, flags, &file)? {
            values.insert(option.name, value);
        }
    }
    Ok(values)
}

fn value_of(
    option: &OptionSpec,
    role: Role,
    flags: &Flags,
    file: &BTreeMap<String, Value>,
) -> anyhow::Result<Option<Value>> {
    if let Some(texts) = flags.get(option.name) {
        let origin = Origin::Flag(flag_of(option.name));
        return Ok(Some(Value { texts: texts.clone(), origin }));
    }
    if let Some(text) = variable_of(option.name)? {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let texts: Vec<String> =
            if option.many { parts.map(str::to_owned).collect() } else { vec![text] };
        if !texts.is_empty() {
            let origin = Origin::Environment(variable(option.name));
            return Ok(Some(Value { texts, origin }));
        }
    }
    if let Some(value) = file.get(option.name) {
        if value.texts.len() != 1 && !option.many {
            let message = format!("{}: {} takes one value", value.origin, option.name);
            return Err(UsageError(message).into());
        }
        return Ok(Some(value.clone()));
    }
    let default = default_of(option, role);
    Ok(default.map(|text| Value { texts: vec![text], origin: Origin::Default }))
}

fn flag_of(name: &str) -> String {
    format!("--{}", name.replace('_', "-"))
}

/// Nothing is meant by an empty text that somebody wrote himself: a folder would be the one where the
/// program stands.
fn refuse_empty(origin: &dyn fmt::Display, name: &str, texts: &[String]) -> Result<(), UsageError> {
    if texts.iter().any(|text| text.trim().is_empty()) {
        return Err(UsageError(format!("{origin}: {name} is empty; leave it out instead")));
    }
    Ok(())
}

/// What the environment says of an option. An empty variable is none, as is one of a Kubernetes Service:
/// environments have both without anybody meaning them.
fn variable_of(name: &str) -> Result<Option<String>, UsageError> {
    let variable = variable(name);
    let Some(text) = env::var_os(&variable) else { return Ok(None) };
    let text = text.into_string();
    let text = text.map_err(|_raw| UsageError(format!("{variable} is not UTF-8 text")))?;
    let text = text.trim();
    let is_none = text.is_empty() || is_of_service(&variable, text);
    Ok((!is_none).then(|| text.to_owned()))
}

/// Whether Kubernetes sets such a variable for each Service, as Docker did for links: of one named `tidings`
/// `TIDINGS_SERVICE_HOST`, `TIDINGS_PORT=tcp://10.96.7.7:5000`, `TIDINGS_PORT_5000_TCP_ADDR` and more.
fn is_of_service(variable: &str, text: &str) -> bool {
    let is_url = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme));
    let of_port = |rest: &str| {
        let mut parts = rest.split('_');
        let port = parts.next().is_some_and(|port| port.parse::<u16>().is_ok());
        let transport = parts.next().is_some_and(|it| ["TCP", "UDP", "SCTP"].contains(&it));
        let end = parts.next().is_none_or(|it| ["PROTO", "PORT", "ADDR"].contains(&it));
        port && transport && end && parts.next().is_none()
    };
    variable.ends_with("_SERVICE_HOST")
        || variable.ends_with("_SERVICE_PORT")
        || variable.contains("_SERVICE_PORT_")
        || (variable.ends_with("_PORT") && is_url)
        || variable
            .match_indices("_PORT_")
            .any(|(at, it)| variable.get(at + it.len()..).is_some_and(of_port))
}

/// Variables of options that are not the protocol's.
pub(crate) fn variables_of_the_program() -> impl Iterator<Item = String> {
    let all = [Role::SeedNode, Role::Peer].into_iter().flat_map(options_of);
    let of_program = all.filter(|option| !is_setting(option.name));
    of_program
        .map(|option| option.name)
        .filter(|name| *name != "profile")
        .chain(["config"])
        .map(variable)
}

fn variable(name: &str) -> String {
    format!("TIDINGS_{}", name.to_uppercase())
}

/// Variables that begin like options and mean nothing to a node.
#[derive(Debug, Default)]
pub(crate) struct OtherVariables {
    /// Most likely mistyped.
    pub(crate) unknown: Vec<String>,
    /// Those of Kubernetes Services.
    pub(crate) of_services: Vec<String>,
}

/// What else the environment has.
pub(crate) fn other_variables() -> OtherVariables {
    let mut others = OtherVariables::default();
    for (variable, text) in env::vars_os() {
        let Ok(variable) = variable.into_string() else { continue };
        let option = variable.strip_prefix("TIDINGS_").map(str::to_lowercase);
        let Some(option) = option else { continue };
        if is_of_service(&variable, &text.to_string_lossy()) {
            others.of_services.push(variable);
        } else if option != "config" && !is_known(&option) {
            others.unknown.push(variable);
        }
    }
    others.of_services.sort_unstable();
    others
}

/// The file's values. Options of the other role are allowed, so that one file serves both.
fn read_file(path: &Path) -> anyhow::Result<BTreeMap<String, Value>> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| UsageError(format!("the settings' file {}: {error}", path.display())))?;
    let line_at = |at: usize| text.get(..at).unwrap_or(&text).matches('\n').count() + 1;
    let complain = |at: usize, what: &str| {
        UsageError(format!("{}:{}: {what}", path.display(), line_at(at))).into()
    };
    let table = DeTable::parse(&text).map_err(|error| -> anyhow::Error {
        complain(error.span().map_or(0, |span| span.start), error.message())
    })?;
    let mut values = BTreeMap::new();
    for (key, value) in table.get_ref() {
        let name = key.get_ref().to_string();
        if !is_known(&name) {
            let roles = [Role::SeedNode, Role::Peer];
            let mut known: Vec<_> =
                roles.into_iter().flat_map(options_of).map(|option| option.name).collect();
            known.sort_unstable();
            known.dedup();
            let message = format!("there is no option {name:?}; {}", hint(&name, known));
            return Err(complain(key.span().start, &message));
        }
        let Some(texts) = texts_of(value.get_ref()) else {
            let message = format!("{name}: expected a text, a number, true or false, or a list");
            return Err(complain(value.span().start, &message));
        };
        let origin = Origin::File(path.to_owned(), line_at(key.span().start));
        refuse_empty(&origin, &name, &texts)?;
        values.insert(name, Value { texts, origin });
    }
    Ok(values)
}

fn texts_of(value: &DeValue<'_>) -> Option<Vec<String>> {
    let text = match value {
        DeValue::String(text) => text.to_string(),
        DeValue::Integer(number) => number.as_str().to_owned(),
        DeValue::Boolean(value) => value.to_string(),
        DeValue::Array(items) => {
            let texts: Option<Vec<Vec<String>>> =
                items.iter().map(|item| texts_of(item.get_ref())).collect();
            return texts.map(|texts| texts.into_iter().flatten().collect());
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => return None,
    };
    Some(vec![text])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_services_are_told_from_options() {
        for (variable, text) in [
            ("TIDINGS_PORT", "tcp://10.96.7.7:5000"),
            ("TIDINGS_PORT", "udp://10.96.7.7:5000"),
            ("TIDINGS_SERVICE_HOST", "10.96.7.7"),
            ("TIDINGS_SERVICE_PORT", "5000"),
            ("TIDINGS_SERVICE_PORT_GOSSIP", "5000"),
            ("TIDINGS_PORT_5000_TCP", "tcp://10.96.7.7:5000"),
            ("TIDINGS_PORT_5000_TCP_ADDR", "10.96.7.7"),
            ("TIDINGS_SEED_PORT", "tcp://10.96.7.7:5000"),
            ("TIDINGS_SEED_PORT_5000_SCTP_PROTO", "sctp"),
        ] {
            assert!(is_of_service(variable, text), "{variable}={text}");
        }
        for (variable, text) in [
            ("TIDINGS_PORT", "5000"),
            ("TIDINGS_PORT", "five"),
            ("TIDINGS_PORT_X", "1"),
            ("TIDINGS_SEED", "tcp://10.96.7.7:5000"),
            ("TIDINGS_LOG", "info"),
        ] {
            assert!(!is_of_service(variable, text), "{variable}={text}");
        }
    }
}
