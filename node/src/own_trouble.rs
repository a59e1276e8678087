//! What goes wrong on this machine itself: no file handles, ports, memory or network. It is no evidence
//! against anybody.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd as _;

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};

/// What this machine lacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OwnTrouble {
    /// File handles, or the kernel's memory. Another address would fare no better.
    NoRoom,
    /// A way: an interface, a route, an address or a port of its own, leave to send. Another address may fare
    /// better.
    NoWay,
}

/// Whether an error of the operating system is about this machine alone. `None`: it tells of another one, or
/// of nothing that is known here.
pub(crate) fn own_trouble(error: &io::Error) -> Option<OwnTrouble> {
    if error.kind() == io::ErrorKind::OutOfMemory {
        return Some(OwnTrouble::NoRoom);
    }
    if [io::ErrorKind::NetworkUnreachable, io::ErrorKind::NetworkDown].contains(&error.kind()) {
        return Some(OwnTrouble::NoWay);
    }
    let errno = Errno::from_io_error(error)?;
    let no_room = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    let no_way = [
        Errno::ADDRNOTAVAIL,
        Errno::ADDRINUSE,
        Errno::AFNOSUPPORT,
        Errno::ACCESS,
        Errno::PERM,
        Errno::AGAIN,
    ];
    if no_room.contains(&errno) {
        Some(OwnTrouble::NoRoom)
    } else {
        no_way.contains(&errno).then_some(OwnTrouble::NoWay)
    }
}

/// File handles that are kept free of connections that others open, so that this node can still dial: probes
/// of a seed node, redials, helpers. *Guess.*
const KEPT_FOR_DIALS: u64 = 16;

/// Of these, handles that are kept free of dials too: for the control socket and for files. *Guess: two
/// questions at once, a log file that is opened anew, and a folder.*
const KEPT_FOR_FILES: u64 = 6;

/// Who asks for a file handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Accepted,
    Dialed,
}

/// How many file handles this process may have now; `None` without a limit. It may change at any time.
pub(crate) fn handle_limit() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Refuses a handle that was just opened if it is one of the last ones, which are kept for others. The
/// system gives the lowest number that is free, so the number tells how many are in use.
pub(crate) fn keep_some(opened: &impl AsFd, usage: Use) -> io::Result<()> {
    let number = u64::try_from(opened.as_fd().as_raw_fd()).unwrap_or(0);
    if handle_limit().is_some_and(|limit| is_kept(number, limit, usage)) {
        return Err(io::Error::other(Kept));
    }
    Ok(())
}

/// Whether an error is that of [`keep_some`].
pub(crate) fn is_of_kept(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Kept>)
}

/// One of the last handles, which are kept for something else.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the last file handles are kept for the node's own use")]
pub(crate) struct Kept;

/// With few handles in all a quarter of them is kept.
fn is_kept(number: u64, limit: u64, usage: Use) -> bool {
    let kept = match usage {
        Use::Accepted => KEPT_FOR_DIALS.min(limit / 4),
        Use::Dialed => KEPT_FOR_FILES.min(limit / 8),
    };
    number >= limit.saturating_sub(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_this_machine_are_told_from_those_of_others() {
        for (errno, trouble) in [
            (Errno::MFILE, Some(OwnTrouble::NoRoom)),
            (Errno::NFILE, Some(OwnTrouble::NoRoom)),
            (Errno::NOBUFS, Some(OwnTrouble::NoRoom)),
            (Errno::NOMEM, Some(OwnTrouble::NoRoom)),
            (Errno::ADDRNOTAVAIL, Some(OwnTrouble::NoWay)),
            (Errno::NETDOWN, Some(OwnTrouble::NoWay)),
            (Errno::NETUNREACH, Some(OwnTrouble::NoWay)),
            (Errno::AFNOSUPPORT, Some(OwnTrouble::NoWay)),
            (Errno::PERM, Some(OwnTrouble::NoWay)),
            (Errno::CONNREFUSED, None),
            (Errno::CONNRESET, None),
            (Errno::TIMEDOUT, None),
            (Errno::HOSTUNREACH, None),
        ] {
            assert_eq!(own_trouble(&errno.into()), trouble, "{errno}");
        }
        assert_eq!(own_trouble(&io::Error::other("x")), None);
    }

    #[test]
    fn the_last_handles_are_kept() {
        for (limit, accepted, dialed) in [(1024, 1008, 1018), (40, 30, 35), (4, 3, 4)] {
            for number in 0..limit {
                assert_eq!(is_kept(number, limit, Use::Accepted), number >= accepted);
                assert_eq!(is_kept(number, limit, Use::Dialed), number >= dialed);
            }
        }
        let kept = io::Error::other(Kept);
        assert!(is_of_kept(&kept) && !is_of_kept(&io::Error::other("x")));
    }
}
