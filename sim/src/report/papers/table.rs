//! The benchmarks as CSV.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::{Papers, SCHEMA};
use crate::papers::benchmark::Benchmark;

/// A benchmark. Where nothing bounds ours on one side, that bound is empty.
#[derive(Serialize)]
struct Row<'a> {
    schema: u32,
    id: &'a str,
    case: &'a str,
    metric: &'a str,
    published: f64,
    published_text: &'a str,
    tolerance: String,
    least: Option<f64>,
    most: Option<f64>,
    ours: Option<f64>,
    target: Option<String>,
    verdict: &'static str,
    difference: Option<&'a str>,
    experiment: &'a str,
    source: &'a str,
}

impl<'a> Row<'a> {
    fn of(benchmark: &'a Benchmark) -> Self {
        let (least, most) = benchmark.tolerance.bounds(benchmark.published);
        let bound = |bound: f64| Some(bound).filter(|bound| bound.is_finite());
        Self {
            schema: SCHEMA,
            id: &benchmark.id,
            case: &benchmark.case,
            metric: &benchmark.metric,
            published: benchmark.published,
            published_text: &benchmark.published_text,
            tolerance: benchmark.tolerance.to_string(),
            least: bound(least),
            most: bound(most),
            ours: benchmark.ours,
            target: benchmark.target.map(|target| target.to_string()),
            verdict: benchmark.verdict().word(),
            difference: benchmark.difference.as_ref().map(|it| &*it.reason),
            experiment: &benchmark.experiment,
            source: &benchmark.source,
        }
    }
}

pub(super) fn write(papers: &Papers, path: &Path) -> anyhow::Result<()> {
    let write = || -> csv::Result<()> {
        let mut writer = csv::Writer::from_path(path)?;
        papers.benchmarks.iter().try_for_each(|benchmark| writer.serialize(Row::of(benchmark)))?;
        Ok(writer.flush()?)
    };
    write().with_context(|| format!("write {}", path.display()))
}
