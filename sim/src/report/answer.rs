//! The answer to a scenario's question in one line, from the figures of its summary: what was
//! delivered and how soon, and whatever the scenario sets a limit to.

use crate::report::figure::{Figure, name, time};
use crate::report::summary::Summary;

/// The answer. It begins with what failed, if anything did.
pub fn answer(summary: &Summary) -> String {
    let figures = Figures(&summary.figures);
    let parts: Vec<String> = [
        failure(summary),
        figures.delivered(),
        figures.coverage(),
        figures.delay(),
        figures.others(),
        figures.redundancy(),
        figures.dispersion(),
        figures.deaths(),
        figures.one_component(),
        figures.quorum(),
        figures.false_deaths(),
    ]
    .into_iter()
    .flatten()
    .collect();
    let line = parts.join("; ");
    // Parts are fragments; the first letter is a sentence's.
    let mut chars = line.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().to_string() + chars.as_str())
}

fn failure(summary: &Summary) -> Option<String> {
    let failed: Vec<&str> = summary
        .checks
        .iter()
        .filter(|check| !check.failed_seeds.is_empty())
        .map(|check| check.check.as_str())
        .collect();
    let runs = summary.runs - summary.passed;
    (runs > 0).then(|| format!("FAILED in {runs} of {} runs ({})", summary.runs, failed.join(", ")))
}

struct Figures<'a>(&'a [Figure]);

impl Figures<'_> {
    fn find(&self, name: &str) -> Option<&Figure> {
        self.0.iter().find(|figure| figure.name == name && figure.values > 0)
    }

    /// The figure, if the scenario sets it a limit: then it belongs to the answer.
    fn asked(&self, name: &str) -> Option<&Figure> {
        self.find(name).filter(|figure| figure.limit.is_some())
    }

    fn delivered(&self) -> Option<String> {
        let least = self.find(name::DELIVERED)?.min?;
        let run = if least < 100.0 { " in the worst run" } else { "" };
        Some(format!("{least} % delivered{run}"))
    }

    fn coverage(&self) -> Option<String> {
        let half = time(self.find(name::COVERAGE_50)?.median?);
        let all = self.find(name::COVERAGE_100).and_then(|figure| figure.median);
        let all = all.map_or_else(String::new, |all| format!(", all within {}", time(all)));
        Some(format!("half of the peers within {half}{all} (median message)"))
    }

    /// With a limit to delays the tail belongs to the answer.
    fn delay(&self) -> Option<String> {
        let Figure { p99, max, .. } = self.asked(name::DELAY)?;
        let (nearly_all, slowest) = (time((*p99)?), time((*max)?));
        Some(format!("99 % of the deliveries within {nearly_all}, the slowest after {slowest}"))
    }

    fn others(&self) -> Option<String> {
        let worst = time(self.asked(name::OTHERS)?.max?);
        Some(format!("the slowest message reached all peers that were never paused in {worst}"))
    }

    fn redundancy(&self) -> Option<String> {
        let copies = self.asked(name::REDUNDANCY)?.median?;
        Some(format!("redundancy {copies:.1} (RMR)"))
    }

    fn dispersion(&self) -> Option<String> {
        let dispersion = self.asked(name::DISPERSION)?.median?;
        Some(format!("the variance of the degrees is {dispersion:.1} times their mean"))
    }

    fn deaths(&self) -> Option<String> {
        let after = |name| self.find(name).and_then(|figure| figure.median).map(time);
        match (after(name::RESET_DEATHS), after(name::SILENT_DEATHS)) {
            (Some(reset), Some(silent)) => Some(format!(
                "crashed peers left all registries after {reset}, unreachable ones after {silent} (median)"
            )),
            (Some(reset), None) => {
                Some(format!("crashed peers left all registries after {reset} (median)"))
            }
            (None, Some(silent)) => {
                Some(format!("unreachable peers left all registries after {silent} (median)"))
            }
            (None, None) => None,
        }
    }

    fn one_component(&self) -> Option<String> {
        let worst = self.asked(name::ONE_COMPONENT)?.max?;
        let when = since(worst);
        Some(format!("one component {when}"))
    }

    fn quorum(&self) -> Option<String> {
        let worst = self.asked(name::QUORUM)?.max?;
        let when = since(worst);
        Some(format!("every peer registered with a quorum {when}"))
    }

    fn false_deaths(&self) -> Option<String> {
        let most = self.find(name::FALSE_DEATHS)?.max?;
        Some(if most > 0.0 {
            format!("{most} live peers removed as dead in the worst run")
        } else {
            "no live peer removed as dead".to_owned()
        })
    }
}

/// When something held again, in the worst run.
fn since(worst: f64) -> String {
    if worst > 0.0 {
        format!("{} after the last fault at the latest", time(worst))
    } else {
        "when the last fault is over".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A figure whose values are all the same.
    fn figure(name: &str, value: f64, limit: Option<&str>) -> Figure {
        Figure {
            name: name.to_owned(),
            unit: String::new(),
            values: 1,
            min: Some(value),
            p5: Some(value),
            median: Some(value),
            p90: Some(value),
            p95: Some(value),
            p99: Some(value),
            p999: None,
            max: Some(value),
            limit: limit.map(str::to_owned),
        }
    }

    fn summary(passed: usize, failed_seeds: &[u64], figures: Vec<Figure>) -> Summary {
        let setting = json!({
            "engine": "", "seed_nodes": 3, "peers": 9, "duration_s": 1, "latency_min_ms": 1,
            "latency_max_ms": 2, "tick_ms": 1
        });
        let summary = json!({
            "schema": 4, "program": "", "scenario": "", "question": "", "setting": setting,
            "runs": 20, "passed": passed, "digest": "", "tables": {}, "figures": [],
            "checks": [{ "check": "limits", "demand": "", "failed_seeds": failed_seeds }],
            "violations": []
        });
        let summary: Summary = serde_json::from_value(summary).expect("a summary");
        Summary { figures, ..summary }
    }

    #[test]
    fn the_answer_tells_what_was_measured_and_what_is_limited() {
        let figures = vec![
            figure(name::DELIVERED, 100.0, None),
            figure(name::COVERAGE_50, 48.0, None),
            figure(name::COVERAGE_100, 1200.0, None),
            figure(name::REDUNDANCY, 6.04, None),
            figure(name::RESET_DEATHS, 7600.0, None),
            figure(name::SILENT_DEATHS, 29_000.0, None),
            figure(name::ONE_COMPONENT, 0.0, Some("<= 1 s")),
            figure(name::QUORUM, 12_000.0, None),
            figure(name::FALSE_DEATHS, 0.0, None),
        ];
        assert_eq!(
            answer(&summary(20, &[], figures)),
            "100 % delivered; half of the peers within 48 ms, all within 1.2 s (median message); \
             crashed peers left all registries after 7.6 s, unreachable ones after 29 s (median); one \
             component when the last fault is over; no live peer removed as dead"
        );
    }

    #[test]
    fn the_answer_does_not_hide_what_went_wrong() {
        let figures = vec![
            figure(name::DELIVERED, 98.5, None),
            figure(name::DELAY, 412.0, Some("max <= 20 ms")),
            figure(name::REDUNDANCY, 6.04, Some("<= 5")),
            figure(name::QUORUM, 12_000.0, Some("<= 10 s")),
            figure(name::FALSE_DEATHS, 2.0, None),
        ];
        assert_eq!(
            answer(&summary(18, &[3, 4], figures)),
            "FAILED in 2 of 20 runs (limits); 98.5 % delivered in the worst run; 99 % of the \
             deliveries within 412 ms, the slowest after 412 ms; redundancy 6.0 (RMR); every peer \
             registered with a quorum 12 s after the last fault at the latest; 2 live peers removed \
             as dead in the worst run"
        );
    }
}
