//! The bars on a terminal.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use super::Papers;
use crate::papers::bar::{Bar, Verdict, show};

/// The bars as text: a table, each bar that is missed, known differences, the verdict.
pub fn render(papers: &Papers) -> String {
    let mut out = format!("{}\n", table(papers));
    for bar in &papers.bars {
        let (name, Bar { metric, source, experiment, .. }) = (bar.name(), bar);
        if bar.verdict() == Verdict::Misses {
            writeln!(out, "MISSES {name}, {metric} ({source}; {experiment})").expect("a string");
        }
        if let (Verdict::Differs, Some(known)) = (bar.verdict(), &bar.difference) {
            writeln!(out, "differs: {name}, {metric}: {}", known.why).expect("a string");
        }
    }
    out + &papers.answer() + "\n"
}

fn table(papers: &Papers) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    let is_targeted = papers.bars.iter().any(|bar| bar.target.is_some());
    let mut header = vec!["bar", "", "metric", "published", "ours", "allowed", "verdict"];
    header.extend(is_targeted.then_some("target"));
    table.set_header(header);
    let mut shown = "";
    for bar in &papers.bars {
        let id = if bar.id == shown { "" } else { &bar.id };
        let mut row = vec![
            id.to_owned(),
            bar.case.clone(),
            bar.metric.clone(),
            bar.published_text.clone(),
            bar.ours.map_or_else(|| "none".to_owned(), show),
            bar.tolerance.to_string(),
            bar.verdict().word().to_owned(),
        ];
        row.extend(
            is_targeted.then(|| bar.target.map_or_else(String::new, |target| target.to_string())),
        );
        table.add_row(row);
        shown = &bar.id;
    }
    for column in table.column_iter_mut().skip(3).take(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
