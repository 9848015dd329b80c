//! Secrets: where they come from, and that they are never printed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

/// The largest secret file that is read, in bytes: a token has 43 characters, a password rarely more.
const MAX_SECRET: u64 = 4096;

/// A secret's bytes; it prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes the bytes as they are.
    pub fn new(bytes: impl AsRef<[u8]>) -> Self {
        Self(bytes.as_ref().into())
    }

    /// The bytes, for the one place that sends them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Where a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file, read each time that the secret is needed, so that it can be changed without a restart.
    File(PathBuf),
    /// An environment variable's value. RouterOS shows those in its exports, so a file is the better place.
    Value(Secret),
}

/// Why a secret cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read.
    #[error("secret file {} is not readable: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nothing in it.
    #[error("secret file {} is empty", .0.display())]
    Empty(PathBuf),
    /// There is more in it than a secret.
    #[error("secret file {} is larger than {MAX_SECRET} bytes: is it the right file?", .0.display())]
    TooLarge(PathBuf),
}

impl SecretSource {
    /// The secret, without the line end that editors leave. A small file is read at once, which blocks for a moment.
    ///
    /// # Errors
    /// [`SecretError`], which names the file and never its content.
    pub fn read(&self) -> Result<Secret, SecretError> {
        match self {
            Self::Value(secret) => Ok(secret.clone()),
            Self::File(path) => {
                let mut bytes = Vec::new();
                File::open(path)
                    .and_then(|file| file.take(MAX_SECRET + 1).read_to_end(&mut bytes))
                    .map_err(|source| SecretError::Io { path: path.clone(), source })?;
                let secret = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                let secret = secret.strip_suffix(b"\r").unwrap_or(secret);
                match secret.len() as u64 {
                    0 => Err(SecretError::Empty(path.clone())),
                    1..=MAX_SECRET => Ok(Secret::new(secret)),
                    _ => Err(SecretError::TooLarge(path.clone())),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content: &[u8]) -> Result<Secret, SecretError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret");
        std::fs::write(&path, content).unwrap();
        SecretSource::File(path).read()
    }

    #[test]
    fn one_line_end_is_not_part_of_a_secret() {
        for content in ["pass word ", "pass word \n", "pass word \r\n"] {
            assert_eq!(read(content.as_bytes()).unwrap().expose(), b"pass word ");
        }
        assert_eq!(read(b"two\n\n").unwrap().expose(), b"two\n");
    }

    #[test]
    fn a_file_that_holds_no_secret_is_named() {
        assert!(matches!(read(b"\n"), Err(SecretError::Empty(_))));
        assert!(matches!(read(&[b'x'; 5_000]), Err(SecretError::TooLarge(_))));
        let missing = SecretSource::File("/nonexistent/token".into()).read().unwrap_err();
        assert!(missing.to_string().contains("/nonexistent/token"), "{missing}");
    }

    #[test]
    fn it_is_never_printed() {
        let source = SecretSource::Value(Secret::new("hunter2"));
        assert_eq!(format!("{source:?}"), "Value(***)");
    }
}
