//! A log line of a child, as data and as people see it.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// One line of a JSON log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    fields: Map<String, Value>,
}

/// Whether escape sequences for colors may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Color {
    Plain,
    Colored,
}

impl Line {
    /// Reads a line of a child's log. `None` when it is no such line.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match serde_json::from_str(text) {
            Ok(Value::Object(fields)) if fields.contains_key("message") => Some(Self { fields }),
            _ => None,
        }
    }

    /// What happened: `gossip received`.
    pub(crate) fn message(&self) -> &str {
        self.text("message")
    }

    /// A field as text; empty when there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The line as JSON with the name of its node.
    pub(crate) fn with_node(&self, node: &str) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("node".to_owned(), node.into());
        Value::Object(fields)
    }

    /// The line for people: time of day, node, level, what happened, fields.
    pub(crate) fn render(&self, node: &str, place: usize, color: Color) -> String {
        let time = self.text("timestamp");
        let time = time.split('T').nth(1).unwrap_or(time).trim_end_matches('Z');
        let level = self.text("level");
        let mut out = format!("{time} ");
        out += &painted(&format!("{node:<9}"), node_color(place), color);
        out += &painted(&format!(" {level:<5}"), level_color(level), color);
        let _infallible = write!(out, " {}", escaped(self.message()));
        for (name, value) in &self.fields {
            if ["timestamp", "level", "message"].contains(&name.as_str()) {
                continue;
            }
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _infallible = write!(out, " {name}={}", escaped(&text));
        }
        out
    }
}

/// Children escape what came from others; this holds even if one did not.
fn escaped(text: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escape).collect()
}

pub(super) fn painted(text: &str, code: u8, color: Color) -> String {
    match color {
        Color::Plain => text.to_owned(),
        Color::Colored => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
    }
}

fn node_color(place: usize) -> u8 {
    const COLORS: [u8; 10] = [36, 35, 34, 33, 32, 96, 95, 94, 93, 92];
    COLORS[place % COLORS.len()]
}

fn level_color(level: &str) -> u8 {
    match level {
        "ERROR" => 31,
        "WARN" => 33,
        "INFO" => 32,
        _ => 90,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{"timestamp":"2026-11-21T08:23:43.866Z","level":"WARN",
        "message":"strike","peer":"a\u001b[2J","strikes":2}"#;

    #[test]
    fn r28_a_line_is_shown_with_its_node_and_without_control_characters() {
        let line = Line::parse(TEXT).expect("a line");
        let shown = line.render("peer-5003", 3, Color::Plain);
        assert_eq!(shown, "08:23:43.866 peer-5003 WARN  strike peer=a\\u{1b}[2J strikes=2");
        assert!(line.render("peer-5003", 3, Color::Colored).contains("\u{1b}[33mpeer-5003"));
    }

    #[test]
    fn what_is_no_log_line_is_none() {
        assert_eq!(Line::parse("thread panicked"), None);
        assert_eq!(Line::parse("{\"tidings_log\":1}"), None);
    }
}
