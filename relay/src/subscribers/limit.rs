//! One limit of a plan, as spreadsheets write it: `50M`, `50 Mbps`, `50 Mbit/s`, `1,5 G`, `50000000`.

use shared::sample::MAX_RATE;

/// Below this, in bits per second, a number without a unit is surely meant as Mbps.
const LEAST_WITHOUT_UNIT: u64 = 10_000;

/// Why a text is not a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// Not a number with a known unit.
    #[error("is not a limit; write it like 50M, 50 Mbps or 50000000")]
    Unknown,
    /// A small number without a unit.
    #[error("has no unit; write it like 50M or 50000000")]
    NoUnit,
    /// More than any line carries.
    #[error("is above 1000 G")]
    TooHigh,
}

/// What a number is multiplied by to be bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit(u64);

impl Unit {
    const NONE: Self = Self(1);
}

/// Reads a unit that a column's name ends in: `downloadmbps` is `download`, in Mbps.
pub(super) fn unit_of_header(name: &str) -> (&str, Option<Unit>) {
    for (suffix, factor) in [
        ("kbps", 1_000),
        ("kbits", 1_000),
        ("kbit", 1_000),
        ("mbps", 1_000_000),
        ("mbits", 1_000_000),
        ("mbit", 1_000_000),
        ("gbps", 1_000_000_000),
        ("gbits", 1_000_000_000),
        ("gbit", 1_000_000_000),
        ("bps", 1),
    ] {
        if let Some(stem) = name.strip_suffix(suffix) {
            return (stem, Some(Unit(factor)));
        }
    }
    (name, None)
}

/// Reads one limit, in bits per second; empty, `-`, `0` and `unlimited` are none. `unit` is the column's own.
///
/// # Errors
/// [`LimitError`].
pub(super) fn parse(text: &str, unit: Option<Unit>) -> Result<Option<u64>, LimitError> {
    let text = text.trim().to_ascii_lowercase();
    if matches!(text.as_str(), "" | "-" | "unlimited" | "none" | "n/a") {
        return Ok(None);
    }
    let split = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let own = match suffix.trim() {
        "" => None,
        "bps" | "b" | "bit/s" => Some(Unit::NONE),
        "k" | "kbps" | "kb" | "kbit" | "kbit/s" | "kb/s" => Some(Unit(1_000)),
        "m" | "mbps" | "mb" | "mbit" | "mbit/s" | "mb/s" => Some(Unit(1_000_000)),
        "g" | "gbps" | "gb" | "gbit" | "gbit/s" | "gb/s" => Some(Unit(1_000_000_000)),
        _ => return Err(LimitError::Unknown),
    };
    let given = own.or(unit);
    let bits = scaled(number, given.unwrap_or(Unit::NONE)).ok_or(LimitError::Unknown)?;
    match bits {
        0 => Ok(None),
        _ if given.is_none() && bits < LEAST_WITHOUT_UNIT => Err(LimitError::NoUnit),
        _ if bits > MAX_RATE => Err(LimitError::TooHigh),
        bits => Ok(Some(bits)),
    }
}

/// A decimal number times a unit, exactly; digits beyond a millionth of it are dropped.
fn scaled(number: &str, Unit(factor): Unit) -> Option<u64> {
    let (whole, fraction) = number.split_once(['.', ',']).unwrap_or((number, ""));
    if whole.is_empty() || fraction.contains(['.', ',']) {
        return None;
    }
    let millionths: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let fraction = millionths.parse::<u64>().ok()?.saturating_mul(factor) / 1_000_000;
    // More digits than a number holds are too high, not unknown.
    let whole = whole.parse::<u64>().unwrap_or(u64::MAX);
    Some(whole.saturating_mul(factor).saturating_add(fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_as_people_write_them() {
        for (text, bits) in [
            ("50M", 50_000_000),
            ("50m", 50_000_000),
            (" 50 Mbps ", 50_000_000),
            ("50Mbit/s", 50_000_000),
            ("50000000", 50_000_000),
            ("50000000 bps", 50_000_000),
            ("512k", 512_000),
            ("1.5M", 1_500_000),
            ("1,5M", 1_500_000),
            ("0.1234567M", 123_456),
            ("1G", 1_000_000_000),
            ("1000G", 1_000_000_000_000),
        ] {
            assert_eq!(parse(text, None), Ok(Some(bits)), "{text}");
        }
        for text in ["", " ", "-", "0", "0M", "Unlimited"] {
            assert_eq!(parse(text, None), Ok(None), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_limit_says_why() {
        for (text, error) in [
            ("50", LimitError::NoUnit),
            ("9999", LimitError::NoUnit),
            ("fast", LimitError::Unknown),
            ("50T", LimitError::Unknown),
            ("-5M", LimitError::Unknown),
            ("1.000.000", LimitError::Unknown),
            (".5M", LimitError::Unknown),
            ("50M/10M", LimitError::Unknown),
            ("1001G", LimitError::TooHigh),
            ("99999999999999999999999", LimitError::TooHigh),
        ] {
            assert_eq!(parse(text, None), Err(error), "{text}");
        }
    }

    #[test]
    fn a_columns_unit_counts_where_the_value_has_none() {
        assert_eq!(unit_of_header("downloadmbps"), ("download", Some(Unit(1_000_000))));
        assert_eq!(unit_of_header("downloadbps"), ("download", Some(Unit(1))));
        assert_eq!(unit_of_header("download"), ("download", None));
        let mbps = Some(Unit(1_000_000));
        assert_eq!(parse("50", mbps), Ok(Some(50_000_000)));
        assert_eq!(parse("512k", mbps), Ok(Some(512_000)));
    }
}
