//! Words of the control port: bytes as text without spaces, and back.

use std::str::FromStr;

/// Bytes as one word: text as it is, a space, a `%`, a control character or a byte that is not text as `%XX`; `-` for nothing.
pub(super) fn escape(bytes: &[u8]) -> String {
    match bytes {
        b"" => return "-".to_owned(),
        b"-" => return "%2D".to_owned(),
        _ => {}
    }
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == '%' || character.is_whitespace() || character.is_control() {
                text.extend(character.to_string().bytes().map(escaped));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().map(escaped));
    }
    text
}

fn escaped(byte: u8) -> String {
    format!("%{byte:02X}")
}

/// The bytes of a word; `%` without two hexadecimal digits stands for itself, and `-` for nothing.
pub(super) fn unescape(word: &str) -> Vec<u8> {
    if word == "-" {
        return Vec::new();
    }
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

pub(super) fn number<N: FromStr>(word: &[u8]) -> Result<N, String> {
    let text = std::str::from_utf8(word).unwrap_or_default();
    text.parse().map_err(|_| format!("not a number in range: {}", escape(word)))
}

pub(super) fn on_or_off(word: &[u8]) -> Result<bool, String> {
    match word {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(format!("on or off, not {}", escape(word))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_as_they_are_written() {
        for (bytes, text) in [
            (&b"alice"[..], "alice"),
            (b"", "-"),
            (b"-", "%2D"),
            (b"a b%", "a%20b%25"),
            (b"caf\xE9", "caf%E9"),
            ("caf\u{e9}".as_bytes(), "caf\u{e9}"),
        ] {
            assert_eq!(escape(bytes), text);
            assert_eq!(unescape(text), bytes);
        }
        assert_eq!(unescape("100%/x%4"), b"100%/x%4");
    }

    /// Bytes of any kind, and text: of bytes alone hardly any are a space of another script, or one of two bytes.
    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![any::<Vec<u8>>(), "[ -~\\s\\PC%]{0,40}".prop_map(String::into_bytes)]
    }

    proptest! {
        #[test]
        fn any_bytes_survive(bytes in bytes()) {
            let text = escape(&bytes);
            prop_assert!(!text.contains(char::is_whitespace));
            prop_assert_eq!(unescape(&text), bytes);
        }
    }
}
