//! A username as people and programs write it, where its one text form cannot be insisted on: an argument, an old
//! bookmark's query, a column of a spreadsheet.

use shared::Username;
use shared::username::UsernameError;

/// Reads the text form where the bytes are one, else takes the bytes themselves: `caf%E9` is `caf\xE9`, `50%` is `50%`, and
/// `\xE9` from a windows-1252 file is `\xE9`.
///
/// # Errors
/// [`UsernameError::Empty`] or [`UsernameError::TooLong`].
pub fn username(bytes: &[u8]) -> Result<Username, UsernameError> {
    match std::str::from_utf8(bytes).map(Username::from_text) {
        Ok(Ok(username)) => Ok(username),
        _ => Username::from_bytes(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_first_then_bytes() {
        for (typed, bytes) in [
            (&b"ali"[..], &b"ali"[..]),
            (b"caf%E9", b"caf\xE9"),
            (b"caf\xE9", b"caf\xE9"),
            ("café".as_bytes(), "café".as_bytes()),
            (b"50%", b"50%"),
            (b"50%25", b"50%"),
            (b"%c3", b"%c3"),
        ] {
            assert_eq!(username(typed).unwrap().as_bytes(), bytes);
        }
        assert!(username(b"").is_err() && username(&[b'x'; 256]).is_err());
    }
}
