//! The same seed gives the same run: twice in one process, in two processes, on any number of
//! threads. CI repeats the comparison with a program built for `tokio_unstable`.

use std::fs;
use std::time::Duration;

use tidings_sim::scenario::{Scenario, load};
use tidings_sim::sweep::{Block, in_order, run_one};
use tidings_sim::{event_world, turmoil_world};

use crate::support::{empty_folder, sim, small, small_path, text};

#[test]
fn r37_twice_in_one_process() {
    let scenario = small();
    let first = turmoil_world::run(&scenario, 1);
    // A run between them shifts whatever counts runs or tasks of the process.
    let other = turmoil_world::run(&scenario, 2);
    let second = turmoil_world::run(&scenario, 1);
    let difference = first.entries.iter().zip(&second.entries).find(|(a, b)| a != b);
    assert_eq!(difference, None, "the first entry that differs");
    assert_eq!(first.digest(), second.digest());
    assert_ne!(first.digest(), other.digest(), "another seed is another run");
}

#[test]
fn r37_on_any_number_of_threads() {
    let scenario = small();
    let all = |threads| {
        let (block, mut results) = (Block { first: 1, count: 6 }, Vec::new());
        in_order(
            block,
            Some(threads),
            |seed| run_one(&scenario, seed),
            |result| {
                results.push(result);
                Ok(())
            },
        )
        .expect("no error");
        results
    };
    let (one, three) = (all(1), all(3));
    assert_eq!(one, three);
    assert_eq!(one[3], run_one(&scenario, 4));
}

#[test]
fn r37_in_two_processes_to_the_last_byte() {
    let folder = empty_folder("two_processes");
    let scenario = small_path();
    let scenario = scenario.to_str().expect("a path in UTF-8");
    for out in ["a", "b"] {
        let output = sim(&folder, &["run", scenario, "--seeds", "1..3", "--out", out]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let mut names: Vec<_> = fs::read_dir(folder.join("a"))
        .expect("a report")
        .map(|file| file.expect("a file").file_name())
        .collect();
    names.sort();
    assert!(names.len() >= 11, "tables, summary and pictures: {names:?}");
    for name in names {
        let read = |out: &str| fs::read(folder.join(out).join(&name)).expect("a file");
        assert!(read("a") == read("b"), "{} differs", name.display());
    }
}

#[test]
fn r37_events_on_any_number_of_threads_of_one_run() {
    let scenario = small();
    let one = event_world::run(&scenario, 1);
    for threads in [2, 3, 12, 99] {
        let several = event_world::run_on(&scenario, 1, threads);
        let difference = one.entries.iter().zip(&several.entries).find(|(a, b)| a != b);
        assert_eq!(difference, None, "the first entry that differs");
        assert_eq!(one.digest(), several.digest(), "{threads} threads");
    }
    assert_ne!(one.digest(), event_world::run(&scenario, 2).digest(), "another seed");
}

/// What one more node says and draws moves nobody who has not heard of it.
#[test]
fn r37_a_node_that_comes_later_changes_nothing_before() {
    let quiet = ["engine='events'", "fault=[]", "peers=8"].map(str::to_owned);
    let join = "fault=[{kind='join',nodes=['peer-9'],at='10s'}]";
    let joined = ["engine='events'", "peers=9", join].map(str::to_owned);
    let run = |changes: &[String]| {
        let scenario = load(&small_path(), changes).expect("a scenario");
        let mut entries = event_world::run(&Scenario { workload: None, ..scenario }, 1).entries;
        entries.retain(|entry| entry.at < Duration::from_secs(10));
        entries
    };
    let (without, with) = (run(&quiet), run(&joined));
    assert!(without.len() > 50, "{} entries", without.len());
    assert_eq!(without, with);
}
