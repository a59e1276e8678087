//! The rules that the compiler does not know: who may depend on whom, what may stand where.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tidings_node::settings::SETTINGS;

use crate::support::project;

/// Most lines of a source file.
const MAX_LINES: usize = 800;

#[test]
fn the_arrows_between_the_crates_hold() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(project())
        .output()
        .expect("cargo metadata");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let dependencies = |package: &str| -> Vec<String> {
        let packages = metadata["packages"].as_array().expect("packages");
        let package = packages.iter().find(|it| it["name"] == package).expect("the package");
        let all = package["dependencies"].as_array().expect("dependencies");
        all.iter().filter_map(|it| it["name"].as_str()).map(str::to_owned).collect()
    };
    let core = dependencies("tidings-core");
    let outside = ["tokio", "turmoil", "getrandom", "tidings-node", "tidings-sim"];
    assert!(outside.iter().all(|it| !core.contains(&(*it).to_owned())), "{core:?}");
    let node = dependencies("tidings-node");
    assert!(node.contains(&"tidings-core".to_owned()), "{node:?}");
    for above in ["tidings-sim", "turmoil"] {
        assert!(!node.contains(&above.to_owned()), "node depends on {above}");
    }
    let sim = dependencies("tidings-sim");
    assert!(sim.contains(&"tidings-node".to_owned()) && sim.contains(&"turmoil".to_owned()));
}

#[test]
fn the_sources_keep_the_rules() {
    let mut complaints = String::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source");
        let place = path.strip_prefix(project()).expect("below the project").to_owned();
        for complaint in complaints_about(&place, &text) {
            writeln!(complaints, "{}: {complaint}", place.display()).expect("a string");
        }
    }
    assert!(complaints.is_empty(), "{complaints}");
}

/// Every row of the requirements has code and a test that carries its number.
#[test]
fn the_table_of_requirements_is_true() {
    let table = fs::read_to_string(project().join("docs/requirements.md")).expect("the table");
    let files = [sources(), sources_in("tests")].concat();
    let tests: String =
        files.iter().map(|path| fs::read_to_string(path).expect("a source")).collect();
    let wrong = wrong_rows(&table, &tests);
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What is wrong with a table of requirements, where `tests` is the text of all tests.
fn wrong_rows(table: &str, tests: &str) -> Vec<String> {
    let rows: Vec<&str> = table.lines().filter(|line| line.starts_with("| R")).collect();
    let mut wrong = Vec::new();
    for (number, row) in (1..).zip(&rows) {
        let cells: Vec<&str> = row.split(" | ").collect();
        if cells[0] != format!("| R{number}") || cells.len() < 3 {
            wrong.push(format!("{row:?} stands where R{number} should"));
        } else if cells[2] != "later" {
            let named = cells.get(3).map_or("", |cell| *cell);
            let named: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
            if named.is_empty() {
                wrong.push(format!("R{number} has no test"));
            }
            for test in named {
                if !tests.contains(&format!("fn {test}(")) {
                    wrong.push(format!("R{number}: there is no test {test}"));
                } else if !test.contains(&format!("r{number:02}_")) {
                    wrong.push(format!("{test} does not carry R{number}"));
                }
            }
        }
    }
    if rows.len() != 38 {
        wrong.push(format!("{} rows, there are 38", rows.len()));
    }
    wrong
}

#[test]
fn a_table_that_is_not_true_is_told() {
    let tests = "fn r01_it_works() {} fn r02_it_does_too() {}";
    for (row, words) in [
        ("| R1 | asked | code | `r01_it_worked` |", "there is no test r01_it_worked"),
        ("| R1 | asked | code | `r02_it_does_too` |", "does not carry R1"),
        ("| R1 | asked | code | |", "R1 has no test"),
        ("| R2 | asked | code | `r02_it_does_too` |", "stands where R1 should"),
        ("| R1 | asked | code | `r01_it_works` |", "1 rows, there are 38"),
    ] {
        let wrong = wrong_rows(row, tests);
        assert!(wrong.iter().any(|it| it.contains(words)), "{row}: {wrong:?}");
    }
}

#[test]
fn r36_the_readme_has_its_steps_and_its_links_lead_somewhere() {
    let readme = fs::read_to_string(project().join("README.md")).expect("the README");
    for step in [
        "cargo run --release --bin sim -- run scenarios/churn.toml",
        "cargo test --workspace",
        "## How a node is built",
    ] {
        assert!(readme.contains(step), "{step}");
    }
    let pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "scenarios/README.md"];
    let more = [
        "reports/README.md",
        "core/PROTOCOL.md",
        "deploy/sweep/README.md",
        "deploy/node/README.md",
    ];
    let docs =
        fs::read_dir(project().join("docs")).expect("docs").map(|it| it.expect("a file").path());
    let docs = docs.filter(|path| path.extension().is_some_and(|it| it == "md"));
    for page in pages.iter().chain(&more).map(|page| project().join(page)).chain(docs) {
        let text = fs::read_to_string(&page).expect("a page");
        let dead = dead_links(page.parent().expect("a folder"), &text);
        assert!(dead.is_empty(), "{}: {dead:?} lead nowhere", page.display());
    }
    let planted = "[here](README.md) [there](nowhere.md#at-all) [away](https://example.org/x)";
    assert_eq!(dead_links(&project(), planted), ["nowhere.md#at-all"]);
}

#[test]
fn every_document_that_a_source_cites_is_there() {
    let folders = ["", "core", "node", "sim"].map(|it| project().join(it));
    let mut missing = Vec::new();
    for path in sources() {
        let text = fs::read_to_string(&path).expect("a source");
        for document in cited(&text) {
            let beside = path.parent().map(Path::to_path_buf);
            if !folders.iter().chain(&beside).any(|folder| folder.join(document).exists()) {
                missing.push(format!("{}: {document}", path.display()));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:?} are not there");
    let planted = "/// Guess (NOTES.md, 3.4), see [`a`](docs/b.md).";
    assert_eq!(cited(planted).collect::<Vec<_>>(), ["NOTES.md", "docs/b.md"]);
}

/// The table of constants has each setting of the protocol, by its name, and no other.
#[test]
fn the_protocol_names_settings_as_the_program_does() {
    let text = fs::read_to_string(project().join("core/PROTOCOL.md")).expect("the protocol");
    let table = text.split("\n## Constants\n").nth(1).expect("the constants");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let named: BTreeSet<&str> = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    let settings: BTreeSet<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
    assert_eq!(named, settings);
}

/// The documents that a source names.
fn cited(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let words = text.split(move |c| !is_part(c)).map(|word| word.trim_end_matches('.'));
    words.filter(|word| word.len() > 3 && word.strip_suffix(".md").is_some())
}

/// Links of a page in `folder` to files that are not there.
fn dead_links(folder: &Path, text: &str) -> Vec<String> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let local = links.filter(|link| !link.contains("://") && !link.starts_with('#'));
    let is_dead = |link: &&str| !folder.join(link.split('#').next().unwrap_or(link)).exists();
    local.filter(is_dead).map(str::to_owned).collect()
}

#[test]
fn each_rule_bites() {
    let planted = [
        ("core/src/a.rs", "//! Doc.\nuse std::collections::HashMap;", "HashMap"),
        ("core/src/a.rs", "//! Doc.\nlet now = Instant::now();", "Instant::now"),
        ("core/src/a.rs", "//! Doc.\nuse std::time::SystemTime;", "SystemTime"),
        ("core/src/a.rs", "//! Doc.\nlet seed = OsRng;", "OsRng"),
        ("node/src/a.rs", "//! Doc.\nselect! {\n    a = b => {}\n}", "biased"),
        ("node/src/a.rs", "//! Doc.\nuse tokio::net::TcpStream;", "tokio::net"),
        ("node/src/a.rs", "//! Doc.\nSystemTime::now()", "SystemTime::now"),
        ("node/src/a.rs", "//! Doc.\ntokio::spawn(task);", "tokio::spawn"),
        ("sim/src/a.rs", "use crate::b;", "module doc"),
        ("sim/src/a.rs", "//! Doc.\n// TODO later", "TODO"),
        ("sim/src/check/a.rs", "//! Doc.\nuse turmoil::Sim;", "turmoil"),
        ("sim/src/a.rs", &format!("//! Doc.\n{}", "\n".repeat(MAX_LINES)), "lines"),
    ];
    for (place, text, words) in planted {
        let complaints = complaints_about(Path::new(place), text);
        let hit = complaints.iter().any(|complaint| complaint.contains(words));
        assert!(hit, "{place}: {text:?} gives {complaints:?}");
    }
    assert!(complaints_about(Path::new("core/src/a.rs"), "//! Doc.\nuse alloc::vec;").is_empty());
}

fn sources() -> Vec<PathBuf> {
    let sources = sources_in("src");
    assert!(sources.len() > 50, "only {} sources found", sources.len());
    sources
}

/// The Rust files below a folder of every crate.
fn sources_in(folder: &str) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> =
        ["core", "node", "sim"].map(|it| project().join(it).join(folder)).to_vec();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).expect("a folder") {
            let path = file.expect("a file").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                sources.push(path);
            }
        }
    }
    sources.sort();
    sources
}

/// Words that may not stand in sources below a folder, except in the files named.
const FORBIDDEN: &[(&str, &str, &[&str])] = &[
    ("core/src", "HashMap", &[]),
    ("core/src", "HashSet", &[]),
    ("core/src", "Instant::now", &[]),
    ("core/src", "SystemTime", &[]),
    ("core/src", "OsRng", &[]),
    ("core/src", "getrandom", &[]),
    ("node/src", "tokio::net", &["node/src/net.rs", "node/src/bin/"]),
    ("node/src", "SystemTime::now", &["node/src/clock.rs"]),
    ("node/src", "tokio::spawn", &[]),
    ("node/src", "turmoil", &[]),
    ("sim/src", "turmoil::", &["sim/src/turmoil_world/"]),
    ("", concat!("TO", "DO"), &[]),
    ("", concat!("FIX", "ME"), &[]),
];

fn complaints_about(place: &Path, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let name = place.to_str().unwrap_or_default();
    for (folder, word, exempt) in FORBIDDEN {
        let is_exempt = exempt.iter().any(|file| name.starts_with(file));
        if name.starts_with(folder) && !is_exempt && text.contains(word) {
            complaints.push(format!("{word} may not stand here"));
        }
    }
    if !text.starts_with("//!") {
        complaints.push("no module doc in the first line".to_owned());
    }
    let lines = text.lines().count();
    if lines > MAX_LINES {
        complaints.push(format!("{lines} lines, at most {MAX_LINES} are allowed"));
    }
    for after in text.split("select! {").skip(1) {
        // Also in the code of a comment.
        let body = after.trim_start().trim_start_matches("//!").trim_start();
        if !body.starts_with("biased;") {
            complaints.push("a select! without biased;".to_owned());
        }
    }
    complaints
}
