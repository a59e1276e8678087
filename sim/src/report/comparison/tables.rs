//! The tables of a comparison, as CSV.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::{Comparison, Pair};
use crate::report::remove_stale;

/// A combination's figure.
#[derive(Serialize)]
struct FigureRow<'a> {
    combination: String,
    figure: &'a str,
    unit: &'a str,
    values: u64,
    min: Option<f64>,
    p5: Option<f64>,
    median: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
    p999: Option<f64>,
    max: Option<f64>,
}

/// A figure in two engines.
#[derive(Serialize)]
struct AgreementRow<'a> {
    combination: String,
    figure: &'a str,
    unit: &'a str,
    statistic: &'a str,
    first: Option<f64>,
    second: Option<f64>,
    difference: Option<f64>,
    bound: f64,
    verdict: &'a str,
}

/// A run.
#[derive(Serialize)]
struct RunRow<'a> {
    combination: String,
    seed: u64,
    digest: &'a str,
}

pub(super) fn write(comparison: &Comparison, folder: &Path) -> anyhow::Result<()> {
    write_rows(&folder.join("figures.csv"), &figure_rows(comparison))?;
    write_rows(&folder.join("runs.csv"), &run_rows(comparison))?;
    write_rows(&folder.join("agreement.csv"), &agreement_rows(comparison))
}

fn write_rows<R: Serialize>(path: &Path, rows: &[R]) -> anyhow::Result<()> {
    if rows.is_empty() {
        return remove_stale(path);
    }
    let write = || -> csv::Result<()> {
        let mut writer = csv::Writer::from_path(path)?;
        rows.iter().try_for_each(|row| writer.serialize(row))?;
        Ok(writer.flush()?)
    };
    write().with_context(|| format!("write {}", path.display()))
}

fn figure_rows(comparison: &Comparison) -> Vec<FigureRow<'_>> {
    let columns = comparison.columns.iter();
    let rows = columns.flat_map(|column| {
        column.figures.iter().filter(|figure| figure.values > 0).map(|figure| FigureRow {
            combination: column.label(),
            figure: &figure.name,
            unit: &figure.unit,
            values: figure.values,
            min: figure.min,
            p5: figure.p5,
            median: figure.median,
            p90: figure.p90,
            p95: figure.p95,
            p99: figure.p99,
            p999: figure.p999,
            max: figure.max,
        })
    });
    rows.collect()
}

fn run_rows(comparison: &Comparison) -> Vec<RunRow<'_>> {
    let columns = comparison.columns.iter();
    let rows = columns.flat_map(|column| {
        (comparison.seeds.first..).zip(&column.digests).map(|(seed, digest)| RunRow {
            combination: column.label(),
            seed,
            digest,
        })
    });
    rows.collect()
}

fn agreement_rows(comparison: &Comparison) -> Vec<AgreementRow<'_>> {
    let label = |pair: &Pair| comparison.columns.get(pair.first).map(super::Column::label);
    let pairs = comparison.pairs.iter().map(|it| (label(it).unwrap_or_default(), &it.figures));
    pairs
        .flat_map(|(combination, figures)| {
            figures.iter().map(move |it| AgreementRow {
                combination: combination.clone(),
                figure: &it.figure,
                unit: &it.unit,
                statistic: &it.statistic,
                first: it.first,
                second: it.second,
                difference: it.difference(),
                bound: it.bound,
                verdict: if it.agrees { "agree" } else { "DIFFER" },
            })
        })
        .collect()
}
