//! The agent's trust as rustls client configurations, for the relay and for api-ssl alike: the built-in roots, a
//! CA file, or pinned keys. One TLS stack, ring's, named explicitly.

mod certificate;
mod fault;
mod pin;
pub(crate) mod survey;
mod verifier;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, KeyProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::SigningKey;
use rustls::{ClientConfig, RootCertStore};

pub use fault::{Peer, explain};
pub(crate) use fault::{explain_obstacle, is_unexplained};
pub use pin::{Pin, PinMismatch};
pub use verifier::OldVersion;

use verifier::Verifier;

/// Whom to trust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// Mozilla's roots, built in: a container has no file of them.
    WebRoots,
    /// The certificates (PEM) in a file, and nobody else.
    CaFile(PathBuf),
    /// The holder of one of these keys, whatever name and dates the certificate shows.
    Pins(Vec<Pin>),
}

/// Why no TLS configuration can be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The CA file cannot be read, or is not PEM.
    #[error("CA file {} is not readable: {source}; is it mounted into the container?", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: pem::Error,
    },
    /// The CA file holds no usable certificate.
    #[error("CA file {} holds no usable certificate: it must be PEM, with BEGIN CERTIFICATE", .0.display())]
    NoCertificate(PathBuf),
    /// The host is neither a DNS name nor an IP address.
    #[error("{0} is neither a DNS name nor an IP address, so no certificate can name it: correct the address")]
    ServerName(String),
    /// rustls refuses the configuration.
    #[error("TLS cannot be set up: {0}; look at the CA file and the pins")]
    Rustls(#[from] rustls::Error),
}

/// Makes a client configuration. The work is large: make one, then share the `Arc`.
///
/// # Errors
/// [`TlsError`], when a CA file is not usable.
pub fn client_config(trust: &Trust) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = Arc::new(provider());
    let verifier = match trust {
        Trust::WebRoots => {
            let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
            Verifier::of_issuers(roots, &provider)?
        }
        Trust::CaFile(path) => Verifier::of_issuers(read_roots(path)?, &provider)?,
        Trust::Pins(pins) => Verifier::of_pins(pins.clone(), &provider),
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()))
}

/// Returns the name for the certificate and, unless an address, for SNI.
///
/// # Errors
/// [`TlsError::ServerName`].
pub fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    ServerName::try_from(host.to_owned()).map_err(|_| TlsError::ServerName(host.to_owned()))
}

/// Returns ring without signing: the agent shows no certificate, and the code for one would be the largest unused
/// part.
fn provider() -> CryptoProvider {
    CryptoProvider { key_provider: &NoKeys, ..ring::default_provider() }
}

/// Loads no private keys.
#[derive(Debug)]
struct NoKeys;

impl KeyProvider for NoKeys {
    fn load_private_key(&self, _key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, rustls::Error> {
        Err(rustls::Error::General("this program has no keys of its own".to_owned()))
    }
}

fn read_roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let unreadable = |source| TlsError::CaFile { path: path.to_owned(), source };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        // A bundle may hold old certificates of no use to rustls; the usable ones count.
        let _ = roots.add(certificate.map_err(unreadable)?);
    }
    if roots.is_empty() { Err(TlsError::NoCertificate(path.to_owned())) } else { Ok(roots) }
}

#[cfg(test)]
pub(crate) mod tests;
