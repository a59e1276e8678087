//! How answers write identities and times.

use std::time::Duration;

use humantime::format_duration;
use tidings_core::AddressRecord;

pub(super) fn id_of(record: &AddressRecord) -> String {
    format!("{:#}", record.subject())
}

pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// `1a2b3c4d@192.0.2.7:5000`, as in the log.
pub(super) fn who(id: &str, addr: &str) -> String {
    format!("{}@{addr}", id.get(..8).unwrap_or(id))
}

/// Whole seconds, or less when it is less.
pub(super) fn age(ms: u64) -> String {
    let time = Duration::from_millis(ms);
    let whole = if ms < 1000 { time } else { Duration::from_secs(time.as_secs()) };
    format_duration(whole).to_string()
}
