//! Files of seed nodes in TOML.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Entry, WrongLine};
use crate::host_port::{HostPort, HostPortError};

/// What each entry of the file names, or what is wrong with it.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let wrong = |start: usize, reason: String| {
        let line = text.get(..start).unwrap_or(text).matches('\n').count() + 1;
        let text = text.lines().nth(line - 1).unwrap_or_default().to_owned();
        WrongLine { line, text, reason }
    };
    let file = match DeTable::parse(text) {
        Ok(file) => file.into_inner(),
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            return vec![Err(wrong(start, error.message().to_owned()))];
        }
    };
    let mut entries = Vec::new();
    for (key, value) in &file {
        let places: Vec<&Spanned<DeValue<'_>>> = match (key.get_ref().as_ref(), value.get_ref()) {
            ("seeds" | "seed", DeValue::Array(places)) => places.iter().collect(),
            ("seeds", DeValue::Table(places)) => places.values().collect(),
            _ => {
                let reason = "expected seeds = [...], [seeds] or [[seed]]".to_owned();
                entries.push(Err(wrong(key.span().start, reason)));
                continue;
            }
        };
        entries.extend(places.into_iter().map(|place| {
            toml_place(place.get_ref()).map_err(|reason| wrong(place.span().start, reason))
        }));
    }
    entries
}

fn toml_place(value: &DeValue<'_>) -> Result<HostPort, String> {
    let host_of = |table: &DeTable<'_>| {
        let known = ["host", "ip", "address"].into_iter().find_map(|name| table.get(name));
        Some(known?.get_ref().as_str()?.to_owned())
    };
    let port_of = |value: &DeValue<'_>| Some(value.as_integer()?.as_str().to_owned());
    let parts = if let Some(text) = value.as_str() {
        return text.parse().map_err(|error: HostPortError| error.to_string());
    } else if let Some(pair) = value.as_array().filter(|pair| pair.len() == 2) {
        (pair[0].get_ref().as_str().map(str::to_owned), port_of(pair[1].get_ref()))
    } else if let Some(named) = value.as_table() {
        (host_of(named), named.get("port").and_then(|port| port_of(port.get_ref())))
    } else {
        (None, None)
    };
    let (Some(host), Some(port)) = parts else {
        let forms = "expected \"HOST:PORT\", [\"HOST\", PORT] or { host = \"HOST\", port = PORT }";
        return Err(forms.to_owned());
    };
    HostPort::parse_parts(&host, &port).map_err(|error| error.to_string())
}
