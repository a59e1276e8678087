//! `tidings logs clean` (R27): removes log files, and nothing that is not one.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use tidings_core::Role;

use super::file::{is_ours, subfolder};
use crate::output::{Output, print_json, print_table};

#[derive(Debug, Serialize)]
struct Cleaned {
    version: u32,
    dry_run: bool,
    files: Vec<CleanedFile>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct CleanedFile {
    path: PathBuf,
    bytes: u64,
    outcome: Outcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Removed,
    InUse,
    NotOurs,
}

impl Outcome {
    const fn words(self, dry_run: bool) -> &'static str {
        match self {
            Self::Removed if dry_run => "would be removed",
            Self::Removed => "removed",
            Self::InUse => "kept: its node runs",
            Self::NotOurs => "kept: no log of this program",
        }
    }
}

/// Removes the log files in `seeds` and `peers` below `folder` whose node does not run, and says so.
pub(crate) fn clean(folder: &Path, dry_run: bool, output: Output) -> anyhow::Result<()> {
    let mut files = Vec::new();
    for role in [Role::SeedNode, Role::Peer] {
        let folder = folder.join(subfolder(role));
        let cleaned = clean_folder(&folder, dry_run);
        files.extend(cleaned.with_context(|| folder.display().to_string())?);
    }
    match output {
        Output::Json => print_json(&Cleaned { version: 1, dry_run, files }),
        Output::Text => {
            let row = |file: &CleanedFile| {
                let path = file.path.display().to_string();
                [path, file.bytes.to_string(), file.outcome.words(dry_run).to_owned()]
            };
            print_table(["file", "bytes", "outcome"], files.iter().map(row))
        }
    }
    .context("standard output")
}

fn clean_folder(folder: &Path, dry_run: bool) -> io::Result<Vec<CleanedFile>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    paths.sort_unstable();
    paths.into_iter().map(|path| clean_file(path, dry_run)).collect()
}

fn clean_file(path: PathBuf, dry_run: bool) -> io::Result<CleanedFile> {
    // Of a link the link itself is meant, which is no log.
    let metadata = fs::symlink_metadata(&path)?;
    let bytes = metadata.len();
    let mut outcome = Outcome::NotOurs;
    if metadata.is_file() && has_log_name(&path) {
        let file = File::open(&path)?;
        if is_ours(&file)? {
            // What was put aside belongs to the node that writes the file without the `.1`.
            let written = if has_extension(&path, "1") {
                File::open(path.with_extension(""))
            } else {
                Ok(file)
            };
            let lock = written.map_or(Ok(()), |written| written.try_lock());
            outcome = match lock {
                Ok(()) => Outcome::Removed,
                Err(TryLockError::WouldBlock) => Outcome::InUse,
                Err(TryLockError::Error(error)) => return Err(error),
            };
        }
    }
    if outcome == Outcome::Removed && !dry_run {
        fs::remove_file(&path)?;
    }
    Ok(CleanedFile { path, bytes, outcome })
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|extension| extension == wanted)
}

/// `5000.log`, `5000.log.1`.
fn has_log_name(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let stem = name.strip_suffix(".1").unwrap_or(name).strip_suffix(".log");
    stem.is_some_and(|port| port.parse::<u16>().is_ok())
}
