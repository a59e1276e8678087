//! Whether degrees follow a power law: its exponent by maximum likelihood, for whole numbers, and the
//! value from which on it holds as the one where the fit is nearest to the data (Clauset, Shalizi and
//! Newman, *Power-law distributions in empirical data*, SIAM Review 51, 2009, §3: equations 3.5 and
//! 3.9).

/// Fewest values that a fit is made of.
const MIN_TAIL: u64 = 50;

/// Fewest different values: a line through fewer says nothing.
const MIN_VALUES: usize = 6;

/// Exponents that are looked at. Below 1 there is no such distribution.
const EXPONENTS: (f64, f64) = (1.01, 10.0);

/// A power law, p(x) proportional to x^-exponent from `x_min` on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PowerLaw {
    /// The exponent.
    pub exponent: f64,
    /// The least value that follows it.
    pub x_min: u64,
    /// Values from there on.
    pub tail: u64,
    /// Largest distance between the distribution functions of data and fit (Kolmogorov-Smirnov).
    pub distance: f64,
}

impl PowerLaw {
    /// The share of the values from `x_min` on that are at least `x`.
    pub fn share_from(&self, x: f64) -> f64 {
        hurwitz_zeta(self.exponent, x) / hurwitz_zeta(self.exponent, float(self.x_min))
    }
}

/// The power law nearest to these (value, count) pairs, in rising order of the values; `None` with
/// too few of them.
pub fn fit(counts: &[(u64, u64)]) -> Option<PowerLaw> {
    let positive: Vec<(u64, u64)> =
        counts.iter().copied().filter(|(value, _)| *value > 0).collect();
    let starts = 0..positive.len().saturating_sub(MIN_VALUES - 1);
    let fits = starts.filter_map(|start| fit_tail(&positive[start..]));
    fits.min_by(|a, b| a.distance.total_cmp(&b.distance))
}

/// The fit of all of these values.
fn fit_tail(tail: &[(u64, u64)]) -> Option<PowerLaw> {
    let (x_min, _) = *tail.first()?;
    let total: u64 = tail.iter().map(|(_, count)| count).sum();
    if total < MIN_TAIL {
        return None;
    }
    let logs: f64 =
        tail.iter().map(|(value, count)| float(*count) * libm::log(float(*value))).sum();
    let likelihood = |exponent: f64| {
        -float(total) * libm::log(hurwitz_zeta(exponent, float(x_min))) - exponent * logs
    };
    let exponent = maximum(likelihood, EXPONENTS);
    let mut law = PowerLaw { exponent, x_min, tail: total, distance: 0.0 };
    let mut left = total;
    for (value, count) in tail {
        let found = float(left) / float(total);
        law.distance = law.distance.max((found - law.share_from(float(*value))).abs());
        left -= count;
    }
    Some(law)
}

/// Where a function with one maximum has it, by golden section.
fn maximum(function: impl Fn(f64) -> f64, (mut low, mut high): (f64, f64)) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_895;
    for _ in 0..60 {
        let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        if function(left) < function(right) {
            low = left;
        } else {
            high = right;
        }
    }
    low.midpoint(high)
}

/// The sum of (q + k)^-s over all k from 0 on, by Euler and Maclaurin: for s above 1 and q of at
/// least 1 exact to ten digits.
fn hurwitz_zeta(s: f64, q: f64) -> f64 {
    const TERMS: u32 = 16;
    let sum: f64 = (0..TERMS).map(|k| libm::pow(q + f64::from(k), -s)).sum();
    let end = q + f64::from(TERMS);
    let last = libm::pow(end, -s);
    let third = s * (s + 1.0) * (s + 2.0) * last / (end * end * end);
    sum + last * end / (s - 1.0) + last / 2.0 + s * last / (12.0 * end) - third / 720.0
}

#[expect(clippy::cast_precision_loss, clippy::as_conversions, reason = "far below 2^52")]
fn float(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::as_conversions,
    reason = "counts of a made distribution"
)]
mod tests {
    use super::*;

    /// So many values as a power law has them from 4 on, and as many of each below.
    fn made(exponent: f64) -> Vec<(u64, u64)> {
        let share = |x: u64| libm::pow(float(x), -exponent) / hurwitz_zeta(exponent, 4.0);
        let from_four = (4..=5_000).map(|x| (x, (1e6 * share(x)).round() as u64));
        [(1, 1_000), (2, 1_000), (3, 1_000)].into_iter().chain(from_four).collect()
    }

    #[test]
    fn a_known_power_law_is_found() {
        for exponent in [2.2, 3.0, 3.7] {
            let law = fit(&made(exponent)).expect("a fit");
            assert_eq!(law.x_min, 4, "{law:?}");
            assert!((law.exponent - exponent).abs() < 0.02, "{exponent}: {law:?}");
        }
    }

    #[test]
    fn what_is_no_power_law_is_far_from_one() {
        let binomial = [1, 8, 28, 56, 70, 56, 28, 8, 1].map(|count| count * 1_000);
        let counts: Vec<(u64, u64)> = (5..).zip(binomial).collect();
        let law = fit(&counts[..8]).expect("a fit");
        let known = fit(&made(3.0)).expect("a fit");
        assert!(law.distance > 10.0 * known.distance, "{law:?} {known:?}");
    }

    #[test]
    fn few_values_make_no_fit() {
        assert_eq!(fit(&[]), None);
        assert_eq!(fit(&[(3, 1_000), (4, 100)]), None);
        assert_eq!(fit(&[(1, 4), (2, 3), (3, 2), (4, 1), (5, 1), (6, 1)]), None);
    }

    #[test]
    fn the_zeta_function_has_its_known_values() {
        let pi = core::f64::consts::PI;
        assert!((hurwitz_zeta(2.0, 1.0) - pi * pi / 6.0).abs() < 1e-10);
        assert!((hurwitz_zeta(4.0, 1.0) - libm::pow(pi, 4.0) / 90.0).abs() < 1e-10);
        assert!(
            (hurwitz_zeta(3.0, 5.0) - (1.202_056_903_159_594 - 1.177_662_037_037_037)).abs()
                < 1e-10
        );
    }
}
