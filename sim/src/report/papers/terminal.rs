//! The benchmarks on a terminal.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use super::Papers;
use crate::papers::benchmark::{Benchmark, Verdict, show};

/// The benchmarks as text: a table, each benchmark that is missed, known differences, the verdict.
pub fn render(papers: &Papers) -> String {
    let mut out = format!("{}\n", table(papers));
    for benchmark in &papers.benchmarks {
        let (name, Benchmark { metric, source, experiment, .. }) = (benchmark.name(), benchmark);
        if benchmark.verdict() == Verdict::Misses {
            writeln!(out, "MISSES {name}, {metric} ({source}; {experiment})").expect("a string");
        }
        if let (Verdict::Differs, Some(known)) = (benchmark.verdict(), &benchmark.difference) {
            writeln!(out, "differs: {name}, {metric}: {}", known.reason).expect("a string");
        }
    }
    out + &papers.answer() + "\n"
}

fn table(papers: &Papers) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    let is_targeted = papers.benchmarks.iter().any(|benchmark| benchmark.target.is_some());
    let mut header = vec!["benchmark", "", "metric", "published", "ours", "allowed", "verdict"];
    header.extend(is_targeted.then_some("target"));
    table.set_header(header);
    let mut shown = "";
    for benchmark in &papers.benchmarks {
        let id = if benchmark.id == shown { "" } else { &benchmark.id };
        let mut row = vec![
            id.to_owned(),
            benchmark.case.clone(),
            benchmark.metric.clone(),
            benchmark.published_text.clone(),
            benchmark.ours.map_or_else(|| "none".to_owned(), show),
            benchmark.tolerance.to_string(),
            benchmark.verdict().word().to_owned(),
        ];
        row.extend(
            is_targeted
                .then(|| benchmark.target.map_or_else(String::new, |target| target.to_string())),
        );
        table.add_row(row);
        shown = &benchmark.id;
    }
    for column in table.column_iter_mut().skip(3).take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
