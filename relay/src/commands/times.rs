//! Instants as words, for people: UTC, to the minute.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock;

/// Returns `2026-11-28 22:10 UTC` for seconds since 1970, and the bare number for times outside the calendar.
pub(super) fn minute(unix_seconds: u64) -> String {
    rfc3339(unix_seconds).map_or_else(
        || format!("{unix_seconds} s after 1970"),
        |text| format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " ")),
    )
}

/// Returns seconds since 1970 by this machine's clock; 0 before 1970.
pub(super) fn unix_seconds() -> u64 {
    clock::unix_seconds(SystemTime::now())
}

fn rfc3339(unix_seconds: u64) -> Option<String> {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(unix_seconds))?;
    let mut text = String::new();
    // Years beyond 9999 have no such form, and are an error of the formatter.
    write!(text, "{}", humantime::format_rfc3339_seconds(time)).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_to_the_minute_and_none_is_too_far() {
        assert_eq!(minute(0), "1970-01-01 00:00 UTC");
        assert_eq!(minute(1_795_903_859), "2026-11-28 22:10 UTC");
        assert_eq!(minute(1_795_903_859_000), "1795903859000 s after 1970");
        assert_eq!(minute(u64::MAX), format!("{} s after 1970", u64::MAX));
    }
}
