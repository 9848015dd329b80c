//! A length of time as an argument: `90d`, `12h`, `2w`, `1h 30m`.

use std::time::Duration;

/// Reads numbers with their units, as humantime does; zero is refused.
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(length) if length.as_secs() > 0 => Ok(length),
        _ => Err("this is not a length of time; write it as 90d, 12h, 2w or 1y".to_owned()),
    }
}

/// Returns a length of time as people write one: whole days as days.
pub(super) fn in_words(length: Duration) -> String {
    const DAY: u64 = 86_400;
    match (length.as_secs() / DAY, length.as_secs() % DAY) {
        (1, 0) => "1 day".to_owned(),
        (days, 0) => format!("{days} days"),
        _ => humantime::format_duration(length).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_days_are_told_as_days() {
        for (seconds, words) in [(86_400, "1 day"), (34_560_000, "400 days"), (43_200, "12h"), (90_000, "1day 1h")] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in [
            ("90d", 7_776_000),
            ("12h", 43_200),
            ("2w", 1_209_600),
            ("1y", 31_557_600),
            ("5s", 5),
            ("3m", 180),
            ("1h 30m", 5_400),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "90", "0d", "-1d", "90dd", "soon", "99999999999999999999d", "999999999999999999y"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
