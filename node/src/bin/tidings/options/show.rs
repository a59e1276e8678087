//! `tidings config`: the effective options, and where each comes from.

use anyhow::Context as _;
use serde::Serialize;
use tidings_core::Role;

use super::layers::Flags;
use super::table::options_of;
use super::{NodeOptions, Values, data_dir_or_default, table};
use crate::output::{Output, print_json, print_table};

#[derive(Serialize)]
struct Shown {
    version: u32,
    role: String,
    options: Vec<ShownOption>,
}

#[derive(Serialize)]
struct ShownOption {
    name: &'static str,
    values: Vec<String>,
    from: String,
}

/// Prints every option of a role with its value and its origin, after checking them all.
pub(crate) fn show(role: Role, flags: &Flags, output: Output) -> anyhow::Result<()> {
    let values = Values::of(role, flags)?;
    let (config, chatter) = (values.config()?, values.chatter()?);
    let effective = |name| {
        let of_protocol = table::setting(name).map(|setting| setting.value(&config));
        of_protocol.or_else(|| Some(table::chatter_setting(name)?.value(&chatter)))
    };
    // A peer without seed nodes has no effective settings to start with, but they can be shown.
    let mut complete = flags.clone();
    if !values.0.contains_key("seed") && !values.0.contains_key("seed_file") {
        complete.insert("seed".to_owned(), vec!["192.0.2.1:1".to_owned()]);
    }
    NodeOptions::resolve(role, &complete)?;
    let mut options = Vec::new();
    for option in options_of(role) {
        let value = values.0.get(option.name);
        let mut texts = value.map(|value| value.texts.clone()).unwrap_or_default();
        let mut from = value.map_or_else(|| "default".to_owned(), |value| value.origin.to_string());
        if let Some(effective) = effective(option.name) {
            if from == "default" && texts != [effective.as_str()] {
                from.push_str(if option.name == "answer_timeout" {
                    ", shortened to liveness_every"
                } else {
                    " of the profile"
                });
            }
            texts = vec![effective];
        }
        if option.name == "data_dir" && texts.is_empty() {
            texts.push(data_dir_or_default(None)?.display().to_string());
        }
        options.push(ShownOption { name: option.name, values: texts, from });
    }
    match output {
        Output::Json => print_json(&Shown { version: 1, role: role.to_string(), options }),
        Output::Text => {
            let row = |it: &ShownOption| [it.name.to_owned(), it.values.join(" "), it.from.clone()];
            print_table(["option", "value", "from"], options.iter().map(row))
        }
    }
    .context("standard output")
}
