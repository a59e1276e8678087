//! Settings of the detector.

use core::time::Duration;

use crate::detector::swim::config::SwimConfig;
use crate::util::bounds::{ConfigError, HOUR, MINUTE, SECOND, within};

/// How a peer tells whether a neighbor lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetectorKind {
    /// By a ping on the link, which the process must answer. *Assignment (R14, R15).*
    Strikes,
    /// By a TCP connection, which the neighbor's kernel accepts. *Assignment (R16).*
    Connect,
    /// By probes, direct and through others, and a suspicion that the suspect can refute. *SWIM (DSN
    /// 2002), Lifeguard (DSN-W 2018).*
    Swim,
}

/// Settings of the detector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectorConfig {
    /// How a peer tells whether a neighbor lives.
    pub kind: DetectorKind,
    /// How often each neighbor is pinged, or connected to. 100 ms to 1 h. *Assignment: 13 s (R14).*
    pub liveness_every: Duration,
    /// An answer after this time is no answer. 10 ms to `liveness_every`. *Choice: 3 s.*
    pub answer_timeout: Duration,
    /// Strikes in a row that make a death report. 1 to 16. *Assignment: 3 (R17).*
    pub misses: u8,
    /// Pause before a lost neighbor is redialed first; it doubles each time. 10 ms to 1 min.
    /// *Choice: 1, 2, 4 s.*
    pub redial_after: Duration,
    /// Settings of the detector `swim`, which has its own instead of `liveness_every`,
    /// `answer_timeout` and `misses`.
    pub swim: SwimConfig,
}

impl DetectorConfig {
    /// As documented.
    pub(crate) fn classic() -> Self {
        Self {
            kind: DetectorKind::Strikes,
            liveness_every: 13 * SECOND,
            answer_timeout: 3 * SECOND,
            misses: 3,
            redial_after: SECOND,
            swim: SwimConfig::modern(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let millis = Duration::from_millis;
        within("liveness_every", self.liveness_every, millis(100)..=HOUR)?;
        within("answer_timeout", self.answer_timeout, millis(10)..=self.liveness_every)?;
        within("misses", self.misses, 1..=16)?;
        within("redial_after", self.redial_after, millis(10)..=MINUTE)?;
        self.swim.check()
    }
}
