//! The public key in an X.509 certificate of any version (RFC 5280, section 4.1).
//!
//! The library reads version 3 alone, and reports an unusable key as a failed signature. A pinned key counts in any
//! version, and an unusable key is named before any signature is tried.

use rustls::CertificateError;
use rustls::pki_types::{CertificateDer, SubjectPublicKeyInfoDer};

/// The RSA keys within reach of this program, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const VERSION: u8 = 0xa0;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const P384: &[u8] = &[0x2b, 0x81, 4, 0, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 4, 0, 0x23];
const DSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const ED448: &[u8] = &[0x2b, 0x65, 0x71];

/// A key without a verifier in this program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UnusableKey {
    /// An RSA key of so many bits.
    #[error("an RSA key of {0} bits; this agent verifies RSA of 2048 to 8192 bits")]
    Rsa(usize),
    /// A key on an elliptic curve other than P-256 and P-384.
    #[error("a key on the elliptic curve {0}; this agent verifies P-256 and P-384")]
    Curve(&'static str),
    /// A key of another algorithm.
    #[error("{0}; this agent verifies RSA, ECDSA and Ed25519")]
    Algorithm(&'static str),
}

/// A certificate's version and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate<'a> {
    /// The X.509 version, 1 to 3.
    pub(super) version: u8,
    /// The SubjectPublicKeyInfo, whole.
    pub(super) key: SubjectPublicKeyInfoDer<'a>,
}

impl<'a> Certificate<'a> {
    /// Reads the parts.
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`], if these bytes are no certificate.
    pub(super) fn read(der: &'a CertificateDer<'_>) -> Result<Self, CertificateError> {
        Self::parse(der).ok_or(CertificateError::BadEncoding)
    }

    fn parse(der: &'a [u8]) -> Option<Self> {
        let mut certificate = Reader(der).enter(SEQUENCE)?;
        let mut fields = certificate.enter(SEQUENCE)?;
        let version = match fields.0.first() {
            Some(&VERSION) => fields.enter(VERSION)?.content(INTEGER)?.first()?.checked_add(1)?,
            _ => 1,
        };
        fields.content(INTEGER)?; // serial number
        for _ in ["signature", "issuer", "validity", "subject"] {
            fields.content(SEQUENCE)?;
        }
        let key = fields.whole(SEQUENCE)?;
        Some(Self { version, key: key.into() })
    }

    /// Checks whether a signature by this key can be verified here.
    ///
    /// # Errors
    /// [`UnusableKey`], with the kind of key.
    pub(super) fn check_key(&self) -> Result<(), UnusableKey> {
        let unknown = UnusableKey::Algorithm("a key that cannot be read");
        let mut info = Reader(&self.key).enter(SEQUENCE).ok_or(unknown)?;
        let mut algorithm = info.enter(SEQUENCE).ok_or(unknown)?;
        match algorithm.content(OBJECT).ok_or(unknown)? {
            RSA => match rsa_bits(&mut info).ok_or(unknown)? {
                bits if RSA_BITS.contains(&bits) => Ok(()),
                bits => Err(UnusableKey::Rsa(bits)),
            },
            EC => match algorithm.content(OBJECT) {
                Some(P256 | P384) => Ok(()),
                Some(P521) => Err(UnusableKey::Curve("P-521")),
                _ => Err(UnusableKey::Curve("of another name")),
            },
            ED25519 => Ok(()),
            RSA_PSS => Err(UnusableKey::Algorithm("a key for RSA-PSS alone")),
            DSA => Err(UnusableKey::Algorithm("a DSA key")),
            ED448 => Err(UnusableKey::Algorithm("an Ed448 key")),
            _ => Err(UnusableKey::Algorithm("a key of another algorithm")),
        }
    }
}

/// The length of an RSA modulus (RFC 8017, appendix A.1.1).
fn rsa_bits(info: &mut Reader<'_>) -> Option<usize> {
    let key = info.content(BIT_STRING)?.strip_prefix(&[0])?;
    let modulus = Reader(key).enter(SEQUENCE)?.content(INTEGER)?;
    let start = modulus.iter().position(|byte| *byte != 0)?;
    Some((modulus.len() - start) * 8 - modulus[start].leading_zeros() as usize)
}

/// Reads DER (X.690, chapter 8): tags of one byte, lengths below 16 MiB.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Takes the next value if the tag is this one; returns the whole value and the content's length.
    fn take(&mut self, tag: u8) -> Option<(&'a [u8], usize)> {
        let (found, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, header) = match first {
            0..=0x7f => (usize::from(first), 2),
            0x81..=0x83 => {
                let bytes = rest.get(..usize::from(first - 0x80))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), 2 + bytes.len())
            }
            _ => return None,
        };
        let (whole, rest) = self.0.split_at_checked(header + length).filter(|_| *found == tag)?;
        self.0 = rest;
        Some((whole, length))
    }

    fn whole(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.take(tag).map(|(whole, _)| whole)
    }

    fn content(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.take(tag).map(|(whole, length)| &whole[whole.len() - length..])
    }

    fn enter(&mut self, tag: u8) -> Option<Self> {
        self.content(tag).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use webpki::EndEntityCert;

    use super::super::tests::issue;
    use super::*;

    #[test]
    fn the_key_is_the_one_that_the_library_finds() {
        let issued = issue(|_| ());
        let der = issued.certificate();
        let read = Certificate::read(der).unwrap();
        let library = EndEntityCert::try_from(der).unwrap();
        assert_eq!((read.version, read.key.as_ref()), (3, library.subject_public_key_info().as_ref()));
        assert_eq!(read.check_key(), Ok(()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(flip in any::<prop::sample::Index>(), byte: u8, cut in any::<prop::sample::Index>()) {
            let issued = issue(|_| ());
            let mut der = issued.certificate().to_vec();
            let at = flip.index(der.len());
            der[at] = byte;
            der.truncate(cut.index(der.len() + 1));
            if let Ok(read) = Certificate::read(&der.into()) {
                let _ = read.check_key();
            }
        }
    }
}
