//! What a comparison varies: the `[vary]` table of a scenario, or `--vary`. Every combination of the
//! values is a scenario of its own, made as by `--set`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use toml::{Spanned, Value};

use super::Engine;
use super::page::{Checked, Page};

/// The key of the engine.
const ENGINE: &str = "engine";

/// A field and the values that it takes in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vary {
    /// The field, as `--set` names it.
    pub key: String,
    /// The values, as `--set` takes them; at least one.
    pub values: Vec<String>,
}

/// One value of a varied field.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
pub struct Change {
    /// The field.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Vary {
    /// The engine varied.
    pub fn engines(engines: &[Engine]) -> Self {
        let name = |engine: &Engine| engine.name().to_owned();
        Self { key: ENGINE.to_owned(), values: engines.iter().map(name).collect() }
    }
}

/// `overlay=random,power-law`.
impl FromStr for Vary {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?}: write it as key=value,value, like overlay=random,power-law");
        let (key, values) = text.split_once('=').ok_or_else(wrong)?;
        let values: Vec<String> = values.split(',').map(|it| it.trim().to_owned()).collect();
        if key.trim().is_empty() || values.iter().any(String::is_empty) {
            return Err(wrong());
        }
        Ok(Self { key: key.trim().to_owned(), values })
    }
}

impl Change {
    /// Whether it is one of the engine.
    pub fn is_engine(&self) -> bool {
        self.key == ENGINE
    }
}

/// `overlay=power-law`: a text without its quotes.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value.trim_matches('"'))
    }
}

/// Changes as words.
pub fn label(changes: &[Change]) -> String {
    changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

impl Page<'_> {
    /// A field of the `[vary]` table.
    pub(super) fn vary(&self, key: &Spanned<String>, values: &Spanned<Value>) -> Checked<Vary> {
        let list = values.get_ref().as_array().filter(|list| !list.is_empty());
        let is_plain = |value: &Value| !value.is_table();
        let Some(list) = list.filter(|list| list.iter().all(is_plain)) else {
            let message = format!(
                "vary: {} needs a list of values, like [1, 2]; a key with a point stands in quotes",
                key.get_ref()
            );
            return Err(self.complain(values.span(), message));
        };
        Ok(Vary {
            key: key.get_ref().clone(),
            values: list.iter().map(ToString::to_string).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::load;

    /// Changes make the text anew, and must not sort it.
    #[test]
    fn varied_fields_come_in_the_order_of_the_file() {
        let small = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/small.toml");
        let table = "vary={refresh=['4s','8s'],peers=[9],max_peers=[3,2]}".to_owned();
        let loaded = load(&small, &["runs=2".to_owned(), table]).expect("the small scenario");
        let keys: Vec<&str> = loaded.vary.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["refresh", "peers", "max_peers"]);
    }

    #[test]
    fn a_varied_field_is_a_key_and_values() {
        let vary: Vary = "overlay = random, power-law".parse().expect("a good one");
        assert_eq!((vary.key.as_str(), vary.values.len()), ("overlay", 2));
        for wrong in ["overlay", "=1,2", "overlay=", "overlay=random,"] {
            let error = wrong.parse::<Vary>().expect_err(wrong);
            assert!(error.contains("write it as key=value,value"), "{error}");
        }
    }
}
