//! One limit of a plan, as people and exports write it: `50M`, `50 Mbit/s`, `1,5 G`, `50000000`; and two limits in one value.
//!
//! A limit is taken only if its text has one reading. A limit a thousand times too small is worse than none.

use std::fmt;

use shared::control::Plan;
use shared::sample::MAX_RATE;

use super::number::{self, Number};
use super::unit::Unit;

/// From here on, in bits per second, a number without a unit is bits per second: as kbps the limit would be above 1 Gbps.
const LEAST_BITS: u64 = 1_000_000;
/// From here on a number without a unit may be bits per second or kbps; a smaller one is kbps or Mbps.
const LEAST_BITS_OR_KILOBITS: u64 = 10_000;

/// Why a text is not a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The text is no number with a known unit.
    #[error("is not a limit; write it like 50M, 50 Mbps or 50000000")]
    Unknown,
    /// The number has no unit.
    #[error("has no unit and can be {} or {}; write a unit, or name it in the first row, like \"download (Mbps)\"", Rate(*.0), Rate(*.1))]
    NoUnit(u64, u64),
    /// The text has two readings, in bits per second.
    #[error("can be {} or {}; write it without a mark between thousands and with its unit in bits, like 50M", Rate(*.0), Rate(*.1))]
    TwoReadings(u64, u64),
    /// Every reading is more than any line carries.
    #[error("is above 1000 G")]
    TooHigh,
    /// Two limits without an order.
    #[error(
        "holds two limits without an order: download {} and upload {}, or the reverse; name the column \"download/upload\" or \
         \"upload/download\"",
        Rate(*.0),
        Rate(*.1)
    )]
    NoOrder(u64, u64),
    /// One limit in a column of two.
    #[error("holds one limit where its column says two; write it like 50M/10M")]
    NotTwo,
}

/// A limit in bits per second, written for people.
struct Rate(u64);

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_words(self.0))
    }
}

/// Writes a rate in bits per second in the largest unit below the rate: `10.24 Mbps`.
pub fn in_words(bits_per_second: u64) -> String {
    let units = [(1_000_000_000, "Gbps"), (1_000_000, "Mbps"), (1_000, "kbps")];
    let Some((factor, unit)) = units.into_iter().find(|(factor, _)| bits_per_second >= *factor) else {
        return format!("{bits_per_second} bps");
    };
    let thousandths = bits_per_second / (factor / 1_000);
    let number = format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000);
    format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
}

/// The order of two limits in one value, from the column's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    DownloadFirst,
    UploadFirst,
    /// `Mikrotik-Rate-Limit`: the router's receiving rate, the subscriber's upload, stands first. Bursts follow behind a blank; one limit
    /// alone counts for both.
    Router,
}

/// Reads one limit in bits per second; `None` is no limit. `unit` is the column's and counts for a value without one.
///
/// # Errors
/// [`LimitError`].
pub(super) fn single(text: &str, unit: Option<Unit>) -> Result<Option<u64>, LimitError> {
    let Some((first, second)) = parted(text) else { return one(text, unit) };
    let (first, second) = both(first, second, unit)?;
    if first == second {
        return Ok(first);
    }
    Err(LimitError::NoOrder(first.unwrap_or(0), second.unwrap_or(0)))
}

/// Reads both limits of one value.
///
/// # Errors
/// [`LimitError`].
pub(super) fn pair(text: &str, unit: Option<Unit>, order: Order) -> Result<Plan, LimitError> {
    let text = if order == Order::Router { text.split_whitespace().next().unwrap_or_default() } else { text };
    let (first, second) = match parted(text) {
        Some((first, second)) => both(first, second, unit)?,
        None => match one(text, unit)? {
            None => (None, None),
            only if order == Order::Router => (only, only),
            _ => return Err(LimitError::NotTwo),
        },
    };
    Ok(match order {
        Order::DownloadFirst => Plan { download: first, upload: second },
        Order::UploadFirst | Order::Router => Plan { download: second, upload: first },
    })
}

/// Two limits with one unit behind the second, as in `50/10 Mbps`, share it.
fn both(first: &str, second: &str, unit: Option<Unit>) -> Result<(Option<u64>, Option<u64>), LimitError> {
    if first.trim().is_empty() || second.trim().is_empty() {
        return Err(LimitError::Unknown);
    }
    let shared =
        if number_and_unit(first).1.is_empty() { Unit::read(number_and_unit(second).1).or(unit) } else { unit };
    Ok((one(first, shared)?, one(second, unit)?))
}

fn one(text: &str, unit: Option<Unit>) -> Result<Option<u64>, LimitError> {
    let text = text.trim();
    if is_none(text) {
        return Ok(None);
    }
    let (number, own) = number_and_unit(text);
    let number = Number::read(number).ok_or(LimitError::Unknown)?;
    let own = if own.is_empty() { None } else { Some(Unit::read(own).ok_or(LimitError::Unknown)?) };
    match own.or(unit) {
        Some(unit) => with_unit(number, unit),
        None => without_unit(number),
    }
}

fn with_unit(number: Number, unit: Unit) -> Result<Option<u64>, LimitError> {
    let readings = number.readings().flat_map(|number| unit.factors().map(move |factor| number.times(factor)));
    let mut lawful: Vec<u64> = readings.filter(|bits| *bits <= MAX_RATE).collect();
    lawful.sort_unstable();
    lawful.dedup();
    match *lawful {
        [] => Err(LimitError::TooHigh),
        [bits] => Ok((bits > 0).then_some(bits)),
        [least, .., most] => Err(LimitError::TwoReadings(least, most)),
    }
}

fn without_unit(number: Number) -> Result<Option<u64>, LimitError> {
    if let Number::Two { decimals, thousands } = number {
        return Err(LimitError::TwoReadings(decimals.times(1_000_000), thousands.times(1)));
    }
    match with_unit(number, Unit::BITS)? {
        Some(bits) if bits < LEAST_BITS_OR_KILOBITS => {
            let as_millions = number.readings().next().map_or(0, |number| number.times(1_000_000));
            Err(LimitError::NoUnit(as_millions / 1_000, as_millions))
        }
        Some(bits) if bits < LEAST_BITS => Err(LimitError::NoUnit(bits, bits.saturating_mul(1_000))),
        // A fraction of one without a unit, such as 0.5, is not "none".
        None if number.readings().any(|number| number.times(1_000_000) > 0) => {
            let as_millions = number.readings().next().map_or(0, |number| number.times(1_000_000));
            Err(LimitError::NoUnit(as_millions / 1_000, as_millions))
        }
        limit => Ok(limit),
    }
}

/// True for every word of an export for "no limit".
fn is_none(text: &str) -> bool {
    const WORDS: [&str; 12] = [
        "unlimited",
        "no limit",
        "none",
        "n/a",
        "#n/a",
        "null",
        "(null)",
        "<null>",
        "[null]",
        "nil",
        "nan",
        "undefined",
    ];
    matches!(text, "" | "-" | "–" | "—" | "∞" | "\\N") || WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

fn number_and_unit(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (number, unit) = text.split_at(text.find(|c| !number::belongs(c)).unwrap_or(text.len()));
    (number.trim(), unit.trim())
}

/// Parts `50M/10M` at the stroke; the stroke of `50 Mbit/s` parts nothing.
fn parted(text: &str) -> Option<(&str, &str)> {
    if is_none(text.trim()) {
        return None;
    }
    let mut strokes = text.match_indices('/').filter(|(at, _)| {
        let behind = text.get(at + 1..).unwrap_or_default().trim_start();
        !behind.starts_with(['s', 'S', 'с', 'С'])
    });
    let (at, _) = strokes.next()?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

#[cfg(test)]
mod tests;
