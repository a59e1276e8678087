//! Dialing one node at several addresses (RFC 8305): a later address is tried beside an earlier one
//! that has not answered yet, and the first connection that stands is taken.
//!
//! Differs from RFC 8305: the order of the addresses is their owner's, and families do not alternate.
//! With four addresses the last one begins after 750 ms, whatever swallows the others.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tidings_core::{DialFailure, LinkLoss};
use tokio::select;
use tokio::time::sleep;

use super::LinkEventKind;
use crate::net::Net;
use crate::own_trouble::{OwnTrouble, is_of_kept, own_trouble};
use crate::troubles::Troubles;

/// Time until the next address is tried although the last one may still answer (RFC 8305 §5, the
/// recommended Connection Attempt Delay).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// Why an address gave no connection, the weakest evidence against the node first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Failed {
    /// This machine has no room for a connection.
    NoRoom,
    /// This machine has no way there, and nothing was tried.
    NoWay,
    /// No way there. This machine's own network may be the reason.
    Unreachable,
    /// No answer.
    TimedOut,
    /// Somebody accepted the connection, and it was reset.
    Reset,
    /// The machine answers that nobody listens.
    Refused,
}

/// Connects to the first of these addresses that answers. If none does, the weakest evidence counts:
/// a stranger at a stale address proves nothing while another address may be the node's. An address to
/// which this machine has no way, IPv6 perhaps, weakens what others say, and does not silence it; but
/// without room for a connection nothing counts. May take for
/// ever where an address swallows all attempts; the caller sets the deadline.
pub(super) async fn connect<N: Net>(
    net: &N,
    addresses: &[SocketAddr],
    troubles: &Troubles,
) -> Result<(N::Stream, SocketAddr), LinkEventKind> {
    let mut untried = addresses.iter().copied();
    let mut attempts = FuturesUnordered::new();
    let mut all: Vec<Failed> = Vec::new();
    loop {
        attempts.extend(untried.next().map(|addr| attempt(net, addr, troubles)));
        let ended = select! {
            biased;
            ended = attempts.next() => ended,
            () = sleep(ATTEMPT_DELAY), if untried.len() > 0 => continue,
        };
        match ended {
            Some(Ok(connected)) => return Ok(connected),
            // Other attempts may hang until the caller gives up, which would look like silence.
            Some(Err(Failed::NoRoom)) => return Err(Failed::NoRoom.into()),
            Some(Err(failed)) => all.push(failed),
            None => return Err(Failed::of_all(&all).into()),
        }
    }
}

async fn attempt<N: Net>(
    net: &N,
    addr: SocketAddr,
    troubles: &Troubles,
) -> Result<(N::Stream, SocketAddr), Failed> {
    match net.connect(addr).await {
        Ok(stream) => Ok((stream, addr)),
        Err(error) => {
            let failed = Failed::of(&error);
            if matches!(failed, Failed::NoRoom | Failed::NoWay) {
                troubles.not_dialed(&error);
            }
            Err(failed)
        }
    }
}

impl Failed {
    /// What all addresses say together.
    fn of_all(all: &[Self]) -> Self {
        let tried = all.iter().copied().filter(|failed| *failed != Self::NoWay).min();
        match tried {
            Some(tried) if all.contains(&Self::NoWay) => tried.min(Self::Unreachable),
            Some(tried) => tried,
            None if all.is_empty() => Self::Unreachable,
            None => Self::NoWay,
        }
    }

    fn of(error: &io::Error) -> Self {
        let kind = error.kind();
        match own_trouble(error) {
            Some(OwnTrouble::NoRoom) => return Self::NoRoom,
            Some(OwnTrouble::NoWay) => return Self::NoWay,
            None if is_of_kept(error) => return Self::NoRoom,
            None => {}
        }
        if kind == io::ErrorKind::ConnectionRefused {
            Self::Refused
        } else if kind == io::ErrorKind::ConnectionReset {
            Self::Reset
        } else if kind == io::ErrorKind::TimedOut {
            Self::TimedOut
        } else {
            Self::Unreachable
        }
    }
}

impl From<Failed> for LinkEventKind {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::NoRoom | Failed::NoWay => Self::Failed(DialFailure::NotTried),
            Failed::Unreachable => Self::Failed(DialFailure::Unreachable),
            Failed::TimedOut => Self::Failed(DialFailure::TimedOut),
            Failed::Reset => Self::Down(LinkLoss::Reset),
            Failed::Refused => Self::Failed(DialFailure::Refused),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::net::Ipv4Addr;

    use tokio::io::DuplexStream;
    use tokio::time::Instant;

    use super::*;
    use crate::net::Listener;

    /// A network in which the last byte of an address says what becomes of a dial.
    #[derive(Clone)]
    struct Scripted;

    const SWALLOWS: u8 = 1;
    const REFUSES: u8 = 2;
    const RESETS: u8 = 3;
    const NO_WAY: u8 = 4;
    const ANSWERS: u8 = 5;
    const ANSWERS_LATE: u8 = 6;
    const NO_ROOM: u8 = 7;
    const FAR_ROUTER: u8 = 8;

    struct Nobody;

    impl Listener for Nobody {
        type Stream = DuplexStream;

        async fn accept(&mut self) -> io::Result<(DuplexStream, SocketAddr)> {
            pending().await
        }

        fn local_addr(&self) -> io::Result<SocketAddr> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    impl Net for Scripted {
        type Listener = Nobody;
        type Stream = DuplexStream;

        async fn listen(&self, _: SocketAddr) -> io::Result<Nobody> {
            Ok(Nobody)
        }

        async fn connect(&self, addr: SocketAddr) -> io::Result<DuplexStream> {
            sleep(Duration::from_millis(10)).await;
            let host = addr.to_string();
            let ends_with = |kind: u8| host.ends_with(&format!(".{kind}:1"));
            if ends_with(SWALLOWS) {
                pending::<()>().await;
            } else if ends_with(REFUSES) {
                return Err(io::ErrorKind::ConnectionRefused.into());
            } else if ends_with(RESETS) {
                return Err(io::ErrorKind::ConnectionReset.into());
            } else if ends_with(NO_WAY) {
                return Err(io::ErrorKind::NetworkUnreachable.into());
            } else if ends_with(NO_ROOM) {
                return Err(io::Error::from_raw_os_error(24));
            } else if ends_with(FAR_ROUTER) {
                return Err(io::ErrorKind::HostUnreachable.into());
            } else if ends_with(ANSWERS_LATE) {
                sleep(Duration::from_millis(400)).await;
            }
            Ok(tokio::io::duplex(1).0)
        }
    }

    /// Which address was taken, or what was said of all of them, and after how many milliseconds.
    async fn dial(kinds: &[u8]) -> (Result<u8, String>, u128) {
        let addresses: Vec<SocketAddr> =
            kinds.iter().map(|kind| (Ipv4Addr::new(10, 0, 0, *kind), 1).into()).collect();
        let begun = Instant::now();
        let ended = connect(&Scripted, &addresses, &Troubles::default()).await;
        let ended = ended.map(|(_, addr)| match addr {
            SocketAddr::V4(addr) => addr.ip().octets()[3],
            SocketAddr::V6(_) => 0,
        });
        (ended.map_err(|news| format!("{news:?}")), begun.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_swallows_all_costs_a_quarter_of_a_second() {
        assert_eq!(dial(&[SWALLOWS, ANSWERS]).await, (Ok(ANSWERS), 260));
        assert_eq!(dial(&[SWALLOWS, SWALLOWS, SWALLOWS, ANSWERS]).await, (Ok(ANSWERS), 760));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_fails_at_once_costs_no_delay() {
        assert_eq!(dial(&[REFUSES, NO_WAY, ANSWERS]).await, (Ok(ANSWERS), 30));
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_goes_on_beside_the_next_one() {
        assert_eq!(dial(&[ANSWERS_LATE, SWALLOWS]).await, (Ok(ANSWERS_LATE), 410));
        assert_eq!(dial(&[ANSWERS_LATE, REFUSES]).await, (Ok(ANSWERS_LATE), 410));
    }

    #[tokio::test(start_paused = true)]
    async fn the_weakest_evidence_wins_whatever_comes_last() {
        for (kinds, news) in [
            (&[REFUSES][..], "Failed(Refused)"),
            (&[REFUSES, REFUSES], "Failed(Refused)"),
            (&[NO_WAY], "Failed(NotTried)"),
            (&[NO_WAY, NO_WAY], "Failed(NotTried)"),
            (&[NO_ROOM], "Failed(NotTried)"),
            (&[SWALLOWS, NO_ROOM], "Failed(NotTried)"),
            (&[REFUSES, NO_ROOM], "Failed(NotTried)"),
            (&[FAR_ROUTER], "Failed(Unreachable)"),
            (&[NO_WAY, RESETS], "Failed(Unreachable)"),
            (&[NO_WAY, REFUSES], "Failed(Unreachable)"),
            (&[REFUSES, NO_WAY], "Failed(Unreachable)"),
            (&[REFUSES, RESETS], "Down(Reset)"),
            (&[RESETS], "Down(Reset)"),
            (&[], "Failed(Unreachable)"),
        ] {
            assert_eq!(dial(kinds).await.0, Err(news.to_owned()), "{kinds:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_beside_silence_is_silence() {
        let all = tokio::time::timeout(Duration::from_mins(1), dial(&[SWALLOWS, REFUSES])).await;
        assert!(all.is_err(), "{all:?}");
    }
}
