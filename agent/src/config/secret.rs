//! Secrets: their sources, the traces of editors and shells around them, and a type that is never printed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The largest secret, in bytes: a token has 43 characters, a password rarely more.
const MAX_SECRET: usize = 4_096;

/// The largest file that is read, in bytes: the largest secret in UTF-16.
const MAX_FILE: u64 = 2 * MAX_SECRET as u64;

/// Characters without width. Copying from a web page or a messenger adds them.
const INVISIBLE: [char; 6] = ['\u{ad}', '\u{200b}', '\u{200c}', '\u{200d}', '\u{2060}', '\u{feff}'];

/// A secret's bytes, printed as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes the bytes as they are.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(bytes.as_ref().into())
    }

    /// Returns the bytes, to send them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Returns the token without blanks and quotes around; no token has any.
    fn as_token(&self) -> Self {
        let trimmed = self.0.trim_ascii();
        Self::new(unquoted(trimmed).unwrap_or(trimmed).trim_ascii())
    }

    /// Returns a doubt about a password's ends. They may be meant, so they are kept.
    fn doubt(&self) -> Option<&'static str> {
        let text = String::from_utf8_lossy(&self.0);
        let is_blank = |c: char| c.is_whitespace() || INVISIBLE.contains(&c);
        if text.starts_with(is_blank) || text.ends_with(is_blank) {
            Some("begins or ends with a blank or an invisible character, which counts as a part of it")
        } else if unquoted(&self.0).is_some() || is_in_typographic_quotes(&text) {
            Some("stands in quotes, which count as a part of it")
        } else if text.starts_with("LINELIGHT_") && text.contains('=') {
            Some("begins with a variable's name, which counts as a part of it")
        } else {
            None
        }
    }

    /// Returns a doubt about a token; every token is letters, digits, `-` and `_`.
    fn token_doubt(&self) -> Option<&'static str> {
        let is_of_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        let is_token = self.0.iter().all(is_of_token);
        (!is_token).then_some("holds characters that no token has: the file is for the token alone, linelight_agent_…")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The source of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file, read at each use: a new secret needs no restart.
    File(PathBuf),
    /// An environment variable's value. RouterOS shows variables in its exports, so a file is the better place.
    Value(Secret),
}

/// Why a secret cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("secret file {} is not readable: {source}; is it mounted into the container?", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is empty.
    #[error("secret file {} is empty: write the secret into it", .0.display())]
    Empty(PathBuf),
    /// The file is too large for a secret.
    #[error("secret file {} is larger than {MAX_SECRET} bytes: is it the right file?", .0.display())]
    TooLarge(PathBuf),
    /// The file has several lines.
    #[error("secret file {} holds several lines: leave the one with the secret", .0.display())]
    SeveralLines(PathBuf),
    /// The file is broken UTF-16.
    #[error("secret file {} is UTF-16 that cannot be read: save it as UTF-8", .0.display())]
    Encoding(PathBuf),
}

impl SecretSource {
    /// Reads the secret. A file's byte order mark, and line ends before and after the secret, are left out;
    /// UTF-16 becomes UTF-8. The file is small; reading blocks for a moment.
    ///
    /// # Errors
    /// [`SecretError`], with the file's name and never the content.
    pub fn read(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Value(secret) => Ok(secret.clone()),
            Self::File(path) => read_file(path),
        }
    }

    /// Reads a token: as [`read`](Self::read), and without blanks and quotes around.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_token(&self) -> Result<Secret, SecretError> {
        self.read().map(|secret| secret.as_token())
    }

    /// Returns a doubt about a password: the ends, or no password at all. The agent reads the file again when needed.
    pub(super) fn password_doubt(&self) -> Option<String> {
        match self.read() {
            Ok(password) => {
                let doubt = password.doubt()?;
                Some(format!("the router's password {doubt}: remove that, unless it is meant"))
            }
            Err(error) => Some(error.to_string()),
        }
    }

    /// Returns a doubt about a token, or the reason for reading none.
    pub(super) fn token_doubt(&self) -> Option<String> {
        match self.read_token() {
            Ok(token) => Some(format!("the token {}", token.token_doubt()?)),
            Err(error) => Some(error.to_string()),
        }
    }
}

fn read_file(path: &Path) -> Result<Secret, SecretError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_FILE + 1).read_to_end(&mut bytes))
        .map_err(|source| SecretError::Io { path: path.to_owned(), source })?;
    let text = decoded(bytes).ok_or_else(|| SecretError::Encoding(path.to_owned()))?;
    let secret = without_line_ends(&text);
    if secret.len() > MAX_SECRET {
        return Err(SecretError::TooLarge(path.to_owned()));
    }
    if secret.is_empty() {
        return Err(SecretError::Empty(path.to_owned()));
    }
    if secret.iter().any(|byte| b"\r\n".contains(byte)) {
        return Err(SecretError::SeveralLines(path.to_owned()));
    }
    Ok(Secret::new(secret))
}

/// Returns the bytes without a byte order mark, UTF-16 as UTF-8; `None` for UTF-16 without a mark or an end. Bytes of any
/// other encoding are a password's own.
fn decoded(bytes: Vec<u8>) -> Option<Vec<u8>> {
    match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, text @ ..] => Some(text.to_vec()),
        [0xff, 0xfe, text @ ..] => from_utf16(text, u16::from_le_bytes),
        [0xfe, 0xff, text @ ..] => from_utf16(text, u16::from_be_bytes),
        text if text.contains(&0) => None,
        _ => Some(bytes),
    }
}

fn from_utf16(text: &[u8], unit: impl Fn([u8; 2]) -> u16) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let units: Vec<_> = pairs.iter().map(|pair| unit(*pair)).collect();
    String::from_utf16(&units).ok().map(String::into_bytes)
}

fn without_line_ends(mut text: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] | [rest @ .., b'\r' | b'\n'] = text {
        text = rest;
    }
    text
}

/// Returns the text between two equal quotes.
fn unquoted(text: &[u8]) -> Option<&[u8]> {
    match text {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => Some(inner),
        _ => None,
    }
}

/// True for text between two quotes of a word processor.
fn is_in_typographic_quotes(text: &str) -> bool {
    let pairs = [('“', '”'), ('„', '“'), ('„', '”'), ('‘', '’'), ('«', '»'), ('»', '«')];
    text.chars().count() > 2 && pairs.iter().any(|(left, right)| text.starts_with(*left) && text.ends_with(*right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<Secret, SecretError> {
        with_file(content, SecretSource::read)
    }

    fn with_file<T>(content: &[u8], ask: impl FnOnce(&SecretSource) -> T) -> T {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, content).unwrap();
        ask(&SecretSource::File(path))
    }

    fn utf16(text: &str, bytes: impl Fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn what_an_editor_adds_is_not_part_of_a_secret() {
        for content in
            ["påss word ", "påss word \n", "påss word \r\n", "\n\npåss word \n\r\n\n", "\u{feff}påss word \n"]
        {
            assert_eq!(read(content.as_bytes()).unwrap().expose(), "påss word ".as_bytes(), "{content:?}");
        }
        let marked = "\u{feff}påss word \r\n";
        for content in [utf16(marked, u16::to_le_bytes), utf16(marked, u16::to_be_bytes)] {
            assert_eq!(read(&content).unwrap().expose(), "påss word ".as_bytes());
        }
        assert_eq!(read(b"p\xe5ss\n").unwrap().expose(), b"p\xe5ss", "another encoding is the router's own business");
    }

    #[test]
    fn what_cannot_be_trimmed_with_safety_is_named() {
        assert!(matches!(read(b"one\ntwo\n"), Err(SecretError::SeveralLines(_))));
        for content in [utf16("no mark", u16::to_le_bytes), b"\xff\xfea".to_vec(), b"\xff\xfe\x00\xd8".to_vec()] {
            assert!(matches!(read(&content), Err(SecretError::Encoding(_))), "{content:?}");
        }
        let doubt = |content: &str| with_file(content.as_bytes(), SecretSource::password_doubt);
        for (content, word) in [
            ("pass \n", "blank"),
            ("\tpass", "blank"),
            ("pass\u{a0}\n", "blank"),
            ("pass\u{200b}", "invisible"),
            ("\"pass\"\n", "quotes"),
            ("'pass'", "quotes"),
            ("„pass“\n", "quotes"),
            ("LINELIGHT_ROUTER_PASSWORD=pass\n", "variable's name"),
            ("\n\n", "is empty: write the secret into it"),
            ("one\ntwo\n", "several lines"),
        ] {
            assert!(doubt(content).unwrap().contains(word), "{content:?}");
        }
        for content in ["pass word", "pa\"ss\"", "\"pass", "'", "a=b", "p\u{e5}ss"] {
            assert_eq!(doubt(content), None, "{content:?}");
        }
        let doubt = |content: &str| with_file(content.as_bytes(), SecretSource::token_doubt);
        for content in [
            "Bearer linelight_agent_x\n",
            "LINELIGHT_TOKEN=linelight_agent_x",
            "linelight\u{200b}_agent_x",
            "“linelight_agent_x”",
            "",
        ] {
            assert!(doubt(content).is_some(), "{content:?}");
        }
        for content in ["linelight_agent_x-Y9\n", " \"linelight_agent_x\" \r\n"] {
            assert_eq!(doubt(content), None, "{content:?}");
        }
    }

    #[test]
    fn a_token_has_neither_blanks_nor_quotes_around_it() {
        for content in ["token", " token \n", "\"token\"\n", "'token' ", "\u{feff}\"token\"\r\n\r\n"] {
            let token = with_file(content.as_bytes(), SecretSource::read_token).unwrap();
            assert_eq!(token.expose(), b"token", "{content:?}");
        }
        let value = SecretSource::Value(Secret::new("\"token\""));
        assert_eq!(value.read_token().unwrap().expose(), b"token", "an env-file of Docker keeps quotes");
    }

    #[test]
    fn a_file_that_holds_no_secret_is_named() {
        for content in [b"\n".as_slice(), b"", b"\xef\xbb\xbf\r\n"] {
            assert!(matches!(read(content), Err(SecretError::Empty(_))), "{content:?}");
        }
        assert!(matches!(read(&[b'x'; 5_000]), Err(SecretError::TooLarge(_))));
        assert!(matches!(read(&[b'x'; 50_000]), Err(SecretError::TooLarge(_))));
        let missing = SecretSource::File("/nonexistent/token".into()).read().unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/token"), "{missing}");
    }

    #[test]
    fn it_is_never_printed() {
        let source = SecretSource::Value(Secret::new("hunter2"));
        assert_eq!(format!("{source:?}"), "Value(***)");
    }
}
