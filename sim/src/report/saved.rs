//! A report read back from its files. Whatever is wrong with them is told with the file, the place
//! and what is allowed there.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};
use csv::StringRecord;
use serde::de::value::Error as Refusal;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};

use crate::report::tables::{
    DeadVerdictRow, DegreeRow, DelayRow, DetectionRow, FaultRow, LinkRow, MessageRow, OverlayRow,
    Row, RunRow, SpreadRow, ViolationRow, is_optional,
};

/// The file of the summary.
pub const SUMMARY: &str = "summary.json";

/// The tables in a folder.
#[derive(Debug)]
pub(super) struct Saved<'a> {
    pub(super) folder: &'a Path,
    /// Rows of each table, as the summary tells.
    pub(super) sizes: &'a BTreeMap<String, usize>,
}

impl Saved<'_> {
    /// The rows of a table, one after the other: memory holds one of them.
    pub(super) fn rows<R: Row>(&self) -> anyhow::Result<Rows<R>> {
        let name = R::TABLE;
        let path = self.folder.join(name);
        let size = match self.sizes.get(name) {
            Some(size) => *size,
            None if is_optional(name) => 0,
            None => bail!("{}: tables: {name} is missing", self.folder.join(SUMMARY).display()),
        };
        let reader = if size == 0 {
            None
        } else {
            let file = File::open(&path).with_context(|| format!("read {}", path.display()))?;
            Some(RowReader::new(file).map_err(|what| anyhow!("{}:{what}", path.display()))?)
        };
        Ok(Rows { path, size, found: 0, reader })
    }

    /// The rows of a table, those of one run at a time.
    pub(super) fn runs<R: Row>(
        &self,
    ) -> anyhow::Result<impl Iterator<Item = anyhow::Result<Vec<R>>>> {
        Ok(by_run(self.rows()?))
    }

    /// Reads every table to its end, so that whatever is wrong with one is told.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        fn check<R: Row>(saved: &Saved<'_>) -> anyhow::Result<()> {
            saved.rows::<R>()?.try_for_each(|row| row.map(drop))
        }
        check::<RunRow>(self)?;
        check::<MessageRow>(self)?;
        check::<SpreadRow>(self)?;
        check::<DelayRow>(self)?;
        check::<DetectionRow>(self)?;
        check::<OverlayRow>(self)?;
        check::<DegreeRow>(self)?;
        check::<FaultRow>(self)?;
        check::<LinkRow>(self)?;
        check::<DeadVerdictRow>(self)?;
        check::<ViolationRow>(self)
    }
}

/// Joins the rows of each run.
pub(super) fn by_run<R: Row>(
    rows: impl Iterator<Item = anyhow::Result<R>>,
) -> impl Iterator<Item = anyhow::Result<Vec<R>>> {
    let mut rows = rows.peekable();
    std::iter::from_fn(move || {
        let mut run = match rows.next()? {
            Ok(first) => vec![first],
            Err(error) => return Some(Err(error)),
        };
        let seed = run[0].seed();
        while let Some(row) = rows.next_if(|row| row.as_ref().is_ok_and(|it| it.seed() == seed)) {
            run.extend(row);
        }
        Some(Ok(run))
    })
}

/// The rows of a table. An error ends them.
#[derive(Debug)]
pub(super) struct Rows<R> {
    path: PathBuf,
    /// Rows that there should be.
    size: usize,
    found: usize,
    /// None at the end.
    reader: Option<RowReader<R, File>>,
}

impl<R: Row> Iterator for Rows<R> {
    type Item = anyhow::Result<R>;

    fn next(&mut self) -> Option<Self::Item> {
        let (path, size) = (self.path.display(), self.size);
        let row = match self.reader.as_mut()?.next() {
            Some(Ok(row)) => {
                self.found += 1;
                return Some(Ok(row));
            }
            Some(Err(what)) => Some(Err(anyhow!("{path}:{what}"))),
            None if self.found == size => None,
            None => {
                let found = self.found;
                Some(Err(anyhow!("{path}: {found} rows, {SUMMARY} says {size}")))
            }
        };
        self.reader = None;
        row
    }
}

/// Reads JSON whose field `schema` must have this value; `advice` says what makes a file that has.
///
/// # Errors
///
/// With the file's name: it cannot be read, is of another version, or is not what is wanted.
pub(super) fn read_versioned<T: DeserializeOwned>(
    path: &Path,
    wanted: u32,
    advice: &str,
) -> anyhow::Result<T> {
    /// What every version of such a file has.
    #[derive(Deserialize)]
    struct Version {
        schema: u32,
    }

    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("read {name}"))?;
    let complain = |error: serde_json::Error| anyhow!("{name}: {error}");
    let Version { schema } = serde_json::from_str(&text).map_err(complain)?;
    ensure!(
        schema == wanted,
        "{name}: unsupported schema version {schema}; this program reads {wanted}. {advice}"
    );
    serde_json::from_str(&text).map_err(complain)
}

/// Reads a table. Complaints begin with the line.
#[derive(Debug)]
struct RowReader<R, S> {
    reader: csv::Reader<S>,
    headers: StringRecord,
    record: StringRecord,
    row: PhantomData<R>,
}

impl<R: DeserializeOwned, S: Read> RowReader<R, S> {
    fn new(source: S) -> Result<Self, String> {
        let columns = columns::<R>();
        let mut reader = csv::Reader::from_reader(source);
        let headers = reader.headers().map_err(|error| format!("1: {error}"))?.clone();
        for place in 0..columns.len().max(headers.len()) {
            let (found, wanted) = (headers.get(place), columns.get(place).copied());
            if found != wanted {
                let found = found.unwrap_or("nothing");
                let wanted = wanted.unwrap_or("nothing");
                return Err(format!("1: column {}: {found}, expected {wanted}", place + 1));
            }
        }
        Ok(Self { reader, headers, record: StringRecord::new(), row: PhantomData })
    }
}

impl<R: DeserializeOwned, S: Read> Iterator for RowReader<R, S> {
    type Item = Result<R, String>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.reader.read_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(format!(" {error}"))),
        }
        let row = self.record.deserialize(Some(&self.headers));
        Some(row.map_err(|error| complaint(&self.record, columns::<R>(), &error)))
    }
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

    fn read_rows<R: Row>(text: &str) -> Result<Vec<R>, String> {
        RowReader::new(text.as_bytes())?.collect()
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let spread = |text: &str| read_rows::<SpreadRow>(text).expect_err("wrong");
        assert_eq!(spread("seed,delay,reached\n"), "1: column 2: delay, expected delay_ms");
        assert_eq!(spread("seed,delay_ms\n"), "1: column 3: nothing, expected reached");
        assert_eq!(
            spread("seed,delay_ms,reached\n1,2,0.5\nx,2,0.5\n"),
            "3: column 1 (seed): \"x\": a whole number is allowed"
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
