//! Where others find this node (R30): the address given, or the host's own.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;
use std::time::Duration;

use tokio::select;
use tokio::time::sleep;

use crate::announcement::Announcement;
use crate::handle::NodeHandle;
use crate::seed_lookup::LostLinks;
use crate::troubles::Troubles;

/// How long addresses may take to settle after a link was lost.
const PAUSE: Duration = Duration::from_secs(2);

/// Time until they are looked at although no link was lost.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// An address at which others find a node: an IP address, and a port where that is another one than the node
/// listens on, because it is published or forwarded (`docker -p 15000:5000`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicAddr {
    ip: IpAddr,
    port: Option<u16>,
}

/// A text is neither an IP address nor one with a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected IP or IP:PORT, like 192.0.2.7, 192.0.2.7:15000, 2001:db8::7 or [2001:db8::7]:15000, \
         with a port from 1 to 65535"
)]
pub struct PublicAddrError;

impl FromStr for PublicAddr {
    type Err = PublicAddrError;

    fn from_str(text: &str) -> Result<Self, PublicAddrError> {
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(ip.into());
        }
        let addr: SocketAddr = text.parse().map_err(|_neither| PublicAddrError)?;
        if addr.port() == 0 { Err(PublicAddrError) } else { Ok(addr.into()) }
    }
}

/// With the port that the node listens on.
impl From<IpAddr> for PublicAddr {
    fn from(ip: IpAddr) -> Self {
        Self { ip, port: None }
    }
}

/// With the port that the node listens on.
impl From<Ipv4Addr> for PublicAddr {
    fn from(ip: Ipv4Addr) -> Self {
        IpAddr::V4(ip).into()
    }
}

/// With the port that the node listens on.
impl From<Ipv6Addr> for PublicAddr {
    fn from(ip: Ipv6Addr) -> Self {
        IpAddr::V6(ip).into()
    }
}

/// With the port that the node listens on.
impl From<[u8; 4]> for PublicAddr {
    fn from(ip: [u8; 4]) -> Self {
        IpAddr::from(ip).into()
    }
}

impl From<SocketAddr> for PublicAddr {
    fn from(addr: SocketAddr) -> Self {
        Self { ip: addr.ip(), port: Some(addr.port()) }
    }
}

impl fmt::Display for PublicAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => SocketAddr::new(self.ip, port).fmt(f),
            None => self.ip.fmt(f),
        }
    }
}

/// The addresses to announce for a node that listens on `bound`: `given` if there is one, else the
/// address it listens on, else the host's own of each family it listens on, else loopback.
pub(crate) fn announced(given: &[PublicAddr], bound: SocketAddr) -> Vec<SocketAddr> {
    let own_port = bound.port();
    let with_port = |addr: &PublicAddr| SocketAddr::new(addr.ip, addr.port.unwrap_or(own_port));
    if !given.is_empty() {
        return given.iter().map(with_port).collect();
    }
    let ips = if bound.ip().is_unspecified() {
        let own = hosts_own(bound.is_ipv6());
        if own.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { own }
    } else {
        vec![bound.ip()]
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect()
}

/// A node's own addresses.
#[derive(Debug)]
pub(crate) struct Own<'a> {
    pub(crate) given: &'a [PublicAddr],
    /// Where it listens.
    pub(crate) bound: SocketAddr,
    /// What it tells others now.
    pub(crate) announced: Vec<SocketAddr>,
    /// The file that has the first of them.
    pub(crate) file: Option<&'a Announcement>,
}

/// Looks at the host's addresses again when links were lost, and now and then, and has the node announce others,
/// until the node has stopped. Addresses that were given, or that the node listens on alone, stay.
pub(crate) async fn keep_announced(
    own: Own<'_>,
    node: NodeHandle,
    (lost, troubles): (&LostLinks, &Troubles),
) {
    let Own { given, bound, mut announced, file } = own;
    if !given.is_empty() || !bound.ip().is_unspecified() {
        return;
    }
    if announced.iter().all(|addr| addr.ip().is_loopback()) {
        note_no_address(troubles);
    }
    loop {
        select! {
            biased;
            () = lost.link_lost.notified() => sleep(PAUSE).await,
            () = sleep(LOOK_AGAIN) => {}
        }
        let own = hosts_own(bound.is_ipv6());
        let own: Vec<SocketAddr> =
            own.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect();
        // Without a network there is nothing to tell others.
        if own.is_empty() {
            note_no_address(troubles);
        }
        if own.is_empty() || own == announced {
            continue;
        }
        announced.clone_from(&own);
        let first = own[0];
        if node.set_addresses(own).await.is_err() {
            return;
        }
        if let Some(file) = file {
            file.renew(first, troubles).await;
        }
    }
}

fn note_no_address(troubles: &Troubles) {
    let what = "this host has no address that others can dial: announced is what it had, or 127.0.0.1 (--ip)";
    troubles.note("no_own_address", what.to_owned());
}

/// The host's own address of each family; none without a network.
fn hosts_own(with_v6: bool) -> Vec<IpAddr> {
    let v4 = source_towards(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    let far_v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let v6 = source_towards(Ipv6Addr::UNSPECIFIED.into(), far_v6.into()).filter(|_| with_v6);
    [v4, v6].into_iter().flatten().collect()
}

/// The address that the host would send from towards `far`, an address for documentation. The
/// routing table is asked; nothing is sent.
fn source_towards(any: IpAddr, far: IpAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((far, 9)).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_unspecified()).then_some(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_address_comes_first_and_a_bound_one_second() {
        let given = IpAddr::from([10, 0, 0, 7]);
        let anywhere = SocketAddr::from(([0, 0, 0, 0], 5000));
        assert_eq!(announced(&[given.into()], anywhere), [SocketAddr::new(given, 5000)]);
        let published = SocketAddr::from(([192, 0, 2, 7], 15000));
        let both = announced(&[given.into(), published.into()], anywhere);
        assert_eq!(both, [SocketAddr::new(given, 5000), published]);
        let loopback = SocketAddr::from(([127, 0, 0, 1], 5000));
        assert_eq!(announced(&[], loopback), [loopback]);
    }

    #[test]
    fn a_public_address_is_read_as_it_is_written() {
        for text in ["192.0.2.7", "192.0.2.7:15000", "2001:db8::7", "[2001:db8::7]:15000"] {
            let read = text.parse::<PublicAddr>().map(|addr| addr.to_string());
            assert_eq!(read, Ok(text.to_owned()));
        }
        for text in ["", "192.0.2", "192.0.2.7:0", "192.0.2.7:70000", "[2001:db8::7]", "host:1"] {
            assert_eq!(text.parse::<PublicAddr>(), Err(PublicAddrError), "{text}");
        }
    }

    #[test]
    fn the_hosts_own_address_can_be_dialed() {
        for anywhere in ["0.0.0.0:5000", "[::]:5000"] {
            let own = announced(&[], anywhere.parse().expect("an address"));
            assert!(!own.is_empty() && own.iter().all(|addr| !addr.ip().is_unspecified()));
        }
    }
}
