//! Pinned keys: a certificate counts by the SHA-256 of its public key (SubjectPublicKeyInfo) alone.
//!
//! Names and dates are not looked at, so a pin works with RouterOS's self-signed certificates and while a router's
//! clock is in 1970. That the other side holds the key is proved by its signature in the handshake, which is verified.

use std::fmt;
use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use webpki::EndEntityCert;

const PREFIX: &str = "sha256//";

/// The SHA-256 of a public key, as `curl --pinnedpubkey` writes it.
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

    /// The pin of a certificate's key.
    ///
    /// # Errors
    /// [`CertificateError::BadEncoding`], when it is no X.509 certificate of version 3.
    pub fn of(certificate: &CertificateDer<'_>) -> Result<Self, CertificateError> {
        let parsed = EndEntityCert::try_from(certificate).map_err(|_| CertificateError::BadEncoding)?;
        let digest = ring::digest::digest(&ring::digest::SHA256, &parsed.subject_public_key_info());
        digest.as_ref().try_into().map(Self).map_err(|_| CertificateError::BadEncoding)
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

/// The other side's key is not one of the pinned ones. A public key's hash is no secret: it is shown to be compared.
#[derive(Debug, thiserror::Error)]
#[error("its key is {0}, which is not pinned")]
pub struct PinMismatch(pub Pin);

/// Accepts a certificate by its key.
#[derive(Debug)]
pub(super) struct PinVerifier {
    pins: Vec<Pin>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl PinVerifier {
    pub(super) const fn new(pins: Vec<Pin>, algorithms: WebPkiSupportedAlgorithms) -> Self {
        Self { pins, algorithms }
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let found = Pin::of(end_entity)?;
        if self.pins.contains(&found) {
            return Ok(ServerCertVerified::assertion());
        }
        Err(CertificateError::Other(OtherError(Arc::new(PinMismatch(found)))).into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

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
