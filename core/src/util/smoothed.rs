//! A time that is measured again and again: its mean and how far it strays, as RFC 6298 §2 has them for
//! round trips. In microseconds, by integer arithmetic.

use core::time::Duration;

/// The mean of a time and its mean deviation, smoothed over the last few samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Smoothed {
    /// 0 before the first sample.
    mean_us: u32,
    deviation_us: u32,
}

impl Smoothed {
    /// No sample yet.
    pub(crate) const fn none() -> Self {
        Self { mean_us: 0, deviation_us: 0 }
    }

    /// One more sample; the first one is the mean, and half of it the deviation.
    pub(crate) fn add(&mut self, sample: Duration) {
        let sample = u32::try_from(sample.as_micros()).unwrap_or(u32::MAX).max(1);
        if self.mean_us == 0 {
            *self = Self { mean_us: sample, deviation_us: sample / 2 };
            return;
        }
        self.deviation_us = moved(self.deviation_us, self.mean_us.abs_diff(sample), 4);
        self.mean_us = moved(self.mean_us, sample, 8).max(1);
    }

    /// What nearly no sample exceeds: the mean and four deviations. `None` before the first sample.
    pub(crate) fn bound(self) -> Option<Duration> {
        let us = u64::from(self.mean_us) + 4 * u64::from(self.deviation_us);
        (self.mean_us > 0).then(|| Duration::from_micros(us))
    }
}

/// `old`, moved by a part of the way to `new`. It arrives: the last step is rounded towards `new`.
fn moved(old: u32, new: u32, part: u32) -> u32 {
    let step = old.abs_diff(new).div_ceil(part);
    if new < old { old - step } else { old + step }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(samples: &[u64]) -> Smoothed {
        let mut smoothed = Smoothed::default();
        for us in samples {
            smoothed.add(Duration::from_micros(*us));
        }
        smoothed
    }

    #[test]
    fn the_first_sample_is_the_mean_and_half_of_it_the_deviation() {
        assert_eq!(of(&[]).bound(), None);
        assert_eq!(of(&[1000]), Smoothed { mean_us: 1000, deviation_us: 500 });
        assert_eq!(of(&[1000]).bound(), Some(Duration::from_millis(3)));
    }

    #[test]
    fn later_samples_move_them_by_an_eighth_and_a_quarter() {
        assert_eq!(of(&[1000, 1800]), Smoothed { mean_us: 1100, deviation_us: 575 });
        assert_eq!(of(&[1000, 200]), Smoothed { mean_us: 900, deviation_us: 575 });
    }

    #[test]
    fn what_never_changes_has_no_deviation() {
        assert_eq!(of(&[5000; 64]).bound(), Some(Duration::from_millis(5)));
        assert_eq!(of(&[u64::MAX, 0]).bound().map(|it| it.as_secs() > 1), Some(true));
    }
}
