//! Local health (Lifeguard §IV-A): who hears little suspects itself first, and waits longer.

use core::time::Duration;

use crate::context::Context;

/// The local health multiplier: 0 is well, `health_max` is worst.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Awareness {
    score: u32,
}

impl Awareness {
    /// A probe failed, a nack did not come, or this peer was suspected itself.
    pub(crate) fn worsen(&mut self, cx: &Context, by: u32) {
        let most = cx.config.detector.swim.health_max;
        self.score = self.score.saturating_add(by).min(most);
    }

    /// A probe was answered.
    pub(crate) const fn improve(&mut self) {
        self.score = self.score.saturating_sub(1);
    }

    /// Time between two probes: the setting x (LHM + 1).
    pub(crate) fn probe_every(self, cx: &Context) -> Duration {
        cx.config.detector.swim.probe_every.saturating_mul(self.score + 1)
    }

    /// Patience with a probe: the timeout x (LHM + 1).
    pub(crate) const fn patience(self, timeout: Duration) -> Duration {
        timeout.saturating_mul(self.score + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::testing::context;

    #[test]
    fn a_peer_that_hears_little_waits_up_to_nine_times_as_long_and_recovers() {
        let (cx, timeout) = (context(Config::modern()), Duration::from_millis(500));
        let mut awareness = Awareness::default();
        assert_eq!(awareness.patience(timeout), timeout);
        awareness.worsen(&cx, 3);
        assert_eq!(awareness.probe_every(&cx), Duration::from_secs(4));
        awareness.worsen(&cx, u32::MAX);
        assert_eq!(awareness.patience(timeout), timeout * 9);
        (0..20).for_each(|_| awareness.improve());
        assert_eq!(awareness.probe_every(&cx), Duration::from_secs(1));
    }
}
