//! A report read back from its files. Whatever is wrong with them is told with the file, the place
//! and what is allowed there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow, bail, ensure};
use csv::StringRecord;
use serde::de::value::Error as Refusal;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::report::summary::{SCHEMA, Summary};
use crate::report::tables::{
    DEGREES, DETECTION, FAULTS, LINKS, MESSAGES, OVERLAY, RUNS, SPREAD, Tables,
};

/// The file of the summary.
pub const SUMMARY: &str = "summary.json";

/// Reads the whole report in `folder`.
pub fn read(folder: &Path) -> anyhow::Result<(Summary, Tables)> {
    let summary = read_summary(folder)?;
    let files = Files { folder, sizes: &summary.tables };
    let tables = Tables {
        runs: files.table(RUNS)?,
        messages: files.table(MESSAGES)?,
        spread: files.table(SPREAD)?,
        detection: files.table(DETECTION)?,
        overlay: files.table(OVERLAY)?,
        degrees: files.table(DEGREES)?,
        faults: files.table(FAULTS)?,
        links: files.table(LINKS)?,
    };
    Ok((summary, tables))
}

/// Reads the summary alone.
pub fn read_summary(folder: &Path) -> anyhow::Result<Summary> {
    /// What every version of the file has.
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }

    let path = folder.join(SUMMARY);
    let name = path.display();
    let text = fs::read_to_string(&path).with_context(|| format!("read {name}"))?;
    let complain = |error: serde_json::Error| anyhow!("{name}: {error}");
    let Version { schema } = serde_json::from_str(&text).map_err(complain)?;
    ensure!(
        schema == SCHEMA,
        "{name}: schema: {schema} is of another program; this one reads {SCHEMA}. Run the scenario \
         again"
    );
    serde_json::from_str(&text).map_err(complain)
}

/// The tables in a folder.
struct Files<'a> {
    folder: &'a Path,
    /// Rows of each, as the summary tells.
    sizes: &'a BTreeMap<String, usize>,
}

impl Files<'_> {
    fn table<R: DeserializeOwned>(&self, name: &str) -> anyhow::Result<Vec<R>> {
        let path = self.folder.join(name);
        let Some(size) = self.sizes.get(name) else {
            bail!("{}: tables: {name} is missing", self.folder.join(SUMMARY).display());
        };
        if *size == 0 {
            return Ok(Vec::new());
        }
        let read = fs::read_to_string(&path);
        let text = read.with_context(|| format!("read {}", path.display()))?;
        let rows = read_rows(&text).map_err(|what| anyhow!("{}:{what}", path.display()))?;
        let found = rows.len();
        ensure!(found == *size, "{}: {found} rows, {SUMMARY} tells of {size}", path.display());
        Ok(rows)
    }
}

/// Reads a table's text. Complaints begin with the line.
fn read_rows<R: DeserializeOwned>(text: &str) -> Result<Vec<R>, String> {
    let columns = columns::<R>();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| format!("1: {error}"))?.clone();
    for place in 0..columns.len().max(headers.len()) {
        let (found, wanted) = (headers.get(place), columns.get(place).copied());
        if found != wanted {
            let found = found.unwrap_or("nothing");
            let wanted = wanted.unwrap_or("nothing");
            return Err(format!("1: column {}: {found}, expected {wanted}", place + 1));
        }
    }
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| format!(" {error}"))?;
        let row = record.deserialize(Some(&headers));
        rows.push(row.map_err(|error| complaint(&record, columns, &error))?);
    }
    Ok(rows)
}

/// Says where a row is wrong. What does not come from the CSV reader itself does not know its
/// column, but shows the field's text in backticks.
fn complaint(record: &StringRecord, columns: &[&str], error: &csv::Error) -> String {
    let line = record.position().map_or(0, csv::Position::line);
    let csv::ErrorKind::Deserialize { err, .. } = error.kind() else {
        return format!("{line}: {error}");
    };
    let message = err.kind().to_string();
    let shown = || record.iter().position(|field| message.contains(&format!("`{field}`")));
    let known = err.field().and_then(|field| usize::try_from(field).ok());
    let Some(place) = known.or_else(shown) else { return format!("{line}: {message}") };
    let (column, field) = (columns.get(place).unwrap_or(&""), record.get(place).unwrap_or(""));
    let allowed = if matches!(err.kind(), csv::DeserializeErrorKind::ParseInt(_)) {
        "a whole number is allowed".to_owned()
    } else if matches!(err.kind(), csv::DeserializeErrorKind::ParseFloat(_)) {
        "a number is allowed".to_owned()
    } else {
        message
    };
    format!("{line}: column {} ({column}): {field:?}: {allowed}", place + 1)
}

/// The columns of a table: the fields of its row.
fn columns<R: DeserializeOwned>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    // It always refuses: all that is wanted is the question.
    let _refused = R::deserialize(Fields(&mut fields));
    fields
}

/// A deserializer that only listens which fields it is asked for.
struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Refusal;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Refusal> {
        *self.0 = fields;
        Err(Refusal::custom("only asked"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refusal> {
        Err(Refusal::custom("a row is a struct"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tables::{DetectionRow, LinkRow, SpreadRow};

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let spread = |text: &str| read_rows::<SpreadRow>(text).expect_err("wrong");
        assert_eq!(spread("seed,delay,reached\n"), "1: column 2: delay, expected delay_ms");
        assert_eq!(spread("seed,delay_ms\n"), "1: column 3: nothing, expected reached");
        assert_eq!(
            spread("seed,delay_ms,reached\n1,2,0.5\n1,x,0.5\n"),
            "3: column 2 (delay_ms): \"x\": a whole number is allowed"
        );
        assert_eq!(
            spread("seed,delay_ms,reached\n1,2,half\n"),
            "2: column 3 (reached): \"half\": a number is allowed"
        );
        let links = read_rows::<LinkRow>("seed,at_ms,a,b\n1,2,peer-1,\n1,2,peer-1,pear-2\n");
        assert_eq!(
            links.expect_err("wrong"),
            "3: column 4 (b): \"pear-2\": unknown host `pear-2`, expected seed-N or peer-N, from 1 \
             on"
        );
        let header = columns::<DetectionRow>().join(",");
        let row = "1,peer-1,loud,10,,4,5,6,7,3,8";
        let detection = read_rows::<DetectionRow>(&format!("{header}\n{row}\n"));
        assert_eq!(
            detection.expect_err("wrong"),
            "2: column 3 (death): \"loud\": unknown variant `loud`, expected `reset` or `silent`"
        );
    }
}
