//! A decimal number in the writing of people and spreadsheets, with every reading of the text.
//!
//! A comma and a full stop mark decimals in one country and thousands in another, so `10,240` has two readings. A blank or an
//! apostrophe only ever marks thousands.

/// The digits kept behind the decimal mark.
const DECIMALS: usize = 6;

/// An exact decimal number, not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    whole: u64,
    millionths: u64,
}

/// The readings of one text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Number {
    /// The text has one reading.
    One(Decimal),
    /// The last mark can stand before decimals or between thousands.
    Two {
        /// The reading with the mark before decimals.
        decimals: Decimal,
        /// The reading with the mark between thousands.
        thousands: Decimal,
    },
}

impl Number {
    /// Reads a number; `None` if the text is none.
    pub(super) fn read(text: &str) -> Option<Self> {
        let groups: Vec<&str> = text.split(is_mark).collect();
        let marks: Vec<char> = text.chars().filter(|c| is_mark(*c)).map(kind).collect();
        if !groups.iter().skip(1).all(|group| is_digits(group)) {
            return None;
        }
        match (&*groups, &*marks) {
            ([whole], []) => is_digits(whole).then(|| Self::One(Decimal::new(whole, ""))),
            ([whole, part], ['.' | ',']) => Self::with_one_mark(whole, part),
            (groups, marks) => with_several_marks(groups, marks).map(Self::One),
        }
    }

    /// All readings, as values.
    pub(super) fn readings(self) -> impl Iterator<Item = Decimal> {
        let (first, second) = match self {
            Self::One(only) => (only, None),
            Self::Two { decimals, thousands } => (decimals, Some(thousands)),
        };
        std::iter::once(first).chain(second)
    }

    fn with_one_mark(whole: &str, part: &str) -> Option<Self> {
        if !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let decimals = Decimal::new(whole, part);
        // No group of thousands begins with a zero: `0,240` and `.240` are decimals.
        if part.len() != 3 || !matches!(whole.len(), 1..=3) || whole.starts_with('0') {
            return Some(Self::One(decimals));
        }
        Some(Self::Two { decimals, thousands: Decimal::new(&[whole, part].concat(), "") })
    }
}

impl Decimal {
    /// Digits beyond [`DECIMALS`] are dropped; more digits than a `u64` holds give its largest value.
    fn new(whole: &str, part: &str) -> Self {
        let millionths: String = part.chars().chain("000000".chars()).take(DECIMALS).collect();
        let whole = if whole.is_empty() { 0 } else { whole.parse().unwrap_or(u64::MAX) };
        Self { whole, millionths: millionths.parse().unwrap_or(0) }
    }

    /// Multiplies the number by a factor; drops the remaining fraction. The largest value is `u64::MAX`.
    pub(super) fn times(self, factor: u64) -> u64 {
        let fraction = self.millionths.saturating_mul(factor) / 1_000_000;
        self.whole.saturating_mul(factor).saturating_add(fraction)
    }
}

/// True for every character of a number.
pub(super) fn belongs(c: char) -> bool {
    c.is_ascii_digit() || is_mark(c)
}

/// Two marks or more: thousands, and decimals if the last mark differs from the others.
fn with_several_marks(groups: &[&str], marks: &[char]) -> Option<Decimal> {
    let (last, others) = marks.split_last()?;
    let first = marks.first()?;
    if others.iter().any(|mark| mark != first) {
        return None;
    }
    if last == first {
        return is_grouped(groups, *first).then(|| Decimal::new(&groups.concat(), ""));
    }
    let (part, groups) = groups.split_last()?;
    (matches!(last, '.' | ',') && is_grouped(groups, *first)).then(|| Decimal::new(&groups.concat(), part))
}

/// Groups of three digits behind the first; between commas of two as well, as in India: `1,00,000`.
fn is_grouped(groups: &[&str], mark: char) -> bool {
    let Some((first, rest)) = groups.split_first() else { return false };
    let Some((last, inner)) = rest.split_last() else { return false };
    is_digits(first)
        && first.len() <= 3
        && last.len() == 3
        && inner.iter().all(|group| group.len() == 3 || (mark == ',' && group.len() == 2))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_mark(c: char) -> bool {
    matches!(c, '.' | ',' | '\'' | '’') || c == ' ' || is_other_blank(c)
}

/// Blanks without a line break: U+00A0, the figure space, the thin space and the narrow no-break space.
fn is_other_blank(c: char) -> bool {
    matches!(c, '\u{A0}' | '\u{2007}' | '\u{2009}' | '\u{202F}')
}

fn kind(mark: char) -> char {
    match mark {
        '’' => '\'',
        blank if is_other_blank(blank) => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(text: &str) -> Vec<u64> {
        Number::read(text)
            .map(|number| number.readings().map(|decimal| decimal.times(1_000)).collect())
            .unwrap_or_default()
    }

    #[test]
    fn numbers_and_their_readings_in_thousandths() {
        for (text, expected) in [
            ("50", &[50_000][..]),
            ("1.5", &[1_500]),
            ("1,5", &[1_500]),
            (".5", &[500]),
            ("0,240", &[240]),
            (".240", &[240]),
            ("10,24", &[10_240]),
            ("10,2405", &[10_240]),
            ("1024,512", &[1_024_512]),
            ("10,240", &[10_240, 10_240_000]),
            ("1.500", &[1_500, 1_500_000]),
            ("10 240", &[10_240_000]),
            ("10\u{A0}240", &[10_240_000]),
            ("10\u{202F}240,5", &[10_240_500]),
            ("10'240", &[10_240_000]),
            ("10’240.25", &[10_240_250]),
            ("1,234.5", &[1_234_500]),
            ("1.234,567", &[1_234_567]),
            ("1.000.000", &[1_000_000_000]),
            ("1,00,000", &[100_000_000]),
            ("99999999999999999999999", &[u64::MAX]),
        ] {
            assert_eq!(readings(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_number() {
        for text in [
            "",
            ".",
            "5.",
            ",",
            "1,2,3",
            "1.2,3.4",
            "1,234 567",
            "1 23",
            "1.00.000",
            "1234,567,890",
            "1'5",
            " 5",
            "5 ",
            "1,,5",
        ] {
            assert_eq!(Number::read(text), None, "{text:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_plain_number_has_one_reading(whole in 0_u64..1_000_000_000, thousandths in 0_u64..1_000) {
            proptest::prop_assert_eq!(readings(&whole.to_string()), [whole * 1_000]);
            proptest::prop_assert_eq!(readings(&format!("{whole}.{thousandths:03}0")), [whole * 1_000 + thousandths]);
        }

        #[test]
        fn any_text_has_two_readings_at_most(text in "[0-9., '’]{0,12}") {
            proptest::prop_assert!(readings(&text).len() <= 2);
        }
    }
}
