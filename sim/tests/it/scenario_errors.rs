//! A scenario that cannot be run gets an error with the place, the words and what is allowed.

use std::fs;
use std::path::Path;

use tidings_sim::scenario::{ScenarioError, load};

use crate::support::{empty_folder, small_path};

/// Loads the small scenario with `find` replaced.
fn complaint(find: &str, replace: &str) -> String {
    let good = fs::read_to_string(small_path()).expect("the small scenario");
    assert!(good.contains(find), "{find:?} is not in the small scenario");
    let name = find.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
    let path = empty_folder(&format!("bad_{name}_{}", replace.len())).join("bad.toml");
    fs::write(&path, good.replacen(find, replace, 1)).expect("written");
    match load(&path, &[]) {
        Err(ScenarioError::Text(complaint)) => {
            let text = complaint.to_string();
            let (_, tail) = text.split_once("bad.toml:").expect("the file's name");
            tail.to_owned()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_place_is_shown() {
    assert_eq!(
        complaint("peers = 9", "peers = 90"),
        "9:9: peers: 90 peers and 3 seed nodes are more than 64 hosts; the turmoil engine's cost \
         grows with their square, engine = \"events\" takes more\n  |\n9 | peers = 90\n  \
         |         ^"
    );
}

#[test]
fn what_is_allowed_is_said() {
    let leave = "kind = \"leave\"";
    let unknown = "kind = \"leave\"\nnodes = [\"peer-10\"]";
    let one_way = "mode = \"reset\"\ndirection = \"in\"";
    let known = "there is no \"peer-10\"; there are seed-1 to seed-3 and peer-1 to peer-9";
    let cases = [
        ("runs = 3", "run = 3", 0, "unknown field `run`, expected one of"),
        ("version = 1", "version = 2", 0, "version: this program reads version 1"),
        ("lease = \"3s\"", "profile = \"moderne\"", 0, "profile: one of classic, modern"),
        ("size = 32", "size = 32\nsources = 0", 1, "sources: 0 is not within 1 to below"),
        ("peers = 9", "peers = 9\npeer_addresses = [\"silent\"]", 1, "\"own\" once, and up to 3"),
        ("peers = 9", "peers = 9\npeer_addresses = [\"far\"]", 1, "expected one of `own`"),
        (
            "peers = 9",
            "peers = 9\nnames_found_at = \"40s\"",
            1,
            "at most 25s, when the calm begins",
        ),
        ("\"45s\"", "\"45\"", 0, "a duration is a number with its unit: 200ms, 30s, 5m"),
        ("\"45s\"", "45", 0, "expected a string"),
        ("\"20s\"", "\"2s\"", 0, "calm is too short: this configuration may take up to"),
        ("20ms..60ms", "60ms..20ms", 0, "ends before it begins"),
        ("20ms..60ms", "10ms..60ms", 0, "at least 5 ticks (20ms)"),
        (
            "\"4ms\"",
            "\"500us\"",
            0,
            "tick: 500us is less than 1ms, the least of the turmoil engine",
        ),
        ("\"4ms\"", "\"9us\"", 0, "tick: 9us is not within 1ms to 100ms"),
        ("20ms..60ms", "20ms", 0, "a span is two durations, like 20ms..80ms"),
        ("liveness_every", "livenes_every", 0, "there is no setting \"livenes_every\""),
        ("lease = \"3s\"", "lease = \"1ms\"", 0, "lease = 1ms: allowed is 1s to 3600s"),
        ("size = 32", "size = 0", 0, "size: 0 is not within 1 to below"),
        ("death = \"reset\"", "death = \"loud\"", 0, "expected `reset` or `silent`"),
        ("count = 1", "count = 9", 0, "count: 9 is not within 1 to below 9"),
        (
            "[[fault]]\nkind = \"crash\"\ndeath = \"reset\"",
            "[[fault]]\nkind = \"crash\"",
            0,
            "a crash needs the field death",
        ),
        (leave, "kind = \"leave\"\nmode = \"held\"", 1, "a leave has no such field"),
        (leave, "kind = \"vanish\"", 0, "unknown variant `vanish`"),
        ("kind = \"leave\"\ncount = 1", unknown, 1, known),
        ("share = 30", "share = 100", 0, "share: 100 is not within 1 to below 100"),
        ("mode = \"reset\"", one_way, 0, "a one-way cut is always silent"),
    ];
    expect_complaints(&cases);
}

#[test]
fn turmoil_takes_of_links_what_it_does_anyway() {
    let changes = ["loss=0", "draw=packet", "distribution=exponential"].map(str::to_owned);
    let plain = load(&small_path(), &[]).expect("the small scenario");
    assert_eq!(load(&small_path(), &changes).expect("a good change"), plain);
    for (change, field) in
        [("loss=0.01", "loss"), ("draw=pair", "draw"), ("bandwidth=5000", "bandwidth")]
    {
        let error = load(&small_path(), &[change.to_owned()]).expect_err(change).to_string();
        let words = format!("{field}: only the engine \"events\" has it");
        assert!(error.contains(&words), "{change}: {error}");
    }
}

#[test]
fn the_event_engine_takes_ticks_of_ten_microseconds() {
    let set = |tick: &str| {
        let changes = ["engine=events", "latency=100us..500us", tick];
        load(&small_path(), &changes.map(str::to_owned))
    };
    assert_eq!(set("tick=10us").expect("a good tick").tick.as_micros(), 10);
    let error = set("tick=9us").expect_err("too small").to_string();
    assert!(error.contains("tick: 9us is not within 10us to 100ms"), "{error}");
}

#[test]
fn limits_of_delays_need_deliveries_that_can_keep_them() {
    let set = |changes: &[&str]| {
        let changes: Vec<String> = changes.iter().map(|&change| change.to_owned()).collect();
        load(&small_path(), &changes).map_err(|error| error.to_string())
    };
    let silent = "workload={gossip_count=0}";
    for limit in ["delay_max", "delay_p99_max"] {
        assert!(set(&[&format!("limits.{limit}=20ms")]).is_ok(), "the least latency");
        let error = set(&[&format!("limits.{limit}=19ms")]).expect_err("no delivery is so quick");
        let words = format!("{limit}: 19ms is less than 20ms, the least latency");
        assert!(error.contains(&words), "{error}");
        let silenced = [silent, &format!("limits.{limit}=1s")];
        let error = set(&silenced).expect_err("nobody says anything");
        assert!(error.contains("no deliveries without a workload or gossip_count"), "{error}");
    }
}

#[test]
fn duty_cycles_and_repetitions_are_checked() {
    let (pause, reset) = ("kind = \"pause\"\nfor = \"2s\"", "kind = \"reset\"");
    let slow = |fields: &str| format!("kind = \"slow\"\nfor = \"2s\"\n{fields}");
    let whole = slow("every = \"3s\"\nstall = \"1s\"");
    let always = slow("every = \"1s\"\nstall = \"1s\"");
    let unseen = slow("every = \"1s\"\nstall = \"2ms\"");
    let pause_stall = format!("{pause}\nstall = \"1s\"");
    let incomplete = format!("[[fault]]\n{}", slow("every = \"1s\""));
    expect_complaints(&[
        (&format!("[[fault]]\n{pause}"), &incomplete, 0, "needs the fields for, every and stall"),
        (pause, &whole, 2, "every: 3s is not within 100ms to 2s"),
        (pause, &always, 3, "stall: 1s is not within 4ms to 996ms"),
        (pause, &unseen, 3, "stall: 2ms is not within 4ms to 996ms"),
        (pause, &pause_stall, 2, "a pause has no such field"),
        (pause, &format!("{pause}\nblocks = \"disk\""), 2, "expected `process` or `network`"),
        (reset, "kind = \"reset\"\nblocks = \"network\"", 1, "a reset has no such field"),
        (reset, "kind = \"reset\"\ntimes = 0", 1, "times: 0 is not within 1 to below 101"),
        (reset, "kind = \"reset\"\ntimes = 2", 1, "2 resets need a span of at least 20s"),
    ]);
}

#[test]
fn stops_of_readers_are_checked() {
    let pause = "kind = \"pause\"\nfor = \"2s\"\ncount = 1";
    let stop = |fields: &str| format!("kind = \"stop-reader\"\n{fields}");
    let seed_node = stop("for = \"2s\"\nnodes = [\"peer-1\", \"seed-2\"]");
    let nobody = stop("for = \"2s\"\nnodes = [\"peer-10\"]");
    let unseen = stop("for = \"2ms\"\ncount = 1");
    let late = stop("for = \"9s\"\ncount = 1");
    let network = stop("for = \"2s\"\nblocks = \"network\"\ncount = 1");
    let endless = format!("[[fault]]\n{}", stop("count = 1"));
    expect_complaints(&[
        (&format!("[[fault]]\n{pause}"), &endless, 0, "a stop-reader needs the field for"),
        (pause, &unseen, 1, "for: 2ms is not within 4ms to 45s"),
        (pause, &seed_node, 2, "nodes: seed-2 delivers no messages; only a peer's program reads"),
        (pause, &nobody, 2, "there is no \"peer-10\""),
        (pause, &network, 2, "a stop-reader has no such field"),
        (
            &format!("[[fault]]\n{pause}"),
            &format!("[[fault]]\n{late}"),
            0,
            "the calm begins at 25s",
        ),
    ]);
}

/// What is replaced, by what, on which line after that the complaint is, and its words.
type Wrong<'a> = (&'a str, &'a str, usize, &'a str);

fn expect_complaints(cases: &[Wrong<'_>]) {
    let good = fs::read_to_string(small_path()).expect("the small scenario");
    for &(find, replace, offset, words) in cases {
        let complaint = complaint(find, replace);
        assert!(complaint.contains(words), "{replace}: {complaint}");
        let before = good.split(find).next().unwrap_or_default();
        let line = before.matches('\n').count() + 1 + offset;
        assert!(complaint.starts_with(&format!("{line}:")), "{replace}: {complaint}");
    }
}

#[test]
fn a_fault_that_outlasts_the_noise_is_refused() {
    let late = complaint("6s..15s", "6s..26s");
    assert!(late.contains("the fault may last until 26s, the calm begins at 25s"), "{late}");
}

#[test]
fn too_many_victims_and_overlapping_partitions_are_refused() {
    let nine = complaint("kind = \"reset\"\ncount = 1", "kind = \"reset\"\ncount = 4");
    assert!(nine.contains("take 10 different peers; at least one of the 9"), "{nine}");
    let partition =
        "[[fault]]\nkind = \"partition\"\nmode = \"held\"\nshare = 20\nfor = \"1s\"\nat = \"9s\"\n";
    let first = "[[fault]]\nkind = \"crash\"\ndeath = \"reset\"";
    let twice = complaint(first, &format!("{partition}\n{first}"));
    assert!(twice.contains("may overlap the one at 9s..9s"), "{twice}");
}

/// Six of nine peers are drawn, and three or four are named, some of them twice.
#[test]
fn peers_that_a_fault_names_cannot_be_drawn() {
    let naming = |names: &str| {
        let reset = format!("fault.6={{kind='reset',at='6s',nodes=['seed-1',{names}]}}");
        load(&small_path(), &[reset])
    };
    assert!(naming("'peer-2','peer-4','peer-2','peer-3'").is_ok());
    let error = naming("'peer-2','peer-4','peer-3','peer-9'").expect_err("too many").to_string();
    let words = "take 6 different peers that no fault names; of the 9 peers only 5 are not named";
    assert!(error.contains(words), "{error}");
}

#[test]
fn a_missing_file_is_named() {
    let error = load(Path::new("no/such.toml"), &[]).expect_err("no file");
    assert!(error.to_string().starts_with("no/such.toml: "), "{error}");
}

#[test]
fn changes_are_checked_like_the_file() {
    let set = |change: &str| load(&small_path(), &[change.to_owned()]);
    let changed = set("protocol.max_peers=2").expect("a good change");
    assert_eq!(changed.config.overlay.max_peers, 2);
    assert_eq!(set("fault.0.count=2").expect("a good change").faults.len(), 8);
    for (change, words) in [
        ("protocol.max_peers", "write it as key=value"),
        ("protocol.max_peers=99", "max_peers = 99: allowed is 1 to 64"),
        ("network.pears=3", "unknown field `pears`"),
        ("fault.99.count=3", "\"99\" is not a table or a list with that place"),
        ("runs=many", "changed by --set"),
    ] {
        let error = set(change).expect_err(change).to_string();
        assert!(error.contains(words), "{change}: {error}");
    }
}
