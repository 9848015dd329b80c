//! Words to a reply: kind, tag and attributes, in any order. Nothing is copied.
//!
//! Routers differ: `.tag` right behind the reply word or last, an attribute missing on one board, `true` or `yes`. So
//! every attribute is looked up by name, and an unreadable value counts as missing.

use std::time::Duration;

use super::framing::Words;

/// Names one command on a connection. The command's replies carry the same tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(pub u32);

/// The kind of a reply (MikroTik's "API" page).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `!re`: a row.
    Row,
    /// `!done`: the command is over.
    Done,
    /// `!trap`: the command failed; `!done` follows.
    Trap,
    /// `!fatal`: the router closes the connection.
    Fatal,
    /// `!empty`: no rows (RouterOS 7.18 and later); `!done` follows.
    Empty,
    /// A word of a later version.
    Unknown,
}

/// One reply.
#[derive(Debug, Clone, Copy)]
pub struct Sentence<'a> {
    words: Words<'a>,
}

impl<'a> Sentence<'a> {
    /// Takes the words as a reply.
    pub const fn new(words: Words<'a>) -> Self {
        Self { words }
    }

    /// True if the sentence was too large and is not whole, see [`Words::is_cut`].
    pub const fn is_cut(&self) -> bool {
        self.words.is_cut()
    }

    /// The reply's kind.
    pub fn kind(&self) -> Kind {
        match self.words.first() {
            b"!re" => Kind::Row,
            b"!done" => Kind::Done,
            b"!trap" => Kind::Trap,
            b"!fatal" => Kind::Fatal,
            b"!empty" => Kind::Empty,
            _ => Kind::Unknown,
        }
    }

    /// The tag of the command; `None` for a tag of another form than ours.
    pub fn tag(&self) -> Option<Tag> {
        let text = self.words.iter().skip(1).find_map(|word| word.strip_prefix(b".tag="))?;
        decimal(text).and_then(|number| u32::try_from(number).ok()).map(Tag)
    }

    /// True if the reply carries any `.tag`.
    pub fn is_tagged(&self) -> bool {
        self.words.iter().skip(1).any(|word| word.starts_with(b".tag="))
    }

    /// The first attribute of the name, as bytes; an attribute without a value is empty.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.words.iter().skip(1).find_map(|word| value_of(word, name.as_bytes()))
    }

    /// The attribute as text; `None` if the bytes are not UTF-8.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(|bytes| std::str::from_utf8(bytes).ok())
    }

    /// A `true`, `false`, `yes` or `no`.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            b"true" | b"yes" => Some(true),
            b"false" | b"no" => Some(false),
            _ => None,
        }
    }

    /// A whole number.
    pub fn integer(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(decimal)
    }

    /// A rate in bits per second, see [`rate`].
    pub fn rate(&self, name: &str) -> Option<u64> {
        self.get(name).and_then(rate)
    }

    /// A duration, see [`duration`].
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.get(name).and_then(duration)
    }

    /// The tick of a monitor's row.
    pub fn section(&self) -> Option<u64> {
        self.integer(".section")
    }

    /// The router's words about a failure: `=message=`, or the bare word of a `!fatal`.
    pub fn message(&self) -> &'a [u8] {
        let bare = || self.words.iter().skip(1).find(|word| !word.starts_with(b"=") && !word.starts_with(b".tag="));
        self.get("message").or_else(bare).unwrap_or_default()
    }
}

fn value_of<'a>(word: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let rest = word.strip_prefix(b"=")?.strip_prefix(name)?;
    match rest.split_first() {
        None => Some(rest),
        Some((b'=', value)) => Some(value),
        Some(_) => None,
    }
}

/// A decimal number of digits only.
pub fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |sum, digit| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// A rate in bits per second: `8531` as the API writes it, `27.8kbps` as the console does, and `10M` as in a limit. The
/// letters are powers of ten.
pub fn rate(text: &[u8]) -> Option<u64> {
    let digits = text.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.').unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let scale = match suffix {
        b"" | b"bps" => 1,
        b"k" | b"K" | b"kbps" | b"Kbps" => 1_000,
        b"m" | b"M" | b"Mbps" => 1_000_000,
        b"g" | b"G" | b"Gbps" => 1_000_000_000,
        _ => return None,
    };
    let mut parts = number.splitn(2, |byte| *byte == b'.');
    let whole = decimal(parts.next()?)?.checked_mul(scale)?;
    let fraction = parts.next().map_or(Some(0), |digits| decimal_fraction(digits, scale))?;
    whole.checked_add(fraction)
}

/// The value of the digits behind the point at this scale; parts of a bit are dropped.
fn decimal_fraction(digits: &[u8], scale: u64) -> Option<u64> {
    let mut worth = scale;
    digits.iter().try_fold(0_u64, |sum, digit| {
        worth /= 10;
        digit.is_ascii_digit().then(|| sum + u64::from(digit - b'0') * worth)
    })
}

/// A duration: `1w2d3h4m5s` with any part missing, `01:22:53`, or both as in `2d01:22:53`; milliseconds are `250ms`.
pub fn duration(text: &[u8]) -> Option<Duration> {
    let clock = text.iter().rposition(|byte| matches!(byte, b'w' | b'd')).map_or(0, |at| at + 1);
    let (units, rest) = text.split_at(clock);
    if text.is_empty() {
        return None;
    }
    if !rest.contains(&b':') {
        return of_units(text).map(Duration::from_millis);
    }
    let days = of_units(units)?;
    let seconds = rest
        .split(|byte| *byte == b':')
        .try_fold(0_u64, |sum, part| sum.checked_mul(60)?.checked_add(decimal(part)?))?;
    Some(Duration::from_millis(days.checked_add(seconds.checked_mul(1_000)?)?))
}

/// Milliseconds in a row of numbers with units.
fn of_units(mut text: &[u8]) -> Option<u64> {
    let mut sum = 0_u64;
    while !text.is_empty() {
        let digits = text.iter().position(|byte| !byte.is_ascii_digit())?;
        let (number, rest) = text.split_at(digits);
        let (worth, unit) = match rest {
            [b'm', b's', ..] => (1, 2),
            [b'w', ..] => (7 * 86_400_000, 1),
            [b'd', ..] => (86_400_000, 1),
            [b'h', ..] => (3_600_000, 1),
            [b'm', ..] => (60_000, 1),
            [b's', ..] => (1_000, 1),
            _ => return None,
        };
        sum = sum.checked_add(decimal(number)?.checked_mul(worth)?)?;
        text = rest.get(unit..)?;
    }
    Some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routeros::framing::Framing;
    use mikrotik_rs::proto::codec;
    use proptest::prelude::*;

    fn framing(words: &[&[u8]]) -> Framing {
        let mut bytes = Vec::new();
        words.iter().for_each(|word| codec::encode_word(word, &mut bytes));
        codec::encode_terminator(&mut bytes);
        let mut framing = Framing::new();
        framing.space()[..bytes.len()].copy_from_slice(&bytes);
        framing.filled(bytes.len());
        framing.advance().unwrap();
        framing
    }

    #[test]
    fn the_tag_is_found_behind_the_reply_word_and_last() {
        for words in
            [[&b"!re"[..], b".tag=10", b"=.id=*A", b"=.dead=true"], [b"!re", b"=.dead=yes", b"=.id=*A", b".tag=10"]]
        {
            let framing = framing(&words);
            let sentence = Sentence::new(framing.words());
            assert_eq!((sentence.kind(), sentence.tag()), (Kind::Row, Some(Tag(10))));
            assert_eq!((sentence.get(".id"), sentence.flag(".dead")), (Some(&b"*A"[..]), Some(true)));
        }
    }

    #[test]
    fn attributes_are_told_apart_by_their_whole_name() {
        let framing = framing(&[b"!re", b"=name-x=no", b"=name=a=b=", b"=comment", b"=empty=", b"=name=second"]);
        let sentence = Sentence::new(framing.words());
        assert_eq!(sentence.get("name"), Some(&b"a=b="[..]));
        assert_eq!(sentence.get("comment"), Some(&b""[..]));
        assert_eq!(sentence.get("empty"), Some(&b""[..]));
        assert_eq!(sentence.get("nam"), None);
        assert_eq!((sentence.tag(), sentence.is_tagged()), (None, false));
    }

    #[test]
    fn a_failure_says_why_with_or_without_an_attribute() {
        for (words, kind, message) in [
            (&[&b"!fatal"[..], b"session terminated on request"][..], Kind::Fatal, "session terminated on request"),
            (&[b"!fatal", b"=message=not logged in"], Kind::Fatal, "not logged in"),
            (&[b"!trap", b".tag=3", b"=category=1", b"=message=no such item"], Kind::Trap, "no such item"),
            (&[b"!trap", b".tag=3"], Kind::Trap, ""),
            (&[b"!empty"], Kind::Empty, ""),
            (&[b"!later"], Kind::Unknown, ""),
        ] {
            let framing = framing(words);
            let sentence = Sentence::new(framing.words());
            assert_eq!((sentence.kind(), sentence.message()), (kind, message.as_bytes()));
        }
    }

    #[test]
    fn a_tag_that_is_not_ours_is_none() {
        let framing = framing(&[b"!re", b".tag=550e8400"]);
        let sentence = Sentence::new(framing.words());
        assert_eq!((sentence.tag(), sentence.is_tagged()), (None, true));
    }

    #[test]
    fn rates() {
        for (text, bits_per_second) in [
            ("0", Some(0)),
            ("14780000", Some(14_780_000)),
            ("0bps", Some(0)),
            ("27.8kbps", Some(27_800)),
            ("1.25Mbps", Some(1_250_000)),
            ("2Gbps", Some(2_000_000_000)),
            ("10M", Some(10_000_000)),
            ("512k", Some(512_000)),
            ("1.2345kbps", Some(1_234)),
            ("", None),
            (".", None),
            ("-5", None),
            ("5 Mbps", None),
            ("99999999999999999999", None),
            ("99999999999999999G", None),
        ] {
            assert_eq!(rate(text.as_bytes()), bits_per_second, "{text}");
        }
    }

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("1w2d3h4m5s", Some(788_645)),
            ("01:22:53", Some(4_973)),
            ("2d01:22:53", Some(177_773)),
            ("1w01:00:00", Some(608_400)),
            ("5s", Some(5)),
            ("4m", Some(240)),
            ("0s", Some(0)),
            ("", None),
            ("5", None),
            ("5x", None),
            ("1:x", None),
            ("99999999999999w", None),
        ] {
            assert_eq!(duration(text.as_bytes()), seconds.map(Duration::from_secs), "{text}");
        }
        assert_eq!(duration(b"1s250ms"), Some(Duration::from_millis(1_250)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_a_value_panic(bytes in prop::collection::vec(prop_oneof![any::<u8>(), b'0'..b':', Just(b'.'), Just(b'w')], 0..40)) {
            let _ = (rate(&bytes), duration(&bytes), decimal(&bytes));
            let framing = framing(&[b"!re", &[b"=name=", &bytes[..]].concat()]);
            prop_assert_eq!(Sentence::new(framing.words()).get("name"), Some(&bytes[..]));
        }
    }
}
