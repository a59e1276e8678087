//! What the machine gives this process: open files, and the time of its cores.

use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rustix::time::{ClockId, clock_gettime};

use crate::file_limit;

/// Open files that a peer takes at most on average: both ends of its links with neighbors and seed nodes,
/// its listener, and dials on their way.
const FILES_PER_PEER: u64 = 24;

/// Open files of everything else.
const OTHER_FILES: u64 = 256;

/// Raises this process's limit of open files as far as so many peers need, if it may.
pub(super) fn make_room(peers: usize) -> anyhow::Result<()> {
    let needed = OTHER_FILES + FILES_PER_PEER * u64::try_from(peers)?;
    if file_limit::current().is_none_or(|current| current >= needed) {
        return Ok(());
    }
    let raised = file_limit::raise().context("raising the limit of open files")?;
    if let Some(maximum) = raised.filter(|maximum| *maximum < needed) {
        bail!(
            "{peers} peers need {needed} open files, and this process may have {maximum}: \
             raise the hard limit (ulimit -Hn {needed}), or measure fewer peers"
        );
    }
    Ok(())
}

/// What memory this process held before it measured anything.
static EMPTY: OnceLock<Option<u64>> = OnceLock::new();

/// Notes that nothing has been started yet.
pub(super) fn note_empty() {
    EMPTY.get_or_init(resident);
}

/// Bytes of memory that this process has grown by since; none where the system does not say.
pub(super) fn grown() -> Option<u64> {
    let empty = (*EMPTY.get()?)?;
    Some(resident()?.saturating_sub(empty))
}

fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024)
}

/// Time that all threads of this process have spent on cores, in their own code and in the kernel.
pub(super) fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(time.tv_nsec.unsigned_abs())
}
