//! The proofs for ACME that a name leads to this relay: a certificate for one TLS handshake (TLS-ALPN-01, RFC 8737), or a text at
//! an address of plain HTTP (HTTP-01, RFC 8555 section 8.3). A proof is there while its order runs.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context, Result};
use parking_lot::RwLock;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::ring;
use rustls::server::ClientHello;
use rustls::sign::CertifiedKey;
use rustls_pki_types::PrivateKeyDer;

/// The protocol of a handshake that asks for a proof (RFC 8737, section 6.2).
pub(crate) const ACME_TLS: &[u8] = b"acme-tls/1";

/// All proofs of the present order.
#[derive(Debug, Default)]
pub struct Proofs {
    // Held for one lookup, or to put a proof in place.
    certificates: RwLock<HashMap<String, Arc<CertifiedKey>>>,
    texts: RwLock<HashMap<String, String>>,
}

impl Proofs {
    /// Returns the certificate for a handshake that asks for a proof.
    pub(crate) fn certificate(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name()?.to_ascii_lowercase();
        self.certificates.read().get(&name).cloned()
    }

    /// Offers the proof of a name by TLS-ALPN-01. `digest` is of the key authorization.
    pub(crate) fn offer_certificate(&self, name: &str, digest: &[u8]) -> Result<()> {
        let mut params =
            CertificateParams::new(vec![name.to_owned()]).context("the name is not one of a certificate")?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate().context("no key for a proof")?;
        let certificate = params.self_signed(&key).context("no certificate for a proof")?;
        let private = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        // Without rustls's own look at the certificate, which knows no critical extension such as this one.
        let certified = CertifiedKey::new(vec![certificate.der().clone()], ring::sign::any_supported_type(&private)?);
        self.certificates.write().insert(name.to_ascii_lowercase(), Arc::new(certified));
        Ok(())
    }

    /// Offers the proof of a name by HTTP-01.
    pub(crate) fn offer_text(&self, token: &str, authorization: &str) {
        self.texts.write().insert(token.to_owned(), authorization.to_owned());
    }

    /// Returns the text for a request by HTTP-01.
    pub(crate) fn text(&self, token: &str) -> Option<String> {
        self.texts.read().get(token).cloned()
    }

    /// Takes all proofs away.
    pub(crate) fn clear(&self) {
        self.certificates.write().clear();
        self.texts.write().clear();
    }
}

/// True if a handshake asks for a proof and for nothing else.
pub(crate) fn asks_for_proof(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut offered| offered.next() == Some(ACME_TLS) && offered.next().is_none())
}
