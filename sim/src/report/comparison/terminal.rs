//! A comparison on a terminal.

use std::fmt::Write as _;

use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{CellAlignment, Table};

use super::{Comparison, Pair};
use crate::compare::agree::Agreement;
use crate::report::figure::name;
use crate::report::terminal::{delay_table, show};

/// Differing runs shown in full.
const MAX_SHOWN: usize = 10;

/// The comparison as text.
pub fn render(comparison: &Comparison) -> String {
    let mut out = String::new();
    let mut line = |text: &str| writeln!(out, "{text}").expect("a string takes it all");
    line(&comparison.question);
    line(&comparison.caption());
    if comparison.pairs.is_empty() {
        line(&figures(comparison).to_string());
    }
    let delays =
        comparison.columns.iter().filter_map(|it| Some((it.label(), it.figure(name::DELAY)?)));
    let mut delays = delays.peekable();
    if delays.peek().is_some() {
        line(&delay_table(delays).to_string());
    }
    for pair in &comparison.pairs {
        let label = |place: usize| comparison.columns.get(place).map(super::Column::label);
        let names = [pair.first, pair.second].map(|place| label(place).unwrap_or_default());
        line(&agreements(pair, &names).to_string());
        for differing in pair.differing.iter().take(MAX_SHOWN) {
            line(&format!("  seed {}: {}", differing.seed, differing.what.join("; ")));
        }
        let (same, runs) = (pair.runs - crate::measure::count(pair.differing.len()), pair.runs);
        line(&format!("{same} of {runs} runs came out alike: deliveries, deaths and lists"));
        let apart = pair.figures.iter().filter(|it| !it.agrees).count();
        let figures = pair.figures.len();
        line(&format!("{} of {figures} figures agree", figures - apart));
    }
    for column in comparison.columns.iter().filter(|column| column.failed > 0) {
        let (label, failed, runs) = (column.label(), column.failed, column.runs);
        line(&format!("FAILED {label}: a check failed in {failed} of {runs} runs"));
    }
    out
}

/// One row per figure and combination.
fn figures(comparison: &Comparison) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["figure", "unit", "combination", "n", "5 %", "median", "95 %", "max"]);
    let names = comparison.columns.first().map_or(&[][..], |column| &column.figures);
    let names = names.iter().map(|figure| &figure.name).filter(|it| *it != name::DELAY);
    for name in names {
        let mut shown = name.as_str();
        for column in &comparison.columns {
            let Some(figure) = column.figure(name) else { continue };
            let [p5, median, p95, max] =
                [figure.p5, figure.median, figure.p95, figure.max].map(show);
            let n = figure.values.to_string();
            table.add_row([shown, &figure.unit, &column.label(), &n, &p5, &median, &p95, &max]);
            shown = "";
        }
    }
    for column in table.column_iter_mut().skip(3) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn agreements(pair: &Pair, [first, second]: &[String; 2]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    let header = ["figure", "unit", "", first, second, "difference", "bound", "verdict"];
    table.set_header(header);
    for agreement in &pair.figures {
        let Agreement { figure, unit, statistic, first, second, bound, agrees } = agreement;
        let [first, second, difference] = [*first, *second, agreement.difference()].map(show);
        let verdict = if *agrees { "agree" } else { "DIFFER" };
        let bound = show(Some(*bound));
        table.add_row([figure, unit, statistic, &first, &second, &difference, &bound, verdict]);
    }
    for column in table.column_iter_mut().skip(3).take(4) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
