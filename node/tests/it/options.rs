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
        ("", &["--ip", "1.2.3"], &[], "--ip: ip = \"1.2.3\": expected IP or IP:PORT"),
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

/// Environments have variables that nobody means: empty ones, and those of a Service named `tidings`.
#[test]
fn what_environments_inject_is_no_option() {
    let folder = empty_folder("options_injected");
    let variables = [
        ("TIDINGS_PORT", "tcp://10.96.7.7:5000"),
        ("TIDINGS_SERVICE_HOST", "10.96.7.7"),
        ("TIDINGS_PORT_5000_TCP_PROTO", "tcp"),
        ("TIDINGS_DATA_DIR", ""),
        ("TIDINGS_CONFIG", ""),
        ("TIDINGS_MAX_PEERS", " "),
        ("TIDINGS_SEED_FILE", ","),
        ("TIDINGS_IP", ""),
        ("TIDINGS_SEED", ",a:1,, b:2,"),
    ];
    let peer = shown(&folder, &["peer"], &variables);
    assert_eq!(option(&peer, "port"), pair("0", "default"));
    assert_eq!(option(&peer, "seed"), pair("a:1 b:2", "TIDINGS_SEED"));
    for name in ["data_dir", "max_peers", "seed_file", "ip"] {
        assert_eq!(option(&peer, name).1, "default", "{name}");
    }
    assert!(!option(&peer, "data_dir").0.is_empty());
    for verb in [&["logs", "clean"][..], &["status"], &["up", "--help"], &["demo", "--help"]] {
        let mut program = program();
        let empty = ["DATA_DIR", "LOG_DIR", "LOG", "PROFILE"].map(|name| format!("TIDINGS_{name}"));
        program.args(verb).current_dir(&folder).env("XDG_STATE_HOME", &folder);
        let output = program.envs(empty.map(|name| (name, ""))).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!error.contains("value"), "{verb:?}: {error}");
    }
}

/// A node started so keeps its key where it belongs, and says in one line what it has skipped.
#[test]
fn a_node_starts_beside_a_service_of_its_name() {
    let folder = empty_folder("options_service");
    let mut program = program();
    program.args(["seed", "--listen", "127.0.0.1", "--port", "0", "--log-file", "none"]);
    program.env("TIDINGS_PORT", "tcp://10.96.7.7:5000").env("TIDINGS_SERVICE_PORT", "5000");
    program.env("TIDINGS_DATA_DIR", "").env("XDG_STATE_HOME", folder.join("state"));
    program.current_dir(&folder).stdin(std::process::Stdio::piped());
    let mut node = program.stdout(std::process::Stdio::null());
    node = node.stderr(std::process::Stdio::piped());
    let mut node = node.spawn().expect("it runs");
    std::io::Write::write_all(&mut node.stdin.take().expect("a pipe"), b"exit\n").expect("written");
    let output = node.wait_with_output().expect("it ends");
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("Kubernetes")).collect();
    assert!(lines.len() == 1 && lines[0].contains("TIDINGS_PORT TIDINGS_SERVICE_PORT"), "{log}");
    let names: Vec<_> =
        fs::read_dir(&folder).expect("read").map(|it| it.expect("an entry").file_name()).collect();
    assert_eq!(names, ["state"], "nothing is written into the working folder");
}

/// What somebody wrote himself and left empty is asked about.
#[test]
fn an_empty_text_is_no_folder() {
    let folder = empty_folder("options_empty");
    fs::write(folder.join("t.toml"), "data_dir = ''").expect("written");
    for (args, words) in [
        (&["seed", "--data-dir", ""][..], "--data-dir: data_dir is empty; leave it out instead"),
        (&["seed", "--config", ""], "--config: config is empty"),
        (&["seed", "--config", "t.toml"], "t.toml:1: data_dir is empty"),
        (&["seed", "--config", "none.toml"], "the settings' file none.toml: No such file"),
    ] {
        let output = config(&folder, args, &[]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(words), "{words:?} is not in {error}");
    }
}
