//! `--set key=value`: changes to a scenario's text before it is read.

use toml::{Table, Value};

/// A change that fits nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// There is no `=`.
    #[error("--set {0:?}: write it as key=value, like protocol.max_peers=5")]
    NoValue(String),
    /// A part of the key names nothing that has parts.
    #[error("--set {key}: {part:?} is not a table or a list with that place")]
    NoPlace {
        /// The whole key.
        key: String,
        /// The part that leads nowhere.
        part: String,
    },
    /// The text is no TOML to begin with.
    #[error("{0}")]
    Text(String),
}

/// Fields of the whole scenario, and its tables; every other key without a point is one of a table.
const TOP: &[&str] = &[
    "question", "version", "engine", "runs", "duration", "calm", "network", "link", "protocol",
    "workload", "fault", "limits", "vary",
];

/// Fields of the tables that are not settings of the protocol.
const IN_TABLES: &[(&str, &[&str])] = &[
    ("network", &["seed_nodes", "peers", "start", "peer_addresses", "names_found_at"]),
    (
        "link",
        &[
            "latency",
            "tick",
            "distribution",
            "median",
            "sigma",
            "regions",
            "draw",
            "loss",
            "bandwidth",
        ],
    ),
    ("workload", &["every", "between", "size", "sources", "gossip_every", "gossip_count"]),
];

/// Makes the changes. Keys are paths: `protocol.max_peers`, `fault.0.count`; the name of the table may
/// be left out, unless it is `fault` or `limits`. Values are TOML; what is not, is text. Whether a key
/// means anything is found when the result is read.
pub(super) fn apply_overrides(text: &str, overrides: &[String]) -> Result<String, OverrideError> {
    let mut table: Table =
        text.parse().map_err(|error: toml::de::Error| OverrideError::Text(error.to_string()))?;
    for change in overrides {
        let Some((key, value)) = change.split_once('=') else {
            return Err(OverrideError::NoValue(change.clone()));
        };
        set(&mut table, &whole_key(key.trim()), read_value(value.trim()))?;
    }
    Ok(table.to_string())
}

/// The key with its table.
fn whole_key(key: &str) -> String {
    if key.contains('.') || TOP.contains(&key) {
        return key.to_owned();
    }
    let table = IN_TABLES.iter().find(|(_, fields)| fields.contains(&key));
    format!("{}.{key}", table.map_or("protocol", |(table, _)| table))
}

fn read_value(text: &str) -> Value {
    let parsed: Result<Table, _> = format!("value = {text}").parse();
    let value = parsed.ok().and_then(|mut table| table.remove("value"));
    value.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn set(table: &mut Table, key: &str, value: Value) -> Result<(), OverrideError> {
    let mut parts: Vec<&str> = key.split('.').collect();
    let last = parts.pop().unwrap_or_default();
    let Some((first, inner)) = parts.split_first() else {
        table.insert(last.to_owned(), value);
        return Ok(());
    };
    let mut place = table.entry(*first).or_insert_with(|| Value::Table(Table::new()));
    for part in inner.iter().chain([&last]) {
        place = step(place, part).ok_or_else(|| OverrideError::NoPlace {
            key: key.to_owned(),
            part: (*part).to_owned(),
        })?;
    }
    *place = value;
    Ok(())
}

/// The place called `part` inside of `place`, made if a table lacks it.
fn step<'a>(place: &'a mut Value, part: &str) -> Option<&'a mut Value> {
    if place.is_table() {
        let inner = place.as_table_mut()?;
        return Some(inner.entry(part).or_insert_with(|| Value::Table(Table::new())));
    }
    place.as_array_mut()?.get_mut(part.parse::<usize>().ok()?)
}
