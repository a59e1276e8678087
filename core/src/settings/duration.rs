//! Durations as people write them: `200ms`, `30s`, `1h 30m`. The forms, the units and the text
//! written are those of the crate `humantime`, which needs `std`.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::time::Duration;

/// What is wrong with a text that is no duration.
const EXPECTED: &str = "a duration is a number with its unit: 200ms, 30s, 5m";

const SECOND: u128 = 1_000_000_000;
const DAY: u128 = 86_400 * SECOND;

/// Names of units, and their nanoseconds. Months and years are means.
const UNITS: &[(&[&str], u128)] = &[
    (&["ns", "nsec", "nanos"], 1),
    (&["us", "µs", "usec"], 1_000),
    (&["ms", "msec", "millis"], 1_000_000),
    (&["s", "sec", "secs", "second", "seconds"], SECOND),
    (&["m", "min", "mins", "minute", "minutes"], 60 * SECOND),
    (&["h", "hr", "hrs", "hour", "hours"], 3_600 * SECOND),
    (&["d", "day", "days"], DAY),
    (&["w", "wk", "wks", "week", "weeks"], 7 * DAY),
    (&["M", "month", "months"], 2_630_016 * SECOND),
    (&["y", "yr", "yrs", "year", "years"], 31_557_600 * SECOND),
];

/// Reads `200ms`, `30s`, `0.5s`, `1h 30m`.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    nanos(text).and_then(from_nanos).ok_or_else(|| EXPECTED.to_string())
}

/// Writes a duration so that [`parse_duration`] reads it back: `1h 30m`, `1s 500ms`.
pub fn format_duration(duration: Duration) -> String {
    if duration.is_zero() {
        return "0s".to_string();
    }
    let mut rest = duration.as_nanos();
    let mut parts = Vec::new();
    for (unit, has_plural) in [
        ("year", true),
        ("month", true),
        ("day", true),
        ("h", false),
        ("m", false),
        ("s", false),
        ("ms", false),
        ("us", false),
        ("ns", false),
    ] {
        let Some(size) = size_of_unit(unit) else { continue };
        let (count, less) = (rest / size, rest % size);
        rest = less;
        if count > 0 {
            let plural = if has_plural && count > 1 { "s" } else { "" };
            parts.push(format!("{count}{unit}{plural}"));
        }
    }
    parts.join(" ")
}

/// The sum of all parts of a text; `None` if it is no duration.
fn nanos(text: &str) -> Option<u128> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    let mut sum = 0_u128;
    while !rest.is_empty() {
        let (number, after) = split(rest, |c| !c.is_ascii_digit() && c != '.');
        let (unit, after) = split(after.trim_start(), |c| c.is_ascii_digit() || c.is_whitespace());
        sum = sum.checked_add(part(number, size_of_unit(unit)?)?)?;
        rest = after.trim_start();
    }
    Some(sum)
}

/// `1.5` of a unit of so many nanoseconds. Fractions of a nanosecond are no durations.
fn part(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole = whole.parse::<u64>().ok()?;
    let digits = u32::try_from(fraction.len()).ok().filter(|digits| *digits <= 18)?;
    let scale = 10_u128.pow(digits);
    let fraction = u128::from(fraction.parse::<u64>().ok()?).checked_mul(unit)?;
    if fraction % scale != 0 {
        return None;
    }
    u128::from(whole).checked_mul(unit)?.checked_add(fraction / scale)
}

fn size_of_unit(name: &str) -> Option<u128> {
    UNITS.iter().find(|(names, _)| names.contains(&name)).map(|(_, size)| *size)
}

/// The text before the first such character, and from it on.
fn split(text: &str, ends: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(ends).unwrap_or(text.len()))
}

fn from_nanos(nanos: u128) -> Option<Duration> {
    let seconds = u64::try_from(nanos / SECOND).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % SECOND).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_all_their_forms() {
        let millis = Duration::from_millis;
        for (text, duration) in [
            ("0s", Duration::ZERO),
            ("200ms", millis(200)),
            ("30s", millis(30_000)),
            ("0.5s", millis(500)),
            ("1.5 hours", millis(5_400_000)),
            (" 1h  30m", millis(5_400_000)),
            ("1h30m", millis(5_400_000)),
            ("2days 1us", Duration::from_hours(48) + Duration::from_micros(1)),
            ("1y", Duration::from_hours(8_766)),
        ] {
            assert_eq!(parse_duration(text), Ok(duration), "{text}");
        }
        for text in
            ["", " ", "13", "s", "1.s", ".5s", "1..5s", "-1s", "1 lightyear", "0.5ns", "1e3s"]
        {
            assert_eq!(parse_duration(text), Err(EXPECTED.to_string()), "{text}");
        }
        assert!(parse_duration("18446744073709551615y").is_err(), "too long");
        assert!(parse_duration("99999999999999999999s").is_err(), "too long");
    }

    #[test]
    fn what_is_written_is_read_back() {
        for (duration, text) in [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(1_500), "1s 500ms"),
            (Duration::from_mins(90), "1h 30m"),
            (Duration::from_hours(72), "3days"),
            (Duration::from_hours(24), "1day"),
            (Duration::new(7, 1_002_003), "7s 1ms 2us 3ns"),
            (Duration::from_secs(2 * 31_557_600 + 2_630_016), "2years 1month"),
        ] {
            assert_eq!(format_duration(duration), text);
            assert_eq!(parse_duration(text), Ok(duration));
        }
    }
}
