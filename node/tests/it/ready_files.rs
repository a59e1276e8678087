//! The files in `deploy/node` give the program options that it takes. What more can be run of them is in
//! `deploy/node/check.sh`.

use std::fs;

use crate::process::program;
use crate::support::empty_folder;

/// The words after `tidings` in a file, one list for each start of a node.
fn starts(text: &str) -> Vec<Vec<String>> {
    let of_unit =
        text.lines().filter_map(|line| line.strip_prefix("ExecStart=/usr/local/bin/tidings "));
    let of_unit = of_unit.map(|words| words.split_whitespace().map(str::to_owned).collect());
    let of_yaml = ["args: [", "command: ["].into_iter().flat_map(|begin| text.split(begin).skip(1));
    let of_yaml = of_yaml.map(|rest| {
        let words = rest.split(']').next().unwrap_or_default().split(',');
        words.map(|word| word.trim().trim_matches('"').to_owned()).collect()
    });
    of_unit.chain(of_yaml).filter(|words: &Vec<String>| words[0] != "tidings").collect()
}

/// Values of variables in a file, as `NAME=value` or `NAME: value`.
fn variables(text: &str) -> Vec<(String, String)> {
    let words = text.split("TIDINGS_").skip(1).filter_map(|rest| {
        let (name, value) = rest.split_once(['=', ':'])?;
        let value = value.trim_start();
        let value = value.strip_prefix('"').map_or_else(
            || value.split(|c: char| c.is_whitespace() || c == ',' || c == '}').next(),
            |value| value.split('"').next(),
        )?;
        Some((format!("TIDINGS_{name}"), value.to_owned()))
    });
    words.collect()
}

#[test]
fn every_file_gives_options_that_the_program_takes() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/node");
    let (mut started, mut named) = (0, 0);
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|it| it == "md" || it == "sh") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a file");
        let variables = variables(&text);
        named += variables.len();
        for words in starts(&text) {
            let mut config = program();
            config.arg("config").args(&words).envs(variables.clone());
            config.current_dir(empty_folder("ready_files"));
            let output = config.output().expect("it runs");
            let error = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{}: {words:?}: {error}", path.display());
            assert!(!error.contains("unknown"), "{}: {error}", path.display());
            started += 1;
        }
    }
    assert_eq!((started, named), (6, 5), "starts of nodes, and variables");
}
