//! TLS by certificate files, reloaded after every change. A new connection gets the new certificate. Sessions resume
//! across the change: tickets do not depend on the certificate.

mod chain;
mod files;
mod x509;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, Result};
use parking_lot::RwLock;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, version};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use self::chain::{Chain, Unusable};
pub use self::x509::Validity;
use super::proofs::{ACME_TLS, Proofs, asks_for_proof};
use crate::clock::unix_seconds;
use crate::store::permissions;

/// A certificate chain and its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the relay's own certificate first.
    pub certificate: PathBuf,
    /// The key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
}

/// The certificate in use.
#[derive(Debug)]
pub struct Certificate {
    provider: Arc<CryptoProvider>,
    // Held for one handshake's lookup, or to put a renewed certificate in place. `None` until ACME has given the first.
    current: RwLock<Option<Arc<CertifiedKey>>>,
    /// The proofs that an authority asks for in a handshake of its own.
    proofs: Option<Arc<Proofs>>,
}

impl Certificate {
    /// Reads the files.
    ///
    /// # Errors
    /// Where a file cannot be read, or the files do not belong together.
    pub fn load(files: &CertificateFiles) -> Result<Arc<Self>> {
        let provider = Arc::new(ring::default_provider());
        let chain = read(files, &provider)?;
        warn(files, &chain);
        let current = RwLock::new(Some(Arc::new(chain.certified)));
        Ok(Arc::new(Self { provider, current, proofs: None }))
    }

    /// Returns a certificate that is still to come. Until then every handshake fails but an authority's, which gets its proof.
    pub fn to_come() -> Arc<Self> {
        let provider = Arc::new(ring::default_provider());
        Arc::new(Self { provider, current: RwLock::new(None), proofs: Some(Arc::default()) })
    }

    /// Checks that a chain and its key, both in PEM, belong together.
    ///
    /// # Errors
    /// Where one is unreadable, or the key is another one.
    pub(super) fn check(&self, chain: &str, key: &str) -> Result<()> {
        let chain = CertificateDer::pem_slice_iter(chain.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| anyhow::anyhow!("no certificates in PEM: {error}"))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes());
        let key = key.map_err(|error| anyhow::anyhow!("no private key in PEM: {error}"))?;
        chain::arrange(chain, &key, &self.provider).map(drop).context("chain and key are of no use")
    }

    /// Returns the proofs that an authority may ask for; `None` for a certificate by files.
    pub(super) fn proofs(&self) -> Option<Arc<Proofs>> {
        self.proofs.clone()
    }

    /// Reads the files again.
    ///
    /// # Errors
    /// As [`Self::load`]; the certificate in use is then the same as before.
    pub fn reload(&self, files: &CertificateFiles) -> Result<()> {
        let chain = read(files, &self.provider)?;
        if self.current.read().as_ref().is_none_or(|current| current.cert != chain.certified.cert) {
            warn(files, &chain);
        }
        *self.current.write() = Some(Arc::new(chain.certified));
        Ok(())
    }

    /// Returns the expiry of the relay's own certificate, seconds since 1970; 0 without one.
    pub fn expires(&self) -> u64 {
        let end = self.validity().and_then(|validity| validity.not_after.duration_since(SystemTime::UNIX_EPOCH).ok());
        end.map_or(0, |end| end.as_secs())
    }

    /// Returns the life of the relay's own certificate; `None` without one, or where it cannot be read.
    pub fn validity(&self) -> Option<Validity> {
        self.current.read().as_ref()?.cert.first().and_then(Validity::of)
    }

    /// Returns the configuration of a listener with this certificate.
    ///
    /// # Errors
    /// Where the system gives no randomness for the tickets' key.
    pub fn server_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>> {
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&version::TLS13, &version::TLS12])
            .context("TLS 1.2 and 1.3")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if self.proofs.is_some() {
            config.alpn_protocols.push(ACME_TLS.to_vec());
        }
        // Tickets keep the sessions at the other side: 50,000 agents at once cost neither memory nor a signature each.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.ticketer = ring::Ticketer::new().context("no key for session tickets")?;
        config.send_tls13_tickets = 1;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match &self.proofs {
            Some(proofs) if asks_for_proof(&hello) => proofs.certificate(&hello),
            _ => self.current.read().clone(),
        }
    }
}

fn read(files: &CertificateFiles, provider: &CryptoProvider) -> Result<Chain> {
    let certificates = files::certificates(&files.certificate)?;
    let key = files::private_key(&files.key)?;
    let (certificate_file, key_file) = (files.certificate.display(), files.key.display());
    chain::arrange(certificates, &key, provider).map_err(|why| match why {
        Unusable::Key => anyhow::anyhow!("{key_file}: {why}"),
        Unusable::Certificate => anyhow::anyhow!("{certificate_file}: {why}"),
        Unusable::Mismatch => anyhow::anyhow!("{certificate_file} and {key_file} do not belong together: {why}"),
    })
}

/// Warns of what others will not trust, and of a key that others may read.
fn warn(files: &CertificateFiles, chain: &Chain) {
    permissions::warn_if_open("the private key of TLS", &files.key);
    let file = files.certificate.display();
    for oddity in &chain.oddities {
        tracing::warn!(%file, "{oddity}");
    }
    let end = chain.certified.cert.first().and_then(x509::not_after);
    if end.is_some_and(|end| end <= unix_seconds(SystemTime::now()).cast_signed()) {
        tracing::warn!(%file, "the certificate has expired: renew it");
    }
}

/// Reads all certificates of a PEM file.
///
/// # Errors
/// Where the file cannot be read, or holds none; in words.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    files::certificates(path)
}
