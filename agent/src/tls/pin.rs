//! Pinned keys: the SHA-256 of a public key (SubjectPublicKeyInfo), read and shown.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ring::digest::{SHA256, digest};
use rustls::pki_types::SubjectPublicKeyInfoDer;

const PREFIX: &str = "sha256//";

/// The SHA-256 of a public key, in the format of `curl --pinnedpubkey`.
#[derive(Clone, PartialEq, Eq)]
pub struct Pin([u8; 32]);

impl Pin {
    /// Reads `sha256//` and base64, or hex with or without colons.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = match text.trim().strip_prefix(PREFIX) {
            Some(base64) => BASE64.decode(base64.as_bytes()).ok()?,
            None => HEXLOWER_PERMISSIVE.decode(text.trim().replace(':', "").as_bytes()).ok()?,
        };
        bytes.try_into().ok().map(Self)
    }

    /// Returns the pin of a key.
    pub(super) fn of_key(key: &SubjectPublicKeyInfoDer<'_>) -> Self {
        let mut pin = [0; 32];
        pin.copy_from_slice(digest(&SHA256, key).as_ref());
        Self(pin)
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}{}", BASE64.encode(&self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The other side's key is not pinned. The hash of a public key is no secret and is shown for comparison.
#[derive(Debug, thiserror::Error)]
#[error("its key is {0}, which is not pinned")]
pub struct PinMismatch(pub Pin);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_read_as_curl_and_openssl_write_them() {
        let hex = "00:01:02:03:04:05:06:07:08:09:0A:0b:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f";
        let base64 = "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let pin = Pin::parse(hex).unwrap();
        assert_eq!(pin.to_string(), base64);
        assert_eq!(Pin::parse(base64), Some(pin.clone()));
        assert_eq!(Pin::parse(&hex.replace(':', "")), Some(pin));
        for wrong in ["", "sha256//", "sha256//AAEC", "0001", "sha1//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="] {
            assert_eq!(Pin::parse(wrong), None, "{wrong}");
        }
    }
}
