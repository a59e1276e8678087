//! What a program that is a node has to build: the library's crates, and none of the program's.

use std::process::Command;

/// All that the library names itself.
const LIBRARY: [&str; 11] = [
    "bytes",
    "ed25519-dalek",
    "futures-core",
    "futures-util",
    "getrandom",
    "socket2",
    "thiserror",
    "tidings-core",
    "tokio",
    "tokio-stream",
    "tracing",
];

/// What only the program has a use for, itself or below something else.
const PROGRAM: [&str; 10] = [
    "anyhow",
    "clap",
    "comfy-table",
    "humantime",
    "rustyline",
    "serde_json",
    "signal-hook-registry",
    "toml",
    "tracing-appender",
    "tracing-subscriber",
];

/// Names of the crates that the library is built from, down to this depth.
fn crates(depth: &str, features: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "-p", "tidings-node", "-e", "normal"])
        .args(["--prefix", "none", "--format", "{lib}", "--depth", depth])
        .args(features)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("text");
    let mut names: Vec<String> = text.lines().map(|line| line.replace('_', "-")).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| !name.is_empty() && name != "tidings-node");
    names
}

#[test]
fn the_library_builds_none_of_the_programs_crates() {
    let without = ["--no-default-features"];
    assert_eq!(crates("1", &without), LIBRARY);
    let all = crates("99", &without);
    let is_there =
        |names: &[String], wanted: &str| names.iter().any(|name| *name == wanted.replace('_', "-"));
    for name in PROGRAM {
        assert!(!is_there(&all, name), "{name} is built for the library");
        assert!(is_there(&crates("99", &[]), name), "{name} is none of the program's any more");
    }
    let toml = crates("99", &["--no-default-features", "--features", "toml"]);
    assert!(is_there(&toml, "toml") && !is_there(&toml, "clap"), "{toml:?}");
}
