//! The files in `deploy/sweep` do what their page says, as far as one machine can tell.

use std::fs;
use std::process::Command;

use crate::support::{empty_folder, project, text};
use crate::sweep::{assert_same_report, merge, run, small};

/// Runs the file for GNU parallel: with it where it is installed, else in the way that the file itself
/// falls back to, with xargs.
#[test]
fn the_ready_file_for_gnu_parallel_gives_the_report_of_one_piece() {
    let folder = empty_folder("sweep_parallel");
    run(&folder, "1..3", None, "whole");
    let script = project().join("deploy/sweep/parallel.sh");
    let ready = |shards: &str| {
        let args = [small().as_str(), "1..3", shards, "out of parts"].map(str::to_owned);
        let mut command = Command::new("sh");
        command.arg(&script).args(args).current_dir(&folder);
        command.env("SIM", env!("CARGO_BIN_EXE_sim")).env("JOBS", "2");
        command.output().expect("a shell")
    };
    let output = ready("2");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    fs::remove_file(folder.join("out of parts/parts.log")).expect("what the parts said");
    assert_same_report(&folder, "whole", "out of parts");
    let output = ready("3");
    assert_eq!(output.status.code(), Some(2), "the parts there are of a sweep in two parts");
    assert!(
        text(&output.stderr).contains("shard: 1/2 there, 1/3 here"),
        "{}",
        text(&output.stderr)
    );
}

/// Runs the file for Slurm as its tasks would be started; Slurm itself is not there.
#[test]
fn the_ready_file_for_slurm_runs_the_part_of_its_task() {
    let folder = empty_folder("sweep_slurm");
    let script = project().join("deploy/sweep/slurm.sh");
    for task in ["1", "2"] {
        let mut command = Command::new("sh");
        command.arg(&script).current_dir(&folder).env("SIM", env!("CARGO_BIN_EXE_sim"));
        command.env("SCENARIO", small()).env("SEEDS", "1..2").env("SHARDS", "2").env("OUT", "out");
        command.env("SLURM_ARRAY_TASK_ID", task).env("SLURM_CPUS_PER_TASK", "1");
        let output = command.output().expect("a shell");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    }
    assert_eq!(merge(&folder, &["out/parts/2", "out/parts/1"], "out"), (Some(0), String::new()));
}
