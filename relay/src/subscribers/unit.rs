//! Units of a limit, as a column's name and a value write them: `kbps`, `Mbit/s`, `G`.

/// The factor between a number and bits per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    factor: u64,
    meaning: Meaning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Bits,
    /// A capital `B` is a byte to engineers; many price lists mean bits.
    BitsOrBytes,
}

/// Every unit without punctuation and in lower case; the longest unit at the end of a column's name counts.
const UNITS: [(&str, u64); 39] = [
    ("kbitspersecond", 1_000),
    ("mbitspersecond", 1_000_000),
    ("gbitspersecond", 1_000_000_000),
    ("kbitsec", 1_000),
    ("mbitsec", 1_000_000),
    ("gbitsec", 1_000_000_000),
    ("kbitss", 1_000),
    ("mbitss", 1_000_000),
    ("gbitss", 1_000_000_000),
    ("kbits", 1_000),
    ("mbits", 1_000_000),
    ("gbits", 1_000_000_000),
    ("kbit", 1_000),
    ("mbit", 1_000_000),
    ("gbit", 1_000_000_000),
    ("kbps", 1_000),
    ("mbps", 1_000_000),
    ("gbps", 1_000_000_000),
    ("kbs", 1_000),
    ("mbs", 1_000_000),
    ("gbs", 1_000_000_000),
    ("кбитс", 1_000),
    ("мбитс", 1_000_000),
    ("гбитс", 1_000_000_000),
    ("кбит", 1_000),
    ("мбит", 1_000_000),
    ("гбит", 1_000_000_000),
    ("bitspersecond", 1),
    ("bitss", 1),
    ("bits", 1),
    ("bps", 1),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("bit", 1),
    ("b", 1),
];

/// Units of values only: in a column's name they are a volume or the end of another word.
const VALUES_ONLY: [&str; 8] = ["kb", "mb", "gb", "k", "m", "g", "bit", "b"];

impl Unit {
    pub(super) const BITS: Self = Self { factor: 1, meaning: Meaning::Bits };

    /// Reads the unit behind a value's number; `None` if the text is no unit.
    pub(super) fn read(text: &str) -> Option<Self> {
        let word = plain(text);
        let (_, factor) = UNITS.iter().find(|(unit, _)| *unit == word)?;
        Some(Self { factor: *factor, meaning: Meaning::of(text) })
    }

    /// Parts a column's name, made [`plain`], from the unit at the end: `Download (Mbps)` is `download`, in Mbps.
    pub(super) fn of_column(name: &str) -> (String, Option<Self>) {
        let name_plain = plain(name);
        let units = UNITS.iter().filter(|(unit, _)| !VALUES_ONLY.contains(unit));
        let found = units.filter_map(|(unit, factor)| Some((name_plain.strip_suffix(unit)?, unit, *factor)));
        let Some((stem, unit, factor)) = found.min_by_key(|(stem, ..)| stem.len()) else { return (name_plain, None) };
        let letters: Vec<char> = name.chars().filter(|c| c.is_alphanumeric()).collect();
        let as_written: String = letters.iter().skip(letters.len().saturating_sub(unit.chars().count())).collect();
        (stem.to_owned(), Some(Self { factor, meaning: Meaning::of(&as_written) }))
    }

    /// The possible factors of the unit.
    pub(super) fn factors(self) -> impl Iterator<Item = u64> {
        let bytes = (self.meaning == Meaning::BitsOrBytes).then(|| self.factor.saturating_mul(8));
        std::iter::once(self.factor).chain(bytes)
    }
}

impl Meaning {
    /// Two readings if `B` is not merely one of many capitals: `MB`, `MB/s` and `MBps`, but not `MBPS`.
    fn of(unit: &str) -> Self {
        let letters: String = unit.chars().filter(|c| c.is_alphabetic()).collect();
        let shouted = letters.len() > 3 && letters.chars().all(char::is_uppercase);
        let byte = letters.len() > 1 && letters.contains('B') && !letters.contains("Bit") && !shouted;
        if byte { Self::BitsOrBytes } else { Self::Bits }
    }
}

/// A text's letters in lower case, without blanks and punctuation.
pub(super) fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn factors(text: &str) -> Vec<u64> {
        Unit::read(text).map(|unit| unit.factors().collect()).unwrap_or_default()
    }

    #[test]
    fn every_unit_of_a_column_is_one_of_a_value_too() {
        for (unit, factor) in UNITS {
            assert_eq!(factors(unit), [factor], "{unit}");
            let name = format!("download{unit}");
            let expected = if VALUES_ONLY.contains(&unit) { &*name } else { "download" };
            assert_eq!(Unit::of_column(&name).0, expected, "{unit}");
        }
        for text in ["Mbit/s", "Mbits/s", "Mbps", "MBPS", "MBit/s", "mb/s", "Mb/s", "mbit/sec", "M", "Мбит/с"] {
            assert_eq!(factors(text), [1_000_000], "{text}");
        }
        assert_eq!((factors("bps"), factors("bit/s")), (vec![1], vec![1]));
    }

    #[test]
    fn a_capital_b_has_two_readings() {
        for text in ["MB", "MB/s", "MBps", "MB/S"] {
            assert_eq!(factors(text), [1_000_000, 8_000_000], "{text}");
        }
        assert_eq!(factors("kB/s"), [1_000, 8_000]);
        let (stem, unit) = Unit::of_column("Download (MB/s)");
        assert_eq!((&*stem, unit.unwrap().factors().count()), ("download", 2));
        assert_eq!(Unit::of_column("DOWNLOAD MBPS").1.unwrap().factors().count(), 1);
    }

    #[test]
    fn what_is_no_unit() {
        for text in ["T", "Mi", "MiB", "Mbpss", "percent", "x"] {
            assert_eq!(Unit::read(text), None, "{text}");
        }
    }
}
