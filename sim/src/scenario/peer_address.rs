//! The addresses that peers announce: some hosts have several, of which not all can be reached.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use tidings_core::MAX_ADDRESSES;
use toml::Spanned;

use super::page::{Checked, Page};
use crate::latency::HostIndex;

/// One of the addresses in a peer's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerAddress {
    /// Where the peer listens.
    Own,
    /// Nothing answers there: the other network of a host of two, or an address behind a firewall.
    Silent,
    /// Another machine has it, on which nobody listens: a stale address.
    Refusing,
}

/// The first address of the silent ones and of the refusing ones; a peer's is as far behind it as its
/// own place. Hosts of scenarios are in 10.0.0.0/8 and 192.168.0.0/16.
const SILENT: u32 = 0x0b00_0000;
const REFUSING: u32 = 0x0c00_0000;

/// The port of all of them.
const PORT: u16 = 7000;

impl PeerAddress {
    /// The address of this kind of the host at a place, which listens at `own`.
    pub(crate) fn of(self, place: HostIndex, own: SocketAddr) -> SocketAddr {
        let first = match self {
            Self::Own => return own,
            Self::Silent => SILENT,
            Self::Refusing => REFUSING,
        };
        SocketAddr::from((Ipv4Addr::from(first + place), PORT))
    }

    /// What is behind an address of a scenario.
    pub(crate) fn kind(addr: SocketAddr) -> Self {
        let SocketAddr::V4(addr) = addr else { return Self::Own };
        match u32::from(*addr.ip()) & 0xff00_0000 {
            SILENT => Self::Silent,
            REFUSING => Self::Refusing,
            _ => Self::Own,
        }
    }

    /// Its name in scenario files.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::Silent => "silent",
            Self::Refusing => "refusing",
        }
    }
}

impl Page<'_> {
    /// The addresses of each peer: its own one, and others beside it.
    pub(super) fn peer_addresses(
        &self,
        raw: Option<&Spanned<Vec<PeerAddress>>>,
    ) -> Checked<Vec<PeerAddress>> {
        let Some(raw) = raw else { return Ok(vec![PeerAddress::Own]) };
        let addresses = raw.get_ref();
        let own = addresses.iter().filter(|it| **it == PeerAddress::Own).count();
        if own == 1 && addresses.len() <= MAX_ADDRESSES {
            return Ok(addresses.clone());
        }
        let message = format!(
            "peer_addresses: \"own\" once, and up to {} of \"silent\" and \"refusing\" beside it",
            MAX_ADDRESSES - 1
        );
        Err(self.complain(raw.span(), message))
    }
}
