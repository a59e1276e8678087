//! Where each option's value comes from: a flag, else the environment, else the file, else the
//! default.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
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
    let named = flags.get("config").and_then(|paths| paths.last().cloned());
    let path = named.or_else(|| env::var(variable("config")).ok()).map(PathBuf::from);
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
        let origin = Origin::Flag(format!("--{}", option.name.replace('_', "-")));
        return Ok(Some(Value { texts: texts.clone(), origin }));
    }
    let variable = variable(option.name);
    if let Some(text) = env::var_os(&variable) {
        let text = text.into_string();
        let text = text.map_err(|_raw| UsageError(format!("{variable} is not UTF-8 text")))?;
        let texts = if option.many {
            text.split(',').map(|part| part.trim().to_owned()).collect()
        } else {
            vec![text]
        };
        return Ok(Some(Value { texts, origin: Origin::Environment(variable) }));
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

/// Variables that look like options and are none: most likely mistyped.
pub(crate) fn unknown_variables() -> Vec<String> {
    let names = env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let is_unknown = |name: &String| {
        let option = name.strip_prefix("TIDINGS_").map(str::to_lowercase);
        option.is_some_and(|option| option != "config" && !is_known(&option))
    };
    names.filter(is_unknown).collect()
}

/// The file's values. Options of the other role are allowed, so that one file serves both.
fn read_file(path: &Path) -> anyhow::Result<BTreeMap<String, Value>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the settings' file {}", path.display()))
        .map_err(|error| UsageError(format!("{error:#}")))?;
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
