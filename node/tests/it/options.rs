//! Where options come from, and what is said of wrong ones.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::process::{Process, program};
use crate::support::empty_folder;

/// What `tidings config` says in a folder, with these variables set.
fn config(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut program = program();
    program.arg("config").args(args).current_dir(folder);
    program.envs(variables.iter().copied()).output().expect("it runs")
}

fn shown(folder: &Path, args: &[&str], variables: &[(&str, &str)]) -> serde_json::Value {
    let output = config(folder, &[args, &["--json"]].concat(), variables);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// An option's values and their origin.
fn option(shown: &serde_json::Value, name: &str) -> (String, String) {
    let options = shown["options"].as_array().expect("a list");
    let option = options.iter().find(|option| option["name"] == name).expect(name);
    let values: Vec<&str> =
        option["values"].as_array().expect("a list").iter().filter_map(|it| it.as_str()).collect();
    (values.join(" "), option["from"].as_str().expect("a text").to_owned())
}

fn pair(value: &str, from: &str) -> (String, String) {
    (value.to_owned(), from.to_owned())
}

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let folder = empty_folder("options_layers");
    let text = "# both roles\nmax_peers = 2\nseed = ['a.example:1', 'b.example:2']\nlease = '9s'\n\
                max_links = 20\n";
    fs::write(folder.join("tidings.toml"), text).expect("written");
    let variables =
        [("TIDINGS_CONFIG", "tidings.toml"), ("TIDINGS_MAX_PEERS", "3"), ("TIDINGS_MISSES", "5")];
    let peer = shown(&folder, &["peer", "--misses", "2"], &variables);
    for (name, value, from) in [
        ("misses", "2", "--misses"),
        ("max_peers", "3", "TIDINGS_MAX_PEERS"),
        ("max_links", "20", "tidings.toml:5"),
        ("seed", "a.example:1 b.example:2", "tidings.toml:3"),
        ("liveness_every", "13s", "default"),
        ("port", "0", "default"),
    ] {
        assert_eq!(option(&peer, name), pair(value, from), "{name}");
    }
    let seed_node = shown(&folder, &["seed", "--config", "tidings.toml"], &[]);
    assert_eq!(option(&seed_node, "lease"), pair("9s", "tidings.toml:4"));
    assert_eq!(option(&seed_node, "port"), pair("5000", "default"));
}

/// Two options that exclude each other: the one from the higher layer counts.
#[test]
fn an_option_overrules_its_rivals_below() {
    let folder = empty_folder("options_rivals");
    fs::write(folder.join("t.toml"), "seed_file = 'none.csv'\nlog_file = 'x.log'")
        .expect("written");
    let seed_node = Process::start_logging(&folder, &["seed", "--port", "0"]);
    let args = ["peer", "--config", "t.toml", "--log-dir", "mine", "--seed", &seed_node.addr];
    // The file of seed nodes does not exist, so that reading it would fail.
    let mut peer = Process::start_logging(&folder, &args);
    peer.wait_for("registered");
    assert!(folder.join(format!("mine/peers/{}.log", peer.port())).exists());
    assert!(!folder.join("x.log").exists());
    let peer = shown(&folder, &["peer", "--config", "t.toml", "--seed", "a:1"], &[]);
    assert_eq!(option(&peer, "seed_file"), pair("", "default"), "what is shown is what counts");
    assert_eq!(option(&peer, "log_file"), pair("x.log", "t.toml:2"));
}

#[test]
fn a_shorter_liveness_interval_shortens_the_answers_time() {
    let folder = empty_folder("options_shortened");
    let peer = shown(&folder, &["peer", "--seed", "a:1", "--liveness-every", "1s"], &[]);
    let (value, from) = option(&peer, "answer_timeout");
    assert_eq!((value.as_str(), from.as_str()), ("1s", "default, shortened to liveness_every"));
}

#[test]
fn wrong_values_are_refused_with_their_place_and_what_is_allowed() {
    let folder = empty_folder("options_wrong");
    for (file, args, variables, words) in [
        ("", &["--max-peers", "four"][..], &[][..], "--max-peers: max_peers = \"four\": a whole"),
        ("", &[], &[("TIDINGS_LOG", "loud")][..], "TIDINGS_LOG: log = \"loud\": allowed are error"),
        (
            "\nmax_peer = 1",
            &[],
            &[],
            "wrong.toml:2: there is no option \"max_peer\"; did you mean `max_peers`?",
        ),
        ("max_peers = 65", &[], &[], "max_peers = 65: allowed is 1 to 64 (from: wrong.toml:1)"),
        ("max_peers = {}", &[], &[], "wrong.toml:1: max_peers: expected a text, a number"),
        ("port = [1, 2]", &[], &[], "wrong.toml:1: port takes one value"),
        ("port = ", &[], &[], "wrong.toml:1: "),
        ("", &["--ip", "1.2.3"], &[], "--ip: ip = \"1.2.3\": invalid IP address"),
        ("", &["--log-format", "xml"], &[], "allowed are text and json"),
    ] {
        fs::write(folder.join("wrong.toml"), file).expect("written");
        let peer = ["peer", "--seed", "a:1", "--config", "wrong.toml"];
        let output = config(&folder, &[&peer[..], args].concat(), variables);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(words), "{words:?} is not in {error}");
    }
}

#[test]
fn every_role_explains_its_options() {
    for (role, words, other) in
        [("seed", "--announce-in", "--gossip-every"), ("peer", "--seed-file", "--lease")]
    {
        let output = program().args([role, "--help"]).output().expect("it runs");
        let help = String::from_utf8(output.stdout).expect("text");
        assert!(help.contains(words) && help.contains("TIDINGS_NAME"), "{help}");
        assert!(!help.contains(other), "{other} means nothing to a {role}: {help}");
    }
}

/// Files and habits of those who have typed durations for `humantime` stay good.
#[test]
fn durations_are_those_of_humantime() {
    use tidings_node::settings::{format_duration, parse_duration};
    let units = "ns usec us µs ms msec millis s sec secs second seconds m min mins minute minutes h hr hrs \
                 hour hours d day days w wk wks week weeks M month months y yr yrs year years parsec";
    for unit in units.split_whitespace() {
        for number in ["0", "1", "2", "1.5", "1.25", "59", "1000", "36500", "1.", ".5", "-1", ""] {
            for text in [format!("{number}{unit}"), format!("7h {number} {unit} 3ms")] {
                let theirs = humantime::parse_duration(&text).ok();
                assert_eq!(parse_duration(&text).ok(), theirs, "{text}");
                if let Some(duration) = theirs {
                    let written = humantime::format_duration(duration).to_string();
                    assert_eq!(format_duration(duration), written);
                }
            }
        }
    }
}
