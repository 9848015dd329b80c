//! api-ssl with a self-signed certificate, made at start. Without a certificate RouterOS offers only anonymous Diffie-Hellman;
//! no ordinary client accepts that.

use std::io;
use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair, PublicKeyData};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;

/// A fatal alert, `handshake_failure` (RFC 5246, section 7.2), as a record of TLS 1.2.
pub(crate) const HANDSHAKE_FAILURE: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28];

/// Whether api-ssl is open, and its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tls {
    /// The port is closed.
    #[default]
    Off,
    /// Self-signed.
    Certificate,
    /// None is assigned: every handshake ends in a fatal alert.
    NoCertificate,
}

/// A certificate in use.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) acceptor: TlsAcceptor,
    /// SHA-256 of the certificate's SubjectPublicKeyInfo.
    pub(crate) pin: [u8; 32],
    pub(crate) certificate_pem: String,
}

/// Makes a key and a certificate in RouterOS's way: self-signed, without an address.
pub(crate) fn identity() -> io::Result<Identity> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let params = CertificateParams::new(vec!["router.simulated".to_owned()]).map_err(io::Error::other)?;
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    let digest = ring::digest::digest(&ring::digest::SHA256, &key.subject_public_key_info());
    let mut pin = [0; 32];
    pin.copy_from_slice(digest.as_ref());
    let config = server_config(certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(Identity { acceptor, pin, certificate_pem: certificate.pem() })
}

fn server_config(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> io::Result<ServerConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS12]);
    let builder = builder.map_err(io::Error::other)?.with_no_client_auth();
    builder.with_single_cert(vec![certificate], key).map_err(io::Error::other)
}
