//! How many files this process may open at a time. A connection is one of them.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// How many it may open now; none without a limit.
pub(crate) fn current() -> Option<u64> {
    getrlimit(Resource::Nofile).current
}

/// Raises the limit as far as this process may: often from 1,024 to a million. Returns what it is now.
pub(crate) fn raise() -> io::Result<Option<u64>> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum {
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    }
    Ok(maximum)
}
