//! Secrets of 32 random bytes, and the hash by which the store knows them.

use std::fmt;

use anyhow::{Context, Result};
use data_encoding::BASE64URL_NOPAD;
use ring::digest::{SHA256, digest};

use crate::store::random::fill_random;

/// The length of a secret and of its hash, in bytes.
const LENGTH: usize = 32;
/// The longest text that is taken for a secret, in bytes.
const MAX_TEXT: usize = 64;

/// A fresh secret: the text for its owner.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns a fresh secret.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn fresh() -> Result<Self> {
        let mut bytes = [0; LENGTH];
        fill_random(&mut bytes)?;
        Ok(Self(BASE64URL_NOPAD.encode(&bytes)))
    }

    /// Returns the text. It may go to the secret's owner alone.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the hash for the store.
    pub fn hash(&self) -> Hash {
        Hash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The SHA-256 of a secret. A lookup by it takes a time that tells of no secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; LENGTH]);

impl Hash {
    /// Returns the hash of a secret's text.
    pub fn of(text: &[u8]) -> Self {
        let mut hash = [0; LENGTH];
        hash.copy_from_slice(digest(&SHA256, text).as_ref());
        Self(hash)
    }

    /// Returns the hash of a text that somebody shows as a secret; `None` for a text that is none.
    pub fn of_shown(text: &str) -> Option<Self> {
        (!text.is_empty() && text.len() <= MAX_TEXT).then(|| Self::of(text.as_bytes()))
    }

    /// Returns the text for the store.
    pub fn to_text(self) -> String {
        BASE64URL_NOPAD.encode(&self.0)
    }

    /// Reads the store's text.
    ///
    /// # Errors
    /// The text is no hash.
    pub fn from_text(text: &str) -> Result<Self> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).context("the store has a hash that is none")
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(…)")
    }
}
