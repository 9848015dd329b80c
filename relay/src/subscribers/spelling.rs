//! A spreadsheet's spelling of usernames: `="4446"`, `'4446`, `4446.0`, and blanks around.
//!
//! The router may have a username of just this spelling, so the exact one counts first. The plain one is tried if no row has that username.

use super::quotes::formula;

/// Returns the username probably meant, if another is written.
pub(super) fn plain(written: &[u8]) -> Option<Vec<u8>> {
    let trimmed = trimmed(written);
    let unmarked = trimmed_marks(trimmed);
    let plain = without_decimals(unmarked);
    (!plain.is_empty() && plain != written).then(|| plain.to_vec())
}

/// True for `2.78312E+10`: digits are lost.
pub(super) fn is_rounded(written: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(trimmed(written)) else { return false };
    let Some((number, exponent)) = text.split_once(['e', 'E']) else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    exponent.strip_prefix('+').is_some_and(digits)
        && number.split_once(['.', ',']).is_some_and(|(whole, part)| digits(whole) && digits(part))
}

fn trimmed(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{200B}' | '\u{FEFF}')).as_bytes(),
        // In every single-byte encoding of the West and of Cyrillic Windows, 0xA0 is the no-break space.
        Err(_) => {
            let is_blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0xA0;
            let start = bytes.iter().take_while(|byte| is_blank(byte)).count();
            let rest = bytes.get(start..).unwrap_or_default();
            let end = rest.iter().rev().take_while(|byte| is_blank(byte)).count();
            rest.get(..rest.len() - end).unwrap_or_default()
        }
    }
}

fn trimmed_marks(bytes: &[u8]) -> &[u8] {
    let inner = formula(bytes).or_else(|| {
        let inner = bytes.strip_prefix(b"'")?;
        Some(inner.strip_suffix(b"'").unwrap_or(inner))
    });
    inner.map_or(bytes, trimmed)
}

fn without_decimals(bytes: &[u8]) -> &[u8] {
    let Some(mark) = bytes.iter().position(|byte| matches!(byte, b'.' | b',')) else { return bytes };
    let (whole, part) = bytes.split_at(mark);
    let zeros = part.get(1..).unwrap_or_default();
    let is_decimal = !whole.is_empty()
        && whole.iter().all(u8::is_ascii_digit)
        && !zeros.is_empty()
        && zeros.iter().all(|byte| *byte == b'0');
    if is_decimal { whole } else { bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_spreadsheets() {
        for (written, expected) in [
            (&b"=\"4446\""[..], Some(&b"4446"[..])),
            (b"'4446", Some(b"4446")),
            (b"'4446'", Some(b"4446")),
            (b"4446.0", Some(b"4446")),
            (b"4446,00", Some(b"4446")),
            (b"=\" 4446.0 \"", Some(b"4446")),
            (b"ali ", Some(b"ali")),
            (b" ali\t", Some(b"ali")),
            ("ali\u{A0}".as_bytes(), Some(b"ali")),
            (b"caf\xE9\xA0", Some(b"caf\xE9")),
            (b"ali", None),
            (b"4446", None),
            (b"4446.5", None),
            (b"10.0.0.1", None),
            (b"a.0", None),
            (b"ali@isp.0", None),
            (b"'", None),
            (b"=\"\"", None),
            (b" ", None),
        ] {
            assert_eq!(plain(written).as_deref(), expected, "{}", written.escape_ascii());
        }
    }

    #[test]
    fn numbers_that_lost_digits() {
        assert!(is_rounded(b"2.78312E+10") && is_rounded(b"2,78e+11"));
        assert!(!is_rounded(b"4446") && !is_rounded(b"2E+10@isp") && !is_rounded(b"a.bE+1"));
    }

    proptest::proptest! {
        #[test]
        fn the_plain_spelling_is_plain(written in proptest::collection::vec(proptest::num::u8::ANY, 0..12)) {
            if let Some(plain) = plain(&written) {
                proptest::prop_assert!(plain != written && trimmed(&plain) == plain);
            }
        }
    }
}
