//! That the crate needs no standard library: a program without one is built, linked and run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

/// A copy of the program to be built, because building writes beside a manifest. `main` is its source.
fn program(name: &str, main: &str) -> PathBuf {
    let core = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(folder.join("src")).expect("a folder");
    let manifest = fs::read_to_string(core.join("tests/no_std/Cargo.toml")).expect("a manifest");
    let manifest = manifest.replace("../..", core.to_str().expect("a path in UTF-8"));
    fs::write(folder.join("Cargo.toml"), manifest).expect("written");
    fs::write(folder.join("src/main.rs"), main).expect("written");
    // The versions that the workspace has, so that nothing is looked for elsewhere.
    fs::copy(core.join("../Cargo.lock"), folder.join("Cargo.lock")).expect("copied");
    folder
}

/// Builds it; all such programs share what they are built from.
fn build(folder: &Path) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--offline", "--quiet", "--target-dir"]).arg(target()).current_dir(folder);
    // Flags of the tests' own build are not meant for this one.
    for variable in ["CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS"] {
        cargo.env_remove(variable);
    }
    cargo.output().expect("cargo runs")
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_std_target")
}

/// Where there is std, it has a panic handler of its own, and a program with another one is refused.
#[test]
fn a_program_without_std_has_a_node() {
    let main = include_str!("../no_std/src/main.rs");
    let built = build(&program("no_std", main));
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let ran = Command::new(target().join("debug/tidings-no-std")).status().expect("it runs");
    assert!(ran.success(), "{ran}");

    let with_std = main.replace("extern crate alloc;", "extern crate alloc;\nextern crate std;");
    let refused = build(&program("no_std_spoilt", &with_std));
    let error = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && error.contains("panic_impl"), "std goes unseen: {error}");
}
