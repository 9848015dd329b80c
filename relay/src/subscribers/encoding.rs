//! The character encoding of a subscribers file: marked, declared, or guessed from the bytes.
//!
//! Text for display is decoded. A username is not: the router has bytes too, and the two are compared.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The content of a file behind the byte-order mark, and the decoder of the values.
pub(super) struct Content<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) decoder: Decoder,
}

/// How the values of a file are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decoder {
    /// One encoding for all values: the declared one, or UTF-8.
    Known(&'static Encoding),
    /// Nothing was declared and not all bytes are UTF-8: other values are windows-1252.
    Guessed,
    /// The content was decoded to UTF-8 as a whole, because a separator's byte can be a part of a character there.
    Whole(&'static Encoding),
}

/// Finds an encoding by a label of the WHATWG encoding standard, such as `windows-1251`, `cp1251` or `koi8-r`.
///
/// # Errors
/// If no encoding has the label; in words, for a command's argument.
pub fn by_label(label: &str) -> Result<&'static Encoding, String> {
    Encoding::for_label_no_replacement(label.as_bytes())
        .ok_or_else(|| "not an encoding; it looks like windows-1252, windows-1251, koi8-r, ibm866 or utf-8".to_owned())
}

impl<'a> Content<'a> {
    /// A byte-order mark counts before the declared encoding.
    pub(super) fn new(bytes: &'a [u8], declared: Option<&'static Encoding>) -> Self {
        let (found, mark) = Encoding::for_bom(bytes).map_or((None, 0), |(encoding, mark)| (Some(encoding), mark));
        let bytes = bytes.get(mark..).unwrap_or_default();
        match found.or(declared).or_else(|| utf_16_without_mark(bytes)) {
            Some(encoding) if encoding == UTF_8 || encoding.is_single_byte() => {
                Self { bytes: Cow::Borrowed(bytes), decoder: Decoder::Known(encoding) }
            }
            Some(encoding) => {
                let text = encoding.decode_without_bom_handling(bytes).0.into_owned();
                Self { bytes: Cow::Owned(text.into_bytes()), decoder: Decoder::Whole(encoding) }
            }
            None => Self { bytes: Cow::Borrowed(bytes), decoder: Decoder::guess(bytes) },
        }
    }
}

impl Decoder {
    fn guess(bytes: &[u8]) -> Self {
        if std::str::from_utf8(bytes).is_ok() { Self::Known(UTF_8) } else { Self::Guessed }
    }

    /// Returns a value as text for display.
    pub(super) fn text(self, value: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Known(encoding) => encoding.decode_without_bom_handling(value).0,
            Self::Whole(_) => String::from_utf8_lossy(value),
            Self::Guessed => match std::str::from_utf8(value) {
                Ok(text) => Cow::Borrowed(text),
                Err(_) => WINDOWS_1252.decode_without_bom_handling(value).0,
            },
        }
    }

    /// Returns the bytes of a username on the router: those of the file.
    pub(super) fn username(self, value: &[u8]) -> Cow<'_, [u8]> {
        match (self, std::str::from_utf8(value)) {
            (Self::Whole(encoding), Ok(text)) => match encoding.encode(text) {
                (Cow::Owned(bytes), _, false) => Cow::Owned(bytes),
                _ => Cow::Borrowed(value),
            },
            _ => Cow::Borrowed(value),
        }
    }

    /// Names the encoding for the operator.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Known(encoding) | Self::Whole(encoding) => encoding.name(),
            Self::Guessed => WINDOWS_1252.name(),
        }
    }
}

/// Recognises UTF-16 by zero bytes in the first two characters: the first row begins with ASCII.
fn utf_16_without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => Some(UTF_16LE),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => Some(UTF_16BE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_marked_declared_or_told() {
        let latin: &[u8] = b"Caf\xE9";
        let utf_16: Vec<u8> = "Café".encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, declared, text, name) in [
            (latin, None, "Café", "windows-1252"),
            ("Café".as_bytes(), None, "Café", "UTF-8"),
            (b"\xC0\xEB\xE8", Some("windows-1251"), "Али", "windows-1251"),
            (b"\x80\xAB\xA8", Some("cp866"), "Али", "IBM866"),
            ("\u{FEFF}Café".as_bytes(), Some("windows-1251"), "Café", "UTF-8"),
            (&utf_16, None, "Café", "UTF-16BE"),
            (b"\xB0\xA2", Some("gbk"), "阿", "GBK"),
        ] {
            let content = Content::new(bytes, declared.map(|label| by_label(label).unwrap()));
            assert_eq!(content.decoder.text(&content.bytes), text);
            assert_eq!(content.decoder.name(), name);
        }
    }

    #[test]
    fn a_username_keeps_the_bytes_of_the_file() {
        for (bytes, label) in [(&b"\xC0\xEB\xE8"[..], "windows-1251"), (b"\xB0\xA2|x", "gbk"), (b"ali", "utf-8")] {
            let content = Content::new(bytes, Some(by_label(label).unwrap()));
            assert_eq!(content.decoder.username(&content.bytes), bytes, "{label}");
        }
    }

    #[test]
    fn a_label_that_is_none_is_refused() {
        assert!(by_label("windows-1251").is_ok() && by_label("CP1251").is_ok());
        assert!(by_label("ebcdic").is_err() && by_label("iso-2022-kr").is_err(), "one that cannot be decoded");
    }
}
