//! PPPoE usernames as bytes, and their one text form.
//!
//! RouterOS stores the bytes from WinBox, in the code page of the operator's PC. So a username is bytes, and comparison
//! is exact. URLs, JSON, tokens and patterns carry the text form, in which different usernames differ: valid UTF-8
//! stays as it is, every other byte and `%` become `%XX` in capitals. The text form is not a display form: the reader
//! chooses the code page.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The maximum length of a username, in bytes: PPP's authentication protocols carry the length in one byte (RFC 1334,
/// RFC 1994).
pub const MAX_USERNAME: usize = 255;

/// One PPPoE username: 1 to [`MAX_USERNAME`] bytes, compared byte for byte.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Username(Box<[u8]>);

/// Why bytes or text are not a username.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsernameError {
    /// No bytes at all.
    #[error("username is empty")]
    Empty,
    /// More than [`MAX_USERNAME`] bytes.
    #[error("username has {0} bytes; at most {MAX_USERNAME} are possible")]
    TooLong(usize),
    /// The text differs from the text form of its own bytes.
    #[error("username {text:?} is not in text form; write it as {canonical:?}")]
    NotCanonical {
        /// The given text.
        text: String,
        /// The correct text form.
        canonical: String,
    },
}

impl Username {
    /// Takes the bytes as the router gave them.
    ///
    /// # Errors
    /// [`UsernameError::Empty`] or [`UsernameError::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, UsernameError> {
        match bytes.len() {
            0 => Err(UsernameError::Empty),
            1..=MAX_USERNAME => Ok(Self(bytes.into())),
            n => Err(UsernameError::TooLong(n)),
        }
    }

    /// Reads exactly the text form, so that each username has one spelling.
    ///
    /// # Errors
    /// [`UsernameError`], with the correct spelling.
    pub fn from_text(text: &str) -> Result<Self, UsernameError> {
        let username = Self::from_bytes(&unescape(text))?;
        let canonical = username.to_text();
        if canonical == text {
            return Ok(username);
        }
        Err(UsernameError::NotCanonical { text: text.to_owned(), canonical })
    }

    /// Reads a username from an argument, an old bookmark's query or a spreadsheet column, whose writers need not know
    /// the text form. Reads the text form if the bytes are one, otherwise takes the bytes themselves: `caf%E9` is
    /// `caf\xE9`, `50%` is `50%`, and `\xE9` from a windows-1252 file is `\xE9`.
    ///
    /// # Errors
    /// [`UsernameError::Empty`] or [`UsernameError::TooLong`].
    pub fn from_typed(bytes: &[u8]) -> Result<Self, UsernameError> {
        match std::str::from_utf8(bytes).map(Self::from_text) {
            Ok(Ok(username)) => Ok(username),
            _ => Self::from_bytes(bytes),
        }
    }

    /// The bytes as the router has them.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text form.
    pub fn to_text(&self) -> String {
        escape(&self.0)
    }
}

/// Returns any bytes of a router (a username, a profile's name, a comment) as text: valid UTF-8 as it is, every other
/// byte and `%` as `%XX`. Different bytes give different text.
pub fn escape(bytes: &[u8]) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(bytes.len());
    let escaped = |out: &mut String, byte: u8| {
        out.push('%');
        out.push(char::from(HEX[usize::from(byte >> 4)]));
        out.push(char::from(HEX[usize::from(byte & 15)]));
    };
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '%' { escaped(&mut out, b'%') } else { out.push(c) }
        }
        for &byte in chunk.invalid() {
            escaped(&mut out, byte);
        }
    }
    out
}

/// Returns the bytes behind a text from [`escape`]. A `%` without two hexadecimal digits after it stands for itself.
pub fn unescape(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, bytes.get(at + 1).and_then(hex_digit), bytes.get(at + 2).and_then(hex_digit)) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

fn hex_digit(byte: &u8) -> Option<u8> {
    char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Username({:?})", self.to_text())
    }
}

impl Serialize for Username {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_text())
    }
}

impl<'de> Deserialize<'de> for Username {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'_, str>>::deserialize(deserializer)?;
        Self::from_text(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn typed_bytes_are_read_as_text_form_first() {
        for (typed, bytes) in [
            (&b"ali"[..], &b"ali"[..]),
            (b"caf%E9", b"caf\xE9"),
            (b"caf\xE9", b"caf\xE9"),
            ("café".as_bytes(), "café".as_bytes()),
            (b"50%", b"50%"),
            (b"50%25", b"50%"),
            (b"%c3", b"%c3"),
        ] {
            assert_eq!(Username::from_typed(typed).unwrap().as_bytes(), bytes);
        }
        assert!(Username::from_typed(b"").is_err() && Username::from_typed(&[b'x'; 256]).is_err());
    }

    #[test]
    fn text_forms() {
        for (bytes, text) in [
            (&b"ali"[..], "ali"),
            (b"4446@karoo.example", "4446@karoo.example"),
            ("é🙂".as_bytes(), "é🙂"),
            (b"\xE9", "%E9"),
            (b"50%", "50%25"),
            (b"%E9", "%25E9"),
            (b"a/b c,d", "a/b c,d"),
            (b"caf\xE9 \xC3\xA9", "caf%E9 é"),
        ] {
            let username = Username::from_bytes(bytes).unwrap();
            assert_eq!(username.to_text(), text);
            assert_eq!(Username::from_text(text).unwrap(), username);
        }
    }

    #[test]
    fn only_the_one_spelling_is_read() {
        for text in ["%41li", "%e9", "50%", "%C3%A9", "%2"] {
            let error = Username::from_text(text).unwrap_err();
            let UsernameError::NotCanonical { canonical, .. } = error else { panic!("{text}: {error}") };
            assert!(Username::from_text(&canonical).is_ok(), "the remedy for {text} is not accepted: {canonical}");
        }
        assert_eq!(Username::from_text(""), Err(UsernameError::Empty));
        assert_eq!(Username::from_bytes(&[b'x'; 256]), Err(UsernameError::TooLong(256)));
    }

    proptest! {
        #[test]
        fn the_text_form_is_injective(bytes in prop::collection::vec(any::<u8>(), 1..=MAX_USERNAME)) {
            let username = Username::from_bytes(&bytes).unwrap();
            let back = Username::from_text(&username.to_text()).unwrap();
            prop_assert_eq!(back.as_bytes(), &bytes[..]);
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,300}") {
            if let Ok(username) = Username::from_text(&text) {
                prop_assert_eq!(username.to_text(), text);
            }
        }
    }
}
