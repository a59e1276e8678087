//! The seed nodes that settings name, and how many they are. Settings name hosts, hosts have addresses, and
//! votes and registrations are of nodes: one node may have several addresses, and one name may stand for
//! several nodes.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::config::{ConfigError, MAX_SEED_NODES};
use crate::id::NodeId;
use crate::util::bounds::within;

/// The seed nodes of a node's settings: hosts with the addresses that they have now, and names of which
/// none is known yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedSeedNodes {
    /// No address is in two of them.
    hosts: Vec<Vec<SocketAddr>>,
    not_found: usize,
}

impl NamedSeedNodes {
    /// These hosts, each with its addresses; one without any is a name that was not found. An address that
    /// several hosts have counts for the first one. Loopback addresses of one port are one host, for they are
    /// one machine.
    pub fn new(named: impl IntoIterator<Item = Vec<SocketAddr>>) -> Self {
        let mut all = Self::default();
        let mut seen = BTreeSet::new();
        for addresses in named {
            if addresses.is_empty() {
                all.not_found += 1;
                continue;
            }
            let new: Vec<SocketAddr> =
                addresses.into_iter().filter(|addr| seen.insert(*addr)).collect();
            match all.hosts.iter_mut().find(|host| are_one_machine(host, &new)) {
                Some(host) => host.extend(new),
                None if new.is_empty() => {}
                None => all.hosts.push(new),
            }
        }
        all
    }

    /// Every address, once.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.hosts.iter().flatten().copied()
    }

    /// Addresses, and names without one.
    pub fn len(&self) -> usize {
        self.addresses().count() + self.not_found
    }

    /// Whether nothing is named.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many names have no address.
    pub const fn not_found(&self) -> usize {
        self.not_found
    }

    /// Refuses more than [`MAX_SEED_NODES`] and fewer than `least`.
    pub(crate) fn check(&self, least: usize) -> Result<(), ConfigError> {
        within("seed nodes", self.len(), least..=MAX_SEED_NODES)
    }

    /// Every address with the number of its host.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, SocketAddr)> + '_ {
        let hosts = self.hosts.iter().enumerate();
        hosts.flat_map(|(host, addresses)| addresses.iter().map(move |addr| (host, *addr)))
    }
}

fn are_one_machine(some: &[SocketAddr], others: &[SocketAddr]) -> bool {
    let mut pairs = some.iter().flat_map(|a| others.iter().map(move |b| (a, b)));
    let is_loopback = |addr: &SocketAddr| addr.ip().is_loopback();
    pairs.all(|(a, b)| is_loopback(a) && is_loopback(b) && a.port() == b.port())
        && !others.is_empty()
}

/// Each address as a host of its own.
impl From<&[SocketAddr]> for NamedSeedNodes {
    fn from(addresses: &[SocketAddr]) -> Self {
        Self::new(addresses.iter().map(|addr| alloc::vec![*addr]))
    }
}

impl From<Vec<SocketAddr>> for NamedSeedNodes {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Self::from(&addresses[..])
    }
}

impl FromIterator<SocketAddr> for NamedSeedNodes {
    fn from_iter<I: IntoIterator<Item = SocketAddr>>(addresses: I) -> Self {
        Self::new(addresses.into_iter().map(|addr| alloc::vec![addr]))
    }
}

/// Who was found at an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Met {
    /// Nobody answered as yet.
    #[default]
    Nobody,
    /// This seed node; for a seed node's own address itself.
    SeedNode(NodeId),
    /// Somebody who is none of the other seed nodes. The address does not count.
    Stranger,
}

impl Met {
    pub(crate) const fn node(self) -> Option<NodeId> {
        match self {
            Self::SeedNode(node) => Some(node),
            Self::Nobody | Self::Stranger => None,
        }
    }
}

/// One address, as it counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) host: usize,
    pub(crate) addr: SocketAddr,
    pub(crate) met: Met,
}

/// How many seed nodes there are, `me` included if it is one: identities that were met, each once; for a
/// host of which some addresses were not, as many more as it has addresses of one family; and one for each
/// name that was not found. That is never less than there are, so a quorum is never too small.
pub(crate) fn count(places: &[Place], not_found: usize, me: Option<NodeId>) -> usize {
    let mut met: BTreeSet<NodeId> = places.iter().filter_map(|place| place.met.node()).collect();
    met.extend(me);
    let hosts: BTreeSet<usize> = places.iter().map(|place| place.host).collect();
    let unmet: usize = hosts.into_iter().map(|host| unmet_at(places, host)).sum();
    met.len() + unmet + not_found
}

/// How many seed nodes of a host were not met. Each of its nodes may have an address of either family, so
/// the family that tells of more of them counts.
fn unmet_at(places: &[Place], host: usize) -> usize {
    let its = |place: &&Place| place.host == host && place.met != Met::Stranger;
    let met = |place: &Place| place.met.node();
    let of_family = |is_v6: bool| {
        let family = || places.iter().filter(its).filter(|place| place.addr.is_ipv6() == is_v6);
        let known: BTreeSet<NodeId> = family().filter_map(met).collect();
        known.len() + family().filter(|place| place.met == Met::Nobody).count()
    };
    let known: BTreeSet<NodeId> = places.iter().filter(its).filter_map(met).collect();
    of_family(false).max(of_family(true)).saturating_sub(known.len())
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    const ME: NodeId = NodeId::new([1; 32]);
    const OTHER: NodeId = NodeId::new([2; 32]);
    const THIRD: NodeId = NodeId::new([3; 32]);
    const NOBODY: Met = Met::Nobody;

    fn v4(n: u8) -> SocketAddr {
        ([192, 0, 2, n], 5000).into()
    }

    fn v6(n: u16) -> SocketAddr {
        ([0x2001, 0xdb8, 0, 0, 0, 0, 0, n], 5000).into()
    }

    fn counted(places: &[(usize, SocketAddr, Met)], not_found: usize) -> usize {
        let place = |&(host, addr, met)| Place { host, addr, met };
        let places: Vec<Place> = places.iter().map(place).collect();
        count(&places, not_found, Some(ME))
    }

    #[test]
    fn a_node_that_was_met_counts_once() {
        let [me, other, third] = [ME, OTHER, THIRD].map(Met::SeedNode);
        let addresses = [v4(1), v6(1), v4(2), v6(2), v4(3), v6(3)];
        let places = |met: [Met; 6]| -> Vec<(usize, SocketAddr, Met)> {
            addresses.into_iter().zip(met).enumerate().map(|(n, (a, m))| (n, a, m)).collect()
        };
        let none = places([me, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY]);
        assert_eq!(counted(&none, 0), 6, "five addresses may be five others");
        assert_eq!(counted(&places([me, me, other, NOBODY, third, NOBODY]), 0), 5);
        assert_eq!(counted(&places([me, me, other, other, third, third]), 0), 3);
        assert_eq!(counted(&places([me, me, other, other, Met::Stranger, NOBODY]), 0), 3);
    }

    #[test]
    fn a_name_counts_for_as_many_as_it_has_addresses_of_one_family() {
        let [other, third] = [OTHER, THIRD].map(Met::SeedNode);
        assert_eq!(counted(&[(0, v4(2), NOBODY), (0, v6(2), NOBODY)], 0), 2, "me and one more");
        assert_eq!(counted(&[(0, v4(2), other), (0, v6(2), NOBODY)], 0), 2);
        let pods = |met: [Met; 4]| {
            let [a, b, c, d] = met;
            [(0, v4(2), a), (0, v4(3), b), (0, v6(2), c), (0, v6(3), d)]
        };
        assert_eq!(counted(&pods([NOBODY; 4]), 0), 3);
        assert_eq!(counted(&pods([other, NOBODY, NOBODY, NOBODY]), 0), 3);
        assert_eq!(counted(&pods([other, NOBODY, NOBODY, third]), 0), 3);
        assert_eq!(counted(&pods([other, third, third, other]), 0), 3);
        let own = Met::SeedNode(ME);
        assert_eq!(counted(&[(0, v4(1), own), (0, v4(2), NOBODY), (0, v4(3), NOBODY)], 0), 3);
    }

    #[test]
    fn what_was_not_found_counts() {
        assert_eq!(counted(&[], 2), 3);
        assert_eq!(counted(&[(0, v4(2), Met::SeedNode(OTHER))], 1), 3);
    }

    #[test]
    fn loopback_of_both_families_is_one_host() {
        let addr = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let [a, b, c, d] = ["127.0.0.1:5", "[::1]:5", "127.0.0.1:6", "127.0.0.7:5"].map(addr);
        let named = NamedSeedNodes::from(vec![a, b, c, d, v4(1)]);
        let hosts: Vec<usize> = named.places().map(|(host, _)| host).collect();
        assert_eq!(hosts, [0, 0, 0, 1, 2]);
        let places: Vec<_> = named.places().map(|(host, addr)| (host, addr, NOBODY)).collect();
        assert_eq!(counted(&places, 0), 1 + 4, "two IPv4 addresses may be of two nodes");
    }

    #[test]
    fn an_address_belongs_to_one_host() {
        let named = NamedSeedNodes::new([vec![v4(1), v6(1)], vec![v4(1)], vec![], vec![v4(2)]]);
        assert_eq!((named.len(), named.not_found()), (4, 1));
        let places: Vec<_> = named.places().collect();
        assert_eq!(places, [(0, v4(1)), (0, v6(1)), (1, v4(2))]);
        assert_eq!(NamedSeedNodes::from(vec![v4(1), v4(1), v4(2)]).len(), 2);
    }
}
