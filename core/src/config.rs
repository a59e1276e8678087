//! Every number of the protocol, with its bounds and its source.
//!
//! [`Config::classic`] is the documented network, [`Config::modern`] uses HyParView, Plumtree and SWIM with
//! Lifeguard. Each part has its own settings in its folder. A config is checked when a node is made; a wrong
//! one is refused with the field's name, its value and what is allowed.

use core::time::Duration;

pub use crate::broadcast::config::{BroadcastConfig, BroadcastKind};
pub use crate::broadcast::plumtree::config::{IHaveDirection, PlumtreeConfig};
pub use crate::detector::config::{DetectorConfig, DetectorKind};
pub use crate::detector::swim::config::{Monitor, SwimConfig};
pub use crate::links::config::LinkConfig;
pub use crate::overlay::config::{OverlayConfig, OverlayKind};
pub use crate::overlay::hyparview::config::HyParViewConfig;
pub use crate::registration::config::{DecisionMode, RegistrationConfig};
pub use crate::util::bounds::ConfigError;
use crate::util::bounds::{MINUTE, within};
use crate::wire::NetworkName;

/// Most seed nodes a peer can be given. *Choice.*
pub const MAX_SEED_NODES: usize = 64;

/// All settings of a node. Both roles take the same; each uses what concerns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Nodes of different networks refuse each other.
    pub network: NetworkName,
    /// How long a leaving node waits for its last notices to get out. 0 s to 1 min. *Assignment:
    /// Ctrl-C ends within 3 s (R33), and the driver needs a part of that.*
    pub leave_timeout: Duration,
    /// Connections and their first exchange.
    pub links: LinkConfig,
    /// Peers on the seed nodes' lists.
    pub registration: RegistrationConfig,
    /// Who links with whom.
    pub overlay: OverlayConfig,
    /// How messages spread, and for how long they can be had.
    pub broadcast: BroadcastConfig,
    /// How the dead are told from the living.
    pub detector: DetectorConfig,
}

impl Config {
    /// The documented network.
    pub fn classic() -> Self {
        Self {
            network: NetworkName::default(),
            leave_timeout: Duration::from_millis(1500),
            links: LinkConfig::classic(),
            registration: RegistrationConfig::classic(),
            overlay: OverlayConfig::classic(),
            broadcast: BroadcastConfig::classic(),
            detector: DetectorConfig::classic(),
        }
    }

    /// HyParView, Plumtree and SWIM with Lifeguard. The join is the documented one.
    pub fn modern() -> Self {
        let mut config = Self::classic();
        config.overlay.kind = OverlayKind::HyParView;
        config.broadcast.kind = BroadcastKind::Plumtree;
        config.detector.kind = DetectorKind::Swim;
        config
    }

    /// Refuses a config with a number out of its bounds.
    pub fn check(&self) -> Result<(), ConfigError> {
        within("leave_timeout", self.leave_timeout, Duration::ZERO..=MINUTE)?;
        self.links.check()?;
        self.registration.check()?;
        self.overlay.check()?;
        self.broadcast.check()?;
        self.detector.check()
    }

    /// How long an id is remembered.
    pub(crate) fn seen_age(&self) -> Duration {
        self.broadcast.store_age * 2
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn the_documented_network_is_allowed() {
        assert_eq!(Config::classic().check(), Ok(()));
        assert_eq!(Config::modern().check(), Ok(()));
    }

    #[test]
    fn a_wrong_setting_is_named_with_what_is_allowed() {
        let mut config = Config::classic();
        config.overlay.max_peers = 65;
        let error = config.check().expect_err("65 links cannot be numbered");
        assert_eq!(format!("{error}"), "max_peers = 65: allowed is 1 to 64");

        let mut config = Config::classic();
        config.overlay.max_links = 3;
        let error = config.check().expect_err("fewer links than it opens");
        assert_eq!(format!("{error}"), "max_links = 3: allowed is 4 to 64");

        let mut config = Config::classic();
        config.detector.liveness_every = Duration::ZERO;
        let error = config.check().expect_err("pinging all the time");
        assert_eq!(format!("{error}"), "liveness_every = 0ns: allowed is 100ms to 3600s");
    }
}
