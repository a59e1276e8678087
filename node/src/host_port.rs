//! Where a node is, as people write it: a host name or an IP address, and a port.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::net::TokioNet;

/// A host, by name or by IP address, and a port. A name stands for all of its addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPort {
    host: String,
    port: u16,
}

/// A text names no host and port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostPortError {
    /// There is no port at its end.
    #[error("expected HOST:PORT, like 192.0.2.7:5000, [2001:db8::7]:5000 or seed.example.org:5000")]
    NoPort,
    /// What stands for the port is none.
    #[error("{0:?} is no port: a port is a number from 1 to 65535")]
    Port(String),
    /// What stands for the host is none.
    #[error("{0:?} is neither an IP address nor a host name")]
    Host(String),
}

impl HostPort {
    /// This host and port.
    pub fn new(host: &str, port: u16) -> Result<Self, HostPortError> {
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let is_host = bare.parse::<IpAddr>().is_ok() || (bare == host && is_name(host));
        if !is_host {
            return Err(HostPortError::Host(host.to_owned()));
        }
        if port == 0 {
            return Err(HostPortError::Port("0".to_owned()));
        }
        Ok(Self { host: bare.to_owned(), port })
    }

    /// The same with the port still as text.
    pub(crate) fn parse_parts(host: &str, port: &str) -> Result<Self, HostPortError> {
        let number = port.parse().map_err(|_not_a_port| HostPortError::Port(port.to_owned()))?;
        Self::new(host, number)
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// The address, where the host is not given by name.
    pub(crate) fn literal(&self) -> Option<SocketAddr> {
        let ip: IpAddr = self.host.parse().ok()?;
        Some(SocketAddr::new(ip, self.port))
    }

    /// Every address of the host, from the name service of the operating system.
    ///
    /// # Cancel safety
    ///
    /// Safe: the answer is looked up again by the next call.
    pub async fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let mut addresses = TokioNet.look_up(&self.host, self.port).await?;
        addresses.sort_unstable();
        addresses.dedup();
        Ok(addresses)
    }
}

/// Whether this could be a host's name: labels of letters, digits, `-` and `_`, not all digits, so
/// that a mistyped IPv4 address is not taken for a name.
fn is_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253
        && host.split('.').all(is_label)
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl FromStr for HostPort {
    type Err = HostPortError;

    fn from_str(text: &str) -> Result<Self, HostPortError> {
        let (host, port) = text.rsplit_once(':').ok_or(HostPortError::NoPort)?;
        // The colons of an IPv6 address without brackets separate no port.
        if host.contains(':') && !host.starts_with('[') {
            return Err(HostPortError::NoPort);
        }
        Self::parse_parts(host, port)
    }
}

impl From<SocketAddr> for HostPort {
    fn from(addr: SocketAddr) -> Self {
        Self { host: addr.ip().to_string(), port: addr.port() }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_read_and_written_alike() {
        for text in ["192.0.2.7:5000", "[2001:db8::7]:1", "seed-1.example.org:65535", "localhost:7"]
        {
            assert_eq!(text.parse::<HostPort>().map(|it| it.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, words) in [
            ("192.0.2.7", "expected HOST:PORT"),
            ("2001:db8::7", "expected HOST:PORT"),
            ("192.0.2.7:0", "\"0\" is no port"),
            ("192.0.2.7:70000", "\"70000\" is no port"),
            ("192.0.2.700:5000", "\"192.0.2.700\" is neither"),
            ("se ed:5000", "\"se ed\" is neither"),
            (":5000", "\"\" is neither"),
            ("[seed]:5000", "\"[seed]\" is neither"),
        ] {
            let error = text.parse::<HostPort>().expect_err(text).to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
