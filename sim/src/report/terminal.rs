//! The summary on a terminal.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use crate::report::figure::{Figure, name, time};
use crate::report::summary::Summary;
use crate::report::tables::VIOLATIONS;
use crate::scenario::Engine;

/// Seeds listed of a check that failed in many runs.
const MAX_SEEDS: usize = 10;

/// Violations shown in full.
const MAX_VIOLATIONS: usize = 10;

/// The summary as text. `replay` is the command that repeats one run, without its seed.
pub fn render(summary: &Summary, replay: &str) -> String {
    let mut out = String::new();
    let mut line = |text: &str| writeln!(out, "{text}").expect("a string takes it all");
    line(&summary.question);
    line(&summary.setting.caption(summary.runs));
    line(&figures(summary).to_string());
    if let Some(delays) = summary.figures.iter().find(|it| it.name == name::DELAY && it.values > 0)
    {
        line(&delay_table([("over all messages".to_owned(), delays)]).to_string());
    }
    let failed: Vec<_> =
        summary.checks.iter().filter(|check| !check.failed_seeds.is_empty()).collect();
    for check in &failed {
        let seeds: Vec<String> =
            check.failed_seeds.iter().take(MAX_SEEDS).map(ToString::to_string).collect();
        let more = check.failed_seeds.len().saturating_sub(MAX_SEEDS) + check.more_failed;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        line(&format!(
            "FAILED {} (seeds {}{more}): {}",
            check.check,
            seeds.join(" "),
            check.demand
        ));
    }
    for violation in summary.violations.iter().take(MAX_VIOLATIONS) {
        line(&format!("  seed {}: {}", violation.seed, violation.violation));
    }
    let violations = summary.tables.get(VIOLATIONS).copied().unwrap_or_default();
    if violations > MAX_VIOLATIONS {
        line(&format!("  and {} more, in {VIOLATIONS}", violations - MAX_VIOLATIONS));
    }
    if let Some(seed) = failed.iter().flat_map(|check| &check.failed_seeds).min() {
        line(&format!("reproduce: {replay} --seed {seed}"));
        if let Some(trace) = trace(summary, replay) {
            line(&format!("trace: {trace} --seed {seed}"));
        }
    }
    let checks = summary.checks.len();
    line(&format!("{} of {} runs passed all {checks} checks", summary.passed, summary.runs));
    out
}

/// The command that tells of a run, if the engine that is traced ran it.
fn trace(summary: &Summary, replay: &str) -> Option<String> {
    let options = replay.strip_prefix("sim run ")?.replace(" --engine events", "");
    (summary.setting.engine == Engine::Events.name()).then(|| format!("sim trace {options}"))
}

fn figures(summary: &Summary) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["figure", "unit", "n", "5 %", "median", "95 %", "max", "limit"]);
    let told = |it: &&Figure| it.values > 0 && it.name != name::DELAY;
    for figure in summary.figures.iter().filter(told) {
        table.add_row(row(figure));
    }
    for column in table.column_iter_mut().skip(2).take(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// How long deliveries took, over all messages: a row for each of these runs.
pub(super) fn delay_table<'a>(runs: impl IntoIterator<Item = (String, &'a Figure)>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header([name::DELAY, "n", "p50", "p90", "p99", "p99.9", "max", "limit"]);
    for (label, figure) in runs {
        let Figure { values, median, p90, p99, p999, max, limit, .. } = figure;
        let at = |ms: &Option<f64>| ms.map(time).unwrap_or_default();
        let [p50, p90, p99, p999, max] = [median, p90, p99, p999, max].map(at);
        let limit = limit.clone().unwrap_or_default();
        table.add_row([label, values.to_string(), p50, p90, p99, p999, max, limit]);
    }
    for column in table.column_iter_mut().skip(1).take(6) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

/// A value, with decimals if it has some.
pub(super) fn show(value: Option<f64>) -> String {
    match value {
        None => String::new(),
        Some(value) if value.fract() == 0.0 => format!("{value:.0}"),
        Some(value) => format!("{value:.3}"),
    }
}

fn row(figure: &Figure) -> [String; 8] {
    [
        figure.name.clone(),
        figure.unit.clone(),
        figure.values.to_string(),
        show(figure.p5),
        show(figure.median),
        show(figure.p95),
        show(figure.max),
        figure.limit.clone().unwrap_or_default(),
    ]
}
