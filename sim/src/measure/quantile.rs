//! Quantiles by linear interpolation: type 7 of Hyndman and Fan (*Sample quantiles in statistical
//! packages*, The American Statistician 50, 1996), the default of R, `NumPy` and spreadsheets. Of n
//! sorted values the quantile at p is at the place (n - 1) p, counted from 0; between two places it is
//! between their values. This is the only definition in this program, but for the quantiles of a
//! [histogram of delays](super::delay), which keeps no single values.

use std::time::Duration;

/// A value between which and another one there are others.
pub trait Interpolate: Copy {
    /// The value that is so many hundredths, 0 to 99, on the way from `self` to `other`, which is not
    /// less.
    #[must_use]
    fn toward(self, other: Self, hundredths: u32) -> Self;
}

impl Interpolate for f64 {
    fn toward(self, other: Self, hundredths: u32) -> Self {
        self + (other - self) * (Self::from(hundredths) / 100.0)
    }
}

/// In whole nanoseconds. [`Duration::MAX`] stands for never: between a time and never is never.
impl Interpolate for Duration {
    fn toward(self, other: Self, hundredths: u32) -> Self {
        if hundredths == 0 {
            self
        } else if other == Self::MAX {
            other
        } else {
            self + other.saturating_sub(self) * hundredths / 100
        }
    }
}

/// Where the quantile of `values` values at `percent` is: the place of the value below it, from 0, and
/// how many hundredths on the way to the next one. `None` without values.
pub(crate) fn place(values: u64, percent: u32) -> Option<(u64, u32)> {
    let hundredths = u128::from(values.checked_sub(1)?) * u128::from(percent.min(100));
    let place = u64::try_from(hundredths / 100).ok()?;
    Some((place, u32::try_from(hundredths % 100).ok()?))
}

/// The value below which `percent` of the values lie; `None` without values. `values` must be sorted.
pub fn quantile<T: Interpolate>(values: &[T], percent: u32) -> Option<T> {
    let (place, hundredths) = place(u64::try_from(values.len()).ok()?, percent)?;
    let place = usize::try_from(place).ok()?;
    let below = *values.get(place)?;
    Some(values.get(place + 1).map_or(below, |above| below.toward(*above, hundredths)))
}

/// The middle value, or the mean of the two in the middle.
pub fn median<T: Interpolate>(values: &[T]) -> Option<T> {
    quantile(values, 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// What R 4.3 gives for `quantile(x, p, type = 7)`.
    #[test]
    fn quantiles_are_those_of_r() {
        let ten: Vec<f64> = (1..=10).map(f64::from).collect();
        let of_ten = |percent| quantile(&ten, percent);
        assert_eq!([0, 50, 100].map(of_ten), [Some(1.0), Some(5.5), Some(10.0)]);
        for (percent, expected) in [(5, 1.45), (25, 3.25), (90, 9.1), (95, 9.55), (99, 9.91)] {
            let found = of_ten(percent).expect("a value");
            assert!((found - expected).abs() < 1e-12, "{percent} %: {found}");
        }
        assert_eq!(median(&[402.0, 491.0]), Some(446.5));
        assert_eq!(median(&[1.0, 2.0, 40.0]), Some(2.0));
        assert_eq!(median(&[7.0]), Some(7.0));
        assert_eq!(median::<f64>(&[]), None);
    }

    #[test]
    fn times_are_exact_and_never_stays_never() {
        assert_eq!(median(&[millis(402), millis(491)]), Some(Duration::from_micros(446_500)));
        let half = [millis(1), millis(2), Duration::MAX, Duration::MAX];
        assert_eq!(median(&half), Some(Duration::MAX), "half of them never came so far");
        assert_eq!(quantile(&half, 33), Some(Duration::from_micros(1_990)));
        assert_eq!(median(&half[..3]), Some(millis(2)));
    }
}
