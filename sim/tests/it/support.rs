//! Shared by the tests.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tidings_sim::scenario::{Scenario, load};

/// The project's folder.
pub(crate) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A scenario of a few quick nodes with one of each fault.
pub(crate) fn small_path() -> PathBuf {
    project().join("sim/tests/scenarios/small.toml")
}

pub(crate) fn small() -> Scenario {
    load(&small_path(), &[]).unwrap()
}

/// A folder of its own for the test called `name`, empty.
pub(crate) fn empty_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Runs the program `sim` in `folder`.
pub(crate) fn sim(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sim")).args(args).current_dir(folder).output().unwrap()
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The shipped scenarios, in the order of their names.
pub(crate) fn scenarios() -> Vec<PathBuf> {
    scenarios_in("scenarios")
}

/// The scenarios of a folder of the project, in the order of their names.
pub(crate) fn scenarios_in(folder: &str) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(project().join(folder)).unwrap();
    let mut paths: Vec<PathBuf> = folder.map(|file| file.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths
}
