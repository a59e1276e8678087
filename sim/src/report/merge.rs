//! The parts of a sweep, made one: their tables one after the other are those of a sweep in one piece.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::report::finish;
use crate::report::part::{Identity, PART, PROGRAM, Part, Size};
use crate::report::publish::{self, MERGING, UNFINISHED};
use crate::report::saved::Saved;
use crate::report::summary;
use crate::report::summary::{Head, Summary};
use crate::report::sweep_store::row_counts;
use crate::report::tables::{Row as _, RunRow, TABLES};
use crate::sweep::Shard;

/// A merged sweep.
#[derive(Debug)]
pub struct Merged {
    /// Of all runs.
    pub summary: Summary,
    /// The command that repeats one of them, without its seed.
    pub replay: String,
}

/// Merges the parts in `folders` and writes the report of all runs into `out`. A finished report
/// there is replaced. Nothing is written unless all parts are there, once each, finished, and of one
/// sweep.
pub fn merge(folders: &[PathBuf], out: &Path) -> anyhow::Result<Merged> {
    publish::complete(out)?;
    ensure!(
        !out.join(PART).exists() && !out.join(UNFINISHED).exists(),
        "{}: holds a part of a sweep, or an unfinished one; choose another folder with --out",
        out.display()
    );
    let parts = all_parts(folders)?;
    let (first, Part { identity, replay, .. }) =
        parts.first().context("name the folders of the parts")?;
    let head = Head::again(summary::read_summary(first)?);
    let work = out.join(MERGING);
    if work.exists() {
        fs::remove_dir_all(&work).with_context(|| format!("remove {}", work.display()))?;
    }
    fs::create_dir_all(&work).with_context(|| format!("make {}", work.display()))?;
    let mut tables = BTreeMap::new();
    for table in TABLES {
        let size = join(&parts, table, &work)?;
        if size.rows > 0 {
            tables.insert(table.to_owned(), size);
        }
    }
    let sizes = row_counts(&tables);
    check_seeds(identity, &Saved { folder: &work, sizes: &sizes })?;
    let summary = finish(&work, head, &sizes)?;
    publish::publish(&work, out)?;
    Ok(Merged { summary, replay: replay.clone() })
}

/// Most missing parts that are named.
const MAX_NAMED: usize = 20;

/// The parts in the order of their seeds, or all that is wrong with them.
fn all_parts(folders: &[PathBuf]) -> anyhow::Result<Vec<(&Path, Part)>> {
    let mut collection = Collection::default();
    let mut complaints = Vec::new();
    for folder in folders {
        let complaint = collection.add(folder)?;
        complaints.extend(complaint.map(|what| format!("{}: {what}", folder.display())));
    }
    complaints.extend(collection.missing());
    if complaints.is_empty() {
        return Ok(collection.parts.into_values().collect());
    }
    bail!("these parts are no sweep:\n  {}", complaints.join("\n  "))
}

/// Parts that were found so far.
#[derive(Default)]
struct Collection<'a> {
    /// That of the first part, which the others are compared with, and its folder.
    first: Option<(&'a Path, Identity)>,
    /// By their number.
    parts: BTreeMap<u64, (&'a Path, Part)>,
}

impl<'a> Collection<'a> {
    /// Adds the part in this folder. Returns what is wrong with it.
    fn add(&mut self, folder: &'a Path) -> anyhow::Result<Option<String>> {
        let (finished, unfinished) = (Part::read(folder)?, Part::read(&folder.join(UNFINISHED))?);
        let is_finished = finished.is_some();
        let Some(part) = finished.or(unfinished) else {
            return Ok(Some(format!("no part of a sweep, there is no {PART}")));
        };
        let Some(Shard { part: number, .. }) = part.identity.shard else {
            return Ok(Some("no part of a sweep, but a whole one, unfinished".to_owned()));
        };
        let program = &part.identity.program;
        let of_other_program = (self.first.is_none() && program != PROGRAM)
            // Its rows may mean something else, and its checks be others.
            .then(|| format!("of program version {program}, this one is {PROGRAM}"));
        let (first, identity) = self.first.get_or_insert_with(|| (folder, part.identity.clone()));
        let differences = identity.of_part(number).differences(&part.identity);
        if !differences.is_empty() {
            let (first, differences) = (first.display(), differences.join("; "));
            return Ok(Some(format!("of another sweep than {first}: {differences}")));
        }
        let (done, all) = (part.done, part.identity.block().count);
        let unfinished = (!is_finished || done != all).then(|| {
            format!(
                "unfinished, {done} of {all} runs; `sim run` with the options of that part goes on with \
                 it"
            )
        });
        let before = self.parts.insert(number, (folder, part));
        let doubled =
            before.map(|(before, _)| format!("part {number} is in {} too", before.display()));
        Ok(of_other_program.or(unfinished).or(doubled))
    }

    /// Names the parts that were not found.
    fn missing(&self) -> Option<String> {
        let of = self.first.as_ref()?.1.shard?.of;
        let mut missing = (1..=of).filter(|number| !self.parts.contains_key(number));
        let named: Vec<String> =
            missing.by_ref().take(MAX_NAMED).map(|number| format!("{number}/{of}")).collect();
        let mut words = format!("missing: {}", named.join(" "));
        let more = missing.count();
        if more > 0 {
            write!(words, " and {more} more").expect("a string takes it all");
        }
        (!named.is_empty()).then_some(words)
    }
}

/// Writes a table of all parts into the folder `work`.
fn join(parts: &[(&Path, Part)], table: &str, work: &Path) -> anyhow::Result<Size> {
    let to = work.join(table);
    let mut whole: Option<File> = None;
    let mut sum = Size::default();
    for (folder, part) in parts {
        let Some(size) = part.tables.get(table) else { continue };
        let from = folder.join(table);
        let read = || format!("read {}", from.display());
        let file = File::open(&from).with_context(read)?;
        let length = file.metadata().with_context(read)?.len();
        ensure!(
            length == size.bytes,
            "{}: {length} bytes, {PART} says {}",
            from.display(),
            size.bytes
        );
        let mut source = BufReader::new(file);
        let target = if let Some(whole) = &mut whole {
            source.skip_until(b'\n').with_context(read)?;
            whole
        } else {
            let file = File::create_new(&to);
            whole.insert(file.with_context(|| format!("write {}", to.display()))?)
        };
        sum.bytes += io::copy(&mut source, target)
            .with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
        sum.rows += size.rows;
    }
    Ok(sum)
}

/// The runs must be those of the sweep, each once, in order.
fn check_seeds(identity: &Identity, saved: &Saved<'_>) -> anyhow::Result<()> {
    let block = identity.seeds.block(Shard::WHOLE);
    let mut rows = saved.rows::<RunRow>()?;
    for place in 0..block.count {
        let seed = block.first + place;
        let found = rows.next().transpose()?.map(|row| row.seed);
        ensure!(
            found == Some(seed),
            "{}: row {} should be of the run with rng seed {seed}",
            saved.folder.join(RunRow::TABLE).display(),
            place + 1
        );
    }
    Ok(())
}
