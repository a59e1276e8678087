//! The bars as CSV.

use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use super::{Papers, SCHEMA};
use crate::papers::bar::Bar;

/// A bar. Where nothing bounds ours on one side, that bound is empty.
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
    fn of(bar: &'a Bar) -> Self {
        let (least, most) = bar.tolerance.bounds(bar.published);
        let bound = |bound: f64| Some(bound).filter(|bound| bound.is_finite());
        Self {
            schema: SCHEMA,
            id: &bar.id,
            case: &bar.case,
            metric: &bar.metric,
            published: bar.published,
            published_text: &bar.published_text,
            tolerance: bar.tolerance.to_string(),
            least: bound(least),
            most: bound(most),
            ours: bar.ours,
            target: bar.target.map(|target| target.to_string()),
            verdict: bar.verdict().word(),
            difference: bar.difference.as_ref().map(|it| &*it.why),
            experiment: &bar.experiment,
            source: &bar.source,
        }
    }
}

pub(super) fn write(papers: &Papers, path: &Path) -> anyhow::Result<()> {
    let write = || -> csv::Result<()> {
        let mut writer = csv::Writer::from_path(path)?;
        papers.bars.iter().try_for_each(|bar| writer.serialize(Row::of(bar)))?;
        Ok(writer.flush()?)
    };
    write().with_context(|| format!("write {}", path.display()))
}
