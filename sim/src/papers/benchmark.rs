//! A benchmark: a published number, how near to it ours must be, and ours.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A published number beside ours.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Benchmark {
    /// Which benchmark, as `sim papers --only` names it: `demers-t1`, `B15`.
    pub id: String,
    /// Which of its rows, like `k=1`; empty if it has one.
    pub case: String,
    /// What was done here.
    pub experiment: String,
    /// What is measured, with its unit.
    pub metric: String,
    /// Where the number was published: paper, section or table.
    pub source: String,
    /// The number as it was published.
    pub published_text: String,
    /// The same, to be compared with.
    pub published: f64,
    /// How near to it ours must be.
    pub tolerance: Tolerance,
    /// What we measured; `None` if nothing could be.
    pub ours: Option<f64>,
    /// What would be better than what was published.
    pub target: Option<Target>,
    /// Why ours is not within the tolerance, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Difference>,
}

/// A known difference: within its bounds ours is no miss.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct Difference {
    /// The least that it explains.
    pub least: f64,
    /// The most that it explains.
    pub most: f64,
    /// What makes it, and what was measured to tell.
    pub reason: String,
}

/// How near to the published number ours must be.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tolerance {
    /// So much above or below it, in the metric's unit.
    Within(f64),
    /// Such a share of it above or below: 0.15 is 15 %.
    Relative(f64),
    /// No more than this, whatever was published.
    AtMost(f64),
    /// No less than this, whatever was published.
    AtLeast(f64),
}

/// What would be better than what was published.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

/// What a benchmark comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Ours is not within the tolerance, or there is none.
    Misses,
    /// It is not, and why is known.
    Differs,
    /// Ours is within the tolerance.
    Holds,
    /// It is, and reaches the target too.
    Beats,
}

impl Benchmark {
    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        let Some(ours) = self.ours else { return Verdict::Misses };
        let (least, most) = self.tolerance.bounds(self.published);
        let explains = |it: &Difference| (it.least..=it.most).contains(&ours);
        if !(least..=most).contains(&ours) {
            let is_explained = self.difference.as_ref().is_some_and(explains);
            return if is_explained { Verdict::Differs } else { Verdict::Misses };
        }
        if self.target.is_some_and(|target| target.is_reached(ours)) {
            Verdict::Beats
        } else {
            Verdict::Holds
        }
    }

    /// The same benchmark with a target.
    #[must_use]
    pub fn with_target(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// The same benchmark, of which it is known why ours may lie between `least` and `most`.
    #[must_use]
    pub fn with_difference(self, (least, most): (f64, f64), reason: String) -> Self {
        Self { difference: Some(Difference { least, most, reason }), ..self }
    }

    /// Its id and its case.
    pub fn name(&self) -> String {
        format!("{} {}", self.id, self.case).trim_end().to_owned()
    }
}

impl Tolerance {
    /// The least and the most that ours may be; infinite where nothing bounds it.
    pub fn bounds(self, published: f64) -> (f64, f64) {
        match self {
            Self::Within(room) => (published - room, published + room),
            Self::Relative(share) => {
                let room = share * published.abs();
                (published - room, published + room)
            }
            Self::AtMost(most) => (f64::NEG_INFINITY, most),
            Self::AtLeast(least) => (least, f64::INFINITY),
        }
    }
}

impl Target {
    fn is_reached(self, ours: f64) -> bool {
        match self {
            Self::AtMost(most) => ours <= most,
            Self::AtLeast(least) => ours >= least,
        }
    }

    /// The number at which it is reached.
    pub const fn end(self) -> f64 {
        match self {
            Self::AtMost(end) | Self::AtLeast(end) => end,
        }
    }
}

impl Verdict {
    /// As tables have it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Misses => "MISSES",
            Self::Differs => "differs",
            Self::Holds => "holds",
            Self::Beats => "beats",
        }
    }
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Within(room) => write!(f, "± {}", show(*room)),
            Self::Relative(share) => write!(f, "± {} %", show(100.0 * share)),
            Self::AtMost(most) => write!(f, "<= {}", show(*most)),
            Self::AtLeast(least) => write!(f, ">= {}", show(*least)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "<= {}", show(*most)),
            Self::AtLeast(least) => write!(f, ">= {}", show(*least)),
        }
    }
}

/// A number with some four digits that mean something.
pub fn show(value: f64) -> String {
    let size = value.abs();
    if size > 0.0 && !(1e-3..1e7).contains(&size) {
        return format!("{value:.2e}");
    }
    let decimals = match size {
        1000.0.. => 0,
        100.0.. => 1,
        10.0.. => 2,
        1.0.. => 3,
        _ => 4,
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A number as it was published.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    text: String,
    value: f64,
}

impl From<f64> for Published {
    fn from(value: f64) -> Self {
        Self { text: show(value), value }
    }
}

/// Words and the number to be compared with.
impl From<(&str, f64)> for Published {
    fn from((text, value): (&str, f64)) -> Self {
        Self { text: text.to_owned(), value }
    }
}

/// What the benchmarks of one experiment share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Which benchmark.
    pub id: &'static str,
    /// What was done here.
    pub experiment: String,
    /// Where it was published.
    pub source: &'static str,
}

impl Claim {
    /// One benchmark: case and metric, what was published, how near ours must be, ours. What is no number
    /// counts as not measured.
    pub fn benchmark(
        &self,
        (case, metric): (&str, &str),
        published: impl Into<Published>,
        tolerance: Tolerance,
        ours: f64,
    ) -> Benchmark {
        let Published { text, value } = published.into();
        Benchmark {
            id: self.id.to_owned(),
            case: case.to_owned(),
            experiment: self.experiment.clone(),
            metric: metric.to_owned(),
            source: self.source.to_owned(),
            published_text: text,
            published: value,
            tolerance,
            ours: Some(ours).filter(|ours| ours.is_finite()),
            target: None,
            difference: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn benchmark(tolerance: Tolerance, ours: f64) -> Benchmark {
        let claim = Claim { id: "x", experiment: String::new(), source: "" };
        claim.benchmark(("", ""), 2.0, tolerance, ours)
    }

    #[test]
    fn each_tolerance_ends_where_it_says() {
        use Tolerance::{AtLeast, AtMost, Relative, Within};
        for (tolerance, holds, misses) in [
            (Within(0.5), [1.5, 2.5], [1.49, 2.51]),
            (Relative(0.5), [1.0, 3.0], [0.99, 3.01]),
            (AtMost(3.0), [3.0, -1.0], [3.01, f64::NAN]),
            (AtLeast(1.0), [1.0, 9.0], [0.99, f64::NEG_INFINITY]),
        ] {
            for ours in holds {
                assert_eq!(
                    benchmark(tolerance, ours).verdict(),
                    Verdict::Holds,
                    "{tolerance} {ours}"
                );
            }
            for ours in misses {
                assert_eq!(
                    benchmark(tolerance, ours).verdict(),
                    Verdict::Misses,
                    "{tolerance} {ours}"
                );
            }
        }
    }

    #[test]
    fn a_share_of_a_negative_number_is_on_both_sides_of_it() {
        assert_eq!(Tolerance::Relative(0.5).bounds(-2.0), (-3.0, -1.0));
    }

    #[test]
    fn a_target_is_beaten_only_within_the_tolerance() {
        let low = Some(Target::AtMost(1.0));
        let high = Some(Target::AtLeast(2.5));
        let wide = Tolerance::Within(1.0);
        for (tolerance, ours, target, verdict) in [
            (wide, 1.0, low, Verdict::Beats),
            (wide, 1.01, low, Verdict::Holds),
            (wide, 0.5, low, Verdict::Misses),
            (wide, 2.5, high, Verdict::Beats),
            (wide, 2.4, high, Verdict::Holds),
            (Tolerance::AtMost(2.0), f64::NAN, low, Verdict::Misses),
        ] {
            let benchmark = Benchmark { target, ..benchmark(tolerance, ours) };
            assert_eq!(benchmark.verdict(), verdict, "{ours}");
        }
    }

    #[test]
    fn a_known_difference_covers_what_lies_within_its_bounds() {
        let known = |ours| {
            let benchmark = benchmark(Tolerance::Within(0.5), ours);
            benchmark.with_difference((1.0, 1.2), String::new()).verdict()
        };
        assert_eq!([1.0, 1.2].map(known), [Verdict::Differs; 2]);
        assert_eq!([0.99, 1.21, 3.0, f64::NAN].map(known), [Verdict::Misses; 4]);
        assert_eq!(known(1.6), Verdict::Holds);
    }

    #[test]
    fn numbers_keep_the_digits_that_mean_something() {
        for (value, text) in [
            (0.0, "0"),
            (0.18, "0.18"),
            (1.582, "1.582"),
            (12.5, "12.5"),
            (39_984.0, "39984"),
            (100.0, "100"),
            (9.8e-4, "9.80e-4"),
            (-0.5, "-0.5"),
        ] {
            assert_eq!(show(value), text);
        }
    }
}
