//! `sim papers`: published results beside ours.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::FAILED;
use super::console::{note, say, say_json};
use crate::cli::{PapersArgs, REPORTS, ReportArgs};
use crate::papers::{self, Effort, Setup};
use crate::report::papers::{Papers, render};

pub(super) fn papers(args: &PapersArgs) -> anyhow::Result<ExitCode> {
    let effort = if args.quick { Effort::Quick } else { Effort::Full };
    let setup = Setup { effort, scenarios: &args.scenarios };
    let benchmarks =
        papers::run(&setup, &args.only, |ids| note(&format!("running {}", ids.join(", "))))?;
    let papers = Papers::new(effort, benchmarks);
    let folder = args.folder();
    papers.write(&folder)?;
    if args.json {
        say_json(&papers)?;
    } else {
        say(&render(&papers))?;
        say(&format!("report in {}\n", folder.display()))?;
    }
    Ok(verdict(&papers))
}

/// Draws the picture of a report again.
pub(super) fn redraw(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let papers = Papers::read(&args.folder)?;
    papers.draw(&args.folder)?;
    if args.json {
        say_json(&papers)?;
    } else {
        say(&render(&papers))?;
        say(&format!("picture drawn again in {}\n", args.folder.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The exit status.
fn verdict(papers: &Papers) -> ExitCode {
    if papers.is_passed() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}

impl PapersArgs {
    /// Where the report goes. That of all benchmarks at full size is the one that is kept.
    fn folder(&self) -> PathBuf {
        if let Some(out) = &self.out {
            return out.clone();
        }
        if !self.quick && self.only.is_empty() {
            return Path::new(REPORTS).join("papers");
        }
        let mut parts = vec!["papers".to_owned()];
        parts.extend(self.quick.then(|| "quick".to_owned()));
        parts.extend(self.only.iter().map(|id| super::plain(id)));
        Path::new(super::RUNS).join(parts.join("-"))
    }
}
