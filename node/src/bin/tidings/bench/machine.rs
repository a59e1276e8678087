//! What the machine gives this process: open files, and the time of its cores.

use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Open files that a peer takes at most on average: both ends of its links with neighbors and seed nodes,
/// its listener, and dials on their way.
const FILES_PER_PEER: u64 = 24;

/// Open files of everything else.
const OTHER_FILES: u64 = 256;

/// Raises this process's limit of open files as far as so many peers need, if it may.
pub(super) fn make_room(peers: usize) -> anyhow::Result<()> {
    let needed = OTHER_FILES + FILES_PER_PEER * u64::try_from(peers)?;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current.is_none_or(|current| current >= needed) {
        return Ok(());
    }
    if let Some(maximum) = maximum.filter(|maximum| *maximum < needed) {
        bail!(
            "{peers} peers need {needed} open files, and this process may have {maximum}: \
             raise the hard limit (ulimit -Hn {needed}), or measure fewer peers"
        );
    }
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum })
        .with_context(|| format!("raising the limit of open files to {needed}"))
}

/// Time that all threads of this process have spent on cores, in their own code and in the kernel.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}
