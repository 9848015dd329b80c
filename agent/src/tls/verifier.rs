//! The check of the other side: by a pinned key, or by an issuer.
//!
//! A pinned key counts whatever version, name and dates the certificate has, so a pin works with RouterOS's self-signed
//! certificates and while a router's clock is in 1970. The handshake's signature proves possession of the key.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature_with_raw_key};
use rustls::pki_types::{CertificateDer, ServerName, SignatureVerificationAlgorithm, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme};
use webpki::RawPublicKeyEntity;

use super::certificate::Certificate;
use super::pin::{Pin, PinMismatch};

/// A certificate before version 3 without a pin: nothing in one tells a host from an issuer.
#[derive(Debug, thiserror::Error)]
#[error("it is an X.509 certificate of version {0}, and an issuer can vouch for version 3 alone")]
pub struct OldVersion(pub u8);

/// The reason to accept a certificate.
#[derive(Debug)]
enum Anchor {
    /// One of these keys.
    Pins(Vec<Pin>),
    /// A signature by one of these issuers.
    Issuers(Arc<WebPkiServerVerifier>),
}

/// Checks certificates, and the signatures of handshakes.
#[derive(Debug)]
pub(super) struct Verifier {
    anchor: Anchor,
    algorithms: WebPkiSupportedAlgorithms,
}

impl Verifier {
    /// Accepts the holders of these keys.
    pub(super) const fn of_pins(pins: Vec<Pin>, provider: &CryptoProvider) -> Self {
        Self { anchor: Anchor::Pins(pins), algorithms: provider.signature_verification_algorithms }
    }

    /// Accepts certificates of these issuers.
    ///
    /// # Errors
    /// When there is no issuer.
    pub(super) fn of_issuers(roots: RootCertStore, provider: &Arc<CryptoProvider>) -> Result<Self, Error> {
        let algorithms = provider.signature_verification_algorithms;
        let issuers = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)).build();
        let issuers = issuers.map_err(|error| Error::General(error.to_string()))?;
        Ok(Self { anchor: Anchor::Issuers(issuers), algorithms })
    }

    fn accept(
        &self,
        certificate: &CertificateDer<'_>,
        message: &[u8],
        proof: &DigitallySignedStruct,
    ) -> Result<(), Error> {
        let read = Certificate::read(certificate)?;
        let key = RawPublicKeyEntity::try_from(&read.key).map_err(|_| CertificateError::BadEncoding)?;
        let signed = |algorithm: &&dyn SignatureVerificationAlgorithm| {
            key.verify_signature(*algorithm, message, proof.signature()).is_ok()
        };
        let known = self.algorithms.mapping.iter().find(|(scheme, _)| *scheme == proof.scheme);
        match known.is_some_and(|(_, algorithms)| algorithms.iter().any(signed)) {
            true => Ok(()),
            false => Err(CertificateError::BadSignature.into()),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = Certificate::read(end_entity)?;
        match &self.anchor {
            Anchor::Pins(pins) => {
                let found = Pin::of_key(&certificate.key);
                if !pins.contains(&found) {
                    return Err(other(PinMismatch(found)));
                }
            }
            Anchor::Issuers(_) if certificate.version < 3 => return Err(other(OldVersion(certificate.version))),
            Anchor::Issuers(issuers) => {
                issuers.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)?;
            }
        }
        certificate.check_key().map_err(other)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.accept(certificate, message, proof).map(|()| HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        proof: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let read = Certificate::read(certificate)?;
        verify_tls13_signature_with_raw_key(message, &read.key, proof, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    CertificateError::Other(OtherError(Arc::new(error))).into()
}
