//! Settings of the overlay.

use core::time::Duration;

use crate::overlay::hyparview::config::HyParViewConfig;
use crate::util::bounds::{ConfigError, HOUR, MAX_LINKS, SECOND, within};

/// Whom a peer opens its links to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlayKind {
    /// Peers that it draws from all it knows. *Assignment (R7).*
    Random,
    /// Those that the seed nodes' lists name first. The seed nodes draw the lists by weights, so
    /// that the degrees follow a power law with exponent 3. *Assignment (R8).*
    PowerLaw,
    /// A few of those that random walks and shuffles make known, by links that both ends want.
    /// *HyParView (DSN 2007).*
    HyParView,
}

/// Settings of the overlay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverlayConfig {
    /// Whom a peer opens its links to. All nodes of a network should have the same: the seed nodes
    /// order their lists by it, the peers read them by it.
    pub kind: OverlayKind,
    /// Links a peer opens. 1 to 64. *Assignment: 4 (R7).*
    pub max_peers: usize,
    /// Links a peer has in all. `max_peers` to 64. *Choice: 64.*
    pub max_links: usize,
    /// How often a peer takes a fresh sample and replaces a link. 1 s to 1 h. *Choice: 30 s.*
    pub refresh: Duration,
    /// How soon a peer without any link tries again. 10 ms to 1 h. *Guess.*
    pub isolated_retry: Duration,
    /// How long a peer leaves somebody alone that was busy or did not answer. 0 s to 1 h. *Guess.*
    pub cooldown: Duration,
    /// Peers known by record. 1 to 65,536. *docs/threats.md: 4,096.*
    pub known_max: usize,
    /// Settings of the overlay `hyparview`, which has its own instead of `max_peers`, `refresh` and
    /// `known_max`.
    pub hyparview: HyParViewConfig,
}

impl OverlayConfig {
    /// As documented.
    pub(crate) fn classic() -> Self {
        Self {
            kind: OverlayKind::Random,
            max_peers: 4,
            max_links: 64,
            refresh: 30 * SECOND,
            isolated_retry: 2 * SECOND,
            cooldown: 10 * SECOND,
            known_max: 4096,
            hyparview: HyParViewConfig::modern(),
        }
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        within("max_peers", self.max_peers, 1..=MAX_LINKS)?;
        within("max_links", self.max_links, self.max_peers..=MAX_LINKS)?;
        within("refresh", self.refresh, SECOND..=HOUR)?;
        within("isolated_retry", self.isolated_retry, Duration::from_millis(10)..=HOUR)?;
        within("cooldown", self.cooldown, Duration::ZERO..=HOUR)?;
        within("known_max", self.known_max, 1..=65_536)?;
        self.hyparview.check()
    }
}
