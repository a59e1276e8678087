//! The two engines agree: what comes of a run is the same in both, and figures over many runs are near
//! each other. `sim compare FILE --engines turmoil,events` tells the same of more seeds.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tidings_sim::compare::agree::{Agreement, judge};
use tidings_sim::compare::outcome::Outcome;
use tidings_sim::history::MessageTrace;
use tidings_sim::host::HostId;
use tidings_sim::measure::recovery::Recovery;
use tidings_sim::report::comparison::GrowingColumn;
use tidings_sim::report::figure::Figure;
use tidings_sim::report::summary::read_summary;
use tidings_sim::report::tables::RunRows;
use tidings_sim::scenario::combinations::Combination;
use tidings_sim::scenario::{Engine, Scenario, load};
use tidings_sim::sweep::{Block, in_order, run_and, run_one};

use crate::support::{empty_folder, project, scenarios, sim, small, small_path, text};

/// Seeds whose runs are compared one by one. Each takes turmoil a second or two.
const SEEDS: u64 = 2;

fn on(engine: Engine, scenario: &Scenario) -> Scenario {
    Scenario { engine, ..scenario.clone() }
}

fn outcome(engine: Engine, scenario: &Scenario, seed: u64) -> Outcome {
    let scenario = on(engine, scenario);
    run_and(&scenario, seed, |history| Outcome::of(&scenario, history)).1
}

/// The shipped scenarios that turmoil runs.
fn small_scenarios() -> Vec<(PathBuf, Scenario)> {
    let all =
        scenarios().into_iter().map(|path| (path.clone(), load(&path, &[]).expect("a scenario")));
    let is_plain = |it: &Scenario| it.engine == Engine::Turmoil && it.vary.is_empty();
    all.filter(|(_, scenario)| is_plain(scenario)).collect()
}

#[test]
fn both_engines_deliver_to_the_same_peers_and_declare_the_same_dead() {
    let all = small_scenarios();
    let runs: Vec<(&Scenario, u64)> =
        all.iter().flat_map(|(_, it)| (1..=SEEDS).map(move |seed| (it, seed))).collect();
    let compare = |place: u64| {
        let (scenario, seed) = runs[usize::try_from(place).expect("an index")];
        let turmoil = outcome(Engine::Turmoil, scenario, seed);
        let events = outcome(Engine::Events, scenario, seed);
        assert!(turmoil.delivered.len() > 20, "{}: there is something to compare", scenario.name);
        (format!("{} seed {seed}", scenario.name), turmoil.differences(&events))
    };
    let block = Block { first: 0, count: u64::try_from(runs.len()).expect("a few") };
    in_order(block, None, compare, |(run, differences)| {
        assert_eq!(differences, Vec::<String>::new(), "{run}");
        Ok(())
    })
    .expect("no error");
}

/// What one peer says and hears around a stop of four seconds: messages that it said meanwhile, how
/// many of these reached others before the end, and how many of the others' reached it.
fn while_stopped(engine: &str, blocks: &str) -> [usize; 3] {
    let stop = format!("{{kind='pause',blocks='{blocks}',nodes=['peer-3'],at='8s',for='4s'}}");
    let changes = [format!("engine='{engine}'"), format!("fault=[{stop}]")];
    let quick = ["every='50ms'", "gossip_count=0"].map(str::to_owned);
    let scenario = load(&small_path(), &[&changes[..], &quick].concat()).expect("a scenario");
    let (_, message_traces) = run_and(&scenario, 1, |history| history.message_traces.clone());
    // What was on its way when it began may still arrive.
    let (begin, end) = (Duration::from_millis(8100), Duration::from_secs(12));
    let within = |at: Duration| (begin..end).contains(&at);
    let peer = HostId::peer(2);
    let (own, others): (Vec<_>, Vec<_>) = message_traces
        .iter()
        .filter(|message_trace| message_trace.said.is_some_and(|(_, at)| within(at)))
        .partition(|message_trace| message_trace.said.is_some_and(|(life, _)| life.host == peer));
    let reached = |message_traces: &[&MessageTrace], is_it: &dyn Fn(HostId) -> bool| {
        let receipts = message_traces.iter().flat_map(|message_trace| &message_trace.receipts);
        receipts.filter(|it| is_it(it.life.host) && within(it.at)).count()
    };
    assert!(
        own.iter().chain(&others).all(|message_trace| message_trace.receipts.len() == 8),
        "all have it later"
    );
    [own.len(), reached(&own, &|host| host != peer), reached(&others, &|host| host == peer)]
}

#[test]
fn a_node_whose_network_stands_still_speaks_and_is_not_heard() {
    for engine in ["turmoil", "events"] {
        let [said, out, inwards] = while_stopped(engine, "network");
        assert!(said > 4, "{engine}: the process runs");
        assert_eq!((out, inwards), (0, 0), "{engine}");
        assert_eq!(while_stopped(engine, "process"), [0, 0, 0], "{engine}");
    }
}

/// An address that nobody can use, before or behind a peer's own, keeps nobody from it, and proves no
/// death.
#[test]
fn peers_of_several_addresses_are_reached_on_both_engines() {
    for engine in [Engine::Turmoil, Engine::Events] {
        for addresses in ["['silent','own']", "['refusing','own']", "['own','silent']"] {
            let change = format!("network.peer_addresses={addresses}");
            let scenario = on(engine, &load(&small_path(), &[change]).expect("a scenario"));
            let result = run_one(&scenario, 1);
            assert_eq!(result.violations, [], "{}: {addresses}", engine.name());
            let totals = result.measures.totals;
            assert!(totals.delivered > 500, "{}: {addresses}: {totals:?}", engine.name());
        }
    }
}

/// Seed nodes whose names are found after the nodes have started are joined then.
#[test]
fn seed_nodes_that_are_found_late_are_joined_on_both_engines() {
    for engine in [Engine::Turmoil, Engine::Events] {
        let change = "network.names_found_at=20s".to_owned();
        let mut scenario = on(engine, &load(&small_path(), &[change]).expect("a scenario"));
        scenario.faults.clear();
        let result = run_one(&scenario, 1);
        assert_eq!(result.violations, [], "{}", engine.name());
        let Recovery { since, quorum, .. } = result.measures.recovery;
        let quorum = since + quorum.expect("all peers get there");
        let (found, soon) = (Duration::from_secs(20), Duration::from_secs(22));
        assert!((found..soon).contains(&quorum), "{}: {quorum:?}", engine.name());
    }
}

/// The figures of a scenario's own seeds on the event engine.
fn figures(scenario: &Scenario) -> Vec<Figure> {
    let scenario = on(Engine::Events, scenario);
    let changes = Vec::new();
    let mut column = GrowingColumn::new(&Combination { changes, scenario: scenario.clone() });
    let block = Block { first: 1, count: scenario.runs };
    let work = |seed| RunRows::of(&run_and(&scenario, seed, |_| ()).0);
    in_order(block, None, work, |rows| {
        column.add(&rows);
        Ok(())
    })
    .expect("no error");
    column.finish().figures
}

fn apart(agreements: &[Agreement]) -> Vec<String> {
    let apart = agreements.iter().filter(|it| !it.agrees);
    apart
        .map(|it| format!("{} {}: {:?} and {:?}", it.figure, it.statistic, it.first, it.second))
        .collect()
}

/// Turmoil's side is the committed reports.
#[test]
fn the_event_engine_gives_the_figures_of_the_committed_reports() {
    for (path, scenario) in small_scenarios() {
        let folder = project().join("reports").join(&scenario.name);
        let turmoil = read_summary(&folder).expect("a report of every scenario");
        assert_eq!(turmoil.setting.engine, "turmoil", "{}", path.display());
        let judged = judge(&turmoil.figures, &figures(&scenario), turmoil.setting.tick_ms);
        assert!(judged.len() >= 12, "{}: {judged:?}", path.display());
        assert_eq!(apart(&judged), Vec::<String>::new(), "{}", path.display());
    }
}

/// Another latency is a disagreement that must be found, and so are a missing delivery and a death.
#[test]
fn a_planted_disagreement_is_found() {
    let scenario =
        load(&project().join("scenarios/steady.toml"), &["runs=3".to_owned()]).expect("it");
    let slower = ["runs=3".to_owned(), "latency=80ms..320ms".to_owned()];
    let slower = load(&project().join("scenarios/steady.toml"), &slower).expect("a scenario");
    let (fast, slow) = (figures(&scenario), figures(&slower));
    assert_eq!(apart(&judge(&fast, &fast, 4.0)), Vec::<String>::new());
    let apart = apart(&judge(&fast, &slow, 4.0));
    assert!(apart.iter().any(|it| it.starts_with("coverage 50 % median")), "{apart:?}");

    let whole = outcome(Engine::Events, &small(), 1);
    assert_eq!(whole.differences(&whole.clone()), Vec::<String>::new());
    let mut spoilt = whole.clone();
    let (_, holders) = spoilt.delivered.iter_mut().next().expect("a message");
    let lost = holders.pop_first().expect("a holder");
    let words = whole.differences(&spoilt);
    assert!(words[0].ends_with(&format!("{lost} only here, none only there")), "{words:?}");
    let mut spoilt = whole.clone();
    spoilt.gone.insert(lost);
    spoilt.unlisted.insert(lost);
    let words = whole.differences(&spoilt);
    assert_eq!(words[0], format!("gone are none only here, {lost} only there"));
    assert_eq!(words[1], format!("on no list are none only here, {lost} only there"));
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON")
}

#[test]
fn compare_judges_the_engines_and_writes_a_report() {
    let folder = empty_folder("compare_engines");
    let small = small_path();
    let small = small.to_str().expect("a path in UTF-8");
    let args =
        ["compare", small, "--engines", "turmoil,events", "--seeds", "1..3", "--out", "here"];
    let output = sim(&folder, &args);
    let out = text(&output.stdout);
    assert!(out.contains("3 of 3 runs came out alike"), "{out}{}", text(&output.stderr));
    for words in ["coverage 50 %", "engine=turmoil", "engine=events", "bound", "verdict"] {
        assert!(out.contains(words), "{words}: {out}");
    }
    let report = folder.join("here");
    for file in ["comparison.json", "figures.csv", "agreement.csv", "runs.csv", "curves.png"] {
        assert!(report.join(file).exists(), "{file}");
    }
    let drawn = fs::read(report.join("curves.png")).expect("a picture");
    fs::remove_file(report.join("curves.png")).expect("removed");
    let output = sim(&folder, &["report", "here"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(fs::read(report.join("curves.png")).expect("a picture") == drawn, "another picture");
}

#[test]
fn compare_runs_every_combination_on_the_same_seeds() {
    let folder = empty_folder("compare_vary");
    let small = small_path();
    let small = small.to_str().expect("a path in UTF-8");
    let args = [
        "compare",
        small,
        "--set",
        "engine=events",
        "--vary",
        "max_peers=2,3",
        "--vary",
        "overlay=random,power-law",
        "--seeds",
        "1..2",
        "--out",
        "here",
    ];
    let output = sim(&folder, &args);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let comparison = json(&folder.join("here/comparison.json"));
    let columns = comparison["columns"].as_array().expect("columns");
    let label = |column: &Value| {
        let changes = column["changes"].as_array().expect("changes");
        let values = changes.iter().map(|it| it["value"].as_str().expect("text").to_owned());
        values.collect::<Vec<_>>().join(" ")
    };
    let labels: Vec<String> = columns.iter().map(label).collect();
    assert_eq!(labels, ["2 random", "2 power-law", "3 random", "3 power-law"]);
    assert!(columns.iter().all(|column| column["runs"] == 2));
    for profiles in [&[][..], &["--vary", "profile=classic,modern"]] {
        let vary = ["--set", "engine=events", "--set", "calm=200s", "--set", "duration=260s"];
        let args =
            ["compare", small, "--vary", "peers=9,20,40", "--seeds", "1..1", "--out", "axis"];
        let output = sim(&folder, &[&args[..], &vary, profiles].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(folder.join("axis/growth.png").exists());
        assert!(!folder.join("axis/curves.png").exists(), "that is for what has no axis");
    }
}

/// 100 peers are too many for turmoil, which runs the small scenario unless told otherwise.
#[test]
fn what_is_varied_is_not_checked_against_the_value_it_replaces() {
    let folder = empty_folder("compare_replaced");
    let small = small_path();
    let small = small.to_str().expect("a path in UTF-8");
    let table = "vary={engine=['events']}";
    for args in [
        &["--engines", "events", "--set", "peers=100"][..],
        &["--vary", "engine=events", "--set", "peers=100"],
        &["--vary", "peers=9,10", "--set", "peers=100"],
        &["--set", "peers=100", "--set", table],
    ] {
        let all = [&["compare", small, "--seeds", "1..1"], args].concat();
        let output = sim(&folder, &all);
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    }
    let output = sim(&folder, &["compare", "missing.toml", "--engines", "events"]);
    assert!(text(&output.stderr).contains("missing.toml: No such file"));
}

#[test]
fn what_cannot_be_compared_is_refused_with_its_place() {
    let folder = empty_folder("compare_wrong");
    let small = small_path();
    let small = small.to_str().expect("a path in UTF-8");
    let many: Vec<String> = (1..=65).map(|it| it.to_string()).collect();
    let many = format!("max_peers={}", many.join(","));
    for (args, words) in [
        (vec![], "nothing is varied: say what with --engines or --vary"),
        (vec!["--vary", "max_peers=2,99"], "with max_peers=99: "),
        (vec!["--vary", "max_peers=2,99"], "max_peers = 99: allowed is 1 to 64"),
        (vec!["--vary", "peers=4,many"], "changed by --set):"),
        (vec!["--vary", "max_pears=1"], "there is no setting \"max_pears\""),
        (vec!["--vary", "max_peers"], "write it as key=value,value"),
        (vec!["--vary", &many], "65 combinations are more than 64"),
    ] {
        let output = sim(&folder, &[&["compare", small], &args[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let error = text(&output.stderr);
        assert!(error.contains(words), "{args:?}: {error}");
    }
}
