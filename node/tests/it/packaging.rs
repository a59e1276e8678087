//! What a program that is a node has to build, to name and to know: the library's crates and none of the
//! program's, one crate, and what becomes of a call that is dropped.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// All that the library names itself.
const LIBRARY: [&str; 11] = [
    "bytes",
    "ed25519-dalek",
    "futures-core",
    "futures-util",
    "getrandom",
    "rustix",
    "socket2",
    "thiserror",
    "tidings-core",
    "tokio",
    "tracing",
];

/// What only the program has a use for, itself or below something else.
const PROGRAM: [&str; 11] = [
    "anyhow",
    "clap",
    "comfy-table",
    "hdrhistogram",
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

/// Sources of the library, without the program.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).expect("a folder") {
            let path = file.expect("a file").path();
            if path.is_dir() && !path.ends_with("bin") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("a source");
                sources.push((path, text));
            }
        }
    }
    assert!(sources.len() > 20, "only {} sources", sources.len());
    sources
}

/// Names that a source takes from the protocol's crate itself, before its tests.
fn imported(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let imports =
        code.split("use tidings_core::").skip(1).filter_map(|rest| rest.split(';').next());
    let names = imports.flat_map(|names| {
        let is_list = names.starts_with('{');
        names.trim_matches(['{', '}']).split(',').take(if is_list { usize::MAX } else { 1 })
    });
    let names = names.filter_map(|name| name.trim().split("::").next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Whoever uses the library names one crate: all that its signatures may speak of comes with it.
#[test]
fn what_signatures_speak_of_is_exported() {
    let text = |wanted: &str| {
        let sources = sources();
        let found = sources.into_iter().find(|(path, _)| path.ends_with(wanted));
        found.expect("the source").1
    };
    let mut exported = imported(&text("src/lib.rs"));
    // A module of its own.
    exported.insert("settings".to_owned());
    let all: BTreeSet<String> = sources().iter().flat_map(|(_, text)| imported(text)).collect();
    let missing: Vec<&String> = all.difference(&exported).collect();
    assert!(missing.is_empty(), "tidings-node does not export {missing:?}");
    assert_eq!(imported("use tidings_core::{A, b::C};\nuse tidings_core::d::{E, F};").len(), 3);
}

/// Public async functions of a source that do not say what becomes of a call that is dropped.
fn silent_about_cancelling(text: &str) -> Vec<String> {
    let mut docs = String::new();
    let mut silent = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.starts_with("///") {
            docs.push_str(line);
        } else if !line.starts_with("#[") {
            let is_async = line.starts_with("pub async fn")
                || line.starts_with("fn ") && line.contains("-> impl Future<Output = io::Result");
            if is_async && !docs.contains("# Cancel safety") {
                silent.push(line.to_owned());
            }
            docs.clear();
        }
    }
    silent
}

#[test]
fn every_async_call_says_what_becomes_of_it_when_it_is_dropped() {
    for (path, text) in sources() {
        assert_eq!(silent_about_cancelling(&text), Vec::<String>::new(), "{}", path.display());
    }
    let planted = "    /// Sends.\n    #[inline]\n    pub async fn send(&self) {}";
    assert_eq!(silent_about_cancelling(planted).len(), 1, "one that is silent is found");
}
