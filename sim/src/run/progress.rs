//! How far a sweep is: a bar on a terminal, else a line now and then, for the log of a batch job.

use std::io::{self, IsTerminal as _};
use std::time::Duration;

use humantime::format_duration;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::console::note;
use crate::report::to_float;
use crate::scenario::Scenario;

/// Least time between two lines of a log.
const LINE_EVERY: Duration = Duration::from_secs(30);

/// What was done, and what is to be done.
#[derive(Clone, Copy)]
struct State {
    /// Simulated time of a run.
    simulated: Duration,
    /// Runs that are to be there.
    all: u64,
    /// Those that were there before.
    found: u64,
    /// Those made since.
    made: u64,
    violations: usize,
}

/// A bar on a terminal, else nothing.
pub(super) fn bar(prefix: &str, all: u64, template: &str) -> ProgressBar {
    let is_terminal = io::stderr().is_terminal();
    let target =
        if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
    let style = ProgressStyle::with_template(template).expect("a valid template");
    let bar = ProgressBar::with_draw_target(Some(all), target).with_style(style);
    bar.set_prefix(prefix.to_owned());
    bar
}

pub(super) struct Progress {
    scenario: String,
    bar: ProgressBar,
    state: State,
    /// When the next line of a log is due; never on a terminal.
    next_line: Duration,
}

impl Progress {
    pub(super) fn new(scenario: &Scenario, all: u64, found: u64, violations: usize) -> Self {
        let bar = bar(&scenario.name, all, "{prefix} {bar:25} {msg}");
        bar.set_position(found);
        bar.set_message(format!("{found} of {all} runs"));
        if found > 0 {
            note(&format!("{}: resuming: {found} of {all} runs done", scenario.name));
        }
        let state = State { simulated: scenario.duration, all, found, made: 0, violations };
        let next_line = if bar.is_hidden() { LINE_EVERY } else { Duration::MAX };
        Self { scenario: scenario.name.clone(), bar, state, next_line }
    }

    /// A run was made, and so many checks failed in it.
    pub(super) fn note(&mut self, violations: usize) {
        self.state.made += 1;
        self.state.violations += violations;
        let elapsed = self.bar.elapsed();
        self.bar.inc(1);
        self.bar.set_message(self.state.words(elapsed));
        if elapsed >= self.next_line {
            self.next_line = elapsed + LINE_EVERY;
            note(&format!("{}: {}", self.scenario, self.state.words(elapsed)));
        }
    }

    /// Returns the time that the runs took.
    pub(super) fn finish(self) -> Duration {
        let took = self.bar.elapsed();
        self.bar.finish_and_clear();
        took
    }
}

impl State {
    fn words(&self, elapsed: Duration) -> String {
        let done = self.found + self.made;
        let seconds = elapsed.as_secs_f64().max(0.001);
        let rate = to_float(self.made) / seconds;
        let speed = rate * self.simulated.as_secs_f64();
        let left = Duration::from_secs(whole_seconds(to_float(self.all - done) / rate));
        format!(
            "{done} of {} runs, {rate:.1} runs/s, {speed:.0} simulated s/s, {} violations, {} left",
            self.all,
            self.violations,
            format_duration(left)
        )
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "a guess, and a cast of what is too large ends at the largest"
)]
fn whole_seconds(seconds: f64) -> u64 {
    seconds.ceil().min(1e12) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_count_what_was_made_now_for_the_speed_and_all_for_the_rest() {
        let simulated = Duration::from_secs(45);
        let state = State { simulated, all: 625, found: 25, made: 100, violations: 3 };
        assert_eq!(
            state.words(Duration::from_secs(40)),
            "125 of 625 runs, 2.5 runs/s, 112 simulated s/s, 3 violations, 3m 20s left"
        );
    }
}
