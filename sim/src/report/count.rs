//! How often each value occurred: quantiles of any number of values in bounded room.

use std::collections::BTreeMap;

use crate::measure::quantile::{Interpolate as _, place};

/// Counts of whole values. There are as many counts as different values: of times in milliseconds at
/// most as many as a run has milliseconds, of shares in ten-thousandths 10,001, however many runs
/// there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    counts: BTreeMap<u64, u64>,
    total: u64,
}

impl Counts {
    pub(super) fn add(&mut self, value: u64) {
        self.add_many(value, 1);
    }

    pub(super) fn add_many(&mut self, value: u64, times: u64) {
        *self.counts.entry(value).or_default() += times;
        self.total += times;
    }

    /// How many values were counted.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// The value below which `percent` of the values lie, by the definition of
    /// [`quantile`](crate::measure::quantile); `None` without values.
    pub(super) fn quantile(&self, percent: u32) -> Option<f64> {
        let (place, hundredths) = place(self.total, percent)?;
        let below = to_float(self.at(place)?);
        Some(self.at(place + 1).map_or(below, |above| below.toward(to_float(above), hundredths)))
    }

    /// The value at a place, counted from 0, in the order of the values.
    fn at(&self, place: u64) -> Option<u64> {
        let mut before = 0;
        let found = self.iter().find(|(_, count)| {
            before += count;
            before > place
        });
        found.map(|(value, _)| value)
    }

    /// The largest value.
    pub(super) fn max(&self) -> Option<u64> {
        self.counts.keys().next_back().copied()
    }

    /// Each value and its count, smallest value first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, u64)> + '_ {
        self.counts.iter().map(|(value, count)| (*value, *count))
    }
}

impl Extend<u64> for Counts {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, values: I) {
        values.into_iter().for_each(|value| self.add(value));
    }
}

/// A ratio in ten-thousandths, which is what tables and summaries show of it.
pub(super) fn ten_thousandths(ratio: f64) -> u64 {
    rounded(ratio * 10_000.0)
}

/// Milliseconds in microseconds.
pub(super) fn thousandths(ms: f64) -> u64 {
    rounded(ms * 1_000.0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "ratios and times are not negative, and far below 2^50"
)]
fn rounded(value: f64) -> u64 {
    value.round() as u64
}

/// A count as a float, for ratios and pictures.
#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "far below 2^52")]
pub(crate) fn to_float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::quantile::quantile;

    #[test]
    fn quantiles_of_counts_are_those_of_the_values() {
        let mut values: Vec<u64> = (0..97).map(|n| (n * 37) % 41).collect();
        let mut counts = Counts::default();
        counts.extend(values.iter().copied());
        values.sort_unstable();
        for percent in 0..=100 {
            let values: Vec<f64> = values.iter().map(|value| to_float(*value)).collect();
            assert_eq!(counts.quantile(percent), quantile(&values, percent), "{percent} %");
        }
        assert_eq!(counts.total(), 97);
        assert_eq!(Counts::default().quantile(50), None);
    }

    #[test]
    fn a_tables_ratio_is_kept_to_its_last_decimal() {
        for count in 0..=30_000 {
            let shown = format!("{:.4}", to_float(count) / 10_000.0);
            assert_eq!(ten_thousandths(shown.parse().expect("a number")), count);
        }
    }
}
