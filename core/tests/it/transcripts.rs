//! Transcripts: commands in, the whole exchange out, as text that a reviewer can read.
//!
//! Each file in `tests/transcripts/` is a list of `> commands`, each followed by what it led to.
//! `UPDATE_EXPECT=1 cargo test -p tidings-core` rewrites the files; the diff is the review.

#![expect(clippy::unwrap_used, reason = "helpers of tests, outside of #[test] functions")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use tidings_core::{
    BroadcastKind, Command, Config, DecisionMode, DetectorKind, Input, OverlayKind,
};

use crate::network::Network;

#[test]
fn every_transcript_is_what_happens() {
    let mut wrong = Vec::new();
    for path in transcripts() {
        let expected = fs::read_to_string(&path).unwrap();
        let actual = play(&expected);
        if env::var_os("UPDATE_EXPECT").is_some() {
            fs::write(&path, actual).unwrap();
        } else if actual != expected {
            wrong.push(format!("{}:\n{}", path.display(), first_difference(&expected, &actual)));
        }
    }
    assert!(wrong.is_empty(), "UPDATE_EXPECT=1 rewrites these:\n\n{}", wrong.join("\n"));
}

#[test]
fn transcripts_exist() {
    assert!(transcripts().len() >= 10, "one per exchange of PROTOCOL.md");
}

fn transcripts() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    paths.sort();
    paths
}

fn first_difference(expected: &str, actual: &str) -> String {
    let mut lines = expected.lines().zip(actual.lines()).enumerate();
    match lines.find(|(_, (a, b))| a != b) {
        Some((n, (a, b))) => format!("line {}\n  expected {a}\n  got      {b}\n", n + 1),
        None => "one is longer than the other\n".to_owned(),
    }
}

/// Runs the commands of a transcript and writes it anew.
fn play(transcript: &str) -> String {
    let mut network = Network::new();
    let mut config = Config::classic();
    let mut quiet = false;
    let mut out = String::new();
    for line in transcript.lines() {
        if line.starts_with('#') || line.is_empty() {
            writeln!(out, "{line}").unwrap();
        }
        let Some(command) = line.strip_prefix("> ") else { continue };
        writeln!(out, "> {command}").unwrap();
        let words: Vec<&str> = command.split_whitespace().collect();
        match words.as_slice() {
            ["quiet"] => quiet = true,
            ["loud"] => quiet = false,
            ["set", setting, value] => set(&mut config, setting, value),
            ["seeds", "together", names @ ..] => network.add_seed_nodes(names, &config),
            ["seed", name] => network.add_seed_node(name, &config),
            ["peer", name, "via", seeds @ ..] => network.add_peer(name, seeds, config.clone()),
            ["run", duration] => network.run(parse_duration(duration)),
            ["say", name, text] => network.say(name, text),
            ["seeds", name, seeds @ ..] => {
                let addresses = seeds.iter().map(|seed| network.addr(seed)).collect();
                network.command(name, Command::SeedNodes(addresses));
            }
            ["congested", name, to] => network.pressed(name, to, true),
            ["ready", name, to] => network.pressed(name, to, false),
            ["behind", name] => network.input(name, Input::Reader { is_behind: true }),
            ["caught", "up", name] => network.input(name, Input::Reader { is_behind: false }),
            ["leave", name] => network.command(name, Command::Leave),
            ["kill", name] => network.kill(name),
            ["start", name] => network.start(name),
            ["freeze", name] => network.freeze(name),
            ["thaw", name] => network.thaw(name),
            ["suspend", name] => network.suspend(name),
            ["wake", name] => network.wake(name),
            ["cut", a, b] => network.cut(a, b),
            ["latency", a, b, latency] => network.place(a, b, parse_duration(latency)),
            ["heal", a, b] => network.heal(a, b),
            ["reset", a, b] => network.reset(a, b),
            _ => panic!("no such command: {command}"),
        }
        let trace = std::mem::take(&mut network.trace);
        for line in trace.iter().filter(|_| !quiet) {
            writeln!(out, "{line}").unwrap();
        }
    }
    out
}

fn set(config: &mut Config, setting: &str, value: &str) {
    match setting {
        "confirmations" => config.registration.confirmations = value.parse().unwrap(),
        "max_peers" => config.overlay.max_peers = value.parse().unwrap(),
        "max_links" => config.overlay.max_links = value.parse().unwrap(),
        "overlay" if value == "hyparview" => config.overlay.kind = OverlayKind::HyParView,
        "active" => config.overlay.hyparview.active = value.parse().unwrap(),
        "passive" => config.overlay.hyparview.passive = value.parse().unwrap(),
        "near_links" => config.overlay.hyparview.near_links = value.parse().unwrap(),
        "shuffle_every" => config.overlay.hyparview.shuffle_every = parse_duration(value),
        "detector" if value == "connect" => config.detector.kind = DetectorKind::Connect,
        "detector" if value == "swim" => config.detector.kind = DetectorKind::Swim,
        "broadcast" if value == "plumtree" => config.broadcast.kind = BroadcastKind::Plumtree,
        "exchange_every" => {
            config.broadcast.plumtree.exchange_every = parse_duration(value);
        }
        "refresh" => config.overlay.refresh = parse_duration(value),
        "registration" if value == "quorum" => config.registration.listing = DecisionMode::Quorum,
        "removal" if value == "quorum" => config.registration.removal = DecisionMode::Quorum,
        "store_age" => config.broadcast.store_age = parse_duration(value),
        "digest_every" => config.broadcast.digest_every = parse_duration(value),
        _ => panic!("no such setting: {setting}"),
    }
}

fn parse_duration(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(millis) => Duration::from_millis(millis.parse().unwrap()),
        None => Duration::from_secs(text.strip_suffix('s').unwrap().parse().unwrap()),
    }
}
