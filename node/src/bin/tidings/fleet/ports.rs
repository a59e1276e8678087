//! Ports for local nodes: from a first one on, whichever is free (R28).

use std::net::{Ipv4Addr, TcpListener};

use anyhow::bail;

/// Ports not handed out yet.
#[derive(Debug)]
pub(super) struct Ports {
    next: Option<u16>,
}

impl Ports {
    pub(super) const fn from(first: u16) -> Self {
        Self { next: Some(first) }
    }

    /// The next port that nobody listens on.
    pub(super) fn next_free(&mut self) -> anyhow::Result<u16> {
        while let Some(port) = self.next {
            self.next = port.checked_add(1);
            if is_free(port) {
                return Ok(port);
            }
        }
        bail!("no port is free up to 65535; give another --first-port");
    }

    /// So many different ports that nobody listens on.
    pub(super) fn some_free(&mut self, count: usize) -> anyhow::Result<Vec<u16>> {
        (0..count).map(|_| self.next_free()).collect()
    }
}

/// Whether nobody listens on a port of this machine.
pub(super) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r28_a_busy_port_is_passed_over() {
        let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = busy.local_addr().expect("bound").port();
        let mut ports = Ports::from(port);
        assert!(ports.next_free().expect("another one") > port);
        assert!(!is_free(port));
    }

    #[test]
    fn r28_after_the_last_port_there_is_none() {
        let mut ports = Ports { next: None };
        assert!(ports.next_free().is_err());
    }
}
