//! Durations as the uplink's messages carry them: whole milliseconds.

use std::time::Duration;

/// Returns the duration in whole milliseconds, rounded down.
pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
