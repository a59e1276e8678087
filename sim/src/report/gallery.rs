//! The gallery: one page with every scenario's question, answer and pictures, written from the saved
//! summaries.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, ensure};

use crate::report::answer::answer;
use crate::report::comparison::Comparison;
use crate::report::figure::{Figure, name, time};
use crate::report::summary::Summary;
use crate::report::{PICTURES, summary};
use crate::scenario::Scenario;

/// The page's name in the folder of the reports.
pub const PAGE: &str = "README.md";

const HEAD: &str = "\
# Reports

What the shipped scenarios gave. `sim gallery` runs them all and writes this page and the folders beside it; `sim gallery --readme-only`
writes the page alone. Tests repeat the first run of each, compare its digest, and compare this page, so it shows what the program in
this tree does.
";

const TAIL: &str = "
## Files

| file | a row per |
|---|---|
| `runs.csv` | run: verdict, delivery, coverage, redundancy, bytes, overlay at the end, times after the last fault, SHA-256 of what happened |
| `messages.csv` | message: whom it should have reached and did, coverage times, last delivery hop, copies |
| `spread.csv` | run and delay: fraction of peers reached, mean over the run's messages |
| `delays.csv` | run: quantiles of the delays of its deliveries, to three significant figures, and all its delays as an `HdrHistogram` in microseconds (version 2, compressed, base64) |
| `detection.csv` | crash: times until first neighbor, all neighbors, first report, all seed nodes |
| `overlay.csv`, `degrees.csv` | second of a run: components and degrees; degree at the end: peers |
| `faults.csv` | disturbance: when, what, whom |
| `links.csv` | link of the first run's graph, at the moments that are drawn; `b` is empty in the row of the peer itself |
| `violations.csv` | thing that did not hold |
| `figures.csv`, `comparison.json` | comparison: figure of a combination; the whole |
| `summary.json` | the whole: checks, figures over the runs, the first violations, rows of each table |

`sim report DIR` draws a folder's pictures again from these files alone. Names of columns end in the unit of their times; ratios have four
decimals. Tables without rows are not written. CSV and JSON are equal to the byte on every machine, pictures on x86-64 Linux. Runs with any
option go to `runs/`, which git ignores.
";

/// Width of a picture on the page in pixels; each leads to its full size.
const THUMBNAIL: u32 = 280;

/// The page for these scenarios, from their reports below `reports`. Each scenario has its file's
/// path in the commands shown.
pub fn page(scenarios: &[(String, Scenario)], reports: &Path) -> anyhow::Result<String> {
    let mut page = HEAD.to_owned();
    for (file, scenario) in scenarios {
        let folder = reports.join(&scenario.name);
        if !scenario.vary.is_empty() {
            page.push_str(&comparison(file, scenario, &folder)?);
            continue;
        }
        let again = || format!("the report of {file}; `sim run {file}` writes it");
        let summary = summary::read_summary(&folder).with_context(again)?;
        ensure!(
            summary.question == scenario.question,
            "{} answers another question than {file} asks; `sim run {file}` answers this one",
            folder.display()
        );
        page.push_str(&entry(file, &summary));
    }
    page.push_str(TAIL);
    Ok(page)
}

/// The entry of a scenario that varies something: its comparison.
fn comparison(file: &str, scenario: &Scenario, folder: &Path) -> anyhow::Result<String> {
    let again = || format!("the comparison of {file}; `sim compare {file}` writes it");
    let comparison = Comparison::read(folder).with_context(again)?;
    let Comparison { question, .. } = &comparison;
    ensure!(
        *question == scenario.question,
        "{} answers another question than {file} asks; `sim compare {file}` answers this one",
        folder.display()
    );
    let name = &scenario.name;
    let mut entry = format!("\n## {name}\n\n{question}\n\n**{}.**\n\n", comparison.answer());
    for picture in comparison.pictures() {
        entry.push_str(&thumbnail(name, picture.file, picture.shows));
    }
    entry.push_str(&delays(
        comparison
            .columns
            .iter()
            .filter_map(|column| Some((column.label(), column.figure(name::DELAY)?))),
    ));
    let caption = comparison.caption();
    let figures = format!("{name}/figures.csv");
    let command =
        format!("\n`sim compare {file}`: {caption}. All figures: [figures.csv]({figures}).\n");
    entry.push_str(&command);
    Ok(entry)
}

/// How long deliveries took, over all messages: a row for each of these runs; nothing without rows.
fn delays<'a>(runs: impl Iterator<Item = (String, &'a Figure)>) -> String {
    let row = |(label, figure): (String, &Figure)| {
        let Figure { values, median, p90, p99, p999, max, .. } = figure;
        let at = |ms: &Option<f64>| ms.map(time).unwrap_or_default();
        let times = [median, p90, p99, p999, max].map(at).join(" | ");
        format!("| {label} | {values} | {times} |\n")
    };
    let rows: String = runs.map(row).collect();
    if rows.is_empty() {
        return rows;
    }
    format!(
        "\n| {} | deliveries | p50 | p90 | p99 | p99.9 | max |\n|---|---|---|---|---|---|---|\n{rows}",
        name::DELAY
    )
}

fn thumbnail(scenario: &str, file: &str, shows: &str) -> String {
    let path = format!("{scenario}/{file}");
    format!("[<img src=\"{path}\" width=\"{THUMBNAIL}\" alt=\"{scenario}: {shows}\">]({path})\n")
}

fn entry(file: &str, summary: &Summary) -> String {
    let Summary { scenario, question, runs, .. } = summary;
    let mut entry = format!("\n## {scenario}\n\n{question}\n\n**{}.**\n\n", answer(summary));
    for picture in PICTURES.iter().filter(|picture| picture.is_drawn(summary)) {
        entry.push_str(&thumbnail(scenario, picture.file, picture.shows));
    }
    let figure = summary.figures.iter().find(|it| it.name == name::DELAY && it.values > 0);
    entry.push_str(&delays(figure.into_iter().map(|it| ("over all messages".to_owned(), it))));
    let caption = summary.setting.caption(*runs);
    write!(
        entry,
        "\n`sim run {file}`: {caption}. All figures: [summary.json]({scenario}/summary.json).\n"
    )
    .expect("a string takes it all");
    entry
}
