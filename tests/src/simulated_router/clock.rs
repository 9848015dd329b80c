//! The router's seconds, in a test perhaps shorter than real ones, and RouterOS's text forms of times.

use std::time::Duration;

use tokio::time::Instant;

/// Maps tokio's time to the router's: milliseconds since the router's start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    started: Instant,
    second: Duration,
}

impl Clock {
    /// Starts at `started`; one of the router's seconds lasts `second` of tokio's time.
    pub(crate) fn new(started: Instant, second: Duration) -> Self {
        Self { started, second: second.max(Duration::from_micros(1)) }
    }

    /// The router's milliseconds since its start.
    pub(crate) fn milliseconds(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started).as_nanos();
        u64::try_from(elapsed * 1000 / self.second.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Tokio's duration for some of the router's milliseconds.
    pub(crate) fn duration(&self, milliseconds: u64) -> Duration {
        let nanoseconds = self.second.as_nanos() * u128::from(milliseconds) / 1000;
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

/// `1w2d3h4m5s`, as the API writes durations; `0s` for none.
pub(crate) fn uptime(seconds: u64) -> String {
    let units = [(604_800, 'w'), (86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
    let mut rest = seconds;
    let mut text = String::new();
    for (size, unit) in units {
        if rest >= size {
            text.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// Milliseconds of `1`, `5s`, `500ms`, `1m30s` or `00:00:05`; `None` for anything else.
pub(crate) fn parse_duration(text: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(u64::from(seconds) * 1000);
    }
    if text.contains(':') {
        let parts: Option<Vec<u32>> = text.split(':').map(|part| part.parse().ok()).collect();
        let seconds =
            parts.filter(|parts| parts.len() == 3)?.iter().fold(0_u64, |sum, part| sum * 60 + u64::from(*part));
        return Some(seconds * 1000);
    }
    parse_units(text)
}

fn parse_units(text: &str) -> Option<u64> {
    let (mut total, mut rest) = (0_u64, text);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
        let number: u32 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..letters] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 604_800_000,
            _ => return None,
        };
        total += u64::from(number) * unit;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then_some(total)
}

/// Date and time of day of a Unix time, as `2025-03-02` and `11:30:44`.
pub(crate) fn date_and_time(unix_seconds: u64) -> (String, String) {
    let (days, second) = (unix_seconds / 86_400, unix_seconds % 86_400);
    let (year, month, day) = civil(days);
    let time = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    (format!("{year:04}-{month:02}-{day:02}"), time)
}

/// Year, month and day of a number of days since 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`, for days from 0 on).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_in_every_form_that_the_api_takes() {
        for (text, milliseconds) in
            [("1", 1000), ("5s", 5000), ("500ms", 500), ("00:01:05", 65_000), ("1m30s", 90_000), ("1w2d", 777_600_000)]
        {
            assert_eq!(parse_duration(text.as_bytes()), Some(milliseconds), "{text}");
        }
        for text in ["", "s", "5x", "1:2", "-1", "5.5"] {
            assert_eq!(parse_duration(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn uptimes_and_dates_are_written_as_routeros_does() {
        assert_eq!(uptime(0), "0s");
        assert_eq!(uptime(788_645), "1w2d3h4m5s");
        assert_eq!(date_and_time(1_740_915_044), ("2025-03-02".to_owned(), "11:30:44".to_owned()));
        assert_eq!(date_and_time(86_400).0, "1970-01-02");
    }

    #[test]
    fn a_second_lasts_as_long_as_it_is_told_to() {
        let started = Instant::now();
        let clock = Clock::new(started, Duration::from_millis(100));
        assert_eq!(clock.milliseconds(started + Duration::from_millis(250)), 2500);
        assert_eq!(clock.duration(5000), Duration::from_millis(500));
    }
}
