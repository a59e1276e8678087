//! Counting: this program runs itself under valgrind's callgrind, which counts inside of
//! [`counted_work`] and writes a file at each return from it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

/// What callgrind counts inside of.
const PATTERN: &str = "*::counted_work";

/// The work whose instructions are counted.
#[inline(never)]
pub(crate) fn counted_work(work: &mut dyn FnMut()) {
    work();
}

pub(crate) fn is_installed() -> bool {
    let version = Command::new("valgrind").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Runs this program with these arguments. Returns the instructions of each piece of counted work, in
/// the order in which they were done.
pub(crate) fn instructions(args: &[String]) -> Vec<u64> {
    let folder =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("callgrind-{}", args.concat()));
    // One of an earlier run.
    let _absent = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the counts");
    let out = folder.join("out");
    let status = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind"])
        .arg(format!("--toggle-collect={PATTERN}"))
        .arg(format!("--dump-after={PATTERN}"))
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe().expect("this program has a path"))
        .args(args)
        .status();
    assert!(status.expect("valgrind runs").success(), "the counted run failed");
    (1..)
        .map_while(|n| fs::read_to_string(out.with_extension(n.to_string())).ok())
        .map(total)
        .collect()
}

/// The number behind `totals:` in one of callgrind's files.
#[expect(clippy::needless_pass_by_value, reason = "for an iterator of texts")]
fn total(file: String) -> u64 {
    let mut totals = file.lines().filter_map(|line| line.strip_prefix("totals: "));
    totals.next().and_then(|total| total.trim().parse().ok()).expect("a file of callgrind")
}
