//! Where others find this node (R30): the address given, or the host's own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The addresses to announce for a node that listens on `bound`: `given` if there is one, else the
/// address it listens on, else the host's own of each family it listens on, else loopback.
pub(crate) fn announced(given: &[IpAddr], bound: SocketAddr) -> Vec<SocketAddr> {
    let ips = if !given.is_empty() {
        given.to_vec()
    } else if !bound.ip().is_unspecified() {
        vec![bound.ip()]
    } else {
        hosts_own(bound.is_ipv6())
    };
    ips.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect()
}

fn hosts_own(with_v6: bool) -> Vec<IpAddr> {
    let v4 = source_towards(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    let far_v6 = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let v6 = source_towards(Ipv6Addr::UNSPECIFIED.into(), far_v6.into()).filter(|_| with_v6);
    let own: Vec<IpAddr> = [v4, v6].into_iter().flatten().collect();
    if own.is_empty() { vec![Ipv4Addr::LOCALHOST.into()] } else { own }
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
        assert_eq!(announced(&[given], anywhere), [SocketAddr::new(given, 5000)]);
        let loopback = SocketAddr::from(([127, 0, 0, 1], 5000));
        assert_eq!(announced(&[], loopback), [loopback]);
    }

    #[test]
    fn the_hosts_own_address_can_be_dialed() {
        for anywhere in ["0.0.0.0:5000", "[::]:5000"] {
            let own = announced(&[], anywhere.parse().expect("an address"));
            assert!(!own.is_empty() && own.iter().all(|addr| !addr.ip().is_unspecified()));
        }
    }
}
