//! A length of time as people type it: `90d`, `12h`, `2w`.

use std::time::Duration;

/// Reads a whole number and a unit: `s`, `m`, `h`, `d`, `w` or `y` (365 days).
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a length of time; it looks like 90d, 12h or 2w");
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "y" => 365 * 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    match number.checked_mul(seconds) {
        Some(0) | None => Err(wrong()),
        Some(seconds) => Ok(Duration::from_secs(seconds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time() {
        for (text, seconds) in
            [("90d", 7_776_000), ("12h", 43_200), ("2w", 1_209_600), ("1y", 31_536_000), ("5s", 5), ("3m", 180)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "d", "90", "0d", "-1d", "1.5h", "90 d", "90dd", "99999999999999999999d", "999999999999999999y"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
