//! The parts of a sweep, made one: their tables one after the other are those of a sweep in one piece.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};

use crate::report::finish;
use crate::report::growing::row_counts;
use crate::report::part::{Identity, PART, PROGRAM, Part, Size};
use crate::report::publish::{self, MERGING, UNFINISHED};
use crate::report::saved::{self, Saved};
use crate::report::summary::{Head, Summary};
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
    let head = Head::again(saved::read_summary(first)?);
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

/// The parts in the order of their seeds, or all that is wrong with them.
fn all_parts(folders: &[PathBuf]) -> anyhow::Result<Vec<(&Path, Part)>> {
    let mut complaints = Vec::new();
    let mut found: BTreeMap<u64, (&Path, Part)> = BTreeMap::new();
    let mut reference: Option<(&Path, Identity)> = None;
    for folder in folders {
        let name = folder.display();
        let (part, is_finished) = match (Part::read(folder)?, Part::read(&folder.join(UNFINISHED))?)
        {
            (Some(part), _) => (part, true),
            (None, Some(part)) => (part, false),
            (None, None) => {
                complaints.push(format!("{name}: no part of a sweep, there is no {PART}"));
                continue;
            }
        };
        let Some(Shard { part: number, .. }) = part.identity.shard else {
            complaints.push(format!("{name}: no part of a sweep, but a whole one, unfinished"));
            continue;
        };
        let program = &part.identity.program;
        if reference.is_none() && program != PROGRAM {
            // Its rows may mean something else, and its checks be others.
            complaints.push(format!("{name}: of program version {program}, this one is {PROGRAM}"));
        }
        let (first, identity) = reference.get_or_insert_with(|| (folder, part.identity.clone()));
        let differences = identity.of_part(number).differences(&part.identity);
        if !differences.is_empty() {
            let first = first.display();
            complaints
                .push(format!("{name}: of another sweep than {first}: {}", differences.join("; ")));
            continue;
        }
        let (done, all) = (part.done, part.identity.block().count);
        if !is_finished || done != all {
            complaints.push(format!(
                "{name}: unfinished, {done} of {all} runs; `sim run` with the options of that part goes \
                 on with it"
            ));
        }
        if let Some((before, _)) = found.insert(number, (folder, part)) {
            complaints.push(format!("{name}: part {number} is in {} too", before.display()));
        }
    }
    complaints.extend(reference.and_then(|(_, identity)| missing(&identity, &found)));
    if complaints.is_empty() {
        return Ok(found.into_values().collect());
    }
    bail!("these parts are no sweep:\n  {}", complaints.join("\n  "))
}

/// Most missing parts that are named.
const MOST_NAMED: usize = 20;

fn missing(identity: &Identity, found: &BTreeMap<u64, (&Path, Part)>) -> Option<String> {
    let of = identity.shard?.of;
    let mut missing = (1..=of).filter(|number| !found.contains_key(number));
    let named: Vec<String> =
        missing.by_ref().take(MOST_NAMED).map(|number| format!("{number}/{of}")).collect();
    let mut words = format!("missing: {}", named.join(" "));
    let more = missing.count();
    if more > 0 {
        write!(words, " and {more} more").expect("a string takes it all");
    }
    (!named.is_empty()).then_some(words)
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
            "{}: {length} bytes, {PART} tells of {}",
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
